"""Counting: how many tokens a text has, as fast as its words repeat.

A text is cut at each single space between two characters that are no white space. Neither kind of tokenizer ever
makes one token of both sides of such a cut, so the tokens of the words add up to those of the text, and a word that
was counted once need not be counted again. Each kind is checked for it when it is loaded (`of_pieces`, `of_pattern`),
and any text that cannot be cut so is counted whole.
"""

from collections.abc import Callable, Sequence

FAMILIES = ("v1", "v2", "v3", "v7", "tekken", "starter")  # what `engine.tokens` loads
MOST = 400_000  # words remembered; some 40 MB

# The one regular expression of Mistral's tekken tokenizers. In none of its branches does white space follow what is no
# white space and no line end, so no match spans the left side of a lone space and the space itself.
PATTERN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


class Counter:
    """Tokens of texts. `whole` counts several texts; `space` is what stands before each word but the first."""

    def __init__(self, whole: Callable[[Sequence[str]], list[int]], space: str, safe: bool) -> None:
        self._whole, self._space, self._safe = whole, space, safe
        self._firsts: dict[str, int] = {}
        # sentencepiece writes a space before the first word too, so that it is a word like any other
        self._others: dict[str, int] = {} if space else self._firsts

    def count(self, text: str) -> int:
        first, *others = text.split(" ")
        try:
            return self._firsts[first] + sum(map(self._others.__getitem__, others))
        except KeyError:
            return self._counted(text, first, others)

    def _make_room(self) -> None:
        if len(self._firsts) + len(self._others) > MOST:
            self._firsts.clear()
            self._others.clear()

    def _counted(self, text: str, first: str, others: list[str]) -> int:
        """A text with words that are new, or with such as cannot be counted alone (which are never remembered)."""
        self._make_room()
        new = [word for word in others if word not in self._others]
        if not self._safe or not all(map(_stands_alone, new)) or not _stands_alone(first):
            return self._whole([text])[0]
        if first not in self._firsts:
            self._firsts[first] = self._whole([first])[0]
        if new:
            self._others.update(zip(new, self._whole([self._space + word for word in new]), strict=True))
        try:
            return self._firsts[first] + sum(map(self._others.__getitem__, others))
        except KeyError:  # another thread has cleared them meanwhile
            return self._whole([text])[0]


def _stands_alone(word: str) -> bool:
    """Whether the spaces around it are lone ones, beside no other white space. ▁ is how sentencepiece writes one."""
    return word != "" and not word[0].isspace() and not word[-1].isspace() and "▁" not in word


def of_pieces(pieces: Sequence[str]) -> bool:
    """Whether no piece of a sentencepiece vocabulary holds a space (written ▁) behind something else."""
    return not any("▁" in piece.lstrip("▁") for piece in pieces)


def of_pattern(pattern: str) -> bool:
    """Whether a tiktoken vocabulary cuts texts by the pattern for which the cut was thought through."""
    return pattern == PATTERN

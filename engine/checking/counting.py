"""Counting: how many tokens a text has, as fast as its words repeat.

A text is cut at each single space between two characters that are no white space. Neither kind of tokenizer ever
makes one token of both sides of such a cut, so the tokens of the words add up to those of the text, and a word that
was counted once need not be counted again. Each kind is checked for it when it is loaded (`of_pieces`, `of_pattern`),
and any text that cannot be cut so is counted whole.
"""

from collections.abc import Callable, Sequence

FAMILIES = ("v1", "v2", "v3", "v7", "tekken", "starter")  # what `engine.checking.tokens` loads
MOST = 300_000  # words remembered of each kind; some 40 MB
LONGEST = 60  # letters of a word that is remembered; texts of some languages have no spaces

# The one regular expression of Mistral's tekken tokenizers. In none of its branches does white space follow what is no
# white space and no line end, so no match spans the left side of a lone space and the space itself.
PATTERN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


class _Words(dict[str, int]):
    """The tokens of words, each counted when it is first asked for. `space` is what stands before each."""

    def __init__(self, whole: Callable[[str], int], space: str) -> None:
        super().__init__()
        self._whole, self._space = whole, space

    def __missing__(self, word: str) -> int:
        if not _stands_alone(word):
            raise _NotAlone
        if len(self) >= MOST:
            self.clear()
        tokens = self._whole(self._space + word)
        if len(word) <= LONGEST:
            self[word] = tokens
        return tokens


class _NotAlone(Exception):
    """A word beside other white space than lone spaces: its text has to be counted whole."""


class Counter:
    """Tokens of texts. `whole` counts a text; `space` is what stands before each word but the first."""

    def __init__(self, whole: Callable[[str], int], space: str, safe: bool) -> None:
        self._whole, self._safe = whole, safe
        firsts = _Words(whole, "")
        # sentencepiece writes a space before the first word too, so that it is a word like any other
        self._first, self._other = firsts.__getitem__, (_Words(whole, space) if space else firsts).__getitem__

    def count(self, text: str) -> int:
        if not self._safe:
            return self._whole(text)
        first, *others = text.split(" ")
        try:
            return self._first(first) + sum(map(self._other, others))
        except _NotAlone:
            return self._whole(text)


def _stands_alone(word: str) -> bool:
    """Whether the spaces around it are lone ones, beside no other white space. ▁ is how sentencepiece writes one."""
    return word != "" and not word[0].isspace() and not word[-1].isspace() and "▁" not in word


def of_pieces(pieces: Sequence[str]) -> bool:
    """Whether no piece of a sentencepiece vocabulary holds a space (written ▁) behind something else."""
    return not any("▁" in piece.lstrip("▁") for piece in pieces)


def of_pattern(pattern: str) -> bool:
    """Whether a tiktoken vocabulary cuts texts by the pattern for which the cut was thought through."""
    return pattern == PATTERN

"""Nearness: texts that say the same, word for word or nearly, and texts that stand whole in others.

`near` and `across` propose by sketches (`quality.sketches`) and judge every pair by its words, so a score is exact. Two
texts that differ in a fact (a number, a date, a name, a "not") or in the slot of a template are no duplicates, however
alike they look; with `templates` they are told too, as what they are. Words are compared, not meanings.
"""

import calendar
import re
import unicodedata
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from engine.quality import sketches
from engine.quality.bags import Bags, Counts, Ints, bagged
from engine.scoring.wording import SMALL, TENS

THRESHOLD = 0.8
FAMILY = 0.6  # texts that share so many words are look-alikes
FURTHER = 3  # and of these, those at most so many times as far
FILLERS = 3  # a word that so many look-alikes of a text lack fills the slot of a template
PIECE = 5  # words in a row by which one text is looked for in another
NAMES = 0.15  # where more words than this are capitalised within sentences (German), a capital says nothing

WORD = re.compile(r"\d+(?:[.,:/]\d+)+|[^\W_]+")
APOSTROPHES = re.compile(r"(?<=\w)['’`´](?=\w)")
INNER_CAPITAL = re.compile(r"(?<=[\w,;] )[A-ZÄÖÜÉÈÅØ][\w'’-]+")  # "I" is no name
DAYS = {name.lower() for names in (calendar.month_name, calendar.day_name) for name in names if name}
DENIALS = set("not no never nicht kein keine keinen nie pas non cannot cant dont wont isnt without ohne".split())
FACTS = set(SMALL) | set(TENS) | DAYS | DENIALS

Kind = Literal["exact", "near", "template", "contained"]
Progress = Callable[[int, int], None]
Marks = npt.NDArray[np.bool_]
Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Near:
    """Two texts by position. `score`: the share of their words that they have in common, counted (Dice).

    exact: the same words in the same order. near: `score` reaches the threshold. template: the same frame around other
    facts. contained: the score is the share of the first that stands in the second.
    """

    first: int
    second: int
    score: float
    kind: Kind


def words(text: str) -> list[str]:
    """The words of a text without case, punctuation and spacing; a text of signs alone is one word."""
    folded = APOSTROPHES.sub("", unicodedata.normalize("NFKC", text)).casefold()
    return WORD.findall(folded) or ([folded.strip()] if folded.strip() else [])


def normal(text: str) -> str:
    """What two texts share when they are the same but for case, punctuation and spacing."""
    return " ".join(words(text))


def alike(first: str, second: str) -> float:
    """The share of words in common (Dice over counted words); two texts without words are alike."""
    return _dice(Counter(words(first)), Counter(words(second)))


def near(
    texts: Sequence[str],
    threshold: float = THRESHOLD,
    *,
    templates: bool = False,
    progress: Progress = lambda done, of: None,
) -> list[Near]:
    """Pairs of `texts` that say the same, best first.

    Of texts that are exactly the same each is paired with the first alone, and only that one with its near ones. In a
    crowd of hundreds of look-alikes each is paired with some of its nearest, enough to hang together.
    """
    copies = _copies(texts)
    single = list(copies)
    found = [
        Near(copies[single[pair.first]][0], copies[single[pair.second]][0], pair.score, pair.kind)
        for pair in _pairs(single, threshold, templates, progress, lambda first, second: first >= 0)
    ]
    found += [Near(first, at, 1.0, "exact") for first, *others in copies.values() for at in others]
    return sorted(found, key=lambda pair: (-pair.score, pair.first, pair.second))


def across(
    left: Sequence[str], right: Sequence[str], threshold: float = THRESHOLD, *, templates: bool = False
) -> list[Near]:
    """The same between two lists: `first` is a position in `left`, `second` in `right`.

    Every text that has a counterpart is told at least once. A text of the left that stands in a longer one of the
    right is told as contained.
    """
    ours, theirs = _copies(left), _copies(right)
    one, two = list(ours), list(theirs)
    n = len(one)
    told: dict[tuple[int, int], Near] = {}
    for pair in _pairs([*one, *two], threshold, templates, lambda d, o: None, lambda a, b: (a < n) & (n <= b)):
        same, other = ours[one[pair.first]], theirs[two[pair.second - n]]
        for first, second in [*((at, other[0]) for at in same), *((same[0], at) for at in other)]:
            told[first, second] = Near(first, second, pair.score, pair.kind)
    for pair in contained(left, right, threshold):
        told.setdefault((pair.first, pair.second), pair)
    return sorted(told.values(), key=lambda pair: (-pair.score, pair.first, pair.second))


def _copies(texts: Sequence[str]) -> dict[str, list[int]]:
    """Where each text stands that says something and is not another's exact copy, by that text."""
    seen: dict[str, str] = {}
    found: dict[str, list[int]] = defaultdict(list)
    for at, text in enumerate(texts):
        if said := normal(text):
            found[seen.setdefault(said, text)].append(at)
    return found


def contained(parts: Sequence[str], wholes: Sequence[str], threshold: float = THRESHOLD) -> list[Near]:
    """Which `parts` of at least five words stand in which `wholes`, nearly word for word."""
    wanted: dict[int, list[int]] = defaultdict(list)
    sizes = []
    for number, text in enumerate(parts):
        pieces = _pieces(words(text))
        sizes.append(len(pieces))
        for piece in pieces:
            wanted[piece].append(number)
    found = []
    for place, text in enumerate(wholes):
        hits = Counter(number for piece in _pieces(words(text)) for number in wanted.get(piece, ()))
        found += [
            Near(number, place, hit / sizes[number], "contained")
            for number, hit in hits.items()
            if hit / sizes[number] >= threshold
        ]
    return sorted(found, key=lambda pair: (-pair.score, pair.first, pair.second))


def judged(texts: Sequence[str], pairs: Sequence[tuple[int, int]], threshold: float = THRESHOLD) -> list[Near]:
    """The proposed `pairs` of texts (by whatever means) that reach the threshold, each with its kind."""
    places, numbers = np.unique(np.array(pairs, dtype=np.int64).reshape(-1, 2), return_inverse=True)
    some, (first, second) = [texts[at] for at in places], numbers.reshape(-1, 2).T
    bags = bagged(some, words)
    compared = _compared(bags, _facts(bags), first, second, True)
    found = _judged(some, bags, compared, threshold, True, _names_show(texts))
    return [Near(int(places[pair.first]), int(places[pair.second]), pair.score, pair.kind) for pair in found]


def clusters(n: int, pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Positions 0..n-1 that hang together by `pairs`, each cluster of two or more in order, by its first."""
    above = list(range(n))

    def top(at: int) -> int:
        while above[at] != at:
            above[at] = above[above[at]]
            at = above[at]
        return at

    for first, second in pairs:
        one, two = top(first), top(second)
        above[max(one, two)] = min(one, two)
    found: dict[int, list[int]] = defaultdict(list)
    for at in range(n):
        found[top(at)].append(at)
    return [members for members in found.values() if len(members) > 1]


def _pairs(
    texts: Sequence[str],
    threshold: float,
    templates: bool,
    progress: Progress,
    wanted: Callable[[Ints, Ints], Marks],
) -> list[Near]:
    assert 0 < threshold <= 1, f"threshold {threshold} is not a share"
    bags = bagged(texts, words)
    facts = _facts(bags)
    progress(1, 4)
    blocks = np.zeros(len(texts), dtype=np.uint64) if templates else _facts_keys(bags, facts)
    progress(2, 4)
    # each word as a number that belongs to it; for templates, all facts as one
    numbers = (np.where(facts[bags.flat], 0, bags.flat + 1) if templates else bags.flat + 1).astype(np.uint64)
    signatures = sketches.sketch(numbers, bags.starts)
    # words and pairs of words together share less than words alone: the estimate only sorts out the hopeless
    proposed = sketches.candidates(signatures, blocks, least=max(0.05, 0.5 * threshold - 0.1))
    progress(3, 4)
    first, second = proposed[wanted(proposed[:, 0], proposed[:, 1])].T
    compared = _compared(bags, facts, first, second, templates)
    found = _judged(texts, bags, compared, threshold, templates, _names_show(texts))
    progress(4, 4)
    return found


@dataclass(frozen=True)
class _Compared:
    """Pairs of texts: the share of words in common of each, and whether a fact stands in one alone."""

    first: Ints
    second: Ints
    score: Scores
    facts: Marks

    def __getitem__(self, which: Marks | slice) -> "_Compared":
        return _Compared(self.first[which], self.second[which], self.score[which], self.facts[which])


def _compared(bags: Bags, facts: Marks, first: Ints, second: Ints, templates: bool) -> _Compared:
    shared = np.zeros(len(first), dtype=np.int64)
    facts_shared = np.zeros(len(first), dtype=np.int64)
    for part in bags.portions(first, second):
        common = bags.common(first[part], second[part])
        shared[part] = common.sum(axis=1)
        facts_shared[part] = common @ facts.astype(np.int64)
    stated = bags.how_many(facts)
    gone, come = stated[first] - facts_shared, stated[second] - facts_shared
    if templates:  # in a template one number stands for another
        shared += np.minimum(gone, come)
    size = bags.sizes[first] + bags.sizes[second]
    score = np.where(size > 0, 2 * shared / np.maximum(size, 1), 1.0)
    return _Compared(first, second, score, (gone > 0) | (come > 0))


def _judged(
    texts: Sequence[str], bags: Bags, pairs: _Compared, threshold: float, templates: bool, names: bool
) -> list[Near]:
    """The pairs that reach the threshold, each with its kind; with `names`, another name is another fact."""
    reached = pairs.score >= threshold
    template = pairs.facts | _slots(bags, pairs, reached & ~pairs.facts)
    met = reached if templates else reached & ~template
    pairs, template = pairs[met], template[met]
    if names:
        template |= _named(texts, bags, pairs, ~template)
    found = []
    for first, second, score, other in zip(
        pairs.first.tolist(), pairs.second.tolist(), pairs.score.tolist(), template.tolist(), strict=True
    ):
        if other and not templates:
            continue
        kind: Kind = "template" if other else "exact" if score == 1 and bags.the_same(first, second) else "near"
        found.append(Near(first, second, score, kind))
    return found


def _slots(bags: Bags, pairs: _Compared, asked: Marks) -> Marks:
    """Of each pair that is `asked` about, whether on both sides a changed word fills the slot of a template."""
    held = np.unique([pairs.first[asked], pairs.second[asked]])
    looked = asked | (pairs.score >= FAMILY) & ~pairs.facts
    looked &= np.isin(pairs.first, held) | np.isin(pairs.second, held)
    places, pairs, asked = np.flatnonzero(looked), pairs[looked], asked[looked]
    fills = np.zeros((2, len(places)), dtype=bool)
    # each pair from both of its sides, by the text of that side
    text = np.concatenate([pairs.first, pairs.second])
    order = np.argsort(text, kind="stable")
    text, other = text[order], np.concatenate([pairs.second, pairs.first])[order]
    for part in bags.portions(text, other, whole=text):
        side, pair = np.divmod(order[part], len(places))
        lacking = bags.lacking(text[part], other[part])
        fills[side, pair] = _fills(lacking, text[part], pairs.score[pair], asked[pair])
    found = np.zeros(len(looked), dtype=bool)
    found[places] = fills[0] & fills[1]
    return found


def _fills(lacking: Counts, text: Ints, score: Scores, asked: Marks) -> Marks:
    """Of each pair (a row of `lacking`), whether one of the words that the other text lacks fills a slot in this one.

    Such a word is lacking in most texts about as near. A word that was changed within a template, or in a text without
    look-alikes, is lacking in one alone.
    """
    rows = np.repeat(np.arange(len(text)), np.diff(lacking.indptr))
    _, words_of = np.unique(text[rows] * lacking.shape[1] + lacking.indices, return_inverse=True)  # a word of a text
    scores, rank = np.unique(score, return_inverse=True)
    steps = len(scores) + 1
    family = score[rows] >= FAMILY
    entries = np.sort(words_of[family] * steps + rank[rows[family]])  # by word of a text, from far to near
    questions = asked[rows]
    rows, words_of = rows[questions], words_of[questions]
    least = np.searchsorted(scores, 1 - FURTHER * (1 - score))[rows]
    held = np.searchsorted(entries, (words_of + 1) * steps) - np.searchsorted(entries, words_of * steps + least)
    found = np.zeros(len(text), dtype=bool)
    found[rows[held >= FILLERS]] = True
    return found


def _named(texts: Sequence[str], bags: Bags, pairs: _Compared, asked: Marks) -> Marks:
    """Of each pair that is `asked` about, whether each of its texts has a name that the other lacks."""
    found = np.zeros(len(pairs.score), dtype=bool)
    places, pairs = np.flatnonzero(asked), pairs[asked]
    names = bags.marked({int(at): _names(texts[at]) for at in np.unique([pairs.first, pairs.second])})
    for part in bags.portions(pairs.first, pairs.second):
        one, two = pairs.first[part], pairs.second[part]
        gone = bags.lacking(one, two).multiply(names[one]).sum(axis=1)
        come = bags.lacking(two, one).multiply(names[two]).sum(axis=1)
        found[places[part]] = (gone > 0) & (come > 0)
    return found


def _dice(one: Counter[str], two: Counter[str]) -> float:
    size = one.total() + two.total()
    return 2 * (one & two).total() / size if size else 1.0


def _is_fact(word: str) -> bool:
    return word in FACTS or any(sign.isdigit() for sign in word)


def _facts(bags: Bags) -> Marks:
    return np.array([_is_fact(word) for word in bags.vocabulary], dtype=bool)


def _facts_keys(bags: Bags, facts: Marks) -> sketches.Keys:
    """A number for each text that only texts with the same facts share."""
    ends = np.concatenate([[0], np.cumsum(facts[bags.flat])])[bags.starts]
    said = [bags.vocabulary[word] for word in bags.flat[facts[bags.flat]].tolist()]
    keys = [
        zlib.crc32(" ".join(sorted(said[start:end])).encode())
        for start, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)
    ]
    return np.array(keys, dtype=np.uint64)


def _pieces(said: list[str]) -> set[int]:
    return {hash(tuple(said[at : at + PIECE])) for at in range(len(said) - PIECE + 1)}


def _names_show(texts: Sequence[str]) -> bool:
    """Whether a capital within a sentence marks a name here, from the first thousands of texts."""
    sample = texts[:2000]
    capitals = sum(len(INNER_CAPITAL.findall(text)) for text in sample)
    return capitals <= NAMES * max(1, sum(text.count(" ") for text in sample))


def _names(text: str) -> set[str]:
    return {word for found in INNER_CAPITAL.findall(text) for word in words(found)}

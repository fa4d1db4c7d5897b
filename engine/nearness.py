"""Nearness: texts that say the same, word for word or nearly, and texts that stand whole in others.

`near` and `across` propose by sketches (`engine.sketches`) and judge every pair by its words, so a score is exact. Two
texts that differ in a fact (a number, a date, a name, a "not") or in the slot of a template are no duplicates, however
alike they look; with `templates` they are told too, as what they are. Words are compared, not meanings.
"""

import calendar
import re
import unicodedata
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from engine import sketches
from engine.wording import SMALL, TENS

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
Split = Mapping[int, list[str]]  # position -> its words
Lacking = dict[int, list[tuple[float, frozenset[str]]]]  # position -> of each look-alike: score, words that it lacks


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
        for pair in _pairs(single, threshold, templates, progress, lambda first, second: True)
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
    for pair in _pairs([*one, *two], threshold, templates, lambda d, o: None, lambda a, b: a < n <= b):
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
    return _judged(texts, {at: words(texts[at]) for pair in pairs for at in pair}, pairs, threshold, True)


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
    wanted: Callable[[int, int], bool],
) -> list[Near]:
    assert 0 < threshold <= 1, f"threshold {threshold} is not a share"
    split = [words(text) for text in texts]
    progress(1, 4)
    blocks = np.array([0 if templates else _facts_key(said) for said in split], dtype=np.uint64)
    progress(2, 4)
    signatures = sketches.sketch(_numbers(split, masked=templates))
    # words and pairs of words together share less than words alone: the estimate only sorts out the hopeless
    proposed = sketches.candidates(signatures, blocks, least=max(0.05, 0.5 * threshold - 0.1))
    progress(3, 4)
    kept = [(one, two) for one, two in proposed.tolist() if wanted(one, two)]
    found = _judged(texts, dict(enumerate(split)), kept, threshold, templates)
    progress(4, 4)
    return found


@dataclass(frozen=True)
class _Met:
    """Two texts that reach the threshold: what they have in common, and the words that only one of them has."""

    first: int
    second: int
    score: float
    gone: frozenset[str]
    come: frozenset[str]
    facts: bool


def _judged(
    texts: Sequence[str], split: Split, pairs: Sequence[tuple[int, int]], threshold: float, templates: bool
) -> list[Near]:
    """The pairs that reach the threshold, each with its kind."""
    counted: dict[int, Counter[str]] = {}
    lacking: Lacking = defaultdict(list)
    met = []
    for first, second in pairs:
        one, two = (counted.setdefault(at, Counter(split[at])) for at in (first, second))
        pair = _compared(first, second, one, two, templates)
        if pair.score >= FAMILY and not pair.facts:
            lacking[first].append((pair.score, pair.gone))
            lacking[second].append((pair.score, pair.come))
        if pair.score >= threshold and (templates or not pair.facts):
            met.append(pair)
    names = _names_show(texts)
    found = []
    for pair in met:
        named = names and _named(texts[pair.first], pair.gone) and _named(texts[pair.second], pair.come)
        kind: Kind = "exact" if split[pair.first] == split[pair.second] else "near"
        slot = _fills(lacking[pair.first], pair.gone, pair.score) and _fills(
            lacking[pair.second], pair.come, pair.score
        )
        if pair.facts or named or slot:
            kind = "template"
        if templates or kind != "template":
            found.append(Near(pair.first, pair.second, pair.score, kind))
    return found


def _fills(lacking: list[tuple[float, frozenset[str]]], changed: frozenset[str], score: float) -> bool:
    """Whether one of the changed words fills the slot of a template: it is lacking in most texts about as near.

    A word that was changed within a template, or in a text without look-alikes, is lacking in one alone.
    """
    least = 1 - FURTHER * (1 - score)
    near_ones = [gone for other, gone in lacking if other >= least]
    return any(sum(word in gone for gone in near_ones) >= FILLERS for word in changed)


def _compared(first: int, second: int, one: Counter[str], two: Counter[str], templates: bool) -> _Met:
    common = one & two
    gone, come = one - common, two - common
    facts = [sum(n for word, n in rest.items() if _is_fact(word)) for rest in (gone, come)]
    shared = common.total() + (min(facts) if templates else 0)  # in a template one number stands for another
    score = 2 * shared / (one.total() + two.total())
    return _Met(first, second, score, frozenset(gone), frozenset(come), any(facts))


def _dice(one: Counter[str], two: Counter[str]) -> float:
    size = one.total() + two.total()
    return 2 * (one & two).total() / size if size else 1.0


def _is_fact(word: str) -> bool:
    return word in FACTS or any(sign.isdigit() for sign in word)


def _facts_key(said: list[str]) -> int:
    return zlib.crc32(" ".join(sorted(filter(_is_fact, said))).encode())


def _numbers(lists: list[list[str]], masked: bool) -> list[npt.NDArray[np.uint64]]:
    """Each word as a number that belongs to it; with `masked`, all facts as one."""
    known: dict[str, int] = {}
    found = []
    for said in lists:
        numbers = [known.setdefault("#" if masked and _is_fact(word) else word, len(known) + 1) for word in said]
        found.append(np.array(numbers, dtype=np.uint64))
    return found


def _pieces(said: list[str]) -> set[int]:
    return {hash(tuple(said[at : at + PIECE])) for at in range(len(said) - PIECE + 1)}


def _names_show(texts: Sequence[str]) -> bool:
    """Whether a capital within a sentence marks a name here, from the first thousands of texts."""
    sample = texts[:2000]
    capitals = sum(len(INNER_CAPITAL.findall(text)) for text in sample)
    return capitals <= NAMES * max(1, sum(text.count(" ") for text in sample))


def _named(text: str, changed: frozenset[str]) -> bool:
    """Whether a name is among the changed words of this text."""
    names = {word for found in INNER_CAPITAL.findall(text) for word in words(found)}
    return not changed.isdisjoint(names)

"""Bags: texts as counted words, in arrays, so that millions of pairs are compared without a Python object each.

It counts what two texts have in common. What that means is `engine.quality.nearness`'s to say.
"""

from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

PORTION = 4_000_000  # words, of both texts of each pair, that are laid side by side at once: some 100 MB

Ints = npt.NDArray[np.int64]
Counts = Any  # a scipy.sparse.csr_array of int32: a row a text, a column a word


@dataclass(frozen=True)
class Bags:
    """n texts over v words. The words of text i, in order, are `flat[starts[i] : starts[i + 1]]`."""

    vocabulary: list[str]
    flat: npt.NDArray[np.int32]
    starts: Ints
    counts: Counts

    @property
    def sizes(self) -> Ints:
        """How many words each text has, (n,)."""
        return np.diff(self.starts)

    def how_many(self, which: npt.NDArray[np.bool_]) -> Ints:
        """How many words of each text are among `which` of the vocabulary, (n,)."""
        return np.asarray(self.counts @ which.astype(np.int64))

    def the_same(self, first: int, second: int) -> bool:
        """Whether two texts have the same words in the same order."""
        one, two = (self.flat[self.starts[at] : self.starts[at + 1]] for at in (first, second))
        return np.array_equal(one, two)

    def common(self, first: Ints, second: Ints) -> Counts:
        """The words that each pair has in common, counted, (pairs, v)."""
        return self.counts[first].minimum(self.counts[second])

    def lacking(self, first: Ints, second: Ints) -> Counts:
        """The words of each `first` that its `second` lacks, counted, (pairs, v)."""
        return self.counts[first] - self.common(first, second)

    def marked(self, said: Mapping[int, Collection[str]]) -> Counts:
        """Of some texts a few of their words, by position: a 1 for each, (n, v)."""
        known = {word: number for number, word in enumerate(self.vocabulary)}
        marks = [(at, known[word]) for at, words in said.items() for word in words if word in known]
        rows, columns = np.array(marks, dtype=np.int64).reshape(-1, 2).T
        ones = np.ones(len(marks), dtype=np.int32)
        return sparse.csr_array((ones, (rows, columns)), shape=self.counts.shape)

    def portions(self, first: Ints, second: Ints, whole: Ints | None = None) -> Iterator[slice]:
        """The pairs in slices that fit into memory; neighbours with the same number in `whole` stay together."""
        reach = np.cumsum(self.sizes[first] + self.sizes[second])
        begun = 0
        while begun < len(first):
            done = int(reach[begun - 1]) if begun else 0
            end = max(begun + 1, int(np.searchsorted(reach, done + PORTION, side="right")))
            if whole is not None:
                end = int(np.searchsorted(whole, whole[end - 1], side="right"))
            yield slice(begun, end)
            begun = end


def bagged(texts: Iterable[str], words: Callable[[str], list[str]]) -> Bags:
    """The texts as bags, one after the other: of their words only numbers are kept, and each word once."""
    known: dict[str, int] = {}
    flat, ends = array("i"), array("q", [0])
    for text in texts:
        flat.extend([known.setdefault(word, len(known)) for word in words(text)])
        ends.append(len(flat))
    numbers, starts = np.array(flat, dtype=np.int32), np.array(ends, dtype=np.int64)
    ones = np.ones(len(numbers), dtype=np.int32)
    counts = sparse.csr_array((ones, numbers.copy(), starts.copy()), shape=(len(starts) - 1, len(known)))
    counts.sum_duplicates()  # in place, so the arrays are its own
    return Bags(list(known), numbers, starts, counts)

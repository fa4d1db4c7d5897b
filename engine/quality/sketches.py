"""Sketches: which of many texts may be alike, found without comparing each with each.

MinHash (Broder 1997) over single words and pairs of neighbours, cut into bands (locality-sensitive hashing, Leskovec,
Rajaraman and Ullman, Mining of Massive Datasets, chapter 3). It proposes pairs, `engine.quality.nearness` judges them.
"""

import numpy as np
import numpy.typing as npt
from rensa import RMinHash

PERMUTATIONS, BANDS = 128, 32  # a pair that shares two thirds of its words and pairs of words meets with 99.9 %
ROWS = PERMUTATIONS // BANDS
LOOK = 8  # in a crowd each text meets its next neighbours only, ordered by further bands, so those most alike
PART = 5_000  # texts sketched at once: the library hands out Python numbers, which are large
MANY = 4_000_000  # pairs that wait to be made distinct, at least

Keys = npt.NDArray[np.uint64]
Pairs = npt.NDArray[np.int64]


def sketch(words: Keys, starts: Pairs) -> npt.NDArray[np.uint32]:
    """MinHash signatures, (n, 128), of n texts given as numbers of their words, one text after the other.

    The words of text i are `words[starts[i] : starts[i + 1]]`.
    """
    n = len(starts) - 1
    found = np.empty((n, PERMUTATIONS), dtype=np.uint32)
    for begun in range(0, n, PART):
        ends = starts[begun : begun + PART + 1]
        flat, offsets = _shingles(words[ends[0] : ends[-1]], ends - ends[0])
        made = RMinHash.digest_matrix_from_flat_token_hashes(flat, offsets, PERMUTATIONS, 42)
        found[begun : begun + PART] = made.to_rows()
    return found


def candidates(signatures: npt.NDArray[np.uint32], blocks: Keys, least: float) -> Pairs:
    """Pairs (n, 2) of positions, first < second, that share a band and a block and are estimated alike by `least`.

    Texts of different `blocks` (one number a text) never meet.
    """
    n = len(signatures)
    if n < 2:
        return np.empty((0, 2), dtype=np.int64)
    keys = [_mix(_band(signatures, band), blocks) for band in range(BANDS)]
    met, fresh = np.empty(0, dtype=np.int64), []
    for band in range(BANDS):
        order = np.lexsort((keys[(band + 2) % BANDS], keys[(band + 1) % BANDS], keys[band]))
        sorted_keys = keys[band][order]
        for step in range(1, min(LOOK, n - 1) + 1):
            at = np.flatnonzero(sorted_keys[step:] == sorted_keys[:-step])
            if not len(at):
                break
            one, two = order[at], order[at + step]
            fresh.append(np.minimum(one, two) * n + np.maximum(one, two))
        if band == BANDS - 1 or sum(map(len, fresh)) > max(MANY, len(met)):
            met, fresh = _distinct([met, *fresh]), []
    first, second = met // n, met % n
    alike = np.empty(len(met), dtype=np.float32)
    for start in range(0, len(met), PART):
        part = slice(start, start + PART)
        alike[part] = (signatures[first[part]] == signatures[second[part]]).mean(axis=1)
    return np.column_stack([first, second])[alike >= least]


def _distinct(numbers: list[Pairs]) -> Pairs:
    both = np.sort(np.concatenate(numbers))  # numpy's own union hashes, which takes five times as long
    return both[np.diff(both, prepend=-1) > 0]


def _shingles(words: Keys, starts: Pairs) -> tuple[Keys, Keys]:
    """Words and pairs of neighbours of each text as numbers, and where each text starts among them."""
    shingles = np.empty((len(words), 2), dtype=np.uint64)
    shingles[:, 0] = _mix(words, words)
    shingles[:-1, 1] = _mix(words[:-1], words[1:] + np.uint64(1))
    kept = np.ones(shingles.shape, dtype=bool)
    lasts = starts[1:][np.diff(starts) > 0] - 1
    kept[lasts, 1] = False  # the last word of a text has no neighbour
    offsets = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])[starts]
    return shingles[kept], offsets.astype(np.uint64)


def _band(signatures: npt.NDArray[np.uint32], band: int) -> Keys:
    key = np.zeros(len(signatures), dtype=np.uint64)
    for column in range(band * ROWS, (band + 1) * ROWS):
        key = _mix(key, signatures[:, column].astype(np.uint64))
    return key


def _mix(left: Keys, right: Keys) -> Keys:
    """Two numbers as one that looks random (the finaliser of SplitMix64); wraps around on purpose."""
    mixed = left * np.uint64(0x9E3779B97F4A7C15) + right + np.uint64(0x632BE59BD9B4E019)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))

"""Sketches: which of many texts may be alike, found without comparing each with each.

MinHash (Broder 1997) over single words and pairs of neighbours, cut into bands (locality-sensitive hashing, Leskovec,
Rajaraman and Ullman, Mining of Massive Datasets, chapter 3). It proposes pairs, `engine.nearness` judges them.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from rensa import RMinHash

PERMUTATIONS, BANDS = 128, 32  # a pair that shares two thirds of its words and pairs of words meets with 99.9 %
ROWS = PERMUTATIONS // BANDS
LOOK = 8  # in a crowd each text meets its next neighbours only, ordered by further bands, so those most alike
PART = 20_000  # texts sketched at once: the library hands out Python numbers, which are large

Keys = npt.NDArray[np.uint64]
Pairs = npt.NDArray[np.int64]


def sketch(texts: Sequence[npt.NDArray[np.uint64]]) -> npt.NDArray[np.uint32]:
    """MinHash signatures, (texts, 128), of texts given as numbers of their words in order."""
    found = np.empty((len(texts), PERMUTATIONS), dtype=np.uint32)
    for start in range(0, len(texts), PART):
        shingled = [_shingles(words) for words in texts[start : start + PART]]
        offsets = np.zeros(len(shingled) + 1, dtype=np.uint64)
        np.cumsum([len(one) for one in shingled], out=offsets[1:])
        flat = np.concatenate(shingled) if shingled else np.empty(0, dtype=np.uint64)
        made = RMinHash.digest_matrix_from_flat_token_hashes(flat, offsets, PERMUTATIONS, 42)
        found[start : start + len(shingled)] = made.to_rows()
    return found


def candidates(signatures: npt.NDArray[np.uint32], blocks: Keys, least: float) -> Pairs:
    """Pairs (n, 2) of positions, first < second, that share a band and a block and are estimated alike by `least`.

    Texts of different `blocks` (one number a text) never meet.
    """
    n = len(signatures)
    if n < 2:
        return np.empty((0, 2), dtype=np.int64)
    keys = [_mix(_band(signatures, band), blocks) for band in range(BANDS)]
    met = np.empty(0, dtype=np.int64)
    for band in range(BANDS):
        order = np.lexsort((keys[(band + 2) % BANDS], keys[(band + 1) % BANDS], keys[band]))
        sorted_keys, fresh = keys[band][order], []
        for step in range(1, min(LOOK, n - 1) + 1):
            at = np.flatnonzero(sorted_keys[step:] == sorted_keys[:-step])
            if not len(at):
                break
            one, two = order[at], order[at + step]
            fresh.append(np.minimum(one, two) * n + np.maximum(one, two))
        if fresh:
            met = np.union1d(met, np.concatenate(fresh))
    first, second = met // n, met % n
    alike = np.empty(len(met), dtype=np.float32)
    for start in range(0, len(met), PART):
        part = slice(start, start + PART)
        alike[part] = (signatures[first[part]] == signatures[second[part]]).mean(axis=1)
    return np.column_stack([first, second])[alike >= least]


def _shingles(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    return np.concatenate([_mix(words, words), _mix(words[:-1], words[1:] + np.uint64(1))])


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

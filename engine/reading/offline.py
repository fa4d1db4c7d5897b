"""Offline: texts as points without any model: parts of words, weighed by rarity, folded into a few directions that are
learned from the library itself (tf-idf of hashed 4-grams; latent semantic analysis, Deerwester et al. 1990).

It finds spellings and words that keep company, *not meaning*: "refund" and "money back" stay strangers until texts use
both. What it learned holds until a text that it learned from goes, so that nothing of that stays behind, or until the
library has doubled.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from engine import hashes

Vectors = npt.NDArray[np.float32]

FILE = "offline.npz"
PARTS = 2**14  # places for parts of words
SIZE = 256
LEARN_FROM = 5_000  # texts; more change the directions little
SAYS = "finds letters and words that keep company, not meaning"


@dataclass(frozen=True)
class Offline:
    """`folding`: what a part of a word adds to each direction, its rarity included, (PARTS, size). `learned`: keys of
    the texts behind it, of the `n` that there were."""

    folding: Vectors
    learned: tuple[str, ...]
    n: int

    @cached_property
    def id(self) -> str:
        return f"offline@{hashes.content(self.n, *self.learned)[:8]}"

    @property
    def says(self) -> str:
        return SAYS

    def passages(self, texts: Sequence[str]) -> Vectors:
        """(texts, size), a row of unit length a text; zeros where no part of it is known."""
        if not len(texts):
            return np.empty((0, self.folding.shape[1]), dtype=np.float32)
        folded = _counted(texts) @ self.folding
        return np.asarray(folded / np.maximum(np.linalg.norm(folded, axis=1, keepdims=True), 1e-9), dtype=np.float32)

    queries = passages

    def holds(self, keys: Collection[str]) -> bool:
        """Whether what was learned still fits a library of these texts."""
        return len(keys) <= 2 * self.n and set(self.learned) <= set(keys)

    def save(self, folder: Path) -> None:
        seen = np.flatnonzero(self.folding.any(axis=1)).astype(np.int32)
        # half precision: a cosine moves in the fourth decimal, the file is half as large
        rows, learned = self.folding[seen].astype(np.float16), np.array(self.learned, dtype="U16")
        np.savez(folder / FILE, seen=seen, rows=rows, learned=learned, n=self.n)


def learn(keys: Sequence[str], texts: Sequence[str]) -> Offline:
    """An embedder for texts like these; `keys` are their hashes. It looks at LEARN_FROM of them at most."""
    from sklearn.preprocessing import normalize
    from sklearn.utils.extmath import randomized_svd

    step = max(1, -(-len(texts) // LEARN_FROM))
    counted = _counted(texts[::step])
    n = counted.shape[0]
    held = np.bincount(counted.indices, minlength=PARTS)
    weights = (np.log((1 + n) / (1 + held)) + 1).astype(np.float32)
    rank = min(SIZE, n - 1, int((held > 0).sum()) - 1)
    if rank < 2:  # too few texts for directions: their parts are folded at random, but always the same way
        directions = np.random.default_rng(0).standard_normal((SIZE, PARTS)) / np.sqrt(SIZE)
    else:
        rows = normalize(counted @ sparse.diags(weights)).astype(np.float32)
        _, _, directions = randomized_svd(rows, n_components=rank, n_iter=2, random_state=0)
    folding = weights[:, None] * directions.T
    # rounded as it will be kept, so that it says the same before and after
    return Offline(folding.astype(np.float16).astype(np.float32), tuple(keys[::step]), len(texts))


def load(folder: Path) -> Offline | None:
    """What was learned for the index in a folder; None when nothing was."""
    if not (folder / FILE).is_file():
        return None
    with np.load(folder / FILE) as kept:
        folding = np.zeros((PARTS, kept["rows"].shape[1]), dtype=np.float32)
        folding[kept["seen"]] = kept["rows"]
        return Offline(folding, tuple(kept["learned"].tolist()), int(kept["n"]))


@cache
def _parts() -> Any:
    # scikit-learn takes a second of processor time to load, which whoever embeds nothing this way is spared
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(
        n_features=PARTS, analyzer="char_wb", ngram_range=(4, 4), alternate_sign=False, norm=None, dtype=np.float32
    )


def _counted(texts: Sequence[str]) -> sparse.csr_matrix:
    """(texts, PARTS), logarithms of counts."""
    counted = _parts().transform(texts)
    counted.data = np.log1p(counted.data)
    return sparse.csr_matrix(counted)

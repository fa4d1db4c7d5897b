"""Embeddings: texts as points, so that those nearest to one can be found.

The default is lexical: hashed words and parts of words, weighed by rarity (tf-idf), folded into a few hundred
directions by a truncated singular value decomposition (latent semantic analysis, Deerwester et al. 1990). It needs no
model and no network, and it finds shared words and words that keep company, *not meaning*: "refund" and "money back"
stay strangers until texts use both. Where `ATELIER_EMBEDDER` names a folder of a sentence-transformers model, jobs can
use that instead; torch is then loaded, so never in the process of the studio.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy import sparse

from engine.problems import Problem

Vectors = npt.NDArray[np.float32]

WORDS, PARTS = 2**15, 2**14  # places for whole words and for parts of words
SIZE = 128
LEARN_FROM = 20_000  # texts; more change the directions little
SETTING = "ATELIER_EMBEDDER"
LEXICAL = "finds shared words, not meaning"


class Embedder(Protocol):
    """Texts in, one row of unit length a text out; a text without a word is all zeros."""

    @property
    def says(self) -> str: ...

    def encode(self, texts: Sequence[str]) -> Vectors: ...

    def save(self, folder: Path) -> None: ...


@dataclass(frozen=True)
class Lexical:
    """`weights`: rarity of each feature, (features,). `directions`: (size, features)."""

    weights: Vectors
    directions: Vectors

    @property
    def says(self) -> str:
        return LEXICAL

    def encode(self, texts: Sequence[str]) -> Vectors:
        if not len(texts):
            return np.empty((0, len(self.directions)), dtype=np.float32)
        folded = _weighed(_features(texts), self.weights) @ self.directions.T
        return _unit(np.asarray(folded, dtype=np.float32))

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # half precision: a cosine moves in the fourth decimal, the file is half as large
        np.savez(folder / "lexical.npz", weights=self.weights, directions=self.directions.astype(np.float16))


@dataclass(frozen=True)
class Sentences:
    """A sentence-transformers model on this machine."""

    path: str

    @property
    def says(self) -> str:
        return f"by the model in {self.path}"

    def encode(self, texts: Sequence[str]) -> Vectors:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise Problem(
                f"{SETTING} names a model, but sentence-transformers is not installed.",
                "The built-in embedding needs neither.",
                f"Install it with pip install sentence-transformers, or unset {SETTING}.",
            ) from error
        if not Path(self.path).is_dir():
            raise Problem(f"There is no model in {self.path}.", do=f"Mend or unset {SETTING}.")
        model = SentenceTransformer(self.path, local_files_only=True)
        return _unit(np.asarray(model.encode(list(texts), batch_size=64), dtype=np.float32))

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "sentences.json").write_text(json.dumps({"path": self.path}))


def fit(texts: Sequence[str], size: int = SIZE) -> Embedder:
    """An embedder for texts like these; the lexical one learns its directions from at most 20,000 of them."""
    if path := os.environ.get(SETTING, ""):
        return Sentences(path)
    return lexical(texts, size)


def lexical(texts: Sequence[str], size: int = SIZE) -> Lexical:
    from sklearn.utils.extmath import randomized_svd

    step = max(1, len(texts) // LEARN_FROM)
    counted = _features(texts[::step][:LEARN_FROM])
    n = counted.shape[0]
    held = np.bincount(counted.indices, minlength=WORDS + PARTS)
    weights = (np.log((1 + n) / (1 + held)) + 1).astype(np.float32)
    rank = min(size, n - 1, int((held > 0).sum()) - 1)
    if rank < 2:  # too few texts for directions: the features stand for themselves, folded at random but the same way
        folding = np.random.default_rng(0).standard_normal((size, WORDS + PARTS)).astype(np.float32) / np.sqrt(size)
        return Lexical(weights, folding)
    _, _, directions = randomized_svd(_weighed(counted, weights), n_components=rank, n_iter=2, random_state=0)
    return Lexical(weights, directions.astype(np.float32))


def load(folder: Path) -> Embedder:
    if (folder / "sentences.json").is_file():
        return Sentences(**json.loads((folder / "sentences.json").read_text()))
    if not (folder / "lexical.npz").is_file():
        raise Problem(f"There are no embeddings in {folder}.", do="Scan the dataset first.")
    with np.load(folder / "lexical.npz") as kept:
        return Lexical(kept["weights"], kept["directions"].astype(np.float32))


def nearest(vectors: Vectors, one: Vectors, k: int) -> list[tuple[int, float]]:
    """The positions of the `k` rows most like `one`, best first, with their cosine; rows without a word never."""
    if not len(vectors) or k < 1:
        return []
    cosines = vectors @ one.reshape(-1)
    few = np.argpartition(-cosines, min(k, len(cosines)) - 1)[:k]
    best = few[np.argsort(-cosines[few], kind="stable")]
    return [(int(at), float(cosines[at])) for at in best if cosines[at] > 0]


def neighbours(vectors: Vectors, least: float, most: int = 5) -> list[tuple[int, int, float]]:
    """Pairs of rows, first < second, with a cosine of at least `least`; each row with at most its `most` nearest."""
    found: dict[tuple[int, int], float] = {}
    part = max(1, 20_000_000 // max(1, len(vectors)))  # 80 MB of cosines at once
    for start in range(0, len(vectors), part):
        cosines = vectors[start : start + part] @ vectors.T
        cosines[np.arange(len(cosines)), np.arange(start, start + len(cosines))] = -1
        for row in np.flatnonzero(cosines.max(axis=1) >= least):
            near = np.flatnonzero(cosines[row] >= least)
            for at in near[np.argsort(-cosines[row][near], kind="stable")][:most]:
                pair = (min(start + int(row), int(at)), max(start + int(row), int(at)))
                found[pair] = float(cosines[row][at])
    return [(first, second, score) for (first, second), score in sorted(found.items())]


@cache
def _hashing() -> tuple[Any, Any]:
    """What finds whole words, and parts of words."""
    # scikit-learn takes a second of processor time to load, which every studio would wait for
    from sklearn.feature_extraction.text import HashingVectorizer

    rest: dict[str, Any] = {"alternate_sign": False, "norm": None, "dtype": np.float32}
    return (
        HashingVectorizer(n_features=WORDS, token_pattern=r"(?u)\b\w+\b", **rest),
        HashingVectorizer(n_features=PARTS, analyzer="char_wb", ngram_range=(4, 4), **rest),
    )


def _features(texts: Sequence[str]) -> sparse.csr_matrix:
    """(texts, features), logarithms of counts; only the first 2,000 signs of a text are looked at."""
    short = [text[:2000] for text in texts]
    whole, parts = _hashing()
    counted = sparse.hstack([whole.transform(short), parts.transform(short) * 0.3], format="csr")
    counted.data = np.log1p(counted.data)
    return sparse.csr_matrix(counted)


def _weighed(counted: sparse.csr_matrix, weights: Vectors) -> sparse.csr_matrix:
    found = counted @ sparse.diags(weights)
    lengths = np.sqrt(np.asarray(found.multiply(found).sum(axis=1)).reshape(-1))
    return sparse.csr_matrix(sparse.diags(1 / np.maximum(lengths, 1e-9)) @ found).astype(np.float32)


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(lengths, 1e-9)).astype(np.float32)

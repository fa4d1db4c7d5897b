"""Topics: what a dataset is about, as clusters on a map, and where examples are missing.

Clusters are those of k-means over embeddings; their number is the one with the best silhouette (Rousseeuw 1987) on a
sample. Words that name a topic are frequent in it and rare elsewhere (class-based tf-idf, Grootendorst 2022). The map
keeps topics that share words close; it is a picture, distances on it prove nothing.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.quality.embedding import Vectors
from engine.quality.nearness import words
from engine.reading.retrieval import STOP

LEAST = 24  # examples; fewer are no clusters
TRIED = (3, 5, 8, 12, 16, 24)
SAMPLE = 2000
CONTRACTED = set(
    "dont doesnt isnt cant wont im ive id its whats youre youve theres".split()
)  # words lose their apostrophe
ENOUGH = 20  # approved examples that a topic needs before it stops being a gap
UNDER = 0.5  # or half of what the average topic has

Points = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Topic:
    """`n` texts, `approved` of them approved. A gap has few approved ones for its size."""

    number: int
    words: tuple[str, ...]
    n: int
    approved: int
    gap: bool
    example: int  # position of the text in its middle

    @property
    def name(self) -> str:
        return ", ".join(self.words) or "without words"


@dataclass(frozen=True)
class Found:
    """`places`: (n, 2), where each text stands on the map. `belongs`: the number of its topic."""

    places: Points
    belongs: list[int]
    topics: list[Topic]


def find(vectors: Vectors, texts: Sequence[str], approved: Sequence[bool]) -> Found | None:
    """The topics of texts, largest first. None where there are too few to tell."""
    if len(texts) < LEAST:
        return None
    belongs = _numbered(_clusters(vectors))
    centres = np.stack([vectors[belongs == number].mean(axis=0) for number in range(belongs.max() + 1)])
    named = _names(texts, belongs)
    average = sum(approved) / len(centres)
    topics = []
    for number, centre in enumerate(centres):
        members = np.flatnonzero(belongs == number)
        good = sum(approved[at] for at in members)
        gap = good < ENOUGH or good < UNDER * average * min(1.0, len(members) * len(centres) / len(texts))
        middle = int(members[(vectors[members] @ centre).argmax()])
        topics.append(Topic(number, named[number], len(members), good, gap, middle))
    return Found(_map(vectors, centres, belongs), belongs.tolist(), topics)


def _clusters(vectors: Vectors) -> npt.NDArray[np.int64]:
    # scikit-learn takes a second of processor time to load, which whoever only looks at topics is spared
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    sample = vectors[:: max(1, len(vectors) // SAMPLE)][:SAMPLE]
    best, chosen = -1.0, None
    for k in TRIED:
        if k * 8 > len(sample):
            break
        model = KMeans(k, n_init=2, random_state=0).fit(sample)
        if len(set(model.labels_)) < 2:
            continue
        score = silhouette_score(
            sample, model.labels_, metric="cosine", sample_size=min(1000, len(sample)), random_state=0
        )
        if score > best:
            best, chosen = score, model
    if chosen is None:
        return np.zeros(len(vectors), dtype=np.int64)
    return chosen.predict(vectors).astype(np.int64)


def _numbered(belongs: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The same clusters, numbered from 0 by size."""
    old, sizes = np.unique(belongs, return_counts=True)
    new = {int(number): at for at, number in enumerate(old[np.argsort(-sizes, kind="stable")])}
    return np.array([new[int(number)] for number in belongs], dtype=np.int64)


def _names(texts: Sequence[str], belongs: npt.NDArray[np.int64], most: int = 3) -> list[tuple[str, ...]]:
    counted: list[Counter[str]] = [Counter() for _ in range(int(belongs.max()) + 1)]
    for text, number in zip(texts, belongs, strict=True):
        said = {word for word in words(text) if len(word) > 2 and word.isalpha() and not _common(word)}
        counted[number].update(said)
    everywhere = sum(counted, Counter[str]())
    average = everywhere.total() / len(counted)
    found = []
    for counts in counted:
        weight = {word: n * math.log(1 + average / everywhere[word]) for word, n in counts.items()}
        found.append(tuple(sorted(weight, key=lambda word: (-weight[word], word))[:most]))
    return found


def _common(word: str) -> bool:
    return word in CONTRACTED or STOP.fullmatch(word) is not None


def _map(vectors: Vectors, centres: Vectors, belongs: npt.NDArray[np.int64]) -> Points:
    """Centres by classical scaling of their distances, pushed apart; around each its texts by principal components."""
    middles = _apart(_scaled(centres), np.sqrt(np.bincount(belongs) / len(belongs)))
    found = np.zeros((len(vectors), 2))
    for number, middle in enumerate(middles):
        members = belongs == number
        radius = 0.9 * math.sqrt(members.mean())
        found[members] = middle + radius * _spread(vectors[members] - centres[number])
    return found.astype(np.float32)


def _scaled(centres: Vectors) -> npt.NDArray[np.float64]:
    distances = ((centres[:, None] - centres[None]) ** 2).sum(axis=2).astype(float)
    centring = np.eye(len(centres)) - 1 / len(centres)
    values, axes = np.linalg.eigh(-0.5 * centring @ distances @ centring)
    found = np.zeros((len(centres), 2))
    for column, at in enumerate(np.argsort(-values)[:2]):
        found[:, column] = axes[:, at] * math.sqrt(max(values[at], 0)) * np.sign(axes[np.abs(axes[:, at]).argmax(), at])
    widest = np.abs(found).max()
    return found / widest if widest > 0 else found


def _apart(middles: npt.NDArray[np.float64], radii: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Circles moved until they hardly overlap."""
    found = middles + 1e-3 * np.random.default_rng(0).standard_normal(middles.shape)
    for _ in range(200):
        for one in range(len(found)):
            for two in range(one):
                gap = found[one] - found[two]
                far, wanted = float(np.hypot(*gap)), 1.9 * (radii[one] + radii[two])
                if far < wanted:
                    push = gap / max(far, 1e-6) * (wanted - far) / 4
                    found[one] += push
                    found[two] -= push
    return found


def _spread(offsets: Vectors) -> npt.NDArray[np.float64]:
    """Offsets on their two main directions, squeezed into the unit circle by rank of their distance."""
    if len(offsets) < 3:
        return np.linspace(-0.3, 0.3, len(offsets))[:, None] * np.array([[1.0, 0.3]])
    _, _, axes = np.linalg.svd(offsets[:: max(1, len(offsets) // 500)], full_matrices=False)
    flat = offsets @ axes[:2].T
    if flat.shape[1] < 2:
        flat = np.column_stack([flat, np.zeros(len(flat))])
    far = np.hypot(flat[:, 0], flat[:, 1])
    ranks = np.empty(len(far))
    ranks[np.argsort(far, kind="stable")] = np.sqrt((np.arange(len(far)) + 0.5) / len(far))
    return flat / np.maximum(far, 1e-9)[:, None] * ranks[:, None]

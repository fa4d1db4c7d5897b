"""Inspiration: approved examples that come nearest to what is being written."""

import importlib.util
from functools import lru_cache

from sklearn.feature_extraction.text import TfidfVectorizer

from studio import examples
from studio.examples import APPROVED, Example
from studio.store import Store

LOOKED_AT = 5000  # where no index of the whole dataset is, so many of its approved examples are compared


def near(store: Store, dataset: str, text: str, n: int = 3, without: str = "") -> list[Example]:
    """The `n` approved examples nearest to a text, nearest first; the entry `without` is left out."""
    if not text.strip():
        return []
    if importlib.util.find_spec("studio.nearness"):
        from studio import nearness

        similar = nearness.similar(store, dataset, text, n + 1, status=APPROVED)
        return [one.example for one in similar if one.entry != without][:n]
    row = store.row("select max(seq) as seq from example where dataset = ?", [dataset])
    if not row or row["seq"] is None:
        return []
    found, vectors, matrix = _compared(store, dataset, row["seq"])
    if not found:
        return []
    likeness = (matrix @ vectors.transform([text]).T).toarray().ravel()
    order = [at for at in likeness.argsort()[::-1] if likeness[at] > 0 and found[at].entry != without]
    return [found[at] for at in order[:n]]


@lru_cache(maxsize=4)
def _compared(store: Store, dataset: str, seq: int) -> tuple[list[Example], TfidfVectorizer, object]:
    found, _ = examples.find(store, dataset, status=APPROVED, limit=LOOKED_AT)
    vectors = TfidfVectorizer(sublinear_tf=True)
    return found, vectors, vectors.fit_transform([one.prompt for one in found]) if found else None

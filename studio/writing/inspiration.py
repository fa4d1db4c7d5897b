"""Inspiration: approved examples that come nearest to what is being written."""

from studio.data.examples import APPROVED, Example
from studio.quality import nearness
from studio.store import Store


def near(store: Store, dataset: str, text: str, n: int = 3, without: str = "") -> list[Example]:
    """The `n` approved examples nearest to a text, nearest first; the entry `without` is left out."""
    found = nearness.similar(store, dataset, text, n + 1, status=APPROVED)
    return [one.example for one in found if one.entry != without][:n]

"""Sources: what an evaluation can ask. The frozen splits of every snapshot, and the sample's document questions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine import hashes
from engine.scoring.metrics import METRICS
from studio import sample
from studio.building import libraries
from studio.freezing import snapshots
from studio.judging import evaluations
from studio.store import Store
from studio.writing import guides

SPLITS = ("test", "validation")  # never what a model has learned from
LABELS = 0.5  # with at most so many different answers an item, the answers are labels


@dataclass(frozen=True)
class Source:
    """`split` of a snapshot, or of the sample's questions when `snapshot` is ''."""

    name: str
    snapshot: str
    split: str
    n: int


def listed(store: Store) -> list[Source]:
    """What can be asked, test splits first."""
    found = []
    for split in SPLITS:
        if any(library.name == sample.LIBRARY for library in libraries.listed(store)):
            n = len(sample.questions(split))
            found.append(Source(f"Questions about the {sample.LIBRARY} documents, {split}", "", split, n))
        for snapshot in snapshots.listed(store):
            n = snapshot.test if split == "test" else snapshot.validation
            found.append(Source(f"{snapshot.name}, {split}", snapshot.id, split, n))
    return [source for source in found if source.n]


def of(store: Store, split: str) -> list[Source]:
    """The sources of one split."""
    return [source for source in listed(store) if source.split == split]


def items(
    store: Store, source: Source, n: int | None = None, by: str = "atelier", why: str = "to ask candidates"
) -> list[dict[str, Any]]:
    """`n` test items of a source, all of them by default. The same `n` are the same items every time.

    Of a snapshot's test set this is a look, which leaves a trace of who and why.
    """
    if source.snapshot:
        found = evaluations.items_from_snapshot(store, source.snapshot, source.split, by, why)
    else:
        found = evaluations.items_from_questions(sample.questions(source.split))
    return first(found, n)


def first(found: Sequence[dict[str, Any]], n: int | None) -> list[dict[str, Any]]:
    """`n` of the items, always the same ones and nobody's choice."""
    return sorted(found, key=lambda item: hashes.share(item["id"]))[:n]


def voice(store: Store, source: Source) -> str:
    """The dataset whose style guide answers are held against: that of the snapshot, or of the sample's voice."""
    return snapshots.get(store, source.snapshot).dataset if source.snapshot else sample.TONE


def held(store: Store, source: Source, n: int | None = None) -> list[dict[str, Any]]:
    """What the items of a source hold, for counting. Nobody is shown one for that, so it is no look."""
    if not source.snapshot:
        return first(evaluations.items_from_questions(sample.questions(source.split)), n)
    return first(evaluations.items_from_rows(snapshots.examples(store, source.snapshot, source.split)), n)


def proposed(store: Store, source: Source) -> list[str]:
    """The metrics that fit a source."""
    voiced = not source.snapshot or bool(guides.get(store, voice(store, source)).use)
    return fitting(held(store, source), voiced=voiced)


def fitting(asked: Sequence[Mapping[str, Any]], *, voiced: bool = True) -> list[str]:
    """The metrics that can say something about such items, by what they hold and whether their voice is described."""
    if any(item.get("accept") for item in asked):
        return ["facts", "tone"]
    if any(item.get("calls") for item in asked):
        return ["tool_call", "tool"]
    labels = {item.get("label") for item in asked}
    if asked and len(labels) <= LABELS * len(asked):
        return ["label", "type"]
    if not asked:
        return list(METRICS)
    return ["tone", "kept"] if voiced else ["facts", "kept"]

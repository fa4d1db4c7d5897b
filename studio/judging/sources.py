"""Sources: what an evaluation can ask: the frozen splits of every snapshot, the sample's document questions, and any
rows or questions that somebody has at hand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from engine import hashes
from engine.reading.grounding import parted
from engine.scoring.metrics import METRICS
from studio import sample
from studio.data import guides
from studio.freezing import snapshots
from studio.freezing.splits import Plan
from studio.reading import libraries
from studio.store import Store

SPLITS = ("test", "validation")  # never what a model has learned from
LABELS = 0.5  # with at most so many different answers an item, the answers are labels


@dataclass(frozen=True)
class Questions:
    """Test items that are asked. `source` says in words where they are from; `snapshot` and `split` are '' for items
    of no snapshot."""

    items: Sequence[Mapping[str, Any]]
    source: str
    snapshot: str = ""
    split: str = ""


@dataclass(frozen=True)
class Source:
    """`split` of a snapshot, or of the sample's questions when `snapshot` is ''."""

    name: str
    snapshot: str
    split: str
    n: int

    def first(self, items: Sequence[dict[str, Any]], n: int | None = None) -> Questions:
        """`n` of its items, always the same ones and nobody's choice; all of them by default."""
        chosen = sorted(items, key=lambda item: hashes.share(item["id"]))[:n]
        return Questions(chosen, self.name, self.snapshot, self.split)


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


def watched(store: Store, snapshot: str, n: int) -> list[list[dict[str, Any]]]:
    """The messages of the first `n` validation rows of a snapshot: what a model that learned from it was watched with.
    Only test rows are locked."""
    return [row["messages"] for row in islice(snapshots.each(store, snapshot, "validation"), n)]


def questions(store: Store, source: Source, n: int | None = None) -> Questions:
    """`n` items of a source, all of them by default; the same `n` are the same items every time.

    Nobody is shown one for that, so it is no look at a test set; whoever starts an evaluation with them leaves one.
    """
    if source.snapshot:
        found = frozen(store, source.snapshot, source.split)
    else:
        found = from_questions(sample.questions(source.split))
    return source.first(found, n)


def frozen(store: Store, snapshot: str, split: str) -> list[dict[str, Any]]:
    """Every item of one side of a snapshot; nobody is shown one for that."""
    return from_rows(snapshots.examples(store, snapshot, split), snapshots.get(store, snapshot).how)


def voice(store: Store, source: Source) -> str:
    """The dataset whose style guide answers are held against: that of the snapshot, or of the sample's voice."""
    return snapshots.get(store, source.snapshot).dataset if source.snapshot else sample.TONE


def proposed(store: Store, source: Source) -> list[str]:
    """The metrics that fit a source."""
    voiced = not source.snapshot or bool(guides.get(store, voice(store, source)).use)
    return fitting(questions(store, source).items, voiced=voiced)


def fitting(items: Sequence[Mapping[str, Any]], *, voiced: bool = True) -> list[str]:
    """The metrics that can say something about such items, by what they hold and whether their voice is described."""
    if any(item.get("accept") for item in items):
        return ["facts", "tone"]
    if any(item.get("calls") for item in items):
        return ["tool_call", "tool"]
    labels = {item.get("label") for item in items}
    if items and len(labels) <= LABELS * len(items):
        return ["label", "type"]
    if not items:
        return list(METRICS)
    return ["tone", "kept"] if voiced else ["facts", "kept"]


def from_rows(rows: Sequence[Mapping[str, Any]], plan: Plan | None = None) -> list[dict[str, Any]]:
    """Test items from frozen rows: all but the last answer is asked, the last answer is expected.

    A row's tools are offered; where its last answer calls some, these calls are expected. What belonged together for
    the `plan` of the split, such as rows of one customer, is a group.
    """
    plan = plan or Plan()
    found = []
    for row in rows:
        *asked, answer = row["messages"]
        item = {
            "id": row["id"],
            "messages": asked,
            "answer": answer.get("content") or "",
            "label": answer.get("content") or "",
            "source": asked[-1].get("content") or "",
            "tags": row["tags"],
        }
        if kin := plan.kin(row["tags"], row.get("group") or ""):
            item["group"] = kin
        if row.get("tools"):
            item["tools"] = row["tools"]
        if answer.get("tool_calls"):
            item["calls"] = answer["tool_calls"]
        found.append(item)
    return found


def brought(items: Sequence[Mapping[str, Any]]) -> int:
    """How many bring passages of their own, as those of a dataset that got passages do: no library is asked then."""
    return sum(bool(parted(item["messages"][-1].get("content") or "")[1]) for item in items)


def from_questions(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Test items from questions with known answers: question, answer, accept, document, tags."""
    return [
        {
            "id": hashes.content(row["question"]),
            "messages": [{"role": "user", "content": row["question"]}],
            "answer": row["answer"],
            "accept": row.get("accept", []),
            "document": row.get("document", ""),
            "tags": row.get("tags", []),
        }
        for row in rows
    ]

"""Changes: what differs between two snapshots of one dataset, by counts and by example.

An example is followed through its edits by its entry. A side that moved would be a fault: it is counted all the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.data.conversations import SPLITS
from engine.data.outgoing import said
from engine.problems import Problem
from studio.freezing import snapshots
from studio.freezing.snapshots import Snapshot
from studio.store import Store


@dataclass(frozen=True)
class Change:
    """One example in both snapshots, in one of them ('' and None where it is not), or with other words."""

    entry: str
    before: str  # its side in the first snapshot
    after: str
    old: dict[str, Any] | None  # the frozen row
    new: dict[str, Any] | None


@dataclass(frozen=True)
class Diff:
    added: list[Change]
    removed: list[Change]
    changed: list[Change]  # other words
    tagged: list[Change]  # the same words with other tags or another group
    moved: list[Change]  # must be none
    same: int


def between(store: Store, first: Snapshot, second: Snapshot) -> Diff:
    """What the second snapshot has, lacks, and says otherwise than the first."""
    if first.dataset != second.dataset:
        raise Problem(
            f"{first.name} and {second.name} are of different datasets.", do="Compare two snapshots of the same one."
        )
    entries = _entries(store, first.dataset)
    old, new = (_rows(store, snapshot, entries) for snapshot in (first, second))
    both = [Change(entry, old[entry][0], new[entry][0], old[entry][1], new[entry][1]) for entry in old if entry in new]
    words = [change for change in both if _words(change.old) != _words(change.new)]
    other = [change for change in both if _words(change.old) == _words(change.new)]
    tagged = [change for change in other if _marks(change.old) != _marks(change.new)]
    return Diff(
        [Change(entry, "", side, None, row) for entry, (side, row) in new.items() if entry not in old],
        [Change(entry, side, "", row, None) for entry, (side, row) in old.items() if entry not in new],
        words,
        tagged,
        [change for change in both if change.before != change.after],
        len(other) - len(tagged),
    )


def counts(changes: Sequence[Change]) -> dict[str, int]:
    """How many of them on each side, that of the second snapshot where it has one."""
    sides = [change.after or change.before for change in changes]
    return {split: sides.count(split) for split in SPLITS}


def spoken(row: dict[str, Any]) -> str:
    """A frozen row as text, a line a turn."""
    return "\n".join(f"{message['role']}: {said(message)}" for message in row["messages"])


def _rows(store: Store, snapshot: Snapshot, entries: dict[str, str]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Entry -> its side and row; a row that the table no longer knows stands for itself."""
    return {
        entries.get(row["id"], row["id"]): (split, row)
        for split in SPLITS
        for row in snapshots.examples(store, snapshot.id, split)
    }


def _entries(store: Store, dataset: str) -> dict[str, str]:
    rows = store.rows("select id, min(entry) as entry from example where dataset = ? group by id", [dataset])
    return {row["id"]: row["entry"] for row in rows}


def _words(row: dict[str, Any] | None) -> object:
    return row and (row["messages"], row.get("tools"))


def _marks(row: dict[str, Any] | None) -> object:
    return row and (sorted(row["tags"]), row["group"])

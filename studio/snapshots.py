"""Snapshots: a frozen, hashed version of a dataset with its train / validation / test split.

A split that the source settled holds. Otherwise it follows from the hash of the example's group (or of its entry),
so that no example ever changes sides as the dataset grows, and no group is torn apart.
"""

import json
import shutil
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from engine import hashes
from engine.conversations import SPLITS
from engine.problems import Problem
from studio.store import Store, now

TEST, VALIDATION = 0.15, 0.10  # shares; the rest is for training


@dataclass(frozen=True)
class Snapshot:
    id: str
    dataset: str
    train: int
    validation: int
    test: int
    made_by: str
    made_at: datetime
    plan: str  # how it was split, as JSON

    @property
    def name(self) -> str:
        return f"{self.dataset} · {self.id[:8]}"


def freeze(store: Store, dataset: str, by: str) -> Snapshot:
    """Freeze the approved examples of a dataset. Freezing the same examples again finds the same snapshot."""
    rows = store.rows(
        """
        select entry, id, messages, tools, tags, grouped_by, split
        from example
        where dataset = ? and latest and status = 'approved'
        order by id
        """,
        [dataset],
    )
    parts: dict[str, list[dict[str, Any]]] = {split: [] for split in SPLITS}
    for row in rows:
        parts[row["split"] or side(row["grouped_by"] or row["entry"])].append(row)
    if not parts["train"]:
        raise Problem(
            f"{dataset} has no approved example to train on.",
            f"It has {len(rows):,} approved in all.",
            "Approve some, or import a file with more.",
        )
    snapshot = _write(store, parts)
    values = [snapshot, dataset, *(len(parts[split]) for split in SPLITS), by, now()]
    if store.row("select 1 from snapshot where id = ?", [snapshot]) is None:
        with store.write(by, "snapshot.freeze", snapshot, dataset=dataset) as cursor:
            cursor.execute("insert into snapshot values (?, ?, ?, ?, ?, ?, ?, '{}') on conflict do nothing", values)
    return get(store, snapshot)


def side(key: str) -> str:
    """The split that a group or entry belongs to, for ever."""
    share = hashes.share(key)
    return "test" if share < TEST else "validation" if share < TEST + VALIDATION else "train"


def get(store: Store, id: str) -> Snapshot:
    row = store.row("select * from snapshot where id = ?", [id])
    if row is None:
        raise Problem(f"There is no snapshot {id}.", do="Freeze the dataset to make one.")
    return Snapshot(**row)


def listed(store: Store) -> list[Snapshot]:
    """Every snapshot, newest first."""
    return [Snapshot(**row) for row in store.rows("select * from snapshot order by made_at desc")]


def path(store: Store, id: str, split: str) -> Path:
    return store.home.snapshots / id / f"{split}.jsonl"


def examples(store: Store, id: str, split: str) -> list[dict[str, Any]]:
    """The frozen rows of one side: id, messages, tools, tags, group."""
    return [json.loads(line) for line in path(store, id, split).read_text().splitlines()]


def _write(store: Store, parts: dict[str, list[dict[str, Any]]]) -> str:
    draft = Path(tempfile.mkdtemp(prefix=".", dir=store.home.snapshots))
    for split, rows in parts.items():
        with (draft / f"{split}.jsonl").open("w") as file:
            for row in rows:
                file.write(json.dumps(_line(row), ensure_ascii=False) + "\n")
    id = hashes.files(*(draft / f"{split}.jsonl" for split in SPLITS))
    whole = store.home.snapshots / id
    if whole.exists():
        shutil.rmtree(draft)
    else:
        draft.rename(whole)  # renamed into place last: a snapshot that can be seen is whole
    return id


def _line(row: dict[str, Any]) -> dict[str, Any]:
    line = {"id": row["id"], "messages": json.loads(row["messages"]), "tags": row["tags"], "group": row["grouped_by"]}
    if row["tools"]:
        line["tools"] = json.loads(row["tools"])
    return line

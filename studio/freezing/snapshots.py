"""Snapshots: a frozen, hashed version of a dataset with its train / validation / test split.

An example that has a side keeps it for ever (`placements`); the plan of a freeze places the new ones alone. The test
set is locked in this sense: whoever reads it does so through `look`, which leaves an Event with who and why. What only
compares or counts (leaks, differences, hashes) reads `examples` and shows nobody a test row.
"""

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from engine import hashes
from engine.data.columns import REJECTED
from engine.data.conversations import SPLITS
from engine.problems import Problem
from engine.scoring.clustered import Clusters
from studio.freezing import placements
from studio.freezing.splits import Decision, Plan
from studio.store import Store, now

BATCH = 5000  # rows on their way from the table to a file


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

    @property
    def how(self) -> Plan:
        """The plan that its new examples were placed by; those from before plans were kept went by their hash."""
        return Plan(**{f.name: self._told[f.name] for f in fields(Plan) if f.name in self._told})

    @property
    def new(self) -> int | None:
        """How many examples got their side in this freeze; None when that was not kept."""
        return self._told.get("new")

    @property
    def torn(self) -> int:
        """How many units stood on two sides when it was frozen."""
        return int(self._told.get("torn", 0))

    def compared(self, split: str = "train") -> int:
        """How many examples of a side know a worse answer, too."""
        return int(self._told.get("compared", {}).get(split, 0))

    @property
    def _told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.plan or "{}")
        return told | {"exclude": tuple(told["exclude"])} if "exclude" in told else told


@dataclass(frozen=True)
class Look:
    """Somebody read the test set, or a part of it."""

    made_by: str
    why: str
    how: str  # evaluation, page, export
    n: int
    made_at: datetime


def freeze(store: Store, dataset: str, by: str, plan: Plan | None = None) -> Snapshot:
    """Freeze the approved examples of a dataset. Freezing the same examples again finds the same snapshot.

    `plan` places those that have no side yet; by default they go by their hash, 15 % for the test, 10 % to validate.
    """
    plan = plan or Plan()
    decision = placements.decide(store, dataset, plan)
    if not decision.count("train"):
        raise Problem(
            f"{dataset} has no approved example to train on.",
            f"It has {len(decision.sides):,} approved in all.",
            "Approve some, or import a file with more.",
        )
    draft = Path(tempfile.mkdtemp(prefix=".", dir=store.home.snapshots))
    try:
        counts, compared = _write(store, dataset, decision, draft)
        id = hashes.files(*(draft / f"{split}.jsonl" for split in SPLITS))
        if store.row("select 1 from snapshot where id = ?", [id]) is None:
            told = asdict(plan) | {"new": sum(key in decision.fresh for key in decision.sides)}
            told |= {"torn": len(decision.torn), "excluded": len(decision.excluded), "compared": compared}
            values = [
                id,
                dataset,
                *(counts[split] for split in SPLITS),
                by,
                now(),
                json.dumps(told, ensure_ascii=False),
            ]
            with store.write(by, "snapshot.freeze", id, dataset=dataset) as cursor:
                placements.keep(cursor, dataset, decision)
                cursor.execute("insert into snapshot values (?, ?, ?, ?, ?, ?, ?, ?) on conflict do nothing", values)
                whole = store.home.snapshots / id
                if not whole.exists():
                    draft.rename(whole)  # renamed into place last: a snapshot that can be seen is whole
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return get(store, id)


def get(store: Store, id: str) -> Snapshot:
    row = store.row("select * from snapshot where id = ?", [id])
    if row is None:
        raise Problem(f"There is no snapshot {id}.", do="Freeze the dataset to make one.")
    return Snapshot(**row)


def named(store: Store, id: str) -> Snapshot:
    """A snapshot by its id or by the beginning of it, as a person types it."""
    found = [snapshot for snapshot in listed(store) if snapshot.id.startswith(id)] if id else []
    if len(found) > 1:
        raise Problem(f"{len(found)} snapshots begin with {id}.", do="Give more of its id.")
    return found[0] if found else get(store, id)


def listed(store: Store, dataset: str = "") -> list[Snapshot]:
    """Every snapshot, or every one of a dataset, newest first."""
    rows = store.rows("select * from snapshot where ? in ('', dataset) order by made_at desc", [dataset])
    return [Snapshot(**row) for row in rows]


def path(store: Store, id: str, split: str) -> Path:
    return store.home.snapshots / id / f"{split}.jsonl"


def examples(store: Store, id: str, split: str) -> list[dict[str, Any]]:
    """The frozen rows of one side: id, messages, tags, group, and where they have them tools and `rejected`, the worse
    answer as messages. Whoever shows or asks test rows goes by `look`."""
    return list(each(store, id, split))


def each(store: Store, id: str, split: str) -> Iterator[dict[str, Any]]:
    """The same row by row, for what does not fit into memory."""
    with path(store, id, split).open(encoding="utf-8", newline="\n") as file:
        for line in file:
            yield json.loads(line)


def kin(store: Store, snapshot: Snapshot, split: str = "test") -> Clusters:
    """What the examples of a side belong to."""
    plan = snapshot.how
    return Clusters(tuple(plan.kin(row["tags"], row.get("group") or "") for row in each(store, snapshot.id, split)))


def look(store: Store, id: str, split: str, by: str, why: str, how: str = "page") -> list[dict[str, Any]]:
    """The same for eyes, models and files that leave. A look at the test set leaves an Event; it needs a reason."""
    if split != "test":
        return examples(store, id, split)
    if not why.strip():
        raise Problem(
            "The test set is locked.",
            "A test that is looked at often stops being one: people write towards it.",
            "Say why you look; who looked, when and why stands on the snapshot's page.",
        )
    found = examples(store, id, split)
    with store.write(by, "test.look", id, why=why.strip(), how=how, n=len(found)):
        pass
    return found


def looks(store: Store, id: str) -> list[Look]:
    """Who looked at its test set, newest first."""
    rows = store.rows(
        """
        select made_by, detail->>'why' as why, detail->>'how' as how, (detail->>'n')::integer as n, made_at
        from event
        where verb = 'test.look' and subject = ?
        order by id desc
        """,
        [id],
    )
    return [Look(**row) for row in rows]


def evaluations(store: Store, id: str) -> int:
    """How many evaluations asked items of its test set, whether or not a look was kept of them."""
    held = pd.DataFrame({"id": [row["id"] for row in examples(store, id, "test")]}, dtype=str)
    with store.read() as cursor:
        cursor.register("held", held)
        query = "select count(distinct evaluation) from item where id in (select id from held)"
        ((n,),) = cursor.execute(query).fetchall()
    return int(n)


def line(
    id: str, messages: str, tools: str | None, tags: Iterable[str], group: str, worse: str | None
) -> dict[str, Any]:
    """An example as a snapshot holds it, from the columns of the table."""
    found = {"id": id, "messages": json.loads(messages), "tags": tags, "group": group}
    if tools:
        found["tools"] = json.loads(tools)
    if worse:
        found[REJECTED] = json.loads(worse)
    return found


def _write(store: Store, dataset: str, decision: Decision, folder: Path) -> tuple[dict[str, int], dict[str, int]]:
    """One file a side, its rows by their id, so that the same examples are the same bytes; how many went where, and
    how many of these know a worse answer."""
    counts, compared = dict.fromkeys(SPLITS, 0), dict.fromkeys(SPLITS, 0)
    sides = pd.DataFrame({"entry": list(decision.sides), "side": list(decision.sides.values())}, dtype=str)
    with ExitStack() as stack, store.read() as cursor:
        files = {
            split: stack.enter_context((folder / f"{split}.jsonl").open("w", encoding="utf-8")) for split in SPLITS
        }
        cursor.register("sides", sides)
        cursor.execute(
            """
            select s.side, e.id, e.messages, e.tools, e.tags, e.grouped_by, e.worse
            from example e
            join sides s on s.entry = e.entry
            where e.dataset = ? and e.latest and e.status = 'approved'
            order by e.id
            """,
            [dataset],
        )
        while rows := cursor.fetchmany(BATCH):
            for side, *row in rows:
                held = line(*row)
                files[side].write(json.dumps(held, ensure_ascii=False) + "\n")
                counts[side] += 1
                compared[side] += REJECTED in held
    return counts, compared

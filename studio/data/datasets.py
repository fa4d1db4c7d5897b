"""Datasets: a named, living set of examples, filled from files line by line."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from engine.data.mapping import Compared
from engine.data.rows import Valid
from engine.problems import Problem
from studio.data import intake
from studio.data.examples import APPROVED
from studio.store import Cursor, Store, now


@dataclass(frozen=True)
class Dataset:
    name: str
    note: str
    made_by: str
    made_at: datetime
    examples: int
    approved: int
    rejects: int


@dataclass(frozen=True)
class Imported:
    """What an import did: added + known + rejected = lines read."""

    dataset: str
    source: str
    added: int
    known: int
    rejected: int

    def __str__(self) -> str:
        known = f", {self.known:,} were here already" if self.known else ""
        return f"{self.added:,} added to {self.dataset}{known}, {self.rejected:,} rejected"


def names(store: Store) -> list[str]:
    """Their names alone, the oldest first: no example is counted for it, so that whoever asks often may."""
    return [row["name"] for row in store.rows("select name from dataset order by made_at")]


def listed(store: Store) -> list[Dataset]:
    rows = store.rows("""
        select d.name, d.note, d.made_by, d.made_at,
               coalesce(e.examples, 0) as examples, coalesce(e.approved, 0) as approved,
               coalesce(r.rejects, 0) as rejects
        from dataset d
        left join (
            select dataset, count(*) as examples, count(*) filter (where status = 'approved') as approved
            from example
            where latest
            group by dataset
        ) e on e.dataset = d.name
        left join (select dataset, count(*) as rejects from reject where settled = '' group by dataset) r
            on r.dataset = d.name
        order by d.made_at
    """)
    return [Dataset(**row) for row in rows]


def get(store: Store, name: str) -> Dataset:
    found = next((dataset for dataset in listed(store) if dataset.name == name), None)
    if found is None:
        raise Problem(f"There is no dataset {name}.", do="Choose one from the list, or import a file to make it.")
    return found


def bring_in(
    store: Store,
    path: Path,
    dataset: str,
    by: str,
    *,
    name: str = "",
    split: str = "",
    status: str = APPROVED,
    mapping: Any = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Imported:
    """Import a file into a dataset, which is made if it does not exist, and wait for it (`data.intake` does not).
    The same file twice adds nothing.

    `split` settles where its rows belong; '' leaves it to the rows, or to the freeze. `mapping` is for files other
    than JSONL of conversations. `progress` hears (bytes done, of).
    """
    for it in intake.through(store, path, dataset, by, name=name, split=split, status=status, mapping=mapping):
        progress(round(it.share * it.of), it.of)
    return Imported(it.dataset, it.source, it.added, it.known, it.rejected)


def insert(
    cursor: Cursor, dataset: str, rows: Iterable[Valid], source: str, by: str, status: str, origin: str = ""
) -> int:
    """Add conversations that the dataset does not hold yet; how many were new."""
    fresh: dict[str, dict[str, Any]] = {}
    for row in rows:
        said = row.conversation
        fresh.setdefault(
            said.id,
            {
                "id": said.id,
                "messages": json.dumps(said.messages, ensure_ascii=False),
                "tools": json.dumps(said.tools, ensure_ascii=False) if said.tools else None,
                "tags": list(said.tags),
                "grouped_by": said.group,
                "split": said.split,
                "line": row.line,
                "words": said.words,
                "worse": json.dumps(row.rejected, ensure_ascii=False) if isinstance(row, Compared) else None,
            },
        )
    if not fresh:
        return 0
    frame = pd.DataFrame(list(fresh.values()))
    cursor.register("fresh", frame)
    # an entry whose first version said this, or that says it now, holds this conversation already
    new = cursor.execute(
        """
        insert into example
        select seq, seq, $dataset, id, 1, true, id, messages, tools, tags, grouped_by, split,
               $status, $by, $source, line, $origin, '', words, $now, worse
        from (
            select *, row_number() over (order by line) + (select coalesce(max(seq), 0) from example) as seq
            from fresh
        )
        where id not in (select entry from example where dataset = $dataset)
          and id not in (select id from example where dataset = $dataset and latest)
        """,
        {"dataset": dataset, "status": status, "by": by, "source": source, "origin": origin, "now": now()},
    ).fetchall()
    cursor.unregister("fresh")
    return int(new[0][0])

"""Datasets: a named, living set of examples, filled from files line by line."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from engine.problems import Problem
from studio import imports
from studio.examples import APPROVED, STATUSES
from studio.imports import Reject, Valid
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
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Imported:
    """Import a JSONL file into a dataset, which is made if it does not exist. The same file twice adds nothing.

    `split` settles where its rows belong; '' leaves it to the rows, or to the freeze.
    `progress` hears (bytes done, of).
    """
    if not dataset.strip():
        raise Problem("The dataset has no name.", do="Give it one, such as tone.")
    if status not in STATUSES:
        raise Problem(f"There is no status {status!r}.", do=f"Choose one of {', '.join(STATUSES)}.")
    source = name or path.name
    found = imports.read(path, source, progress)
    added = known = rejected = 0
    with store.write(by, "dataset.import", dataset, source=source) as cursor:
        cursor.execute("insert into dataset values (?, '', ?, ?) on conflict do nothing", [dataset, by, now()])
        while batch := list(islice(found, 5000)):
            valid = [row for row in batch if isinstance(row, Valid)]
            if split:
                valid = [Valid(row.line, replace(row.conversation, split=split)) for row in valid]
            rejects = [row for row in batch if isinstance(row, Reject)]
            new = insert(cursor, dataset, valid, source, by, status)
            added, known, rejected = added + new, known + len(valid) - new, rejected + len(rejects)
            _keep_rejects(cursor, dataset, rejects, source)
    return Imported(dataset, source, added, known, rejected)


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
               $status, $by, $source, line, $origin, '', words, $now, null
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


def _keep_rejects(cursor: Cursor, dataset: str, rejects: list[Reject], source: str) -> None:
    for reject in rejects:
        cursor.execute(
            """
            insert into reject
            select $dataset, $source, $line, $code, $why, $content, '', '', $now
            where not exists (
                from reject
                where dataset = $dataset and source = $source and line = $line and content = $content
            )
            """,
            {
                "dataset": dataset,
                "source": source,
                "line": reject.line,
                "code": reject.code,
                "why": reject.why,
                "content": reject.content,
                "now": now(),
            },
        )

"""Scans: looks at the health of a dataset, done by a job, and what they found.

A finding is open as long as its examples say what they said when they were looked at, are not rejected, and nobody has
settled that two of them may stay. So correcting an example closes what was found at it, without another scan.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from engine import jobs, jsonl
from engine.problems import Problem
from engine.quality.scan import FINDINGS, SUMMARY, ScanSpec
from studio.data import guides
from studio.store import Store, now
from studio.work import Work

ITSELF = 5000  # examples up to which a dataset is scanned without being asked
SETTLED = 20.0  # seconds without a change before that
CHANGED = 0.2  # share of a dataset that must be new since the last scan


@dataclass(frozen=True, kw_only=True)
class Scan(Work):
    """`summary` holds the figures of `engine.quality.scan`; it is empty until the job has ended well."""

    noun: ClassVar[str] = "scan"

    dataset: str
    upto: int
    summary: dict[str, Any]

    @property
    def vectors(self) -> Path:
        return self.job.folder / "vectors"


@dataclass(frozen=True)
class Finding:
    kind: str
    entry: str
    other: str
    score: float
    body: dict[str, Any]


def start(store: Store, dataset: str, by: str) -> Scan:
    """Put a scan of the latest examples in the queue. Problem when there is nothing to look at, or one runs."""
    running = live(store, dataset)
    if running is not None:
        raise Problem(f"{dataset} is being scanned already.", do="Wait for it, or stop it first.")
    row = store.row(
        "select count(*) as n, max(seq) as upto from example where dataset = ? and latest and status <> 'rejected'",
        [dataset],
    )
    if not row or not row["n"]:
        raise Problem(f"{dataset} has no example to look at.", do="Bring some in, or write the first.")
    id = jobs.new_id("scan")
    path = _rows(store, id)
    _hand_over(store, dataset, row["upto"], path)
    spec = ScanSpec(rows=str(path), vectors=str(store.home.jobs / id / "vectors"), guide=_guide(store, dataset))
    with store.write(by, "scan.start", id, dataset=dataset, examples=row["n"]) as cursor:
        cursor.execute("insert into scan values (?, ?, ?, null, ?, ?)", [id, dataset, row["upto"], by, now()])
        jobs.submit(store.home.jobs, "scan", spec, by, id)
    return get(store, id)


def get(store: Store, id: str) -> Scan:
    row = store.row("select * from scan where id = ?", [id])
    if row is None:
        raise Problem(f"There is no scan {id}.", do="Look at the health of the dataset.")
    return _scan(store, row)


def latest(store: Store, dataset: str) -> Scan | None:
    """The newest scan that has ended well and was brought in."""
    row = store.row(
        "select * from scan where dataset = ? and summary is not null order by made_at desc limit 1", [dataset]
    )
    return _scan(store, row) if row else None


def newest(store: Store, dataset: str) -> Scan | None:
    """The newest scan, whatever became of it."""
    row = store.row("select * from scan where dataset = ? order by made_at desc limit 1", [dataset])
    return _scan(store, row) if row else None


def live(store: Store, dataset: str) -> Scan | None:
    found = newest(store, dataset)
    return found if found and found.live else None


def changed_since(store: Store, scan: Scan) -> int:
    """How many examples were written or edited since a scan."""
    row = store.row(
        "select count(*) as n from example where dataset = ? and latest and seq > ?", [scan.dataset, scan.upto]
    )
    return int(row["n"]) if row else 0


_over: set[str] = set()  # scans that ended without a result; who forgets only looks again


def catch_up(store: Store) -> None:
    """Bring in what scans have found since somebody last looked."""
    for row in store.rows("select * from scan where summary is null"):
        if row["id"] in _over:
            continue
        scan = _scan(store, row)
        if scan.state == jobs.DONE:
            _pull(store, scan)
        elif not scan.live:
            _over.add(scan.id)


OPEN = """
    from finding f
    join example e on e.dataset = $dataset and e.entry = f.entry and e.latest and e.id = f.seen
    left join example o on o.dataset = $dataset and o.entry = f.other and o.latest and o.id = f.other_seen
    where f.scan = $scan
      and e.status <> 'rejected'
      and (f.other = '' or o.status <> 'rejected')
      and not exists (
          from settled s
          where s.dataset = $dataset and s.entry = least(f.entry, f.other) and s.other = greatest(f.entry, f.other)
      )
"""


def open_counts(store: Store, scan: Scan) -> dict[str, int]:
    """By kind, how many examples have an open finding; of a pair of duplicates the second alone, which is one too many.

    Both sides of a contradiction count.
    """
    values = {"dataset": scan.dataset, "scan": scan.id}
    with store.read() as cursor:
        rows = cursor.execute(
            f"""
            select kind, count(distinct who) from (
                select f.kind, case when f.kind = 'duplicate' then f.other else f.entry end as who {OPEN}
                union all
                select f.kind, f.other as who {OPEN} and f.kind = 'contradiction'
            )
            group by kind
            """,
            values,
        ).fetchall()
    return dict(rows)


def open_findings(store: Store, scan: Scan, kind: str, limit: int = 50, offset: int = 0) -> list[Finding]:
    """Open findings of a kind, the surest first."""
    values = {"dataset": scan.dataset, "scan": scan.id, "kind": kind, "limit": limit, "offset": offset}
    with store.read() as cursor:
        rows = cursor.execute(
            f"""
            select f.kind, f.entry, f.other, f.score, f.body {OPEN} and f.kind = $kind
            order by f.score desc, e.place, f.other
            limit $limit offset $offset
            """,
            values,
        ).fetchall()
    return [Finding(kind, entry, other, score, json.loads(body)) for kind, entry, other, score, body in rows]


def keep_both(store: Store, dataset: str, entry: str, other: str, by: str, why: str = "both are wanted") -> None:
    """Two examples that look alike may both stay; the pair is not shown again."""
    one, two = sorted((entry, other))
    with store.write(by, "duplicate.settle", f"{dataset}/{one}", other=two, why=why) as cursor:
        cursor.execute(
            "insert into settled values (?, ?, ?, ?, ?, ?) on conflict do nothing", [dataset, one, two, why, by, now()]
        )


_quiet: dict[str, tuple[int, float]] = {}  # home -> the last seq that was seen, and since when


def keep_up(store: Store, by: str = "atelier") -> Scan | None:
    """Scan a small dataset that nobody has scanned since much of it was new, once it has come to rest."""
    row = store.row("select coalesce(max(seq), 0) as seq from example")
    seq, key = int(row["seq"]) if row else 0, str(store.home.root)
    before, since = _quiet.get(key, (-1, 0.0))
    if seq != before:
        _quiet[key] = (seq, time.monotonic())
        return None
    if since == float("inf") or time.monotonic() - since < SETTLED:
        return None
    _quiet[key] = (seq, float("inf"))
    for found in store.rows(
        """
        select e.dataset, count(*) as n, count(*) filter (where e.seq > coalesce(s.upto, 0)) as fresh
        from example e
        left join (select dataset, max(upto) as upto from scan group by dataset) s on s.dataset = e.dataset
        where e.latest and e.status <> 'rejected'
        group by e.dataset
        having count(*) between 2 and ?
        """,
        [ITSELF],
    ):
        if found["fresh"] >= CHANGED * found["n"] and live(store, found["dataset"]) is None:
            _quiet[key] = (seq, time.monotonic())  # there may be more
            return start(store, found["dataset"], by)
    return None


def _rows(store: Store, id: str) -> Path:
    folder = store.home.root / "scans"
    folder.mkdir(exist_ok=True)
    return folder / f"{id}.parquet"


def _hand_over(store: Store, dataset: str, upto: int, path: Path) -> None:
    """The latest examples as the job reads them, a part at a time."""
    schema = pa.schema(
        [("entry", pa.string()), ("status", pa.string()), ("tags", pa.list_(pa.string())), ("messages", pa.string())]
    )
    with store.read() as cursor, pq.ParquetWriter(path, schema, compression="zstd") as writer:
        cursor.execute(
            """
            select entry, status, tags, messages::text as messages
            from example
            where dataset = ? and latest and status <> 'rejected' and seq <= ?
            """,
            [dataset, upto],
        )
        while part := cursor.fetchmany(10_000):
            columns = [
                pa.array(values, kind.type) for values, kind in zip(zip(*part, strict=True), schema, strict=True)
            ]
            writer.write_batch(pa.record_batch(columns, schema=schema))


def _guide(store: Store, dataset: str) -> str:
    path = guides.file(store, dataset)
    return Path(path).read_text(encoding="utf-8") if path else ""


def _pull(store: Store, scan: Scan) -> None:
    """Findings with the content that they were found at; those of earlier scans go, their figures stay."""
    folder = scan.job.folder
    lines = jsonl.read(folder / FINDINGS)
    frame = pd.DataFrame(
        [{**line, "body": json.dumps(line["body"], ensure_ascii=False)} for line in lines],
        columns=["kind", "entry", "other", "score", "body"],
    )
    with store.jot() as cursor:
        if cursor.execute("select 1 from scan where id = ? and summary is not null", [scan.id]).fetchone():
            return  # a page and the studio's own round saw at the same moment that it is done
        if len(frame):
            cursor.register("pulled", frame)
            cursor.execute(
                """
                insert into finding
                with seen as (
                    select entry, arg_max(id, version) as id
                    from example
                    where dataset = $dataset and seq <= $upto
                      and entry in (select entry from pulled union select other from pulled)
                    group by entry
                )
                select $scan, p.kind, p.entry, p.other, p.score, p.body, e.id, coalesce(o.id, '')
                from pulled p
                join seen e on e.entry = p.entry
                left join seen o on o.entry = p.other
                """,
                {"dataset": scan.dataset, "upto": scan.upto, "scan": scan.id},
            )
            cursor.unregister("pulled")
        cursor.execute(
            "delete from finding where scan in (select id from scan where dataset = ? and id <> ?)",
            [scan.dataset, scan.id],
        )
        summary = (folder / SUMMARY).read_text(encoding="utf-8")
        cursor.execute("update scan set summary = ? where id = ?", [summary, scan.id])
    _rows(store, scan.id).unlink(missing_ok=True)


def _scan(store: Store, row: dict[str, Any]) -> Scan:
    summary = json.loads(row.pop("summary") or "{}")
    return Scan(**row, summary=summary, job=jobs.get(store.home.jobs, row["id"]))

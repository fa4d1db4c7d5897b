"""Readings: the jobs of a library. Its files are read, its documents indexed, a model asked for questions.

What a reading brought is taken over once, by the module that knows its kind; until then `taken` is None.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from engine import jobs
from engine.problems import Problem
from studio.store import Store, now
from studio.work import Work

READ, INDEX, ASK = "read", "index", "ask"
JOBS = {READ: "gather", INDEX: "index", ASK: "make"}  # kinds of the engine's jobs


@dataclass(frozen=True, kw_only=True)
class Reading(Work):
    """`body` is what was wanted, `taken` what came of it: counts by name, with "why" when it failed."""

    noun: ClassVar[str] = "reading"

    library: str
    kind: str
    body: dict[str, Any]
    taken: dict[str, Any] | None

    @property
    def live(self) -> bool:
        """Also while what a job brought is being taken over: nobody can search that yet."""
        return self.job.live or (self.state == jobs.DONE and self.taken is None)


def start(store: Store, library: str, kind: str, spec: Any, by: str, id: str = "", **body: Any) -> Reading:
    """Put a job for a library in the queue. Problem when one of its kind waits or runs for it already."""
    if busy := live(store, library, kind):
        raise Problem(f"{library} is being worked on already: {busy[0].id}.", do="Wait for it, or stop it first.")
    id = id or jobs.new_id(kind)
    values = [id, library, kind, json.dumps(body, ensure_ascii=False), None, by, now()]
    with store.write(by, f"reading.{kind}", id, library=library) as cursor:
        cursor.execute("insert into reading values (?, ?, ?, ?, ?, ?, ?)", values)
        jobs.submit(store.home.jobs, JOBS[kind], spec, by, id)
    return get(store, id)


def get(store: Store, id: str) -> Reading:
    row = store.row("select * from reading where id = ?", [id])
    if row is None:
        raise Problem(f"There is no job {id} of a library.", do="Look at the library.")
    return _reading(store, row)


def listed(store: Store, library: str, kind: str = "") -> list[Reading]:
    """The jobs of a library, newest first."""
    rows = store.rows(
        "select * from reading where library = ? and ? in ('', kind) order by made_at desc, id desc", [library, kind]
    )
    return [_reading(store, row) for row in rows]


def live(store: Store, library: str, kind: str = "") -> list[Reading]:
    return [one for one in listed(store, library, kind) if one.live]


def newest(store: Store, library: str, kind: str) -> Reading | None:
    return next(iter(listed(store, library, kind)), None)


def done(store: Store, kind: str) -> list[Reading]:
    """Those that have ended well since somebody last looked, oldest first."""
    rows = store.rows("select * from reading where kind = ? and taken is null order by made_at", [kind])
    return [one for row in rows if (one := _reading(store, row)).state == jobs.DONE]


def settle(store: Store, reading: Reading, **taken: Any) -> None:
    """Note what came of it, so that it is not taken over again."""
    with store.jot() as cursor:
        values = [json.dumps(taken, ensure_ascii=False), reading.id]
        cursor.execute("update reading set taken = ? where id = ?", values)


def rewrite(store: Store, reading: Reading, body: Mapping[str, Any], taken: Mapping[str, Any] | None) -> None:
    """Say otherwise what was wanted and what came of it, where that may not be told any more."""
    said = [json.dumps(told, ensure_ascii=False) if told is not None else None for told in (body, taken)]
    with store.jot() as cursor:
        cursor.execute("update reading set body = ?, taken = ? where id = ?", [*said, reading.id])


def _reading(store: Store, row: dict[str, Any]) -> Reading:
    body, taken = json.loads(row["body"]), json.loads(row["taken"]) if row["taken"] else None
    return Reading(**{**row, "body": body, "taken": taken}, job=jobs.get(store.home.jobs, row["id"]))


def words(taken: Mapping[str, Any]) -> str:
    """What came of it in a line: 3 changed, 1 new, 2 gone."""
    return ", ".join(f"{n:,} {what}" for what, n in taken.items() if isinstance(n, int) and n) or "nothing new"

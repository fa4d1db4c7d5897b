"""Intake: a file becomes examples and rejects in a thread of the studio, which tells how far it is and can be stopped.

All or nothing. First processes of their own read the file into a folder (`data.arrivals`), while everybody goes on
working; then one transaction saves what is new. Cancelled or killed before its end, nothing of the file is in the
dataset: half a file, perhaps mapped wrongly, would be hard to get out again, and reading anew costs seconds.
"""

import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from engine import jobs
from engine.data.arrivals import Part, Reading, Spec
from engine.problems import Problem
from studio.data.examples import APPROVED, STATUSES
from studio.store import Cursor, Store, now

RUNNING, DONE, CANCELLED, FAILED = "running", "done", "cancelled", "failed"
READING, SAVING = "reading", "saving"
SLICE = 64_000_000  # bytes of the file that are saved between two looks at whether somebody has cancelled
READ = 0.55  # share of the time that reading takes, by measurement
KEPT = 50  # intakes that have ended and can still be asked about


class Cancelled(Exception):
    """Somebody has stopped it."""


@dataclass(frozen=True)
class Intake:
    """How far it is. added + known + rejected = rows of the file, once it is done."""

    id: str
    dataset: str
    source: str
    made_by: str
    made_at: datetime
    state: str
    step: str  # reading, saving
    done: int  # bytes
    of: int
    rows: int  # read so far
    added: int
    known: int
    rejected: int
    seconds: float
    problem: Problem | None = None

    @property
    def share(self) -> float:
        """Of the whole work, in [0, 1]."""
        part = self.done / self.of if self.of else 0.0
        return 1.0 if self.state == DONE else READ * part if self.step == READING else READ + (1 - READ) * part

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        """None while there is too little to go by."""
        enough = self.state == RUNNING and self.share > 0.02 and self.seconds > 0.5
        return self.seconds * (1 - self.share) / self.share if enough else None

    def __str__(self) -> str:
        known = f", {self.known:,} were here already" if self.known else ""
        return f"{self.added:,} added to {self.dataset}{known}, {self.rejected:,} rejected"


def start(
    store: Store,
    path: Path,
    dataset: str,
    by: str,
    *,
    name: str = "",
    split: str = "",
    status: str = APPROVED,
    mapping: Any = None,
    forget: bool = False,
) -> Intake:
    """Begin to import a file and come back at once. Problem when it certainly cannot be imported.

    `split` settles where its rows belong, '' leaves it to them. `mapping` is for files other than JSONL of
    conversations (`data.mapping`). `forget` deletes the file afterwards, for copies that were made for this alone.
    """
    going = _Going(store, path, dataset, by, name or path.name, split, status, mapping, forget)
    _known(store).begin(going)
    return going.now()


def through(store: Store, path: Path, dataset: str, by: str, **more: Any) -> Iterator[Intake]:
    """The same here and now: how far it is, several times a second, and the result at the end. Problem if it fails."""
    begun = start(store, path, dataset, by, **more)
    going = _known(store).find(begun.id)
    try:
        while not going.ended.wait(0.2):
            yield going.now()
    finally:
        going.cancelled.set()
        going.ended.wait()
    if going.error is not None:
        raise going.error
    yield going.now()


def get(store: Store, id: str) -> Intake:
    return _known(store).find(id).now()


def listed(store: Store) -> list[Intake]:
    """Those of this studio since it was opened, newest first."""
    return [going.now() for going in reversed(_known(store).all())]


def running(store: Store, dataset: str = "") -> list[Intake]:
    """Those that go on now, of one dataset or of all."""
    return [one for one in listed(store) if one.state == RUNNING and dataset in ("", one.dataset)]


def cancel(store: Store, id: str) -> None:
    """Stop it; nothing of its file is added. What has ended stays as it is."""
    _known(store).find(id).cancelled.set()


class _Known:
    """The intakes of one open store."""

    def __init__(self, folder: Path) -> None:
        self._lock = threading.Lock()
        self._going: dict[str, _Going] = {}
        shutil.rmtree(folder, ignore_errors=True)  # left by a studio that was killed

    def begin(self, going: "_Going") -> None:
        with self._lock:
            self._going[going.id] = going
            for id in [id for id, one in self._going.items() if one.ended.is_set()][:-KEPT]:
                del self._going[id]
        going.thread.start()

    def find(self, id: str) -> "_Going":
        with self._lock:
            if id not in self._going:
                raise Problem(
                    f"There is no import {id}.",
                    "Imports are known until the studio is closed; one that was not done has added nothing.",
                    "Look at the dataset, or import the file again: what is there already is not added twice.",
                )
            return self._going[id]

    def all(self) -> list["_Going"]:
        with self._lock:
            return list(self._going.values())

    def close(self) -> None:
        for going in self.all():
            going.cancelled.set()
            going.thread.join()


def _known(store: Store) -> _Known:
    return store.beside("intakes", lambda: _Known(store.home.intake))


@dataclass
class _Going:
    store: Store
    path: Path
    dataset: str
    by: str
    source: str
    split: str
    status: str
    mapping: Any
    forget: bool
    id: str = field(default_factory=lambda: jobs.new_id("intake"))
    cancelled: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None

    def __post_init__(self) -> None:
        self.dataset = self.dataset.strip()
        if not self.dataset:
            raise Problem("The dataset has no name.", do="Give it one, such as tone.")
        if self.status not in STATUSES:
            raise Problem(f"There is no status {self.status!r}.", do=f"Choose one of {', '.join(STATUSES)}.")
        self.spec = Spec(self.path, self.source, self.mapping)
        self.spec.check()
        self.of = self.path.stat().st_size
        self.made_at, self.began = now(), time.monotonic()
        self.state, self.step, self.seconds = RUNNING, READING, 0.0
        self.done = self.rows = self.added = self.known = self.rejected = 0
        self.thread = threading.Thread(target=self.run, name=self.id, daemon=True)

    def now(self) -> Intake:
        seconds = self.seconds if self.ended.is_set() else time.monotonic() - self.began
        problem = self.error if isinstance(self.error, Problem) else None
        if self.error is not None and problem is None:
            problem = Problem(f"{self.source} was not imported.", f"Something went wrong inside: {self.error!r}")
        counts = (self.state, self.step, self.done, self.of, self.rows, self.added, self.known, self.rejected)
        return Intake(self.id, self.dataset, self.source, self.by, self.made_at, *counts, seconds, problem)

    def run(self) -> None:
        folder = self.store.home.intake / self.id
        try:
            found = Reading(self.spec, folder).wait(self._heard, self.cancelled.is_set)
            self._check_going()
            self._save(folder, found)
            self.state = DONE
        except Cancelled:
            self.state, self.added, self.known = CANCELLED, 0, 0
        except BaseException as error:
            self.state, self.error, self.added, self.known = FAILED, error, 0, 0
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            if self.forget:
                self.path.unlink(missing_ok=True)
            self.seconds = time.monotonic() - self.began
            self.ended.set()

    def _heard(self, found: list[Part]) -> None:
        self.done = min(self.of, sum(part.done for part in found))
        self.rows = sum(part.valid + part.rejected for part in found)
        self.rejected = sum(part.rejected for part in found)

    def _check_going(self) -> None:
        if self.cancelled.is_set():
            raise Cancelled

    def _save(self, folder: Path, found: list[Part]) -> None:
        self.step, self.done = SAVING, 0
        valid = sum(part.valid for part in found)
        counts = {"rows": self.rows, "rejected": self.rejected}
        with self.store.write(self.by, "dataset.import", self.dataset, source=self.source, **counts) as cursor:
            self._check_going()
            made = [self.dataset, self.by, now()]
            cursor.execute("insert into dataset values (?, '', ?, ?) on conflict do nothing", made)
            paths = [str(folder / f"{part.number:06d}.rows.parquet") for part in found if part.valid]
            if paths:
                _choose(cursor, self.dataset, paths)
                (base,) = cursor.execute("select coalesce(max(seq), 0) from example").fetchone() or (0,)
            for some in _slices(found):
                self._check_going()
                self.added += self._insert(cursor, folder, some, base) if any(part.valid for part in some) else 0
                _keep_rejects(cursor, self.dataset, self.source, folder, some)
                self.done += sum(part.done for part in some)
            self._check_going()
        self.known = valid - self.added

    def _insert(self, cursor: Cursor, folder: Path, some: list[Part], base: int) -> int:
        paths = [str(folder / f"{part.number:06d}.rows.parquet") for part in some if part.valid]
        values = {"paths": paths, "base": base, "dataset": self.dataset, "split": self.split, "status": self.status}
        new = cursor.execute(
            """
            insert into example
            select $base + nth, $base + nth, $dataset, id, 1, true, id, messages, tools, tags, grouped_by,
                   case when $split = '' then split else $split end, $status, $by, $source, line, '', '', words,
                   $now, worse
            from read_parquet($paths) semi join chosen using (nth)
            """,
            {**values, "by": self.by, "source": self.source, "now": self.made_at},
        ).fetchone()
        return int(new[0]) if new else 0


def _choose(cursor: Cursor, dataset: str, paths: list[str]) -> None:
    """The rows that say something new, the first of those that say the same: read by their hashes alone.

    An entry whose first version said this, or that says it now, holds a conversation already.
    """
    cursor.execute(
        """
        create temp table chosen as
        select min(nth) as nth
        from read_parquet($paths)
        where id not in (select entry from example where dataset = $dataset)
          and id not in (select id from example where dataset = $dataset and latest)
        group by id
        """,
        {"paths": paths, "dataset": dataset},
    )


def _keep_rejects(cursor: Cursor, dataset: str, source: str, folder: Path, some: list[Part]) -> None:
    """Rejects that are not known; two files of one name may differ, so the words decide and not the line alone."""
    paths = [str(folder / f"{part.number:06d}.rejects.parquet") for part in some if part.rejected]
    if paths:
        cursor.execute(
            """
            insert into reject
            select $dataset, $source, line, code, why, content, repair, '', $now
            from read_parquet($paths) found
            where not exists (
                from reject
                where dataset = $dataset and source = $source and line = found.line and content = found.content
            )
            """,
            {"paths": paths, "dataset": dataset, "source": source, "now": now()},
        )


def _slices(found: list[Part]) -> Iterator[list[Part]]:
    some: list[Part] = []
    for part in found:
        some.append(part)
        if sum(one.done for one in some) >= SLICE or len(some) >= 50:
            yield some
            some = []
    if some:
        yield some

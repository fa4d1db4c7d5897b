"""Kept: answers to earlier requests, so that the same request is not paid twice. One file for a home (SQLite).

The key is all that the answer depends on: who answers, with which weights, and every byte that was sent. Of a model
elsewhere only the name is known, and what that means may change: such an answer holds for some days. Several processes
may read and write at once; what is not yet written when a process is killed is only asked again.
"""

import hashlib
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.problems import Problem

DAYS = 7.0  # that an answer of a model elsewhere holds
FLUSH = 0.5  # seconds that an answer waits to be written with others
TABLE = """
    create table if not exists kept (
        key blob primary key,
        model text not null,
        said blob not null,
        at real not null
    )
"""


@dataclass(frozen=True)
class Size:
    answers: int
    bytes: int


def key(*parts: bytes) -> bytes:
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8) + part)
    return total.digest()


class Kept:
    """Used by one thread. What is put in can be had at once, and is on the disk within a second or at `close`.

    `days` is how long an answer holds whose model may have come to mean another; `now` gives seconds since the epoch.
    """

    def __init__(self, path: Path, days: float = DAYS, now: Callable[[], float] = time.time) -> None:
        self.path, self.days, self.now = path, days, now
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = _opened(path)
        self._new: dict[bytes, tuple[str, bytes, float]] = {}
        self._written = time.monotonic()

    def get(self, key: bytes, moves: bool = False) -> bytes | None:
        """What was put in; nothing where the model `moves` and that was too many days ago."""
        if key in self._new:
            return self._new[key][1]
        since = oldest(self.days, self.now()) if moves else 0.0
        row = self._db.execute("select said from kept where key = ? and at >= ?", [key, since]).fetchone()
        return row[0] if row else None

    def put(self, key: bytes, model: str, said: bytes) -> None:
        self._new[key] = (model, said, self.now())
        if time.monotonic() - self._written > FLUSH:
            self.flush()

    def flush(self) -> None:
        self._written = time.monotonic()
        if self._new:
            rows = [(key, *row) for key, row in self._new.items()]
            with self._db:
                self._db.executemany("insert or replace into kept values (?, ?, ?, ?)", rows)
            self._new.clear()

    def close(self) -> None:
        self.flush()
        self._db.close()


def size(path: Path) -> Size:
    if not path.is_file():
        return Size(0, 0)
    db = _opened(path)
    try:
        (n,) = db.execute("select count(*) from kept").fetchone()
    finally:
        db.close()
    files = (path, path.with_name(f"{path.name}-wal"))
    return Size(n, sum(file.stat().st_size for file in files if file.exists()))


def oldest(days: float, now: float) -> float:
    """When an answer may have been given, in seconds since the epoch, to hold still."""
    return now - days * 86400


def known(path: Path, keys: Sequence[bytes], since: float = 0.0) -> int:
    """How many of these requests have been answered before, `since` then."""
    if not path.is_file():
        return 0
    db = _opened(path)
    try:
        held = "select 1 from kept where key = ? and at >= ?"
        return sum(db.execute(held, [key, since]).fetchone() is not None for key in keys)
    finally:
        db.close()


def clear(path: Path, model: str = "") -> int:
    """Delete the answers of a model, of all by default; how many. The room on the disk is given back."""
    if not path.is_file():
        return 0
    db = _opened(path)
    try:
        with db:
            gone = db.execute("delete from kept where ? in ('', model)", [model]).rowcount
        db.execute("vacuum")
        db.execute("pragma wal_checkpoint(truncate)")
    finally:
        db.close()
    return gone


def _opened(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=60.0)
    try:
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = normal")  # a machine that loses power may lose the last answers, no others
        db.execute(TABLE)
    except sqlite3.DatabaseError as error:
        db.close()
        why = f"{path} is no store of answers: {error}."
        raise Problem("The earlier answers cannot be read.", why, "Delete that file; they are asked again.") from error
    return db

"""Kept: answers to earlier requests, so that the same request is not paid twice. One file for a home (SQLite).

The key is all that the answer depends on: who answers, with which weights, and every byte that was sent. Several
processes may read and write at once; what is not yet written when a process is killed is only asked again.
"""

import hashlib
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.problems import Problem

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
    """Used by one thread. What is put in can be had at once, and is on the disk within a second or at `close`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = _opened(path)
        self._new: dict[bytes, tuple[str, bytes, float]] = {}
        self._written = time.monotonic()

    def get(self, key: bytes) -> bytes | None:
        if key in self._new:
            return self._new[key][1]
        row = self._db.execute("select said from kept where key = ?", [key]).fetchone()
        return row[0] if row else None

    def put(self, key: bytes, model: str, said: bytes) -> None:
        self._new[key] = (model, said, time.time())
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


def known(path: Path, keys: Sequence[bytes]) -> int:
    """How many of these requests have been answered before."""
    if not path.is_file():
        return 0
    db = _opened(path)
    try:
        return sum(db.execute("select 1 from kept where key = ?", [key]).fetchone() is not None for key in keys)
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

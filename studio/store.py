"""Store: the one DuckDB file of a studio, opened by one process.

`read()` is for looking, from any thread. `write(by, verb, subject)` is the only way to change anything that counts: one
writer at a time, one transaction, and an Event in that same transaction, so nothing changes without a trace of who did
it. `jot()` is for what is nobody's deed: half-typed drafts, what a job has found, seconds of attention.
"""

import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import duckdb

from engine.problems import Problem
from studio.folders import Home
from studio.schema import MIGRATIONS

Cursor = duckdb.DuckDBPyConnection
SPARE = 4  # blocks written beyond those that are free, so that the last of them are covered
TOLD = 2048  # half the bytes of one of the small blocks: two letters stand for a byte
QUIET = 15.0  # seconds in which there should be a moment without a reader
MEMORY = "1GB"  # of DuckDB; what needs more goes by way of the disk, and the pages keep theirs
T = TypeVar("T")


def now() -> datetime:
    """UTC without a zone, as every table keeps it."""
    return datetime.now(UTC).replace(tzinfo=None)


class Store:
    def __init__(self, home: Home) -> None:
        self.home = home
        try:
            for folder in (home.root, home.files, home.jobs, home.snapshots, home.libraries):
                folder.mkdir(parents=True, exist_ok=True)
            self._db = duckdb.connect(str(home.database), config={"memory_limit": MEMORY})
        except (OSError, duckdb.IOException) as error:
            raise _unusable(home, error) from error
        self._lock = threading.Lock()
        self._beside: dict[str, Any] = {}
        self._besides = threading.RLock()
        self._migrate()
        if home.traces.exists():
            self._once_quiet(0.0)

    @contextmanager
    def read(self) -> Iterator[Cursor]:
        """A cursor of one's own: threads that share a connection get each other's answers."""
        with self._db.cursor() as cursor:
            yield cursor

    @contextmanager
    def write(self, by: str, verb: str, subject: str, **detail: Any) -> Iterator[Cursor]:
        """One change by somebody, as one transaction with its Event."""
        assert by, f"nobody asked for {verb} {subject}"
        with self.jot() as cursor:
            yield cursor
            cursor.execute(
                "insert into event (made_by, verb, subject, detail, made_at) values (?, ?, ?, ?, ?)",
                [by, verb, subject, json.dumps(detail, ensure_ascii=False, default=str), now()],
            )

    @contextmanager
    def jot(self) -> Iterator[Cursor]:
        """One transaction that leaves no Event."""
        with self._lock, self._db.cursor() as cursor:
            cursor.begin()
            try:
                yield cursor
            except BaseException:
                cursor.rollback()
                raise
            cursor.commit()

    def rows(self, query: str, values: Any = ()) -> list[dict[str, Any]]:
        """The answer to a query as dictionaries."""
        with self.read() as cursor:
            cursor.execute(query, values if isinstance(values, dict) else list(values))
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def row(self, query: str, values: Any = ()) -> dict[str, Any] | None:
        found = self.rows(query, values)
        return found[0] if found else None

    def beside(self, name: str, make: Callable[[], T]) -> T:
        """What lives as long as this store, such as the index of words: made when first asked for, closed with it."""
        with self._besides:
            if name not in self._beside:
                self._beside[name] = make()
            found: T = self._beside[name]
            return found

    def scrub(self, *tables: str) -> None:
        """Leave no trace of rows that were deleted from small tables: DuckDB keeps their bytes until it needs the room.

        The tables are written anew, the file is checkpointed, and what is free in it is written over. That takes a
        moment in which nobody reads; where none comes in a while, it is done when the store is opened next.
        """
        self.home.traces.touch()
        for table in tables:
            with self.jot() as cursor:
                found = cursor.execute("select sql from duckdb_tables() where table_name = ?", [table]).fetchone()
                assert found, f"there is no table {table}"
                (made,) = found
                cursor.execute(re.sub(r'^CREATE TABLE "?\w+"?', "CREATE TABLE rewritten", made))
                cursor.execute(f"insert into rewritten select * from {table}")
                cursor.execute(f"drop table {table}")
                cursor.execute(f"alter table rewritten rename to {table}")
        self._once_quiet(QUIET)

    def close(self) -> None:
        with self._besides:
            beside, self._beside = list(self._beside.values()), {}
        for one in beside:
            if hasattr(one, "close"):
                one.close()
        self._db.close()

    def _once_quiet(self, patience: float) -> None:
        """Write over what is free in the file, in the first moment of so many seconds in which nobody reads."""
        until = time.monotonic() + patience
        while True:
            try:
                with self._lock, self._db.cursor() as cursor:
                    _write_over(cursor)
                self.home.traces.unlink(missing_ok=True)
                return
            except duckdb.TransactionException:  # no checkpoint past those who read what is no longer there
                if time.monotonic() > until:
                    return
                time.sleep(0.02)

    def _migrate(self) -> None:
        """Apply what this file has not seen yet; the name is the key."""
        with self._lock, self._db.cursor() as cursor:
            cursor.execute("create table if not exists migration (name text primary key, made_at timestamp)")
            seen = {name for (name,) in cursor.execute("select name from migration").fetchall()}
            for name, statements in MIGRATIONS.items():
                if name in seen:
                    continue
                cursor.begin()
                cursor.execute(statements)
                cursor.execute("insert into migration values (?, ?)", [name, now()])
                cursor.commit()


_opened: dict[str, Store] = {}
_opening = threading.Lock()


def opened(home: Home) -> Store:
    """The one Store of this home in this process, opened at the first call."""
    key = str(home.root)
    with _opening:
        if key not in _opened:
            _opened[key] = Store(home)
        return _opened[key]


def close_all() -> None:
    """Close what `opened` has opened; for the end of a process and for tests."""
    with _opening:
        while _opened:
            _opened.popitem()[1].close()


def _unusable(home: Home, error: Exception) -> Problem:
    """Why a home could not be opened, for people."""
    if "Could not set lock" in str(error):
        return Problem(
            f"Another studio is using {home.root}.",
            "One process owns the database.",
            "Use that one, stop it, or choose another folder with --home.",
        )
    return Problem(
        f"{home.root} cannot be the home folder.",
        f"{error}".rstrip(".!") + ".",
        "Choose a folder that you may write to with --home or ATELIER_HOME.",
    )


def _write_over(cursor: Cursor) -> None:
    """Fill what is free in the file: whole blocks with a table, the small ones that tell of tables with a view."""
    # else what the file says of a table, with its least and greatest words, stays beside its neighbours'
    cursor.execute("set experimental_metadata_reuse = false")
    try:
        cursor.execute("checkpoint")
        _fill(cursor)
    finally:
        cursor.execute("reset experimental_metadata_reuse")


def _fill(cursor: Cursor) -> None:
    found = cursor.execute("select free_blocks, block_size from pragma_database_size()").fetchone()
    told = cursor.execute("select sum(total_blocks) from pragma_metadata_info()").fetchone()
    (free, size), (small,) = found or (0, 0), told or (0,)
    cursor.execute("create or replace table filler (bytes blob)")
    for _ in range(free + SPARE):
        cursor.execute("insert into filler values (?)", [secrets.token_bytes(size)])
    cursor.execute(f"create or replace view told as select '{secrets.token_hex((small or 0) * TOLD)}'")
    cursor.execute("checkpoint")
    cursor.execute("drop table filler")
    cursor.execute("drop view told")
    cursor.execute("checkpoint")

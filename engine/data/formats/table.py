"""Table: rows with named columns, whatever file they stand in, read one after the other and never all at once."""

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from engine import hashes
from engine.data.rows import Reject

Progress = Callable[[int, int], None]  # (done, of), in bytes or rows
SEEN = 1000  # rows that are looked at to learn what the columns are
TOLD = 500  # rows between two words on progress


class Row(NamedTuple):
    line: int  # in the file as an editor counts, or the number of the row where a file has no lines
    values: dict[str, Any]


Rows = Iterator[Row | Reject]


def nobody(done: int, of: int) -> None:
    """Progress that nobody listens to."""


@dataclass(frozen=True)
class Source:
    """Bytes that can be read again from the start: a file, or text that was pasted."""

    name: str
    path: Path | None = None
    content: bytes = b""

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path else len(self.content)

    def open(self) -> BinaryIO:
        return self.path.open("rb") if self.path else io.BytesIO(self.content)

    def head(self, n: int = 65_536) -> bytes:
        with self.open() as file:
            return file.read(n)


@dataclass(frozen=True)
class Table:
    """What was found in a file, and the way to its rows.

    `parts` are what it is made of where that can be chosen: the sheets of a workbook. `header` says whether its first
    row holds the names of the columns, None where the question does not arise. `notes` say in sentences what was
    found out rather than told, and what is not read.
    """

    name: str
    kind: str
    columns: tuple[str, ...]
    size: int  # in the unit of progress
    read: Callable[[Progress], Rows]
    counted: bool = False  # size is in rows, not bytes
    parts: tuple[str, ...] = ()
    part: str = ""
    header: bool | None = None
    notes: tuple[str, ...] = ()

    def rows(self, progress: Progress = nobody) -> Rows:
        return self.read(progress)

    def head(self, n: int = 10) -> list[Row | Reject]:
        return self.sample[:n] if n <= len(self.sample) else list(islice(self.rows(), n))

    @cached_property
    def sample(self) -> list[Row | Reject]:
        """The first rows, kept, since a page and a guess look at them again and again."""
        return list(islice(self.rows(), SEEN))

    @property
    def shape(self) -> str:
        """Files of one shape can share a mapping."""
        return hashes.content(sorted(self.columns))

    @cached_property
    def n(self) -> int | None:
        """How many rows it holds; None when that is not known without reading all of it."""
        if len(self.sample) < SEEN:
            return len(self.sample)
        return self.size if self.counted else None

    def named(self, columns: Iterable[str], *notes: str) -> "Table":
        """The same with its columns known; empty notes say nothing."""
        return replace(self, columns=tuple(columns), notes=(*self.notes, *filter(None, notes)))


def columns_of(rows: Iterable[Row | Reject]) -> tuple[str, ...]:
    """Every column that occurs, in the order of its first appearance."""
    return tuple(dict.fromkeys(name for row in rows if isinstance(row, Row) for name in row.values))

"""Separated: CSV and its relatives, with commas, semicolons, tabs or bars, and the exact line of every row."""

import csv
import json
from collections import deque
from collections.abc import Iterator
from typing import TextIO

from engine.data import columns as known
from engine.data.formats import encodings, headers
from engine.data.formats.table import TOLD, Progress, Row, Rows, Source, Table, columns_of
from engine.data.rows import LONGEST_LINE, Reject
from engine.problems import Problem

DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas"}  # commas last: figures hold them, too
LONGEST = 1000  # lines of one row; a quote that is open for longer was never closed
JUDGED = 60  # rows to tell the delimiter by

csv.field_size_limit(2 * LONGEST_LINE)


def table(source: Source, header: bool | None = None, delimiter: str = "") -> Table:
    """The rows of a file of separated values. `header` None: find out whether its first row names the columns."""
    encoding = encodings.of(source)
    with source.open() as raw:
        delimiter = delimiter or sniff(encodings.text(raw, encoding))
    with source.open() as raw:
        first = [cells for _, cells, _ in _head(encodings.text(raw, encoding), delimiter)]
    if not first:
        raise Problem(f"{source.name} holds no rows.", do="Choose a file with a row for each example.")
    named = headers.names(first) if header is None else header
    columns = headers.unique(first[0]) if named else headers.numbered(max(map(len, first)))
    if named and len(first) == 1:
        raise Problem(f"{source.name} has only a header, no rows.", do="Choose a file with a row for each example.")

    def read(progress: Progress) -> Rows:
        with source.open() as raw:
            file = encodings.text(raw, encoding)
            for n, (line, cells, why) in enumerate(_records(file, delimiter)):
                if n % TOLD == 0:
                    progress(min(raw.tell(), source.size), source.size)
                if n or not named:
                    yield from _row(line, cells, why, columns)
            progress(source.size, source.size)

    notes = f"Its columns are separated by {DELIMITERS[delimiter]}." if delimiter != "," else ""
    kind = "TSV" if delimiter == "\t" else "CSV"
    found = Table(source.name, kind, columns, source.size, read, header=named)
    return found.named(columns_of([Row(0, dict.fromkeys(columns)), *found.sample]), notes, encodings.said(encoding))


def sniff(file: TextIO) -> str:
    """The delimiter that cuts most rows into one and the same number of cells, at least two; else a comma. One that
    cuts the first row goes before one that does not: names of columns hold no decimal commas, rows of prices do."""
    text = file.read(200_000)
    best, sign = (False, 0.0), ","
    for candidate in DELIMITERS:
        rows = _head(iter(text.splitlines(keepends=True)), candidate)
        widths = [len(cells) for _, cells, why in rows if not why]
        wide = [width for width in widths if width > 1]
        if not wide:
            continue
        common = max(set(wide), key=lambda width: (wide.count(width), width))
        cut = widths[0] > 1, wide.count(common) / len(widths)
        if cut > best:
            best, sign = cut, candidate
    return sign


def _head(lines: Iterator[str], delimiter: str) -> list[tuple[int, list[str], str]]:
    found = []
    for record in _records(lines, delimiter):
        found.append(record)
        if len(found) == JUDGED:
            break
    return found


def _records(lines: Iterator[str], delimiter: str) -> Iterator[tuple[int, list[str], str]]:
    """(line where it begins, cells, why it is no row) of each record; blank lines are none.

    A quote that is opened and never closed would swallow what follows: then its line alone is given out as broken,
    and reading goes on behind it.
    """
    feed = _Feed(lines)
    while True:
        feed.taken.clear()
        start = feed.line + 1
        reader = csv.reader(feed, delimiter=delimiter)
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (_Unclosed, csv.Error):
            yield start, [feed.back_to_first()], "A quotation mark is opened in it and never closed."
            continue
        if feed.ended:  # the reader asks for another line only within quotation marks
            yield start, [feed.back_to_first()], "A quotation mark is opened in it and never closed."
        elif any(cell.strip() for cell in cells):
            yield start, cells, ""


class _Unclosed(Exception):
    pass


class _Feed:
    """Lines for the reader, remembered while they may still have to be given back."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines, self.line, self.ended = lines, 0, False
        self.waiting: deque[str] = deque()
        self.taken: list[str] = []

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        if len(self.taken) >= LONGEST:
            raise _Unclosed
        try:
            line = self.waiting.popleft() if self.waiting else next(self.lines)
        except StopIteration:
            self.ended = True
            raise
        self.ended = False
        self.line += 1
        self.taken.append(line)
        return line

    def back_to_first(self) -> str:
        """Give all but the first of the lines taken back; the first."""
        first, *rest = self.taken
        self.waiting.extendleft(reversed(rest))
        self.line -= len(rest)
        return first.rstrip("\r\n")


def _row(line: int, cells: list[str], why: str, columns: tuple[str, ...]) -> Rows:
    content = json.dumps(cells, ensure_ascii=False)
    if why:
        yield Reject(line, "open-quote", why, encodings.bare(cells[0]))
    elif not all(map(encodings.whole, cells)):
        yield Reject(line, "not-utf8", "It is not UTF-8 text. Save the file as UTF-8.", encodings.bare(content))
    elif any(cell.strip() for cell in cells[len(columns) :]):
        known = f"there are {len(columns)} columns" if len(columns) > 1 else "there is 1 column"
        said = f"It has {len(cells)} cells, but {known}."
        yield Reject(line, "too-many-cells", f"{said} A cell with the separator in it needs quotation marks.", content)
    else:
        padded = [*cells, *[""] * (len(columns) - len(cells))]
        yield Row(line, dict(zip(columns, padded, strict=False)))


def looks_like(lines: list[str]) -> bool:
    """Whether the lines of a text without a name are separated values: under known names, cut alike all the way."""
    for delimiter in DELIMITERS:
        rows = [cells for _, cells, why in _head(iter(line + "\n" for line in lines), delimiter) if not why]
        even = len(rows) > 1 and {len(cells) for cells in rows} == {len(rows[0])}
        if even and sum(known.field(cell) is not None for cell in rows[0]) > 1:
            return True
    return False

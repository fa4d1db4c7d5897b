"""Workbooks: the sheets of an XLSX file, and Parquet; both read row by row."""

import datetime
import zipfile
from collections.abc import Iterator
from typing import Any

from engine import sizes
from engine.data.formats import headers
from engine.data.formats.table import TOLD, Progress, Row, Rows, Source, Table, columns_of
from engine.problems import Problem

LARGEST = 2_000_000_000  # bytes, unpacked: a small file can be packed around more than memory holds
OLD = b"\xd0\xcf\x11\xe0"  # how an old workbook begins, and one that is locked with a password
JUDGED = 60


def workbook(source: Source, part: str = "", header: bool | None = None) -> Table:
    """The rows of one sheet of an XLSX file: `part`, or the first that has any. The others are named."""
    _check(source)
    with _opened(source) as book:
        sheets = tuple(sheet.title for sheet in book.book.worksheets)
        if part and part not in sheets:
            raise Problem(f"{source.name} has no sheet {part}.", do=f"Its sheets are {', '.join(sheets)}.")
        heads = {name: book.head(name) for name in ([part] if part else sheets)}
    chosen = next((name for name, rows in heads.items() if rows), "")
    if not chosen:
        raise Problem(f"{source.name} holds no rows.", do="Choose a workbook with a row for each example.")
    first = heads[chosen]
    named = headers.names([[_text(cell) for cell in cells] for _, cells in first]) if header is None else header
    if named and len(first) == 1:
        raise Problem(f"{source.name} has only a header, no rows.", do="Choose one with a row for each example.")
    width = max(len(cells) for _, cells in first)
    own = headers.unique([*first[0][1], *[None] * (width - len(first[0][1]))]) if named else headers.numbered(width)

    def read(progress: Progress) -> Rows:
        with _opened(source) as book:
            of = book.book[chosen].max_row or 0
            for n, (line, cells) in enumerate(book.rows(chosen)):
                if n % TOLD == 0 and of:
                    progress(min(line, of), of)
                if n or not named:
                    more = headers.numbered(len(cells))[len(own) :]
                    yield Row(line, {name: _plain(cell) for name, cell in zip((*own, *more), cells, strict=False)})
            progress(of, of)

    others = [name for name in sheets if name != chosen]
    note = f"Read is the sheet {chosen}, not {', '.join(others)}." if others else ""
    found = Table(source.name, "XLSX", own, source.size, read, False, sheets, chosen, named)
    return found.named(columns_of([Row(0, dict.fromkeys(own)), *found.sample]), note)


class _opened:
    """A workbook that is closed again, together with its file."""

    def __init__(self, source: Source) -> None:
        import openpyxl  # takes a moment to load; other files need none of it

        self.file = source.open()
        try:
            self.book = openpyxl.load_workbook(self.file, read_only=True, data_only=True)
        except Exception as error:  # it raises whatever its parsers meet
            self.file.close()
            raise Problem(
                f"{source.name} cannot be read as a workbook.",
                f"The reader says: {type(error).__name__}: {error}.",
                "Open it in a spreadsheet, save it again as XLSX or CSV, and choose that.",
            ) from error

    def __enter__(self) -> "_opened":
        return self

    def __exit__(self, *_: object) -> None:
        self.book.close()
        self.file.close()

    def rows(self, sheet: str) -> Iterator[tuple[int, list[Any]]]:
        """(number as the spreadsheet shows it, cells) of each row that is not blank, without empty cells at its end."""
        page = self.book[sheet]
        page.reset_dimensions()  # what the file says of its own size is often wrong
        for line, cells in enumerate(page.iter_rows(values_only=True), 1):
            kept = list(cells)
            while kept and _text(kept[-1]).strip() == "":
                kept.pop()
            if kept:
                yield line, kept

    def head(self, sheet: str) -> list[tuple[int, list[Any]]]:
        found = []
        for row in self.rows(sheet):
            found.append(row)
            if len(found) == JUDGED:
                break
        return found


def _check(source: Source) -> None:
    if source.head(4) == OLD:
        raise Problem(
            f"{source.name} is locked with a password, or in the old XLS format.",
            do="Open it in a spreadsheet, save it as XLSX without a password, and choose that.",
        )
    try:
        with source.open() as file, zipfile.ZipFile(file) as packed:
            unpacked = sum(part.file_size for part in packed.infolist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise Problem(f"{source.name} is a damaged workbook.", f"It cannot be unpacked: {error}.") from error
    if unpacked > LARGEST:
        raise Problem(
            f"{source.name} unpacks to {sizes.in_words(unpacked)}; the most is {sizes.in_words(LARGEST)}.",
            do="Save its sheets as CSV files.",
        )


def _plain(cell: Any) -> Any:
    """A cell as JSON knows it: whole numbers without .0, dates as 2026-11-20."""
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        return cell.date().isoformat()
    if isinstance(cell, datetime.datetime | datetime.date | datetime.time):
        return cell.isoformat()
    return cell if cell is None or isinstance(cell, str | int | float | bool) else str(cell)


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell)


def parquet(source: Source) -> Table:
    """The rows of a Parquet file, a batch at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with source.open() as file, pq.ParquetFile(file) as found:
            columns, n = tuple(found.schema_arrow.names), found.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise _damaged(source, error) from error
    if not n:
        raise Problem(f"{source.name} holds no rows.", do="Choose a file with a row for each example.")

    def read(progress: Progress) -> Rows:
        line = 0
        try:
            with source.open() as file, pq.ParquetFile(file) as opened:
                for batch in opened.iter_batches(batch_size=1000):
                    for values in batch.to_pylist():
                        line += 1
                        yield Row(line, {name: _json(value) for name, value in values.items()})
                    progress(line, n)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise _damaged(source, error) from error

    return Table(source.name, "Parquet", columns, n, read, counted=True)


def _damaged(source: Source, error: Exception) -> Problem:
    return Problem(
        f"{source.name} is a damaged Parquet file.",
        f"The reader says: {str(error).splitlines()[0][:200]}",
        "Export it again.",
    )


def _json(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _json(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_json(inner) for inner in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return _plain(value)

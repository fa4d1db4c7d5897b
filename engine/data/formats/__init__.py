"""Formats: whatever holds examples, as a Table of rows; `records` makes conversations and rejects of it.

JSONL, JSON, CSV and TSV, XLSX, Parquet, text and chats, whether in a file or pasted. What a column means is a Mapping's
to say (`engine.data.mapping`); here every row only gets its number and its cells. Rows are read one after the other.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from engine import sizes
from engine.data import rows as jsonl
from engine.data.formats import lines, separated, texts, trees, workbooks
from engine.data.formats.table import Progress, Row, Source, Table, nobody
from engine.data.mapping import Mapping, apply
from engine.data.rows import Reject, Valid
from engine.problems import Problem

__all__ = ["KINDS", "Row", "Source", "Table", "open_table", "records"]

KINDS = ("jsonl", "ndjson", "json", "csv", "tsv", "tab", "xlsx", "xlsm", "parquet", "txt", "md", "log", "text")
KNOWN = "JSONL, JSON, CSV, TSV, XLSX, Parquet and plain text can be read."


def open_table(where: Path | str, name: str = "", *, part: str = "", header: bool | None = None) -> Table:
    """What a file holds, or a text that was pasted. Problem when it cannot be read as a whole.

    `name` is what the person calls the file, when the path is a copy of it. `part` is the sheet of a workbook, '' for
    the first with rows in it. `header` says whether the first row names the columns; None finds it out.
    """
    if isinstance(where, Path):
        source = Source(name or where.name, where)
        _check(source, where)
    else:
        source = Source(name or "pasted text", content=where.encode("utf-8", "replace"))
        if not where.strip():
            raise Problem("There is no text yet.", do="Paste some: a chat, a table, or a message a line.")
    kind = _kind(source)
    if kind == "xlsx":
        return workbooks.workbook(source, part, header)
    if kind == "parquet":
        return workbooks.parquet(source)
    if kind == "jsonl":
        return lines.table(source)
    if kind == "json":
        return trees.table(source)
    if kind in ("csv", "tsv"):
        return separated.table(source, header, "\t" if kind == "tsv" else "")
    return texts.table(source)


def records(
    path: Path | str, mapping: Mapping | None = None, name: str = "", progress: Progress = nobody
) -> Iterator[Valid | Reject]:
    """The rows of a file as conversations or rejects: one for each. Without a mapping they are conversations as
    they stand, one a line."""
    if isinstance(path, Path) and (mapping is None or mapping.as_is):
        yield from jsonl.read(path, name or path.name, progress)
        return
    mapping = mapping or Mapping(as_is=True)
    table = open_table(path, name, part=mapping.part, header=mapping.header)
    for row in table.rows(progress):
        yield row if isinstance(row, Reject) else apply(mapping, row.line, row.values)


def _check(source: Source, path: Path) -> None:
    if path.is_dir():
        raise Problem(f"{source.name} is a folder.", do="Choose a file in it.")
    if not path.is_file():
        raise Problem(f"There is no file {source.name}.", do="Check the path and its spelling.")
    if source.size == 0:
        raise Problem(f"{source.name} is empty.", do="Choose a file with a row for each example.")
    if source.size > jsonl.LARGEST:
        raise Problem(
            f"{source.name} is {sizes.in_words(source.size)}; the most is {sizes.in_words(jsonl.LARGEST)}.",
            do="Split it and bring in the parts one after the other.",
        )
    try:
        source.head(1)
    except OSError as error:
        raise Problem(f"{source.name} cannot be read.", f"The system says: {error.strerror}.") from error


def _kind(source: Source) -> str:
    """By what the file holds first; by its name where that leaves a choice."""
    head = source.head()
    ending = source.name.rsplit(".", 1)[-1].lower() if "." in source.name else ""
    if head.startswith(b"PK\x03\x04") or head.startswith(workbooks.OLD):
        return "xlsx"
    if head.startswith(b"PAR1"):
        return "parquet"
    if ending in ("xlsx", "xlsm", "parquet"):
        what = "an XLSX workbook" if ending.startswith("xls") else "a Parquet file"
        raise Problem(f"{source.name} is not {what}, whatever its name says.", do="Export it again.")
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    if b"\x00" in head and not wide:
        raise Problem(f"{source.name} is not a text file.", do=KNOWN)
    text = head.decode("utf-16" if wide else "utf-8", "replace").lstrip("\ufeff")
    if not text.strip():
        raise Problem(f"{source.name} holds only blank lines.", do="Choose a file with a row for each example.")
    if ending in ("csv", "tsv", "tab"):
        return "tsv" if ending != "csv" else "csv"
    if wide and ending in ("jsonl", "ndjson"):
        raise Problem(f"{source.name} is UTF-16 text.", "Atelier reads JSONL as UTF-8.", "Save it again as UTF-8.")
    if ending in ("json", "jsonl", "ndjson") or text.lstrip()[0] in "[{":
        return "jsonl" if not wide and _line_by_line(text, ending) else "json"
    return _of_text(text)


def _line_by_line(text: str, ending: str) -> bool:
    """Whether JSON stands one value a line: its first line is whole, and so is the second if there is one."""
    found = [line for line in text.split("\n") if line.strip()][:2]
    whole = [_is_json(line) for line in found]
    if ending in ("jsonl", "ndjson"):
        return whole[0] or found[0].strip() not in ("[", "{")
    if len(found) == 1 and len(text) < 60_000:
        return whole[0] and found[0].lstrip()[0] == "{" and not _holds_lists(found[0])
    return len(found) > 1 and (whole[0] or (whole[1] and found[1].lstrip()[0] == "{"))


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _holds_lists(line: str) -> bool:
    """Whether an object holds lists of rows, so that it is no row itself."""
    return any(isinstance(value, list) for value in json.loads(line).values()) and '"role"' not in line


def _of_text(text: str) -> str:
    """A table that was pasted, or words."""
    found = [line for line in text.split("\n") if line.strip()][:50]
    if sum("\t" in line for line in found) > 0.8 * len(found):
        return "tsv"
    return "csv" if len(found) > 1 and separated.looks_like(found) else "text"

"""Trees: rows out of JSON that is one large value, read element by element so that memory stays flat.

Understood are a list of rows; an object of lists (`{"train": [...], "test": [...]}`: the key becomes a column); an
object of objects (its keys become a column, too); values that stand one after the other; and one row alone.
"""

import json
from collections.abc import Iterator
from typing import Any, TextIO

from engine.data.formats import encodings
from engine.data.formats.table import TOLD, Progress, Row, Rows, Source, Table, columns_of
from engine.data.rows import LONGEST_LINE, Reject
from engine.data.unusable import shown
from engine.problems import Problem

KEY = "part of the file"  # the column of the keys of an object of lists
PIECE = 1 << 16
SPEAKS = ("role", "from", "speaker")  # a list of objects with these is one conversation, not a list of rows
UNCLOSED = "Unterminated string"


class _Scanner:
    """A text that is read as far as it is needed."""

    def __init__(self, file: TextIO, name: str) -> None:
        self.file, self.name = file, name
        self.text, self.at, self.ended = "", 0, False
        self.line, self.column = 1, 1  # where self.text begins
        self.twice = ""  # a key that the last value says twice in one place
        self.decoder = json.JSONDecoder(object_pairs_hook=self._object, parse_constant=str)

    def sign(self) -> str:
        """The next character that is no space, '' at the end; it stays to be read."""
        while True:
            while self.at < len(self.text) and self.text[self.at] in " \t\r\n\ufeff":
                self.at += 1
            if self.at < len(self.text) or not self._more():
                return self.text[self.at : self.at + 1]

    def take(self, wanted: str) -> str:
        found = self.sign()
        if not found or found not in wanted:
            raise self.broken(f"{' or '.join(wanted)} should stand where {found or 'the file ends'!r} does")
        self.at += 1
        return found

    def value(self) -> Any:
        self.sign()
        while True:
            try:
                found, end = self.decoder.raw_decode(self.text, self.at)
            except RecursionError as error:
                raise self.broken("it is nested too deeply") from error
            except ValueError as error:
                reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
                where = error.pos if isinstance(error, json.JSONDecodeError) else self.at
                beyond = where - self.at
                near = reason.startswith(UNCLOSED) or where > len(self.text) - 64  # or only cut off by what we have
                if len(self.text) - self.at > LONGEST_LINE:
                    raise self.broken("a row is longer than 5 MB, or a text in it never ends") from error
                if not near or not self._more():
                    self.at += max(0, beyond)
                    raise self.broken(reason) from error
                continue
            if end == len(self.text) and self._more():
                continue  # a number may go on in the next piece
            self.at = end
            return found

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            self.twice = next(key for n, (key, _) in enumerate(pairs) if key in dict(pairs[:n]))
        return found

    def broken(self, reason: str) -> Problem:
        before = self.text[: self.at]
        line = self.line + before.count("\n")
        column = self.at - before.rfind("\n") if "\n" in before else self.column + self.at
        return Problem(
            f"{self.name} is not whole JSON: {reason}, at line {line:,}, column {column:,}.",
            do="Mend that place, or save it as JSONL with one row a line: then only that row is rejected.",
        )

    def _more(self) -> bool:
        if self.ended:
            return False
        gone = self.text[: self.at]
        self.line += gone.count("\n")
        self.column = len(gone) - gone.rfind("\n") if "\n" in gone else self.column + len(gone)
        self.text, self.at = self.text[self.at :], 0
        piece = self.file.read(max(PIECE, len(self.text)))  # twice as much each time: a long row is not tried anew
        self.ended = not piece
        self.text += piece
        return bool(piece)


def table(source: Source) -> Table:
    """The rows of a JSON file. Problem when it is broken near its start; the rest is told when it is read."""
    encoding = encodings.of(source)

    def read(progress: Progress) -> Rows:
        with source.open() as raw:
            scan = _Scanner(encodings.text(raw, encoding), source.name)
            for number, (key, value) in enumerate(_elements(scan), 1):
                if number % TOLD == 0:
                    progress(min(raw.tell(), source.size), source.size)
                if scan.twice:
                    why = f"It says {shown(scan.twice)} twice in one place; only one of the two could be kept."
                    yield Reject(number, "key-twice", why, json.dumps(value, ensure_ascii=False))
                    scan.twice = ""
                else:
                    yield row(number, key, value)
            progress(source.size, source.size)

    found = Table(source.name, "JSON", (), source.size, read)
    sample = found.sample
    columns = columns_of(sample)
    if not columns:
        raise Problem(
            f"{source.name} is JSON, but holds no rows.",
            do="A list of objects is what can be brought in, or an object of such lists.",
        )
    return found.named(columns, encodings.said(encoding))


def _elements(scan: _Scanner) -> Iterator[tuple[str, Any]]:
    """Each row, with the key of the list that it stands in."""
    while sign := scan.sign():
        if sign == "[":
            yield from (("", value) for value in _list(scan))
        elif sign == "{":
            yield from _object(scan)
        else:
            yield "", scan.value()
        if scan.sign() == ",":
            scan.take(",")  # rows with commas between them and no brackets around


def _list(scan: _Scanner) -> Iterator[Any]:
    scan.take("[")
    if scan.sign() == "]":
        scan.take("]")
        return
    while True:
        yield scan.value()
        if scan.take(",]") == "]":
            return


def _object(scan: _Scanner) -> Iterator[tuple[str, Any]]:
    """The rows in an object, or the object itself as the one row that it is."""
    scan.take("{")
    alone: dict[str, Any] = {}  # what may be one row; given out as rows as soon as a list of rows shows up
    rows = False
    while scan.sign() != "}":
        key = scan.value()
        if not isinstance(key, str):
            raise scan.broken("a key should stand here")
        scan.take(":")
        if scan.sign() == "[" and not _is_said(alone):
            values = _list(scan)
            first = next(values, None)
            if _speaks(first) or (isinstance(first, str | None) and not rows):
                alone[key] = [] if first is None else [first, *values]
            else:
                rows = True
                yield key, first
                yield from ((key, value) for value in values)
        else:
            value = scan.value()
            if rows:
                yield key, value
            else:
                alone[key] = value
        if scan.sign() == ",":
            scan.take(",")
        elif scan.sign() != "}":
            scan.take(",}")
    scan.take("}")
    if alone and all(isinstance(value, dict) for value in alone.values()) and len(alone) > 1:
        yield from alone.items()
    elif alone and not rows:
        yield "", alone
    elif alone:
        yield from alone.items()


def _is_said(row: dict[str, Any]) -> bool:
    return any(isinstance(value, list) and value and _speaks(value[0]) for value in row.values())


def _speaks(value: Any) -> bool:
    return isinstance(value, dict) and any(name in value for name in SPEAKS)


def row(number: int, key: str, value: Any) -> Row | Reject:
    """One element as a row: the cells of an object or a list, a text alone; `key` is what it stood under."""
    if isinstance(value, dict):
        cells = value
    elif isinstance(value, list) and not any(isinstance(cell, dict) for cell in value):
        cells = {f"column {n}": cell for n, cell in enumerate(value, 1)}
    elif isinstance(value, list):
        cells = {"messages": value}  # a conversation without a name
    elif isinstance(value, str):
        cells = {"text": value}
    else:
        what = "nothing" if value is None else f"only {json.dumps(value)}"
        return Reject(number, "not-a-row", f"It holds {what}.", json.dumps({key: value} if key else value))
    return Row(number, {KEY: key, **cells} if key else cells)

"""JSONL: one JSON value a line. Lines end with a newline and with nothing else: texts may hold other line separators,
at which Python's `splitlines` would cut them in two."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def read(path: Path) -> list[Any]:
    """The values of a file without blank lines; none when there is no file. A line still being written waits."""
    data = path.read_bytes() if path.is_file() else b""
    return [json.loads(line) for line in data[: data.rfind(b"\n") + 1].split(b"\n") if line.strip()]


def dump(rows: Iterable[Any]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def write(path: Path, rows: Iterable[Any]) -> None:
    """The whole file or none of it."""
    draft = path.with_name(f".{path.name}-{os.getpid()}")
    draft.write_text(dump(rows), encoding="utf-8")
    draft.rename(path)


def cut_torn_line(path: Path) -> None:
    """A killed process may have left half a line at the end; what is added next must not be glued to it."""
    if path.exists():
        data = path.read_bytes()
        with path.open("r+b") as file:
            file.truncate(data.rfind(b"\n") + 1)

"""Events of a job: one JSON object a line in `events.jsonl`, appended whole, never rewritten.

A reader may come at any moment, also while a line is being written: it stops at the last newline.
"""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

FILE = "events.jsonl"
BLOCK = 1 << 16  # bytes read at once when looking from the end


def append(folder: Path, kind: str, **fields: Any) -> None:
    """Add one event. `at` is seconds since the epoch (UTC)."""
    line = json.dumps({"at": round(time.time(), 3), "kind": kind, **fields}, ensure_ascii=False, allow_nan=False)
    # one write call on an O_APPEND descriptor: lines of several writers never mix
    descriptor = os.open(folder / FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, line.encode() + b"\n")
    finally:
        os.close(descriptor)


def read(folder: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """The whole events from byte `offset` on, and the offset to go on from."""
    path = folder / FILE
    if not path.exists():
        return [], offset
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read()
    whole = data[: data.rfind(b"\n") + 1]
    return [json.loads(line) for line in whole.splitlines()], offset + len(whole)


def last(folder: Path, kind: str) -> dict[str, Any] | None:
    """The newest event of one kind, or None. Searched from the end on, since that is where it mostly is."""
    path = folder / FILE
    if not path.exists():
        return None
    sign = json.dumps(kind).encode()
    with path.open("rb") as file:
        for line in _backwards(file):
            if sign in line and (event := json.loads(line))["kind"] == kind:
                return dict(event)
    return None


def _backwards(file: BinaryIO) -> Iterator[bytes]:
    """The whole lines of a file, the last one first."""
    end, rest, torn = file.seek(0, os.SEEK_END), b"", True
    while end:
        start = max(0, end - BLOCK)
        file.seek(start)
        rest, *lines = (file.read(end - start) + rest).split(b"\n")
        if torn and lines:
            lines.pop()  # behind the last newline: nothing, or a line that is still being written
            torn = False
        yield from reversed(lines)
        end = start
    if not torn:
        yield rest

"""Events of a job: one JSON object a line in `events.jsonl`, appended whole, never rewritten.

A reader may come at any moment, also while a line is being written: it stops at the last newline.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

FILE = "events.jsonl"


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
    """The newest event of one kind, or None."""
    found, _ = read(folder)
    return next((event for event in reversed(found) if event["kind"] == kind), None)

"""Hashes: identity of things that are what they contain."""

import hashlib
from pathlib import Path
from typing import Any

import msgspec

_canonical = msgspec.json.Encoder(order="deterministic")


def content(*parts: Any) -> str:
    """16 hex digits of the canonical form: keys sorted, no spaces, text as it is."""
    return hashlib.sha256(_canonical.encode(parts)).hexdigest()[:16]


def files(*paths: Path) -> str:
    """16 hex digits over the bytes of files, in the order given."""
    total = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()[:16]


def share(text: str) -> float:
    """A number in [0, 1) that belongs to a text: the same today, tomorrow, and as its neighbours grow."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:12], 16) / 16**12

"""Incoming: what was uploaded or pasted lies on disk until it is brought in, so that no page holds it in memory."""

import hashlib
import time
from pathlib import Path

from engine.problems import Problem
from studio.store import Store

KEPT = 86_400.0  # seconds that something lies there when nobody brings it in
LARGEST = 200_000_000  # bytes that a browser can upload; larger files come by their path


def spool(store: Store, name: str, content: bytes | memoryview) -> Path:
    """Lay it down under its own name; the same content twice is one file."""
    folder = _folder(store) / hashlib.blake2b(content, digest_size=8).hexdigest()
    path = folder / (Path(name).name or "pasted.txt")
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        part.write_bytes(content)
        part.rename(path)
    return path


def on_this_machine(path: str) -> Path:
    """A path that somebody typed. Problem when it cannot be one."""
    if "\x00" in path:
        raise Problem("This is not a path.", do="Check its spelling.")
    return Path(path.strip().strip("'\"")).expanduser()


def is_ours(store: Store, path: Path) -> bool:
    """Whether it was laid down here, so that it is ours to take away."""
    return path.is_relative_to(_folder(store))


def clear(store: Store) -> None:
    """Take away what has lain here for too long, since nobody brought it in."""
    for old in _folder(store).glob("*/*"):
        if time.time() - old.stat().st_mtime > KEPT:
            old.unlink(missing_ok=True)
    for folder in _folder(store).glob("*"):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _folder(store: Store) -> Path:
    return store.home.files / "incoming"

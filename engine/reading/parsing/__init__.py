"""Parsing: any file that people write documents in, as a Document; a folder or archive of them, one after the other.

What a file is, its content decides (`kinds`). It is read in a process of its own (`alone`) within `limits`: `pdf`,
`word`, `hypertext`, `plain` and `sheets` know one kind each. Nothing in a file is executed, and nothing is fetched.
"""

import shutil
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.data.formats.table import Progress, nobody
from engine.problems import Problem
from engine.reading.documents import Document
from engine.reading.parsing import packed
from engine.reading.parsing.alone import Reader
from engine.reading.parsing.packed import Entry

__all__ = ["PassedOver", "Reader", "Refused", "Taken", "gather", "path_of", "read", "unpack"]


@dataclass(frozen=True)
class Taken:
    """A file that was read. Its document has the file's name within its folder or archive."""

    document: Document
    bytes: int


@dataclass(frozen=True)
class Refused:
    """A file that was not read, and why."""

    name: str
    why: Problem


@dataclass(frozen=True)
class PassedOver:
    """Hidden files and those that a system leaves behind, which nobody means to read. Told once, at the end."""

    names: tuple[str, ...]


def read(path: Path, name: str = "", progress: Progress = nobody) -> Document:
    """What a file holds; `name` is what people call it, when the path is a copy of it. Problem when it cannot be read.

    `progress` is told (done, of) in pages or bytes. It takes `limits.LONGEST` seconds at most.
    """
    name = name or path.name
    _check(path, name)
    with Reader() as reader:
        return reader.read(path, name, progress)


def gather(
    source: Path, name: str = "", progress: Progress = nobody, into: Path | None = None
) -> Iterator[Taken | Refused | PassedOver]:
    """Every file of a folder or ZIP archive, in the order of their names; a single file as the only one.

    `progress` is told (done, of) in files, of a single one in its pages. The bytes of each that was read are laid down
    as the file `into`, until the next takes its place. Problem when there are too many files, or the whole cannot be
    opened.
    """
    name = name or source.name
    if not source.is_dir():
        _check(source, name)
    with Reader() as reader:
        entries = packed.folder(source) if source.is_dir() else reader.entries(source, name)
        hidden = tuple(entry.name for entry in entries if entry.hidden)
        entries = [entry for entry in entries if not entry.hidden]
        if not entries:
            raise Problem(f"{name} holds no file.", do="Choose one with documents in it.")
        for done, entry in enumerate(entries):
            progress(done, len(entries))
            found = _one(reader, source, entry, progress if len(entries) == 1 else nobody)
            if into and isinstance(found, Taken):
                _copy(reader, source, entry, into)
            yield found
        progress(len(entries), len(entries))
    if hidden:
        yield PassedOver(hidden)


def _one(reader: Reader, source: Path, entry: Entry, progress: Progress) -> Taken | Refused:
    try:
        if entry.why:
            raise Problem(*entry.why)
        if entry.member >= 0:
            return Taken(reader.read(source, entry.name, progress, entry.member), entry.bytes)
        path = source / entry.path if source.is_dir() else source
        _check(path, entry.name)
        return Taken(reader.read(path, entry.name, progress), entry.bytes)
    except Problem as problem:
        return Refused(entry.name, problem)


def path_of(source: Path, name: str) -> Path | None:
    """The file of a folder whose document has this name; None when it is there no more. A system may spell it otherwise
    than people do, and links that lead out are not followed."""
    found = source / name
    if not found.is_file():
        found = next((source / entry.path for entry in packed.folder(source) if entry.name == name), source)
    return found if found.is_file() and found.resolve().is_relative_to(source.resolve()) else None


def unpack(archive: Path, name: str, into: Path) -> None:
    """Lay one file of an archive down as `into`, by the name that its document has."""
    with Reader() as reader:
        found = next((entry for entry in reader.entries(archive, archive.name) if entry.name == name), None)
        if found is None or found.why:
            raise Problem(f"{name} is not in {archive} any more.", do="Look at the path again to see what changed.")
        _copy(reader, archive, found, into)


def _copy(reader: Reader, source: Path, entry: Entry, into: Path) -> None:
    if entry.member >= 0:
        reader.unpack(source, entry.name, entry.member, into)
    else:
        shutil.copyfile(source / entry.path if source.is_dir() else source, into)


def _check(path: Path, name: str) -> None:
    if path.is_dir():
        raise Problem(f"{name} is a folder.", do="Bring it in as one: each file in it becomes a document.")
    if not path.is_file():
        raise Problem(f"There is no file {unicodedata.normalize('NFC', name)}.", do="Check the path and its spelling.")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise Problem(f"{name} cannot be read.", f"The system says: {error.strerror}.") from error
    if empty:
        raise Problem(f"{name} is empty.", do="Choose a file with text in it.")

"""Versions: how an index lies in a library's folder, so that a reader sees a whole one at every moment.

    index.json      which version holds; replaced last
    v-.../          one version: chunks.jsonl, about.json, the words' half (engine.reading.lexical), and where there is
                    a dense half vectors.npy, a row a chunk, and what the offline embedder learned
    .growing/       vectors on their way, so that a job that was killed goes on (engine.reading.growing)

An older version is deleted as soon as another holds, and with it every word of what is gone from the library. Indexes
from before there were versions lie in the folder itself, and are read there.
"""

import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from engine import hashes, processes
from engine.reading import lexical, offline
from engine.reading.chunks import Chunk
from engine.reading.lexical import Lexical
from engine.reading.offline import Offline

POINTER, CHUNKS, ABOUT, VECTORS = "index.json", "chunks.jsonl", "about.json", "vectors.npy"
LOCK = ".lock"
Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Entry:
    """A chunk as the index keeps it: of which document it is, and in which language, '' where nobody can tell."""

    chunk: Chunk
    document: str = ""
    language: str = ""

    @property
    def text(self) -> str:
        """What is searched: titles count."""
        return f"{self.chunk.heading}\n{self.chunk.text}" if self.chunk.heading else self.chunk.text

    @property
    def key(self) -> str:
        """Says what its vector was made from."""
        return hashes.content(self.text)


@dataclass(frozen=True)
class About:
    """What a version was made from. `documents` by their id: name, hash, chunking, how many chunks, language.

    `servers` is where servers of models live, seen from the library's folder, so that both may move together.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    embedder: str = ""  # its id; '' where there is no dense half
    says: str = ""
    languages: list[str] = field(default_factory=list)
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    servers: str = ""


@dataclass(frozen=True)
class Version:
    """A version as it is read. `vectors` are mapped, not loaded."""

    folder: Path
    entries: tuple[Entry, ...]
    words: Lexical
    about: About
    vectors: Vectors | None
    learned: Offline | None


def current(library: Path) -> Path | None:
    """The folder of the version that holds; None when nothing was indexed."""
    path = library / POINTER
    if path.is_file():
        return library / str(json.loads(path.read_text())["version"])
    return library if (library / CHUNKS).is_file() else None


def read(folder: Path) -> Version:
    """FileNotFoundError when it was replaced meanwhile."""
    entries = tuple(_entries(folder / CHUNKS))
    about = _about(folder)
    vectors = np.load(folder / VECTORS, mmap_mode="r") if (folder / VECTORS).is_file() else None
    return Version(folder, entries, lexical.load(folder, about.languages), about, vectors, offline.load(folder))


def write(
    library: Path,
    entries: Sequence[Entry],
    about: About,
    vectors: Vectors | None = None,
    learned: Offline | None = None,
) -> Path:
    """Make these the library's index. `vectors` has a row an entry. Call it while `locked`."""
    folder = library / f".v-{uuid.uuid4().hex[:8]}"
    folder.mkdir(parents=True)
    words = lexical.build([entry.text for entry in entries], [entry.language for entry in entries])
    words.save(folder)
    with (folder / CHUNKS).open("wb") as file:
        file.writelines(_encode(entry) + b"\n" for entry in entries)
    if vectors is not None:
        np.save(folder / VECTORS, vectors)
    if learned is not None:
        learned.save(folder)
    told = asdict(about) | {"languages": list(words.languages)}
    (folder / ABOUT).write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    whole = library / folder.name.removeprefix(".")
    folder.rename(whole)
    _point(library, whole.name)
    sweep(library)
    return whole


def drop(library: Path) -> None:
    """Leave the library without an index."""
    (library / POINTER).unlink(missing_ok=True)
    sweep(library)


def sweep(library: Path) -> None:
    """Delete every version but the one that holds. A reader that has one of them open keeps its files."""
    holds = current(library)
    for path in [*library.glob("v-*"), *library.glob(".v-*")]:
        if path != holds:
            shutil.rmtree(path, ignore_errors=True)
    if holds != library:
        for old in [*library.glob("*.csc.index.npy"), *(library / name for name in _OLD)]:
            old.unlink(missing_ok=True)


_OLD = (CHUNKS, "params.index.json", "vocab.index.json", "nonoccurrence_array.index.npy")


@contextmanager
def locked(library: Path) -> Iterator[None]:
    """One writer at a time."""
    library.mkdir(parents=True, exist_ok=True)
    with processes.locked(library / LOCK):
        yield


def ordered(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (entry.chunk.source, entry.document, entry.chunk.position))


def _point(library: Path, version: str) -> None:
    draft = library / f".{POINTER}-{os.getpid()}"
    draft.write_text(json.dumps({"version": version}))
    draft.rename(library / POINTER)


def _about(folder: Path) -> About:
    path = folder / ABOUT
    return About(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else About()


def _encode(entry: Entry) -> bytes:
    return msgspec.json.encode({**asdict(entry.chunk), "document": entry.document, "language": entry.language})


def _entries(path: Path) -> Iterator[Entry]:
    """Lines end with a newline alone: a text may hold other line separators."""
    decode = msgspec.json.Decoder().decode
    for line in path.read_bytes().split(b"\n"):
        if line:
            values = decode(line)
            document, language = values.pop("document", ""), values.pop("language", "")
            yield Entry(Chunk(**values), document, language)

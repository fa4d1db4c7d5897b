"""The `index` job: makes a library's index from the documents in its folder, and only what is new of it.

A document is its content (engine.reading.documents.identity): one that is known and cut as before is neither read nor
cut again, and a chunk whose words are known is not embedded again. What was deleted leaves the index at once; what was
changed is found in its old form until the new one is whole. A job that was killed goes on with the vectors it has.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from engine import events, specs
from engine.reading import documents, embedders, growing, offline, settings, versions
from engine.reading.chunks import chunks
from engine.reading.embedders import Embedder
from engine.reading.growing import Growing
from engine.reading.settings import LEXICAL, OFFLINE, LibrarySettings
from engine.reading.versions import About, Entry, Version

BATCH = 256  # texts embedded between two looks at the clock; a served model sorts them by length
TELL = 1.0  # seconds between two progress events


@dataclass(frozen=True)
class IndexSpec:
    """Paths are absolute."""

    library: str = field(metadata={"help": "Folder of the library, with its documents below it."})
    settings: dict[str, Any] = field(metadata={"help": "engine.reading.settings.LibrarySettings as an object."})
    servers: str = specs.setting("", "Folder of our own servers; needed for a model that is served here.")


@dataclass
class Done:
    """What one attempt did: documents and chunks there are, documents read, chunks embedded, documents gone."""

    documents: int = 0
    chunks: int = 0
    read: int = 0
    embedded: int = 0
    removed: int = 0
    embedder: str = ""
    seconds: float = 0.0
    embedding_seconds: float = 0.0  # spent waiting for the embedder alone


def run(folder: Path) -> dict[str, Any]:
    spec = specs.read(folder, IndexSpec)
    servers = Path(spec.servers or Path(spec.library).parent.parent / "servers")
    pace = _Pace(lambda fields: events.append(folder, "progress", **fields))
    return asdict(update(Path(spec.library), settings.parse(spec.settings), servers, pace))


def update(library: Path, how: LibrarySettings, servers: Path, pace: "_Pace | None" = None) -> Done:
    """Bring the index in a library's folder up to its documents. Without any document with words there is none."""
    began = time.monotonic()
    pace = pace or _Pace(lambda fields: None)
    with versions.locked(library):
        done = _Update(library, how, servers, pace).run()
    return replace(done, seconds=round(time.monotonic() - began, 3))


def forget(library: Path, how: LibrarySettings, servers: Path) -> None:
    """Take out of an index what its library holds no more, and read nothing new."""
    with versions.locked(library):
        _Update(library, how, servers, _Pace(lambda fields: None)).forget()


class _Update:
    def __init__(self, library: Path, how: LibrarySettings, servers: Path, pace: "_Pace") -> None:
        self.library, self.how, self.servers, self.pace = library, how, servers, pace
        at = versions.current(library)
        self.old: Version | None = versions.read(at) if at else None
        self.held = documents.held(library)
        self.done = Done(documents=len(self.held))

    def run(self) -> Done:
        self.forget()
        entries, told = self.entries()
        self.done.chunks = len(entries)
        if not any(entry.text.strip() for entry in entries):
            versions.drop(self.library)
            growing.clear(self.library)
            return self.done
        about = About(settings.told(self.how), documents=told, servers=os.path.relpath(self.servers, self.library))
        if self.how.search == LEXICAL:
            versions.write(self.library, entries, about)
        else:
            embedder, learned = self.embedder(entries)
            about = replace(about, embedder=embedder.id, says=embedder.says)
            self.done.embedder = embedder.id
            rows = self.embedded(embedder, entries)
            versions.write(self.library, entries, about, rows, learned)
        growing.clear(self.library)
        return self.done

    def forget(self) -> None:
        """Take what was deleted out of the index before anything else, which may fail."""
        if self.old is None:
            return
        known = self.old.about.documents
        names = {documents.load(self.library, id).name for id in self.held if id not in known}
        gone = {id for id, one in known.items() if id not in self.held and one["name"] not in names}
        self.done.removed = len(gone)
        if not gone:
            return
        keep = [at for at, entry in enumerate(self.old.entries) if entry.document not in gone]
        entries = [self.old.entries[at] for at in keep]
        growing.clear(self.library)
        about = replace(self.old.about, documents={id: one for id, one in known.items() if id not in gone})
        learned, vectors = self.old.learned, self.old.vectors
        if not any(entry.text.strip() for entry in entries):
            versions.drop(self.library)
            self.old = None
            return
        if learned is not None and not learned.holds([entry.key for entry in entries]):
            learned = _learned(entries)
            vectors = learned.passages([entry.text for entry in entries])
            about = replace(about, embedder=learned.id)
        elif vectors is not None:
            vectors = vectors[keep]
        self.old = versions.read(versions.write(self.library, entries, about, vectors, learned))

    def entries(self) -> tuple[list[Entry], dict[str, dict[str, Any]]]:
        """Every chunk of the library in its order, and what is to be told of the documents."""
        known = self.old.about.documents if self.old is not None else {}
        cut_as = asdict(self.how.chunking)
        kept: dict[str, list[Entry]] = {}
        for entry in self.old.entries if self.old is not None else ():
            kept.setdefault(entry.document, []).append(entry)
        found: list[Entry] = []
        told: dict[str, dict[str, Any]] = {}
        self.pace.stage("reading", len(self.held))
        for id in self.held:
            if id in known and known[id]["chunking"] == cut_as:
                entries, told[id] = kept.get(id, []), known[id]
            else:
                document = documents.load(self.library, id)
                entries = [Entry(chunk, id, document.language) for chunk in chunks(document, self.how.chunking)]
                told[id] = {"name": document.name, "chunking": cut_as, "chunks": len(entries)}
                self.done.read += 1
            found += entries
            self.pace.on(1)
        return versions.ordered(found), told

    def embedder(self, entries: Sequence[Entry]) -> tuple[Embedder, offline.Offline | None]:
        if self.how.embedder != OFFLINE:
            return embedders.of(self.how.embedder, self.servers), None
        learned = self.old.learned if self.old is not None else None
        if learned is None or not learned.holds([entry.key for entry in entries]):
            learned = _learned(entries)
        return learned, learned

    def embedded(self, embedder: Embedder, entries: Sequence[Entry]) -> versions.Vectors:
        """(entries, size): known vectors, and new ones a batch at a time, the longest texts first."""
        made = Growing(self.library, embedder.id)
        if self.old is not None and self.old.vectors is not None and self.old.about.embedder == embedder.id:
            made.hold([entry.key for entry in self.old.entries], self.old.vectors)
        keys = [entry.key for entry in entries]
        new = {key: entry.text for key, entry in zip(keys, entries, strict=True) if key not in made}
        waiting = sorted(new, key=lambda key: -len(new[key]))
        self.pace.stage("embedding", sum(len(text) for text in new.values()))
        for start in range(0, len(waiting), BATCH):
            batch = waiting[start : start + BATCH]
            began = time.monotonic()
            vectors = embedder.passages([new[key] for key in batch])
            self.done.embedding_seconds += time.monotonic() - began
            made.add(batch, vectors)
            self.done.embedded += len(batch)
            self.pace.on(sum(len(new[key]) for key in batch))
        self.done.embedding_seconds = round(self.done.embedding_seconds, 3)
        return made.of(keys)


def _learned(entries: Sequence[Entry]) -> offline.Offline:
    return offline.learn([entry.key for entry in entries], [entry.text for entry in entries])


class _Pace:
    """Tells how far a stage is, now and then, and how many seconds it will take yet."""

    def __init__(self, tell: Callable[[dict[str, Any]], None]) -> None:
        self.tell = tell
        self.name, self.of, self.done, self.began, self.told = "", 0, 0, 0.0, 0.0

    def stage(self, name: str, of: int) -> None:
        self.name, self.of, self.done, self.began = name, of, 0, time.monotonic()
        self._tell()

    def on(self, more: int) -> None:
        self.done += more
        if self.done >= self.of or time.monotonic() - self.told >= TELL:
            self._tell()

    def _tell(self) -> None:
        self.told = time.monotonic()
        gone = self.told - self.began
        left = round(gone / self.done * (self.of - self.done), 1) if self.done else None
        self.tell({"now": self.name, "done": self.done, "of": self.of, "seconds_left": left})

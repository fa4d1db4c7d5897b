"""The `gather` job: reads files, folders and archives into the documents of a library.

Each document lies in the library's folder as soon as it is read; `found` holds a line for each file, whole at the end:
read, refused, or passed over. The database knows nothing of it until the studio takes it over. Files are only read;
those that were handed over to be kept are copied as they are, into `originals`, under the id of their document.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine import events, jsonl, specs
from engine.problems import Problem
from engine.reading import documents, parsing
from engine.reading.documents import Document
from engine.reading.parsing import PassedOver, Refused, Taken

TELL = 1.0  # seconds between two progress events


@dataclass(frozen=True)
class GatherSpec:
    """Paths are absolute."""

    sources: list[str] = field(metadata={"help": "Files, folders and ZIP archives to read."})
    library: str = field(metadata={"help": "Folder of the library; documents are written below it."})
    found: str = field(metadata={"help": "JSONL to write: a line for each file."})
    keep: list[str] = field(
        default_factory=list, metadata={"help": "Of the sources, those whose files are kept as they are."}
    )


def run(folder: Path) -> dict[str, int]:
    """How many files became documents, and how many were refused."""
    spec = specs.read(folder, GatherSpec)
    lines: list[dict[str, Any]] = []
    pace = _Pace(folder)
    for source in spec.sources:
        try:
            into = _room(Path(spec.library)) if source in spec.keep else None
            for found in parsing.gather(Path(source), progress=pace.hear, into=into):
                lines += _lines(found, source, Path(spec.library), into)
        except Problem as problem:  # of one source; the others are read all the same
            lines.append({"source": source, "name": Path(source).name, "why": str(problem), "whole": True})
        pace.next()
    jsonl.write(Path(spec.found), lines)
    refused = sum("why" in line for line in lines)
    return {"documents": sum("id" in line for line in lines), "refused": refused}


def row(document: Document, source: str, bytes: int) -> dict[str, Any]:
    """What a list of documents says of one; nothing of its words but the title."""
    return {
        "source": source,
        "name": document.name,
        "id": documents.identity(document),
        "title": document.title,
        "kind": document.kind,
        "bytes": bytes,
        "pages": document.pages,
        "language": document.language,
        "remarks": list(document.remarks),
    }


def _room(library: Path) -> Path:
    """Where a file lies until it is known which document it is."""
    room = documents.original(library, ".coming")
    room.parent.mkdir(parents=True, exist_ok=True)
    return room


def _lines(found: Taken | Refused | PassedOver, source: str, library: Path, file: Path | None) -> list[dict[str, Any]]:
    if isinstance(found, PassedOver):
        return [{"source": source, "name": name, "passed_over": True} for name in found.names]
    if isinstance(found, Refused):
        return [{"source": source, "name": found.name, "why": str(found.why)}]
    id = documents.save(library, found.document)
    if file:
        file.replace(documents.original(library, id))
    return [row(found.document, source, found.bytes)]


class _Pace:
    """Tells now and then how many files are done; those of later sources are not known yet."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.before, self.done, self.of, self.told = folder, 0, 0, 0, 0.0

    def hear(self, done: int, of: int) -> None:
        self.done, self.of = done, of
        if time.monotonic() - self.told >= TELL:
            self.told = time.monotonic()
            events.append(self.folder, "progress", done=self.before + done, of=self.before + of)

    def next(self) -> None:
        self.before += self.of
        self.done = self.of = 0
        events.append(self.folder, "progress", done=self.before, of=self.before)

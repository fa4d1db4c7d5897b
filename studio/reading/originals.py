"""Originals: the file that a document was read from, as it came. It is kept beside the library, or stays where its path
says; whoever doubts a citation can open it. It is handed out to be saved, and never shown or run here."""

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from engine.problems import Problem
from engine.reading import documents as texts
from engine.reading import parsing
from engine.reading.parsing import kinds
from studio.reading import arrivals, libraries
from studio.reading.libraries import Document
from studio.store import Store

UNSAFE = set('<>:"/\\|?*')
LONGEST = 120  # characters of a name


@dataclass(frozen=True)
class Original:
    """`name` is what it is offered as; `path` the file, folder or archive that it lies in, '' when it is kept."""

    name: str
    path: str
    changed: bool  # the file at its path, since its document was read


def of(store: Store, document: Document) -> Original | None:
    """None where it is neither kept nor at its path any more."""
    if texts.original(document.folder, document.id).is_file():
        return Original(safe(document), "", False)
    file = _file(document)
    if file is None:
        return None
    written = datetime.fromtimestamp(file.stat().st_mtime, UTC).replace(tzinfo=None)
    read = (one.read_at for one in arrivals.sources(store, document.library) if one.path == document.source)
    return Original(safe(document), document.source, written > max(read, default=document.made_at))


def content(document: Document) -> bytes:
    """Its bytes. Problem when it is gone."""
    held = texts.original(document.folder, document.id)
    file = held if held.is_file() else _file(document)
    if file is None:
        raise Problem(f"The file of {document.name} is not where it was.", do="Bring it in again.")
    if file == held or not _packed(document):
        return file.read_bytes()
    with tempfile.TemporaryDirectory(prefix="original-") as room:
        into = Path(room) / "file"
        parsing.unpack(file, document.name, into)
        return into.read_bytes()


def kept(store: Store, library: str) -> set[str]:
    """The ids of the documents whose files are kept."""
    return set(texts.originals(libraries.folder(store, library)))


def safe(document: Document) -> str:
    """A name without folders and signs that a system may stumble over, whose ending says what the file is: a text that
    is called `start.exe` is saved as a text, and not run by whoever clicks it."""
    last = document.name.replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join("_" if sign in UNSAFE or not sign.isprintable() else sign for sign in last).strip(". ")
    ending = kinds.ending(name)
    endings = _endings(document.kind)
    if ending not in endings:
        name, ending = f"{name or 'document'}.{endings[0]}", endings[0]
    return f"{name[: -len(ending) - 1][:LONGEST]}.{ending}"


def _endings(kind: str) -> list[str]:
    alike = (kinds.TEXT, kinds.MARKDOWN) if kind in (kinds.TEXT, kinds.MARKDOWN) else (kind,)
    found = [ending for ending, one in kinds.ENDINGS.items() if ending and one in alike]
    return sorted(found, key=lambda ending: kinds.ENDINGS[ending] != kind)  # its own first


def _file(document: Document) -> Path | None:
    """The file at the path of a document, or the archive that holds it; None when it is there no more."""
    path = Path(document.source)
    if not path.is_absolute():
        return None
    if path.is_dir():
        return parsing.path_of(path, document.name)
    return path if path.is_file() else None


def _packed(document: Document) -> bool:
    """Whether a path leads to an archive; a file alone is called as its document is."""
    path = Path(document.source)
    return not path.is_dir() and path.name != document.name

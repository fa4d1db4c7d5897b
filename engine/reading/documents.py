"""Documents: a file as it was read: blocks of text that know what they are, under which heading, on which page."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine import hashes
from engine.problems import Problem

HEADING, PARAGRAPH, ITEM, TABLE, CODE = "heading", "paragraph", "item", "table", "code"
FOLDER = "documents"  # within that of a library
ORIGINALS = "originals"  # beside it: the files as they came, where they are kept
SHEET = "table"  # the kind of a document that is one table


@dataclass(frozen=True)
class Block:
    """One piece of a document. A table's text is Markdown, a row a line, its first line the header."""

    kind: str
    text: str
    level: int = 0  # of a heading, 1 to 6
    page: int = 0  # counted from 1; 0 where the format has no pages


@dataclass(frozen=True)
class Document:
    """`name` is how hits cite it; `remarks` are sentences about what could not be read."""

    name: str
    title: str
    kind: str  # pdf, docx, html, markdown, text, table
    blocks: tuple[Block, ...]
    pages: int = 0
    language: str = ""  # two letters, empty when nobody can tell
    remarks: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The words of the document, its blocks apart by an empty line."""
        return "\n\n".join(block.text for block in self.blocks)


def parse(values: dict[str, Any]) -> Document:
    """A document from what `told` made of it."""
    blocks = tuple(Block(**block) for block in values["blocks"])
    return Document(**{**values, "blocks": blocks, "remarks": tuple(values["remarks"])})


def told(document: Document) -> dict[str, Any]:
    """A document as JSON knows it."""
    return asdict(document)


def identity(document: Document) -> str:
    """What a document is: its name and all that was read of it. The same file again is the same document."""
    return hashes.content(told(document))


def save(library: Path, document: Document) -> str:
    """Lay a document down in the folder of a library, as `documents/<id>.json`; its id."""
    id = identity(document)
    path = place(library, id)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{id}-{os.getpid()}")
        draft.write_text(json.dumps(told(document), ensure_ascii=False), encoding="utf-8")
        draft.rename(path)
    return id


def load(library: Path, id: str) -> Document:
    """Problem when it does not lie there."""
    path = place(library, id)
    if not path.is_file():
        raise Problem(f"The text of document {id} is not in {library}.", do="Add the document to its library again.")
    return parse(json.loads(path.read_text(encoding="utf-8")))


def held(library: Path) -> dict[str, Path]:
    """Id -> file of the documents that lie in the folder of a library."""
    return {path.stem: path for path in sorted((library / FOLDER).glob("[!.]*.json"))}


def place(library: Path, id: str) -> Path:
    return library / FOLDER / f"{id}.json"


def original(library: Path, id: str) -> Path:
    """Where the file lies that a document was read from, if it is kept. It is known by the document, not by its bytes:
    what goes with one document does not go with another of the same bytes."""
    return library / ORIGINALS / id


def originals(library: Path) -> dict[str, Path]:
    """Document id -> file, of those that are kept."""
    return {path.name: path for path in sorted((library / ORIGINALS).glob("[!.]*"))}

"""Documents: a file as it was read: blocks of text that know what they are, under which heading, on which page."""

from dataclasses import asdict, dataclass
from typing import Any

HEADING, PARAGRAPH, ITEM, TABLE, CODE = "heading", "paragraph", "item", "table", "code"
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

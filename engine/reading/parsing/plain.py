"""Plain: texts and Markdown as documents, in whatever encoding they are."""

import re
from collections.abc import Iterator
from pathlib import Path

from engine.data.formats import encodings
from engine.data.formats.table import Progress, Source
from engine.problems import Problem
from engine.reading import markdown
from engine.reading.documents import HEADING, ITEM, PARAGRAPH, Block, Document
from engine.reading.parsing import kinds

PARTS = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
BULLET = re.compile(r"^\s*(?:[-*+•–]\s+|(?=\d{1,3}[.)]\s))")
LONG = 100  # characters; lines that were wrapped are shorter


def text(path: Path, name: str) -> tuple[str, tuple[str, ...]]:
    """What a file says, lines ended by \\n, and remarks on its encoding. Problem when it says nothing."""
    source = Source(name, path)
    encoding = encodings.of(source)
    with source.open() as file:
        found = encodings.text(file, encoding).read().replace("\r\n", "\n").replace("\r", "\n")
    remarks = [encodings.said(encoding)]
    if not encodings.whole(found):
        n = sum(not encodings.whole(line) for line in found.split("\n"))
        lines = "1 line is" if n == 1 else f"{n:,} lines are"
        remarks.append(f"{lines} not UTF-8 throughout; what could not be read there is shown as \\xe9 and the like.")
        found = encodings.bare(found)
    if not found.strip("\ufeff \t\n\f"):
        raise Problem(f"{name} holds only blank lines.", do="Choose a file with text in it.")
    return found.lstrip("\ufeff"), tuple(filter(None, remarks))


def written(path: Path, name: str, progress: Progress) -> Document:
    """A plain text: its paragraphs, parted by empty lines, and its bullets."""
    found, remarks = text(path, name)
    return Document(name, name, kinds.TEXT, tuple(_paragraphs(found)), remarks=remarks)


def marked(path: Path, name: str, progress: Progress) -> Document:
    """A Markdown text, called as its first heading of the first level."""
    found, remarks = text(path, name)
    blocks = tuple(markdown.blocks(found))
    title = next((block.text for block in blocks if block.kind == HEADING and block.level == 1), "")
    return Document(name, title or name, kinds.MARKDOWN, blocks, remarks=remarks)


def _paragraphs(text: str) -> Iterator[Block]:
    parts = PARTS.split(text)
    if len(parts) == 1 and _line_by_line(text):
        parts = text.split("\n")
    for part in parts:
        lines: list[str] = []
        kind = PARAGRAPH
        for line in part.splitlines():
            bullet = BULLET.match(line)
            if bullet or markdown.RULE.match(line):
                yield from _block(kind, lines)
                lines, kind = [], ITEM if bullet else PARAGRAPH
            if not markdown.RULE.match(line):
                lines.append(line[bullet.end() :] if bullet else line)
        yield from _block(kind, lines)


def _line_by_line(text: str) -> bool:
    """Whether each line is a paragraph: nothing else parts them, and they are too long to have been wrapped."""
    return sum(len(line) > LONG for line in text.split("\n")) > text.count("\n") / 2


def _block(kind: str, lines: list[str]) -> Iterator[Block]:
    found = " ".join(" ".join(lines).split())
    if found:
        yield Block(kind, found)

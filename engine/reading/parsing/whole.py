"""Whole: a file as a document, whatever it is, with its language; called in the process that reads it."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from engine import sizes
from engine.data.formats.table import Progress
from engine.problems import Problem
from engine.reading.documents import CODE, HEADING, TABLE, Block, Document
from engine.reading.parsing import kinds, limits

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+")
LETTERS = 1000  # characters that tell a language


def document(path: Path, name: str, progress: Progress) -> Document:
    """What a file holds. Problem when it is nothing that can be read, or too much."""
    kind, remark = kinds.of(path, name)
    if kind == kinds.ARCHIVE:
        raise Problem(f"{name} is an archive in itself.", do="Bring it in alone, or unpack it first.")
    size, most = path.stat().st_size, limits.LARGEST[kind]
    if size > most:
        raise Problem(
            f"{name} is {sizes.in_words(size)}; the most is {sizes.in_words(most)} for {kinds.WORDS[kind]}.",
            do="Split it, and bring in the parts one after the other.",
        )
    found = _reader(kind)(path, name, progress)
    blocks = tuple(block for block in map(_clean, found.blocks) if block.text)
    if not blocks:
        raise Problem(f"{name} holds no text.", do="Choose a document with text in it.")
    length = sum(len(block.text) for block in blocks)
    if length > limits.MOST_TEXT:
        raise Problem(
            f"{name} holds {length / 1e6:,.0f} million characters of text; the most is {limits.MOST_TEXT / 1e6:,.0f}.",
            do="Split it, and bring in the parts one after the other.",
        )
    title = " ".join(CONTROL.sub(" ", found.title).split())[:200] or name
    remarks = tuple(filter(None, [remark, *found.remarks]))
    return replace(found, title=title, blocks=blocks, language=_language(blocks), remarks=remarks)


def _reader(kind: str) -> Callable[[Path, str, Progress], Document]:
    """The function that reads a kind; its libraries are loaded only when they are needed."""
    if kind == kinds.PDF:
        from engine.reading.parsing import pdf

        return pdf.read
    if kind == kinds.DOCX:
        from engine.reading.parsing import word

        return word.read
    if kind == kinds.HTML:
        from engine.reading.parsing import hypertext

        return hypertext.read
    from engine.reading.parsing import plain, sheets

    return {kinds.MARKDOWN: plain.marked, kinds.TEXT: plain.written, kinds.SHEET: sheets.read}[kind]


def _clean(block: Block) -> Block:
    """Without signs that no text holds: control characters, and halves of characters."""
    text = CONTROL.sub(" ", block.text)
    if not text.isascii():
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return replace(block, text=text.strip())


def _language(blocks: tuple[Block, ...]) -> str:
    """By its running text; by all of it where there is none."""
    from engine.data import language

    prose = [block.text for block in blocks if block.kind not in (HEADING, TABLE, CODE)]
    text = ""
    for one in prose or [block.text for block in blocks]:
        text += f"{one} "
        if len(text) > LETTERS:
            break
    return language.of(text)[0]

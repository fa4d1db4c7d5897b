"""Chunks: a document as pieces that can be found and cited, each with the headings above it.

Every word of the document is in a chunk or in a heading that a chunk carries. Without a size nothing is cut by length:
who writes one fact a paragraph finds one fact a chunk. A row of a table and a line of code are never cut.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from engine.problems import Problem
from engine.reading import markdown
from engine.reading.documents import CODE, HEADING, ITEM, PARAGRAPH, SHEET, TABLE, Block, Document
from engine.reading.settings import Chunking
from engine.scoring.style import ABBREVIATED

DIVIDER = re.compile(r"^\s*\|?[\s:|-]*-[\s:|-]*$")  # the line below a table's header
NUMBERED = re.compile(r"^\d{1,3}[.)]\s")
PLAIN = Chunking()
ENDS, CLOSING = (".", "!", "?", "…"), "\"'”’»)]"


@dataclass(frozen=True)
class Chunk:
    """`heading` is the path of titles, outermost first; `position` counts the document's chunks from 0; `page` is
    where it begins, 0 where there are no pages. `kind` is that of its blocks, a paragraph where they differ."""

    source: str
    heading: str
    text: str
    position: int
    page: int = 0
    kind: str = PARAGRAPH


@dataclass(frozen=True)
class _Section:
    heading: str
    blocks: list[Block]


def chunks(document: Document, how: Chunking = PLAIN) -> list[Chunk]:
    """The chunks of one document, in its order. Problem when the sizes do not fit each other."""
    check(how)
    rows = document.kind == SHEET  # there each row is a fact of its own
    found: list[Chunk] = []
    for section in _sections(document.blocks):
        for one in _cut(section.blocks, how, rows):
            found.append(Chunk(document.name, section.heading, _text(one), len(found), one[0].page, _kind(one)))
    return found


def of_markdown(name: str, text: str) -> list[Chunk]:
    """The chunks of a Markdown text: a paragraph or bullet each. `name` is how hits will cite it."""
    return chunks(Document(name, name, "markdown", tuple(markdown.blocks(text))))


def check(how: Chunking) -> None:
    """Problem when nothing can be cut like that."""
    if how.words < 0:
        raise Problem(f"A chunk cannot have {how.words} words.", do="Say how many, or 0 for each paragraph.")
    if how.overlap < 0 or (how.words and how.overlap >= how.words):
        raise Problem(
            f"Pieces of {how.words} words cannot have {how.overlap} words in common.",
            do="Choose an overlap smaller than the piece, a tenth of it for example.",
        )


def _sections(blocks: Iterable[Block]) -> Iterator[_Section]:
    """Neighbours under one heading. A heading with nothing below it is a block itself, under those above it."""
    path: list[Block] = []
    held: list[Block] = []
    bare = False  # the innermost heading has nothing under it yet
    told = (block for block in blocks if block.kind != HEADING or block.text)  # one without words heads nothing
    for block in [*told, Block(HEADING, "", 1)]:
        if block.kind != HEADING:
            held.append(block)
            bare = False
            continue
        if held:
            yield _Section(_joined(path), held)
            held = []
        if bare and block.level <= path[-1].level:
            yield _Section(_joined(path[:-1]), [path[-1]])
        path = [*(above for above in path if above.level < block.level), block]
        bare = bool(block.text)


def _joined(path: Sequence[Block]) -> str:
    return " > ".join(block.text for block in path)


def _cut(blocks: Sequence[Block], how: Chunking, rows: bool) -> Iterator[list[Block]]:
    """The blocks of each chunk: as many neighbours as fit, or a part of one that is too long."""
    if not how.words:
        for block in blocks:
            yield from ([part] for part in (_parts(block, 1, 0) if rows and block.kind == TABLE else [block]))
        return
    together: list[Block] = []
    size = 0
    for part in (part for block in blocks for part in _parts(block, how.words, how.overlap)):
        n = _words(part.text)
        if together and size + n > how.words:
            yield together
            together, size = [], 0
        together.append(part)
        size += n
    if together:
        yield together


def _parts(block: Block, most: int, overlap: int) -> list[Block]:
    """A block in pieces of at most `most` words, larger ones only where a row, a line or a word is."""
    if _words(block.text) <= most:
        return [block]
    whole = block.kind in (TABLE, CODE)
    found = _lines(block, most) if whole else _sentences(block.text.split(), most, overlap)
    return [replace(block, text=text) for text in found]


def _lines(block: Block, most: int) -> list[str]:
    """The rows of a table, each piece with its header; the lines of code, each piece between its fences."""
    lines = block.text.split("\n")
    if block.kind == TABLE:
        n = 2 if len(lines) > 1 and DIVIDER.match(lines[1]) else 1
        head, body, foot = lines[:n], lines[n:], []
    else:
        fenced = bool(markdown.FENCE.match(lines[0]))
        closed = fenced and len(lines) > 1 and bool(markdown.FENCE.match(lines[-1]))
        head, foot = (lines[:1] if fenced else []), (lines[-1:] if closed else [])
        body = lines[len(head) : len(lines) - len(foot)]
    most -= _words("\n".join(head + foot))
    found: list[list[str]] = []
    size = 0
    for line in body:
        n = _words(line)
        if not found or size + n > most:
            found.append([])
            size = 0
        found[-1].append(line)
        size += n
    return ["\n".join([*head, *one, *foot]) for one in found] or [block.text]


def _sentences(words: list[str], most: int, overlap: int) -> list[str]:
    """Words in pieces that end where sentences do, unless a sentence alone is too long. Each begins with the last
    `overlap` words of the one before: whole sentences of them, where one is so short."""
    ends = [at + 1 for at in range(len(words)) if _ends(words, at)] + [len(words)]
    found: list[str] = []
    start = begin = 0  # `begin` is `start` with what it has in common with the piece before
    reached = 0
    while start < len(words):
        limit = begin + most
        while reached < len(ends) and ends[reached] <= limit:
            reached += 1
        last = ends[reached - 1] if reached else 0
        end = last if last > start else min(limit, len(words))
        found.append(" ".join(words[begin:end]))
        common = [at for at in ends[max(0, reached - most) : reached] if end - overlap <= at < end]
        start, begin = end, min(common, default=end - overlap if overlap else end)
    return found


def _ends(words: Sequence[str], at: int) -> bool:
    if not words[at].rstrip(CLOSING).endswith(ENDS):
        return False
    return not ABBREVIATED.search(" ".join(words[max(0, at - 1) : at + 1])[-20:])


def _words(text: str) -> int:
    return len(text.split())


def _text(blocks: Sequence[Block]) -> str:
    """The texts of a chunk; bullets that stand with others get their sign again."""
    if len(blocks) == 1:
        return blocks[0].text
    found = ""
    for before, block in zip([None, *blocks], blocks, strict=False):
        bullet = block.kind == ITEM
        if before is not None:
            found += "\n" if bullet and before.kind == ITEM else "\n\n"
        found += f"- {block.text}" if bullet and not NUMBERED.match(block.text) else block.text
    return found


def _kind(blocks: Sequence[Block]) -> str:
    kinds = {block.kind for block in blocks}
    return kinds.pop() if len(kinds) == 1 else PARAGRAPH

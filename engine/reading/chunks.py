"""Chunks: a Markdown document as its paragraphs and bullets, each with the headings above it.

Every word of the document is in a chunk or in a heading that a chunk carries. Nothing is split by length: who writes
one fact a paragraph finds one fact a chunk. Underlined headings are read as paragraphs.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.*?)(?:\s+#+)?\s*$")
BULLET = re.compile(r"^\s*(?:[-*+]\s+|(?=\d{1,3}[.)]\s))")  # the number of a numbered step stays in its text
RULE = re.compile(r"^\s*([-*_=])(?:\s*\1){2,}\s*$")
FENCE = re.compile(r"^\s*(```|~~~)")


@dataclass(frozen=True)
class Chunk:
    """`heading` is the path of titles, outermost first; `position` counts the document's chunks from 0."""

    source: str
    heading: str
    text: str
    position: int


@dataclass(frozen=True)
class _Block:
    text: str
    level: int = 0  # 1 to 6 for a heading


def chunks(name: str, markdown: str) -> list[Chunk]:
    """The chunks of one document, in its order. `name` is how hits will cite it."""
    found: list[Chunk] = []
    path: list[_Block] = []
    bare = False  # the innermost heading has nothing under it yet

    def add(text: str, above: list[_Block]) -> None:
        found.append(Chunk(name, " > ".join(block.text for block in above), text, len(found)))

    for block in [*_blocks(markdown), _Block("", 1)]:
        if not block.level:
            add(block.text, path)
            bare = False
            continue
        if bare and block.level <= path[-1].level:
            add(path[-1].text, path[:-1])
        path = [*(above for above in path if above.level < block.level), block]
        bare = bool(block.text)
    return found


def _blocks(markdown: str) -> Iterator[_Block]:
    lines: list[str] = []
    fence = ""
    for line in [*markdown.lstrip("\ufeff").splitlines(), ""]:
        mark = FENCE.match(line)
        if fence or mark:
            if mark and not fence:
                yield from _paragraph(lines)
                lines, fence = [], mark[1]
            elif mark and mark[1] == fence:
                fence = ""
            lines.append(line)
            continue
        heading, bullet = HEADING.match(line), BULLET.match(line)
        rule = RULE.match(line)
        if heading or bullet or rule or not line.strip():
            yield from _paragraph(lines)
            lines = []
        if heading:
            yield _Block(heading[2], len(heading[1]))
        elif not rule and line.strip():
            lines.append(line[bullet.end() :] if bullet else line)
    yield from _paragraph(lines)


def _paragraph(lines: list[str]) -> Iterator[_Block]:
    """Lines of a table or of code stay lines; others are one text that was wrapped."""
    kept = bool(lines) and (FENCE.match(lines[0]) or lines[0].lstrip().startswith("|"))
    text = "\n".join(lines) if kept else " ".join(line.strip() for line in lines)
    if text.strip():
        yield _Block(text.strip())

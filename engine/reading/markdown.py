"""Markdown: a text as its headings, paragraphs, bullets, tables and code, in order and without loss.

Underlined headings are read as paragraphs. Links and emphasis stay as they are written. Pure.
"""

import re
from collections.abc import Iterator, Sequence

from engine.reading.documents import CODE, HEADING, ITEM, PARAGRAPH, TABLE, Block

TITLE = re.compile(r"^ {0,3}(#{1,6})\s+(.*?)(?:\s+#+)?\s*$")
BULLET = re.compile(r"^\s*(?:[-*+]\s+|(?=\d{1,3}[.)]\s))")  # the number of a numbered step stays in its text
RULE = re.compile(r"^\s*([-*_=])(?:\s*\1){2,}\s*$")
FENCE = re.compile(r"^\s*(```|~~~)")


def blocks(text: str) -> Iterator[Block]:
    """What the text is made of. Bullets lose their sign, code keeps its fences, rules are left out."""
    lines: list[str] = []
    kind, fence = PARAGRAPH, ""
    for line in [*text.lstrip("\ufeff").splitlines(), ""]:
        mark = FENCE.match(line)
        if fence or mark:
            if mark and not fence:
                yield from _paragraph(lines, kind)
                lines, fence = [], mark[1]
            elif mark and mark[1] == fence:
                fence = ""
            lines.append(line)
            continue
        heading, bullet = TITLE.match(line), BULLET.match(line)
        rule = RULE.match(line)
        if heading or bullet or rule or not line.strip():
            yield from _paragraph(lines, kind)
            lines, kind = [], ITEM if bullet else PARAGRAPH
        if heading:
            yield Block(HEADING, heading[2], len(heading[1]))
        elif not rule and line.strip():
            lines.append(line[bullet.end() :] if bullet else line)
    yield from _paragraph(lines, kind)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as a Markdown table whose first row is the header; '' when no cell holds a word."""
    width = max(map(len, rows), default=0)
    filled = [[*row, *[""] * (width - len(row))] for row in rows if any(cell.strip() for cell in row)]
    if not filled:
        return ""
    head, *rest = [f"| {' | '.join(map(_cell, row))} |" for row in filled]
    return "\n".join([head, f"|{'---|' * width}", *rest])


def code(text: str) -> str:
    """Lines between fences that they do not hold themselves."""
    fence = "~~~" if "```" in text else "```"
    return f"{fence}\n{text.strip(chr(10))}\n{fence}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _paragraph(lines: list[str], kind: str) -> Iterator[Block]:
    """Lines of a table or of code stay lines; others are one text that was wrapped."""
    if lines and FENCE.match(lines[0]):
        kind = CODE
    elif lines and lines[0].lstrip().startswith("|"):
        kind = TABLE
    kept = kind in (CODE, TABLE)
    text = "\n".join(lines) if kept else " ".join(line.strip() for line in lines)
    if text.strip():
        yield Block(kind, text.strip())

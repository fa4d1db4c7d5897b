"""Layout: lines at places on pages become headings, paragraphs, bullets and tables. Pure.

`headings` says which lines are some. What repeats at the head or foot of pages is said once. A table that goes
on overleaf is a table on each page, with its header on each.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from engine.reading import markdown
from engine.reading.documents import HEADING, ITEM, PARAGRAPH, TABLE, Block
from engine.reading.parsing import headings
from engine.reading.parsing.lines import APART, BULLET, ENDS, Line, usual_distance

REPEATED, FEWEST = 0.4, 3  # share of the pages, and pages, that make a line a running one; left ones may have another
EDGE = 2  # lines at the head and at the foot of a page that may be running ones
SAME = 3.0  # points that the columns of a table may stand elsewhere on its next page
SHORT = 0.8  # of the longest line: what ends before may be the last of its paragraph
BROKEN = re.compile(r"[^\W\d]-$")  # a word goes on in the next line
NOT_BROKEN = re.compile(r"(?:und|oder|bzw|sowie|and|or|et|ou|e|o|y|en|of|och|og|i)\b")  # "Vor- und Nachteile"
NUMBER = re.compile(  # "Page 3 of 9", "- 3 -", in the languages of Europe
    r"\W*(?:(?:pages?|seite|p[áa]gina|pag|strana|strona|str|side|sida|sivu|oldal|blz|p|s)\b)?\W*\d+"
    r"(?:\W+(?:(?:of|von|de|di|da|sur|van|av|af|z|ze|iz|din)\W+)?\d+)?\W*(?:oldal)?\W*",
    re.IGNORECASE,
)


def blocks(pages: Sequence[Sequence[Line]], outline: Mapping[int, Mapping[str, int]]) -> tuple[list[Block], list[str]]:
    """The blocks of a document, and remarks on what was left out. `outline`: page -> bare title -> level."""
    lines, remarks = _without_running([[replace(line, page=n) for line in page] for n, page in enumerate(pages, 1)])
    lines = headings.titled(list(_gone_on(lines)), outline)
    found: list[Block] = []
    for together in _together(lines):
        text, first = joined([line.text for line in together]), together[0]
        bullet = BULLET.match(text)
        if first.rows:
            found.append(Block(TABLE, markdown.table(first.rows), page=first.page))
        elif first.level:
            found.append(Block(HEADING, text, first.level, first.page))
        elif bullet:
            found.append(Block(ITEM, text[bullet.end() :], page=first.page))
        else:
            found.append(Block(PARAGRAPH, text, page=first.page))
    return found, remarks


def title(blocks: Sequence[Block]) -> str:
    """The first heading of the first level, or the one that a document begins with; '' without any."""
    found = [block for block in blocks if block.kind == HEADING and (block.level == 1 or block is blocks[0])]
    return min(found, key=lambda block: block.level).text if found else ""


def joined(lines: Sequence[str]) -> str:
    """Lines as one text; words that were broken at an end are whole again."""
    text = lines[0]
    for line in lines[1:]:
        goes_on = BROKEN.search(text[-2:]) and line[:1].islower() and not NOT_BROKEN.match(line)
        text = text[:-1] + line if goes_on or text.endswith("\u00ad") else f"{text} {line}"
    return text.replace("\u00ad", "")


def _without_running(pages: list[list[Line]]) -> tuple[list[Line], list[str]]:
    """Heads and feet of pages are kept where they first stand, page numbers nowhere."""
    least = max(FEWEST, REPEATED * len(pages))
    counted = Counter(key for page in pages for key in {key for line in _edges(page) for key in _keys(line)})
    kept: list[Line] = []
    said: set[str] = set()
    numbers = False
    for page in pages:
        edges = _edges(page)
        text: list[Line] = []
        for line in page:
            running = [key for key in _keys(line) if counted[key] >= least] if line in edges else []
            if running and NUMBER.fullmatch(line.text):
                numbers = True
            elif not said.intersection(running):
                said.update(running[:1])
                (kept if running else text).append(replace(line, running=bool(running)))
        kept += text  # behind its head and foot, which would part it from what goes on overleaf
    remarks = ["The numbers of its pages were left out."] if numbers else []
    if said:
        lines = "A line that repeats" if len(said) == 1 else f"{len(said)} lines that repeat"
        remarks.append(f"{lines} at the edge of its pages {'was' if len(said) == 1 else 'were'} read once.")
    return kept, remarks


def _edges(page: list[Line]) -> set[Line]:
    """The lines at the head and the foot of a page."""
    places = sorted({round(line.y) for line in page})
    outer = {*places[:EDGE], *places[-EDGE:]}
    return {line for line in page if round(line.y) in outer}


def _keys(line: Line) -> list[str]:
    """What a line is counted as: its text and place, and its text with what may be the number of the page."""
    place = round(line.y / 4)
    numbers = [found for found in re.finditer(r"\d{1,4}", line.text)]
    return [f"{place} {line.text}"] + [
        f"{place} {line.text[: found.start()]}#{int(found[0]) - line.page}#{line.text[found.end() :]}"
        for found in numbers
    ]


def _gone_on(lines: Sequence[Line]) -> Iterator[Line]:
    """The lines, a table that goes on from the page before with the header that it has there."""
    before: Line | None = None  # the last line that stands in the text
    for line in lines:
        if before is not None and _goes_on(before, line):
            line = replace(line, rows=(before.rows[0], *line.rows), headed=before.headed)
        yield line
        before = before if line.running else line


def _goes_on(before: Line, line: Line) -> bool:
    """Whether a table is the rest of one on the page before: its columns stand there too, and no header is its own."""
    return (
        bool(before.rows and line.rows)
        and line.page == before.page + 1
        and len(line.columns) == len(before.columns)
        and all(abs(one - two) <= SAME for one, two in zip(line.columns, before.columns, strict=True))
        and line.rows[0] != before.rows[0]
        and not line.headed
    )


def _together(lines: list[Line]) -> Iterator[list[Line]]:
    """Lines that are one paragraph, one bullet or one heading."""
    usual = usual_distance(lines)
    widest = max((len(line.text) for line in lines), default=0)
    held: list[Line] = []
    for line in lines:
        if held and _parts(held, line, usual, widest):
            yield held
            held = []
        held.append(line)
    if held:
        yield held


def _parts(held: list[Line], line: Line, usual: float, widest: int) -> bool:
    """Whether a line begins something new after those that are held."""
    before = held[-1]
    if line.running or before.running or line.rows or before.rows:
        return True
    if line.level or before.level:
        same = line.level == before.level and line.page == before.page
        return not (same and abs(before.y - line.y) < 2 * line.size)
    if BULLET.match(line.text):
        return True
    ended = before.text.endswith(ENDS)
    if line.page != before.page or line.y > before.y:  # the next page or column
        return ended or not line.text[:1].islower()
    if abs(line.size - before.size) > 0.6 and ended:
        return True
    if (before.y - line.y) > APART * usual * max(line.size, before.size):
        return True
    if not ended:
        return False
    indented = line.x - before.x > 0.8 * line.size and not BULLET.match(held[0].text)
    return indented or len(before.text) < SHORT * max(len(one.text) for one in held) or len(before.text) < widest / 2

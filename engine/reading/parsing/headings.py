"""Headings: which lines of a PDF are some. Pure.

They are those of the bookmarks. Without these they are lines in letters that are clearly larger than the text's, and
below these short lines that are bold from end to end, stand apart above running text, and are no sentence; each only
where there are few enough of them to be headings.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine.reading.parsing.lines import APART, BULLET, ENDS, Line, bare, usual_distance

LARGER = 1.15  # times the size of the text
SHARE = 0.2  # of all letters; where more are large, or bold, such letters are no headings
SIZES = 6
DEEPEST = 6
LONGEST = 150  # characters of a heading
SHORT, LINES = 100, 2  # characters and lines of one that is bold only
NEAR = 3.0  # sizes of its letters that the text may begin below it
FULL = 0.8  # of the line below; a sentence goes on there only from a line that is full
TEXT = 40  # characters; a line that says so much is running text, or a sentence, however short
ENOUGH = 3  # bookmarks found in the text, or half of them, to trust them
CAPTION = re.compile(
    r"(?:tab(?:le|elle|leau|ella|la|ela|el|ulka)?|fig(?:ure|ura|uur)?|abb(?:ildung)?|bild|rys(?:unek)?|obr(?:ázek)?"
    r"|ábra|kuva|graf(?:ik)?|chart|diagramm?)\b\.?\s*\d",
    re.IGNORECASE,
)


def titled(lines: list[Line], outline: Mapping[int, Mapping[str, int]]) -> list[Line]:
    """The lines, those that are headings with their level. `outline`: page -> bare title -> level."""
    marked = [
        line if line.rows else replace(line, level=outline.get(line.page, {}).get(bare(line.text), 0)) for line in lines
    ]
    n = sum(line.level > 0 for line in marked)
    if n and (n >= ENOUGH or 2 * n >= sum(map(len, outline.values()))):
        return marked
    letters: Counter[float] = Counter()
    for line in lines:
        if not line.rows:
            letters[line.size] += len(line.text)
    if not letters:
        return lines
    body = letters.most_common(1)[0][0]
    large = Counter({size: n for size, n in letters.items() if size >= LARGER * body})
    candidates = {line.size for line in lines if line.size in large and _can_be_title(line)}
    if large.total() > SHARE * sum(len(line.text) for line in lines) or len(candidates) > SIZES:
        return lines
    levels = {size: n for n, size in enumerate(sorted(candidates, reverse=True), 1)}
    found = [replace(line, level=levels.get(line.size, 0) if _can_be_title(line) else 0) for line in lines]
    return _bold(found, body, max(2, len(levels) + 1))  # the first level is a title's, and too much for a bold line


def _can_be_title(line: Line) -> bool:
    letters = sum(sign.isalpha() for sign in line.text)
    return not line.rows and letters > 1 and len(line.text) <= LONGEST and not line.text.endswith((",", ";"))


def _bold(lines: list[Line], body: float, level: int) -> list[Line]:
    """The lines, with those as headings that nothing but bold letters and their place makes one."""
    runs = _runs(lines, body)
    said = sum(len(lines[at].text) for run in runs for at in run)
    if not runs or said > SHARE * sum(len(line.text) for line in lines if not line.rows):
        return lines
    usual, found = usual_distance(lines), list(lines)
    for run in reversed(runs):  # a heading may stand above another one
        if _heads(found, run, usual):
            for at in run:
                found[at] = replace(found[at], level=min(level, DEEPEST))
    return found


def _runs(lines: Sequence[Line], body: float) -> list[list[int]]:
    """Where bold lines in about the size of the text stand, those together that follow each other closely."""
    runs: list[list[int]] = []
    usual = usual_distance(lines)
    for at, line in enumerate(lines):
        if not line.bold or line.rows or line.level or line.running or not 0.95 * body <= line.size < LARGER * body:
            continue
        before = lines[at - 1] if runs and runs[-1][-1] == at - 1 else None
        if before and line.size == before.size and _down(before, line) <= APART * usual * line.size:
            runs[-1].append(at)
        else:
            runs.append([at])
    return runs


def _heads(lines: Sequence[Line], run: Sequence[int], usual: float) -> bool:
    """Whether bold lines are a heading: short, no sentence, with space above and text below."""
    first, last = lines[run[0]], lines[run[-1]]
    text = " ".join(lines[at].text for at in run)
    if len(run) > LINES or len(text) > SHORT or any(lines[at].spread for at in run) or not _named(text):
        return False
    above = next((lines[at] for at in range(run[0] - 1, -1, -1) if not lines[at].running), None)
    below = lines[run[-1] + 1] if run[-1] + 1 < len(lines) else None
    if below is None or not 0.5 * last.size < _down(last, below) < NEAR * last.size or not _text(below):
        return False
    if below.text[:1].islower() and len(last.text) >= FULL * len(below.text):  # a sentence that only begins bold
        return False
    if above is None or above.rows or above.level:
        return True
    if above.page != first.page or above.y < first.y:  # it begins a page or column, and nothing goes on there
        return above.text.endswith(ENDS)
    return _down(above, first) > max(APART * usual * first.size, 0.95 * _down(last, below))


def _named(text: str) -> bool:
    """Whether words can name what follows: they begin as a heading does, and do not end as a sentence."""
    begins = next((sign for sign in text if sign.isalnum()), "a")
    letters = sum(sign.isalpha() for sign in text)
    marked = BULLET.match(text)
    return (
        letters > 2
        and not begins.islower()
        and not (marked and marked.end())
        and not text.endswith((*(end for end in ENDS if end != "?"), ",", ";"))
        and not CAPTION.match(text)
    )


def _text(line: Line) -> bool:
    """Whether a line is what stands below a heading: running text, a bullet, a table, or another heading."""
    if line.rows or line.level or BULLET.match(line.text):
        return True
    words = len(line.text.split())
    return not line.bold and (len(line.text) >= TEXT or (words > 2 and line.text.endswith((".", "!", "?"))))


def _down(above: Line, below: Line) -> float:
    """How far one line stands below another, without end where it stands on another page or beside it."""
    if above.page != below.page or below.y > above.y - 1:
        return float("inf")
    return above.y - below.y

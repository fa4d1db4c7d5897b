"""Banded: tables whose rows lines part and whose columns only space does, and headers that stand above the lines.

Lines across of one length, one below the other, make bands. Bands are a table while the same gaps go down through all
of their words, each wider than any space between words. Text that is set in columns has such gaps too, but its lines
say more than a cell does. Places are those of pdfplumber: points from the upper left corner. Pure.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

Word = dict[str, Any]  # as pdfplumber tells it
Edge = dict[str, Any]  # and a line, of which it says whether it goes "h" or "v"
Box = tuple[float, float, float, float]  # left, top, right, bottom
Span = tuple[float, float]

ALIKE = 3.0  # points that the ends of lines of one length may differ
GAP = 1.0  # of the size of the letters; a space between words is a third of it
FEWEST = 3  # lines, which part two bands; so many bands at most are head, body and foot, not rows
SPOKEN = 4  # words; where two columns usually say so many a line, they are columns of text
NEAR = 2.0  # sizes of the letters that a header may stand above its table


@dataclass(frozen=True)
class _Bands:
    """The bands between lines of one length: where they end, what they say, and what the page draws."""

    ends: Span
    tops: Sequence[float]
    words: Sequence[list[Word]]
    drawn: Sequence[Edge]

    def columns(self, run: Sequence[int]) -> list[Span]:
        """Of neighbouring bands: lines that are drawn cell by cell say it, otherwise the gaps do."""
        lines = [self.tops[n] for n in [*run, run[-1] + 1]]
        joints = frozenset.intersection(*(_joints(self.drawn, self.ends, top) for top in lines))
        return list(pairwise([self.ends[0], *map(float, sorted(joints)), self.ends[1]])) if joints else []

    def said(self, run: Sequence[int]) -> list[Word]:
        return [word for n in run for word in self.words[n]]


def tables(edges: Iterable[Edge], drawn: Sequence[Edge], words: Sequence[Word]) -> Iterator[list[Box]]:
    """The cells of each table between lines across; `edges` are the lines of the page that are merged, `drawn` all."""
    for left, right, tops in _alike(edges):
        within = [_within(words, (left, top, right, bottom)) for top, bottom in pairwise(tops)]
        bands = _Bands((left, right), tops, within, drawn)
        run: list[int] = []
        for n, band in enumerate(within):
            if not _tabular(band) or not _gaps(bands.said([*run, n])):
                yield from _made(bands, run, words)
                run = []
            if _tabular(band):
                run.append(n)
        yield from _made(bands, run, words)


def crowned(cells: list[Box], words: Sequence[Word]) -> list[Box]:
    """The cells of a table, with those of the header that stands above its lines, if there is one."""
    down = sorted({x for cell in cells for x in (cell[0], cell[2])})
    top = min(cell[1] for cell in cells)
    head = _beside(words, (down[0], down[-1]), top, above=True)
    columns = list(pairwise(down))
    if not _fits(head, columns):
        return cells
    over = min(word["top"] for word in head) - 1
    return [*((left, over, right, top) for left, right in columns), *cells]


def _alike(edges: Iterable[Edge]) -> Iterator[tuple[float, float, list[float]]]:
    """Left end, right end and places of lines across of one length."""
    groups: dict[tuple[int, int], list[Edge]] = defaultdict(list)
    for edge in edges:
        if edge["orientation"] == "h":
            near = (
                key
                for key in ((round(edge["x0"]) + a, round(edge["x1"]) + b) for a in (0, -1, 1) for b in (0, -1, 1))
                if key in groups
            )
            groups[next(near, (round(edge["x0"]), round(edge["x1"])))].append(edge)
    for group in groups.values():
        tops = sorted({edge["top"] for edge in group})
        if len(tops) >= FEWEST:
            yield min(edge["x0"] for edge in group), max(edge["x1"] for edge in group), tops


def _made(bands: _Bands, run: Sequence[int], words: Sequence[Word]) -> Iterator[list[Box]]:
    """The cells of neighbouring bands, if they are a table, with the rows that stand above and below its lines."""
    if len(run) < FEWEST - 1:
        return
    said, columns = bands.said(run), bands.columns(run)
    outer: dict[bool, list[Span]] = {True: [], False: []}
    for above, edge in ((True, bands.tops[run[0]]), (False, bands.tops[run[-1] + 1])):
        line = _beside(words, bands.ends, edge, above=above)
        fits = _fits(line, columns) if columns else len(_gaps([*said, *line])) == len(_gaps(said))
        if _gaps(line) and fits and not _spoken([line], columns or _between(said, bands.ends)):
            said = [*said, *line]
            outer[above].append((min(word["top"] for word in line) - 1, edge) if above else (edge, _foot(line) + 1))
        elif _gaps(line) and above:
            return  # a header, and nobody can tell of what
    columns = columns or _between(said, bands.ends)
    inner = _rows(bands, run, columns)
    if inner:
        rows = [*outer[True], *inner, *outer[False]]
        yield [(left, top, right, bottom) for top, bottom in rows for left, right in columns]


def _rows(bands: _Bands, run: Sequence[int], columns: Sequence[Span]) -> list[Span]:
    """Where the rows of bands begin and end; nothing where nobody can tell, or where it is text in columns."""
    found: list[Span] = []
    for n in run:
        lines, top, bottom = _lines(bands.words[n]), bands.tops[n], bands.tops[n + 1]
        fills = [[any(_in(word, span) for word in line) for span in columns] for line in lines]
        if len(lines) == 1 or (all(fills[0]) and not any(map(all, fills[1:]))):  # what is below is wrapped
            found.append((top, bottom))
        elif n == run[0] or len(run) > FEWEST or _spoken(lines, columns):
            return []
        elif all(fill[0] and sum(fill) > 1 for fill in fills):
            middles = [(_foot(one) + min(word["top"] for word in two)) / 2 for one, two in pairwise(lines)]
            found += pairwise([top, *middles, bottom])
        else:
            return []
    return found


def _between(words: Sequence[Word], ends: Span) -> list[Span]:
    """Columns with their borders in the middle of the gaps."""
    middles = [(left + right) / 2 for left, right in _gaps(words)]
    return list(pairwise([ends[0], *middles, ends[1]]))


def _joints(drawn: Sequence[Edge], ends: Span, top: float) -> frozenset[int]:
    """Where a line across is pieced together."""
    parts = [edge for edge in drawn if edge["orientation"] == "h" and abs(edge["top"] - top) <= ALIKE]
    begins = {round(part["x0"]) for part in parts}
    found = {round(part["x1"]) for part in parts}
    return frozenset(
        x for x in found if ends[0] + ALIKE < x < ends[1] - ALIKE and begins.intersection((x - 1, x, x + 1))
    )


def _fits(line: Sequence[Word], columns: Sequence[Span]) -> bool:
    """Whether a line has each word in one of the columns, and something to say in most."""
    filled = {n for word in line for n, span in enumerate(columns) if _in(word, span)}
    whole = all(any(_in(word, span) for span in columns) for word in line)
    parted = len(_gaps(line)) >= len(filled) - 1
    return whole and parted and len(filled) > 1 and 2 * len(filled) >= len(columns)


def _beside(words: Sequence[Word], ends: Span, edge: float, *, above: bool) -> list[Word]:
    """The line of words next to a line across, if all of it stands between its ends."""

    def near(word: Word) -> bool:
        apart = edge - word["bottom"] if above else word["top"] - edge
        return bool(-1 <= apart < NEAR * _size(word))

    lines = _lines([word for word in words if near(word) and ends[0] < (word["x0"] + word["x1"]) / 2 < ends[1]])
    if not lines:
        return []
    line = lines[-1 if above else 0]
    top, bottom = min(word["top"] for word in line), _foot(line)
    beside = [word for word in words if top < (word["top"] + word["bottom"]) / 2 < bottom]
    return line if all(ends[0] - ALIKE <= word["x0"] and word["x1"] <= ends[1] + ALIKE for word in beside) else []


def _tabular(band: list[Word]) -> bool:
    """Whether a band can be rows: its lines stand close, and the first says something in two columns."""
    gaps, lines = _gaps(band), _lines(band)
    close = all(_foot(two) - _foot(one) < NEAR * _size(two[0]) for one, two in pairwise(lines))
    return bool(gaps) and close and bool(_gaps(lines[0]))


def _spoken(lines: Sequence[list[Word]], columns: Sequence[Span]) -> bool:
    """Whether lines are those of text that is set in columns."""
    said = [median([sum(_in(word, span) for word in line) for line in lines] or [0]) for span in columns]
    return sum(n >= SPOKEN for n in said) > 1


def _gaps(words: Sequence[Word]) -> list[Span]:
    """What stays empty between words, all the way down."""
    if not words:
        return []
    least = GAP * median(_size(word) for word in words)
    found: list[Span] = []
    spans = sorted((word["x0"], word["x1"]) for word in words)
    end = spans[0][1]
    for left, right in spans[1:]:
        if left - end >= least:
            found.append((end, left))
        end = max(end, right)
    return found


def _lines(words: Sequence[Word]) -> list[list[Word]]:
    """Words by the line in which they stand, from above."""
    found: list[list[Word]] = []
    for word in sorted(words, key=lambda word: (word["top"] + word["bottom"]) / 2):
        if found and (word["top"] + word["bottom"]) / 2 < _foot(found[-1]):
            found[-1].append(word)
        else:
            found.append([word])
    return found


def _foot(line: Sequence[Word]) -> float:
    return max(float(word["bottom"]) for word in line)


def _within(words: Iterable[Word], box: Box) -> list[Word]:
    left, top, right, bottom = box
    return [
        word
        for word in words
        if left - ALIKE < (word["x0"] + word["x1"]) / 2 < right + ALIKE
        and top <= (word["top"] + word["bottom"]) / 2 < bottom
    ]


def _in(word: Word, span: Span) -> bool:
    return bool(span[0] - ALIKE <= word["x0"] and word["x1"] <= span[1] + ALIKE)


def _size(word: Word) -> float:
    return float(word["bottom"] - word["top"])

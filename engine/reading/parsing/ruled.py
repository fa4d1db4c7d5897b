"""Ruled: the tables that a page of a PDF draws with lines, put in the place of the words that stand in them.

A PDF holds no tables, only words at places and lines on paper. A grid of lines, or what `banded` finds between lines
across, is read as a table when its cells hold the very letters of the lines of text that begin in it, and when it says
something in rows and columns. A form, a frame, a chart, and all that is not sure stay text: no word is lost, and none
is said twice.
"""

import logging
import re
import time
import unicodedata
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from engine.reading.parsing import banded, layout, limits
from engine.reading.parsing.banded import Box
from engine.reading.parsing.lines import Line, plain

FEWEST = 3  # lines across and lines down that make two rows and two columns
MOST_DRAWN = 20_000  # lines of a page; drawings have more
MOST_MET = 4_000_000  # lines down times lines across, each pair of which is looked at
MOST_CORNERS = 2_500  # of the cells of a page
MOST_LETTERS = 30_000  # of a page
LONGEST = 150  # words of a cell; what says more is a text in a frame
SEEN = 3  # pages that draw the very same and hold no table, after which the others are not asked
APART = 0.2  # of the size of the letters; a gap that is wider parts two words
CLOSE = 0.1  # a gap that is narrower is within a word
FIGURE = re.compile(r"[\W_]*\d[\d\W_]*")
Letter = dict[str, Any]  # as pdfplumber tells it


@dataclass
class Strokes:
    """What a page draws, roughly, as it is heard while its text is read: enough to know whether it can hold a table."""

    down: set[int] = field(default_factory=set)  # where lines stand
    across: set[int] = field(default_factory=set)
    alike: dict[tuple[int, int], set[int]] = field(default_factory=lambda: defaultdict(set))  # by their ends
    drawn: int = 0
    _at: tuple[float, float] = (0.0, 0.0)

    def see(self, operator: bytes, operands: Sequence[Any], outer: Sequence[float], _: Sequence[float]) -> None:
        """Hear of one operator of the page; `outer` is the matrix that holds."""
        if operator not in (b"re", b"l", b"m"):
            return
        with suppress(TypeError, ValueError, IndexError):  # a page may hold anything
            here = _moved(operands, outer)
            if operator == b"re":
                x, y, wide, tall = map(float, operands)
                there = _moved((x + wide, y + tall), outer)
                self._side(here, (here[0], there[1]))
                self._side((there[0], here[1]), there)
                self._side(here, (there[0], here[1]))
                self._side((here[0], there[1]), there)
            elif operator == b"l":
                self._side(self._at, here)
            self._at = here

    def can_be_table(self) -> bool:
        grid = len(self.down) >= FEWEST and len(self.across) >= FEWEST
        return grid or any(len(places) >= FEWEST for places in self.alike.values())

    def _side(self, one: tuple[float, float], two: tuple[float, float]) -> None:
        self.drawn += 1
        wide, tall = abs(one[0] - two[0]), abs(one[1] - two[1])
        if wide < 1 <= tall:
            self.down.add(round(one[0]))
        elif tall < 1 <= wide:
            self.across.add(round(one[1]))
            self.alike[round(min(one[0], two[0])), round(max(one[0], two[0]))].add(round(one[1]))


class Finder:
    """Finds the tables of one file, page by page, as long as its time lasts. Used with `with`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: Any = None
        self._left = limits.TABLES
        self._idle: Counter[tuple[frozenset[int], frozenset[int]]] = Counter()  # frames that hold no table, by page
        self.passed: list[int] = []  # pages that draw lines and were not asked

    def __enter__(self) -> "Finder":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def put(self, number: int, lines: list[Line], strokes: Strokes) -> list[Line]:
        """The lines of a page, those in a table as one line that holds its rows."""
        drawing = frozenset(strokes.down), frozenset(strokes.across)
        if not lines or not strokes.can_be_table() or self._idle[drawing] >= SEEN:
            return lines
        letters = sum(len(line.text) for line in lines)
        if strokes.drawn > MOST_DRAWN or letters > MOST_LETTERS or self._left <= 0:
            self.passed.append(number)
            return lines
        begun = time.process_time()
        try:
            found = self._put(number, lines)
            self._idle[drawing] += found is lines
            return found
        except MemoryError:
            raise
        except Exception:  # this reader, too, raises whatever it meets; the text is there
            self.passed.append(number)
            return lines
        finally:
            self._left -= time.process_time() - begun

    def _put(self, number: int, lines: list[Line]) -> list[Line]:
        page = self._page(number)
        try:
            words = page.extract_words(x_tolerance_ratio=APART)
            grids = _tables(page.edges, words)
            for grid in sorted(grids, key=_Grid.size, reverse=True):  # one in a cell of another is words of it
                lines = _placed(lines, grid, page.chars, float(page.height))
            return lines
        finally:
            page.close()

    def _page(self, number: int) -> Any:
        if self._file is None:
            import pdfplumber

            logging.getLogger("pdfminer").setLevel(logging.CRITICAL)
            self._file = pdfplumber.open(self._path)
        return self._file.pages[number - 1]


def _tables(edges: Iterable[Any], words: list[Any]) -> list["_Grid"]:
    """Each table that lines can make. ValueError where there are too many to look at."""
    from pdfplumber import table, utils

    settings = table.TableSettings()
    least = settings.edge_min_length_prefilter
    long = [edge for way in ("v", "h") for edge in utils.filter_edges(edges, way, min_length=least)]
    snap, join = settings.snap_tolerance, settings.join_tolerance
    merged = utils.filter_edges(table.merge_edges(long, snap, snap, join, join), min_length=settings.edge_min_length)
    ways = Counter(edge["orientation"] for edge in merged)
    if ways["v"] * ways["h"] > MOST_MET:
        raise ValueError("too many lines")
    corners = table.edges_to_intersections(merged, settings.intersection_tolerance, settings.intersection_tolerance)
    if len(corners) > MOST_CORNERS:
        raise ValueError("too many corners")
    found: list[list[Box]] = table.cells_to_tables(table.intersections_to_cells(corners))
    grids = [_Grid(banded.crowned(cells, words)) for cells in found if _Grid(cells).has_rows()]
    free = [edge for edge in merged if not any(grid.holds(edge) for grid in grids)]
    return [*grids, *map(_Grid, banded.tables(free, long, words))]


class _Grid:
    """The cells of a table by row and column; one that reaches over several is each of them."""

    def __init__(self, cells: list[Box]) -> None:
        self.down = sorted({x for cell in cells for x in (cell[0], cell[2])})
        self.across = sorted({y for cell in cells for y in (cell[1], cell[3])})
        self.cells: dict[tuple[int, int], int] = {}  # (row, column) -> which cell
        self.first: list[tuple[int, int]] = []  # row and column of the upper left corner of each
        for number, (left, top, right, bottom) in enumerate(cells):
            self.first.append((self.across.index(top), self.down.index(left)))
            for row in range(self.across.index(top), self.across.index(bottom)):
                for column in range(self.down.index(left), self.down.index(right)):
                    self.cells[row, column] = number

    def at(self, x: float, y: float) -> int:
        """The cell at a place, -1 for none."""
        return self.cells.get((bisect_right(self.across, y) - 1, bisect_right(self.down, x) - 1), -1)

    def has_rows(self) -> bool:
        """Whether it has two rows and two columns at least."""
        return len(self.down) >= FEWEST and len(self.across) >= FEWEST

    def holds(self, edge: dict[str, Any]) -> bool:
        """Whether a line is one of its own."""
        return (
            self.down[0] - banded.ALIKE <= edge["x0"]
            and edge["x1"] <= self.down[-1] + banded.ALIKE
            and self.across[0] - banded.ALIKE <= edge["top"] <= self.across[-1] + banded.ALIKE
        )

    def size(self) -> float:
        return (self.down[-1] - self.down[0]) * (self.across[-1] - self.across[0])

    def rows(self, texts: dict[int, str]) -> tuple[tuple[str, ...], ...]:
        """The texts of the cells, row by row. One that reaches down says the same in each of its rows, so that a row
        says all by itself; one that reaches across leaves its other columns empty."""
        n_rows, n_columns = len(self.across) - 1, len(self.down) - 1
        return tuple(
            tuple(
                texts.get(cell, "") if (cell := self.cells.get((row, n), -1)) >= 0 and self.first[cell][1] == n else ""
                for n in range(n_columns)
            )
            for row in range(n_rows)
        )


def _placed(lines: list[Line], grid: _Grid, letters: list[Letter], height: float) -> list[Line]:
    """The lines with the table in the place of the first that stands in it; as they are where it is none."""
    within = [line for line in lines if not line.rows and grid.at(line.x + 1, height - line.y - 0.3 * line.size) >= 0]
    held: dict[int, list[Letter]] = defaultdict(list)
    for letter in letters:
        cell = grid.at((letter["x0"] + letter["x1"]) / 2, (letter["top"] + letter["bottom"]) / 2)
        if cell >= 0:
            held[cell].append(letter)
    if not within or not _readable(letter for cell in held.values() for letter in cell):
        return lines
    if _cut(letters, grid):
        return lines
    said = {cell: _lines(inside) for cell, inside in held.items()}
    texts = {cell: layout.joined(found) for cell, found in said.items() if found}
    rows = tuple(row for row in grid.rows(texts) if any(row))
    if _signs(texts.values()) != _signs(line.text for line in within) or not _says(rows) or _stacked(grid, said):
        return lines
    used = [n for n in range(len(grid.down) - 1) if any(row[n] for row in rows)]  # padding may be shaded by itself
    made = Line(
        " ".join(texts.values()),
        0,
        grid.down[0],
        height - grid.across[0],
        rows=tuple(tuple(row[n] for n in used) for row in rows),
        columns=tuple(grid.down[n] for n in used),
        headed=_headed(grid, held),
    )
    gone = {id(line) for line in within}
    return [made if line is within[0] else line for line in lines if line is within[0] or id(line) not in gone]


def _readable(letters: Iterable[Letter]) -> bool:
    """Whether letters follow each other as they are read here: upright, from left to right."""
    return all(
        letter["upright"] and unicodedata.bidirectional(letter["text"][:1] or " ") not in ("R", "AL")
        for letter in letters
    )


def _cut(letters: list[Letter], grid: _Grid) -> bool:
    """Whether a line of the grid goes through a word, as those of a chart and under a heading do."""
    for one, two in pairwise(letters):
        near = abs(two["x0"] - one["x1"]) < CLOSE * two["size"] and abs(two["bottom"] - one["bottom"]) < 1
        if near and one["text"].isalnum() and two["text"].isalnum():
            y = (one["top"] + one["bottom"]) / 2
            cells = {grid.at((letter["x0"] + letter["x1"]) / 2, y) for letter in (one, two)}
            if len(cells) > 1:
                return True
    return False


def _lines(letters: list[Letter]) -> list[str]:
    """What letters say, line by line, in the order in which the file has them."""
    from pdfplumber import utils

    words = utils.extract_words(letters, use_text_flow=True, x_tolerance_ratio=APART)
    found: list[list[str]] = []
    for before, word in zip([None, *words], words, strict=False):
        if before is None or word["top"] >= before["bottom"] - 1:
            found.append([])
        found[-1].append(plain(word["text"]))
    return [" ".join(line) for line in found]


def _stacked(grid: _Grid, said: dict[int, list[str]]) -> bool:
    """Whether two cells of a row hold figures one below the other: figures are not wrapped, so rows have no lines."""
    piled = Counter(
        grid.first[cell][0] for cell, lines in said.items() if len(lines) > 1 and all(map(FIGURE.fullmatch, lines))
    )
    return any(n > 1 for n in piled.values())


def _signs(texts: Iterable[str]) -> Counter[str]:
    return Counter(sign for text in texts for sign in text if sign.isalnum())


def _says(rows: Sequence[Sequence[str]]) -> bool:
    """Whether rows say something: most fill two cells and more, and no cell holds a long text."""
    full = sum(sum(map(bool, row)) > 1 for row in rows)
    return full > 1 and 2 * full >= len(rows) and all(len(cell.split()) <= LONGEST for row in rows for cell in row)


def _headed(grid: _Grid, held: dict[int, list[Letter]]) -> bool:
    """Whether the first row is in letters that no other row has."""
    fonts: dict[bool, set[str]] = {True: set(), False: set()}
    top = min(grid.first[cell][0] for cell in held)
    for cell, letters in held.items():
        fonts[grid.first[cell][0] == top].update(letter["fontname"] for letter in letters)
    return bool(fonts[True] and fonts[False]) and not fonts[True] & fonts[False]


def _moved(place: Sequence[Any], by: Sequence[float]) -> tuple[float, float]:
    x, y = float(place[0]), float(place[1])
    return x * by[0] + y * by[2] + by[4], x * by[1] + y * by[3] + by[5]

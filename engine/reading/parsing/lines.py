"""Lines: one line of a page, and what its place and its beginning say of it. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

APART = 1.3  # times the usual distance of lines
BULLET = re.compile(r"^(?:[•▪■◦‣●○∙·*–-]\s+|(?=\d{1,3}[.)]\s))")
LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
ENDS = (".", "!", "?", "…", ":", ".”", '."', ".»", ".)")


@dataclass(frozen=True)
class Line:
    """`size` of its letters and the place of its first one, in points of the page as it is shown; y counts upwards.

    A table is one line too: with `rows` of cells, the places of its `columns`, and no size."""

    text: str
    size: float
    x: float
    y: float
    page: int = 0
    level: int = 0  # of a heading
    running: bool = False  # the head or foot of most pages
    rows: tuple[tuple[str, ...], ...] = ()
    columns: tuple[float, ...] = ()
    headed: bool = False  # the first row of a table is in letters of its own
    bold: bool = False  # all of its letters
    spread: bool = False  # it stands in pieces, as far from each other as columns are


def usual_distance(lines: Sequence[Line]) -> float:
    """Between neighbours in letters of one size, in sizes of the letters."""
    found = [
        (one.y - two.y) / one.size
        for one, two in pairwise(lines)
        if one.page == two.page and one.size == two.size > 0 and 0 < one.y - two.y < 3 * one.size
    ]
    return median(found) if found else 1.2


def plain(text: str) -> str:
    """Without joined letters, which nobody types when they search."""
    return text.translate(LIGATURES)


def bare(text: str) -> str:
    """A title as it can be compared: without case, spaces and the signs around it."""
    return re.sub(r"\W+", " ", plain(text).casefold()).strip()

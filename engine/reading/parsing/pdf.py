"""PDF: the text of each page, as the lines that `layout` makes paragraphs and headings of.

Tables that are drawn with lines are found by `ruled`; others are words at places, and stay text. Text in pictures is
not recognised (no OCR). Scripts, forms and attached files are left alone. A page whose inside is broken is named, and
the others are read.
"""

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise, starmap
from pathlib import Path
from typing import Any

import pypdf
from pypdf.errors import DependencyError, FileNotDecryptedError, PyPdfError

from engine.data.formats.table import Progress
from engine.problems import Problem
from engine.reading.documents import Document
from engine.reading.parsing import kinds, layout, limits, ruled
from engine.reading.parsing.lines import Line, bare, plain

KEPT = 50  # pages whose parsed objects are held at once
MOST_ENTRIES = 5_000  # of an outline
NAMED = 12  # pages that a remark names
UNTITLED = ("microsoft word", "untitled", "unbenannt", "powerpoint", "document", "dokument")
FILE_NAME = re.compile(r"\S+\.(?:html?|docx?|dotx?|odt|rtf|pdf|tex|dvi|indd|pptx?|xlsx?|txt|md)", re.IGNORECASE)
UNKNOWN = 0.1  # share of signs that are no letters, beyond which a text is not readable
STRANGE = re.compile(r"[\ufffd\ue000-\uf8ff\x00-\x08\x0e-\x1f]")
BOLD = re.compile(r"bold|black|heavy|demi|^(?:CM|SF|EC)BX|-Medi$", re.IGNORECASE)
WIDE = re.compile(r"\s{3,}")  # within a line: space that sets columns
LETTER = 0.6  # of their size, that letters are wide
GAP = 1.5  # sizes of the letters
NO_OCR = "Text in pictures is not recognised here (no OCR)."

logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # its remarks on broken files are for programmers


@dataclass(frozen=True)
class _Said:
    """A piece of a line: what it says, in letters of which size, where."""

    text: str
    size: float
    x: float
    y: float
    bold: bool


def read(path: Path, name: str, progress: Progress) -> Document:
    """The document. Problem when it is locked, damaged, too long, or holds pictures instead of text."""
    with path.open("rb") as file, ruled.Finder(path) as finder:
        reader = _opened(file, name)
        n = len(reader.pages)
        if n > limits.MOST_PAGES:
            raise Problem(
                f"{name} has {n:,} pages; the most is {limits.MOST_PAGES:,}.",
                do="Split it, and bring in the parts one after the other.",
            )
        outline, title = _outline(reader), _title(reader)
        pages: list[list[Line]] = []
        broken: list[int] = []
        pictures = False
        for number in range(1, n + 1):
            try:
                lines, shown, strokes = _page(reader.pages[number - 1])
            except (MemoryError, FileNotDecryptedError, DependencyError):
                raise
            except Exception:  # the reader raises whatever it meets in a broken page
                lines, shown, strokes = [], False, ruled.Strokes()
                broken.append(number)
            pages.append(finder.put(number, lines, strokes))
            pictures = pictures or shown
            if number % KEPT == 0:
                reader.resolved_objects.clear()  # all that was parsed stays in memory otherwise
            progress(number, n)
        attached = _attached(reader)
    if not any(pages):
        raise _without_text(name, n, pictures, broken)
    blocks, left_out = layout.blocks(pages, outline)
    empty = [number for number, lines in enumerate(pages, 1) if not lines and number not in broken]
    remarks = [*left_out, *_remarks(empty, broken, finder.passed)]
    if attached:
        remarks.append("Files attached to it were not read.")
    if _unknown(pages) > UNKNOWN:
        remarks.append("Its fonts do not say which letters they show, so much of its text is unreadable here.")
    return Document(name, title or layout.title(blocks) or name, kinds.PDF, tuple(blocks), n, remarks=tuple(remarks))


def _opened(file: Any, name: str) -> pypdf.PdfReader:
    try:
        reader = pypdf.PdfReader(file)
        len(reader.pages)
        return reader
    except FileNotDecryptedError as error:
        raise Problem(
            f"{name} is locked with a password.",
            do="Open it with the password, save it without one (print it as PDF), and choose that.",
        ) from error
    except DependencyError as error:
        raise Problem(f"{name} is encrypted in a way that is not read here.", f"The reader says: {error}.") from error
    except (MemoryError, RecursionError):
        raise
    except Exception as error:  # PyPdfError, and whatever else it meets in a damaged file
        why = f"The reader says: {error if isinstance(error, PyPdfError) else type(error).__name__}."
        raise Problem(f"{name} is a damaged PDF.", why, "Copy or export it again, and choose that.") from error


def _page(page: Any) -> tuple[list[Line], bool, ruled.Strokes]:
    """The lines of a page in the order of its text, whether it shows a picture, and what it draws."""
    found: list[Line] = []
    strokes, turned = ruled.Strokes(), _turned(page)
    held: list[_Said] = []  # what stands in the line so far

    def hear(text: str, outer: list[float], inner: list[float], font: Any, size: float) -> None:
        *whole, rest = text.split("\n")
        size, x, y = _place(outer, inner, size)
        x, y = turned(x, y)
        for part in whole:
            if part:
                held.append(_Said(part, size, x, y, _bold(font)))
            found.extend(_line(held))
            held.clear()
        if rest:
            held.append(_Said(rest, size, x, y, _bold(font)))

    page.extract_text(visitor_text=hear, visitor_operand_before=strokes.see)
    found.extend(_line(held))
    return found, not found and _shows(page), strokes


def _turned(page: Any) -> Callable[[float, float], tuple[float, float]]:
    """What makes a place in the file the place on the page as it is shown, which may be turned."""
    wide, tall = float(page.mediabox.width), float(page.mediabox.height)
    ways: dict[int, Callable[[float, float], tuple[float, float]]] = {
        90: lambda x, y: (y, wide - x),
        180: lambda x, y: (wide - x, tall - y),
        270: lambda x, y: (tall - y, x),
    }
    return ways.get(page.rotation % 360, lambda x, y: (x, y))


def _place(outer: list[float], inner: list[float], size: float) -> tuple[float, float, float]:
    """Size of the letters and where they stand, in points of the page."""
    c, d, e, f = inner[2:6]
    tall = ((c * outer[0] + d * outer[2]) ** 2 + (c * outer[1] + d * outer[3]) ** 2) ** 0.5
    x = e * outer[0] + f * outer[2] + outer[4]
    y = e * outer[1] + f * outer[3] + outer[5]
    return abs(size) * tall, x, y


def _bold(font: Any) -> bool:
    """Whether letters are bold; the name of their font says so, behind what marks it as a part of one."""
    try:
        return bool(font and BOLD.search(str(font["/BaseFont"]).lstrip("/").rpartition("+")[2]))
    except (KeyError, TypeError, PyPdfError):
        return False


def _line(held: list[_Said]) -> Iterator[Line]:
    """One line: the size is that of most of its letters, the place that of its first."""
    text = " ".join("".join(part.text for part in held).split())
    if text:
        sizes: dict[float, int] = {}
        for part in held:
            half = round(part.size * 2) / 2
            sizes[half] = sizes.get(half, 0) + len(part.text.strip())
        shown = [part for part in held if part.text.strip()]
        size = max(sizes, key=lambda size: sizes[size])
        yield Line(
            plain(text),
            size,
            shown[0].x,
            shown[0].y,
            bold=all(part.bold for part in shown),
            spread=any(WIDE.search(part.text.strip()) for part in shown) or any(starmap(_apart, pairwise(shown))),
        )


def _apart(one: _Said, two: _Said) -> bool:
    """Whether two pieces of a line stand as far from each other as columns do; letters are about so wide."""
    return two.x - (one.x + LETTER * one.size * len(one.text.strip())) > GAP * one.size


def _shows(page: Any) -> bool:
    """Whether a page has a picture; none is opened."""
    try:
        things = page["/Resources"]["/XObject"]
        return any(things[one].get("/Subtype") in ("/Image", "/Form") for one in things)
    except (KeyError, TypeError, AttributeError, PyPdfError):
        return False


def _outline(reader: pypdf.PdfReader) -> dict[int, dict[str, int]]:
    """Page -> title -> level, as the bookmarks say; empty where they are broken or there are none."""
    found: dict[int, dict[str, int]] = {}

    def walk(entries: list[Any], level: int) -> None:
        for entry in entries[:MOST_ENTRIES]:
            if isinstance(entry, list):
                walk(entry, level + 1)
                continue
            page = reader.get_destination_page_number(entry)
            if page is not None and page >= 0:
                found.setdefault(page + 1, {})[bare(str(entry.title or ""))] = min(level, 6)

    try:
        walk(reader.outline, 1)
    except MemoryError:
        raise
    except Exception:  # bookmarks are an extra; the text is read without them
        return {}
    return found


def _title(reader: pypdf.PdfReader) -> str:
    """What the file says it is called, unless a program only put its own words or the name of a file there."""
    try:
        said = str((reader.metadata.title if reader.metadata else "") or "").strip()
    except MemoryError:
        raise
    except Exception:  # so is its title
        return ""
    return "" if said.lower().startswith(UNTITLED) or FILE_NAME.fullmatch(said) else said


def _attached(reader: pypdf.PdfReader) -> bool:
    names: Any = reader.root_object.get("/Names")
    try:
        return names is not None and "/EmbeddedFiles" in names.get_object()
    except (TypeError, PyPdfError):
        return False


def _unknown(pages: list[list[Line]]) -> float:
    """The share of signs that stand for no letter."""
    text = "".join(line.text for page in pages for line in page)
    return len(STRANGE.findall(text)) / max(1, len(text))


def _without_text(name: str, n: int, pictures: bool, broken: list[int]) -> Problem:
    many = "1 page" if n == 1 else f"{n:,} pages"
    if broken:
        return Problem(f"None of the {many} of {name} can be read.", "It is damaged.", "Export it again.")
    if pictures:
        return Problem(
            f"{name} holds pictures of its {many}, and no text.",
            f"It was probably scanned. {NO_OCR}",
            "Have its text recognised by a scanning program, and choose what that makes.",
        )
    return Problem(f"{name} holds no text on its {many}.", do="Choose a document with text in it.")


def _remarks(empty: list[int], broken: list[int], passed: list[int]) -> Iterator[str]:
    if empty:
        yield f"No text was found on {_pages(empty)}. {NO_OCR}"
    if broken:
        yield f"The inside of {_pages(broken)} is broken and could not be read."
    if passed:
        yield f"Tables on {_pages(passed)}, if there are any, were read as text: too much is drawn there."


def _pages(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"page {numbers[0]}"
    more = f" and {len(numbers) - NAMED:,} more" if len(numbers) > NAMED else ""
    return f"pages {', '.join(map(str, numbers[:NAMED]))}{more}"

"""Hypertext: an HTML page as headings, paragraphs, lists, tables and code.

Scripts, styles, templates, navigation, forms' controls, comments and whatever is hidden from readers are left out.
Nothing is fetched and nothing runs: the page is a tree of texts, no more.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from bs4 import BeautifulSoup, NavigableString, Tag
from bs4.dammit import EncodingDetector
from bs4.element import PreformattedString

from engine.data.formats import encodings
from engine.data.formats.table import Progress, Source
from engine.problems import Problem
from engine.reading import markdown
from engine.reading.documents import CODE, HEADING, ITEM, PARAGRAPH, TABLE, Block, Document
from engine.reading.parsing import kinds

DROPPED = """script style noscript template nav svg iframe frame object embed applet canvas audio video map
    button select input textarea datalist dialog link meta base""".split()
APART = set(
    """address article aside blockquote body center dd details div dl dt fieldset figcaption figure footer form h1 h2
    h3 h4 h5 h6 header hr html legend li main ol p pre section summary table tbody td tfoot th thead tr ul""".split()
)
TITLES = {f"h{n}": n for n in range(1, 7)}
NESTED = ["ul", "ol", "table", "pre", "dl"]
UNSEEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])", re.IGNORECASE)
WIDEST, TALLEST = 100, 1000  # cells that one may span; who says more means to fill the memory
DEEPEST = 255  # levels; the parser leaves out what lies below


def read(path: Path, name: str, progress: Progress) -> Document:
    """The page. Problem when nothing is left of it to read."""
    text, remark = _text_of(path, name)
    soup = BeautifulSoup(text, "lxml")
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    hidden = _strip(soup)
    blocks = [block for block in _walk(soup.body or soup) if block.text]
    if not blocks:
        raise Problem(
            f"{name} holds no text once its scripts and navigation are left out.",
            "Pages that a script fills are empty until a browser runs it; scripts are not run here.",
            "Save the page from the browser as it is shown, or print it as PDF.",
        )
    first = next((block.text for block in blocks if block.kind == HEADING), "")
    several = "parts that the page hides from its readers were left out."
    unseen = "1 part that the page hides from its readers was left out." if hidden == 1 else f"{hidden:,} {several}"
    remarks = tuple(filter(None, [remark, unseen if hidden else ""]))
    return Document(name, title or first or name, kinds.HTML, tuple(blocks), remarks=remarks)


def _text_of(path: Path, name: str) -> tuple[str, str]:
    """The page in the encoding that it declares, if it keeps to that; else in the one that it seems to be in."""
    raw = path.read_bytes()
    source = Source(name, path)
    declared = EncodingDetector.find_declared_encoding(raw, is_html=True)
    if declared and encodings.of(source) not in ("utf-16", "utf-32", "utf-8-sig"):
        try:
            return raw.decode(declared), ""
        except (UnicodeDecodeError, LookupError):
            pass
    encoding = encodings.of(source)
    try:
        return raw.decode(encoding), encodings.said(encoding)
    except UnicodeDecodeError:
        return raw.decode(encoding, "replace"), "Some of its signs are in no known encoding; they are shown as �."


def _strip(soup: BeautifulSoup) -> int:
    """Take out what nobody reads. How many parts were hidden on purpose."""
    for sign in soup.find_all(string=lambda text: isinstance(text, PreformattedString)):
        sign.extract()
    for tag in soup.find_all(DROPPED):
        tag.decompose()
    unseen = [tag for tag in soup.find_all(True) if _is_unseen(tag)]
    for tag in unseen:
        if not tag.decomposed:
            tag.decompose()
    return len(unseen)


def _is_unseen(tag: Tag) -> bool:
    if tag.name in ("html", "body"):
        return False
    return tag.has_attr("hidden") or bool(UNSEEN.search(str(tag.get("style") or "")))


def _walk(tag: Tag) -> Iterator[Block]:
    """The blocks within a tag; what stands between them is a paragraph each time."""
    inline: list[str] = []
    for child in tag.children:
        if isinstance(child, NavigableString):
            inline.append(str(child))
        elif isinstance(child, Tag):
            if child.name in APART or child.find(APART) is not None:
                yield from _paragraph(inline)
                inline = []
                yield from _block(child)
            else:
                inline.append(" " if child.name == "br" else _inline(child))
    yield from _paragraph(inline)


def _block(tag: Tag) -> Iterator[Block]:
    if tag.name in TITLES:
        yield Block(HEADING, _plain(_inline(tag)), TITLES[tag.name])
    elif tag.name in ("ul", "ol"):
        yield from _list(tag)
    elif tag.name == "pre":
        if tag.get_text().strip():
            yield Block(CODE, markdown.code(tag.get_text()))
    elif tag.name == "dl":
        yield from _terms(tag)
    elif tag.name == "table":
        yield from _table(tag)
    else:
        yield from _walk(tag)


def _list(tag: Tag) -> Iterator[Block]:
    number = int(start) if (start := str(tag.get("start", ""))).isdigit() else 1
    for item in tag.find_all("li", recursive=False):
        if item.find(list(TITLES)) is not None:  # a card, not a bullet
            yield from _walk(item)
            continue
        nested = []
        while inner := item.find(NESTED):
            nested.append(inner.extract())
        text = _plain(_inline(item))
        if text:
            yield Block(ITEM, f"{number}. {text}" if tag.name == "ol" else text)
            number += 1
        for inner in nested:
            yield from _block(inner)
    for other in tag.find_all(lambda one: one.name != "li", recursive=False):
        yield from _block(other)


def _terms(tag: Tag) -> Iterator[Block]:
    """Each term with what is said of it."""
    terms: list[str] = []
    for one in tag.find_all(["dt", "dd"]):
        text = _plain(_inline(one))
        if one.name == "dt":
            terms.append(text)
        else:
            yield Block(ITEM, f"{', '.join(terms)}: {text}" if terms else text)
            terms = []
    if terms:
        yield Block(PARAGRAPH, ", ".join(terms))


def _table(tag: Tag) -> Iterator[Block]:
    """A table in place; one that only arranges a page is read as the blocks in it."""
    rows = [row for row in tag.find_all("tr") if row.find_parent("table") is tag]
    cells = [[cell for cell in row.find_all(["td", "th"], recursive=False)] for row in rows]
    arranges = any(cell.find([*TITLES, *NESTED]) is not None for row in cells for cell in row)
    if tag.caption is not None:
        yield from _paragraph([_inline(tag.caption)])
    if arranges or max(map(len, cells), default=0) < 2:
        for row in cells:
            for cell in row:
                yield from _walk(cell)
        return
    text = markdown.table(list(_grid(cells)))
    if text:
        yield Block(TABLE, text)


def _grid(rows: Iterable[list[Tag]]) -> Iterator[list[str]]:
    """Texts of the cells; one that reaches down stands in each of its rows, so that a row says all by itself."""
    reaching: dict[int, tuple[int, str]] = {}  # column -> rows it still reaches down, text
    for row in rows:
        found: dict[int, str] = {}
        at = 0
        below: dict[int, tuple[int, str]] = {}
        for column, (left, text) in reaching.items():
            found[column] = text
            if left > 1:
                below[column] = (left - 1, text)
        for cell in row:
            while at in found:
                at += 1
            if at > WIDEST * 10:
                break
            text = _plain(_inline(cell))
            wide, tall = _span(cell, "colspan", WIDEST), _span(cell, "rowspan", TALLEST)
            for offset in range(wide):
                found[at + offset] = "" if offset else text
                if tall > 1:
                    below[at + offset] = (tall - 1, "" if offset else text)
            at += wide
        reaching = below
        yield [found.get(column, "") for column in range(max(found, default=-1) + 1)]


def _span(cell: Tag, name: str, most: int) -> int:
    value = str(cell.get(name, "1"))
    return max(1, min(int(value), most)) if value.isdigit() and len(value) < 9 else 1


def _inline(tag: Tag) -> str:
    """The text of a tag in one piece; what stands apart on the page has a space between."""
    found: list[str] = []
    for one in tag.descendants:
        if isinstance(one, NavigableString):
            found.append(str(one))
        elif isinstance(one, Tag) and (one.name in APART or one.name == "br"):
            found.append(" ")
    return "".join(found)


def _paragraph(inline: list[str]) -> Iterator[Block]:
    text = _plain("".join(inline))
    if text:
        yield Block(PARAGRAPH, text)


def _plain(text: str) -> str:
    return " ".join(text.split())

"""Cited: a passage and the way to where it stands. `[1]` in an answer, a hit of a search, a row of an evaluation: each
links to the page of its library, which shows the document with this very passage marked.

A passage is known by its words, so a link holds as long as they stand in the document, however that is cut.
"""

import html
import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from engine import hashes
from engine.reading import terms
from engine.scoring.judged.citing import CITED

WORDS = 8  # so many of the first words of a passage stand in its address
NUMBER = re.compile(r"\d+")
ROW = re.compile(r"\s*\|.*\|\s*")
RULE = re.compile(r"\s*\|(?:\s*:?-+:?\s*\|)+\s*")  # between a table's header and its rows
BAR = re.compile(r"(?<!\\)\|")


def mark(text: str) -> str:
    """What a passage is called in an address."""
    return hashes.content(text)


def asked(text: str) -> dict[str, str]:
    """What an address says of a passage: its mark, and how it begins, for when the document is cut otherwise."""
    return {"chunk": mark(text), "words": " ".join(text.split()[:WORDS])} if text else {}


def address(library: str, document: str, text: str = "") -> str:
    """Where a document can be read, with the passage `text` marked in it."""
    return f"library?{urlencode({'library': library, 'document': document, **asked(text)})}"


def citation(label: str, library: str, document: str, text: str = "") -> str:
    """A link to a passage as HTML; it opens beside what is being read, which would be lost otherwise."""
    if not (library and document):
        return html.escape(label)
    there = html.escape(address(library, document, text), quote=True)
    return f'<a class="cite" href="{there}" target="_blank">{html.escape(label)}</a>'


def place(passage: Mapping[str, Any]) -> str:
    """Where a passage stands, in words: its document, the heading above it, and the page."""
    page = f"page {passage['page']}" if passage.get("page") else ""
    return " · ".join(str(part) for part in (passage.get("source", ""), passage.get("heading", ""), page) if part)


def numbered(said: str, found: Sequence[Mapping[str, Any]]) -> str:
    """An answer, already made safe as HTML, with what it cites as `[1]` or `[1, 2]` made links to these passages, as
    far as there are such."""

    def link(label: str, number: str) -> str:
        at = int(number) - 1
        if not 0 <= at < len(found) or not found[at].get("library"):
            return label
        one = found[at]
        return citation(label, str(one["library"]), str(one.get("source", "")), str(one["text"]))

    def each(cited: re.Match[str]) -> str:
        if cited[1].isdigit():
            return link(cited[0], cited[1])
        return NUMBER.sub(lambda number: link(number[0], number[0]), cited[0])

    return CITED.sub(each, said)


def lit(text: str, query: str, languages: Sequence[str] = ()) -> str:
    """A text as HTML, with the words marked that a search for `query` meets, whatever their endings; such as "the" and
    "das" are met everywhere, and not marked."""
    spoken = languages or (terms.ENGLISH,)
    telling = " ".join(
        word for word in terms.WORD.findall(query) if not any(word.casefold() in terms.little(one) for one in spoken)
    )
    wanted = {(one, word) for one in spoken for word in terms.words(telling, one)}
    pieces, at = [], 0
    for found in terms.WORD.finditer(text):
        if wanted & {(one, word) for one in spoken for word in terms.words(found[0], one)}:
            pieces += [html.escape(text[at : found.start()]), f"<mark>{html.escape(found[0])}</mark>"]
            at = found.end()
    return laid("".join([*pieces, html.escape(text[at:])]))


def laid(safe: str) -> str:
    """A text already made safe as HTML, with the tables that it writes in Markdown laid out as tables."""
    found = []
    for row, lines in itertools.groupby(safe.split("\n"), lambda line: bool(ROW.fullmatch(line))):
        held = list(lines)
        found.append(_table(held) if row and len(held) > 1 and RULE.fullmatch(held[1]) else "\n".join(held))
    return "\n".join(found)


def _table(lines: Sequence[str]) -> str:
    head, _, *rest = lines
    body = "".join(f"<tr>{_cells(line, 'td')}</tr>" for line in rest)
    return f'<div class="laid"><table><thead><tr>{_cells(head, "th")}</tr></thead><tbody>{body}</tbody></table></div>'


def _cells(line: str, kind: str) -> str:
    cells = BAR.split(line.strip())[1:-1]
    return "".join(f"<{kind}>{cell.strip().replace(chr(92) + '|', '|')}</{kind}>" for cell in cells)

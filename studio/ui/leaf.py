"""Leaf: one document of a library as it was read, piece by piece, with the passage marked that somebody came for."""

import html
from functools import partial
from pathlib import Path

import streamlit as st

from engine import sizes
from engine.data import language
from engine.reading.chunks import Chunk, chunks
from engine.reading.settings import Chunking
from engine.scoring.wording import plain
from studio.reading import originals
from studio.reading.libraries import Document
from studio.store import Store
from studio.ui import cited, notices, parts

PAGE = 25  # pieces shown at once
KINDS = {
    "pdf": "PDF",
    "docx": "Word",
    "html": "HTML",
    "markdown": "Markdown",
    "text": "Text",
    "table": "Table",
}


def show(store: Store, document: Document, how: Chunking, marked: str, words: str) -> None:
    """The document cut by `how`; `marked` is the mark of a passage, `words` how it begins."""
    parts.heading(document.title, above=f"Document · {document.library}")
    pieces = chunks(document.read, how)
    _facts(document, len(pieces))
    at = _wanted(pieces, marked, words)
    _original(store, document, pieces[at].page if at is not None else 0)
    for remark in document.remarks:
        st.info(notices.plain(remark), icon=":material/info:")
    if at is not None:
        _cited(pieces[at])
    elif marked or words:
        st.warning(
            "**The passage that was cited does not stand in this document any more.** The document has changed since. "
            "Answers keep the words that they quoted.",
            icon=":material/history:",
        )
    parts.section("The document, as it is cut")
    _pages(pieces, at)


def piece(chunk: Chunk, number: int, *, on: bool = False) -> str:
    """One chunk as HTML: where it stands above, its words below."""
    page = f"page {chunk.page}" if chunk.page else ""
    said = " · ".join(part for part in (f"{number}", page, chunk.heading, _words(chunk.text)) if part)
    kind = " on" if on else ""
    text = cited.laid(html.escape(chunk.text))
    return f'<div class="piece{kind}"><div class="label">{html.escape(said)}</div><div class="said">{text}</div></div>'


def _facts(document: Document, n: int) -> None:
    found = {
        "kind": KINDS.get(document.kind, document.kind),
        "chunks": f"{n:,}",
        "size": sizes.in_words(document.bytes),
    }
    if document.pages:
        found["pages"] = f"{document.pages:,}"
    parts.facts({**found, "language": language.name(document.language)})
    elsewhere = document.source not in ("", document.name)
    from_where = f" from {notices.plain(document.source)}" if elsewhere else ""
    st.caption(
        f"{notices.plain(document.name)}, brought in{from_where} by {notices.plain(document.made_by)}, "
        f"{parts.ago(document.made_at)}."
    )


def _original(store: Store, document: Document, page: int) -> None:
    """The file as it came, to be saved and opened where it belongs; nothing of it is shown or run here."""
    found = originals.of(store, document)
    if found is None:
        if document.source:
            where = notices.plain(document.source)
            absent = (
                f"It is not at {where} any more" if Path(document.source).is_absolute() else "Its file was not kept"
            )
            st.caption(f"{absent}, so only what was read of it can be shown.")
        return
    says = [f"The passage is on page {page}."] if page else []
    says.append(f"It lies in {notices.plain(found.path)}." if found.path else "It is kept here as it came.")
    if found.changed:
        says.append("**It has changed since it was read**: look at the path again to read it anew.")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "Open the original",
            partial(originals.content, document),
            found.name,
            mime="application/octet-stream",  # a browser saves it, whatever it is, and shows nothing of it in our name
            icon=":material/file_open:",
            on_click="ignore",
            key="original",
            help=f"Your browser saves it as {notices.plain(found.name)}; open it there.",
        )
        st.caption(" ".join(says))


def _wanted(pieces: list[Chunk], marked: str, words: str) -> int | None:
    """The piece that is meant: the very same words; where the document is cut otherwise by now, their beginning."""
    if marked:
        for at, one in enumerate(pieces):
            if cited.mark(one.text) == marked:
                return at
    wanted = plain(words)
    return next((at for at, one in enumerate(pieces) if wanted and wanted in plain(one.text)), None)


def _cited(chunk: Chunk) -> None:
    parts.section("The passage")
    with st.container(border=True, key="cited"):
        st.html(f'<div class="said large">{cited.laid(html.escape(chunk.text))}</div>')
        where = cited.place({"heading": chunk.heading, "page": chunk.page})
        if where:
            st.caption(notices.plain(where))


def _pages(pieces: list[Chunk], at: int | None) -> None:
    n = max(1, -(-len(pieces) // PAGE))
    first = 1 + (at or 0) // PAGE
    page = st.pagination(n, default=first, key=f"leaf-{first}") if n > 1 else 1
    begin = (page - 1) * PAGE
    shown = enumerate(pieces[begin : begin + PAGE], begin)
    st.html("".join(piece(one, number + 1, on=number == at) for number, one in shown))


def _words(text: str) -> str:
    return parts.count(len(text.split()), "word")

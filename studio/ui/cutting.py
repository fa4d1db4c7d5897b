"""Cutting: how a library's documents are cut into chunks and how these are found, in plain words, with a preview."""

import os
from dataclasses import replace

import streamlit as st

from engine.reading.chunks import chunks
from engine.reading.settings import DENSE, HYBRID, LEXICAL, OFFLINE, Chunking, LibrarySettings
from studio.reading import indexes, libraries, readings
from studio.reading.libraries import Document, Library
from studio.reading.readings import INDEX
from studio.store import Store
from studio.ui import leaf, notices, parts

PIECES, PARAGRAPHS = "Pieces of a size", "Each paragraph"
CUTS = {
    PIECES: "Neighbouring paragraphs under one heading share a chunk, up to a size. Good for manuals and contracts.",
    PARAGRAPHS: "Every paragraph, bullet and table is a chunk. Good where one paragraph says one thing.",
}
WAYS = {HYBRID: "Both", LEXICAL: "Words", DENSE: "Likeness or meaning"}
SAYS = {
    HYBRID: "By words and by likeness, put together. Usually the best, and never blind to a product code.",
    LEXICAL: "By the words of the question alone, whatever their endings. Quick, and needs no model.",
    DENSE: "By likeness or meaning alone. For comparing; it may miss names and codes.",
}
LETTERS, MODEL, ADDRESS = "Built in: by letters", "A model on this machine", "A model elsewhere"
HELP = {
    LETTERS: "Needs no model and no network. It finds spellings and words that keep company in your documents. It does "
    'not understand: "refund" and "money back" stay strangers until a text uses both.',
    MODEL: "A sentence-transformers model finds meaning. It runs on this machine; nothing leaves it.",
    ADDRESS: "An embeddings API finds meaning. Every chunk and every question is sent there.",
}
WORDS = 180  # of a chunk, to begin with
SHOWN = 12  # chunks in the preview


def begin() -> LibrarySettings:
    """How a new library starts: the defaults, and one choice for those who know their texts."""
    cut = st.segmented_control("Cut into", list(CUTS), default=PIECES, required=True, key="new-cut")
    st.caption(f"{CUTS[cut]} This and the way of searching can be changed at any time.")
    return LibrarySettings(chunking=Chunking(WORDS, WORDS // 10) if cut == PIECES else Chunking())


def form(store: Store, library: Library, found: list[Document], me: str) -> None:
    """The settings with a preview beside them, and the button that indexes anew."""
    left, right = st.columns([2, 3], gap="large")
    with left:
        chunking = _chunking(library.settings.chunking)
        how = replace(_search(library.settings), chunking=chunking)
    with right, notices.told():
        _preview(found, how.chunking)
    with left:
        _apply(store, library, how, me)


def _chunking(now: Chunking) -> Chunking:
    parts.section("How documents are cut")
    cut = st.segmented_control(
        "Cut into", list(CUTS), default=PIECES if now.words else PARAGRAPHS, required=True, key="cut"
    )
    st.caption(CUTS[cut])
    if cut == PARAGRAPHS:
        return Chunking()
    words = st.slider(
        "Words in a chunk, at most",
        40,
        600,
        min(600, max(40, now.words or WORDS)),
        20,
        key="cut-words",
        help="Short chunks are found more exactly; long ones give the model more around the fact. "
        "Tables and code are cut between rows and lines only.",
    )
    most = words // 2
    overlap = st.slider(
        "Words that neighbours share",
        0,
        most,
        min(most, now.overlap if now.words else words // 10),
        key=f"cut-overlap-{words}",
        help="Only where one long paragraph must be cut: the next piece begins with the end of the one before.",
    )
    return Chunking(words, overlap)


def _search(now: LibrarySettings) -> LibrarySettings:
    parts.section("How they are found")
    search = st.segmented_control(
        "Search by", list(WAYS), format_func=WAYS.__getitem__, default=now.search, required=True, key="search-by"
    )
    st.caption(SAYS[search])
    if search == LEXICAL:
        return replace(now, search=LEXICAL, reranker=_reranker(now.reranker))
    kind = ADDRESS if "://" in now.embedder else LETTERS if now.embedder == OFFLINE else MODEL
    chosen = st.selectbox("Likeness is found by", list(HELP), index=list(HELP).index(kind), key="embedder-kind")
    st.caption(HELP[chosen])
    embedder = OFFLINE
    if chosen == MODEL:
        embedder = st.text_input(
            "Folder, or hub id",
            now.embedder if kind == MODEL else "",
            placeholder="intfloat/multilingual-e5-small",
            key="embedder-model",
        ).strip()
    elif chosen == ADDRESS:
        embedder = _address(now.embedder if kind == ADDRESS else "")
    return replace(now, search=search, embedder=embedder, reranker=_reranker(now.reranker))


def _address(now: str) -> str:
    url, _, rest = now.partition("#")
    model, _, variable = rest.partition("#")
    url = st.text_input("Address", url, placeholder="https://api.mistral.ai", key="embedder-url").strip()
    model = st.text_input("Model", model, placeholder="mistral-embed", key="embedder-name").strip()
    variable = st.text_input(
        "Environment variable that holds the key",
        variable,
        key="embedder-key",
        help="The key itself is never typed here, nor kept. Empty for a server that asks for none.",
    ).strip()
    if variable and variable not in os.environ:
        st.warning(f"{notices.plain(variable)} is not set where Atelier runs.", icon=":material/key_off:")
    return "#".join(part for part in (url, model, variable) if part) if url else ""


def _reranker(now: str) -> str:
    if not st.toggle(
        "Read the best hits again",
        bool(now),
        key="rerank",
        help="A second model (a cross-encoder) reads the thirty best hits with the question and puts them in order. "
        "Better, and slower.",
    ):
        return ""
    return st.text_input(
        "Folder, or hub id, of the second model",
        now,
        placeholder="cross-encoder/ms-marco-MiniLM-L6-v2",
        key="reranker",
    ).strip()


def _preview(found: list[Document], how: Chunking) -> None:
    parts.section("What the chunks would be")
    if not found:
        st.caption("Once a document is here, its chunks are shown as you change the settings.")
        return
    names = [one.name for one in found]
    longest = max(range(len(found)), key=lambda at: found[at].chunks)  # there is most to see in it
    chosen = found[names.index(st.selectbox("Document", names, longest, key="preview", label_visibility="collapsed"))]
    pieces = chunks(chosen.read, how)
    lengths = sorted(len(one.text.split()) for one in pieces)
    if lengths:
        st.caption(
            f"{parts.count(len(pieces), 'chunk')}, {lengths[len(lengths) // 2]:,} words in the middle one, "
            f"{lengths[-1]:,} in the longest."
        )
    with st.container(height=560, border=False):
        st.html("".join(leaf.piece(one, one.position + 1) for one in pieces[:SHOWN]))
        if len(pieces) > SHOWN:
            st.caption(f"The first {SHOWN} of {len(pieces):,}.")


def _apply(store: Store, library: Library, how: LibrarySettings, me: str) -> None:
    changed = how != library.settings
    lacks = _lacking(how)
    if lacks:
        st.warning(lacks, icon=":material/help:")
    allowed = not lacks
    if changed and (address := indexes.leaving(how)):
        st.warning(
            f"**This leaves your machine.** Every chunk of {notices.plain(library.name)}, and later every question, is "
            f"sent to {notices.plain(address)}.",
            icon=":material/outbound:",
        )
        allowed &= st.checkbox("I may send them there", key="may-leave")
    busy = bool(readings.live(store, library.name, INDEX))
    stale = not libraries.current(store, library.name)
    label = "Keep and index anew" if changed else "Index anew"
    if st.button(
        label,
        type="primary" if changed or stale else "secondary",
        icon=":material/update:",
        key="index",
        disabled=busy or not allowed or not library.documents,
        help="Only what is new or cut otherwise is read again. Searches go on with the old index meanwhile.",
    ):
        with notices.told():
            libraries.change(store, library.name, how, me)
            indexes.start(store, library.name, me)
            st.rerun()
    if library.documents and not changed and not stale:
        st.caption(f":material/check: The index is up to date. {notices.plain(_embedded(store, library.name))}")


def _embedded(store: Store, library: str) -> str:
    says = libraries.about(store, library).says
    return f"Its likeness {says}." if says else "It is searched by words alone."


def _lacking(how: LibrarySettings) -> str:
    if how.search != LEXICAL and (not how.embedder or how.embedder.endswith("://")):
        return "Name the model that finds likeness, or take the one that is built in."
    if "://" in how.embedder and "#" not in how.embedder:
        return "Name the model at that address."
    return ""

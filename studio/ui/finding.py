"""Finding: a question asked of a library, and what is found: by words, by likeness and by both, with all scores."""

import html

import streamlit as st

from engine.reading.retrieval import Found, Hit, Index
from engine.reading.settings import DENSE, HYBRID, LEXICAL
from studio.reading import quality, questions
from studio.reading.libraries import Library
from studio.store import Store
from studio.ui import cited, nav, notices, parts, state

NAMES = {LEXICAL: "Words", DENSE: "Likeness", HYBRID: "Both"}
SHOWN, AT_ONCE = 10, 5
EXAMPLE = "How long is the warranty?"

MEANT = (
    "A model reads the first few of these and nothing else. Scores compare the passages for one question; they do not "
    "say how good an answer would be. When you know which passage is right, say so: Quality measures the search by it."
)


def asked(library: str) -> str:
    """The question that this window asked last of `library`, '' when none."""
    return str(state.value(_field(library), ""))


def _field(library: str) -> str:
    return f"ask-{library}"


def show(store: Store, library: Library, me: str) -> None:
    """The field, the ways, the hits. The question stands in the address too, so that a reload asks it again."""
    index = quality.opened(store, library.name)
    known = quality.ways(index)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        question = st.text_input(
            "Ask as somebody would who needs to know",
            state.value(_field(library.name), state.asked("question")),
            placeholder=EXAMPLE,
            key=_field(library.name),
            persist_state="session",  # a look at another tab, or at a document, must not cost the question
            width="stretch",
        )
        how = index.how
        if len(known) > 1:
            how = st.segmented_control(
                "Search by",
                known,
                default=index.how,
                required=True,
                format_func=NAMES.__getitem__,
                key=f"by-{library.name}",
                persist_state="session",
            )
    if len(known) == 1:
        st.caption("This library is searched by words. Its settings can add likeness or meaning.")
    if question.strip() != state.asked("question"):
        state.ask(question=question.strip())
    if question.strip():
        _answered(store, library, index, question, how, me)
    by = ["--by", how] if how != index.how else []
    parts.command("atelier", "search", library.name, question.strip() or EXAMPLE, *by)


def _answered(store: Store, library: Library, index: Index, question: str, how: str, me: str) -> None:
    with notices.told(), st.spinner("Searching"):
        hits = index.search(question, SHOWN, how)
        if not hits:
            st.info(
                "**Nothing shares a word with this question.** Ask it in other words.", icon=":material/search_off:"
            )
        ranked = list(enumerate(hits, 1))
        for rank, hit in ranked[:AT_ONCE]:
            _hit(store, library.name, index, question, rank, hit, me)
        if ranked[AT_ONCE:]:
            with st.expander(f"{parts.count(len(ranked) - AT_ONCE, 'passage')} more", type="compact", key="more-hits"):
                for rank, hit in ranked[AT_ONCE:]:
                    _hit(store, library.name, index, question, rank, hit, me)
        if hits:
            st.caption(MEANT)


def passage(hit: Hit, query: str, index: Index) -> str:
    """A hit as HTML: its words, those marked that the query meets, and where it stands."""
    where = cited.place({"source": hit.source, "heading": hit.heading, "page": hit.page})
    text = cited.lit(hit.text, query, index.version.about.languages)
    return f'<div class="said">{text}</div><div class="where">{html.escape(where)}</div>'


def scores(hit: Hit) -> str:
    """What each half says of a hit, as HTML."""
    said = [_half("words", hit.lexical), _half("likeness", hit.dense)]
    if hit.dense and hit.reranked is None and hit.score != hit.dense.score:
        said.append(f"together <b>{hit.score:.2f}</b>")
    if hit.reranked is not None:
        said.append(f"read again <b>{hit.reranked:.2f}</b>")
    return f'<div class="scores">{"".join(f"<span>{one}</span>" for one in said if one)}</div>'


def _half(name: str, found: Found | None) -> str:
    return f"{name} <b>{found.score:.2f}</b>, rank {found.rank:,}" if found else ""


def _hit(store: Store, library: str, index: Index, asked: str, rank: int, hit: Hit, me: str) -> None:
    with st.container(border=True, key=f"hit-{rank}", gap="small"):
        parts.label(f"{rank}")
        st.html(passage(hit, asked, index) + scores(hit))
        with st.container(horizontal=True, vertical_alignment="center"):
            there = {"library": library, "document": hit.source, **cited.asked(hit.text)}
            nav.link("Read it there", "library", icon="menu_book", **there)
            kept = st.button(
                "This passage answers it",
                icon=":material/target:",
                key=f"answers-{rank}",
                type="tertiary",
                help="Keep the question with this passage, to measure the search with.",
            )
        if kept:
            with notices.told():
                questions.add(store, library, asked.strip(), hit.source, hit.text, me)
                st.toast("Kept. It counts in Quality now.", icon=":material/check_circle:")

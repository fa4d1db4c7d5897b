"""Recall: how well a library is searched, drawn from the questions whose passage is known; and what fails."""

import html
from collections.abc import Collection

import streamlit as st

from engine.reading.retrieval import Index
from studio.reading import quality, questions
from studio.reading.libraries import Library
from studio.reading.quality import NAMES, Measured, Missed
from studio.store import Store
from studio.ui import cited, finding, nav, notices, parts

FIGURES = {  # as the engine names them, in plain words
    "recall@1": "first place",
    "recall@3": "among the first 3",
    "recall@5": "among the first 5",
    "recall@10": "among the first 10",
    "mrr": "MRR",
    "ndcg": "nDCG@10",
}
MEANT = (
    "The share of questions whose passage comes in these places. MRR is the mean of one over its rank, nDCG@10 that of "
    "one over the logarithm of it: both are 100 % when it always comes first. In brackets: the 95 % interval."
)
TOGETHER = (
    " Questions on one document are often found or missed together, so it is documents that the intervals go by: to be "
    "surer, ask about other documents rather than more about the same."
)
ITSELF = 3000  # questions times chunks that are measured without being asked, in thousands
SHOWN = 10


def show(store: Store, library: Library) -> Collection[str]:
    """The figures side by side, the differences in words, the questions that fail. The ids of those whose passage does
    not stand in its document any more, as far as anybody has looked."""
    asked = questions.approved(store, library.name)
    if not asked:
        st.info(
            "**No question yet whose passage is known.** Search for something and say which passage answers it; "
            "import questions; or have a model propose some. Thirty tell something, a hundred tell much.",
            icon=":material/target:",
        )
        return ()
    quick = len(asked) * library.chunks <= ITSELF * 1000 and "://" not in library.settings.embedder
    if not quick and not st.toggle(f"Measure with {len(asked):,} questions now", key="measure"):
        return ()
    found = _measured(store, str(store.home.root), library.name, quality.key(store, library.name))
    if found.lost:
        st.warning(
            f"The passage of {parts.count(len(found.lost), 'question')} does not stand in its document any more. Until "
            "it is removed below, where it comes first, it counts as not found.",
            icon=":material/history:",
        )
    _table(found)
    for sentence in quality.sentences(found):
        st.markdown(notices.plain(sentence))
    _missed(store, library.name, found)
    return {one.id for one in found.lost}


@st.cache_resource(max_entries=8, show_spinner="Asking every question")
def _measured(_store: Store, home: str, library: str, key: str) -> Measured:
    """The figures. `key` changes with the index and the questions."""
    return quality.measure(_store, library)


def _table(found: Measured) -> None:
    """A row a figure, a column a way."""
    head = "".join(f"<th>{html.escape(NAMES[how])}{' · in use' if how == found.own else ''}</th>" for how in found.ways)
    rows = []
    for name, words in FIGURES.items():
        cells = "".join(f"<td>{_figure(str(way.figures[name]))}</td>" for way in found.ways.values())
        rows.append(f"<tr><th>{words}</th>{cells}</tr>")
    st.html(f'<div class="wide"><table class="figures"><tr><td></td>{head}</tr>{"".join(rows)}</table></div>')
    st.caption(MEANT + (TOGETHER if found.documents.shared else ""))


def _figure(said: str) -> str:
    value, _, doubt = html.escape(said).partition(" (")
    return f"<b>{value}</b> <span>({doubt}</span>" if doubt else value


def _missed(store: Store, library: str, found: Measured) -> None:
    how = found.own
    failed = quality.missed(found, how)
    parts.section(f"Not among the first {quality.WITHIN} ({len(failed):,} of {len(found.questions):,})")
    if not failed:
        st.caption("Every question finds its passage there.")
        return
    st.caption(f"Searched {NAMES[how]}, as the library is. Worst first, with what came instead.")
    index = quality.opened(store, library)
    for one in failed[:SHOWN]:
        _one(library, one, index)
    if len(failed) > SHOWN:
        st.caption(f"{SHOWN} of {len(failed):,} are shown.")


def _one(library: str, one: Missed, index: Index) -> None:
    asked = one.question
    where = f"found at place {one.rank}" if one.rank else "not among the first ten"
    with st.expander(f"{notices.plain(asked.question)} :gray[{where}]", key=f"missed-{asked.id}"):
        left, right = st.columns(2, gap="large")
        with left:
            parts.label("Should have been found")
            st.html(
                f'<div class="said">{cited.lit(asked.passage, asked.question, index.version.about.languages)}</div>'
                f'<div class="where">{html.escape(asked.document)}</div>'
            )
            there = {"library": library, "document": asked.document, **cited.asked(asked.passage)}
            nav.link("Read it there", "library", icon="menu_book", **there)
        with right:
            parts.label("Came instead")
            for hit in one.instead:
                st.html(finding.passage(hit, asked.question, index) + finding.scores(hit))
            if not one.instead:
                st.caption("Nothing: no text shares a word with it.")

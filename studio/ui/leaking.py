"""Leaking: what the sides share, counted in words and shown side by side, with the ways to mend it."""

from collections.abc import Collection, Sequence

import streamlit as st

from engine import hashes
from studio.freezing import leaks
from studio.freezing.leaks import Leak
from studio.freezing.snapshots import Snapshot
from studio.freezing.splits import Decision
from studio.reading import libraries
from studio.store import Store
from studio.ui import chat, parts, state

KINDS = {
    "exact": "the same words",
    "near": "{:.0f} % of the words in common",
    "template": "the same frame around other facts, {:.0f} % of it in common",
    "contained": "{:.0f} % of it stands in the longer text",
}
PAIRS = 10  # shown on one page of them
NONE = "No prompt and no answer of the test or the validation set was found in what is learned from, or in a library."


def excluded(dataset: str) -> tuple[str, ...]:
    """The entries that the next freeze of a dataset shall leave out of training."""
    named, entries = state.value(state.EXCLUDED, ("", ()))
    return tuple(entries) if named == dataset else ()


def foreseen(store: Store, dataset: str, decision: Decision) -> list[Leak]:
    """The leaks of a freeze that is not made yet, compared once for the same sides and words."""
    row = store.row("select max(seq) as seq from example where dataset = ?", [dataset])
    key = hashes.content(sorted(decision.sides.items()), row, _libraries(store))
    return _foreseen(store, str(store.home.root), dataset, key, decision)


def found(store: Store, snapshot: Snapshot) -> list[Leak]:
    """The leaks of a snapshot; it never changes, the libraries may."""
    return _found(store, str(store.home.root), snapshot, _libraries(store))


def _libraries(store: Store) -> str:
    return hashes.content(
        [(one.name, doc.id) for one in libraries.listed(store) for doc in libraries.documents(store, one.name)]
    )


@st.cache_data(max_entries=8, show_spinner="Comparing the sides")
def _foreseen(_store: Store, root: str, dataset: str, key: str, _decision: Decision) -> list[Leak]:
    return leaks.foreseen(_store, dataset, _decision)


@st.cache_data(max_entries=8, show_spinner="Comparing the sides")
def _found(_store: Store, root: str, snapshot: Snapshot, known: str) -> list[Leak]:
    return leaks.find(_store, snapshot)


def counted(shared: Sequence[Leak]) -> None:
    """What is shared, a line each; the library apart, since being found there may be meant."""
    between = [leak for leak in shared if not leak.in_library]
    for name, n in leaks.counted(between).items():
        split, what, _, other = name.split(" ", 3)
        have = "has its" if n == 1 else "have their"
        st.markdown(f":material/water_drop: **{parts.count(n, f'{split} example')}** {have} {what} in {other}.")
    for name, n in leaks.counted([leak for leak in shared if leak.in_library]).items():
        split, what, _, other = name.split(" ", 3)
        have = "has its" if n == 1 else "have their"
        st.markdown(
            f":material/menu_book: **{parts.count(n, f'{split} example')}** {have} {what} in the {other}. Who reads it "
            "looks the answer up: fine if that is what you test, a leak if not."
        )


def remedied(dataset: str, shared: Sequence[Leak], decision: Decision) -> None:
    """Before a freeze: what would leak, and the remedies."""
    chosen = excluded(dataset)
    if not shared:
        st.success(NONE, icon=":material/water_drop:")
    else:
        counted(shared)
    out = leaks.remedy(shared)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        if out and st.button(f"Leave {parts.count(len(out), 'example')} out", key="leak-out"):
            state.keep(state.EXCLUDED, (dataset, (*chosen, *out)))
            st.rerun()
        if chosen and st.button(f"Take all {len(chosen):,} back in", key="leak-in", type="tertiary"):
            state.keep(state.EXCLUDED, ("", ()))
            st.rerun()
        if out:
            st.caption(
                "They neither train nor validate then; the test stays as it is. Or keep near-duplicates on one side, "
                "above: that moves what has no side yet, and nothing else."
            )
    locked = {entry for entry, side in decision.sides.items() if side == "test" and entry not in decision.fresh}
    pairs(shared, "foreseen", locked)


def pairs(shared: Sequence[Leak], key: str, locked: Collection[str] = ()) -> None:
    """Side by side, the surest first; those of a locked test set stay closed."""
    open_ones = [leak for leak in shared if leak.key not in locked]
    if len(open_ones) < len(shared):
        n = len(shared) - len(open_ones)
        st.caption(
            f"{parts.count(n, 'pair')} of a test set that is locked already: a snapshot shows them to who says why."
        )
    if not open_ones:
        return
    with st.expander(f"See {parts.count(len(open_ones), 'pair')} side by side", icon=":material/compare_arrows:"):
        pages = -(-len(open_ones) // PAIRS)
        page = st.pagination(pages, key=f"{key}-page") if pages > 1 else 1
        for leak in open_ones[(page - 1) * PAIRS : page * PAIRS]:
            pair(leak)


def pair(leak: Leak) -> None:
    """One leak: the two texts with what differs marked."""
    with st.container(border=True):
        ours, theirs = st.columns(2, gap="medium")
        if leak.kind == "contained":  # a word diff against a whole document says nothing
            texts = (leak.text, _around(leak.other_text, leak.text))
            bodies = tuple(f'<div class="diff">{chat.html.escape(text)}</div>' for text in texts)
        else:
            bodies = chat.compared(leak.text, leak.other_text)
        for column, name, body in zip((ours, theirs), (leak.split, _where(leak)), bodies, strict=True):
            with column:
                parts.label(name)
                st.html(body)
        st.caption(f"{leak.what}: {KINDS[leak.kind].format(100 * leak.score)}")


def _where(leak: Leak) -> str:
    return f"{leak.other}: {leak.found}" if leak.in_library else leak.other


def _around(document: str, text: str, margin: int = 120) -> str:
    """The part of a document in which a text stands, or its beginning."""
    at = max(0, document.find(text[:30]))
    return document[max(0, at - margin) : at + len(text) + margin].strip()

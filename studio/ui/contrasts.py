"""Contrasts: examples that contradict each other, side by side, and the ways to settle it."""

from collections.abc import Callable

import streamlit as st

from engine.quality.nearness import normal
from engine.scoring import guide as rules
from studio.data import guides
from studio.data.examples import Example
from studio.ui import bench, chat, notices, parts, state
from studio.writing import contradictions
from studio.writing.contradictions import Contradiction

A_PAGE = 5


def show(dataset: str) -> None:
    """The contradictions of a dataset that nobody has settled."""
    found = contradictions.open_ones(state.store(), dataset)
    if not found:
        text = "No two examples ask the same and answer differently, or all of those were settled."
        notices.empty("No contradictions", text, "balance")
        return
    st.markdown(
        f"**{parts.count(len(found), 'pair')}** ask nearly the same and answer differently. A model that learns "
        "from both learns to waver: keep one, make them agree, or say why both are right."
    )
    for one in found[:A_PAGE]:
        pair(one)
    if len(found) > A_PAGE:
        st.caption(f"{len(found) - A_PAGE} more follow once these are settled.")


def pair(one: Contradiction) -> None:
    store, me = state.store(), state.me()
    left, right = one.left, one.right
    key = f"{left.entry}-{left.version}-{right.entry}-{right.version}"
    asked = chat.compared(left.prompt, right.prompt)
    answered = chat.compared(left.answer, right.answer)
    with st.container(border=True, gap="small"):
        same = normal(left.prompt) == normal(right.prompt)
        share = f"The questions have {100 * one.score:.0f} % of their words in common"
        st.caption("The same question, but for signs and capitals" if same else share)
        columns = st.columns(2, gap="large")
        for column, example, side in zip(columns, (left, right), (0, 1), strict=True):
            with column:
                _side(example, asked[side], answered[side])
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if st.button("Keep left", icon=":material/arrow_back:", key=f"left-{key}"):
                _settled(
                    lambda: contradictions.keep(store, left, right, me),
                    "The left one holds; the right one is rejected.",
                )
            if st.button("Keep right", icon=":material/arrow_forward:", key=f"right-{key}"):
                _settled(
                    lambda: contradictions.keep(store, right, left, me),
                    "The right one holds; the left one is rejected.",
                )
            for example, label in ((left, "Edit left"), (right, "Edit right")):
                if st.button(label, icon=":material/edit:", type="tertiary", key=f"{label}-{key}"):
                    state.ask(show="")
                    bench.go(example.entry)
            with st.popover("Both are right", icon=":material/done_all:"), st.form(f"both-{key}", border=False):
                why = st.text_input("Why", placeholder="One is for new customers", key=f"why-{key}")
                if st.form_submit_button("Keep both", type="primary"):
                    with notices.told():
                        contradictions.both(store, left, right, why or "", me)
                        notices.later("Both hold, and the reason is kept.")
                        st.rerun()


def _side(example: Example, asked: str, answered: str) -> None:
    made = f"{notices.plain(example.made_by)}, {parts.ago(example.made_at)}"
    st.markdown(f"{parts.badge_text(example.status)} :gray[{made}]")
    parts.label("What came in")
    st.html(asked)
    parts.label("Answer")
    st.html(answered)
    guide = guides.get(state.store(), example.dataset)
    if not guide.silent:
        n = len(rules.marks(example.answer, guide)) + len(rules.missing(example.answer, guide))
        st.caption("keeps the style guide" if not n else f"{parts.count(n, 'mark')} of the style guide")


def _settled(settle: Callable[[], object], said: str) -> None:
    with notices.told():
        settle()
        notices.later(said)
        st.rerun()

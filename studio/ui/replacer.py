"""Replacer: find and replace over a whole dataset: every hit as a difference, each to be left out, one undo for all."""

import streamlit as st

from studio.data import examples, replacing
from studio.data.datasets import Dataset
from studio.data.replacing import Rule
from studio.ui import chat, clash, listing, notices, parts, state

SHOWN = 50  # hits on the screen; the others are counted and go along unless the rule is narrowed


def panel(dataset: Dataset) -> None:
    """The form, what it would change, and the button that does it."""
    with st.container(border=True, key="replacer"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            find = st.text_input("Find", key="replace-find", live=True)
            by = st.text_input("Replace with", key="replace-by", live=True)
            where = st.selectbox("In", list(replacing.WHERE), key="replace-where", width=180)
        with st.container(horizontal=True):
            whole = st.checkbox("Whole words", True, key="replace-whole")
            exact = st.checkbox("Capitals count", key="replace-exact")
            keep = st.checkbox("Keep the capitals of each place", True, key="replace-case", disabled=exact)
            expression = st.checkbox("Regular expression", key="replace-expression")
        if not find:
            st.caption("Nothing is changed before you have seen it.")
            return
        with notices.told():
            _preview(dataset, Rule(find, by or "", str(where), expression, whole, exact, keep))


def _preview(dataset: Dataset, rule: Rule) -> None:
    hits = replacing.look(state.store(), dataset.name, rule)
    if not hits.found:
        st.caption(f"{notices.plain(rule.find)} does not stand in the {rule.where}.")
        return
    more = f" These are the first {len(hits.found):,}; replace them, then look again." if hits.more else ""
    st.markdown(f"**{parts.count(hits.places, 'place')} in {parts.count(len(hits.found), 'example')}.**{more}")
    left_out = set()
    for hit in hits.found[:SHOWN]:
        before, after = chat.compared(clash.text(hit.example.messages), clash.text(hit.messages))
        with st.container(horizontal=True, vertical_alignment="top"):
            if not st.checkbox(
                "Replace here", True, key=f"hit-{hit.example.entry}-{hit.example.version}", label_visibility="collapsed"
            ):
                left_out.add(hit.example.entry)
            one, other = st.columns(2)
            one.html(before.replace("<ins>", "<del>").replace("</ins>", "</del>"))
            other.html(after)
    if len(hits.found) > SHOWN:
        st.caption(f"{len(hits.found) - SHOWN:,} more are not drawn here and are replaced too.")
    chosen = [hit for hit in hits.found if hit.example.entry not in left_out]
    if st.button(
        f"Replace in {parts.count(len(chosen), 'example')}",
        type="primary",
        icon=":material/find_replace:",
        disabled=not chosen,
        key="replace-go",
    ):
        done = examples.edit_many(state.store(), replacing.edits(chosen), state.me(), "example.replace")
        listing.remember(dataset.name, f"read {rule.by} instead of {rule.find}", done)
        st.session_state.pop("replace-find", None)
        st.rerun()

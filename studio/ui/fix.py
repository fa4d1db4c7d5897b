"""Fix: the button by which a bad answer becomes a new example."""

import streamlit as st

from studio.data import datasets
from studio.ui import nav, state
from studio.writing import fixing
from studio.writing.fixing import Bad


def button(bad: Bad, key: str, dataset: str = "") -> None:
    """Opens the workbench with the question and the bad answer; asks for the dataset where there are several."""
    store = state.store()
    names = datasets.names(store)
    if not names:
        return
    chosen = dataset if dataset in names else names[0]
    if len(names) > 1:
        with st.popover("Fix this answer", icon=":material/edit_note:", type="tertiary", key=f"fix-{key}"):
            chosen = st.selectbox("As an example of", names, index=names.index(chosen), key=f"fix-where-{key}")
            go = st.button("To the workbench", type="primary", icon=":material/draw:", key=f"fix-go-{key}")
    else:
        go = st.button("Fix this answer", icon=":material/edit_note:", type="tertiary", key=f"fix-go-{key}")
    if go:
        entry = fixing.begin(store, chosen, bad, state.me())
        state.keep(state.BENCH, None)
        nav.goto("workbench", dataset=chosen, entry=entry)

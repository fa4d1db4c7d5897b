"""Libraries: documents in which a model can look things up, and the form that makes a new one."""

import streamlit as st

from studio.building import libraries
from studio.building.libraries import Library
from studio.reading import indexes, readings, upkeep
from studio.ui import cutting, nav, notices, parts, stacks, state

store, me = state.store(), state.me()
upkeep.catch_up(store)


def row(library: Library) -> None:
    """One library: what it holds, how it is searched, whether something is to be done."""
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="medium"):
        with st.container(gap=None, width="stretch"):
            nav.link(f"**{notices.plain(library.name)}**", "library", library=library.name)
            st.caption(
                f"{parts.count(library.documents, 'document')} · {parts.count(library.chunks, 'chunk')} · "
                f"searched {indexes.words(library.settings)} · {notices.plain(library.made_by)}, "
                f"{parts.ago(library.made_at)}"
            )
        if readings.live(store, library.name):
            st.badge("at work", icon=":material/autorenew:", color="primary")
        elif not library.documents:
            st.badge("empty", color="gray")
        elif not libraries.current(store, library.name):
            st.badge("to be indexed", icon=":material/update:", color="orange")
        else:
            st.badge("ready", icon=":material/check:", color="green")


def new() -> None:
    """A name, documents, and the way to search them; the rest can be changed later."""
    name = st.text_input("Name", placeholder="handbook", key="library-name").strip()
    chosen = stacks.intake("new")
    how = cutting.begin()
    clicked = st.button(
        "Make the library",
        type="primary",
        icon=":material/library_add:",
        key="make",
        disabled=not (name and chosen),
    )
    if clicked and chosen:
        with notices.told():
            libraries.make(store, name, me, how)
            stacks.begin(store, name, chosen, me)
            nav.goto("library", library=name)


parts.heading("Libraries", "Documents in which a model looks things up before it answers.", "Build")
known = libraries.listed(store)
with st.expander("New library", icon=":material/library_add:", expanded=not known, key="new"):
    new()
if known:
    parts.section("All libraries")
for one in known:
    row(one)

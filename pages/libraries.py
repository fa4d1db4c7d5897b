"""Libraries: documents in which a model can look things up, and the form that makes a new one."""

import streamlit as st

from engine.problems import Problem
from studio.reading import arrivals, indexes, libraries, readings, upkeep
from studio.reading.libraries import Library
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


def new(known: list[Library]) -> None:
    """A name, documents, and the way to search them; the rest can be changed later."""
    field = f"library-name-{len(known)}"  # empty again once the library is there
    name = st.text_input("Name", placeholder="handbook", key=field, persist_state="session").strip()
    chosen = stacks.intake("new")
    how = cutting.begin()
    icon = ":material/library_add:"
    clicked = st.button("Make the library", type="primary", icon=icon, key="make", disabled=chosen is None)
    if not clicked or chosen is None:  # files may still be on their way
        return
    with notices.told():
        if any(one.name == name and one.documents for one in known):
            raise Problem(
                f"There is a library {name} already.", do="Give this one another name, or open that one below."
            )
        libraries.check(name, how)
        arrivals.check(store, name, chosen.paths)  # a typing error makes no library
        libraries.make(store, name, me, how)
        stacks.begin(store, name, chosen, me)
        nav.goto("library", library=name)


parts.heading("Libraries", "Documents in which a model looks things up before it answers.", "Build")
known = libraries.listed(store)
with st.expander("New library", icon=":material/library_add:", expanded=not known, key="new"):
    new(known)
if known:
    parts.section("All libraries")
for one in known:
    row(one)

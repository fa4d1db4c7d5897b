"""Examples: find one, read it, edit it. Every save is a new version; nothing is overwritten."""

import streamlit as st

from studio.data import drafts, examples
from studio.data.datasets import Dataset
from studio.ui import editor, effort, keys, listing, notices, parts, replacer, rooms, state

NEW = "new"

store = state.store()


def desk(dataset: Dataset) -> None:
    entry = state.asked("entry")
    replaces = bar(dataset)
    if not dataset.examples and entry != NEW:
        notices.empty(
            "No example yet",
            "Write the first one by hand, or bring in a file, a table or pasted text.",
            "edit_note",
            "bring_in",
            "Bring some in",
            dataset=dataset.name,
        )
        return
    if not entry:
        if replaces:
            replacer.panel(dataset)
        listing.draw(dataset, listing.look(dataset, narrow=False), narrow=False)
        effort.total(dataset.name)
        return
    left, right = st.columns([4, 6], gap="medium")
    with left.container(key="beside"):  # on a narrow screen the example has the page to itself
        looked = listing.look(dataset, narrow=True)
        if listing.turn_to(dataset, looked, "" if entry == NEW else entry):
            st.rerun()
        listing.draw(dataset, looked, narrow=True)
    with right, notices.told():
        if entry == NEW:
            editor.write(dataset.name)
        else:
            editor.edit(examples.get(store, dataset.name, entry), listing.beside(dataset, looked, entry))


def bar(dataset: Dataset) -> bool:
    """What can be done beside reading; whether find and replace is open."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if st.button("Write a new one", icon=":material/add:", shortcut="N"):
            state.ask(entry=NEW)
            st.rerun()
        unsaved = drafts.waiting(store, dataset.name, state.me())
        here = [d for d in unsaved if (d.entry or NEW) != state.asked("entry") and not d.entry.startswith(NEW)]
        if here and st.button(
            f"Go on with {parts.count(len(here), 'unsaved example')}", icon=":material/restore:", type="tertiary"
        ):
            state.ask(entry=here[0].entry or NEW)
            st.rerun()
        replaces = not state.asked("entry") and st.toggle("Find and replace", key="replaces")
        keys.listen()
    return bool(replaces)


chosen = rooms.enter("examples", "Choose a dataset to read and edit its examples.")
if chosen:
    desk(chosen)

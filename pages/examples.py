"""Examples: find one, read it, edit it. Every save is a new version; nothing is overwritten."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from studio import datasets, examples
from studio.datasets import Dataset
from studio.examples import APPROVED, STATUSES, Example
from studio.ui import editor, edits, nav, notices, parts, state

PER_PAGE = 25
NEW = "new"

store = state.store()


def choose() -> None:
    parts.heading("Examples", "Choose a dataset to read and edit its examples.", "Write")
    found = datasets.listed(store)
    if not found:
        text = "Bring in a file of conversations, and read, correct and approve them here."
        notices.empty("No examples yet", text, "edit_note", "datasets", "Bring in a file")
        return
    with st.grid(3, min_column_width=290, gap="small"):
        for dataset in found:
            with st.container(border=True, height="stretch"):
                st.markdown(f"#### {notices.plain(dataset.name)}", anchors=False)
                st.markdown(parts.count(dataset.examples, "example"))
                if st.button("Open", key=f"open-{dataset.name}", icon=":material/folder_open:"):
                    nav.goto("examples", dataset=dataset.name)


def filters(dataset: Dataset) -> tuple[str, str, str]:
    """Search text, tag and status, as chosen above the table."""
    beside = bool(state.asked("entry"))  # then only half a page is left
    with st.container() if beside else st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Search", key="search", type="search", placeholder="Words in it", live=True, icon=":material/search:"
        )
        with st.container(horizontal=True, width="stretch" if beside else 380):
            tag = st.selectbox("Tag", examples.tags(store, dataset.name), index=None, placeholder="Any", key="tag")
            status = st.selectbox("Status", STATUSES, index=None, placeholder="Any", key="status")
    return text or "", tag or "", status or ""


def table(dataset: Dataset) -> list[Example]:
    """The examples that match, a page of them; a click on a row opens it."""
    text, tag, status = filters(dataset)
    _, n = examples.find(store, dataset.name, text=text, tag=tag, status=status, limit=0)
    pages = max(1, -(-n // PER_PAGE))
    slot = st.container()
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(f"{n:,} of {parts.count(dataset.examples, 'example')}", width="content")
        several = not state.asked("entry") and st.toggle("Edit several at once", key="several")
        page = st.pagination(pages, key=f"page-{pages}", max_visible_pages=5) if pages > 1 else 1
    found, _ = examples.find(
        store, dataset.name, text=text, tag=tag, status=status, limit=PER_PAGE, offset=(page - 1) * PER_PAGE
    )
    with slot:
        key = f"{dataset.name}-{page}-{text}-{tag}-{status}-{state.value(state.STEPS, 0)}"
        if not found:
            st.caption("None matches. Try fewer words, or another tag or status.")
        elif several:
            sheet(found, key=f"sheet-{key}")
        else:
            rows(found, key=f"rows-{key}")
    return found


def rows(found: list[Example], key: str) -> None:
    frame = pd.DataFrame(
        {
            "Question": [example.prompt for example in found],
            "Answer": [example.answer for example in found],
            "Words": [len(example.answer.split()) for example in found],
            "Status": [[example.status] for example in found],
            "Tags": [example.tags for example in found],
        }
    )
    entries, opened = [example.entry for example in found], state.asked("entry")
    colors = [parts.STATES[status][0] for status in STATUSES]
    width = 270 if opened else 360
    state.keep(state.LISTED, (key, entries))
    st.dataframe(
        frame,
        key=key,
        hide_index=True,
        height=38 * (len(frame) + 1),
        row_height=38,
        on_select=_open,
        selection_mode="single-cell",
        selection_default={"selection": {"cells": [(entries.index(opened), "Question")]}}
        if opened in entries
        else None,
        column_order=["Question", "Status"] if opened else None,  # half a page is left beside the editor
        column_config={
            "Question": st.column_config.TextColumn(width=width),
            "Answer": st.column_config.TextColumn(width=width),
            "Words": st.column_config.NumberColumn(width=60, help="Words of the answer"),
            "Status": st.column_config.MultiselectColumn(options=list(STATUSES), color=colors, width=105),
        },
        alt="The examples that match; a click on one opens it",
    )


def sheet(found: list[Example], key: str) -> None:
    """The same examples as a table in which status, tags and note can be changed, many at a time."""
    before = [{"Status": example.status, "Tags": example.tags, "Note": example.note} for example in found]
    frame = pd.DataFrame([{"Question": e.prompt, "Answer": e.answer, **b} for e, b in zip(found, before, strict=True)])
    st.data_editor(
        frame,
        key=key,
        hide_index=True,
        height=38 * (len(frame) + 1),
        row_height=38,
        disabled=["Question", "Answer"],
        column_config={
            "Question": st.column_config.TextColumn(width=300),
            "Answer": st.column_config.TextColumn(width=300),
            "Status": st.column_config.SelectboxColumn(options=STATUSES, required=True, width=120),
            "Tags": st.column_config.MultiselectColumn(
                options=examples.tags(store, found[0].dataset), accept_new_options=True
            ),
        },
        alt="The examples that match; status, tags and note can be changed",
    )
    changed = edits.changes([example.entry for example in found], before, st.session_state[key]).edited
    with st.container(horizontal=True):
        if st.button("Save", type="primary", icon=":material/save:", disabled=not changed, key="sheet-save"):
            save(found, changed)
        if st.button("Approve all shown", icon=":material/done_all:", key="sheet-approve"):
            save(found, {e.entry: {"Status": APPROVED} for e in found if e.status != APPROVED})


def save(found: list[Example], changed: Mapping[Hashable, Mapping[str, Any]]) -> None:
    for example in found:
        if new := changed.get(example.entry):
            examples.edit(
                store, example, state.me(), status=new.get("Status"), tags=new.get("Tags"), note=new.get("Note")
            )
    notices.later(f"{parts.count(len(changed), 'example')} saved." if changed else "They are approved already.")
    state.keep(state.STEPS, state.value(state.STEPS, 0) + 1)
    st.rerun()


def _open() -> None:
    """A click on a cell opens its row; runs before the page is drawn, so it reads what was listed last time."""
    key, entries = state.value(state.LISTED)
    cells = st.session_state[key].selection.cells
    state.ask(entry=entries[cells[0][0]] if cells else "")


def desk(dataset: Dataset) -> None:
    nav.back("All datasets", "examples")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        parts.heading(dataset.name, above="Examples")
        if st.button("Write a new one", icon=":material/add:"):
            state.ask(entry=NEW)
            st.rerun()
    entry = state.asked("entry")
    if not entry:
        table(dataset)
        return
    left, right = st.columns([5, 6], gap="large")
    with left.container(key="beside"):  # on a narrow screen the example has the page to itself
        found = table(dataset)
    with right, notices.told():
        if entry == NEW:
            editor.write(dataset.name)
        else:
            editor.edit(examples.get(store, dataset.name, entry), [example.entry for example in found])


chosen = state.current_dataset()
if chosen:
    desk(chosen)
else:
    choose()

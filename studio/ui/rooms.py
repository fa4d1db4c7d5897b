"""Rooms: the pages about one dataset. Who has chosen none yet chooses here; who has walks from room to room."""

import streamlit as st

from studio.data import datasets
from studio.data.datasets import Dataset
from studio.ui import nav, notices, parts, state

ROOMS = ("datasets", "examples", "workbench", "making", "health", "snapshots")


def enter(page: str, lead: str) -> Dataset | None:
    """The dataset of the URL under a heading and the ways to its other rooms; None when one is still to be chosen."""
    chosen = state.current_dataset()
    if chosen is None:
        choose(page, lead)
        return None
    parts.heading(chosen.name, above=nav.place(page).title)
    walk(chosen, page)
    return chosen


def walk(dataset: Dataset, page: str) -> None:
    """Links to the rooms of this dataset, the one we are in marked, and a way to the same room of another."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="rooms"):
        for name in ROOMS:
            if nav.place(name).path.exists():
                label = "Overview" if name == "datasets" else nav.place(name).title
                st.page_link(
                    nav.place(name).path,
                    label=f"**{label}**" if name == page else label,
                    icon=nav.place(name).symbol,
                    query_params={"dataset": dataset.name},
                    disabled=name == page,
                )


def choose(page: str, lead: str) -> None:
    """Cards of every dataset; a click opens `page` with it."""
    here = nav.place(page)
    parts.heading(here.title, lead, here.group)
    found = datasets.listed(state.store())
    if not found:
        text = "Bring in a file, a table or pasted text, and it can be read, corrected and approved here."
        notices.empty("No dataset yet", text, here.icon, "bring_in", "Bring in your first examples")
        return
    with st.grid(3, min_column_width=290, gap="small"):
        for dataset in found:
            with st.container(border=True, height="stretch"):
                st.markdown(f"#### {notices.plain(dataset.name)}", anchors=False)
                st.markdown(parts.count(dataset.examples, "example"))
                st.caption(f"{dataset.approved:,} approved")
                if st.button("Open", key=f"open-{dataset.name}", icon=":material/folder_open:"):
                    nav.goto(page, dataset=dataset.name)

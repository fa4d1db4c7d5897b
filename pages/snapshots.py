"""Snapshots: freeze, split, compare, and take data out."""

import streamlit as st

from studio.building import corpora
from studio.data.datasets import Dataset
from studio.freezing import exports, placements, snapshots
from studio.freezing.snapshots import Snapshot
from studio.reading import libraries
from studio.ui import freezing, frozen, nav, notices, parts, rooms, state

store, me = state.store(), state.me()
LARGE = 50_000  # approved examples from which a preview is asked for, not shown at once
LEAD = "A frozen copy of a dataset: what a model learns from, and what it is tested on, fixed for ever."


def overview(dataset: Dataset) -> None:
    """The plan with its preview, and what was frozen before."""
    kept = snapshots.listed(store, dataset.name)
    if not dataset.approved:
        text = "Only approved examples are frozen. Approve some, and choose here what a model learns from."
        notices.empty("Nothing is approved yet", text, "ac_unit", "examples", "To the examples", dataset=dataset.name)
    else:
        with st.expander("Freeze what is approved now", icon=":material/ac_unit:", expanded=not kept):
            freeze(dataset)
        if st.checkbox("Take out what is approved now, without freezing it", key="out-living"):
            with st.container(border=True), notices.told():
                frozen.leave(store, exports.living(store, dataset.name), me)
    if kept:
        parts.section(parts.count(len(kept), "snapshot"))
    for snapshot in kept:
        with st.container(border=True, horizontal=True, vertical_alignment="center", gap="medium"):
            with st.container(gap=None):
                st.markdown(f"**{snapshot.id[:8]}** :gray[· {parts.ago(snapshot.made_at)} by {snapshot.made_by}]")
                st.caption(f"{snapshot.train:,} train · {snapshot.validation:,} validation · {snapshot.test:,} test")
            nav.link("Train on it", "runs", icon="model_training", snapshot=snapshot.id)
            if st.button("Open", key=f"open-{snapshot.id}", icon=":material/folder_open:"):
                nav.goto("snapshots", dataset=dataset.name, snapshot=snapshot.id)


def freeze(dataset: Dataset) -> None:
    if dataset.approved > LARGE and not st.toggle("Show who would go where", key="preview-large"):
        st.caption(
            f"With {dataset.approved:,} approved examples that takes a second for each 20,000, at every choice. "
            "The command line freezes without a preview."
        )
        parts.command("atelier", "freeze", dataset.name)
        return
    with notices.told():
        plan = freezing.plan(store, dataset)
        decision = placements.decide(store, dataset.name, plan)
        freezing.preview(decision, plan)
        freezing.leaking(store, dataset, decision)
        if st.button("Freeze", type="primary", icon=":material/ac_unit:", key="freeze-go"):
            made = snapshots.freeze(store, dataset.name, me, plan)
            notices.later(f"Frozen: {made.train:,} to learn from, {made.test:,} kept for the test.")
            nav.goto("snapshots", dataset=dataset.name, snapshot=made.id)
        parts.command(*freezing.command(dataset, plan))


def detail(snapshot: Snapshot) -> None:
    if st.button(f"All snapshots of {snapshot.dataset}", icon=":material/arrow_back:", type="tertiary"):
        nav.goto("snapshots", dataset=snapshot.dataset)
    lead = f"Frozen {parts.ago(snapshot.made_at)} by {snapshot.made_by}. Its content is its name: `{snapshot.id}`."
    parts.heading(snapshot.name, lead, "Snapshot")
    frozen.sides(store, snapshot)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        if st.button("Train on it", type="primary", icon=nav.place("runs").symbol):
            nav.goto("runs", snapshot=snapshot.id)
    tabs = {
        "Leaks": frozen.shared,
        "Looks at the test": frozen.looks,
        "What changed": frozen.differences,
        "Take it out": frozen.out,
    }
    for tab, draw in zip(st.tabs(list(tabs), key="tabs", on_change="rerun"), tabs.values(), strict=True):
        if tab.open:  # each compares or scans; the others wait until somebody asks
            with tab, notices.told():
                draw(store, snapshot, me)


def documents() -> None:
    """Libraries, whose documents a model can read on, and what was frozen of them before."""
    found = libraries.listed(store)
    if not found:
        return
    parts.section("Documents to read on")
    st.caption("Continued pretraining reads whole documents, to know their words and subjects. It needs no answers.")
    for library in found:
        with st.container(border=True, horizontal=True, vertical_alignment="center", gap="medium"):
            with st.container(gap=None):
                st.markdown(f"**{notices.plain(library.name)}**")
                st.caption(frozen_of(library.name) or f"{parts.count(library.documents, 'document')}, not frozen yet")
            if st.button("Freeze them", key=f"corpus-{library.name}", icon=":material/ac_unit:"):
                with notices.told():
                    made = corpora.freeze(store, library.name, me)
                    notices.later(f"Frozen: {made.train:,} documents to read, {made.validation:,} to watch.")
                    st.rerun()
            for made in corpora.listed(store, library.name)[:1]:
                nav.link("Train on it", "runs", icon="model_training", snapshot=made.id)


def frozen_of(library: str) -> str:
    """The latest corpus of a library, in words; '' where there is none."""
    for made in corpora.listed(store, library)[:1]:
        return f"{made.id[:8]} · {made.train:,} to read, {made.validation:,} to watch · {parts.ago(made.made_at)}"
    return ""


asked = state.asked("snapshot")
if asked:
    detail(snapshots.get(store, asked))
elif chosen := rooms.enter("snapshots", LEAD):
    overview(chosen)
else:
    documents()

"""Datasets: what there is, how far each is on its way to a model, and the ways on."""

import html

import streamlit as st

from studio.data import datasets, standing
from studio.data.datasets import Dataset
from studio.freezing import snapshots
from studio.ui import effort, nav, notices, parts, rooms, state

COLORS = {"approved": "#6b8746", "in review": "#4a7fa5", "draft": "#9a948c", "rejected": "#b0382c"}

store, me = state.store(), state.me()


def overview() -> None:
    parts.heading("Datasets", "Named sets of examples. A model is trained on a frozen copy of one of them.", "Write")
    found = datasets.listed(store)
    if not found:
        text = "There is none yet. A file, a table or pasted text makes the first one."
        notices.empty("Your examples will stand here", text, "inventory_2", "bring_in", "Bring in your first examples")
        return
    with st.container(horizontal=True):
        if st.button("Bring in", type="primary", icon=nav.place("bring_in").symbol):
            nav.goto("bring_in")
    with st.grid(3, min_column_width=290, gap="small"):
        for dataset in found:
            card(dataset)


def card(dataset: Dataset) -> None:
    with st.container(border=True, height="stretch", gap="small"):
        st.markdown(f"#### {notices.plain(dataset.name)}", anchors=False)
        st.markdown(parts.count(dataset.examples, "example"))
        bar(standing.counts(store, dataset.name))
        st.caption(f"by {notices.plain(dataset.made_by)}, {parts.ago(dataset.made_at)}")
        if dataset.rejects:
            st.badge(f"{parts.count(dataset.rejects, 'row')} to mend", icon=":material/build:", color="orange")
        st.space("stretch")
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            if st.button("Open", icon=":material/folder_open:", key=f"open-{dataset.name}"):
                nav.goto("datasets", dataset=dataset.name)
            nav.link("Examples", "examples", dataset=dataset.name)


def bar(counts: dict[str, int], legend: bool = False) -> None:
    """How many examples have which status, as one bar."""
    total = sum(counts.values())
    if not total:
        return
    order = [status for status in COLORS if counts.get(status)]
    pieces = "".join(
        f'<span style="flex: {counts[status]}; background: {COLORS[status]}" title="{status}"></span>'
        for status in order
    )
    names = "".join(
        f'<span><b style="background: {COLORS[status]}"></b>{counts[status]:,} {html.escape(status)}</span>'
        for status in order
    )
    st.html(f'<div class="standing">{pieces}</div>' + (f'<div class="legend">{names}</div>' if legend else ""))


def detail(dataset: Dataset) -> None:
    nav.back("All datasets", "datasets")
    parts.heading(dataset.name, dataset.note, "Dataset")
    rooms.walk(dataset, "datasets")
    counts = standing.counts(store, dataset.name)
    parts.facts(
        {
            "examples": f"{dataset.examples:,}",
            "approved": f"{dataset.approved:,}",
            "waiting": f"{counts['draft'] + counts['in review']:,}",
            "rows to mend": f"{dataset.rejects:,}",
        }
    )
    bar(counts, legend=True)
    effort.total(dataset.name)
    onwards(dataset)
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        if st.button("Bring in more", icon=nav.place("bring_in").symbol):
            nav.goto("bring_in", dataset=dataset.name)
        nav.link("Freeze and take out", "snapshots", dataset=dataset.name)
    frozen_ones(dataset)
    origins(dataset)


def onwards(dataset: Dataset) -> None:
    """What to do next, each a way to the page where it is done."""
    frozen = bool(snapshots.listed(store, dataset.name))
    steps = [step for step in standing.steps(store, dataset, frozen=frozen) if nav.place(step.page).path.exists()]
    if not steps:
        return
    parts.section("What to do next")
    with st.grid(3, min_column_width=240, gap="small"):
        for number, step in enumerate(steps):
            with st.container(border=True, height="stretch", gap="xsmall", key=f"step-next-{number}"):
                nav.link(f"**{step.text}**", step.page, dataset=dataset.name)
                st.caption(step.why)


def frozen_ones(dataset: Dataset) -> None:
    found = [snapshot for snapshot in snapshots.listed(store) if snapshot.dataset == dataset.name]
    if not found:
        return
    parts.section("Snapshots")
    for snapshot in found[:5]:
        with st.container(border=True, horizontal=True, vertical_alignment="center", gap="medium"):
            st.markdown(
                f"**{snapshot.id[:8]}** :gray[· {parts.ago(snapshot.made_at)} by {snapshot.made_by}]", width="stretch"
            )
            st.markdown(f"{snapshot.train:,} train · {snapshot.validation:,} validation · {snapshot.test:,} test")
            nav.link("Train on it", "runs", icon="model_training", snapshot=snapshot.id)


def origins(dataset: Dataset) -> None:
    """Where its examples are from."""
    found = standing.sources(store, dataset.name)
    if not found:
        return
    parts.section("Where they are from")
    st.markdown("  \n".join(f"{notices.plain(source)} :gray[· {n:,}]" for source, n in found))


chosen = state.current_dataset()
if chosen:
    detail(chosen)
else:
    overview()

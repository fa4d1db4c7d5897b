"""Datasets: bring files in, mend what was rejected, freeze what a model shall learn from."""

import json
import tempfile
from pathlib import Path

import streamlit as st

from studio import datasets, rejects, snapshots
from studio.datasets import Dataset
from studio.examples import APPROVED, IN_REVIEW
from studio.ui import nav, notices, parts, state

HERE, UPLOAD = "A file on this machine", "Upload"
PER_PAGE = 10

store, me = state.store(), state.me()


def overview() -> None:
    parts.heading("Datasets", "Named sets of examples. A model is trained on a frozen copy of one of them.", "Write")
    found = datasets.listed(store)
    if not found:
        st.markdown("There is none yet. Bring in a file to make the first one: one JSON conversation a line.")
        bring_in("")
        return
    with st.grid(3, min_column_width=290, gap="small"):
        for dataset in found:
            card(dataset)
    with st.expander("Bring in a file", icon=":material/upload_file:", expanded=False):
        bring_in("")


def card(dataset: Dataset) -> None:
    with st.container(border=True, height="stretch", gap="small"):
        st.markdown(f"#### {notices.plain(dataset.name)}", anchors=False)
        st.markdown(parts.count(dataset.examples, "example"))
        st.caption(f"{dataset.approved:,} approved · by {dataset.made_by}, {parts.ago(dataset.made_at)}")
        if dataset.rejects:
            st.badge(f"{parts.count(dataset.rejects, 'line')} to mend", icon=":material/build:", color="orange")
        st.space("stretch")
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            if st.button("Open", icon=":material/folder_open:", key=f"open-{dataset.name}"):
                nav.goto("datasets", dataset=dataset.name)
            nav.link("Examples", "examples", dataset=dataset.name)


def bring_in(name: str) -> None:
    """The form that imports a file into the dataset `name`, or into one to be named."""
    with st.container(border=True):
        way = st.segmented_control("Where is the file?", [UPLOAD, HERE], default=UPLOAD, required=True, key="way")
        with st.form("import", border=False):
            if way == UPLOAD:
                upload = st.file_uploader("JSONL file", type=["jsonl", "json", "txt"], key="upload")
                path = ""
            else:
                upload, path = None, st.text_input("Its path", placeholder="/data/examples.jsonl", key="path")
            dataset = name or st.text_input("Name of the dataset", placeholder="tone", key="dataset-name")
            reviewed = st.checkbox(
                "These are reviewed already",
                value=True,
                key="reviewed",
                help="Then they count as approved. Otherwise they wait for review and no model is trained on them yet.",
            )
            if st.form_submit_button("Import", type="primary", icon=":material/download:", key="import-go"):
                with notices.told():
                    perform(upload, path, dataset, APPROVED if reviewed else IN_REVIEW)
        parts.command("atelier", "import", (upload.name if upload else path) or "FILE", "--dataset", dataset or "NAME")


def perform(upload: object, path: str, dataset: str, status: str) -> None:
    if upload is None and not path:
        st.warning("Choose a file first.", icon=":material/upload_file:")
        return
    bar = st.progress(0.0, "Reading")

    def progress(done: int, of: int) -> None:
        bar.progress(done / of, f"Read {done / 1e6:.1f} of {of / 1e6:.1f} MB")

    if upload is None:
        found = datasets.bring_in(store, Path(path).expanduser(), dataset, me, status=status, progress=progress)
    else:
        with tempfile.NamedTemporaryFile(suffix=".jsonl") as spool:
            spool.write(upload.getbuffer())  # type: ignore[attr-defined]
            spool.flush()
            named = upload.name  # type: ignore[attr-defined]
            found = datasets.bring_in(
                store, Path(spool.name), dataset, me, name=named, status=status, progress=progress
            )
    state.keep(state.IMPORTED, found)
    nav.goto("datasets", dataset=dataset)


def detail(dataset: Dataset) -> None:
    nav.back("All datasets", "datasets")
    parts.heading(dataset.name, above="Dataset")
    imported = state.value(state.IMPORTED)
    if imported and imported.dataset == dataset.name:
        st.success(f"{imported.source}: {imported}.", icon=":material/check_circle:")
    parts.facts(
        {
            "examples": f"{dataset.examples:,}",
            "approved": f"{dataset.approved:,}",
            "waiting": f"{dataset.examples - dataset.approved:,}",
            "lines to mend": f"{dataset.rejects:,}",
        }
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        if st.button("Open the examples", icon=nav.place("examples").symbol):
            nav.goto("examples", dataset=dataset.name)
        if st.button("Freeze", type="primary", icon=":material/ac_unit:", disabled=not dataset.approved):
            with notices.told():
                frozen = snapshots.freeze(store, dataset.name, me)
                notices.later(f"Frozen: {frozen.train:,} to learn from, {frozen.test:,} kept for the test.")
                st.rerun()
        st.caption("Freezing fixes which approved examples a model learns from and which are kept for the test.")
    frozen_ones(dataset)
    if dataset.rejects:
        rejected(dataset)
    with st.expander("Bring more into this dataset", icon=":material/upload_file:"):
        bring_in(dataset.name)


def frozen_ones(dataset: Dataset) -> None:
    found = [snapshot for snapshot in snapshots.listed(store) if snapshot.dataset == dataset.name]
    if not found:
        return
    parts.label("Snapshots")
    for snapshot in found[:5]:
        with st.container(border=True, horizontal=True, vertical_alignment="center", gap="medium"):
            st.markdown(
                f"**{snapshot.id[:8]}** :gray[· {parts.ago(snapshot.made_at)} by {snapshot.made_by}]", width="stretch"
            )
            st.markdown(f"{snapshot.train:,} train · {snapshot.validation:,} validation · {snapshot.test:,} test")
            nav.link("Train on it", "runs", icon="model_training", snapshot=snapshot.id)


def rejected(dataset: Dataset) -> None:
    """The lines that could not be used, each with its reason and an editor to mend it."""
    found = rejects.waiting(store, dataset.name)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader(f"{parts.count(len(found), 'line')} to mend", anchor=False, width="stretch")
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found)
        st.download_button(
            "Download them", lines, f"{dataset.name}-rejected.jsonl", icon=":material/download:", on_click="ignore"
        )
    pages = -(-len(found) // PER_PAGE)
    page = st.pagination(pages, key="rejects-page") if pages > 1 else 1
    for row in found[(page - 1) * PER_PAGE : page * PER_PAGE]:
        mend(dataset, row["source"], row["line"], row["why"], row["content"])


def mend(dataset: Dataset, source: str, line: int, why: str, content: str) -> None:
    key = f"mend-{source}-{line}"
    with st.form(key, enter_to_submit=False):
        st.markdown(f"**Line {line}** :gray[of {notices.plain(source)}]  \n{notices.plain(why)}")
        text = st.text_area(
            "The line as it stands", content, key=f"{key}-text", label_visibility="collapsed", height=110
        )
        if st.form_submit_button("Save this line", icon=":material/build:", key=f"{key}-save"):
            with notices.told():
                rejects.mend(store, dataset.name, source, line, text or "", me)
                notices.later(f"Line {line} is an example now.")
                st.rerun()


chosen = state.current_dataset()
if chosen:
    detail(chosen)
else:
    overview()

"""Bring in: a file, a table or pasted text becomes examples: say what each column is, look at ten rows, import."""

from pathlib import Path

import streamlit as st

from engine.data import formats
from engine.data.formats import Table
from engine.data.mapping import Mapping
from engine.data.rows import Reject
from studio.data import datasets, incoming, intake, mappings, rejects
from studio.data.examples import APPROVED, DRAFT, IN_REVIEW
from studio.data.intake import Intake
from studio.ui import live, mapping_form, nav, notices, parts, state

UPLOAD, HERE, PASTE = "Upload", "A file on this machine", "Paste"
NEW = "A new dataset"
BY_LINE = ("JSONL", "CSV", "TSV", "Text", "Chat")  # kinds of files whose rows are known by their line
SPLITS = {"": "as its rows or the freeze say", "train": "train", "validation": "validation", "test": "test"}

store, me = state.store(), state.me()


def source() -> tuple[Path, str] | None:
    """What shall come in, and what the person calls it; None as long as nothing is chosen."""
    way = st.segmented_control("Where is it?", [UPLOAD, HERE, PASTE], default=UPLOAD, required=True, key="way")
    if way == UPLOAD:
        upload = st.file_uploader(
            "A file", type=list(formats.KINDS), key="upload", help="Up to 200 MB. Larger ones come in by their path."
        )
        return (incoming.spool(store, upload.name, upload.getbuffer()), upload.name) if upload else None
    if way == HERE:
        path = st.text_input("Its path", placeholder="/data/examples.jsonl", key="path")
        return (incoming.on_this_machine(path), Path(path).name) if path.strip() else None
    text = st.text_area(
        "Paste here",
        key="paste",
        height=180,
        placeholder="Cells of a spreadsheet, a message a line, or a chat:\nUser: Where is it?\nAssistant: On its way.",
    )
    return (incoming.spool(store, "pasted.txt", text.encode()), "pasted text") if text.strip() else None


@st.cache_resource(max_entries=4, show_spinner="Looking into it")
def _looked(path: str, stamp: float, name: str, part: str, header: bool | None) -> Table:
    table = formats.open_table(Path(path), name, part=part, header=header)
    assert table.sample is not None  # read once, for all that look at it
    return table


def look(path: Path, name: str) -> Table:
    """The table, with the sheet and the header that were chosen below it."""
    stamp = path.stat().st_mtime if path.exists() else 0.0
    part = str(st.session_state.get(f"part-{path}") or "")
    header = st.session_state.get(f"header-{path}")
    return _looked(str(path), stamp, name, part, header)


def found(table: Table, path: Path) -> None:
    """What kind of thing it is, and what was found out rather than told."""
    n = f"{table.n:,}" if table.n is not None else f"more than {len(table.sample):,}"
    parts.facts({"kind": table.kind, "rows": n, "columns": f"{len(table.columns):,}"})
    for note in table.notes:
        st.caption(notices.plain(note))
    if len(table.parts) > 1:
        st.selectbox("Sheet", table.parts, index=table.parts.index(table.part), key=f"part-{path}")
    if table.header is not None:
        st.checkbox("The first row names the columns", table.header, key=f"header-{path}")


def settle(table: Table, path: Path) -> Mapping:
    """The mapping that the person wants, from what is remembered or guessed."""
    start, known = mappings.proposed(store, table)
    if not start.as_is:
        parts.section("What is what")
        why = "as for the last file with these columns" if known else "a guess, by names and by what stands in them"
        st.caption(f"Every column is used or left out; this is {why}. Change what is not right.")
    return mapping_form.choose(table, start, f"{table.shape[:8]}-{path.parent.name}-{path.name}")


def shown(table: Table, chosen: Mapping) -> bool:
    """Ten rows as they would come in; whether any would."""
    if wrong := mapping_form.problem(chosen):
        st.warning(notices.plain(wrong), icon=":material/help:")
        return False
    rows = mapping_form.tried(table, chosen)
    refused = sum(isinstance(row, Reject) for row in rows)
    parts.section("What comes of it")
    n = f"All {len(rows):,}" if table.n == len(rows) else f"The first {len(rows):,}"
    mended = f", **{refused:,}** would wait to be mended" if refused else ""
    st.markdown(f"{n} rows looked at: **{len(rows) - refused:,}** become examples{mended}.")
    mapping_form.preview(rows, "Line" if table.kind in BY_LINE else "Row")
    return True


def begin(table: Table, path: Path, chosen: Mapping) -> None:
    """Where it goes, and the button that starts it."""
    parts.section("Where it goes")
    names = datasets.names(store)
    asked = state.asked("dataset")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        into = NEW
        if names:
            at = names.index(asked) if asked in names else len(names)
            into = st.selectbox("Dataset", [*names, NEW], index=at, key="into", width=260)
        if into == NEW:
            into = st.text_input("Name of the dataset", placeholder="tone", key="dataset-name", width=260).strip()
        split = st.selectbox("Side", list(SPLITS), format_func=SPLITS.__getitem__, key="split", width=260)
    status = _status(chosen)
    if st.button("Import", type="primary", icon=":material/download:", key="import-go"):
        with notices.told():
            mappings.keep(store, table.shape, chosen, me)
            begun = intake.start(
                store,
                path,
                into,
                me,
                name=table.name,
                split=split,
                status=status,
                mapping=None if chosen.as_is else chosen,
                forget=incoming.is_ours(store, path),
            )
            state.ask(dataset=into, intake=begun.id)
            st.rerun()
    parts.command(*_command(table, into or "NAME", chosen, split, status))


def _status(chosen: Mapping) -> str:
    if chosen.unanswered:
        st.caption("They come in as drafts, since their answers are still to be written.")
        return DRAFT
    reviewed = st.checkbox(
        "These are reviewed already",
        value=True,
        key="reviewed",
        help="Then they count as approved. Otherwise they wait for review and no model is trained on them yet.",
    )
    return APPROVED if reviewed else IN_REVIEW


def _command(table: Table, into: str, chosen: Mapping, split: str, status: str) -> list[str]:
    """The command line that does the same."""
    words = ["atelier", "import", table.name.replace("pasted text", "FILE"), "--dataset", into]
    if not chosen.as_is:
        for column, what in chosen.columns.items():
            words += ["--map", f"{what}={column}"] if what else []
        words += ["--system", chosen.system] if chosen.system else []
        words += ["--unanswered"] if chosen.unanswered else []
        words += ["--sheet", table.part] if len(table.parts) > 1 else []
    words += ["--split", split] if split else []
    return [*words, *(["--status", status] if status != APPROVED else [])]


def returned(table: Table, path: Path) -> None:
    """A file of rejects that was downloaded and corrected: it settles them, and adds nothing twice."""
    st.info("These are rows that were downloaded to be mended.", icon=":material/build:")
    names = [dataset.name for dataset in datasets.listed(store) if dataset.rejects]
    if not names:
        st.caption("No dataset has rows that wait.")
        return
    asked = state.asked("dataset")
    into = st.selectbox("Dataset", names, index=names.index(asked) if asked in names else 0, key="into", width=260)
    if st.button("Bring the corrected rows back", type="primary", icon=":material/build:", key="return-go"):
        with notices.told():
            done = rejects.bring_back(store, into, path, me, table.name)
            path.unlink(missing_ok=True)
            notices.later(f"{done}.")
            nav.goto("rejects", dataset=into)


def going(id: str) -> bool:
    """One import as it goes; whether it still does."""
    one = intake.get(store, id)
    if one.state != intake.RUNNING:
        return False
    left = f", about {parts.lasting(one.seconds_left)} left" if one.seconds_left is not None else ""
    doing = "Reading" if one.step == intake.READING else "Saving"
    st.progress(one.share, f"{doing}: {parts.count(one.rows, 'row')} so far, {one.rejected:,} to mend{left}")
    if st.button("Cancel", icon=":material/close:", key=f"cancel-{id}", help="Then nothing of this file is added."):
        intake.cancel(store, id)
    return True


def result(one: Intake) -> None:
    """What an import did, and the way on."""
    if one.problem:
        notices.tell(one.problem)
        return
    if one.state == intake.CANCELLED:
        st.info(f"{notices.plain(one.source)} was cancelled: nothing of it was added.", icon=":material/close:")
        return
    st.success(f"{notices.plain(one.source)}: {notices.plain(str(one))}.", icon=":material/check_circle:")
    with st.container(horizontal=True, gap="medium"):
        if one.rejected:
            nav.link(f"Mend {parts.count(one.rejected, 'row')}", "rejects", dataset=one.dataset)
        nav.link("Read the examples", "examples", dataset=one.dataset)
        nav.link("Check their health", "health", dataset=one.dataset)
        nav.link("Open the dataset", "datasets", dataset=one.dataset)


def followed(id: str) -> None:
    """The import of the address: how far it is, then what it did."""
    one = intake.get(store, id)
    with st.container(border=True):
        st.markdown(f"**{notices.plain(one.source)}** into **{notices.plain(one.dataset)}**")
        if one.state == intake.RUNNING:
            live.watch(going, id, live=True, every="1s")
        else:
            result(one)
    if st.button("Bring in something else", icon=":material/add:"):
        state.ask(intake="")
        st.rerun()


def others() -> None:
    """Imports that go on meanwhile, whoever started them."""
    for one in intake.running(store):
        with st.container(border=True):
            st.markdown(f"**{notices.plain(one.source)}** into {notices.plain(one.dataset)}, by {one.made_by}")
            live.watch(going, one.id, live=True, every="1s")


def form() -> None:
    """From a file to the button that imports it."""
    with st.container(border=True):
        chosen = source()
    if not chosen:
        return
    path, name = chosen
    table = look(path, name)
    with st.container(border=True):
        found(table, path)
    if rejects.is_returned(table.columns):
        returned(table, path)
        return
    wanted = settle(table, path)
    if shown(table, wanted):
        begin(table, path, wanted)


parts.heading("Bring in", "Files, tables and pasted text become examples. What cannot be used waits for you.", "Write")
if state.asked("intake"):
    followed(state.asked("intake"))
else:
    incoming.clear(store)
    others()
    form()

"""Rows to mend: what could not be used, by reason, each with its repair to take, to change, or to leave."""

import difflib
import html
import re

import streamlit as st

from studio.data import datasets, incoming, rejects
from studio.data.datasets import Dataset
from studio.data.rejects import DISCARDED, Kind, Waiting
from studio.ui import nav, notices, parts, state

PER_PAGE = 10
PREVIEWED = 5
ASIDE = "Discarded"

store, me = state.store(), state.me()


def overview() -> None:
    parts.heading("Rows to mend", "Rows that could not become examples wait here, each with its reason.", "Write")
    found = [dataset for dataset in datasets.listed(store) if dataset.rejects]
    if not found:
        text = "Every row that was brought in could be used, or has been mended or discarded."
        notices.empty("Nothing to mend", text, "build", "datasets", "To the datasets")
        return
    for dataset in found:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{notices.plain(dataset.name)}** {parts.count(dataset.rejects, 'row')} to mend")
            nav.link("Mend them", "rejects", dataset=dataset.name)


def detail(dataset: Dataset) -> None:
    nav.back(dataset.name, "datasets", dataset=dataset.name)
    parts.heading("Rows to mend", f"Rows that could not become examples of {notices.plain(dataset.name)}.", "Write")
    undo(dataset)
    kinds, aside = rejects.kinds(store, dataset.name), rejects.count(store, dataset.name, DISCARDED)
    if not kinds:
        text = f"Every row brought into {dataset.name} is an example, or was discarded."
        notices.empty("Nothing to mend", text, "build", "examples", "Read the examples", dataset=dataset.name)
        discarded(dataset, aside)
        return
    outside(dataset, sum(kind.n for kind in kinds))
    names = {kind.code: f"{_name(kind.code)} · {kind.n:,}" for kind in kinds}
    asked = state.asked("kind")
    code = st.segmented_control(
        "Why",
        list(names),
        format_func=names.__getitem__,
        default=asked if asked in names else kinds[0].code,
        required=True,
        key=f"kind-{'-'.join(names)}",
        label_visibility="collapsed",
    )
    kind = next(kind for kind in kinds if kind.code == code)
    together(dataset, kind)
    one_by_one(dataset, kind)
    discarded(dataset, aside)


def _name(code: str) -> str:
    return code.replace("-", " ")


def undo(dataset: Dataset) -> None:
    """The last rows that were discarded here can be taken back at once."""
    where, ids = state.value(state.DISCARDED, ("", []))
    if where != dataset.name or not ids:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"{parts.count(len(ids), 'row')} discarded.", width="stretch")
        if st.button("Take back", icon=":material/undo:", key="undo"):
            rejects.take_back(store, dataset.name, ids, me)
            state.keep(state.DISCARDED, ("", []))
            st.rerun()


def outside(dataset: Dataset, n: int) -> None:
    """All of them as a file, to be corrected elsewhere, and the way back in."""
    with st.expander("Mend them in another program", icon=":material/download:", type="compact"):
        st.markdown(
            "Download the rows, correct their **content**, and bring the file back: what is in order then becomes an "
            "example, and the rest goes on waiting."
        )
        with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
            st.download_button(
                f"Download {parts.count(n, 'row')}",
                lambda: rejects.download(store, dataset.name),
                f"{dataset.name}-to-mend.jsonl",
                icon=":material/download:",
                on_click="ignore",
            )
            file = st.file_uploader("The corrected file", type=["jsonl", "json", "csv", "xlsx"], key="returned")
        if file and st.button("Bring it back", icon=":material/upload_file:", key="return-go"):
            with notices.told():
                path = incoming.spool(store, file.name, file.getbuffer())
                done = rejects.bring_back(store, dataset.name, path, me, file.name)
                path.unlink(missing_ok=True)
                notices.later(f"{done}.")
                st.rerun()


def together(dataset: Dataset, kind: Kind) -> None:
    """What can be done with all rows of a kind at once."""
    found = rejects.waiting(store, dataset.name, kind.code, limit=kind.looked)
    mendable = [one for one in found if one.repair]
    more = "at least " if kind.n > kind.looked else ""
    with st.container(border=True, gap="small"):
        if mendable:
            st.markdown(
                f"A repair is known for **{more}{len(mendable):,} of {parts.count(kind.n, 'row')}**. "
                f"{notices.plain(kind.repair)}"
            )
        else:
            st.markdown(f"No repair is known for {'this row' if kind.n == 1 else 'these rows'}: a person has to look.")
        with st.container(horizontal=True, gap="small"):
            if mendable:
                accept_all(dataset, kind, mendable)
            if notices.sure(
                f"Discard all {kind.n:,}" if kind.n > 1 else "Discard",
                "They stay in the record and can be taken back.",
                "Discard them" if kind.n > 1 else "Discard it",
                key=f"discard-all-{kind.code}",
                icon="delete",
            ):
                put_aside(dataset, [one.id for one in rejects.waiting(store, dataset.name, kind.code)])


def accept_all(dataset: Dataset, kind: Kind, mendable: list[Waiting]) -> None:
    label = f"Take all {len(mendable):,} repairs" if len(mendable) > 1 else "Take the repair"
    with st.popover(
        label, icon=":material/done_all:", type="primary", key=f"accept-all-{kind.code}-ask", width="content"
    ):
        st.markdown(f"{parts.count(len(mendable), 'row')} would become examples.")
        if st.button("Take them", type="primary", key=f"accept-all-{kind.code}"):
            bar = st.progress(0.0, "Mending")

            def progress(done: int, of: int) -> None:
                bar.progress(done / of, f"{done:,} of {of:,}")

            done = rejects.accept(store, dataset.name, kind.code, me, progress)
            notices.later(f"{done}.")
            st.rerun()
        st.caption("Some of them")
        for one in mendable[:: max(1, len(mendable) // PREVIEWED)][:PREVIEWED]:
            st.caption(f"{notices.plain(one.source)}, line {one.line:,}")
            st.html(difference(one.content, one.repair))


def one_by_one(dataset: Dataset, kind: Kind) -> None:
    pages = -(-kind.n // PER_PAGE)
    page = st.pagination(pages, key=f"page-{kind.code}") if pages > 1 else 1
    for one in rejects.waiting(store, dataset.name, kind.code, limit=PER_PAGE, offset=(page - 1) * PER_PAGE):
        row(dataset, one)


def row(dataset: Dataset, one: Waiting) -> None:
    """One row: where it stood, why it is here, its repair, and its words to correct."""
    key = f"row-{one.id}"
    with st.container(border=True, gap="small", key=key):
        st.markdown(f"**Line {one.line:,}** :gray[of {notices.plain(one.source)}]  \n{notices.plain(one.why)}")
        if one.repair:
            st.html(difference(one.content, one.repair))
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            if one.repair and st.button("Take this repair", icon=":material/check:", key=f"{key}-take", type="primary"):
                save(dataset, one, one.repair)
            if st.button("Discard", icon=":material/delete:", key=f"{key}-discard", type="tertiary"):
                put_aside(dataset, [one.id])
        hand = st.expander("Correct it by hand", icon=":material/edit:", type="compact", expanded=not one.repair)
        with hand, st.form(f"{key}-form", border=False, enter_to_submit=False):
            text = st.text_area(
                "The row as it stands", one.content, key=f"{key}-text", label_visibility="collapsed", height=120
            )
            if st.form_submit_button("Save this row", icon=":material/build:", key=f"{key}-save"):
                save(dataset, one, text or "")


def save(dataset: Dataset, one: Waiting, text: str) -> None:
    with notices.told():
        done = rejects.mend(store, dataset.name, one, text, me)
        what = "is an example now" if done.added else "was an example already"
        notices.later(f"Line {one.line:,} {what}.")
        st.rerun()


def put_aside(dataset: Dataset, ids: list[int]) -> None:
    rejects.discard(store, dataset.name, ids, me)
    state.keep(state.DISCARDED, (dataset.name, ids))
    st.rerun()


def difference(before: str, after: str) -> str:
    """Both versions in one text: what goes is struck, what comes is marked."""
    a, b = (re.findall(r"\s+|\w+|[^\w\s]", text[:4000]) for text in (before, after))
    found = []
    for kind, i, j, k, m in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        gone, new = html.escape("".join(a[i:j])), html.escape("".join(b[k:m]))
        if kind == "equal":
            found.append(gone)
        else:
            found += [f"<del>{gone}</del>"] * bool(gone) + [f"<ins>{new}</ins>"] * bool(new)
    cut = "<i> (cut here)</i>" if max(len(before), len(after)) > 4000 else ""
    return f'<div class="diff">{"".join(found)}{cut}</div>'


def discarded(dataset: Dataset, n: int) -> None:
    """What was put aside, with the way back."""
    if not n:
        return
    with st.expander(f"{parts.count(n, 'row')} discarded", icon=":material/delete:", type="compact"):
        for one in rejects.waiting(store, dataset.name, settled=DISCARDED, limit=PER_PAGE):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(
                    f"Line {one.line:,} :gray[of {notices.plain(one.source)}: {notices.plain(one.why)}]",
                    width="stretch",
                )
                if st.button("Take back", icon=":material/undo:", key=f"back-{one.id}", type="tertiary"):
                    rejects.take_back(store, dataset.name, [one.id], me)
                    st.rerun()
        if n > 1 and st.button(f"Take back all {n:,}", icon=":material/undo:", key="back-all"):
            ids = [one.id for one in rejects.waiting(store, dataset.name, settled=DISCARDED)]
            rejects.take_back(store, dataset.name, ids, me)
            st.rerun()


chosen = state.current_dataset()
if chosen:
    detail(chosen)
else:
    overview()

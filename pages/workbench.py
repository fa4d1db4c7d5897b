"""Tone workbench: what came in beside what the brand would say, with the style guide looking over the shoulder."""

import pandas as pd
import streamlit as st

from engine.scoring.guide import Guide
from studio.data import drafts, examples, guides
from studio.data.datasets import Dataset
from studio.data.examples import STATUSES, Example
from studio.ui import bench, contrasts, coverage, guide_form, notices, parts, rooms, state, suggest
from studio.writing import inspiration, rough, suggestions

VIEWS = {
    "write": "Write",
    "paste": "Paste rough messages",
    "contradictions": "Contradictions",
    "coverage": "Coverage",
    "guide": "Style guide",
}
REWRITE, UNSAVED, ALL = "to rewrite", "unsaved", "all"
MOST = 500  # entries in the row; who has more narrows it down

store, me = state.store(), state.me()


def view() -> str:
    """What is looked at, from the URL."""
    asked = state.asked("show") if state.asked("show") in VIEWS else "write"
    turn = state.value(state.STEPS, 0)
    chosen = st.segmented_control(
        "View", list(VIEWS), default=asked, required=True, format_func=VIEWS.__getitem__, key=f"view-{asked}-{turn}",
        label_visibility="collapsed",
    )  # fmt: skip
    if chosen != asked:
        state.keep(state.BENCH, None)
        state.ask(show="" if chosen == "write" else str(chosen), entry="")
        st.rerun()
    return str(chosen)


def row(dataset: Dataset) -> list[Example]:
    """The entries to work through, as chosen: those to rewrite first."""
    counted = {REWRITE: examples.find(store, dataset.name, tag=rough.TAG, limit=0)[1]}
    counted |= {status: examples.find(store, dataset.name, status=status, limit=0)[1] for status in STATUSES}
    counted[ALL] = dataset.examples
    kinds = [kind for kind, n in counted.items() if n]
    if not kinds:
        return []
    kind = st.segmented_control(
        "Row", kinds, default=kinds[0], required=True, key=f"kind-{dataset.name}", label_visibility="collapsed",
        format_func=lambda kind: f"{kind.capitalize()} {counted[kind]:,}", persist_state="session",
    )  # fmt: skip
    if kind == REWRITE:
        found = examples.find(store, dataset.name, tag=rough.TAG, limit=MOST)[0]
    else:
        found = examples.find(store, dataset.name, status="" if kind == ALL else str(kind), limit=MOST)[0]
    if counted[kind] > MOST:
        st.caption(f"The first {MOST} of {counted[kind]:,}; search for others under Examples.")
    return found


def write(dataset: Dataset) -> None:
    guide = guides.get(store, dataset.name)
    begun = [draft for draft in drafts.waiting(store, dataset.name, me) if draft.entry.startswith(bench.NEW)]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        found = row(dataset)
        ask = several([example for example in found if rough.waiting(example)])
    order = [*(draft.entry for draft in begun), *(example.entry for example in found)]
    if not order and not state.asked("entry"):
        text = "Paste rough messages, one a line, and rewrite them here one after the other."
        notices.empty("Nothing to write yet", text, "draw")
        if st.button("Paste rough messages", type="primary", icon=":material/content_paste:"):
            state.ask(show="paste")
            st.rerun()
        return
    if begun:
        st.caption(f"{parts.count(len(begun), 'new example')} begun and not saved yet, first in the row.")
    entry = state.asked("entry") or order[0]
    if ask:
        suggest_all(dataset, [example for example in found if rough.waiting(example)], guide)
    st.fragment(on_the_bench)(dataset.name, entry, order, guide)
    table(found, entry)


def on_the_bench(dataset: str, entry: str, order: list[str], guide: Guide) -> None:
    left, right = st.columns([5, 2], gap="large")
    with left, notices.told():
        bench.desk(dataset, entry, order, guide)
    with right:
        sheet = state.value(state.BENCH)
        if sheet and sheet.entry == entry:
            bench.like(sheet.source, dataset, entry, guide)


def several(waiting: list[Example]) -> bool:
    """Whether to ask for all that still wait."""
    if not waiting:
        return False
    label = f"Suggest for all {len(waiting)}" if len(waiting) > 1 else "Suggest for the one that waits"
    with st.popover(label, icon=":material/auto_awesome:", key=f"several-{state.value(state.STEPS, 0)}"):
        st.markdown(
            f"Asks for a version of each of the {parts.count(len(waiting), 'message')} still to rewrite. "
            "Nothing is saved: each waits on the bench until you take it or leave it."
        )
        return st.button("Ask now", type="primary", key="several-go", icon=":material/play_arrow:")


def suggest_all(dataset: Dataset, waiting: list[Example], guide: Guide) -> None:
    """One after the other; each answer lies on the bench until somebody takes it."""
    chosen = suggest.chosen_suggester()
    if chosen is None:
        notices.tell(suggest.NOBODY)
        return
    told, shown = suggest.wishes(chosen)

    def told_how_far(done: int, of: int) -> None:
        bar.progress(done / of, f"{done} of {of} suggested")

    bar = st.progress(0.0, f"{chosen.name} writes; the first one takes some seconds")
    failed = suggestions.for_many(
        store,
        waiting,
        chosen,
        me,
        guide if told else None,
        lambda example: inspiration.near(store, dataset.name, example.prompt, shown, without=example.entry),
        told_how_far,
    )
    came = len(waiting) - sum("not asked" not in words for words in failed)
    notices.later(f"{parts.count(max(0, came), 'suggestion')} on the bench.")
    for words in failed[:3]:
        st.error(notices.plain(words), icon=":material/error:")
    state.keep(state.BENCH, None)
    state.keep(state.STEPS, state.value(state.STEPS, 0) + 1)  # the question whether to ask closes
    if not failed:
        st.rerun()


def table(found: list[Example], entry: str) -> None:
    """The row as a table; a click opens one."""
    if not found:
        return
    parts.section("The row")
    entries = [example.entry for example in found]
    frame = pd.DataFrame(
        {
            "What came in": [example.prompt for example in found],
            "On-brand version": ["" if rough.waiting(example) else example.answer for example in found],
            "Words": [example.words for example in found],
            "Status": [example.status for example in found],
        }
    )
    key = f"bench-row-{state.value(state.STEPS, 0)}-{entry}-{len(found)}"
    chosen = st.dataframe(
        frame, key=key, hide_index=True, height=min(420, 38 * (len(frame) + 1)), row_height=38, on_select="rerun",
        selection_mode="single-cell", alt="The messages of this row; a click on one puts it on the bench",
        column_config={
            "What came in": st.column_config.TextColumn(width="large"),
            "On-brand version": st.column_config.TextColumn(width="large"),
            "Words": st.column_config.NumberColumn(width=60),
            "Status": st.column_config.TextColumn(width=90),
        },
    )  # fmt: skip
    cells = chosen.selection.cells
    if cells and entries[cells[0][0]] != entry:
        bench.go(entries[cells[0][0]])


def paste(dataset: Dataset) -> None:
    turn = state.value(state.STEPS, 0)
    left, right = st.columns([3, 2], gap="large")
    with left:
        text = st.text_area(
            "Rough messages", key=f"rough-{dataset.name}-{turn}", height=320,
            placeholder="One message a line. Where a message has several lines, part them by blank lines.",
        )  # fmt: skip
        said = rough.parted(text or "")
        if st.button(
            f"Keep {parts.count(len(said), 'message')}" if said else "Keep", type="primary", shortcut="Ctrl+Enter",
            icon=":material/content_paste:", key=f"paste-{turn}",
        ):  # fmt: skip
            with notices.told():
                done = rough.paste(store, dataset.name, said, me)
                notices.later(f"{done}.")
                state.keep(state.STEPS, turn + 1)
                state.keep(state.BENCH, None)
                state.keep(f"kind-{dataset.name}", REWRITE)
                state.ask(show="", entry="")
                st.rerun()
    with right:
        parts.label("How it is kept")
        st.markdown(
            "Each message becomes a **draft** whose version starts as the rough words themselves, tagged "
            f"*{rough.TAG}*. Nothing is trained on before you approve it, and the tag goes when you rewrite it."
        )
        for one in said[:4]:
            st.caption(notices.plain(one if len(one) < 120 else f"{one[:119]}…"))
        if len(said) > 4:
            st.caption(f"and {len(said) - 4} more")


chosen = rooms.enter("workbench", "Write each message the way your brand would say it.")
if chosen:
    shown = view()
    if shown == "write":
        write(chosen)
    elif shown == "paste":
        paste(chosen)
    elif shown == "contradictions":
        contrasts.show(chosen.name)
    elif shown == "coverage":
        coverage.show(chosen.name)
    else:
        guide_form.edit(chosen.name)

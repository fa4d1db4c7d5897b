"""Listing: the examples of a dataset as a table: found, sorted, turned over, opened, and changed many at a time.

What is looked for stands in the address, so that a colleague who is sent it sees the same rows.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import pandas as pd
import streamlit as st

from studio.data import bulk, examples, facets, search
from studio.data.datasets import Dataset
from studio.data.examples import APPROVED, IN_REVIEW, REJECTED, STATUSES, Edit, Edited, Example, Found
from studio.ui import notices, parts, state
from studio.ui.editor import Beside

PER_PAGE = 25
AT_ONCE = 5000  # examples that one deed changes
ORDERS = {
    "place": "As they came",
    "newest": "Changed last first",
    "oldest": "Changed first first",
    "longest": "Longest answer first",
    "shortest": "Shortest answer first",
}


@dataclass(frozen=True)
class Looked:
    """What was found: this page of it, and how many in all."""

    asked: dict[str, Any]
    shown: list[Example]
    n: int
    page: int
    entries: list[str]

    @property
    def pages(self) -> int:
        return max(1, -(-self.n // PER_PAGE))


def look(dataset: Dataset, narrow: bool) -> Looked:
    """Draw the filters, find what they ask for."""
    asked = _filters(dataset, narrow)
    page = _page_number()
    shown, n = found(dataset.name, asked, page)
    if not shown and n:  # the address speaks of a page that is no longer there
        page = -(-n // PER_PAGE)
        shown, n = found(dataset.name, asked, page)
    return Looked(asked, shown, n, page, [example.entry for example in shown])


def found(dataset: str, asked: dict[str, Any], page: int) -> Found:
    """One page of what is asked for."""
    return examples.find(state.store(), dataset, **asked, limit=PER_PAGE, offset=(page - 1) * PER_PAGE)


def beside(dataset: Dataset, looked: Looked, entry: str) -> Beside:
    """The entries before and after, over the ends of the page too.

    An example that was judged may have left the list; then the way goes on from where it stood.
    """
    entries = looked.entries
    if entry not in entries:
        known = state.value(state.LISTED, ("", []))[1]
        if entry not in known:
            return Beside("", entries[0] if entries else "")
        at = known.index(entry)
        left, right = [e for e in known[:at] if e in entries], [e for e in known[at + 1 :] if e in entries]
        return Beside(left[-1] if left else "", right[0] if right else "")
    state.keep(state.LISTED, (state.value(state.LISTED, ("", []))[0], entries))
    at = entries.index(entry)
    previous = entries[at - 1] if at else ""
    following = entries[at + 1] if at + 1 < len(entries) else ""
    if not previous and looked.page > 1:
        previous = _edge(dataset, looked, looked.page - 1, -1)
    if not following and looked.page < looked.pages:
        following = _edge(dataset, looked, looked.page + 1, 0)
    return Beside(previous, following)


def turn_to(dataset: Dataset, looked: Looked, entry: str) -> bool:
    """Turn the page to where an entry stands that was reached over its end; whether it was elsewhere."""
    if not entry or entry in looked.entries or entry == state.value(state.TURNED):
        return False
    state.keep(state.TURNED, entry)  # looked for once: it may match no more
    for page in (looked.page + 1, looked.page - 1):
        if 1 <= page <= looked.pages and entry in [e.entry for e in found(dataset.name, looked.asked, page)[0]]:
            _turn(page)
            return True
    return False


def draw(dataset: Dataset, looked: Looked, narrow: bool) -> None:
    """The table, its foot, and what can be done with the rows that are picked."""
    if not looked.shown:
        st.caption("None matches. Try fewer words, or another tag or status.")
        _undo_bar(dataset)
        return
    steps = state.value(state.STEPS, 0)
    key = f"rows-{dataset.name}-{looked.page}-{hash(str(looked.asked))}-{steps}"
    picked = _rows(looked, key, narrow)
    _foot(dataset, looked)
    if looked.asked.get("text") and (behind := search.behind(state.store())):
        st.caption(f"{behind:,} rows are still being read for the search; words may stand in more.")
    if not narrow:
        _deeds(dataset, looked, picked)
    _undo_bar(dataset)


def _filters(dataset: Dataset, narrow: bool) -> dict[str, Any]:
    """What is asked for, as keywords of `examples.find`; each stands in the address under its name."""
    store, name = state.store(), dataset.name
    with st.container() if narrow else st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Search",
            key="search",
            type="search",
            placeholder="Words in it",
            live=True,
            icon=":material/search:",
            bind="query-params",
            on_change=_first_page,
        )
        with st.container(horizontal=True, vertical_alignment="bottom", width="stretch" if narrow else 520):
            tag = _choice("Tag", "tag", facets.tags(store, name))
            status = _choice("Status", "status", list(STATUSES))
            with st.popover("More", icon=":material/tune:", width="content"):
                more = _more(name)
    chosen = {"text": text, "tag": tag, "status": status, **more}
    return {key: value for key, value in chosen.items() if value not in (None, "")}


def _more(dataset: str) -> dict[str, Any]:
    store = state.store()
    author = _choice("Who changed it last", "author", facets.authors(store, dataset))
    source = _choice("Where it came from", "source", facets.sources(store, dataset))
    origin = _choice("What made it, if not people", "origin", facets.origins(store, dataset))
    with st.container(horizontal=True):
        longer = st.number_input(
            "Words, at least", 0, value=None, key="longer", bind="query-params", on_change=_first_page
        )
        shorter = st.number_input("at most", 0, value=None, key="shorter", bind="query-params", on_change=_first_page)
    with st.container(horizontal=True):
        since = st.date_input("Changed since", None, key="since", bind="query-params", on_change=_first_page)
        until = st.date_input("until", None, key="until", bind="query-params", on_change=_first_page)
    order = st.selectbox(
        "Sorted", list(ORDERS), format_func=ORDERS.__getitem__, key="order", bind="query-params", on_change=_first_page
    )
    return {
        "author": author,
        "source": source,
        "origin": origin,
        "longer": longer,
        "shorter": shorter,
        "since": _at(since, 0),
        "until": _at(until, 1),
        "order": "" if order == "place" else order,
    }


def _choice(label: str, key: str, options: list[str]) -> str:
    chosen = st.selectbox(
        label, options, index=None, placeholder="Any", key=key, bind="query-params", on_change=_first_page
    )
    return chosen or ""


def _at(day: Any, later: int) -> datetime | None:
    return datetime.combine(day + timedelta(later), time()) if isinstance(day, date) else None


def _page_number() -> int:
    said = state.asked("page")
    return int(said) if said.isdecimal() and int(said) > 0 and said != state.value(state.LEFT) else 1


def _turn(page: int) -> None:
    state.keep(state.LEFT, None)
    state.ask(page=str(page) if page > 1 else "")


def _first_page() -> None:
    """Other rows are asked for: they start at their first page. Runs before the page is drawn.

    The page in the address is passed over, not taken out: what a box has just written there would be lost with it.
    """
    state.keep(state.LEFT, state.asked("page"))


def _edge(dataset: Dataset, looked: Looked, page: int, at: int) -> str:
    there = found(dataset.name, looked.asked, page)[0]
    return there[at].entry if there else ""


def _rows(looked: Looked, key: str, narrow: bool) -> list[Example]:
    """The table; a click on a cell opens its row, a tick picks it. The rows that are picked."""
    shown = looked.shown
    frame = pd.DataFrame(
        {
            "Question": [example.prompt for example in shown],
            "Answer": [example.answer for example in shown],
            "Words": [example.words for example in shown],
            "Status": [[example.status] for example in shown],
            "Tags": [example.tags for example in shown],
            "By": [example.made_by for example in shown],
        }
    )
    opened = state.asked("entry")
    state.keep(state.LISTED, (key, looked.entries) if not opened or opened in looked.entries else _known(key))
    state.keep(state.DRAWN, (key, looked.entries))
    colors = [parts.STATES[status][0] for status in STATUSES]
    width = 270 if narrow else 350
    cells = {"selection": {"cells": [(looked.entries.index(opened), "Question")]}} if opened in looked.entries else None
    chosen = st.dataframe(
        frame,
        key=key,
        hide_index=True,
        height=38 * (len(frame) + 1),
        row_height=38,
        on_select=_open,
        selection_mode="single-cell" if narrow else ["multi-row", "single-cell"],
        selection_default=cells,  # type: ignore[arg-type]
        column_order=["Question", "Status"] if narrow else None,  # half a page is left beside the editor
        column_config={
            "Question": st.column_config.TextColumn(width=width),
            "Answer": st.column_config.TextColumn(width=width),
            "Words": st.column_config.NumberColumn(width=60, help="Words of the answer"),
            "Status": st.column_config.MultiselectColumn(options=list(STATUSES), color=colors, width=105),
            "By": st.column_config.TextColumn(width=70, help="Who changed it last"),
        },
        alt="The examples that match; a click on one opens it",
    )
    picked = [] if narrow else chosen.selection.rows
    return [shown[row] for row in picked if row < len(shown)]


def _known(key: str) -> tuple[str, list[str]]:
    return key, state.value(state.LISTED, ("", []))[1]


def _open() -> None:
    """A click on a cell opens its row; runs before the page is drawn, so it reads what was listed last time."""
    key, entries = state.value(state.DRAWN)
    cells = st.session_state[key].selection.cells
    if cells:
        state.ask(entry=entries[cells[0][0]])


def _foot(dataset: Dataset, looked: Looked) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(f"{looked.n:,} of {parts.count(dataset.examples, 'example')}", width="content")
        if looked.pages > 1:
            key = f"page-{looked.pages}-{looked.page}"
            page = st.pagination(looked.pages, default=looked.page, key=key, max_visible_pages=5)
            if page != looked.page:
                _turn(page)
                st.rerun()


def _deeds(dataset: Dataset, looked: Looked, picked: list[Example]) -> None:
    """What can be done with many at a time; nothing until a row is picked."""
    if not picked:
        st.caption("Tick rows to tag, approve or reject several at once.")
        return
    with st.container(horizontal=True, vertical_alignment="center", key="deeds"):
        most = f"All {looked.n:,}" if looked.n <= AT_ONCE else f"The first {AT_ONCE:,} of {looked.n:,}"
        several = looked.n > len(picked)
        everything = several and st.checkbox(f"{most} that match", key=f"all-{looked.page}-{len(picked)}")
        if not everything:
            st.markdown(f"**{parts.count(len(picked), 'example')} picked**", width="content")
        chosen = _all(dataset, looked) if everything else picked
        for label, icon, status in (
            ("Approve", "done_all", APPROVED),
            ("To review", "visibility", IN_REVIEW),
            ("Reject", "block", REJECTED),
        ):
            if st.button(label, icon=f":material/{icon}:", key=f"deed-{status}"):
                _do(dataset, f"set to {status}", bulk.judged(chosen, status))
        with st.popover("Tags", icon=":material/label:"):
            tag = st.selectbox(
                "Tag", facets.tags(state.store(), dataset.name), index=None, accept_new_options=True, key="deed-tag"
            )
            with st.container(horizontal=True):
                if st.button("Add", type="primary", disabled=not tag, key="deed-add"):
                    _do(dataset, f"tagged {tag}", bulk.tagged(chosen, str(tag)))
                if st.button("Take off", disabled=not tag, key="deed-remove"):
                    _do(dataset, f"without the tag {tag}", bulk.untagged(chosen, str(tag)))


def _all(dataset: Dataset, looked: Looked) -> list[Example]:
    return examples.find(state.store(), dataset.name, **looked.asked, limit=AT_ONCE).examples


def _do(dataset: Dataset, what: str, wanted: list[Edit]) -> None:
    with notices.told():
        remember(dataset.name, what, examples.edit_many(state.store(), wanted, state.me()))
        st.rerun()


def remember(dataset: str, what: str, done: Edited) -> None:
    """Say what was done to how many, and keep it so that it can be taken back."""
    left = f" {parts.count(len(done.overtaken), 'example')} left alone: changed by others meanwhile." * bool(
        done.overtaken
    )
    notices.later(
        f"{parts.count(len(done.versions), 'example')} {what}.{left}" if done.versions else f"Nothing to do.{left}"
    )
    if done.versions:
        state.keep(state.DONE, (dataset, what, done))
    state.keep(state.STEPS, state.value(state.STEPS, 0) + 1)


def _undo_bar(dataset: Dataset) -> None:
    """The last deed on many, and the way back."""
    last = state.value(state.DONE)
    if last is None or last[0] != dataset.name:
        return
    _, what, done = last
    with st.container(horizontal=True, vertical_alignment="center", key="undone"):
        st.caption(
            f":material/done_all: {parts.count(len(done.versions), 'example')} {notices.plain(what)}.", width="content"
        )
        if st.button("Undo", icon=":material/undo:", type="tertiary", key="undo-deed"):
            with notices.told():
                back = bulk.undo(state.store(), dataset.name, done, state.me())
                state.keep(state.DONE, None)
                left = f" {parts.count(len(back.overtaken), 'example')} left: changed since." * bool(back.overtaken)
                notices.later(f"{parts.count(len(back.versions), 'example')} taken back.{left}")
                state.keep(state.STEPS, state.value(state.STEPS, 0) + 1)
                st.rerun()

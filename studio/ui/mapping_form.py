"""The mapping form: what each column of a table is, chosen by a person, and what comes of it in ten rows."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from engine.data import columns, mapping
from engine.data.columns import FIELDS, LEFT_OUT
from engine.data.formats import Row, Table
from engine.data.mapping import Compared, Mapping
from engine.data.rows import Reject, Valid
from engine.problems import Problem
from studio.ui import bubbles, notices, parts

SHOWN = 10  # rows as conversations
REFUSED = 5  # rows that would have to be mended
MANY = 12  # columns; more of them fold those that are left out


def choose(table: Table, start: Mapping, key: str) -> Mapping:
    """A select for each column, beginning with `start`; what was chosen."""
    if start.as_is:
        st.caption("Each line is a conversation already, in the form that Mistral reads: there is nothing to map.")
        return start
    folded = start.left_out if len(table.columns) > MANY else []
    with st.container(border=True, gap="small"):
        found = {name: _column(table, name, start, key) for name in table.columns if name not in folded}
    if folded:
        with st.expander(f"{parts.count(len(folded), 'column')} left out", type="compact"):
            found |= {name: _column(table, name, start, key) for name in folded}
    chosen = replace(start, columns={name: found[name] for name in table.columns})
    return replace(chosen, **_beside(chosen, start, key))


def _column(table: Table, name: str, start: Mapping, key: str) -> str:
    """One column: its name, what stands in it, and the choice."""
    left, right = st.columns([3, 2], vertical_alignment="center", gap="medium")
    with left.container(gap=None):
        st.markdown(f"**{notices.plain(name)}**")
        st.caption(notices.plain(_cells(table, name)))
    return str(
        right.selectbox(
            f"What {name} is",
            list(FIELDS),
            index=list(FIELDS).index(start.columns.get(name, LEFT_OUT)),
            format_func=FIELDS.__getitem__,
            key=f"map-{key}-{name}",
            label_visibility="collapsed",
        )
    )


def _cells(table: Table, name: str) -> str:
    """A few different cells of a column, shortened."""
    values = [row.values.get(name) for row in table.sample[:200] if isinstance(row, Row)]
    texts = dict.fromkeys(" ".join(mapping.text(value).split())[:60] for value in values if not mapping.empty(value))
    return " · ".join(list(texts)[:3])[:140] or "(empty)"


def _beside(chosen: Mapping, start: Mapping, key: str) -> dict[str, Any]:
    """What holds for all rows: a system prompt, and whether answers are still to be written."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        system = start.system
        if not chosen.of(columns.SYSTEM):
            system = st.text_input(
                "System prompt for rows without one",
                start.system,
                key=f"map-{key}-system",
                placeholder="none",
                help="It is put before every conversation that brings none of its own.",
                width=420,
            )
        unanswered = False
        if not chosen.of(columns.ASSISTANT, columns.LABEL, columns.CONVERSATION):
            unanswered = st.checkbox(
                "The answers are still to be written",
                start.unanswered,
                key=f"map-{key}-unanswered",
                help="Each message then stands in as its own answer, as a draft with the tag 'to write', until "
                "somebody has written a better one.",
            )
    return {"system": system.strip(), "unanswered": unanswered}


def problem(chosen: Mapping) -> str:
    """What has to be chosen differently, '' when nothing has."""
    try:
        mapping.checked(chosen)
    except Problem as found:
        return str(found)
    return chosen.missing


def tried(table: Table, chosen: Mapping) -> list[Valid | Reject]:
    """The first rows, as they would come in."""
    return [row if isinstance(row, Reject) else mapping.apply(chosen, row.line, row.values) for row in table.sample]


def preview(rows: Sequence[Valid | Reject], noun: str) -> None:
    """Some of the rows as conversations, and some of those that could not be used with the reason why."""
    refused = [row for row in rows if isinstance(row, Reject)]
    good = [row for row in rows if isinstance(row, Valid)]
    for reject in refused[:REFUSED]:
        repaired = " A repair is known." if reject.repair else ""
        st.warning(
            f"**{noun} {reject.line:,}** would have to be mended: {notices.plain(reject.why)}{repaired}",
            icon=":material/build:",
        )
    if len(refused) > REFUSED:
        st.caption(f"{len(refused) - REFUSED:,} more of these rows would have to be mended.")
    with st.grid(2, min_column_width=320, gap="small"):
        for row in _spread(good):
            with st.container(border=True, height="stretch"):
                bubbles.conversation(row.conversation.messages, f"{noun} {row.line:,}", _marks(row), _worse(row))


def _spread(rows: Sequence[Valid]) -> list[Valid]:
    """As many as fit on the page, from the first to the last."""
    n = min(SHOWN, len(rows))
    return [rows[at * (len(rows) - 1) // max(1, n - 1)] for at in range(n)]


def _marks(row: Valid) -> list[str]:
    said = row.conversation
    tools = [f"{len(said.tools)} tools"] if said.tools else []
    return [*said.tags, *([said.group] if said.group else []), *([said.split] if said.split else []), *tools]


def _worse(row: Valid) -> str:
    if not isinstance(row, Compared) or not row.rejected:
        return ""
    return str(row.rejected[-1].get("content") or json.dumps(row.rejected, ensure_ascii=False))

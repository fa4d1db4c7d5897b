"""Clash: what two people changed differently, side by side, with a choice for each."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import streamlit as st

from studio.data import examples, merging
from studio.data.examples import Example
from studio.data.merging import BOTH, MINE, THEIRS
from studio.ui import chat, notices, parts, state
from studio.ui.paper import Clash, Paper

SAID = {MINE: "Mine", THEIRS: "Theirs", BOTH: "Both"}


def settle(paper: Paper, clash: Clash) -> list[str] | None:
    """Draw every conflict with its choice; the choices once they are made."""
    conflicts = clash.merged.conflicts
    st.warning(
        f"**{meanwhile(paper, clash.newest)}.** {parts.count(len(conflicts), 'place')} "
        f"clash{'es' * (len(conflicts) == 1)} with yours; the rest is put together already. Nothing is overwritten.",
        icon=":material/group:",
    )
    choices = []
    for number, conflict in enumerate(conflicts):
        with st.container(border=True):
            st.markdown(f"**{notices.plain(conflict.label)}**")
            left, right = st.columns(2)
            one, other = chat.compared(said(conflict.theirs), said(conflict.mine))
            with left:
                parts.label("Mine")
                st.html(other)
            with right:
                parts.label("Theirs")
                st.html(one)
            choices.append(
                st.segmented_control(
                    "Keep",
                    [MINE, THEIRS, *([BOTH] if conflict.both is not None else [])],
                    default=MINE,
                    required=True,
                    format_func=SAID.__getitem__,
                    key=paper.key(f"clash-{clash.newest.version}-{number}"),
                    label_visibility="collapsed",
                )
            )
    if st.button("Put together", type="primary", icon=":material/merge:", key=paper.key("together"), shortcut="Alt+M"):
        return [str(choice) for choice in choices]
    return None


def meanwhile(paper: Paper, newest: Example) -> str:
    """Who changed what since the version that lies on the desk."""
    assert paper.seen is not None
    past = examples.history(state.store(), newest.dataset, newest.entry)
    since = [version for version in reversed(past) if paper.seen.version <= version.version <= newest.version]
    deeds: dict[str, list[str]] = {}
    for before, after in pairwise(since):
        deeds.setdefault(after.made_by, []).extend(merging.told(merging.state(before), merging.state(after)))
    return "; ".join(f"{notices.plain(who)} {', '.join(map(notices.plain, what))}" for who, what in deeds.items())


def text(messages: Sequence[dict[str, Any]]) -> str:
    """A conversation as words, to be compared."""
    return "\n\n".join(said(message) for message in messages)


def said(what: Any) -> str:
    """One side of a conflict as words."""
    if isinstance(what, list):
        return text(what) if what else "(removed)"
    if isinstance(what, dict) and "role" in what:
        extra = [f"{key}: {what[key]}" for key in what if key not in ("role", "content")]
        return "\n".join([f"{what['role']}: {what.get('content') or ''}", *extra])
    return str(what) if what else "(none)"

"""Parts: headings, labels and small figures that look the same on every page."""

import html
import shlex
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

import streamlit as st

from engine import jobs
from studio.store import now

STATES = {  # state of a job -> colour, icon
    jobs.QUEUED: ("gray", "schedule"),
    jobs.RUNNING: ("primary", "autorenew"),
    jobs.PAUSED: ("blue", "pause_circle"),
    jobs.DONE: ("green", "check"),
    jobs.FAILED: ("red", "error"),
    jobs.STOPPED: ("yellow", "stop_circle"),
    "draft": ("gray", "edit"),
    "in review": ("blue", "visibility"),
    "approved": ("green", "check"),
    "rejected": ("red", "close"),
}


def heading(title: str, lead: str = "", above: str = "") -> None:
    """The head of a page: a small label, the title, and one sentence on what can be done here."""
    with st.container(gap="xsmall", key="heading"):
        if above:
            label(above)
        st.title(title, anchor=False)
        if lead:
            st.markdown(lead, width=680)


def label(text: str) -> None:
    """A small-caps label above a group."""
    st.html(f'<div class="label">{html.escape(text)}</div>')


def section(title: str) -> None:
    """A small-caps label with air above it, to open a part of a page."""
    st.space("xsmall")
    label(title)


def facts(values: Mapping[str, str]) -> None:
    """A row of figures, each under its name; wraps on a narrow screen."""
    cells = "".join(
        f'<div><div class="label">{html.escape(name)}</div><b>{html.escape(value)}</b></div>'
        for name, value in values.items()
    )
    st.html(f'<div class="facts">{cells}</div>')


def count(n: int, noun: str) -> str:
    """A number with its noun: 1 example, 412 examples."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def told_apart(names: Mapping[str, str]) -> dict[str, str]:
    """Names by id; those that several have are followed by when each was made, as their ids tell it. The browser knows
    what was chosen by its words alone, so of two that read the same only one could ever be had."""
    often = Counter(names.values())
    return {id: name if often[name] == 1 else f"{name} ({id.partition('-')[2] or id})" for id, name in names.items()}


def command(*words: str) -> None:
    """The command line that does the same as the button above."""
    with st.expander("The same from the command line", type="compact", icon=":material/terminal:"):
        st.code(shlex.join(words), language="bash", wrap_lines=True)


def badge(state: str) -> None:
    """The state of a job, or the status of an example."""
    color, icon = STATES[state]
    st.badge(state, color=color, icon=f":material/{icon}:")  # type: ignore[arg-type]


def badge_text(state: str) -> str:
    """The same, to stand within Markdown."""
    color, icon = STATES[state]
    return f":{color}-badge[:material/{icon}: {state}]"


def ago(then: datetime | float) -> str:
    """How long ago, in words; `then` is UTC without a zone, or seconds since the epoch."""
    if isinstance(then, int | float):
        then = datetime.fromtimestamp(then, UTC).replace(tzinfo=None)
    seconds = (now() - then).total_seconds()
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min ago"
    if seconds < 86400:
        return f"{seconds / 3600:.0f} h ago"
    return f"{then:%-d %b %Y}" if seconds > 86400 * 6 else f"{count(round(seconds / 86400), 'day')} ago"


def lasting(seconds: float) -> str:
    """A duration in words: 12 s, 3 min 20 s, 1 h 5 min."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"

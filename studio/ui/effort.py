"""Effort: the time that somebody gives to an example, shown to them while it is counted, with the switch."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from studio.data import attention
from studio.ui import desk, notices, parts, state


def count(key: str, dataset: str, entry: str) -> None:
    """Bring in the seconds that the desk `key` has counted since it was last asked."""
    active = desk.active(key)
    if active is None:
        return
    known = state.value(state.ATTENDED, {})
    new = active.seconds - known.get(active.mount, 0.0)
    if new > 0:
        deed = attention.WRITE if active.wrote else attention.REVIEW
        attention.note(state.store(), state.me(), dataset, entry, deed, new)
        state.keep(state.ATTENDED, {active.mount: active.seconds})


def line(dataset: str, entry: str) -> None:
    """One quiet line: what it took so far, and whether it is counted."""
    store, me = state.store(), state.me()
    on = attention.counted(store, me)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if on:
            today = attention.today(store, me, dataset, entry, _morning())
            st.caption(
                f"{_minutes(today.here)} on this one; today {_minutes(today.seconds)} on "
                f"{parts.count(today.examples, 'example')}.",
                width="content",
            )
        else:
            st.caption("Your time is not counted.", width="content")
        with st.popover("Time", type="tertiary", icon=":material/timer:"):
            st.markdown(
                "Seconds in which you type, point or scroll are counted for each example, and pauses over a minute "
                "are not. What you type is no part of it. The sum says what good examples cost."
            )
            chosen = st.toggle("Count my time", on, key=f"count-{me}")
            if chosen != on:
                attention.switch(store, me, chosen)
                st.rerun()


def total(dataset: str) -> None:
    """What people gave to the whole dataset, with its cost and where the price comes from; nothing before a start."""
    found = attention.summary(state.store(), dataset)
    if not found.seconds:
        return
    each = found.each
    between = f" ({_minutes(each.low)} to {_minutes(each.high)})" if each.low is not None and each.high else ""
    middle = f"; {_minutes(each.value)} an example in the middle{between}, n = {each.n}" if each.value else ""
    st.caption(
        f":material/timer: {parts.lasting(found.seconds)} of people's time so far, by "
        f"{parts.count(found.people, 'person').replace('persons', 'people')}{middle}. "
        f"That is {found.cost:,.2f} euros at {found.price.amount:g} {found.price.unit}.",
        help=notices.plain(found.price.source),
    )


def _morning() -> datetime:
    """The start of this person's day, in UTC."""
    try:
        zone = ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, TypeError):
        zone = ZoneInfo("UTC")
    start = datetime.now(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return start.astimezone(UTC).replace(tzinfo=None)


def _minutes(seconds: float) -> str:
    return "less than a minute" if seconds < 60 else parts.lasting(60 * round(seconds / 60))

"""Lineup: what waits in the queue, in the order in which it starts, and what can be done about it."""

from dataclasses import replace
from datetime import datetime, time, timedelta

import streamlit as st

from engine import jobs, queue
from engine.jobs import Job
from engine.queue import HIGH, LOW, PRIORITIES
from studio import work
from studio.building.runs import Run
from studio.store import Store
from studio.ui import nav, notices, parts

KINDS = {"evaluate": "An evaluation", "pretrain": "Pretraining", "train": "A run"}
URGENT = {HIGH: ":orange-badge[high priority]", LOW: ":gray-badge[low priority]"}


def line(store: Store, me: str, known: list[Run]) -> None:
    """The queue with its switches, and each job that waits with the ways to move it."""
    waiting, rules = jobs.waiting(store.home.jobs), work.rules(store)
    parts.section("Queue")
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="queue"):
        count = parts.count(len(waiting), "job") if waiting else "Nothing"
        words = f"{count} wait{'' if len(waiting) > 1 else 's'} for a place."
        st.markdown(f"**Paused.** {words} Nothing new starts." if rules.paused else words, width="stretch")
        _switch(store, me)
        _night(store, me)
    names = {run.id: run for run in known}
    for number, job in enumerate(waiting):
        with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small", key=f"wait-{job.id}"):
            _entry(job, names.get(job.id), number)
            moves(store, job, me, number, len(waiting))
            schedule(store, job, me)


def moves(store: Store, job: Job, me: str, number: int, of: int) -> None:
    """Up, down and first, for a job in place `number` of the queue."""
    ways = (
        ("First", "vertical_align_top", 0),
        ("Up", "arrow_upward", number - 1),
        ("Down", "arrow_downward", number + 1),
    )
    for label, icon, to in ways:
        stays = to < 0 or to >= of or to == number
        if st.button(label, icon=f":material/{icon}:", type="tertiary", key=f"{label}-{job.id}", disabled=stays):
            work.move(store, job, to, me)
            st.rerun()


def schedule(store: Store, job: Job, me: str) -> None:
    """When a waiting job may start, and how urgent it is."""
    place, rules = job.place, work.rules(store)
    with st.popover("When", icon=":material/schedule:", key=f"when-{job.id}"):
        priority = st.segmented_control(
            "Priority", PRIORITIES, default=place.priority, required=True, key=f"priority-{job.id}"
        )
        night = st.toggle(f"In the night only, from {rules.night_from}", place.night, key=f"night-{job.id}")
        late = st.toggle("Not before a time", place.not_before > 0, key=f"late-{job.id}")
        at = None
        if late:
            nearest = datetime.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
            given = datetime.fromtimestamp(place.not_before) if place.not_before else nearest
            at = st.datetime_input("Not before", given, key=f"at-{job.id}", label_visibility="collapsed")
        if st.button("Save", type="primary", key=f"place-{job.id}"):
            order = place.order if priority == place.priority else 0.0
            changed = replace(place, priority=priority, order=order, night=night)
            work.put(store, job, replace(changed, not_before=at.timestamp() if at else 0.0), me)
            st.rerun()


def place(store: Store, job: Job, me: str) -> None:
    """The same for one job, on a page of its own."""
    ids = [one.id for one in jobs.waiting(store.home.jobs)]
    if job.id in ids:
        moves(store, job, me, ids.index(job.id), len(ids))
        schedule(store, job, me)


def _entry(job: Job, run: Run | None, number: int) -> None:
    with st.container(gap="xxsmall", width="stretch"):
        if run is not None:
            nav.link(f"**{number + 1}. {notices.plain(run.name)}**", "run", run=run.id)
        else:
            st.markdown(f"**{number + 1}. {KINDS.get(job.kind, notices.plain(job.kind))}** of {notices.plain(job.by)}")
        urgent = URGENT.get(job.place.priority, "")
        st.caption(f"{urgent} {notices.plain(jobs.waits_for(job))}".strip())


def _switch(store: Store, me: str) -> None:
    rules = work.rules(store)
    label, icon = ("Let it go on", "play_arrow") if rules.paused else ("Pause the queue", "pause")
    help = "What runs goes on to its end; no run, evaluation or other heavy job starts until the queue goes on."
    if st.button(label, icon=f":material/{icon}:", key="queue-switch", help=help):
        work.rule(store, replace(rules, paused=not rules.paused), me)
        st.rerun()


def _night(store: Store, me: str) -> None:
    rules = work.rules(store)
    with st.popover(f"Night: {rules.night_from} to {rules.night_until}", icon=":material/bedtime:", key="night"):
        st.caption("When jobs for the night may start, in the local time of this machine. What has begun goes on.")
        left, right = st.columns(2)
        begins = left.time_input("From", _clock(rules.night_from), key="night-from")
        ends = right.time_input("Until", _clock(rules.night_until), key="night-until")
        if st.button("Save", type="primary", key="night-save") and begins and ends:
            with notices.told():
                work.rule(store, replace(rules, night_from=f"{begins:%H:%M}", night_until=f"{ends:%H:%M}"), me)
                st.rerun()


def _clock(text: str) -> time:
    return (datetime.min + queue.clock(text)).time()

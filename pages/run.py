"""Run: one training run, live while it goes on and whole when it has ended."""

import json
from collections.abc import Mapping
from itertools import groupby
from typing import Any

import streamlit as st

from engine import jobs, specs
from engine.training.settings import METHODS
from studio import work
from studio.building import material, models, parity, runs
from studio.building.runs import Run
from studio.ui import charts, chat, course, lineup, live, nav, notices, parts, state, tokens

store, me = state.store(), state.me()


def head(run: Run) -> None:
    nav.back("All runs", "runs")
    parts.heading(run.name, METHODS.get(run.method, ""), above="Run")
    learned = material.of(store, run.snapshot)
    rows = "documents" if learned.kind == material.CORPUS else "examples"
    st.markdown(
        f"{parts.badge_text(run.state)} :gray[{notices.plain(run.base)} on {notices.plain(learned.name)} · "
        f"{learned.examples:,} {rows} · launched by {notices.plain(run.made_by)}, {parts.ago(run.made_at)}]"
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="acts"):
        acts(run)
    if run.sweep:
        nav.link(f"One of the sweep {notices.plain(run.sweep)}", "runs", icon="apps", sweep=run.sweep)


def acts(run: Run) -> None:
    """What can be done with a run as it stands."""
    if run.live:
        if st.button("Pause", icon=":material/pause:", key="pause", help="Saves where it is and lets others go first."):
            with st.spinner("Saving a checkpoint"):
                work.pause(store, run, me)
            notices.later(f"{run.name} is paused.")
            st.rerun()
        lineup.place(store, run.job, me)
    elif run.state in jobs.OVER and st.button("Resume", type="primary", icon=":material/play_arrow:", key="resume"):
        work.resume(store, run, me)
        notices.later(f"{run.name} goes on from its last checkpoint when its turn comes.")
        st.rerun()
    if run.live or run.state == jobs.PAUSED:
        question = "What it has learned up to its last checkpoint stays, and it can be resumed from there."
        if notices.sure("Stop", question, "Stop the run", key="stop", icon="stop_circle"):
            work.stop(store, run, me)
            notices.later(f"{run.name} is stopped.")
            st.rerun()


def ended(run: Run) -> None:
    """The way on from a run that is over."""
    if run.state == jobs.FAILED:
        reason, _, log = jobs.why(run.job.folder).partition("\n")
        st.error(f"**The run failed.** {notices.plain(reason)}", icon=":material/error:")
        if log:
            st.code(log, language=None, wrap_lines=True)
    if run.state == jobs.DONE:
        with st.container(border=True, horizontal=True, vertical_alignment="center", gap="medium", key="ready"):
            st.markdown(readiness(run), width="stretch")
            nav.link("Ask it in the playground", "playground", model=run.model)
            nav.link("Compare it", "evaluations", model=run.model)
            nav.link("Its page", "model", model=run.model)


def readiness(run: Run) -> str:
    """Whether what it made can be used: only what is served as it was trained counts as ready."""
    name = f"**{notices.plain(run.model)}**"
    model = next((model for model in models.listed(store) if model.name == run.model), None)
    if model is None:
        return f":material/delete: {name} was deleted."
    found = parity.verdict(store, model)
    why = notices.plain(found.why)
    if found.state == parity.FAILED:
        return f":material/gpp_bad: {name} is not ready: it is not served as it was trained. {why}"
    if found.ready:
        return f":material/verified: {name} is ready, and served as it was trained (n = {found.n} prompts)."
    if found.state == parity.LIVE:
        return f":material/check_circle: {name} can be asked; whether it is served as it was trained is being checked."
    return f":material/check_circle: {name} can be asked. {why}"


def others(run: Run) -> list[str]:
    """Runs to lay over this one's curve, chosen by a person."""
    rest = {other.id: other for other in runs.listed(store) if other.id != run.id and other.method == run.method}
    if not rest:
        return []
    chosen: list[str] = st.multiselect(
        "Compare its loss with",
        list(rest),
        format_func=lambda id: rest[id].name,
        key="compare",
        max_selections=5,
        width=480,
    )
    if any((rest[id].snapshot, rest[id].base) != (run.snapshot, run.base) for id in chosen):
        st.caption("Losses on other examples, or from another base, are measured on other texts: compare their shapes.")
    return chosen


def body(id: str, before: str, beside: list[str]) -> bool:
    """All that changes while it runs; False when its state is no longer what it was `before`."""
    run = runs.get(store, id)
    for alarm in course.alarms(run):
        say = st.info if alarm.calm else st.warning
        say(notices.plain(alarm.text), icon=":material/info:" if alarm.calm else ":material/warning:")
    for words in course.leaves(run):
        st.info(notices.plain(words), icon=":material/outbound:")
    if run.live or run.state == jobs.PAUSED:
        st.progress(course.share(run), course.left(run) or None)
    if figures := course.figures(run):
        parts.facts(figures)
    if words := course.words(run):
        st.markdown(notices.plain(words), width=720)
    curves(run, [runs.get(store, other) for other in beside])
    details(run)
    return run.state == before


def curves(run: Run, beside: list[Run]) -> None:
    told, seen = course.steps(run), course.looks(run)
    if not len(told):
        return
    parts.label(course.loss_words(run))
    if beside:
        over = {one.name: (course.steps(one), course.looks(one)) for one in (run, *beside)}
        charts.show(charts.overlay(over), "loss", f"Losses by step of {', '.join(over)}")
    else:
        charts.show(charts.loss(told, seen), "loss", "Training and validation loss by step")
    small = list(course.readings(run, told))
    across = 4 if len(small) == 4 else 3
    for first in range(0, len(small), across):
        for column, (title, table, name) in zip(st.columns(across), small[first : first + across], strict=False):
            with column:
                parts.label(title)
                charts.show(charts.line(table, "step", name), f"by-step-{name}", f"{title} by step")


def details(run: Run) -> None:
    samples, first, log, settings = st.tabs(["Samples", "First batch", "Log", "Settings"], key="details")
    with samples:
        answers(run)
    with first:
        batch(run)
    with log:
        st.code(jobs.log(run.job.folder) or "Nothing was printed.", language=None, height=360, wrap_lines=True)
    with settings:
        st.table(settings_of(run), border="horizontal", width="content")


def answers(run: Run) -> None:
    """What it answered to the same prompts, earlier and later."""
    told = sorted(run.of("sample"), key=lambda event: event["prompt"])
    if not told:
        st.caption("The same few prompts are answered before, during and after, so that the change can be read.")
    for prompt, found in groupby(told, key=lambda event: event["prompt"]):
        with st.container(border=True, gap="xsmall"):
            chat.words(prompt)
            newest = {event["step"]: event["answer"] for event in found}
            for step in sorted(newest):
                parts.label(f"after step {step:,}" if step else "before")
                chat.words(newest[step])


def batch(run: Run) -> None:
    told = run.last("first_batch")
    if told is None:
        st.caption("The first rows that the model reads will stand here, to the letter.")
        return
    st.caption("What the model reads, to the letter. Marked is what it learns to say; the rest it only reads.")
    with st.container(border=True):
        st.html(tokens.rows(told["rows"]))


def settings_of(run: Run) -> Mapping[str, Any]:
    """As they were given to the job, which may have been an older one."""
    told = json.loads((run.job.folder / specs.FILE).read_text())
    return {key: json.dumps(value) for key, value in told.items() if key not in ("train", "validation")}


run = state.current_run()
if run is None:
    nav.back("All runs", "runs")
    notices.empty("No run is chosen", "Choose one from the list of runs.", "monitoring", "runs", "To the runs")
else:
    if run.state == jobs.DONE:
        runs.catch_up(store)
    head(run)
    ended(run)
    live.watch(body, run.id, run.state, others(run), live=run.live)

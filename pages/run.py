"""Run: one training run, live while it goes on and whole when it has ended."""

import json
from collections.abc import Mapping
from itertools import groupby
from typing import Any

import streamlit as st

from engine import jobs, specs
from engine.training.settings import TrainSpec
from studio import work
from studio.building import runs
from studio.building.runs import Run
from studio.freezing import snapshots
from studio.ui import charts, chat, course, live, nav, notices, parts, state, tokens

store, me = state.store(), state.me()


def head(run: Run) -> None:
    nav.back("All runs", "runs")
    parts.heading(run.name, above="Run")
    snapshot = snapshots.get(store, run.snapshot)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(
            f"{parts.badge_text(run.state)} :gray[{notices.plain(run.base)} on {notices.plain(snapshot.name)} · "
            f"{snapshot.train:,} examples · launched by {notices.plain(run.made_by)}, {parts.ago(run.made_at)}]",
            width="stretch",
        )
        if run.live:
            question = "What it has learned up to its last checkpoint stays, and it can be resumed from there."
            if notices.sure("Stop", question, "Stop the run", key="stop", icon="stop_circle"):
                work.stop(store, run, me)
                notices.later(f"{run.name} is stopped.")
                st.rerun()
        elif run.state in (jobs.FAILED, jobs.STOPPED) and st.button(
            "Resume", type="primary", icon=":material/play_arrow:", key="resume"
        ):
            work.resume(store, run, me)
            notices.later(f"{run.name} goes on from its last checkpoint when its turn comes.")
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
            st.markdown(
                f":material/check_circle: **{notices.plain(run.model)}** is ready to be asked.", width="stretch"
            )
            nav.link("Ask it in the playground", "playground", model=run.model)
            nav.link("Compare it", "evaluations", model=run.model)


def body(id: str, before: str) -> bool:
    """All that changes while it runs; False when its state is no longer what it was `before`."""
    run = runs.get(store, id)
    if run.live:
        st.progress(course.share(run), course.left(run) or None)
    if figures := course.figures(run):
        parts.facts(figures)
    if words := course.words(run):
        st.markdown(words, width=720)
    for warning in course.warnings(run):
        st.warning(notices.plain(warning), icon=":material/warning:")
    curves(run)
    details(run)
    return run.state == before


def curves(run: Run) -> None:
    told, seen = course.steps(run), course.looks(run)
    if not len(told):
        return
    parts.label("Loss: how surprised it is by the right answer; lower is better")
    charts.show(charts.loss(told, seen), "loss", "Training and validation loss by step")
    small = {"learning_rate": "Learning rate", "gradient_norm": "Gradient norm", "tokens_per_second": "Tokens a second"}
    for column, (name, title) in zip(st.columns(3), small.items(), strict=True):
        with column:
            parts.label(title)
            charts.show(charts.line(told, "step", name), name, f"{title} by step")


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
    spec = specs.read(run.job.folder, TrainSpec)
    return {key: json.dumps(value) for key, value in vars(spec).items() if key not in ("train", "validation")}


run = state.current_run()
if run is None:
    nav.back("All runs", "runs")
    notices.empty("No run is chosen", "Choose one from the list of runs.", "monitoring", "runs", "To the runs")
else:
    if run.state == jobs.DONE:
        runs.catch_up(store)
    head(run)
    ended(run)
    live.watch(body, run.id, run.state, live=run.live)

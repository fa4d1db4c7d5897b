"""Runs: every training run, what waits in the queue, and the form that launches more."""

import streamlit as st

from studio.building import material, models, orders, runs, sweeps
from studio.building.material import Material
from studio.building.runs import Run
from studio.ui import course, forecast, launching, lineup, live, nav, notices, parts, state, sweeping

PAGE = 20  # runs shown at once

store, me = state.store(), state.me()
runs.catch_up(store)


def launch(known: list[Run], sources: list[Material]) -> None:
    """The form: what to learn from and how, what it will do, and the button."""
    taken = {name for run in known for name in (run.name, run.sweep)} | {model.name for model in models.listed(store)}
    order = launching.order(store, sources, taken)
    ready = False
    with notices.told():
        ready = forecast.show(store, order)
        ready &= forecast.cleared(store, order.learned)
    if st.button("Launch", type="primary", icon=":material/rocket_launch:", key="launch", disabled=not ready):
        with notices.told():
            leave(orders.launch(store, order, me))
    parts.command(*order.command)


def leave(launched: list[Run]) -> None:
    """On to what was launched."""
    if len(launched) == 1:
        nav.goto("run", run=launched[0].id)
    notices.later(f"{len(launched)} runs are in the queue.")
    nav.goto("runs", sweep=launched[0].sweep)


def listing(ids: list[str], before: list[str]) -> bool:
    """The runs, newest first; False when the state of one is no longer what it was `before`."""
    found = [runs.get(store, id) for id in ids]
    names = {one.id: one.name for one in material.listed(store)}
    for run in found:
        with st.container(border=True, key=f"run-{run.id}"):
            left, middle, right = st.columns([4, 4, 3], vertical_alignment="center")
            with left:
                nav.link(f"**{notices.plain(run.name)}**", "run", run=run.id)
                st.caption(f"{run.base} · {names.get(run.snapshot, run.snapshot)} · {launching.how(run)}")
            with middle:
                st.markdown(parts.badge_text(run.state))
                if run.live and course.share(run):
                    st.progress(course.share(run), course.left(run) or None)
                else:
                    st.caption(course.standing(run))
            with right:
                st.caption(f"{run.made_by}  \n{parts.ago(run.made_at)}")
                if run.sweep:
                    nav.link(f"Sweep {notices.plain(run.sweep)}", "runs", icon="apps", sweep=run.sweep)
    return [run.state for run in found] == before


def one_sweep(name: str) -> None:
    """A sweep: its table and its runs, live while one of them is."""
    nav.back("All runs", "runs")
    found = sweeps.get(store, name)
    parts.heading(found.name, "One recipe in several settings, or with several seeds.", above="Sweep")
    live.watch(sweep_body, name, [run.state for run in found.runs], live=found.live)


def sweep_body(name: str, before: list[str]) -> bool:
    found = sweeps.get(store, name)
    sweeping.show(found)
    return sorted(run.state for run in found.runs) == sorted(before)


def everything() -> None:
    parts.heading("Runs", "A run teaches a base model from what you froze, and leaves a tuned model.", "Build")
    sources, known = material.listed(store), runs.listed(store)
    if not sources:
        text = "A run learns from a frozen dataset, or from the documents of a library. Freeze one first."
        notices.empty("Nothing to learn from yet", text, "ac_unit", "datasets", "To the datasets")
    else:
        form = st.expander(
            "Launch a run",
            icon=":material/rocket_launch:",
            expanded=not known or bool(state.asked("snapshot") or state.asked("base")),
            key="launching",
            on_change="rerun",
        )
        if form.open:
            with form, notices.told():
                launch(known, sources)
    if known:
        lineup.line(store, me, known)
        parts.section("All runs")
        pages = -(-len(known) // PAGE)
        page = st.pagination(pages, key="runs-page") if pages > 1 else 1
        shown = known[(page - 1) * PAGE : page * PAGE]
        states = [run.state for run in shown]
        live.watch(listing, [run.id for run in shown], states, live=any(run.live for run in shown))


if state.asked("sweep"):
    one_sweep(state.asked("sweep"))
else:
    everything()

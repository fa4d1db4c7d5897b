"""Four arms: prompt, retrieval, fine-tuning, or both? Asked fairly, on the same items; and what tuning forgot."""

import streamlit as st

from engine import jobs
from engine.problems import Problem
from engine.scoring import known
from studio import work
from studio.building import models
from studio.data import guides
from studio.deciding import decision, fairness, findings, grids
from studio.deciding.grids import Grid
from studio.judging import baselines, evaluations, probes, reports, sources, variants
from studio.judging.sources import Source
from studio.reading import libraries
from studio.ui import contest, live, nav, notices, parts, reckoning, results, state

AGAIN = "Once that is mended it goes on by itself; if it cannot be, compare anew. What was answered stays."
store, me = state.store(), state.me()


def overview() -> None:
    lead = "A base and its tuned model, each with and without a library, on the same questions."
    parts.heading("Prompt, retrieval, fine-tuning, or both?", lead, "Decide")
    found = grids.listed(store)
    if not found and (missing := contest.missing(store)):
        notices.empty(*missing)
        return
    with st.expander("Compare the four arms", icon=":material/add:", expanded=not found or bool(state.asked("model"))):
        begin()
    for grid in found:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            with st.container(gap=None):
                st.markdown(f"**{notices.plain(grid.name)}** {contest.badge(grids.state(store, grid))}")
                st.caption(
                    notices.plain(f"{grid.base} and {grid.model}, with and without {grid.library}")
                    + f" · {parts.count(grid.n, 'item')} · {parts.ago(grid.made_at)}"
                )
            if st.button("Open", key=f"open-{grid.id}"):
                nav.goto("grid", grid=grid.id)


def begin() -> None:
    """The form: what is compared, what it is asked, what the base is given, and what may be forgotten."""
    if missing := contest.missing(store):
        notices.empty(*missing)
        return
    tuned, held = grids.offered(store), [library.name for library in libraries.listed(store)]
    asked, searched = (sources.of(store, split) for split in ("test", "validation"))
    with st.container(border=True):
        parts.label("What is compared")
        one, two, three = st.columns(3)
        wanted = state.asked("model")
        model = one.selectbox("Tuned model", tuned, index=tuned.index(wanted) if wanted in tuned else len(tuned) - 1)
        library = two.selectbox("Library", held)
        name = three.text_input("Name", placeholder=f"{model} in four arms")
        parts.label("What is asked")
        base, shown = models.base_of(store, models.get(store, model)).name, grids.shown_from(store, model)
        own = next((n for n, one in enumerate(asked) if shown and one.snapshot == shown), 0)
        one, two = st.columns([5, 1])
        source = one.selectbox("Test items, asked once", asked, own, format_func=_offered, key=f"asked-{model}")
        n = two.number_input(
            "How many", 1, source.n, source.n, key=f"n-{source.name}", help="Always the same ones; fewer show less."
        )
        fits = [s for s in searched if s.snapshot == source.snapshot] or searched
        one, two = st.columns(2)
        search = one.selectbox("Validation items, to search with", fits, format_func=_offered, key=f"s-{source.name}")
        metrics = two.multiselect(
            "Metrics", contest.metrics(), default=sources.proposed(store, source), key=f"m-{source.name}"
        )
    if barred := grids.barred(store, source, search):
        notices.tell(barred)
    voice = sources.voice(store, source)
    proposed = variants.proposed(store, base, guides.get(store, voice))
    plan = contest.budget(proposed, metrics, bool(shown), f"{base}-{voice}")
    probe, margin = contest.forgetting(probes.listed(store, base))
    races = variants.planned(plan, search.n, shown=bool(shown), reads=True)
    seen = reckoning.reaching(store, sources.questions(store, source, n).items)
    st.markdown(contest.promise(store, base, model, races, seen, n, probe))
    st.caption(contest.course(races))
    ready = bool(metrics and plan.depths and not barred) and all(race.rounds for race in races)
    if st.button("Start", type="primary", icon=":material/play_arrow:", disabled=not ready):
        with notices.told():
            made = grids.start(
                store, name.strip() or f"{model} in four arms", model, library, source, search, plan, me,
                snapshot=shown, guide=guides.file(store, voice), n=n, probe=probe, margin=margin,
            )  # fmt: skip
            nav.goto("grid", grid=made.id)


def _offered(source: Source) -> str:
    return f"{source.name} ({source.n})"


def detail(grid: Grid) -> None:
    lead = f"{grid.base} and {grid.model}, with and without {grid.library}, on {grid.source.name} (n = {grid.n})."
    parts.heading(grid.name, lead, "Four arms")
    standing = grids.state(store, grid)
    goes_on = standing in (grids.SEARCHING, grids.ASKING)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(contest.badge(standing))
        ended = [waits for waits in grids.asking(store, grid) if waits.state in jobs.OVER]
        if ended and st.button("Go on", icon=":material/play_arrow:", type="primary"):
            for waits in ended:
                work.resume(store, waits, me)
            st.rerun()
        if goes_on and notices.sure("Stop", "What was answered stays.", "Stop it", key="stop", icon="stop_circle"):
            with st.spinner("Stopping, once the answers on their way are kept"):
                for waits in grids.asking(store, grid):
                    work.stop(store, waits, me)
            st.rerun()
        if standing == grids.DONE:
            for label, place in (("Every answer", "evaluation"), ("Judge blind", "arena"), ("Dashboard", "dashboard")):
                if st.button(label, icon=nav.place(place).symbol, key=f"to-{place}"):
                    nav.goto(place, evaluation=grid.evaluation)
        if standing == grids.DONE:
            st.download_button(
                "Report", lambda: decision.page(store, grid, me), f"{grid.id}.html", "text/html", on_click="ignore",
                icon=":material/download:", help="One page to mail and to print. No test item is on it.",
            )  # fmt: skip
        if st.button("All grids", type="tertiary", icon=":material/arrow_back:"):
            nav.goto("grid")
    live.watch(found, grid.id, standing, live=goes_on)
    fair(grids.get(store, grid.id))


def found(id: str, before: str) -> bool:
    """How far it is, then what it says; whether it stands as before."""
    grids.catch_up(store)
    evaluations.catch_up(store)
    grid = grids.get(store, id)
    standing = grids.state(store, grid)
    if problem := grids.hindrance(grid):
        notices.tell(Problem(f"This comparison cannot go on. {problem.what}", problem.why, AGAIN))
    for waits in grids.asking(store, grid):
        told = waits.progress
        waiting = "waiting for its turn" if waits.live else waits.state
        text = results.standing(told, waits.live) if told else waiting
        st.progress(told["done"] / max(1, told["of"]) if told else 0.0, text=f"{notices.plain(waits.name)}: {text}")
        if waits.state == jobs.FAILED:
            results.why_failed(waits.job.folder)
    if grid.arms is not None:
        said(grid)
        forgetting(grid)
    return standing == before


def said(grid: Grid) -> None:
    """The two by two, what each step does, and what it costs."""
    assert grid.arms is not None
    metric = st.segmented_control(
        "Metric", grid.metrics, default=grid.metrics[0], required=True, key=f"by-{grid.id}",
        label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    st.caption(known.words(metric))
    lines = reports.frontier(store, grid.evaluation, metric)
    if not lines:
        st.caption("No answer yet.")
        return
    asked = evaluations.get(store, grid.evaluation)
    results.said(decision.words(store, asked, metric, lines, grid))
    left, right = st.columns([5, 6], gap="large")
    with left:
        results.four_arms(lines, grid.arms, findings.leading(store, asked.id, metric, lines))
    effects = findings.effects(store, grid.evaluation, metric, grid.arms)
    if effects is not None:
        with right:
            results.effects(effects)
    names = {line.candidate: line for line in lines}
    rows = [names[id] for id in grid.arms.ids if id in names]
    parts.section("What it costs")
    st.dataframe(contest.costs(rows), hide_index=True)


def forgetting(grid: Grid) -> None:
    """What tuning cost elsewhere."""
    parts.section("What tuning made it forget")
    if grid.probe is None:
        st.caption("No general questions were asked, so this cannot be told.")
        return
    probe = grids.forgotten(store, grid)
    if probe is None:
        st.caption("Waiting for the answers to the general questions.")
        return
    contest.forgotten(probe, grid.base, grid.model)
    nav.link("Every answer to the general questions", "evaluation", evaluation=grid.forgetting)


def fair(grid: Grid) -> None:
    """What the base was given, so that nobody need take it on trust."""
    parts.section("How fair it is")
    for sentence in fairness.sentences(store, grid):
        st.markdown(f"- {notices.plain(sentence)}")
    search = baselines.get(store, grid.baseline)
    if not search.done:
        st.caption(f"Planned: {contest.course(search.races)}")
    for stage in search.stages:
        with st.expander(f"Searched: {stage.name}, {len(stage.words)} variants, n = {stage.n} each"):
            st.dataframe(contest.tried(variants.tried(store, search, stage)), hide_index=True)
            nav.link("Every answer of this round", "evaluation", evaluation=stage.evaluation)


grids.catch_up(store)
asked_for = state.asked("grid")
if asked_for:
    detail(grids.get(store, asked_for))
else:
    overview()

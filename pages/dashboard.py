"""Dashboard: what the figures allow one to say, in the first line, and the figures below it."""

import json

import pandas as pd
import streamlit as st

from engine.scoring import known
from studio import prices
from studio.building import runs
from studio.deciding import decision, findings, grids, report_words
from studio.judging import evaluations, reports
from studio.judging.evaluations import Evaluation
from studio.judging.reports import Line
from studio.prices import Price
from studio.ui import charts, nav, notices, parts, results, state

store, me = state.store(), state.me()


def pick(found: list[Evaluation]) -> tuple[Evaluation, str]:
    """Which evaluation, by which metric. The choice is in the URL."""
    ids = {evaluation.id: evaluation for evaluation in found}
    current = state.current_evaluation() or next((e for e in found if findings.arms(store, e)), found[0])
    names = parts.told_apart({id: one.name for id, one in ids.items()})
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    id = left.selectbox(
        "Evaluation", list(ids), index=list(ids).index(current.id), format_func=names.__getitem__, key="which"
    )
    state.ask(evaluation=id)
    metric = right.segmented_control(
        "Metric", ids[id].metrics, default=ids[id].metrics[0], required=True, key=f"by-{id}", help=_meaning(ids[id]),
        persist_state="session",
    )  # fmt: skip
    return ids[id], metric


def _meaning(evaluation: Evaluation) -> str:
    return "  \n".join(f"**{name}**: {known.words(name)}" for name in evaluation.metrics)


def finding(evaluation: Evaluation, metric: str, lines: list[Line]) -> None:
    """The sentences that somebody in a hurry reads, and the ways on."""
    grid, told = grids.of(store, evaluation.id), evaluation.progress
    if told and (early := results.unfinished(told, evaluation.live)):
        st.warning(early, icon=":material/stop_circle:" if not evaluation.live else ":material/autorenew:")
    results.said(decision.words(store, evaluation, metric, lines, grid))
    with st.container(horizontal=True):
        nav.link("Read the answers", "evaluation", evaluation=evaluation.id, view="Answers")
        if grid:
            nav.link("How fair it was, and what tuning forgot", "grid", grid=grid.id)


def frontier(evaluation: Evaluation, metric: str, lines: list[Line]) -> None:
    """Quality against what it costs and how long it takes."""
    asked = [line for line in lines if line.quality.n]
    if not asked:
        return
    table = pd.DataFrame(
        {
            "name": line.name,
            "value": line.quality.value,
            "low": line.quality.low,
            "high": line.quality.high,
            "n": line.quality.n,
            "cost": line.cost,
            "seconds": line.seconds,
        }
        for line in asked
    )
    scale = asked[0].scale
    percent = scale.unit == " %"
    if scale.of_hundred and not percent:
        table[["value", "low", "high"]] = 100 * table[["value", "low", "high"]].astype(float)
    quality = "share right" if scale.yes_no else f"{metric}{', lower is better' if scale.lower else ''}"
    for column, against, title in zip(
        st.columns(2, gap="large"), (charts.MONEY, charts.TIME), ("Quality and cost", "Quality and time"), strict=True
    ):
        with column:
            st.subheader(title)
            alt = "; ".join(f"{line.name} {line.said}" for line in asked)
            figure = charts.frontier(table.dropna(subset=[against]), against, quality=quality, percent=percent)
            charts.show(figure, key=f"frontier-{against}", alt=alt)
    st.caption(f"Up to {evaluation.at_once} questions at a time: each answer is cheaper and slower so than alone.")
    if unpriced := [line.name for line in asked if line.cost is None]:
        st.caption(notices.plain(f"Not among the costs, since nobody has set a price: {', '.join(unpriced)}."))


def four(evaluation: Evaluation, metric: str, lines: list[Line]) -> None:
    """Prompt, retrieval, fine-tuning, or both?"""
    arms = findings.arms(store, evaluation)
    if arms is None:
        return
    st.subheader("Prompt, retrieval, fine-tuning, or both?")
    left, right = st.columns([5, 6], gap="large")
    with left:
        results.four_arms(lines, arms, findings.leading(store, evaluation.id, metric, lines))
    found = findings.effects(store, evaluation.id, metric, arms)
    if found is not None:
        with right:
            results.effects(found)


def judged(evaluation: Evaluation) -> None:
    """What people said, blind."""
    found = reports.preferences(store, evaluation.id)
    st.subheader("Blind judgement")
    for number, tally in enumerate(found):
        results.preference(tally, key=f"tally-{number}")
    if not found:
        st.caption(
            "Nobody has judged these answers yet. Metrics read words; only people say which answer they would send."
        )
        nav.link("Judge blind", "arena", evaluation=evaluation.id)


def trained() -> None:
    """How the runs went."""
    found = runs.listed(store)
    if not found:
        return
    st.subheader("Runs")
    st.dataframe(
        reports.losses(store, found),
        hide_index=True,
        column_config={
            "validation loss": st.column_config.NumberColumn(
                format="%.3f", help="Nats for each trained token; lower is better."
            ),
            "course": st.column_config.LineChartColumn(help="Validation loss from first look to last."),
            "minutes": st.column_config.NumberColumn(format="%.1f"),
            "cost": st.column_config.NumberColumn("cost in euros", format="%.4f"),
        },
    )


def money() -> None:
    """What an hour costs, of this machine and of a colleague; says who, and the way to set it."""
    st.subheader("What an hour costs")
    left, right = st.columns(2, gap="large")
    with left:
        hour("This machine", prices.assume(store), "%.4f")
    with right:
        hour("A colleague", prices.of_people(store), "%.2f")


def hour(what: str, price: Price, shape: str) -> None:
    parts.label(what)
    who = f"{parts.ago(price.made_at)} by {notices.plain(price.made_by)}"
    st.markdown(f"**{price.amount:g} {price.unit}**, {'until somebody sets it' if price.assumed else who}.")
    st.caption(notices.plain(price.source))
    key = f"price-{price.name}"
    with st.popover("Set the price", icon=":material/payments:", key=key), st.form(f"{key}-form", border=False):
        amount = st.number_input("Euros an hour", 0.0, value=price.amount, step=0.01, format=shape)
        source = st.text_input("Where it comes from", placeholder="An offer, a bill, an assumption")
        if st.form_submit_button("Set", type="primary"):
            prices.set(store, price.name, amount, price.unit, source, me)
            notices.later(f"The hour now costs {amount:g} euros; all figures follow.")
            st.rerun()


def demo() -> None:
    """The demo's own report, if it has run."""
    page, data = store.home.demo / "report.html", store.home.demo / "report.json"
    if not page.exists():
        return
    st.subheader("The demo's report")
    if data.exists():
        st.markdown(notices.plain(report_words.said(json.loads(data.read_text())).headline))
    st.download_button(
        "Download the report",
        page.read_bytes(),
        "report.html",
        "text/html",
        icon=":material/download:",
        on_click="ignore",
    )


parts.heading("Dashboard", "Quality against cost and time, with its doubt.", "Decide")
evaluations.catch_up(store)
held = [evaluation for evaluation in evaluations.listed(store) if evaluation.metrics]
if held:
    evaluation, metric = pick(held)
    lines = reports.frontier(store, evaluation.id, metric)
    finding(evaluation, metric, lines)
    four(evaluation, metric, lines)
    frontier(evaluation, metric, lines)
    judged(evaluation)
else:
    notices.empty(
        "Nothing to decide on yet",
        "Once an evaluation has asked its questions, the first line here says what its figures allow one to say.",
        "insights",
        "evaluations",
        "Start an evaluation",
    )
trained()
one, other = st.columns(2, gap="large")
with one:
    money()
with other:
    demo()

"""Evaluation: one of them: what it found, answer by answer, cut into slices, and beside others."""

import streamlit as st

from engine import jobs
from studio import work
from studio.building import candidates
from studio.judging import evaluations, exports, overrides, preferring, reports
from studio.judging.evaluations import Evaluation
from studio.ui import live, nav, notices, others, parts, results, scores, sift, slicing, state, trust

store, me = state.store(), state.me()
FIGURES, ANSWERS, SLICES, MISTAKES, OTHERS = "Figures", "Answers", "Slices", "Mistakes", "Other evaluations"
JUDGE = "The judge"


def head(evaluation: Evaluation) -> None:
    shape = f"{parts.count(len(evaluation.candidates), 'candidate')}, scored by {', '.join(evaluation.metrics)}"
    judge = f" · judged by {evaluation.judge}" if evaluation.judge else ""
    n = parts.count(evaluations.sizes(store)[evaluation.id], "item")
    lead = f"{evaluation.items} · {n} · {shape}{judge} · by {evaluation.made_by}, {parts.ago(evaluation.made_at)}"
    parts.heading(evaluation.name, notices.plain(lead), "Evaluation")
    with st.container(horizontal=True, vertical_alignment="center"):
        if evaluation.live and notices.sure(
            "Stop", "What was answered stays.", "Stop it", key="stop", icon="stop_circle"
        ):
            with st.spinner("Stopping, once the answers on their way are kept"):
                work.stop(store, evaluation, me)
            st.rerun()
        if evaluation.state in (jobs.FAILED, jobs.STOPPED):
            onward(evaluation)
        if not evaluation.live and len(evaluation.candidates) > 1:
            for label, place in (("Judge these blind", "arena"), ("Dashboard", "dashboard")):
                if st.button(label, icon=nav.place(place).symbol):
                    nav.goto(place, evaluation=evaluation.id)
            if preferring.judges(store, evaluation.id) and st.button(
                "Learn from the verdicts", icon=":material/school:"
            ):
                nav.goto("arena", evaluation=evaluation.id, show="learn")
        out(evaluation)
        nav.back("All evaluations", "evaluations")
    if evaluation.state == jobs.FAILED:
        results.why_failed(evaluation.job.folder)


def onward(evaluation: Evaluation) -> None:
    """The way on for one that has ended early, with more money where it had a budget."""
    had, euros = evaluation.budget, 0.0
    if had:
        euros = st.number_input("Euros at the most", had, value=had, format="%g", width=180, key="more-budget")
    if st.button("Go on", icon=":material/play_arrow:", help="Nothing that was answered is asked or paid again."):
        if euros > had:
            evaluations.allow(store, evaluation, euros, me)
        work.resume(store, evaluation, me)
        st.rerun()


def out(evaluation: Evaluation) -> None:
    """Everything as one file, made when it is asked for."""
    with st.popover("Export", icon=":material/download:", key="export"):
        form = st.radio("As", list(exports.FORMS), format_func=lambda form: exports.FORMS[form][0], key="export-form")
        st.caption("Test items leave with it. Who exported what, and when, is noted.")
        st.download_button(
            "Download",
            lambda: exports.write(store, evaluation.id, form, me),
            f"evaluation-{evaluation.id}.{form}",
            exports.FORMS[form][1],
            type="primary",
            on_click="ignore",
        )


def found(id: str) -> bool:
    """What is known so far; says whether more is coming."""
    evaluations.catch_up(store)
    evaluation = evaluations.get(store, id)
    told = evaluation.progress
    parts.badge(evaluation.state)
    if evaluation.live:
        if told:
            st.progress(told["done"] / max(1, told["of"]), text=results.standing(told))
        else:
            waits = evaluation.state == jobs.QUEUED
            st.caption("Waiting for its turn." if waits else "The models are being loaded; then the first is asked.")
    if evaluation.live and told and (silence := results.silent(told)):
        st.warning(notices.plain(silence), icon=":material/cloud_off:")
    if told and not evaluation.live and (early := results.unfinished(told)):
        st.warning(early, icon=":material/stop_circle:")
    if told and (spent := results.paid(told)):
        st.caption(spent)
    if told and (earlier := results.reused(evaluations.reused(store, id), told["done"])):
        st.caption(earlier)
    metric = st.pills(
        "Metric", evaluation.metrics, default=evaluation.metrics[0], required=True, key=f"metric-{id}",
        label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    lines = reports.frontier(store, id, metric or evaluation.metrics[0])
    if not lines:
        if not evaluation.live:
            notices.empty("No answer was given", "The evaluation ended before the first answer.", "checklist")
        return evaluation.live
    answered = {line.candidate for line in lines}
    if silent := [candidates.get(store, one).name for one in evaluation.candidates if one not in answered]:
        st.caption(notices.plain(f"No answer yet of {', '.join(silent)}."))
    views(evaluation, lines, metric or evaluation.metrics[0])
    return evaluation.live


def views(evaluation: Evaluation, lines: list[reports.Line], metric: str) -> None:
    """The ways to look at it; only the one that is open is worked out."""
    more = [MISTAKES] if metric in ("label", "type") else [JUDGE] if metric in overrides.METRICS else []
    names = [FIGURES, ANSWERS, SLICES, *more, OTHERS]
    first = ANSWERS if state.asked("item") else JUDGE if state.asked("check") and JUDGE in names else FIGURES
    tabs = st.tabs(names, key="view", on_change="rerun", default=first, bind="query-params")
    for tab, name in zip(tabs, names, strict=True):
        if tab.open:
            with tab, notices.told():
                if name == FIGURES:
                    figures(evaluation, lines, metric)
                elif name == ANSWERS:
                    sift.items(store, evaluation, lines, metric)
                elif name == SLICES:
                    slicing.shown(store, evaluation, lines, metric)
                elif name == MISTAKES:
                    scores.confused(store, evaluation, lines, metric)
                elif name == JUDGE:
                    trust.shown(store, evaluation, lines, metric)
                else:
                    others.shown(store, evaluation, lines, metric)


def figures(evaluation: Evaluation, lines: list[reports.Line], metric: str) -> None:
    failed = reports.failures(store, evaluation.id)
    if len(failed):
        why = failed["error"].mode()[0]
        n = len(failed)
        told = f"{parts.count(n, 'call')} failed and {'were' if n > 1 else 'was'} counted nowhere. Most often: {why}"
        st.warning(f"{notices.plain(told)} To have them asked again, start it anew: nothing else is paid twice.")
    scores.compared(store, evaluation, lines, metric)
    trust.beside(store, evaluation, lines, metric)
    if len(failed):
        with st.expander(f"{len(failed)} failed calls, counted nowhere", icon=":material/error:"):
            st.dataframe(failed, hide_index=True)
    parts.section("What the answers took")
    scores.took(lines)


evaluations.catch_up(store)
chosen = state.current_evaluation()
if chosen is None:
    nav.goto("evaluations")
else:
    head(chosen)
    live.watch(found, chosen.id, live=chosen.live)

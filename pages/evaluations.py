"""Evaluations: the same questions for every candidate, scored answer by answer."""

import streamlit as st

from engine import jobs
from engine.scoring import stats
from engine.scoring.metrics import METRICS
from studio import sample, work
from studio.building import candidates, models
from studio.building.candidates import Candidate
from studio.deciding import reports
from studio.freezing import snapshots
from studio.judging import evaluations, preferring, sources
from studio.judging.evaluations import Evaluation
from studio.judging.sources import Source
from studio.ui import live, nav, notices, parts, results, state
from studio.writing import guides

store, me = state.store(), state.me()


def overview() -> None:
    parts.heading("Evaluations", "The same questions for every candidate, so that differences are theirs.", "Judge")
    found = evaluations.listed(store)
    begun = st.expander("Start an evaluation", icon=":material/add:", expanded=not found or bool(state.asked("model")))
    with begun:
        begin()
    for evaluation in found:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            with st.container(gap=None):
                st.markdown(f"**{notices.plain(evaluation.name)}** {parts.badge_text(evaluation.state)}")
                st.caption(
                    f"{notices.plain(evaluation.items)} · {_shape(evaluation)} · {parts.ago(evaluation.made_at)}"
                )
                told = evaluation.progress
                if evaluation.live and told:
                    st.progress(told["done"] / max(1, told["of"]), text=results.standing(**_of(told)))
            if st.button("Open", key=f"open-{evaluation.id}"):
                nav.goto("evaluations", evaluation=evaluation.id)


def _shape(evaluation: Evaluation) -> str:
    n = len(evaluation.candidates)
    return f"{n} candidate{'s' * (n != 1)}, scored by {', '.join(evaluation.metrics)}"


def _of(told: dict) -> dict:
    return {"done": told["done"], "of": told["of"], "seconds_left": told.get("seconds_left")}


def begin() -> None:
    """The form, with what the choice will cost and what it can show before it is started."""
    asked, offered = sources.listed(store), {one.id: one for one in candidates.on_offer(store, me)}
    if not asked:
        text = "An evaluation asks the test split of a snapshot. Freeze a dataset to have one."
        notices.empty("There are no frozen test items yet", text, "checklist", "datasets", "To the datasets")
        return
    left, right = st.columns(2, gap="large")
    with left:
        name = st.text_input("Name", key="new-name", placeholder="What you want to find out")
        source = st.selectbox("What is asked", asked, format_func=lambda s: f"{s.name} ({s.n} items)", key="new-source")
        n = (
            st.slider("How many items", min(10, source.n), source.n, source.n, key=f"new-n-{source.name}")
            if source.n > 10
            else source.n
        )
    with right:
        who = st.multiselect(
            "Candidates",
            list(offered),
            default=compared_with_its_base(offered),
            format_func=lambda id: offered[id].name,
            key="new-who",
            help="A model with its prompt, library and decoding. The playground makes and keeps others.",
        )
        metrics = st.multiselect(
            "Metrics", list(METRICS), default=sources.proposed(store, source), key=f"new-metrics-{source.name}"
        )
        st.caption("  \n".join(f"**{metric}** {METRICS[metric].words}" for metric in metrics))
        if {"tone", "style"} & {*metrics} and not guides.file(store, dataset_of(source)):
            st.caption(":material/info: This dataset has no style guide, so tone and style cannot be told.")
    st.markdown(_promise(n, len(who)))
    if st.button("Start", type="primary", icon=":material/play_arrow:", disabled=not (who and metrics)):
        title = name.strip() or f"{source.name}, {len(who)} candidates"
        kept = [candidates.keep(store, offered[id], me).id for id in who]
        items = sources.items(store, source, n, me, f"evaluation {title}")
        made = evaluations.start(
            store, title, items, source.name, kept, metrics, me, guide=guides.file(store, dataset_of(source))
        )
        nav.goto("evaluations", evaluation=made.id)


def dataset_of(source: Source) -> str:
    """The dataset whose style guide answers are held against: that of the snapshot, or of the sample's voice."""
    return snapshots.get(store, source.snapshot).dataset if source.snapshot else sample.TONE


def compared_with_its_base(offered: dict[str, Candidate]) -> list[str]:
    """The model that a link asks to compare, and its base, each as it is."""
    asked = state.asked("model")
    if not asked:
        return []
    pair = (models.base_of(store, models.get(store, asked)).name, asked)
    plain = [candidates.draft(store, name, name, me).id for name in dict.fromkeys(pair)]
    return [id for id in plain if id in offered]


def _promise(n: int, asked: int) -> str:
    """What so many items can show, and how long they take."""
    visible = stats.smallest_visible(n)
    shows = (
        "too few to see any difference"
        if visible is None
        else f"enough to see {100 * visible:.0f} points of difference"
    )
    said = f"**{n} items** are {shows}, four times out of five."
    if not asked:
        return said
    pace = evaluations.pace(store)
    takes = "; how long that takes is not known before the first one" if pace is None else ""
    about = "" if pace is None else f", about {parts.lasting(n * asked * pace)}"
    return f"{said} **{n * asked:,} answers**{about}{takes}."


def detail(evaluation: Evaluation) -> None:
    lead = f"{evaluation.items} · {_shape(evaluation)} · by {evaluation.made_by}, {parts.ago(evaluation.made_at)}"
    parts.heading(evaluation.name, lead, "Evaluation")
    with st.container(horizontal=True, vertical_alignment="center"):
        if evaluation.live and notices.sure(
            "Stop", "What was answered stays.", "Stop it", key="stop", icon="stop_circle"
        ):
            work.stop(store, evaluation, me)
            st.rerun()
        if evaluation.state in (jobs.FAILED, jobs.STOPPED) and st.button("Go on", icon=":material/play_arrow:"):
            work.resume(store, evaluation, me)
            st.rerun()
        if not evaluation.live and len(evaluation.candidates) > 1:
            for label, place in (("Judge these blind", "arena"), ("Dashboard", "dashboard")):
                if st.button(label, icon=nav.place(place).symbol):
                    nav.goto(place, evaluation=evaluation.id)
            if preferring.judges(store, evaluation.id) and st.button(
                "Learn from the verdicts", icon=":material/school:"
            ):
                nav.goto("arena", evaluation=evaluation.id, show="learn")
        if st.button("All evaluations", type="tertiary", icon=":material/arrow_back:"):
            nav.goto("evaluations")
    if evaluation.state == jobs.FAILED:
        with st.expander("Why it failed", icon=":material/error:", expanded=True):
            st.code(jobs.why(evaluation.job.folder), language=None, wrap_lines=True)
    live.watch(found, evaluation.id, live=evaluation.live)


def found(id: str) -> bool:
    """What is known so far; says whether more is coming."""
    evaluations.catch_up(store)
    evaluation = evaluations.get(store, id)
    told = evaluation.progress
    parts.badge(evaluation.state)
    if evaluation.live:
        if told:
            st.progress(told["done"] / max(1, told["of"]), text=results.standing(**_of(told)))
        else:
            st.caption("Waiting for its turn, then for the model to load.")
    metric = st.segmented_control(
        "Metric",
        evaluation.metrics,
        default=evaluation.metrics[0],
        required=True,
        key=f"metric-{id}",
        label_visibility="collapsed",
    )
    st.caption(METRICS[metric].words)
    lines = reports.frontier(store, id, metric)
    if not lines:
        if not evaluation.live:
            notices.empty("No answer was given", "The evaluation ended before the first answer.", "checklist")
        return evaluation.live
    compared(evaluation, lines, metric)
    failures(evaluation)
    return evaluation.live


def compared(evaluation: Evaluation, lines: list[reports.Line], metric: str) -> None:
    names = {line.candidate: line.name for line in lines}
    order = [id for id in evaluation.candidates if id in names]
    results.shares(lines, metric, key=f"shares-{metric}")
    baseline = (
        st.selectbox("Against", order, format_func=names.__getitem__, key=f"baseline-{evaluation.id}", width=320)
        if len(order) > 1
        else order[0]
    )
    results.verdicts(lines, reports.differences(store, evaluation.id, metric, baseline), baseline)
    st.subheader("Answer by answer")
    chosen = st.selectbox(
        "Candidate",
        [line.candidate for line in lines],
        format_func=names.__getitem__,
        key=f"whose-{evaluation.id}",
        width=320,
    )
    results.answers(
        reports.answers(store, evaluation.id, metric, chosen),
        key=f"{chosen}-{metric}",
        found=f"the evaluation “{evaluation.name}”, answered by {names[chosen]}",
        dataset=evaluation.items.split(" · ")[0],
    )


def failures(evaluation: Evaluation) -> None:
    failed = reports.failures(store, evaluation.id)
    if len(failed):
        with st.expander(f"{len(failed)} failed calls, counted nowhere", icon=":material/error:"):
            st.dataframe(failed, hide_index=True)


evaluations.catch_up(store)
chosen = state.current_evaluation()
if chosen is None:
    overview()
else:
    detail(chosen)

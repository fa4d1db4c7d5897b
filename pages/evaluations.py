"""Evaluations: the same questions for every candidate; all that were asked, and the form to ask anew."""

import json
from pathlib import Path

import streamlit as st

from engine.scoring import metrics
from studio.building import candidates, models
from studio.building.candidates import Candidate
from studio.judging import evaluations, sources
from studio.judging.evaluations import COMPARISON, Evaluation
from studio.judging.sources import Source
from studio.ui import measuring, nav, notices, parts, reckoning, results, state, terms
from studio.ui.measuring import Measures
from studio.ui.terms import Terms
from studio.writing import guides

store, me = state.store(), state.me()


def overview() -> None:
    parts.heading("Evaluations", "The same questions for every candidate, so that differences are theirs.", "Judge")
    found = evaluations.listed(store)
    with st.expander("Start an evaluation", icon=":material/add:", expanded=not found or bool(state.asked("model"))):
        begin()
    for evaluation in (one for one in found if one.purpose == COMPARISON):
        card(evaluation)
    if others := [one for one in found if one.purpose != COMPARISON]:
        with st.expander(f"{len(others)} more, asked by searches for a prompt and probes of forgetting"):
            for evaluation in others:
                card(evaluation)


def card(evaluation: Evaluation) -> None:
    """One evaluation in the list, with how far it is."""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        with st.container(gap=None):
            st.markdown(f"**{notices.plain(evaluation.name)}** {parts.badge_text(evaluation.state)}")
            st.caption(f"{notices.plain(evaluation.items)} · {_shape(evaluation)} · {parts.ago(evaluation.made_at)}")
            told = evaluation.progress
            if evaluation.live and told:
                said = results.standing(told["done"], told["of"], told.get("seconds_left"))
                st.progress(told["done"] / max(1, told["of"]), text=said)
        if st.button("Open", key=f"open-{evaluation.id}"):
            nav.goto("evaluation", evaluation=evaluation.id)


def _shape(evaluation: Evaluation) -> str:
    return f"{parts.count(len(evaluation.candidates), 'candidate')}, scored by {', '.join(evaluation.metrics)}"


def begin() -> None:
    """The form, with what the choice will cost and what it can show before it is started."""
    asked, offered = sources.listed(store), {one.id: one for one in candidates.on_offer(store, me)}
    if not asked:
        text = "An evaluation asks the test split of a snapshot. Freeze a dataset to have one."
        notices.empty("There are no frozen test items yet", text, "checklist", "datasets", "To the datasets")
        return
    left, right = st.columns(2, gap="large")
    with left:
        parts.label("Who is asked what")
        name = st.text_input("Name", key="new-name", placeholder="What you want to find out")
        source = st.selectbox("What is asked", asked, format_func=lambda s: f"{s.name} ({s.n} items)", key="new-source")
        n = (
            st.slider("How many items", min(10, source.n), source.n, source.n, key=f"new-n-{source.name}")
            if source.n > 10
            else source.n
        )
        who = st.multiselect(
            "Candidates",
            list(offered),
            default=compared_with_its_base(offered),
            format_func=lambda id: offered[id].name,
            key="new-who",
            help="A model with its prompt, library and decoding. The playground makes and keeps others.",
        )
    guide = guides.file(store, sources.voice(store, source))
    with right:
        parts.label("By what it is scored")
        measures = measuring.chosen(
            store,
            sources.held(store, source, measuring.SAMPLE),
            sources.proposed(store, source),
            json.loads(Path(guide).read_text(encoding="utf-8")) if guide else None,
            key=source.name,
        )
    agreed = terms.chosen(store, me)
    reckoning.shown(store, sources.held(store, source, n), [offered[id] for id in who], measures, agreed)
    if measures.missing:
        st.caption(f":material/info: {measures.missing}")
    ready = bool(who and measures.metrics and not measures.missing)
    if st.button("Start", type="primary", icon=":material/play_arrow:", disabled=not ready):
        with notices.told():
            measuring.check(measures)
            begun = start(name.strip(), source, n, [offered[id] for id in who], measures, guide, agreed)
            nav.goto("evaluation", evaluation=begun.id)


def start(
    name: str, source: Source, n: int, who: list[Candidate], measures: Measures, guide: str, agreed: Terms
) -> Evaluation:
    title = name or f"{source.name}, {len(who)} candidates"
    items = metrics.filled(sources.items(store, source, n, me, f"evaluation {title}"), measures.settings)
    return evaluations.start(
        store,
        title,
        items,
        source.name,
        [candidates.keep(store, one, me).id for one in who],
        measures.metrics,
        me,
        guide=guide,
        judge=measures.judge,
        snapshot=source.snapshot,
        split=source.split,
        repeats=agreed.repeats,
        budget=agreed.budget,
        reuse=agreed.reuse,
    )


def compared_with_its_base(offered: dict[str, Candidate]) -> list[str]:
    """The model that a link asks to compare, and its base, each as it is."""
    asked = state.asked("model")
    if not asked:
        return []
    pair = (models.base_of(store, models.get(store, asked)).name, asked)
    plain = [candidates.draft(store, name, name, me).id for name in dict.fromkeys(pair)]
    return [id for id in plain if id in offered]


evaluations.catch_up(store)
chosen = state.current_evaluation()
if chosen is not None:  # an address from when both were one page
    nav.goto("evaluation", **{name: state.asked(name) for name in ("evaluation", "item") if state.asked(name)})
overview()

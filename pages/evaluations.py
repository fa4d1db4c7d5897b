"""Evaluations: the same questions for every candidate; all that were asked, and the form to ask anew."""

from collections.abc import Mapping

import streamlit as st

from studio.building import candidates, models
from studio.building.candidates import Candidate
from studio.data import guides
from studio.judging import evaluations, orders, sources
from studio.judging.evaluations import Evaluation
from studio.judging.orders import COMPARISON, Order
from studio.ui import measuring, nav, notices, parts, reckoning, results, state, terms

store, me = state.store(), state.me()


def overview() -> None:
    parts.heading("Evaluations", "The same questions for every candidate, so that differences are theirs.", "Judge")
    found, sizes = evaluations.listed(store), evaluations.sizes(store)
    begun = bool(state.asked("model") or state.value("new-name") or state.value(_whom()))
    with st.expander("Start an evaluation", icon=":material/add:", expanded=not found or begun):
        begin()
    for evaluation in (one for one in found if one.purpose == COMPARISON):
        card(evaluation, sizes)
    if others := [one for one in found if one.purpose != COMPARISON]:
        with st.expander(f"{len(others)} more, asked by searches for a prompt and probes of forgetting"):
            for evaluation in others:
                card(evaluation, sizes)


def card(evaluation: Evaluation, sizes: Mapping[str, int]) -> None:
    """One evaluation in the list, with how far it is."""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        with st.container(gap=None):
            st.markdown(f"**{notices.plain(evaluation.name)}** {parts.badge_text(evaluation.state)}")
            shape = orders.in_words(len(evaluation.candidates), evaluation.metrics, evaluation.judge)
            asked = f"{evaluation.items} · {parts.count(sizes[evaluation.id], 'item')} · {shape}"
            st.caption(f"{notices.plain(asked)} · {parts.ago(evaluation.made_at)}")
            told = evaluation.progress
            if evaluation.live and told:
                st.progress(told["done"] / max(1, told["of"]), text=results.standing(told))
        if st.button("Open", key=f"open-{evaluation.id}"):
            nav.goto("evaluation", evaluation=evaluation.id)


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
        name = st.text_input("Name", key="new-name", persist_state="session", placeholder="What you want to find out")
        source = st.selectbox(
            "What is asked", asked, format_func=lambda s: f"{s.name} ({s.n} items)", key="new-source",
            persist_state="session", help="Compare on validation as often as you like; keep the test for the end.",
        )  # fmt: skip
        n = source.n
        if source.n > 10:
            n = st.slider("How many items", 10, source.n, source.n, key=f"new-n-{source.name}", persist_state="session")
        who = st.multiselect(
            "Candidates",
            list(offered),
            default=compared_with_its_base(offered),
            format_func=lambda id: offered[id].called,
            key=_whom(),
            persist_state="session",
            help="A model with its prompt, library and decoding. The playground makes and keeps others.",
        )
    questions = sources.questions(store, source, n)
    with right:
        parts.label("By what it is scored")
        guide = guides.file(store, sources.voice(store, source))
        measures, missing = measuring.chosen(store, questions, sources.proposed(store, source), guide)
    agreed = terms.chosen(store, me)
    order = Order(questions, [offered[id] for id in who], measures, agreed, name.strip())
    reckoning.shown(store, order)
    missing = missing or ("" if who else "Choose who is asked: one candidate, or several to compare.")
    missing = missing or ("" if measures.metrics else "Choose by what the answers are scored.")
    if missing:
        st.caption(f":material/info: {missing}")
    ready = not missing
    if st.button("Start", type="primary", icon=":material/play_arrow:", disabled=not ready):
        with notices.told():
            measuring.check(measures)
            started = evaluations.start(store, order, me)
            for key in ("new-name", _whom()):  # what was typed has been used; the rest may serve again
                st.session_state.pop(key, None)
            nav.goto("evaluation", evaluation=started.id)


def _whom() -> str:
    """The key of the choice of candidates; a link that brings a model begins a choice of its own."""
    return f"new-who-{state.asked('model')}" if state.asked("model") else "new-who"


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

"""Rewards: what an answer is paid for, tried on answers and on tricks before a model learns from it."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from engine.training.material import rewards as engine
from studio.building import models, rewards, trials
from studio.building.trials import Sample, Trial
from studio.data import datasets
from studio.freezing import snapshots
from studio.judging import evaluations
from studio.ui import nav, notices, parts, paying, state

store, me = state.store(), state.me()
LEAD = (
    "A model can learn by trying: it gives several answers to a question, each is paid between 0 and 1 by rules that "
    "you set, and the better paid ones become likelier. Here you set the rules, and see what they would pay."
)
TYPED, EXAMPLES, ASKED, MODEL = "Typed answers", "Examples", "An evaluation", "A model, now"
TRY = {
    "question": "Which label fits: my parcel has not arrived?",
    "expected": "late delivery",
    "answers": "late delivery\nLate delivery.\nI think that this is a late delivery\nbroken",
}


def begin() -> None:
    """The rewards that are kept, and templates for new ones."""
    saved = rewards.listed(store)
    for one in saved:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            with st.container(gap=None):
                st.markdown(f"**{notices.plain(one.name)}**")
                kinds = ", ".join(paying.KINDS[values["kind"]][0].lower() for values in one.rewards)
                st.caption(f"pays for: {kinds} · by {one.made_by}, {parts.ago(one.made_at)}")
            if st.button("Open", key=f"open-{one.name}"):
                nav.goto("rewards", reward=one.name)
    parts.section("Begin a new one with")
    guided = datasets.names(store)
    voiced = next((name for name in guided if rewards.VOICE in rewards.templates(store, name)), "")
    with st.grid(3, min_column_width=260):
        for name, template in rewards.templates(store, voiced).items():
            with st.container(border=True, gap="small"):
                st.markdown(f"**{name}**")
                st.caption(template.words + (f" Needs {template.needs}." if template.needs else ""))
                if st.button("Begin with this", key=f"begin-{name}"):
                    lay("", template.rewards)
                    nav.goto("rewards", reward="new")


def lay(name: str, listed: list[dict[str, Any]]) -> None:
    """Put rewards on the table, each under a number of its own, so that its form starts anew."""
    step = state.value(state.STEPS, 0) + 1
    state.keep(state.STEPS, step)
    state.keep(state.PAID, (name, {f"{step}-{number}": values for number, values in enumerate(listed)}))


def table(asked: str) -> None:
    """One reward: its rules, and a trial of them."""
    nav.back("All rewards", "rewards")
    held = state.value(state.PAID)
    if asked != "new" and (held is None or held[0] != asked):
        lay(asked, rewards.get(store, asked).rewards)
    elif held is None or (asked == "new" and held[0]):
        lay("", [])
    parts.heading("A new reward" if asked == "new" else asked, LEAD, "Reward")
    left, right = st.columns([2, 3], gap="large")
    listed: list[dict[str, Any]] = []
    ready, found = False, None
    with left, notices.told():
        parts.label("An answer is paid for")
        listed = rules()
        paying.leaving(store, listed)
        keeping(asked, listed)
        ready = True
    with right, notices.told():
        parts.label("Try it on")
        samples = answers()
        found = tried(listed, samples) if ready and listed and samples else None
        if found:
            paying.verdict(found)
    if found:
        paying.details(found)


def rules() -> list[dict[str, Any]]:
    """The forms of all rules, and a way to add one."""
    name, held = state.value(state.PAID)
    made = {}
    for number, (uid, values) in enumerate(held.items(), 1):
        made[uid], out = paying.form(store, number, values, f"rule-{uid}")
        if out:
            state.keep(state.PAID, (name, {other: kept for other, kept in {**held, **made}.items() if other != uid}))
            st.rerun()
    if not held:
        st.info("Nothing is paid for yet. Add a first rule.", icon=":material/paid:")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.selectbox(
            "Add a rule",
            list(paying.KINDS),
            format_func=lambda kind: paying.KINDS[kind][0],
            key="rule-kind",
            help="  \n".join(f"**{name}**: {words}" for name, words in paying.KINDS.values()),
        )
        if st.button("Add", icon=":material/add:", key="rule-add"):
            lay(name, [*made.values(), engine.blank(kind)])
            st.rerun()
    return list(made.values())


def keeping(asked: str, listed: list[dict[str, Any]]) -> None:
    """Save it under a name, or take it off the list."""
    name = st.text_input("Name", "" if asked == "new" else asked, key=f"name-{asked}", placeholder="Right labels") or ""
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Save", type="primary", icon=":material/save:", key="reward-save", disabled=not listed):
            kept = rewards.save(store, name, listed, me)
            lay(kept.name, kept.rewards)
            notices.later(f"Saved. A run by GRPO can learn from {kept.name} now.")
            nav.goto("rewards", reward=kept.name)
        if asked != "new":
            nav.link("Launch a run", "runs")
            question = "Runs that learned from it keep their copy."
            if notices.sure("Delete", question, "Delete it", key="reward-delete", icon="delete"):
                rewards.delete(store, asked, me)
                nav.goto("rewards")


def answers() -> list[Sample]:
    """The answers to pay, from wherever somebody has some."""
    frozen = {one.id: one for one in snapshots.listed(store)}
    judged = {one.id: one for one in evaluations.listed(store)}
    ways = [TYPED, *([EXAMPLES] if frozen else []), *([ASKED] if judged else []), *([MODEL] if frozen else [])]
    way = st.segmented_control("Answers", ways, default=TYPED, required=True, key="way", label_visibility="collapsed")
    if way == TYPED:
        return typed()
    if way == ASKED:
        names = parts.told_apart({id: one.name for id, one in judged.items()})
        chosen = st.selectbox("Evaluation", list(names), format_func=names.__getitem__, key="try-evaluation")
        return trials.of_evaluation(store, chosen)
    chosen = st.selectbox("Questions of", list(frozen), format_func=lambda id: frozen[id].name, key="try-snapshot")
    if way == EXAMPLES:
        st.caption("What the reward makes of answers that people wrote. These should be paid well.")
        return trials.of_examples(store, chosen)
    return asked_now(chosen)


def typed() -> list[Sample]:
    question = st.text_input("The question", TRY["question"], key="try-question") or ""
    expected = st.text_input(
        "What is expected",
        TRY["expected"],
        key="try-expected",
        help='The right answer, or a tool call as JSON: {"name": ..., "arguments": {...}}. Empty where there is none.',
    )
    lines = st.text_area("Answers to it, one a line", TRY["answers"], height=150, key="try-answers")
    return trials.typed(question, expected or "", lines or "")


def asked_now(snapshot: str) -> list[Sample]:
    """Several tries of a model at the same questions, as it would try while learning."""
    model = st.selectbox("Model", [one.name for one in models.offered(store)], key="try-model")
    st.caption("4 questions, each answered 4 times as freely as in training. Tries at one question must differ in pay.")
    if models.get(store, model).leaves:
        st.warning(
            "**This leaves your machine:** the questions go to the endpoint of this model.", icon=":material/outbound:"
        )
    if st.button("Ask", icon=":material/forum:", key="try-ask"):
        with st.status(f"Asking {model}") as status:
            found = trials.of_model(store, model, snapshot, me, progress=_bar())
            state.keep(state.TRIED, (model, snapshot, found))
            status.update(label=f"{parts.count(len(found), 'answer')} of {model}", state="complete")
    held = state.value(state.TRIED)
    return held[2] if held and held[:2] == (model, snapshot) else []


def _bar() -> Callable[[int, int], None]:
    """A progress bar that is moved by (done, of)."""
    bar = st.progress(0.0)

    def move(done: int, of: int) -> None:
        bar.progress(done / of)

    return move


def tried(listed: list[dict[str, Any]], samples: list[Sample]) -> Trial | None:
    """What they are paid: at once, or when somebody asks for it where a judge must be waited for."""
    waits = any(values["kind"] == "judge" for values in listed)
    if waits and not st.button(f"Have the judge pay {parts.count(len(samples), 'answer')}", key="try-pay"):
        st.caption("A judge is asked for every answer and every trick.")
        return None
    with st.spinner("Paying", show_time=waits):
        return trials.run(listed, samples)


asked = state.asked("reward")
if asked:
    table(asked)
else:
    parts.heading("Rewards", LEAD, "Build")
    begin()

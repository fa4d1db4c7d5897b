"""Arena: two answers without names, one verdict, the next pair.

While a pair is on the screen this page holds no name of a candidate or model: it has only the BlindPair.
"""

import time

import streamlit as st

from studio.building import candidates
from studio.judging import evaluations, judgements, pairs
from studio.judging.evaluations import Evaluation
from studio.judging.orders import COMPARISON
from studio.judging.pairs import BlindPair, Revealed
from studio.ui import bubbles, chat, fix, learning, nav, notices, parts, results, state
from studio.writing import fixing

VERDICTS = (  # verdict, words on its button, key
    (judgements.LEFT, "Left", "1"),
    (judgements.RIGHT, "Right", "2"),
    (judgements.TIE, "Equally good", "3"),
    (judgements.BOTH_BAD, "Both bad", "4"),
    (judgements.SKIP, "Skip", "S"),
)

store, judge = state.store(), state.me()


def choose() -> None:
    """Which evaluation to judge, or how to get one."""
    parts.heading(
        "Arena", "Read two answers without knowing whose they are, and say which you would rather send.", "Judge"
    )
    found = evaluations.listed(store)
    if not found:
        notices.empty(
            "Nothing to judge yet",
            "An evaluation asks every candidate the same questions. Its answers are what you judge here.",
            "balance",
            "evaluations",
            "Start an evaluation",
        )
        return
    compared = [one for one in found if one.purpose == COMPARISON]
    for evaluation in compared:
        entry(evaluation)
    if others := [one for one in found if one not in compared]:
        with st.expander(f"{len(others)} more, asked by searches for a prompt and probes of forgetting"):
            for evaluation in others:
                entry(evaluation)


def entry(evaluation: Evaluation) -> None:
    """One evaluation in the list, with how much of it is judged, and the way on."""
    judged, of = pairs.count(store, evaluation.id, judge)
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        with st.container(gap=None):
            st.markdown(f"**{notices.plain(evaluation.name)}**")
            st.caption(_standing(evaluation, judged, of))
        if of and judged < of and st.button("Judge", type="primary", key=f"judge-{evaluation.id}"):
            nav.goto("arena", evaluation=evaluation.id)
        if of and judged == of and st.button("Who was who", key=f"names-{evaluation.id}"):
            nav.goto("arena", evaluation=evaluation.id, show="names")
        if st.button("Deal pairs", key=f"deal-{evaluation.id}", disabled=len(evaluation.candidates) < 2):
            nav.goto("arena", evaluation=evaluation.id, show="deal")


def _standing(evaluation: Evaluation, judged: int, of: int) -> str:
    if of:
        return f"{judged} of {of} pairs judged by you"
    if len(evaluation.candidates) < 2:
        return "one candidate only, so there is nothing to compare"
    return f"{len(evaluation.candidates)} candidates · no pairs dealt yet · {parts.ago(evaluation.made_at)}"


def deal(evaluation: Evaluation) -> None:
    """Which two candidates meet. The only screen before the end on which names are seen."""
    parts.heading("Deal pairs", f"Two candidates of “{evaluation.name}” meet, question by question.", "Arena")
    names = {id: candidates.get(store, id).name for id in evaluation.candidates}
    if len(names) < 2:
        notices.empty("One candidate only", "It takes two to compare.", "balance", "evaluations", "To the evaluations")
        return
    one, other = st.columns(2)
    first = one.selectbox("One candidate", list(names), format_func=names.__getitem__)
    rest = [id for id in names if id != first]
    second = other.selectbox("The other", rest, index=len(rest) - 1, format_func=names.__getitem__)
    same = pairs.identical(store, evaluation.id, first, second)
    if same:
        st.caption(
            f"They gave the same words to {same} question{'s' * (same > 1)}; those need no judge and are left out."
        )
    with st.container(horizontal=True):
        if st.button("Deal the pairs", type="primary", icon=":material/style:"):
            pairs.deal(store, evaluation.id, first, second, judge)
            nav.goto("arena", evaluation=evaluation.id)
        if st.button("Back", type="tertiary", icon=":material/arrow_back:"):
            nav.goto("arena")


def compare(evaluation: Evaluation) -> None:
    """One pair a screen, until there is none left."""
    judged, of = pairs.count(store, evaluation.id, judge)
    pair = pairs.next_blind(store, evaluation.id, judge)
    if pair is None:
        finished(evaluation, judged)
        return
    st.progress(judged / of, text=_pace(evaluation, judged, of))
    if pair.before:
        parts.label("What was said before")
        bubbles.conversation(pair.before)
    chat.question(pair.prompt)
    sides = ("Left", pair.left, pair.left_calls), ("Right", pair.right, pair.right_calls)
    for column, (side, text, calls) in zip(st.columns(2, border=True), sides, strict=True):
        with column:
            parts.label(side)
            chat.words(text)
            if calls:
                st.code(calls, language="json", wrap_lines=True)
    with st.bottom:
        verdict(evaluation, pair, judged)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Which would you rather send to a customer? Skip what you cannot judge; it counts nowhere.")
        asks = f"You have judged {judged} of {of}. Once you know the names, the rest is no longer judged blind."
        if judged and notices.sure("Stop and see the names", asks, "Show the names", key="stop"):
            nav.goto("arena", evaluation=evaluation.id, show="names")


def verdict(evaluation: Evaluation, pair: BlindPair, judged: int) -> None:
    """The five answers and the way back. A key belongs to its pair, so a late click never lands on the next one."""
    seconds = time.time() - state.first_shown(pair.id)
    with st.container(horizontal=True, horizontal_alignment="center", gap="small"):
        for said, words, key in VERDICTS:
            if st.button(words, shortcut=key, key=f"{said}-{pair.id}"):
                judgements.record(store, pair.id, judge, said, seconds=seconds)
                st.rerun()
        if st.button("Undo", shortcut="Z", type="tertiary", disabled=not judged, key=f"undo-{judged}"):
            judgements.take_back(store, evaluation.id, judge)
            st.rerun()


def _pace(evaluation: Evaluation, judged: int, of: int) -> str:
    pace = judgements.pace(store, evaluation.id, judge)
    said = f"{judged} of {of} judged"
    if pace is None:
        return said
    left = pace * (of - judged)
    left = left if left < 120 else 60 * round(left / 60)  # an estimate has no seconds
    return f"{said} · {parts.lasting(pace)} a pair · about {parts.lasting(left)} left"


def finished(evaluation: Evaluation, judged: int) -> None:
    if not judged:
        deal(evaluation)
        return
    st.space("medium")
    with st.container(border=True):
        parts.heading("All judged", f"You have judged all {judged} pairs. Thank you.", f"Arena · {evaluation.name}")
        with st.container(horizontal=True):
            if st.button("Show who was who", type="primary", icon=":material/visibility:"):
                nav.goto("arena", evaluation=evaluation.id, show="names")
            if st.button("Learn from these verdicts", icon=":material/school:"):
                nav.goto("arena", evaluation=evaluation.id, show="learn")
            if st.button("Undo the last verdict", shortcut="Z", key="undo"):
                judgements.take_back(store, evaluation.id, judge)
                st.rerun()


def names(evaluation: Evaluation) -> None:
    """Who was who, after the judging."""
    parts.heading("Who was who", f"“{evaluation.name}”, judged blind.", "Arena")
    found = judgements.tallies(store, evaluation.id)
    if not found:
        notices.empty("No verdict yet", "Names are shown once somebody has judged.", "balance", "arena", "To the arena")
        return
    for number, tally in enumerate(found):
        results.preference(tally, key=f"tally-{number}")
    rows = pairs.reveal(store, evaluation.id, judge)
    if rows:
        parts.label(f"Your {len(rows)} verdicts, newest first")
        st.dataframe(
            [{"left": row.left, "right": row.right, "you said": said(row), "question": row.prompt} for row in rows],
            column_config={"question": st.column_config.TextColumn(width="large")},
            hide_index=True,
            height=min(420, 36 * (len(rows) + 1)),
        )
    lost = fixing.lost(store, evaluation.id, evaluation.name, judge)
    if lost:
        with st.expander(f"Fix what lost: {len(lost)}", icon=":material/edit_note:"):
            for number, bad in enumerate(lost):
                with st.container(border=True, gap="small"):
                    st.caption(notices.plain(bad.messages[-1]["content"]))
                    chat.words(bad.said)
                    fix.button(bad, f"lost-{number}")
    with st.container(horizontal=True):
        judged, of = pairs.count(store, evaluation.id, judge)
        if judged < of and st.button("Go on judging", icon=":material/balance:"):
            nav.goto("arena", evaluation=evaluation.id)
        if st.button("Learn from these verdicts", icon=":material/school:"):
            nav.goto("arena", evaluation=evaluation.id, show="learn")
        if st.button("Deal more pairs", icon=":material/style:"):
            nav.goto("arena", evaluation=evaluation.id, show="deal")
        if st.button("Dashboard", type="tertiary", icon=nav.place("dashboard").symbol):
            nav.goto("dashboard", evaluation=evaluation.id)


def said(row: Revealed) -> str:
    """A verdict with the name of who stood on that side."""
    named = {judgements.LEFT: row.left, judgements.RIGHT: row.right, judgements.TIE: "equally good"}
    return named.get(row.verdict, row.verdict)


evaluations.catch_up(store)
chosen = state.current_evaluation()
if chosen is None:
    choose()
elif state.asked("show") == "deal":
    deal(chosen)
elif state.asked("show") == "names":
    names(chosen)
elif state.asked("show") == "learn":
    learning.form(store, chosen, judge)
else:
    compare(chosen)

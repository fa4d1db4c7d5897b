"""Trust: how far a judge of claims can be believed: its figures beside those that people's verdicts make of them, and
how often people who check claims by chance, without seeing its verdict, come to the same."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from engine.scoring.judged.overruling import CANNOT_TELL
from engine.scoring.judged.prompts import CONTRADICTED, NOT_IN_CONTEXT, SUPPORTED
from studio.judging import alone, draws, overrides
from studio.judging.draws import Agreement, Blind
from studio.judging.evaluations import Evaluation
from studio.judging.reports import Line
from studio.store import Store
from studio.ui import chat, cited, ledger, notices, parts, results, state

KEYS = {NOT_IN_CONTEXT: "0", CONTRADICTED: "A", CANNOT_TELL: "T"}
KEYED = 9  # passages that have a key of their own


def beside(store: Store, evaluation: Evaluation, lines: Sequence[Line], metric: str) -> None:
    """Where people have spoken: each candidate's figure by the judge alone, and with what people say."""
    found = alone.beside(store, evaluation.id, metric)
    if not found:
        return
    parts.section("The judge alone, and with what people say")
    results.rows(
        [
            (line.name, line.said, f"Judge alone: {line.scale.text(found[line.candidate].alone)}. {_told(one)}")
            for line in lines
            if (one := found.get(line.candidate))
        ]
    )
    if len(lines) > 1:
        st.caption("Between candidates this is fair only where people looked at the claims of all of them alike.")


def _told(one: alone.Beside) -> str:
    if not one.ruled and not one.unsure:
        return "Nobody has said anything of its claims."
    said = f"With {parts.count(one.ruled, 'verdict')} by people, {one.changed or 'none'} of them not the judge's."
    if one.unsure:
        said += f" Of {parts.count(one.unsure, 'claim')} they cannot tell; there the judge's verdict stays."
    if one.torn:
        said += f" On {parts.count(one.torn, 'claim')} people differ; the latest verdict holds."
    return said


def shown(store: Store, evaluation: Evaluation, lines: Sequence[Line], metric: str) -> None:
    """One claim to check after the other, or what came of it."""
    turn = draws.turn(store, evaluation.id, state.me())
    goal = min(_goal(), turn.of)
    if turn.done < goal and turn.blind:
        card(store, evaluation, turn.blind, turn.done, goal)
        return
    parts.section("How often people agree with this judge")
    agreement(draws.agreed(store, evaluation.id), evaluation.judge)
    if turn.blind:
        _go(turn.done, turn.of)
    beside(store, evaluation, lines, metric)


def _goal() -> int:
    """How many claims are to be checked, as the address says."""
    asked = state.asked("check")
    return int(asked) if asked.isdecimal() else 0


def _go(done: int, of: int) -> None:
    begun = done % draws.A_DRAW
    goal = min(of, done - begun + draws.A_DRAW)
    left = goal - done
    more = "the other " if begun else "another " if done else ""
    st.button(
        f"Check {more}{parts.count(left, 'claim')}{'' if more else ' drawn at random'}",
        type="secondary" if done and not begun else "primary",
        icon=":material/casino:",
        key="check",
        on_click=state.ask,
        kwargs={"check": str(goal)},
    )
    st.caption(
        f"They are drawn by chance from all {of:,} claims, and the judge's verdict is not shown. What you overrule "
        "while reading answers counts in the figures, but not here: people look where something seems wrong."
    )


def card(store: Store, evaluation: Evaluation, one: Blind, done: int, goal: int) -> None:
    """One claim with the passages, and the keys to say which of them holds it."""
    st.progress(done / goal, text=f"{done} of {goal} checked")
    with st.expander("The question and the whole answer", type="compact"):
        chat.question(one.question)
        parts.label("Answer")
        chat.words(one.text)
    parts.label("Does a passage say this?")
    chat.words(one.claim, large=True)
    with st.container(horizontal=True, gap="small"):
        held = [(SUPPORTED, n, f"[{n}] holds it", str(n) if n <= KEYED else None) for n, _ in _numbered(one)]
        others = [(verdict, 0, words, KEYS[verdict]) for verdict, words in ledger.SAYABLE.items()]
        for verdict, passage, words, key in (*held, *others):
            # a key belongs to its claim, so a late click never lands on the next one
            name = f"{verdict}-{passage}-{one.response}-{one.id}"
            st.button(words, shortcut=key, key=name, on_click=_rule, args=(store, one, verdict, passage))
        back = (store, evaluation.id, state.me())
        st.button("Undo", shortcut="Z", type="tertiary", disabled=not done, key=f"unsay-{done}",
                  on_click=draws.take_back, args=back)  # fmt: skip
        st.button("Stop here", type="tertiary", key=f"leave-{done}", on_click=state.ask, kwargs={"check": ""})
    for number, found in _numbered(one):
        place = notices.plain(f"[{number}] {cited.place(found)}")
        with st.container(border=True, gap="xsmall", key=f"passage-{number}"):
            st.caption(place)
            st.html(f'<div class="said">{cited.lit(str(found["text"]), one.claim)}</div>')


def _rule(store: Store, one: Blind, verdict: str, passage: int) -> None:
    with notices.told():
        overrides.rule(store, one.response, one.id, verdict, state.me(), passage=passage, drawn=True)


def _numbered(one: Blind) -> list[tuple[int, dict[str, Any]]]:
    return list(enumerate(one.passages, 1))


def agreement(found: Agreement, judge: str) -> None:
    """How often, how far beyond chance, and where not."""
    if not found.people:
        st.markdown("Nobody has checked a claim blind yet, so nobody knows.")
        return
    if not found.enough:
        st.markdown(
            f"Cannot tell yet: {parts.count(found.n, 'claim')} checked, and it takes {draws.LEAST} to say anything."
        )
    else:
        beyond = "no figure: all verdicts were the same" if found.kappa.value is None else found.kappa.plain()
        results.rows(
            [
                ("Same verdict", str(found.share), f"People and {judge or 'the judge'} on claims drawn at random."),
                ("Beyond chance", beyond, "Cohen's kappa: 1 is full agreement, 0 what chance alone would bring."),
            ]
        )
    by = f"Checked by {', '.join(found.people)}."
    if found.unsure:
        by += f" Of {parts.count(found.unsure, 'claim')} they could not tell; these count nowhere."
    if found.twice.n:
        by += f" Where several checked the same claim, they agree with each other on {found.twice}."
    st.caption(notices.plain(by))
    mine = [one for one in found.differ if one.made_by == state.me()]  # the others' may still be dealt
    if mine:
        with st.expander(f"{parts.count(len(mine), 'claim')} of which you say something else", type="compact"):
            for one in mine:
                st.html(ledger.row(one.row) + f'<div class="where">You say: {_said(one)}</div>')


def _said(one: draws.Differ) -> str:
    return ledger.said_of(one.verdict, one.passage)

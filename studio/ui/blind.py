"""Blind: answers of the playground without names, in an order of their own each time, until somebody wants to know.

For a first feeling among a few questions. Nothing is kept: verdicts that shall count are given in the Arena, on the
items of an evaluation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import streamlit as st

from engine.scoring import stats
from studio.judging.asking import Turn
from studio.ui import notices, parts, state

TIE = -1
LETTERS = "ABCD"


def order(turn: Turn, number: int) -> list[int]:
    """In which order the answers to a question stand: by chance, and the same each time it is drawn."""
    places = list(range(len(turn.answers)))
    Random(f"{state.seat()}-{number}-{turn.question}").shuffle(places)
    return places


@dataclass(frozen=True)
class Count:
    wins: tuple[int, ...]  # of each candidate, in their order
    ties: int
    others: int = 0  # verdicts on answers of other candidates, not counted

    @property
    def n(self) -> int:
        return sum(self.wins) + self.ties


def verdict(number: int, turn: Turn) -> None:
    """Buttons to say which answer is best; the choice can be changed until the names are shown."""
    given = state.value(state.VERDICTS, {})
    places = order(turn, number)
    with st.container(horizontal=True, gap="small"):
        for letter, place in [*zip(LETTERS, places, strict=False), ("None is better", TIE)]:
            label = letter if place == TIE else f"{letter} is best"
            chosen = given.get(number) == place
            if st.button(label, key=f"best-{number}-{place}", type="primary" if chosen else "secondary"):
                state.keep(state.VERDICTS, {**given, number: place})
                st.rerun()


def count(turns: Sequence[Turn]) -> Count:
    """What was said so far, by candidate; of the questions that those were asked who were asked the last one."""
    given = state.value(state.VERDICTS, {})
    last = _asked(turns[-1]) if turns else ()
    said = [given[number] for number, turn in enumerate(turns) if number in given and _asked(turn) == last]
    others = sum(number in given for number in range(len(turns))) - len(said)
    return Count(tuple(said.count(place) for place in range(len(last))), said.count(TIE), others)


def _asked(turn: Turn) -> tuple[tuple[str, str | None], ...]:
    return tuple((answer.name, answer.system) for answer in turn.answers)


def told(turns: Sequence[Turn], names: Sequence[str]) -> None:
    """Who was preferred, once the names are shown."""
    found = count(turns)
    if not found.n and not found.others:
        return
    with st.container(border=True):
        parts.label("What you said blind")
        wins = [f"{notices.plain(name)} {won}" for name, won in zip(names, found.wins, strict=False)]
        st.markdown(f"{' · '.join(wins)} · none better {found.ties} · n = {found.n}")
        if found.others:
            st.caption(f"{parts.count(found.others, 'verdict')} on answers of other candidates: not counted here.")
        if len(found.wins) == 2 and found.n:
            sign = stats.preference(found.wins[0], found.ties, found.wins[1])
            st.caption(
                f"Sign test on the decided ones: {stats.p_text(sign.p)}. So few questions settle little; "
                "an evaluation with blind judging in the Arena does."
            )

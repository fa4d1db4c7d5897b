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
    """What was said so far, by candidate."""
    given = state.value(state.VERDICTS, {})
    most = max((len(turn.answers) for turn in turns), default=0)
    said = [given[number] for number in range(len(turns)) if number in given]
    return Count(tuple(said.count(place) for place in range(most)), said.count(TIE))


def told(turns: Sequence[Turn], names: Sequence[str]) -> None:
    """Who was preferred, once the names are shown."""
    found = count(turns)
    if not found.n:
        return
    with st.container(border=True):
        parts.label("What you said blind")
        wins = [f"{notices.plain(name)} {won}" for name, won in zip(names, found.wins, strict=False)]
        st.markdown(f"{' · '.join(wins)} · none better {found.ties} · n = {found.n}")
        if len(found.wins) == 2:
            sign = stats.preference(found.wins[0], found.ties, found.wins[1])
            st.caption(
                f"Sign test on the decided ones: {stats.p_text(sign.p)}. So few questions settle little; "
                "an evaluation with blind judging in the Arena does."
            )

"""Blind: answers of the playground without names, in an order of their own each time, until somebody wants to know.

For a first feeling among a few questions. Nothing is kept: verdicts that shall count are given in the Arena, on the
items of an evaluation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import streamlit as st

from engine.scoring import clustered, stats
from studio.judging import asking, kin
from studio.judging.asking import Turn
from studio.judging.kin import Kin
from studio.ui import notices, parts, state

TIE = -1
BLIND = "blind"  # the key of the toggle
LETTERS = "ABCD"


def order(turn: Turn, number: int) -> list[int]:
    """In which order the answers to a question stand: by chance, and the same each time it is drawn."""
    places = list(range(len(turn.answers)))
    Random(f"{state.seat()}-{number}-{turn.question}").shuffle(places)
    return places


@dataclass(frozen=True)
class Count:
    """What was found best, as `verdicts`: a question and the place of a candidate, or TIE."""

    candidates: int
    verdicts: tuple[tuple[str, int], ...]
    others: int = 0  # verdicts on answers of other candidates, not counted

    @property
    def wins(self) -> tuple[int, ...]:
        """Of each candidate, in their order."""
        places = [place for _, place in self.verdicts]
        return tuple(places.count(place) for place in range(self.candidates))

    @property
    def ties(self) -> int:
        return self.n - sum(self.wins)

    @property
    def n(self) -> int:
        return len(self.verdicts)


def verdict(number: int, turn: Turn) -> None:
    """Buttons to say which answer is best; the choice can be changed until the names are shown."""
    if not whole(turn):
        st.caption("An answer is missing, so there is nothing to compare.")
        return
    given = state.value(state.VERDICTS, {})
    places = order(turn, number)
    with st.container(horizontal=True, gap="small"):
        for letter, place in [*zip(LETTERS, places, strict=False), ("None is better", TIE)]:
            label = letter if place == TIE else f"{letter} is best"
            chosen = given.get(number) == place
            if st.button(label, key=f"best-{number}-{place}", type="primary" if chosen else "secondary"):
                state.keep(state.VERDICTS, {**given, number: place})
                st.rerun()


def whole(turn: Turn) -> bool:
    """Whether everybody answered: an answer that never came is no worse one."""
    return all(answer.stage == asking.DONE for answer in turn.answers)


def count(turns: Sequence[Turn]) -> Count:
    """What was said so far, by candidate; of the questions that those were asked who were asked the last one."""
    given = state.value(state.VERDICTS, {})
    last = _asked(turns[-1]) if turns else ()
    judged = [(turn, given[number]) for number, turn in enumerate(turns) if number in given]
    said = tuple((turn.question.strip(), place) for turn, place in judged if _asked(turn) == last)
    return Count(len(last), said, others=len(judged) - len(said))


def _asked(turn: Turn) -> tuple[object, ...]:
    """Who was asked: by what each candidate is, since changed settings are called alike; by name in an old link."""
    return tuple(answer.candidate or (answer.name, answer.system) for answer in turn.answers)


def told(turns: Sequence[Turn], names: Sequence[str]) -> None:
    """Who was preferred, once the names are shown."""
    found = count(turns)
    if not found.n and not found.others:
        return
    with st.container(border=True, key="here-verdicts"):
        parts.label("What you said blind")
        wins = [f"{notices.plain(name)} {won}" for name, won in zip(names, found.wins, strict=False)]
        st.markdown(f"{' · '.join(wins)} · none better {found.ties} · n = {found.n}")
        if found.others:
            st.caption(f"{parts.count(found.others, 'verdict')} on answers of other candidates: not counted here.")
        if found.candidates == 2 and found.n:
            st.caption(
                f"{sign_test(found, kin.known(state.store()))} So few questions settle little; "
                "an evaluation with blind judging in the Arena does."
            )


def sign_test(found: Count, known: Kin) -> str:
    """What chance makes of verdicts on two. Questions on one document are alike, so it is the document that counts; so
    is one that was asked again."""
    outcomes = [{0: 1, 1: -1}.get(place, 0) for _, place in found.verdicts]
    clusters = known.several([question for question, _ in found.verdicts])
    p = stats.p_text(clustered.preference(outcomes, clusters).p)
    return f"Sign test on the decided ones, {clusters.told or 'each question on its own'}: {p}."


def names(turns: Sequence[Turn]) -> None:
    """The button that ends the blindness; it stands out once every question that can have a verdict has one."""
    given = state.value(state.VERDICTS, {})
    judged = all(number in given for number, turn in enumerate(turns) if whole(turn))
    st.button(
        "Show the names",
        type="primary" if judged else "secondary",
        icon=":material/visibility:",
        key="names",
        on_click=_see,
    )


def _see() -> None:
    state.keep(BLIND, False)
    state.keep(state.FOLLOWED, True)

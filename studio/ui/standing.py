"""Standing: what stands in the playground of one window. A reload finds it again, and a link that was shared opens it
for everybody.

The address carries the window's seat; under that and the person's name this process remembers what stands there. It is
written nowhere until somebody shares it, and gone when the studio ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from studio.building import candidates
from studio.building.candidates import Candidate
from studio.judging import arrangements
from studio.judging.asking import Turn
from studio.ui import choosing, notices, state

MOST = 200  # windows that are remembered, the latest ones


@dataclass(frozen=True)
class Standing:
    """Who is asked and what was said; `left` are questions that were asked and not answered yet; `by` who shared it."""

    id: str
    chosen: tuple[Candidate, ...]
    follow: bool = False
    turns: tuple[Turn, ...] = ()
    verdicts: tuple[tuple[int, int], ...] = ()
    left: tuple[str, ...] = ()
    by: str = ""


@st.cache_resource
def _remembered() -> dict[tuple[str, str], Standing]:
    return {}


def opened() -> Standing | None:
    """What this window began with: what stood here before a reload, what a link leads to, or what another page wants
    asked. None for a fresh start."""
    seat, link = state.asked("seat"), state.asked("arrangement")
    if seat and state.value(state.SEAT) != seat and (before := _remembered().get((state.me(), seat))):
        state.keep(state.SEAT, seat)
        state.keep(state.ARRANGED, link)
        _begin(before)
    elif link and state.value(state.ARRANGED) != link:
        state.keep(state.ARRANGED, link)
        with notices.told():
            found = arrangements.get(state.store(), link)
            _begin(Standing(link, found.candidates, found.follow, found.turns, by=found.made_by))
    elif state.asked("model") or state.asked("library"):
        with notices.told():
            _wanted(state.asked("model"), state.asked("library"))
        state.ask(model="", library="")
    return state.value(state.STANDING)


def remember(chosen: Sequence[Candidate], follow: bool, touched: bool = True) -> None:
    """Keep what stands here for the next reload; the address says so once something was `touched`."""
    seat, known = state.seat(), _remembered()
    known.pop((state.me(), seat), None)  # the latest come last
    known[state.me(), seat] = Standing(
        seat,
        tuple(chosen),
        follow,
        tuple(state.value(state.TURNS, [])),
        tuple(state.value(state.VERDICTS, {}).items()),
        tuple(state.value(state.ASKING, [])),
    )
    while len(known) > MOST:
        del known[next(iter(known))]
    if touched and state.asked("seat") != seat:
        state.ask(seat=seat)


def share(chosen: Sequence[Candidate], follow: bool) -> None:
    """A link to all that stands here; once something changes, another one is due."""
    store, turns = state.store(), state.value(state.TURNS, [])
    with st.popover("Share", icon=":material/link:"):
        st.markdown(
            "Whoever can open this studio sees these candidates with their settings, and these questions and answers."
        )
        id = arrangements.mark(chosen, turns, follow)
        if state.asked("arrangement") != id and st.button("Make a link", type="primary", key="share"):
            arrangements.keep(store, chosen, turns, state.me(), follow)
            state.keep(state.ARRANGED, id)
            state.ask(arrangement=id)
            st.rerun()
        if state.asked("arrangement") == id:
            st.code(f"{st.context.url or ''}?arrangement={id}".replace("//?", "/?"), language=None, wrap_lines=True)


def clear() -> None:
    """Take questions and answers away; they can be brought back until the next is asked."""
    state.keep(state.CLEARED, (state.value(state.TURNS, []), state.value(state.VERDICTS, {})))
    _say((), {}, ())
    state.ask(arrangement="")


def bring_back() -> None:
    turns, verdicts = state.value(state.CLEARED)
    _say(turns, verdicts, ())
    state.keep(state.CLEARED, None)


def _wanted(model: str, library: str) -> None:
    """A model that another page wants asked; or a library, beside the same model without it."""
    store, me = state.store(), state.me()
    first, *others = dict.fromkeys([*([model] if model else []), *choosing.defaults(2)])
    drawn = [candidates.draft(store, one, one, me) for one in (first, *others)]
    if library:
        reads = candidates.draft(store, f"{first} + {library}", first, me, library=library)
        drawn = [drawn[0], reads]
    _begin(replace(_now(), id=f"{model}-{library}", chosen=tuple(drawn[:2])))


def _now() -> Standing:
    turns, verdicts = state.value(state.TURNS, []), state.value(state.VERDICTS, {})
    return Standing("", (), False, tuple(turns), tuple(verdicts.items()), tuple(state.value(state.ASKING, [])))


def _begin(with_: Standing) -> None:
    """Put it before this window; whoever was chosen here before gives way."""
    state.keep(state.STANDING, with_)
    _say(with_.turns, dict(with_.verdicts), with_.left)
    for side, one in enumerate(with_.chosen):
        choosing.put(side, one)


def _say(turns: Sequence[Turn], verdicts: dict[int, int], left: Sequence[str]) -> None:
    values: dict[str, Any] = {state.TURNS: list(turns), state.VERDICTS: verdicts, state.ASKING: list(left)}
    for key, value in values.items():
        state.keep(key, value)

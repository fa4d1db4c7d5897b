"""Reckoning: what an evaluation can show, what it costs and how long it takes, before it is started."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from studio.building import models
from studio.building.candidates import Candidate
from studio.deciding import findings
from studio.judging import forecast, reach
from studio.judging.forecast import Forecast, Line
from studio.judging.orders import Measures, Order, Terms
from studio.judging.reach import Reach
from studio.store import Store
from studio.ui import notices, parts


def shown(store: Store, order: Order) -> None:
    """The promise in words, and what it rests on, candidate by candidate."""
    seen = reaching(store, order.items)
    st.markdown(f"**{seen.asked}**: {notices.plain(seen.shows)}.")
    if not (order.candidates and order.measures.metrics):
        return
    for words in leaves(store, order.candidates, order.measures.judge):
        st.warning(notices.plain(words), icon=":material/outbound:")
    with notices.told(), st.spinner("Reckoning cost and time"):
        ids = tuple(item["id"] for item in order.questions.items)
        found = _foreseen(store, ids, order.candidates, order.measures, order.terms, order)
        st.caption(notices.plain(order.words))
        st.markdown(_in_words(found))
        with st.expander("What that rests on", type="compact", icon=":material/calculate:"):
            width = {"Euros": st.column_config.TextColumn(width=90)}
            st.dataframe(pd.DataFrame(map(_row, found.all)), hide_index=True, column_config=width)


def leaves(store: Store, who: Sequence[Candidate], judge: str) -> list[str]:
    """What is sent to another machine, a sentence an endpoint."""
    asked = {one.model: "the questions, with what the candidate is told, shown and looks up" for one in who}
    if judge:
        asked[judge] = asked.get(judge, "the questions, passages and answers that it judges")
    known = {name: models.get(store, name) for name in asked}
    return [
        f"This leaves the machine: {what} go to {name} at {known[name].path}."
        for name, what in asked.items()
        if known[name].leaves
    ]


def reaching(store: Store, items: Sequence[Mapping[str, Any]]) -> Reach:
    """What these items can show between two candidates."""
    return _reaching(store, tuple(item["id"] for item in items), items)


@st.cache_data(ttl=60, max_entries=40, show_spinner=False)
def _reaching(_store: Store, ids: tuple[str, ...], _items: Sequence[Mapping[str, Any]]) -> Reach:
    return reach.of(_store, _items)


@st.cache_data(ttl=60, max_entries=40, show_spinner=False)
def _foreseen(
    _store: Store, ids: tuple[str, ...], who: Sequence[Candidate], measures: Measures, terms: Terms, _order: Order
) -> Forecast:
    return forecast.of(_store, _order)


def _in_words(found: Forecast) -> str:
    if found.requests and found.kept == found.requests:
        return f"**{found.requests:,} requests**, all of them answered before: nobody is asked again, and nothing paid."
    kept = f", {found.kept:,} of them answered before and free" if found.kept else ""
    return f"**{found.requests:,} requests**{kept}. {takes(found.seconds, found.euros, found.unknown)}"


def takes(seconds: float | None, euros: float | None, unknown: Sequence[str]) -> str:
    """How long it lasts and what it costs, as far as that is known; `unknown` are those whose price nobody knows."""
    time = "How long that takes is not known before the first one"
    time = time if seconds is None else f"About {parts.lasting(seconds)}"
    cost = f"what {_listed(unknown)} costs, nobody has said" if euros is None else findings.euros(euros)
    return f"{time}; {f'about {cost}' if cost[0].isdigit() else cost}."


def _listed(names: Sequence[str]) -> str:
    return notices.plain(", ".join(dict.fromkeys(names)))


def _row(line: Line) -> dict[str, Any]:
    return {
        "Who is asked": line.name,
        "Requests": line.requests,
        "Answered before": line.kept,
        "Tokens read": line.tokens_in,
        "Tokens written": line.tokens_out,
        "Euros": "not known" if line.euros is None else findings.euros(line.euros),
        "Time": "not known" if line.seconds is None else parts.lasting(line.seconds),
        "Rests on": line.basis,
    }

"""Forecast: what a launch would take, in plain words, before it happens; and what would keep it from working."""

from dataclasses import asdict
from typing import Any

import pandas as pd
import streamlit as st

from engine import sizes
from engine.training.forecast import plan
from engine.training.forecast.plan import Plan
from engine.training.forecast.preflight import Preflight, Span
from engine.training.forecast.remarks import Remark
from engine.training.settings import TrainSpec
from studio.building import forecasts, material
from studio.building.forecasts import Forecast, Parcel
from studio.building.material import Material
from studio.building.orders import Order
from studio.building.sweeps import SEED
from studio.store import Store
from studio.ui import notices, parts, privacy

GB = 1e9
UNCOUNTED = ("rewards", "trackers", "learning_rate", "dropout", "seed")  # change nothing in what is read


def show(store: Store, order: Order) -> bool:
    """Draw the forecast; True when nothing keeps it from starting."""
    for words in order.leaves(store):
        st.warning(notices.plain(words), icon=":material/outbound:")
    if order.engine:
        return _sent(forecasts.parcel(store, order))
    found = forecasts.of(store, order, _counted)
    with st.container(border=True, key="forecast"):
        parts.facts(_facts(found.looks[0]))
        if found.n > 1:
            _together(found, order)
        for remark in _once(found, "stops"):
            st.error(_said(remark), icon=":material/block:")
        for remark in _once(found, "warnings"):
            st.warning(_said(remark), icon=":material/warning:")
        if found.ready:
            st.markdown(":material/check_circle: It can work as it stands.")
        for remark in _once(found, "notes"):
            st.caption(_said(remark))
        _memory(found.looks[0])
    return found.ready


def _sent(parcel: Parcel) -> bool:
    """What goes to another machine. It counts and checks by itself, and the run says what it found."""
    with st.container(border=True, key="forecast"):
        sides = {f"{name} rows": f"{n:,}" for name, n in parcel.rows.items()}
        parts.facts({**sides, "to send, at most": sizes.in_words(parcel.size), "runs": f"{parcel.runs:,}"})
        st.caption("That engine counts and checks them when they arrive; the run's page says what it found.")
    return True


def cleared(store: Store, learned: Material) -> bool:
    """The look for personal data in what will be read; True when there is none or somebody has ticked it off."""
    dataset = learned.source if learned.kind == material.SNAPSHOT else ""
    return privacy.cleared(store, forecasts.read_by(store, learned), dataset, f"launch-{learned.id}")


def _counted(spec: TrainSpec) -> Plan:
    return _plan(**{key: value for key, value in asdict(spec).items() if key not in UNCOUNTED})


@st.cache_data(max_entries=100, show_spinner="Counting tokens")
def _plan(**settings: Any) -> Plan:
    """What is frozen never changes, so neither does what a run on it would read."""
    return plan.plan(TrainSpec(**settings))


def _facts(look: Preflight) -> dict[str, str]:
    counted = look.plan
    found = {
        "examples": f"{counted.examples:,}",
        "tokens": f"{counted.tokens:,}",
        "of these learned": f"{counted.trained_tokens:,}",
        "longest": f"{counted.longest:,} tokens",
        "steps": f"{counted.steps:,}",
        "validation examples": f"{counted.validation_examples:,}",
    }
    if look.memory:
        found["memory"] = f"{sizes.in_words(look.memory.low)} to {sizes.in_words(look.memory.high)}"
    if look.seconds:
        found["time"] = _between(look.seconds)
    if look.price:
        found["cost"] = f"{_money(look.price.likely)} {look.currency}"
    found["disk"] = f"{sizes.in_words(look.disk.needed)} of {sizes.in_words(look.disk.free)}"
    return found


def _together(found: Forecast, order: Order) -> None:
    """What several runs take in all, and each combination on a line."""
    seeds = f", each with {found.seeds} seeds" if found.seeds > 1 else ""
    combinations = parts.count(len(found.looks), "combination") if len(found.looks) > 1 else "The same"
    words = f"**{found.n} runs**: {combinations}{seeds}, one after the other"
    words += f", about {parts.lasting(found.seconds)} in all" if found.seconds is not None else ""
    words += f", for {_money(found.price)} {found.looks[0].currency}" if found.price is not None else ""
    st.markdown(f"{words}.")
    if order.grid:
        planned = [one for one in order.planned if one.get(SEED) == order.planned[0].get(SEED)]
        rows = [_line(order, one, look) for one, look in zip(planned, found.looks, strict=True)]
        st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", key="combinations")


def _line(order: Order, settings: dict[str, Any], look: Preflight) -> dict[str, str]:
    return {
        **{key.replace("_", " "): f"{settings[key]}" for key in order.grid},
        "steps": f"{look.plan.steps:,}",
        "time": _between(look.seconds) if look.seconds else "not known",
        "memory": sizes.in_words(look.memory.total) if look.memory else "not known",
        "can it work": "yes" if look.ready else "no",
    }


def _memory(look: Preflight) -> None:
    if look.memory is None:
        return
    with st.expander("Where the memory goes, and where the time comes from", icon=":material/memory:", type="compact"):
        rows = [{"term": term.name, "GB": f"{term.size / GB:.2f}", "why": term.why} for term in look.memory.terms]
        rows.append({"term": "all", "GB": f"{look.memory.total / GB:.2f}", "why": "give or take 15 %"})
        st.table(pd.DataFrame(rows).set_index("term"), border="horizontal")
        if look.pace:
            st.caption(
                f"{look.pace.likely:,.0f} tokens a second ({look.pace.low:,.0f} to {look.pace.high:,.0f}): "
                f"{notices.plain(look.pace.source)}."
            )


def _once(found: Forecast, kind: str) -> list[Remark]:
    """The remarks of all looks, each once."""
    return list(dict.fromkeys(remark for look in found.looks for remark in getattr(look, kind)))


def _said(remark: Remark) -> str:
    return notices.plain(str(remark))


def _between(span: Span) -> str:
    low, high = parts.lasting(span.low), parts.lasting(span.high)
    return f"{low} to {high}" if low != high else low


def _money(amount: float) -> str:
    return f"{amount:,.2f}" if amount >= 0.01 else "less than 0.01"

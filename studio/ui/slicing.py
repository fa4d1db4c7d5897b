"""Slicing: where one candidate does better or worse than elsewhere, as a table, and the items of one slice below it."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from engine.scoring import stats
from engine.scoring.scales import Scale
from engine.scoring.stats import Difference, Estimate
from studio.judging import slices
from studio.judging.evaluations import Evaluation
from studio.judging.reports import Line
from studio.judging.slices import Slice
from studio.store import Store
from studio.ui import sift


def shown(store: Store, evaluation: Evaluation, lines: Sequence[Line], metric: str) -> None:
    names = {line.candidate: line.name for line in lines}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.selectbox(
            "Cut by", slices.kinds(store, evaluation.id), format_func=slices.KINDS.__getitem__,
            key=f"cut-{evaluation.id}", width=260, persist_state="session",
        )  # fmt: skip
        whose = st.selectbox(
            "Candidate", list(names), format_func=names.__getitem__, key=f"sliced-{evaluation.id}", width=260,
            persist_state="session",
        )  # fmt: skip
        others = ["", *(id for id in names if id != whose)]
        against = st.selectbox(
            "Against", others, format_func=lambda id: names.get(id, "nobody, only the other items"),
            key=f"slice-against-{evaluation.id}-{whose}", width=260, persist_state="session",
        )  # fmt: skip
    found, scale = slices.table(store, evaluation.id, metric, whose, kind, against or "")
    if len(found) < 2:
        st.caption("All items fall into one slice, so there is nothing to compare.")
        return
    _table(found, scale, bool(against))
    st.caption(
        f"A slice under {slices.FEW} items says too little to be tested. Of {len(found)} slices some differ by chance; "
        "those marked ▲ or ▼ stand out even so: on average at most one mark in ten is a false alarm "
        "(Benjamini and Hochberg). In brackets stands the 95 % interval of each difference by itself; one in twenty "
        "misses zero by chance alone."
    )
    inside = {one.name: one.items for one in found}
    name = st.selectbox(
        "The items of", list(inside), index=None, format_func=lambda name: f"{name} ({len(inside[name])})",
        key=f"slice-{evaluation.id}-{kind}-{whose}", placeholder="Choose a slice to read its items", width=420,
        persist_state="session",
    )  # fmt: skip
    if name:
        sift.items(store, evaluation, lines, metric, inside[name])


def _table(found: Sequence[Slice], scale: Scale, compared: bool) -> None:
    rows = []
    for one in found:
        row = {"Slice": one.name, "Items": one.found.n, "Figure": scale.text(one.found)}
        rest = f"n = {one.found.n} next to {one.apart.n - one.found.n}"
        row["Next to all other items"] = _said(one.stands_out, one.apart, rest, scale)
        if compared:
            both = f"n = {one.change.counted}" if one.change else ""
            row["Against the other candidate"] = _said(one.changed, one.change, both, scale)
        rows.append(row)
    st.dataframe(pd.DataFrame(rows), hide_index=True)


def _said(beyond: bool | None, found: Estimate | Difference | None, counted: str, scale: Scale) -> str:
    """What a difference says that is or is not more than chance, with its interval; None where it was not tested."""
    if beyond is None or found is None or found.value is None:
        return "too few items"
    side = ("▲ better" if (found.value > 0) != scale.lower else "▼ worse") if beyond else "no more than chance"
    told = [counted]
    if found.low is not None and found.high is not None:
        told = [f"{_step(found.low, scale)} to {_step(found.high, scale)}", counted]
    return f"{side}: {_step(found.value, scale)}{' points' * scale.of_hundred} ({', '.join(told)})"


def _step(value: float, scale: Scale) -> str:
    return stats.in_points(value) if scale.of_hundred else f"{value:+.2f}"

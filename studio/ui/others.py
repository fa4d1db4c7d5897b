"""Others: a candidate of one evaluation beside one of another, over the items that both have asked."""

from collections.abc import Sequence

import streamlit as st

from studio.judging import between
from studio.judging.between import Between, Partner
from studio.judging.evaluations import Evaluation
from studio.judging.reports import Line
from studio.store import Store
from studio.ui import notices, parts, results


def shown(store: Store, evaluation: Evaluation, lines: Sequence[Line], metric: str) -> None:
    found = between.partners(store, evaluation.id, metric)
    if not found:
        st.caption(f"No other evaluation has asked any of these items and scored them by {metric}.")
        return
    names, known = {line.candidate: line.name for line in lines}, {one.evaluation: one for one in found}
    called = parts.told_apart({one.evaluation: _called(one) for one in found})
    left, middle, right = st.columns(3)
    whose = left.selectbox("This", list(names), format_func=names.__getitem__, key=f"mine-{evaluation.id}")
    with middle:
        other = known[
            st.selectbox("Other evaluation", list(known), format_func=called.__getitem__, key=f"other-{evaluation.id}")
        ]
    theirs = right.selectbox(
        "Its candidate",
        list(other.candidates),
        format_func=other.candidates.__getitem__,
        key=f"theirs-{other.evaluation}",
    )
    told = between.between(store, (other.evaluation, theirs), (evaluation.id, whose), metric)
    rows = [
        (f"{other.candidates[theirs]}, then", told.scale.text(told.first), "The other evaluation, as the baseline."),
        (f"{names[whose]}, here", told.scale.text(told.second), told.scale.in_words(told.difference)),
    ]
    results.rows(rows)
    if differs := between.otherwise(store, other.evaluation, evaluation.id, metric):
        said = f"They were not scored alike: {notices.plain(differs)}. Part of the difference may come from that."
        st.warning(said, icon=":material/rule:")
    st.caption(_not_shared(told))


def _called(one: Partner) -> str:
    return f"{one.name} ({parts.count(one.shared, 'shared item')})"


def _not_shared(told: Between) -> str:
    said = f"Over {parts.count(told.shared, 'item')} that both have a score for."
    left_out = [
        f"{told.only_first:,} only the other has" if told.only_first else "",
        f"{told.only_second:,} only this one has" if told.only_second else "",
        f"{told.changed:,} that are held against something else there" if told.changed else "",
    ]
    if any(left_out):
        said += f" Not counted: {', '.join(one for one in left_out if one)}."
    return said

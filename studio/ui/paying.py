"""Paying: the form of a reward, drawn from the settings of its kind, and what a trial found."""

import json
from dataclasses import MISSING, Field, asdict, fields
from typing import Any

import pandas as pd
import streamlit as st

from engine.problems import Problem
from engine.training.material.rewards import REWARDS
from studio.building import rewards
from studio.building.trials import Paid, Trial
from studio.data import datasets, guides
from studio.store import Store
from studio.ui import charts, notices, parts

KINDS = {  # kind -> name, what it pays for
    "exact": ("The expected answer", "Pays 1 when the answer is the expected one, else 0."),
    "json": ("Valid JSON", "Pays 1 when the answer is JSON with the fields that a schema asks for, else 0."),
    "tool": ("The right tool call", "Pays half for the right tool, half for its arguments."),
    "regex": ("A pattern", "Pays 1 when the answer holds a pattern, or when it does not."),
    "length": ("Length", "Pays 1 within a length; the further off, the less."),
    "judge": ("A judge's mark", "A model reads the answer and gives it a mark by your rubric. It can be flattered."),
    "style": ("A style guide", "Pays 1 when every rule of a guide is kept; each rule that is broken halves it."),
}
CHOICES = {
    ("tool", "arguments"): {"exact": "these and no others", "subset": "these at least", "any": "do not count"},
    ("length", "unit"): {"words": "words", "characters": "characters"},
}
LONG = ("rubric",)
SHOWN = 100  # answers in the table
BAR = st.column_config.ProgressColumn(min_value=0, max_value=1, format="%.2f", width="small")
WORDS = st.column_config.TextColumn(width="medium")


def form(store: Store, number: int, values: dict[str, Any], key: str) -> tuple[dict[str, Any], bool]:
    """The settings of one reward as they stand in its form, and whether it shall be taken out."""
    kind = values["kind"]
    name, words = KINDS[kind]
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{number}. {name}**", width="stretch")
            out = st.button("Take out", icon=":material/close:", type="tertiary", key=f"{key}-out")
        st.caption(words)
        known = {field.name: field for field in fields(REWARDS[kind])}
        with st.grid(2, min_column_width=200):
            weight = st.number_input(
                "Weight",
                min_value=0.1,
                value=float(values.get("weight", 1.0)),
                step=0.5,
                key=f"{key}-weight",
                help="Its share of the whole payment, among the weights of all.",
            )
            made = {name: _setting(store, kind, field, values.get(name), key) for name, field in known.items()}
    return {"kind": kind, "weight": weight, **made}, out


def _setting(store: Store, kind: str, field: Field[Any], value: Any, key: str) -> Any:
    """One setting, by the kind of its default; its help text is the field's own."""
    default = field.default_factory() if field.default_factory is not MISSING else field.default
    value = ("" if default is MISSING else default) if value is None else value
    label, help, key = field.name.replace("_", " ").capitalize(), field.metadata["help"], f"{key}-{field.name}"
    if field.name == "guide":
        return _guide(store, value, key)
    if choices := CHOICES.get((kind, field.name)):
        return st.selectbox(label, list(choices), list(choices).index(value), choices.__getitem__, key=key, help=help)
    if isinstance(default, bool):
        return st.checkbox(label, value, key=key, help=help)
    if isinstance(default, int):
        least = int(field.metadata.get("least") or 0)
        return st.number_input(label, min_value=least, value=int(value), step=1, key=key, help=help)
    if isinstance(default, dict):
        return _json(label, value, key, help)
    area = st.text_area if field.name in LONG else st.text_input
    return area(label, value, key=key, help=help) or ""


def _json(label: str, value: Any, key: str, help: str) -> Any:
    text = st.text_area(label, json.dumps(value, indent=1) if value else "", height=160, key=key, help=help) or "{}"
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Problem(f"{label} is not JSON yet.", f"{error}.", "Correct it, or empty the box.") from error
    if not isinstance(found, dict):
        raise Problem(f"{label} is not an object in JSON.", do="It starts with { and ends with }.")
    return found


def _guide(store: Store, value: Any, key: str) -> Any:
    """A style guide, by the dataset that it is of; the one that is held already stays as it was taken."""
    written = {name: guides.get(store, name) for name in datasets.names(store)}
    named = {f"that of {name}": asdict(guide) for name, guide in written.items() if not guide.silent}
    held = {"the one it has": value} if value and value not in named.values() else {}
    offered = {**held, **named}
    if not offered:
        raise Problem("No dataset has a style guide yet.", do="Write one on the tone workbench, or take this out.")
    start = next((n for n, guide in enumerate(offered.values()) if guide == value), 0)
    return offered[st.selectbox("Style guide", list(offered), start, key=key, help="Whose rules must be kept.")]


def leaving(store: Store, listed: list[dict[str, Any]]) -> None:
    """Say so where questions and answers go to a judge elsewhere."""
    for url in rewards.leaving(store, listed):
        st.warning(
            f"**This leaves your machine:** every question and answer that is paid goes to {notices.plain(url)}.",
            icon=":material/outbound:",
        )


def verdict(found: Trial) -> None:
    """What to worry about, and how much is paid in all."""
    for worry in found.warnings:
        st.warning(notices.plain(worry), icon=":material/warning:")
    if not found.warnings:
        st.success("Nothing speaks against it: the answers are paid differently, and no trick earns much.")
    mean = found.mean
    figures = {"answers": f"{len(found.paid):,}"}
    if mean.value is not None:
        between = f" ({mean.low:.2f}-{mean.high:.2f})" if mean.low is not None and mean.high is not None else ""
        figures |= {"paid on average": f"{mean.value:.2f}{between}, n = {mean.n}"}
        figures |= {"least": f"{min(found.totals):.2f}", "most": f"{max(found.totals):.2f}"}
    if found.unknown:
        figures |= {"not known": f"{found.unknown:,}"}
    parts.facts(figures)
    if len(found.totals) > 2:
        said = f"How many of {len(found.totals)} answers are paid how much, from 0 to 1"
        charts.show(charts.payments(found.totals), "payments", said)


def details(found: Trial) -> None:
    """What each answer is paid, part by part with the reason, and what tricks would earn."""
    parts.section("What each answer is paid, and why")
    shown = table(found.paid[:SHOWN])
    st.dataframe(shown, hide_index=True, column_config={"paid": BAR} | dict.fromkeys(shown.columns[1:], WORDS))
    if len(found.paid) > SHOWN:
        st.caption(f"The best {SHOWN} of {len(found.paid):,}; the figures above hold all of them.")
    _tricks(found)


def table(paid: list[Paid]) -> pd.DataFrame:
    """A row an answer, with a column for what each reward pays and why; what is the same for all is left out."""
    rows = []
    for one in paid:
        row = {"paid": one.payment.total, "answer": _words(one.sample.answer)}
        for number, part in enumerate(one.payment.parts, 1):
            value = "not known" if part.value is None else f"{part.value:.2f}"
            row[f"{number}. {KINDS[part.kind][0].lower()}"] = f"{value}: {part.why}"
        rows.append(row | {"question": one.sample.question, "from": one.sample.of})
    found = pd.DataFrame(rows)
    return found.drop(columns=[name for name in ("question", "from") if found[name].nunique() < 2])


def _tricks(found: Trial) -> None:
    parts.section("What tricks would earn")
    st.caption(
        "A model finds every way to be paid, also those that nobody meant. These say something without answering; "
        "they should earn nothing, or clearly less than a good answer."
    )
    rows = [
        {"would be paid": one.pay, "trick": one.name, "why, at the first question": one.why, "n": one.n}
        for one in found.tricks
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, column_config={"would be paid": BAR})


def _words(answer: Any) -> str:
    if isinstance(answer, str):
        return answer
    return str(answer.get("content") or json.dumps(answer.get("tool_calls"), ensure_ascii=False))

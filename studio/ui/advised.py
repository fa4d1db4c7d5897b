"""Advised: what others recommend for a base, with who says so and when, offered for the dials of a launch."""

import math
from typing import Any

import streamlit as st

from engine.training.bases import families
from engine.training.bases.families import Advice, Range, Source
from studio.ui import notices, parts, state

TAKEN = {"learning_rate": float, "rank": int, "epochs": float}  # what is taken over, in the type of the dial


def offer(base: str) -> None:
    """The advice for a base that is known by name; nothing for another."""
    family = families.of_base(base)
    if family is None or not family.advice:
        return
    rates = family.learning_rates
    span = f": learning rates from {rates[0]:g} to {rates[1]:g}" if rates else ""
    sources = parts.count(len(family.advice), "source")
    with st.expander(f"Recommended for {family.title}{span} ({sources})", icon=":material/school:", key="advice"):
        st.caption("Sources disagree, as they learned from other data. Try two, on a small grid.")
        for number, advice in enumerate(family.advice):
            left, right = st.columns([4, 1], vertical_alignment="center")
            source = advice.source
            left.markdown(
                f"**{_words(advice)}**. {notices.plain(advice.why)}  \n"
                f":small[{_linked(source)}, {notices.plain(source.publisher)}, read {source.read}]"
            )
            right.button("Use these", key=f"advice-{number}", on_click=_take, args=(advice,))


def values(advice: Advice) -> dict[str, Any]:
    """Settings within what a source recommends: of a range the middle, as ratios go."""
    found = {name: getattr(advice, name) for name in TAKEN}
    return {name: TAKEN[name](_middle(span)) for name, span in found.items() if span}


def _linked(source: Source) -> str:
    title = notices.plain(source.title)
    return f"[{title}]({source.url})" if source.url.startswith("https://") else title


def _take(advice: Advice) -> None:
    for name, value in values(advice).items():
        state.keep(f"dial-{name}", value)


def _middle(span: Range) -> float:
    low, high = span
    if low == high:
        return low
    middle = math.sqrt(low * high)
    return round(middle, -math.floor(math.log10(middle)))  # one digit: it is no more exact than that


def _words(advice: Advice) -> str:
    told = {name.replace("_", " "): getattr(advice, name) for name in TAKEN}
    spans = [f"{name} {low:g}" if low == high else f"{name} {low:g} to {high:g}"
             for name, span in told.items() if span for low, high in [span]]  # fmt: skip
    return ", ".join(spans) or "No figures"

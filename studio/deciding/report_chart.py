"""The picture of the report: the four arms as points, facts to the right and tone upwards, with their intervals.

It only places things; the template draws them. Units are those of the picture's own 480 x 452 view.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LEFT, RIGHT, TOP, BOTTOM = 58.0, 462.0, 18.0, 396.0
LINE = 21.0  # of text
# what was added on the way from one arm to the other
WAYS = (("prompt", "rag"), ("prompt", "tuned"), ("rag", "tuned_rag"), ("tuned", "tuned_rag"))


@dataclass(frozen=True)
class Dot:
    """A point, the ends of its two intervals, and where its name stands."""

    arm: str
    name: str
    x: float
    y: float
    left: float
    right: float
    top: float
    bottom: float
    text_x: float
    text_y: float
    anchor: str


@dataclass(frozen=True)
class Chart:
    dots: list[Dot]
    ways: list[tuple[Dot, Dot]]


def chart(arms: Mapping[str, Mapping[str, Any]]) -> Chart | None:
    """The picture of the arms that have both figures; None when there is none."""
    dots: dict[str, Dot] = {}
    for key in ("prompt", "rag", "tuned", "tuned_rag"):
        arm = arms.get(key, {})
        if all((arm.get(metric) or {}).get("value") is not None for metric in ("facts", "tone")):
            dots[key] = _dot(key, arm, list(dots.values()))
    if not dots:
        return None
    return Chart(list(dots.values()), [(dots[a], dots[b]) for a, b in WAYS if a in dots and b in dots])


def _dot(key: str, arm: Mapping[str, Any], placed: list[Dot]) -> Dot:
    facts, tone = _ends(arm["facts"]), _ends(arm["tone"])
    x, y = _across(facts[1]), _up(tone[1])
    # names stand inwards, where there is room, and never on one another
    inwards = -1 if facts[1] > 0.5 else 1
    anchor = "end" if inwards < 0 else "start"
    down = tone[1] > 0.5
    text_y = y + (LINE + 6 if down else -16)
    while any(dot.anchor == anchor and abs(dot.text_y - text_y) < LINE and abs(dot.x - x) < 200 for dot in placed):
        text_y += LINE if down else -LINE
    ends = {"left": _across(facts[0]), "right": _across(facts[2]), "top": _up(tone[2]), "bottom": _up(tone[0])}
    return Dot(key, arm["name"], x, y, **ends, text_x=x + inwards * 12, text_y=text_y, anchor=anchor)


def _ends(estimate: Mapping[str, Any]) -> tuple[float, float, float]:
    value = float(estimate["value"])
    low, high = estimate.get("low"), estimate.get("high")
    return (value if low is None else low), value, (value if high is None else high)


def _across(share: float) -> float:
    return round(LEFT + share * (RIGHT - LEFT), 1)


def _up(share: float) -> float:
    return round(BOTTOM - share * (BOTTOM - TOP), 1)

"""Labels: whether an answer is the expected label, as a whole and level by level ("payment / refund / late").

The levels of a label are a path: a level is right when the whole path down to it is.
"""

import re

from engine.scoring.scales import MEAN
from engine.scoring.score import Guide, Item, Metric, Score
from engine.scoring.wording import plain

SLASH = " / "


def as_label(text: str) -> str:
    """A label as we compare it: no case, no quotes or full stop around it, one space either side of a slash."""
    return re.sub(r" ?/ ?", SLASH, plain(text).strip(" .\"'"))


def path(text: str) -> tuple[str, ...]:
    """A label as its levels, each with all that stands above it: ("payment", "payment / refund")."""
    steps = as_label(text).split(SLASH)
    return tuple(SLASH.join(steps[: n + 1]) for n in range(len(steps)))


def label(text: str, item: Item, guide: Guide = None) -> Score:
    if not item.get("label"):
        return Score(None, "The item has no label.")
    return _same(as_label(text), as_label(item["label"]))


def first_level(text: str, item: Item, guide: Guide = None) -> Score:
    if not item.get("label"):
        return Score(None, "The item has no label.")
    return _same(path(text)[0], path(item["label"])[0])


def levels(text: str, item: Item, guide: Guide = None) -> Score:
    """The share of the expected levels that are right; which of them, from the top, in the detail."""
    if not item.get("label"):
        return Score(None, "The item has no label.")
    said, wanted = path(text), path(item["label"])
    right = [int(depth < len(said) and said[depth] == one) for depth, one in enumerate(wanted)]
    why = f"{sum(right)} of {len(right)} levels of “{wanted[-1]}”."
    return Score(sum(right) / len(right), why, {"levels": right})


def _same(said: str, wanted: str) -> Score:
    return Score(1.0, f"Is “{wanted}”.") if said == wanted else Score(0.0, f"Is “{_short(said)}”, not “{wanted}”.")


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"


METRICS = (
    Metric("label", "The answer is the expected type and sub-type, and nothing else.", label, "a label"),
    Metric("type", "The first level of the answered label is right, whatever its sub-type.", first_level, "a label"),
    Metric("levels", "How many levels of the expected label are right, from the top.", levels, "a label", MEAN),
)

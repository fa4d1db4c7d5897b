"""Metrics: one answer, one item, one score between 0 and 1 with its reason.

Each reads words, never meaning: it can be fooled by an answer that says everything, and it says in `why` what it saw.
An answer that can't be read scores 0; an item or a guide that lacks what a metric needs scores None, never 0.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.problems import Problem
from engine.reading.grounding import NOT_FOUND
from engine.scoring import guide as guides
from engine.scoring.wording import plain, stands

Item = Mapping[str, Any]
Guide = guides.Guide | Mapping[str, Any] | None


@dataclass(frozen=True)
class Score:
    """`value` is None when the metric can't apply; `why` is one short sentence either way.

    `detail` is what the value is made of, as JSON can hold it: claims with their passages, labels with their chances.
    """

    value: float | None
    why: str
    detail: dict[str, Any] | None = None


@dataclass(frozen=True)
class Metric:
    name: str
    words: str
    rate: Callable[[str, Item, Guide], Score]


def score(metric: str, text: str, item: Item, guide: Guide = None) -> Score:
    """How well the answer `text` does on `item`, by the metric of that name. An unknown metric is a Problem."""
    if metric not in METRICS:
        raise Problem(f"There is no metric called {metric}.", do=f"Known are {', '.join(METRICS)}.")
    found = METRICS[metric].rate(text, item, guide)
    if found.value is None:
        return found
    if not text.strip():
        return Score(0.0, "The answer is empty.")
    if not re.search(r"\w", text):
        return Score(0.0, "The answer holds no word.")
    return found


def facts(text: str, item: Item, guide: Guide = None) -> Score:
    wanted = [*item.get("accept", []), *([item["answer"]] if item.get("answer") else [])]
    if not wanted:
        return Score(None, "The item names no expected answer.")
    found = next((one for one in wanted if stands(one, text)), None)
    if found is not None:
        return Score(1.0, f"Says “{found}”.")
    missing = " or ".join(f"“{one}”" for one in dict.fromkeys(wanted))
    return Score(0.0, f"Doesn't say {missing}.")


def tone(text: str, item: Item, guide: Guide = None) -> Score:
    """Whether the text shows enough kinds of the guide's markers and none of its words to avoid."""
    rules = guides.of(guide)
    if rules is None or not rules.use:
        return Score(None, "There is no style guide with markers of the voice.")
    seen = guides.markers(text, rules.use)
    avoided = [text[mark.start : mark.end] for mark in guides.marks(text, rules) if mark.rule == "avoid"]
    listed = "; ".join(f"{kind}: {', '.join(found)}" for kind, found in seen.items()) or "none"
    why = f"{len(seen)} kinds of marker, {rules.needs} needed ({listed})."
    if avoided:
        return Score(0.0, f"{why} Uses {', '.join(dict.fromkeys(avoided))}, which the guide avoids.")
    return Score(float(len(seen) >= rules.needs), why)


def style(text: str, item: Item, guide: Guide = None) -> Score:
    """Whether the text keeps every rule of the guide."""
    rules = guides.of(guide)
    if rules is None or rules.silent:
        return Score(None, "There is no style guide with rules.")
    broken = [mark.rule for mark in guides.marks(text, rules)]
    broken += [lack.rule for lack in guides.missing(text, rules)]
    if broken:
        return Score(0.0, f"Breaks {', '.join(dict.fromkeys(broken))}.")
    return Score(1.0, "Keeps every rule of the style guide.")


def label(text: str, item: Item, guide: Guide = None) -> Score:
    if not item.get("label"):
        return Score(None, "The item has no label.")
    said, wanted = as_label(text), as_label(item["label"])
    return Score(1.0, f"Is “{wanted}”.") if said == wanted else Score(0.0, f"Is “{_short(said)}”, not “{wanted}”.")


def first_level(text: str, item: Item, guide: Guide = None) -> Score:
    if not item.get("label"):
        return Score(None, "The item has no label.")
    said, wanted = (as_label(one).split(" / ")[0] for one in (text, item["label"]))
    return Score(1.0, f"Is “{wanted}”.") if said == wanted else Score(0.0, f"Is “{_short(said)}”, not “{wanted}”.")


def kept(text: str, item: Item, guide: Guide = None) -> Score:
    source = _asked(item)
    if not source:
        return Score(None, "The item has no source message.")
    wanted = particulars(source)
    if not wanted:
        return Score(None, "The source message holds no name, number, date or amount.")
    missing = [one for one in wanted if not stands(one, text)]
    if missing:
        return Score(0.0, f"Lost {', '.join(missing)}.")
    return Score(1.0, f"Keeps {', '.join(wanted)}.")


def not_found(text: str, item: Item, guide: Guide = None) -> Score:
    hit = UNKNOWING.search(plain(text))
    return Score(1.0, f"Says “{hit[0]}”.") if hit else Score(0.0, "Doesn't say that it doesn't know.")


def as_label(text: str) -> str:
    """A label as we compare it: no case, no quotes or full stop around it, one space either side of a slash."""
    return re.sub(r" ?/ ?", " / ", plain(text).strip(" .\"'"))


def particulars(source: str) -> list[str]:
    """The names, numbers, dates, amounts and codes of a message, in its order and each once.

    A capital at the start of a sentence makes a name only before a comma ("Nikos, your lamp ...") or in a calendar.
    """
    found = []
    for sentence in re.split(r"(?<=[.!?:])\s+|\n+", source):
        for at, word in enumerate(sentence.split()):
            bare = word.strip(".,;:!?()[]\"'“”‘’…")
            bare = re.sub(r"['’]s$", "", bare)
            if _particular(bare, at == 0, word.endswith(",")):
                found.append(bare)
    return list(dict.fromkeys(found))


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("facts", "The expected answer stands in the text, as whole words and whole numbers.", facts),
        Metric("tone", "The text has enough different kinds of the style guide's markers, and none it avoids.", tone),
        Metric("style", "The text keeps every rule of the style guide: words, length, manner, punctuation.", style),
        Metric("label", "The answer is the expected type and sub-type, and nothing else.", label),
        Metric("type", "The first level of the answered label is right, whatever its sub-type.", first_level),
        Metric("kept", "Every name, number, date and amount of the source message stands in the text.", kept),
        Metric("not_found", "The answer says that it doesn't know.", not_found),
    )
}

UNKNOWING = re.compile(
    rf"{re.escape(plain(NOT_FOUND).rstrip('.'))}"
    r"|\b(?:do not|don't|cannot|can't|could not|couldn't) (?:know|find|tell|say|have (?:that|this|any|the)"
    r" (?:\w+ )?information)\b|\b(?:no idea|not sure|isn't (?:mentioned|stated)|is not (?:mentioned|stated))\b"
    r"|\bno information\b"
)
CALENDAR = re.compile(
    "january|february|april|june|july|august|september|october|november|december"
    "|monday|tuesday|wednesday|thursday|friday|saturday|sunday"
)
# words that begin a sentence before a comma without being anybody's name
OPENINGS = re.compile(
    "hello|hi|hey|dear|thanks|sorry|unfortunately|please|yes|no|however|also|today|tomorrow|now|then|still|good|news"
    "|finally|meanwhile|congratulations|welcome|warning|note|attention|okay|ok"
)


def _asked(item: Item) -> str:
    """The message that was to be rewritten."""
    said = [turn["content"] for turn in item.get("messages", []) if turn["role"] == "user"]
    return str(item.get("source") or item.get("question") or (said[-1] if said else ""))


def _particular(word: str, first: bool, before_comma: bool) -> bool:
    if any(sign.isdigit() for sign in word) or "@" in word:
        return True
    if not word[:1].isupper() or re.fullmatch(r"I(?:['’]\w+)?", word):
        return False
    if not first:
        return True
    said = word.casefold()
    return bool(CALENDAR.fullmatch(said)) or (before_comma and not OPENINGS.fullmatch(said))


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"

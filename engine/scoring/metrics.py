"""Metrics: one answer, one item, one score between 0 and 1 with its reason.

Each reads words, never meaning: it can be fooled by an answer that says everything, and it says in `why` what it saw.
An answer that can't be read scores 0; an item or a guide that lacks what a metric needs scores None, never 0.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.problems import Problem
from engine.reading.grounding import NOT_FOUND, parted
from engine.scoring import forms, labels, likeness, numbers
from engine.scoring import guide as guides
from engine.scoring.said import calls_of
from engine.scoring.score import Guide, Item, Metric, Score
from engine.scoring.wording import plain, stands

Settings = Mapping[str, Any]  # what an evaluation sets for all its items: the key of a Setting -> its value


def score(metric: str, text: str, item: Item, guide: Guide = None, calls: Sequence[Mapping[str, Any]] = ()) -> Score:
    """How well an answer does on `item`, by the metric of that name: its `text`, and the tools that it `calls`.

    An unknown metric is a Problem.
    """
    if metric not in METRICS:
        raise Problem(f"There is no metric called {metric}.", do=f"Known are {', '.join(METRICS)}.")
    if calls and METRICS[metric].of_calls:
        text = json.dumps(_plain_calls(calls))
    found = METRICS[metric].rate(text, item, guide)
    if found.value is None:
        return found
    if not text.strip():
        return Score(0.0, "The answer is empty.")
    if not re.search(r"\w", text):
        return Score(0.0, "The answer holds no word.")
    return found


def lacks(metric: str, item: Item, guide: Guide = None) -> str:
    """What `item` or `guide` would have to hold for this metric, as a sentence; '' when it is there."""
    found = METRICS[metric].rate("", item, guide)
    return found.why if found.value is None else ""


def filled(items: Iterable[Item], settings: Settings) -> list[dict[str, Any]]:
    """Items with an evaluation's own settings wherever they say nothing themselves."""
    given = {key: value for key, value in settings.items() if value not in (None, "", [], {})}
    return [{**given, **{key: value for key, value in item.items() if value or key not in given}} for item in items]


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
        Metric("facts", "The expected answer stands in the text, as whole words and whole numbers.", facts,
               "an expected answer"),
        Metric("tone", "The text has enough different kinds of the style guide's markers, and none it avoids.", tone,
               "a style guide with markers of the voice"),
        Metric("style", "The text keeps every rule of the style guide: words, length, manner, punctuation.", style,
               "a style guide with rules"),
        *labels.METRICS,
        Metric("kept", "Every name, number, date and amount of the source message stands in the text.", kept,
               "a source message with names, numbers or dates"),
        Metric("not_found", "The answer says that it doesn't know.", not_found, ""),
        *forms.METRICS,
        *numbers.METRICS,
        *likeness.METRICS,
    )
}  # fmt: skip

GUIDED = ("tone", "style")  # these read the style guide

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
    """The message that was to be rewritten, without passages that it brings."""
    said = [turn["content"] for turn in item.get("messages", []) if turn["role"] == "user"]
    return parted(str(item.get("source") or item.get("question") or (said[-1] if said else "")))[0]


def _particular(word: str, first: bool, before_comma: bool) -> bool:
    if any(sign.isdigit() for sign in word) or "@" in word:
        return True
    if not word[:1].isupper() or re.fullmatch(r"I(?:['’]\w+)?", word):
        return False
    if not first:
        return True
    said = word.casefold()
    return bool(CALENDAR.fullmatch(said)) or (before_comma and not OPENINGS.fullmatch(said))


def _plain_calls(calls: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Tool calls as name and arguments, whether or not they come in the wrapping of the chat protocol."""
    return calls_of({"tool_calls": [call if "function" in call else {"function": call} for call in calls]})

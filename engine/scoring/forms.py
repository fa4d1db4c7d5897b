"""Forms: metrics of what an answer looks like to a program: its exact words, a pattern, JSON, the tools it calls.

What they mean by JSON that keeps a schema, a match or a right call is what training pays for: `rates`.
"""

import re

from engine.problems import Problem
from engine.scoring import rates, said
from engine.scoring.score import Guide, Item, Metric, Score, Setting
from engine.scoring.wording import plain

WORDS = Setting("contains", "Words or phrases, one a line", "lines", needed=True)
PATTERN = Setting("pattern", "Regular expression that the answer must match somewhere", "text", needed=True)
SCHEMA = Setting("schema", "JSON schema (draft 2020-12)", "json", needed=True)
ARGUMENTS = Setting("arguments", "The arguments must be", "choice", ("exact", "subset"))


def exact(text: str, item: Item, guide: Guide = None) -> Score:
    wanted = [one for one in (item.get("answer"), *item.get("accept", [])) if one]
    if not wanted:
        return Score(None, "The item names no expected answer.")
    found = [rates.Exact().rate(text, {"expected": one}) for one in wanted]
    return next((score for score in found if score.value), found[0])


def contains(text: str, item: Item, guide: Guide = None) -> Score:
    wanted, missing = _words(text, item)
    if not wanted:
        return Score(None, "The item names no words that must be there.")
    if missing:
        return Score(0.0, f"Lacks {_listed(missing)}.")
    return Score(1.0, f"Has {_listed(wanted)}.")


def contains_any(text: str, item: Item, guide: Guide = None) -> Score:
    wanted, missing = _words(text, item)
    if not wanted:
        return Score(None, "The item names no words that must be there.")
    if found := [one for one in wanted if one not in missing]:
        return Score(1.0, f"Has {_listed(found)}.")
    return Score(0.0, f"Has none of {_listed(wanted)}.")


def regex(text: str, item: Item, guide: Guide = None) -> Score:
    if not item.get("pattern"):
        return Score(None, "The item names no pattern.")
    try:
        return rates.Regex(pattern=str(item["pattern"])).rate(text, item)
    except Problem as problem:
        return Score(None, str(problem))


def json(text: str, item: Item, guide: Guide = None) -> Score:
    return rates.Json(fenced=True).rate(text, item)


def schema(text: str, item: Item, guide: Guide = None) -> Score:
    if not item.get("schema"):
        return Score(None, "The item names no JSON schema.")
    try:
        return rates.Json(schema=dict(item["schema"]), fenced=True).rate(text, item)
    except Problem as problem:
        return Score(None, str(problem))


def tool(text: str, item: Item, guide: Guide = None) -> Score:
    return _called(text, item, "any")


def tool_call(text: str, item: Item, guide: Guide = None) -> Score:
    return _called(text, item, str(item.get("arguments") or "exact"))


def _called(text: str, item: Item, arguments: str) -> Score:
    row = {"expected": {"tool_calls": item.get("calls") or []}}
    if not said.calls_of(row["expected"]):
        return Score(None, "The item expects no tool call.")
    found = rates.Tool(arguments=arguments).rate(text, row)
    return Score(float(found.value == 1), found.why)  # what is paid in part is not right


def _words(text: str, item: Item) -> tuple[list[str], list[str]]:
    """The words that are wanted, and those that do not stand in the text as whole words, whatever their case."""
    said = plain(text)
    wanted = [str(one) for one in item.get("contains") or [] if str(one).strip()]
    missing = [one for one in wanted if not re.search(rf"(?<!\w){re.escape(plain(one))}(?!\w)", said)]
    return wanted, missing


def _listed(words: list[str]) -> str:
    return ", ".join(f"“{said.short(one)}”" for one in words)


METRICS = (
    Metric("exact", "The answer is the expected one, but for capitals and spaces.", exact, "an expected answer"),
    Metric("contains", "All words that the item names stand in the answer.", contains, "words to look for",
           settings=(WORDS,)),
    Metric("contains_any", "At least one of the words that the item names stands in the answer.", contains_any,
           "words to look for", settings=(WORDS,)),
    Metric("regex", "The answer matches the item's pattern.", regex, "a pattern", settings=(PATTERN,)),
    Metric("json", "The answer is JSON and nothing else.", json, ""),
    Metric("schema", "The answer is JSON that keeps the item's schema.", schema, "a JSON schema", settings=(SCHEMA,)),
    Metric("tool", "The answer calls the expected tools, whatever their arguments.", tool, "an expected tool call",
           of_calls=True),
    Metric("tool_call", "The answer calls the expected tools with the expected arguments.", tool_call,
           "an expected tool call", settings=(ARGUMENTS,), of_calls=True),
)  # fmt: skip

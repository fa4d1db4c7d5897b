"""Calls: the form in which a base's chat template writes what the assistant calls, and how that is read back.

Nobody names the form: a known call is written with the template, and where its parts went is looked up. So what is
read is what training taught, whichever family the base is of. Whatever does not keep the form is no call. Servers,
rewards and scores read calls here alone; where no base is known, by the forms that are usual (`KNOWN`).
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from engine.problems import Problem
from engine.training.bases.template import PROBE, TOOL, Template

NAME = re.compile(r"[\w-]{1,64}", re.ASCII)
ID = "9aB8cD7eF"
GIVEN = ({"hour": "half past nine"}, {"hour": "noon"})  # what the probe is called with, first and second
CALLS = [{"id": ID, "type": "function", "function": {"name": PROBE, "arguments": json.dumps(given)}} for given in GIVEN]
ASKED = {"role": "user", "content": "?"}
TIGHT = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}


@dataclass(frozen=True)
class Call:
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Form:
    """An answer that calls: `first`, a call, `between`, another call ..., `last`.

    A call is a JSON object, which is the `pattern` one with other values; or, where that is None, a name and its
    arguments as JSON with `middle` between them. With `listed`, one JSON list holds all calls. `lead` stands before
    any answer, whether it calls or not.
    """

    first: str
    last: str
    between: str | None  # None where a message has one call at most
    pattern: dict[str, Any] | None
    middle: tuple[str, ...] = ()  # two pieces where the id of the call stands between them
    listed: bool = False
    lead: str = ""

    @property
    def marks(self) -> list[str]:
        """The texts around and within calls."""
        return [mark for mark in (self.first, *self.middle, self.between, self.last) if mark]

    def read(self, text: str) -> tuple[str, list[Call]]:
        """What an answer says, and what it calls. All of it is said, and nothing called, if one call is broken."""
        if (begun := self._opening.search(text)) is None:
            return text, []
        calls: list[Call] = []
        at = begun.end()
        while True:
            found, at = self._calls(text, at)
            if not found:
                return text, []
            calls += found
            more = self._next.match(text, at) if self._next else None
            if more is None:
                break
            at = more.end()
        if (ended := self._closing.match(text, at)) is None:
            return text, []
        return text[: begun.start()].rstrip() + text[ended.end() :].rstrip(), calls

    def message(self, text: str) -> dict[str, Any]:
        """An answer as the assistant's message, whose calls are all that it calls."""
        said, found = self.read(text)
        called = [{"type": "function", "function": {"name": one.name, "arguments": one.arguments}} for one in found]
        return {"role": "assistant", "content": said, "tool_calls": called}

    def said(self, text: str) -> int:
        """How many characters of a beginning answer are no call, whatever comes."""
        if begun := self._opening.search(text):
            return len(text[: begun.start()].rstrip())
        mark = self.first.strip()
        if not mark:  # nothing tells a call from other JSON before it is whole
            return 0 if not text.strip() else len(text.rstrip())
        most = min(len(mark) - 1, len(text))
        partly = next((n for n in range(most, 0, -1) if mark.startswith(text[len(text) - n :])), 0)
        return len(text[: len(text) - partly].rstrip())

    def _calls(self, text: str, at: int) -> tuple[list[Call], int]:
        """The calls that begin at `at`, all of a list, and where they end; [] when they are broken."""
        if self.pattern is None:
            head = self._head.match(text, at)
            value, end = _decoded(text, head.end()) if head else (None, at)
            return ([Call(head[1], value)] if head and isinstance(value, dict) else []), end
        value, end = _decoded(text, at)
        if isinstance(value, list) != self.listed:
            return [], end
        values = value if self.listed else [value]
        found = [call for one in values if (call := self._call(one))]
        return (found if len(found) == len(values) else []), end

    def _call(self, value: Any) -> Call | None:
        if not isinstance(value, dict):
            return None
        name, arguments = value.get(self._key(PROBE)), value.get(self._key(GIVEN[0]))
        if not isinstance(name, str) or not NAME.fullmatch(name) or not isinstance(arguments, dict):
            return None
        return Call(name, arguments)

    def _key(self, value: Any) -> str:
        """The key under which the pattern has a value."""
        assert self.pattern is not None
        return next(key for key, one in self.pattern.items() if one == value)

    @cached_property
    def _opening(self) -> "re.Pattern[str]":
        mark = re.escape(self.first.strip())
        return re.compile(rf"\s*{mark}\s*" if mark else r"\A\s*(?=[\[{])")

    @cached_property
    def _closing(self) -> "re.Pattern[str]":
        return re.compile(_loose(self.last))

    @cached_property
    def _next(self) -> "re.Pattern[str] | None":
        if self.between is None:
            return None
        return re.compile(_loose(self.between) if self.between.strip() else r"\s*(?=\S)")

    @cached_property
    def _head(self) -> "re.Pattern[str]":
        return re.compile(f"({NAME.pattern})" + r"(?:\w+)?".join(map(_loose, self.middle)), re.ASCII)


def usual(text: str) -> list[Call]:
    """What a text calls of which nobody knows which base wrote it; [] where it keeps none of the usual forms."""
    return next((found for one in KNOWN if (found := one.read(text)[1])), [])


def form(template: Template) -> Form:
    """The form of a template. Problem if it has no place for tools, or writes calls that cannot be read back."""
    lead = _written(template, {"content": PROBE}).partition(PROBE)[0]
    one = _written(template, {"tool_calls": CALLS[:1]}).removeprefix(lead)
    try:
        found = _found(one, _written(template, {"tool_calls": CALLS}).removeprefix(lead))
    except Problem:  # some templates refuse a second call
        found = _found(one, None)
    if found is None or found.read(one) != ("", [Call(PROBE, GIVEN[0])]):
        raise Problem(
            "The base's chat template writes calls of tools in a form that cannot be read back.",
            f"A call looks like this: {one.strip()[:200]}",
            "Serve it with vLLM, or choose another base.",
        )
    return replace(found, lead=lead)


def grammar(form: Form, tools: Sequence[dict[str, Any]], one: bool, tokens: dict[str, int]) -> str:
    """The form as a grammar of llguidance's: nothing but calls of these tools, just one call if `one`.

    `tokens` are the texts that are a token of their own, as marks mostly are. The parameters of each function must be
    followed.
    """

    def mark(text: str) -> str:
        known = "|".join(map(re.escape, sorted(tokens, key=len, reverse=True)))
        pieces = re.split(f"({known})", text) if known else [text]
        return " ".join(f"<[{tokens[one]}]>" if one in tokens else json.dumps(one) for one in pieces if one)

    defined = [(tool["function"]["name"], tool["function"].get("parameters") or {}) for tool in tools]
    if form.pattern is None:
        id = " /[a-zA-Z0-9]{9}/ "
        heads = [f"{json.dumps(name)} {id.join(map(mark, form.middle))} {_json(schema)}" for name, schema in defined]
        call = " | ".join(heads)
    else:
        calls: dict[str, Any] = {"anyOf": [_object(form.pattern, name, schema) for name, schema in defined]}
        most = {"maxItems": 1} if one else {}
        call = _json({"type": "array", "items": calls, "minItems": 1, **most} if form.listed else calls)
    more = f" ({mark(form.between)} call)*" if form.between and not one else ""
    return f"start: {mark(form.lead + form.first)} call{more} {mark(form.last)}\ncall: {call}\n"


def _object(pattern: dict[str, Any], name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """The schema of a call of one function, its keys in the order in which the template writes them."""

    def value(known: Any) -> dict[str, Any]:
        if known == GIVEN[0]:
            return parameters
        if known == ID:
            return {"type": "string", "pattern": "^[a-zA-Z0-9]{9}$"}
        return {"const": name if known == PROBE else known}

    keys = {key: value(known) for key, known in pattern.items()}
    return {"type": "object", "properties": keys, "required": list(keys), "additionalProperties": False}


def _json(schema: dict[str, Any]) -> str:
    return f"%json {json.dumps({**(schema or {'type': 'object'}), 'x-guidance': TIGHT})}"


def _written(template: Template, answer: dict[str, Any]) -> str:
    """What the template has the assistant write for such an answer, without the end token."""
    prompt = template.render([ASKED], [TOOL], prompt=True)
    whole = template.render([ASKED, {"role": "assistant", **answer}], [TOOL])
    if not whole.startswith(prompt):
        return ""
    said = whole.removeprefix(prompt)
    return said.rpartition(template.named_tokens["eos_token"])[0] or said


@dataclass(frozen=True)
class _Place:
    """Where a call stands in a text: from `start`, with its JSON, the `value`, from `at` to `end`."""

    start: int
    at: int
    end: int
    value: Any


def _found(one: str, two: str | None) -> Form | None:
    """The form, from an answer with one call and one with two."""
    if (here := _placed(one, GIVEN[0])) is None:
        return None
    first, last, between = one[: here.start], one[here.end :], None
    if two is not None and not isinstance(here.value, list):
        there = _placed(two[here.end :], GIVEN[1])
        if not two.startswith(one[: here.end]) or there is None:
            return None
        between = two[here.end :][: there.start]
    if here.value == GIVEN[0]:
        middle = one[here.start + len(PROBE) : here.at]
        return Form(first, last, between, None, tuple(middle.split(ID)))
    listed = isinstance(here.value, list)
    pattern = here.value[0] if listed else here.value
    if not isinstance(pattern, dict) or PROBE not in pattern.values() or GIVEN[0] not in pattern.values():
        return None
    return Form(first, last, between, pattern, listed=listed)


def _placed(text: str, given: dict[str, str]) -> _Place | None:
    """The first call with these arguments."""
    for at in (n for n, sign in enumerate(text) if sign in "[{"):
        value, end = _decoded(text, at)
        if value is not None and given["hour"] in json.dumps(value):
            start = text.rfind(PROBE, 0, at) if value == given else at
            return _Place(start, at, end, value) if start >= 0 else None
    return None


def _decoded(text: str, at: int) -> tuple[Any, int]:
    """The JSON value that begins at `at`, after white space, and where it ends; None when there is none."""
    while at < len(text) and text[at].isspace():
        at += 1
    try:
        return DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        return None, at


def _refused(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


DECODER = json.JSONDecoder(parse_constant=_refused)


def _loose(mark: str) -> str:
    """A pattern for a mark with any white space where it has some, and around it."""
    return r"\s*" + r"\s*".join(map(re.escape, mark.split())) + r"\s*"


OBJECT = {"name": PROBE, "arguments": GIVEN[0]}
LLAMA = {"name": PROBE, "parameters": GIVEN[0]}
KNOWN = (
    Form("[TOOL_CALLS]", "", None, OBJECT, listed=True),  # Mistral's, from the third on
    Form("[TOOL_CALLS]", "", None, OBJECT),
    Form("[TOOL_CALLS]", "", "[TOOL_CALLS]", None, ("[CALL_ID]", "[ARGS]")),
    Form("[TOOL_CALLS]", "", "[TOOL_CALLS]", None, ("[ARGS]",)),
    Form("<tool_call>", "</tool_call>", "</tool_call> <tool_call>", OBJECT),  # Hermes and Qwen
    Form("<|python_tag|>", "", ";", LLAMA),
    Form("", "", None, LLAMA),
    Form("", "", None, OBJECT),  # as people type it
    Form("", "", None, OBJECT, listed=True),
)

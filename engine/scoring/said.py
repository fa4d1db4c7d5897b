"""Said: the words and the calls of an answer, and what a row says is right."""

import json
from collections.abc import Mapping
from typing import Any

from engine.training.bases import calls

Answer = str | Mapping[str, Any]  # the words, or an assistant's message with `content` or `tool_calls`
Row = Mapping[str, Any]
Call = dict[str, Any]  # name, arguments
SHOWN = 60  # characters of a text within a reason


def expected(row: Row) -> Any:
    """What a row says is right: its `expected`, else its last message if that is the assistant's, else None."""
    if row.get("expected") is not None:
        return row["expected"]
    last = (row.get("messages") or [{}])[-1]
    return last if last.get("role") == "assistant" else None


def asked(row: Row) -> list[dict[str, Any]]:
    """The conversation up to where the assistant is to answer."""
    messages = list(row.get("messages") or [])
    return messages[:-1] if messages and messages[-1].get("role") == "assistant" else messages


def text_of(answer: Any) -> str:
    """The words of an answer; of one that only calls tools, the calls as JSON."""
    if isinstance(answer, str):
        return answer
    if isinstance(answer, Mapping):
        content = answer.get("content")
        if isinstance(content, str) and content:
            return content
        if answer.get("tool_calls"):
            return json.dumps(calls_of(answer), ensure_ascii=False)
    return ""


def calls_of(answer: Any) -> list[Call]:
    """The tool calls of an answer: from a message, or from a text as models usually write them. [] when there are none.

    Where the base is known, `calls.form` says how it writes them, and its message says what is called.
    """
    if isinstance(answer, Mapping) and "tool_calls" in answer:
        return _calls([call.get("function") for call in answer["tool_calls"] or [] if isinstance(call, Mapping)])
    if isinstance(answer, Mapping) and "name" in answer:
        return _calls([answer])
    if isinstance(answer, list):
        return _calls(answer)
    return [{"name": one.name, "arguments": one.arguments} for one in calls.usual(text_of(answer))]


def _calls(values: list[Any]) -> list[Call]:
    """Each as name and arguments; none at all when one of them is no call."""
    found = []
    for value in values:
        if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
            return []
        given = value.get("arguments", {})
        if isinstance(given, str):
            try:
                given = json.loads(given)
            except (ValueError, RecursionError):
                return []
        if not isinstance(given, dict):
            return []
        found.append({"name": value["name"], "arguments": given})
    return found


def short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"

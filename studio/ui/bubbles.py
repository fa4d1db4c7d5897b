"""Bubbles: a conversation as people know chats, each turn in its own bubble. Words are shown as they were written."""

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import streamlit as st

SPEAKERS = {"user": "User", "assistant": "Answer", "system": "System prompt", "tool": "Tool"}


def conversation(
    messages: Sequence[Mapping[str, Any]], above: str = "", below: Iterable[str] = (), worse: str = ""
) -> None:
    """One conversation; `above` says which it is, `below` what else is known of it."""
    head = f'<div class="label">{html.escape(above)}</div>' if above else ""
    turns = "".join(_turn(message) for message in messages)
    if worse:
        turns += f'<div class="turn assistant worse"><i>A worse answer</i>{html.escape(worse)}</div>'
    marks = "".join(f"<span>{html.escape(word)}</span>" for word in below)
    foot = f'<div class="marks">{marks}</div>' if marks else ""
    st.html(f'<div class="bubbles">{head}{turns}{foot}</div>')


def _turn(message: Mapping[str, Any]) -> str:
    role = str(message.get("role"))
    calls = message.get("tool_calls") or []
    said = message.get("content")
    words = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False) if said else ""
    body = html.escape(words.strip()) + "".join(_call(call) for call in calls)
    speaker = html.escape(SPEAKERS.get(role, role))
    kind = role if role in SPEAKERS else "tool"
    return f'<div class="turn {kind}"><i>{speaker}</i>{body or "(no words)"}</div>'


def _call(call: Any) -> str:
    """A call of a tool, as it would be written."""
    function = call.get("function", {}) if isinstance(call, dict) else {}
    if not isinstance(function, dict):
        return html.escape(json.dumps(call))
    arguments = function.get("arguments", "")
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return f"<code>{html.escape(str(function.get('name', '')))}({html.escape(text)})</code>"

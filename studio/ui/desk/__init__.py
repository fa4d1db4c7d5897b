"""Desk: the turns of a conversation as text that can be typed into without waiting for the server.

A component, since Streamlit's own text area sends its words only when it is left, and half-typed words must be kept.
`desk.js` says how no keystroke is lost; here stand its two ends: messages become turns, and turns messages again.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from engine.problems import Problem

HERE = Path(__file__).parent
Turn = dict[str, Any]


@dataclass(frozen=True)
class Typed:
    """What the browser sent last. `token` names the words it started from, `stamp` when it was typed."""

    stamp: int
    sheet: str
    token: str
    turns: list[Turn]
    tools: str


@dataclass(frozen=True)
class Active:
    """Seconds of activity since the desk `mount` was opened, and whether anything was typed at it."""

    mount: str
    seconds: float
    wrote: bool


def draw(
    key: str, *, token: str, sheet: str, drawer: str, turns: Sequence[Turn], tools: str, of: int, acked: int, focus: str
) -> None:
    """Put the turns on the desk. A new `token` gives the browser these words in place of its own.

    `sheet` names what unsaved words of this tab may belong to, `drawer` where the tab keeps them, `of` the stamp of
    the words that these were made from, `acked` the last stamp that is kept here.
    """
    data = {"token": token, "sheet": sheet, "drawer": drawer, "turns": list(turns), "tools": tools}
    _component()(
        key=key,
        data={**data, "of": of, "acked": acked, "focus": focus},
        on_typed_change=_nothing,
        on_active_change=_nothing,
    )


def typed(key: str) -> Typed | None:
    """What was typed at the desk `key`, None while nothing was."""
    said = _held(key, "typed")
    return Typed(**json.loads(said)) if said else None


def active(key: str) -> Active | None:
    said = _held(key, "active")
    return Active(**json.loads(said)) if said else None


def as_turns(messages: Sequence[dict[str, Any]]) -> list[Turn]:
    """Messages as the desk shows them; each keeps what it was, so that what nobody touched stays to the letter."""
    return [{**_turn(message), "was": message} for message in messages]


def as_messages(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """Turns as messages. Problem, with its place, where tool calls are not JSON."""
    return [_message(number, turn) for number, turn in enumerate(turns, 1)]


def as_text(tools: list[dict[str, Any]] | None) -> str:
    return json.dumps(tools, ensure_ascii=False, indent=2) if tools else ""


def as_tools(text: str) -> list[dict[str, Any]] | None:
    """The tools that the text defines, None for none. Problem when it is not a list in JSON."""
    return _list(text, "The tools are") or None


def _turn(message: dict[str, Any]) -> Turn:
    return {
        "role": message.get("role", "user"),
        "content": _words(message.get("content")),
        "calls": as_text(message.get("tool_calls")),
        "call_id": message.get("tool_call_id") or "",
        "name": message.get("name") or "",
        "learn": message.get("weight") != 0,
    }


def _message(number: int, turn: Turn) -> dict[str, Any]:
    was = turn.get("was") or {}
    before = _turn(was) if was else {"content": None, "calls": "", "call_id": "", "name": "", "learn": True}
    message = {**was, "role": turn["role"]}
    if turn["content"] != before["content"]:
        message["content"] = turn["content"]
    if turn["calls"] != before["calls"]:
        message["tool_calls"] = _list(turn["calls"], f"The tool calls of turn {number} are")
    if turn["call_id"] != before["call_id"]:
        message["tool_call_id"] = turn["call_id"]
    if turn["name"] != before["name"]:
        message["name"] = turn["name"]
    if turn["learn"] != before["learn"]:
        message["weight"] = int(turn["learn"])
    if turn["role"] != was.get("role"):
        _refit(message)
    if not message.get("tool_calls"):
        message.pop("tool_calls", None)
    elif message.get("content") == "" and "content" not in was:
        del message["content"]  # who only calls a tool need not say anything
    return message


def _refit(message: dict[str, Any]) -> None:
    """Take out what only another speaker can have."""
    for key, role in (("weight", "assistant"), ("tool_calls", "assistant"), ("tool_call_id", "tool"), ("name", "tool")):
        if message["role"] != role:
            message.pop(key, None)


def _words(content: Any) -> str:
    if isinstance(content, list):  # chunks of text, as the protocol allows
        return "".join(str(chunk.get("text", "")) for chunk in content if isinstance(chunk, dict))
    return str(content or "")


def _list(text: str, what: str) -> list[dict[str, Any]]:
    if not text.strip():
        return []
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Problem(f"{what} not JSON yet.", f"{error}.", "Correct it, or empty the box.") from error
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Problem(f"{what} not a list of objects.", do="It starts with [ and ends with ].")
    return found


def _held(key: str, name: str) -> str:
    state = st.session_state.get(key)
    return str(state.get(name) or "") if state else ""


def _nothing() -> None:
    """A component keeps what it is told only under names that somebody listens to."""


@st.cache_resource
def _component() -> Any:
    html, css, js = ((HERE / f"desk.{kind}").read_text() for kind in ("html", "css", "js"))
    return st.components.v2.component("atelier_desk", html=html, css=css, js=js, isolate_styles=False)

"""Repairs: what a rejected row could be, said before anything is changed. Pure.

A repair is deterministic and as small as it can be: the steps of `checking.mending` are taken one after the other, each
only while the row is still rejected, and what comes out is a valid row or nothing. It never adds a word of content;
what it takes away, `said` names.
"""

import json
from collections.abc import Callable
from typing import Any

from engine.checking import mending
from engine.data.conversations import Unusable, parse

Row = dict[str, Any]
SAID = {
    "broken-json": "Its brackets, commas and quotes are set right; no word changes.",
    "key-twice": "A key that was written twice with the same value is written once.",
    "not-utf8": "It is read as Windows text (cp1252) and written as UTF-8.",
    "half-character": "The broken half of a character is taken out.",
    "not-an-object": "The list of messages becomes a row.",
    "no-messages": "Its messages get the names that a conversation has.",
    "unknown-key": "Keys that a conversation does not know are taken out, with what they hold.",
    "unknown-message-key": "Keys that a message does not know are renamed where they are its text or role, "
    "and taken out where not, with what they hold.",
    "bad-message": "Its messages get the names that a conversation has.",
    "bad-role": "Roles get the names that a conversation has, such as user for human.",
    "bad-content": "Its content becomes text.",
    "no-content": "Messages that say nothing are taken out, and messages of one speaker in a row become one.",
    "content-and-calls": "The empty content beside the tool calls is taken out.",
    "no-assistant": "Roles get the names that a conversation has.",
    "last-not-assistant": "What comes after the assistant's last message is taken out.",
    "late-system": "The system prompt goes to the beginning.",
    "no-turns": "Messages of one speaker in a row become one.",
    "bad-id": "Ids of tool calls become nine letters and digits, the same in the call and in its result.",
    "bad-arguments": "The arguments of tool calls are written as text.",
    "bad-call": "The index of a tool call is taken out, and its arguments are written as text.",
    "bad-weight": "The weight is written as 0 or 1.",
    "bad-tags": "The one tag becomes a list.",
    "bad-split": "The split gets the name that a dataset has, such as validation for valid.",
}
BESIDES = (
    "What else is wrong with the row is mended along with it: keys that are not known and hold no more than a label, "
    "and what follows the last answer, are taken out."
)
SPLITS = {"valid": "validation", "val": "validation", "dev": "validation", "training": "train", "testing": "test"}
Step = Callable[[Row], Row]


def propose(code: str, row: Any | str) -> str | None:
    """The row as it could be, one JSON line that is valid; None when nobody knows.

    `row` is the line as text (bytes that are no UTF-8 written as \\xe9), or what was decoded from it.
    """
    if code not in SAID:
        return None
    try:
        if isinstance(row, str):
            text = mending.decoded(row) if code == "not-utf8" else row
            row = mending.loaded(text) if text is not None else None
        return _mended(row)
    except (RecursionError, OverflowError, UnicodeError):
        return None


def said(code: str) -> str:
    """What a repair of this kind does, and what it may take away besides; '' where there is none."""
    return f"{SAID[code]} {BESIDES}" if code in SAID else ""


def _mended(row: Any) -> str | None:
    row = _whole(mending.reshaped(row))
    for step in ((lambda same: same), *STEPS):
        if not isinstance(row, dict) or not isinstance(row.get("messages"), list):
            return None
        row = step(row)
        if _fits(row):
            return json.dumps(row, ensure_ascii=False)
    return None


def _fits(row: Any) -> bool:
    try:
        parse(row)
    except Unusable:
        return False
    return True


def _with_messages(change: Callable[[list[Row]], list[Row]]) -> Step:
    """A step that changes messages, if they are all objects."""

    def step(row: Row) -> Row:
        messages = row["messages"]
        if not all(isinstance(message, dict) for message in messages):
            return row
        return {**row, "messages": change(messages)}

    return step


def _renamed(row: Row) -> Row:
    return {**row, "messages": [mending.renamed(message) for message in row["messages"]]}


def _labelled(row: Row) -> Row:
    """Tags, splits and weights in the form that they have here."""
    found = dict(row)
    if isinstance(found.get("tags"), str):
        found["tags"] = [found["tags"]]
    if isinstance(found.get("split"), str):
        name = found["split"].strip().lower()
        found["split"] = SPLITS.get(name, name)
    weights = {True: 1, False: 0, "0": 0, "1": 1}
    found["messages"] = [
        {**message, "weight": weights[weight]}
        if isinstance(message, dict) and isinstance(weight := message.get("weight"), bool | str) and weight in weights
        else message
        for message in row["messages"]
    ]
    return found


STEPS: tuple[Step, ...] = (  # from what changes least to what takes most
    _renamed,
    _labelled,
    _with_messages(mending.identified),
    _with_messages(mending.without_empties),
    _with_messages(mending.ordered),
    mending.stripped,
    _with_messages(mending.without_the_end),
)


def _whole(value: Any) -> Any:
    """Without half characters, which no file can hold."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "ignore").decode()
    if isinstance(value, list):
        return [_whole(one) for one in value]
    if isinstance(value, dict):
        return {_whole(key): _whole(one) for key, one in value.items()}
    return value

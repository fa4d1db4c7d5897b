"""Mending: broken text becomes JSON, and a row in another shape a row in ours. The steps that `checking.repairs` takes.

Each step is deterministic, small, and never writes a word of its own. Text is mended by hand-written rules, as
libraries that "repair JSON" guess, and a guess that loses a sentence is worse than a row that stays rejected.
"""

import ast
import hashlib
import json
import re
from itertools import groupby
from typing import Any

from engine.data.calling import ID
from engine.data.conversations import JOINT, KEYS, KNOWN

ROLES = {
    **dict.fromkeys(("human", "user", "prompter", "customer", "question", "prompt", "instruction", "input"), "user"),
    **dict.fromkeys(
        ("assistant", "gpt", "bot", "ai", "model", "chatgpt", "agent", "answer", "completion", "response", "output"),
        "assistant",
    ),
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("tool", "function", "observation"), "tool"),
}
LABEL = 120  # characters; what is longer may be somebody's words
PAIRS = (("prompt", "completion"), ("prompt", "response"), ("instruction", "output"), ("question", "answer"))
ESCAPED_BYTE = re.compile(r"(?<!\\)((?:\\\\)*)\\x([0-9a-f]{2})")
UNKNOWN_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\[^\\'\"abfnrtv0-7xNuU]")  # what Python itself warns of
STRING = r'"(?:[^"\\]|\\.)*"'
Row = dict[str, Any]


# --- text ---


def decoded(text: str) -> str | None:
    """Text with bytes written as \\xe9, read as Windows wrote them (cp1252). None where that has no such character."""
    try:
        return ESCAPED_BYTE.sub(lambda found: found[1] + bytes([int(found[2], 16)]).decode("cp1252"), text)
    except UnicodeDecodeError:
        return None


def loaded(text: str) -> Any:
    """What broken JSON most likely says, or None: the first of the readings below that is JSON."""
    text = text.strip().lstrip("\ufeff")
    for reading in (_as_it_is, _as_python, _without_commas, _closed):
        if isinstance(found := _tried(reading, text), dict | list):
            return found
    return None


def _tried(reading: Any, text: str) -> Any:
    try:
        return reading(text)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None


def _as_it_is(text: str) -> Any:
    """Strict but for raw line ends and tabs within texts, and for a comma behind the row, as a JSON list has them."""
    return json.loads(text.removesuffix(","), strict=False, parse_constant=_refused, object_pairs_hook=_once)


def _as_python(text: str) -> Any:
    """A dict as Python prints it: single quotes, None, True. Only where it is nothing else."""
    if not text.startswith("{'") or UNKNOWN_ESCAPE.search(text):
        return None
    tree = ast.parse(text, mode="eval")
    for node in ast.walk(tree):
        keys = [ast.dump(key) for key in node.keys if key] if isinstance(node, ast.Dict) else []
        if len(set(keys)) < len(keys):
            return None
    found = ast.literal_eval(tree)
    return found if json.loads(json.dumps(found)) == found else None


def _without_commas(text: str) -> Any:
    """Commas before a closing bracket go; texts are left alone."""
    return _as_it_is(re.sub(rf"({STRING})|,(\s*[\]}}])", lambda m: m[1] or m[2], text))


def _closed(text: str) -> Any:
    """Brackets that the end of the line has cut off. Not where a text was cut: nobody knows how that went on."""
    waiting: list[str] = []
    for found in re.finditer(rf'{STRING}|[\[\]{{}}"]', text):
        sign = found[0]
        if sign == '"':
            return None
        if sign in "[{":
            waiting.append("]" if sign == "[" else "}")
        elif sign in "]}" and (not waiting or waiting.pop() != sign):
            return None
    return _as_it_is(text.rstrip().rstrip(",") + "".join(reversed(waiting))) if waiting else None


def _refused(name: str) -> Any:
    raise ValueError(name)


def _once(pairs: list[tuple[str, Any]]) -> Row:
    """A key that is there twice with the same value is there once; with two values, nobody knows which is meant."""
    found: Row = {}
    for key, value in pairs:
        if key in found and found[key] != value:
            raise ValueError(f"{key} twice")
        found[key] = value
    return found


# --- shape ---


def reshaped(row: Any) -> Any:
    """Rows of other tools: conversations under another name, from/value, pairs of prompt and completion, bare lists."""
    if isinstance(row, list):
        return {"messages": row}
    if not isinstance(row, dict) or "messages" in row:
        return row
    for name in ("conversation", "conversations", "dialog", "dialogue", "chat", "turns", "data", "messages_list"):
        inner = row.get(name)
        if isinstance(inner, dict) and "messages" in inner and not (inner.keys() & row.keys()):
            return {**{key: value for key, value in row.items() if key != name}, **inner}
        if isinstance(inner, list):
            return {("messages" if key == name else key): value for key, value in row.items()}
    for asked, answered in PAIRS:
        if isinstance(row.get(asked), str) and isinstance(row.get(answered), str):
            return _paired(row, asked, answered)
    return row


def _paired(row: Row, asked: str, answered: str) -> Row:
    """A question and its answer as a row; what an `input` adds to an instruction stays with it."""
    rest = {key: value for key, value in row.items() if key not in (asked, answered)}
    system, more = rest.pop("system", ""), rest.pop("input", "")
    question = f"{row[asked]}{JOINT}{more}" if more else row[asked]
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": row[answered]}]
    return {**rest, "messages": [{"role": "system", "content": system}, *turns] if system else turns}


def renamed(message: Any) -> Any:
    """A message with our keys and roles. Keys only move where their new place is empty."""
    if not isinstance(message, dict):
        return message
    found = dict(message)
    for ours, theirs in (("role", ("from", "speaker", "author")), ("content", ("value", "text", "message"))):
        for name in theirs:
            if ours not in found and isinstance(found.get(name), str):
                found = {(ours if key == name else key): value for key, value in found.items()}
    if isinstance(found.get("role"), str):
        role = found["role"].strip().lower()
        found["role"] = ROLES.get(role, found["role"])
    return found


def stripped(row: Row) -> Row:
    """Without keys that a conversation does not know, if they hold labels; a text is nothing to throw away."""
    messages = [
        _with_only(message, KEYS.get(str(message.get("role")), set(message))) if isinstance(message, dict) else message
        for message in row["messages"]
    ]
    return {**_with_only(row, KNOWN), "messages": messages}


def _with_only(found: Row, known: set[str]) -> Row:
    return {key: value for key, value in found.items() if key in known or len(str(value)) > LABEL}


def ordered(messages: list[Row]) -> list[Row]:
    """System prompts first, as one; messages of one speaker in a row joined."""
    system = [message for message in messages if message.get("role") == "system"]
    others = [message for message in messages if message.get("role") != "system"]
    joined: list[Row] = []
    for _, group in groupby(system + others, key=lambda message: message.get("role")):
        joined += _joined(list(group))
    return joined


def _joined(group: list[Row]) -> list[Row]:
    plain = all(message.keys() <= {"role", "content", "weight"} and _is_text(message) for message in group)
    if len(group) == 1 or not plain or len({message.get("weight", 1) for message in group}) > 1:
        return group
    texts = [message["content"] for message in group]
    return [{**group[0], "content": JOINT.join(text for text in texts if text.strip())}]


def without_the_end(messages: list[Row]) -> list[Row]:
    """Up to the last thing that the assistant says."""
    last = max((n for n, message in enumerate(messages) if message.get("role") == "assistant"), default=-1)
    return messages[: last + 1]


def without_empties(messages: list[Row]) -> list[Row]:
    """Without messages that say nothing, and without empty content beside tool calls."""
    kept: list[Row] = []
    for message in messages:
        empty = message.get("content") is None or (_is_text(message) and not message["content"].strip())
        if empty and message.get("tool_calls"):
            kept.append({key: value for key, value in message.items() if key != "content"})
        elif not empty or message.get("role") == "tool" or message.get("tool_calls"):
            kept.append(message)
    return kept


def identified(messages: list[Row]) -> list[Row]:
    """Ids of calls and results as 9 letters and digits; the same old id becomes the same new one."""
    taken: dict[str, str] = {}
    found: list[Row] = []
    for message in messages:
        calls = message.get("tool_calls")
        if isinstance(calls, list):
            new = [_call(call, f"{len(found)}-{n}", taken) for n, call in enumerate(calls)]
            message = {**message, "tool_calls": new}
        if isinstance(old := message.get("tool_call_id"), str):
            message = {**message, "tool_call_id": taken.get(old, old)}
        found.append(message)
    return found


def _call(call: Any, place: str, taken: dict[str, str]) -> Any:
    if not isinstance(call, dict):
        return call
    found = {key: value for key, value in call.items() if key != "index"}
    old = found.get("id")
    if old in (None, "", "null"):
        found["id"] = _nine(place)
    elif isinstance(old, str):
        found["id"] = taken[old] = old if ID.fullmatch(old) else _nine(old)
    function = found.get("function")
    if isinstance(function, dict) and isinstance(function.get("arguments"), dict):
        arguments = json.dumps(function["arguments"], ensure_ascii=False)
        found["function"] = {**function, "arguments": arguments}
    return found


def _nine(text: str) -> str:
    """Nine letters and digits that follow from a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:9]


def _is_text(message: Row) -> bool:
    return isinstance(message.get("content"), str)

"""Calling: the rules of conversations that call functions: calls, results, definitions, and who answers whom.

Names and schemas are judged as mistral_common judges them; ids as its v3 tokenizer wants them, for every family.
"""

import json
import re
from functools import lru_cache
from typing import Any

import msgspec

from engine.data.unusable import Unusable, shown

ID = re.compile(r"[a-zA-Z0-9]{9}")
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
CALL = {"id", "type", "function"}
CALLED = {"name", "arguments"}
TOOL = {"type", "function"}
FUNCTION = {"name", "description", "parameters", "strict"}


def check(messages: list[dict[str, Any]], tools: Any) -> None:
    """Unusable when a call, a result or a definition breaks a rule. The roles are known to be in order."""
    defined = _defined(tools)
    waiting: list[str] = []  # ids of calls without a result so far
    called: set[str] = set()
    for number, message in enumerate(messages, 1):
        if message["role"] == "tool":
            waiting.remove(_result(number, message, waiting, called))
        elif waiting:
            raise Unusable(
                "unanswered-call",
                f"Message {number} comes before the result of the tool call {waiting[0]}; "
                "each call needs a tool message with its id.",
            )
        if "tool_calls" in message:
            waiting = _calls(number, message["tool_calls"], defined)
            called.update(waiting)


def _calls(number: int, calls: Any, defined: set[str]) -> list[str]:
    """The ids of the calls of a message."""
    if not isinstance(calls, list):
        raise Unusable("bad-call", f"The tool_calls of message {number} are not a list.")
    ids: list[str] = []
    for call in calls:
        where = f"a tool call of message {number}"
        _check_keys("bad-call", where, call, CALL, {"function"})
        function = call["function"]
        _check_keys("bad-call", where, function, CALLED, CALLED)
        if call.get("type", "function") != "function":
            raise Unusable("bad-call", f"The type of {where} is {shown(call['type'])}; it can only be function.")
        _check_name(where, function["name"])
        if function["name"] not in defined:
            raise Unusable(
                "undefined-tool", f"Message {number} calls {function['name']}, which its tools do not define."
            )
        _check_arguments(where, function["arguments"])
        ids.append(_id(f"The id of {where}", call.get("id")))
        if ids[-1] in ids[:-1]:
            raise Unusable("same-id", f"Two tool calls of message {number} have the id {ids[-1]}.")
    return ids


def _result(number: int, message: dict[str, Any], waiting: list[str], called: set[str]) -> str:
    id = _id(f"The tool_call_id of message {number}", message.get("tool_call_id"))
    if id not in waiting:
        why = "has its result already" if id in called else "no assistant message before it has made"
        raise Unusable("unmatched-id", f"Message {number} answers the tool call {id}, which {why}.")
    if "name" in message:
        _check_name(f"message {number}", message["name"])
    return id


def _defined(tools: Any) -> set[str]:
    """The names of the functions that a row's tools define."""
    if tools is None:
        return set()
    if not isinstance(tools, list):
        raise Unusable("bad-tools", "Its tools are not a list.")
    return {_tool(number, tool) for number, tool in enumerate(tools, 1)}


def _tool(number: int, tool: Any) -> str:
    where = f"tool {number}"
    _check_keys("bad-tools", where, tool, TOOL, {"function"})
    if tool.get("type", "function") != "function":
        raise Unusable("bad-tools", f"The type of {where} is {shown(tool['type'])}; it can only be function.")
    function = tool["function"]
    _check_keys("bad-tools", where, function, FUNCTION, {"name", "parameters"})
    _check_name(where, function["name"])
    if not isinstance(function.get("description", ""), str) or not isinstance(function.get("strict", False), bool):
        raise Unusable("bad-tools", f"The description of {where} is no text, or its strict neither true nor false.")
    if not isinstance(function["parameters"], dict):
        raise Unusable("bad-tools", f"The parameters of {where} are no object; give {{}} if it takes none.")
    try:
        schema = msgspec.json.encode(function["parameters"])
    except (OverflowError, UnicodeEncodeError, RecursionError) as error:
        raise Unusable(
            "bad-tools", f"The parameters of {where} hold a number or text that no file can hold."
        ) from error
    if fault := _schema_fault(schema):
        raise Unusable("bad-tools", f"The parameters of {where} are no JSON schema: {fault}.")
    return str(function["name"])


@lru_cache(4096)  # the same tools come back row after row
def _schema_fault(schema: bytes) -> str:
    from jsonschema import Draft7Validator  # the draft by which mistral_common judges
    from jsonschema.exceptions import SchemaError

    try:
        Draft7Validator.check_schema(msgspec.json.decode(schema))
    except SchemaError as error:
        return str(error.message)[:200].rstrip(".")
    except RecursionError:
        return "it is nested too deeply"
    return ""


def _check_keys(code: str, where: str, value: Any, allowed: set[str], needed: set[str]) -> None:
    if not isinstance(value, dict):
        raise Unusable(code, f"{where[0].upper()}{where[1:]} is not an object with {', '.join(sorted(needed))}.")
    if unknown := sorted(map(str, value.keys() - allowed)):
        raise Unusable(
            code, f"{where[0].upper()}{where[1:]} has {shown(unknown[0])}; it can have {', '.join(sorted(allowed))}."
        )
    if missing := sorted(needed - value.keys()):
        raise Unusable(code, f"{where[0].upper()}{where[1:]} has no {missing[0]}.")


def _check_name(where: str, name: Any) -> None:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise Unusable(
            "bad-name",
            f"The function name of {where} is {shown(name)}; it can be 1 to 64 letters, digits, _ and -.",
        )


def _check_arguments(where: str, arguments: Any) -> None:
    try:
        if isinstance(arguments, str) and isinstance(json.loads(arguments), dict):
            return
    except (ValueError, RecursionError):
        pass
    raise Unusable("bad-arguments", f'The arguments of {where} are not a JSON object written as text, as "{{}}".')


def _id(what: str, id: Any) -> str:
    if not isinstance(id, str) or not ID.fullmatch(id):
        found = shown(id) if id is not None else "missing"
        raise Unusable("bad-id", f"{what} is {found}; it must be exactly 9 letters and digits.")
    return id

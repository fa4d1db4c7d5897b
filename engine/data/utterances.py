"""Utterances: every text within a conversation, to be read or rewritten: what is said, and what tools are called with.

Roles, ids and the names of tools are no utterances. Arguments of a call are one text, as they stand in the row.
"""

from collections.abc import Callable, Iterator
from typing import Any

_STRUCTURE = frozenset(("role", "type", "id", "tool_call_id", "name", "weight", "index"))


def texts(value: Any) -> Iterator[str]:
    """The texts of messages (or of tools, or of a part of them), in their order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)
    elif isinstance(value, dict):
        for key, part in value.items():
            if key not in _STRUCTURE:
                yield from texts(part)


def rewritten(value: Any, change: Callable[[str], str]) -> Any:
    """The same with each text changed; what was given stays as it is."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [rewritten(part, change) for part in value]
    if isinstance(value, dict):
        return {key: part if key in _STRUCTURE else rewritten(part, change) for key, part in value.items()}
    return value

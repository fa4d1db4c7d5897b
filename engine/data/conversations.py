"""Conversations: what a row of training data must look like, and its one canonical form.

    {"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}],
     "tools": [...], "tags": [...], "group": "...", "split": "train"}

Only `messages` is needed; an assistant message may have `tool_calls` in place of content, and a `weight` of 0 where
it is not to be learned. The rules of tools are in `data.calling`; what a tokenizer has to say in `checking.tokens`.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from engine import hashes
from engine.data import calling
from engine.data.unusable import Unusable, shown

__all__ = ["KNOWN", "ROLES", "SPLITS", "Conversation", "Unusable", "is_whole", "parse"]

ROLES = ("system", "user", "assistant", "tool")
SPLITS = ("train", "validation", "test")
KNOWN = {"messages", "tools", "tags", "group", "split"}
KEYS = {
    "system": {"role", "content"},
    "user": {"role", "content"},
    "assistant": {"role", "content", "tool_calls", "weight"},
    "tool": {"role", "content", "tool_call_id", "name"},
}
JOINT = "\n\n"  # between the text chunks of one message, as mistral_common joins them


@dataclass(frozen=True)
class Conversation:
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None = None
    tags: tuple[str, ...] = ()
    group: str = ""
    split: str = ""

    @property
    def id(self) -> str:
        """Content alone: tags and splits may change, the conversation is the same one."""
        return hashes.content(self.messages, self.tools)

    @property
    def words(self) -> int:
        """Length of the last answer."""
        return len((self.messages[-1].get("content") or "").split())


def parse(row: Any) -> Conversation:
    """One decoded JSON row as a Conversation. Unusable when it breaks a rule.

    The canonical form has no nulls and no empty `tool_calls`, and content is one text: chunks of text are joined.
    """
    if type(row) is dict and len(row) == 1 and type(row.get("messages")) is list and _is_plain(row["messages"]):
        return Conversation(row["messages"])  # nearly every row of nearly every file
    if not isinstance(row, dict):
        raise Unusable("not-an-object", f"It holds a {type(row).__name__}, not an object with messages.")
    if "messages" not in row:
        found = _listed(sorted(map(str, row))) or "nothing"
        raise Unusable("no-messages", f"It has no messages; it has {found}.")
    if unknown := sorted(map(str, row.keys() - KNOWN)):
        raise Unusable("unknown-key", f"It has {_listed(unknown)}, which a conversation does not know; {_may(KNOWN)}.")
    messages = row["messages"]
    if not isinstance(messages, list) or not messages:
        raise Unusable("no-messages", "Its messages are empty.")
    if not (plain := _is_plain(messages)):
        messages = [_message(number, message) for number, message in enumerate(messages, 1)]
        _check_order(messages)
    tools = row.get("tools")
    if not plain or tools is not None:
        calling.check(messages, tools)
        _check_learned(messages)
    said = Conversation(messages, tools or None, _tags(row), _group(row), _split(row))
    if not plain or len(row) > 1:
        _check_storable(said)
    return said


def _is_plain(messages: list[Any]) -> bool:
    """Whether these are texts alone, in the plain order: nearly all rows are, so this is the fast way through."""
    expected = "user"
    for message in messages:
        if type(message) is not dict or len(message) != 2:
            return False
        role, content = message.get("role"), message.get("content")
        if role != expected:
            if role != "system" or message is not messages[0]:
                return False
        else:
            expected = "assistant" if role == "user" else "user"
        if type(content) is not str or not content or content.isspace() or not is_whole(content):
            return False
    return expected == "user" and len(messages) > 1


def is_whole(text: str) -> bool:
    """Whether it holds no half characters, which JSON can say and no file can keep."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _message(number: int, message: Any) -> dict[str, Any]:
    """A message in its canonical form."""
    if not isinstance(message, dict):
        raise Unusable("bad-message", f"Message {number} is not an object with role and content.")
    role = message.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise Unusable("bad-role", f"Message {number} has the role {shown(role)}; it can be {', '.join(ROLES)}.")
    if "tool_calls" in message and role != "assistant":
        raise Unusable("stray-calls", f"Message {number} ({role}) has tool_calls; only the assistant can call tools.")
    if unknown := sorted(map(str, message.keys() - KEYS[role])):
        raise Unusable(
            "unknown-message-key",
            f"Message {number} ({role}) has {_listed(unknown)}; {_may(KEYS[role], 'it can have')}.",
        )
    whole = {key: value for key, value in message.items() if value is not None}
    if not whole.get("tool_calls", True):
        del whole["tool_calls"]
    if "content" in whole:
        whole["content"] = _text(number, role, whole["content"])
    if "tool_calls" in whole and "content" in whole:
        raise Unusable(
            "content-and-calls",
            f"Message {number} has both content and tool_calls; the assistant either speaks or calls tools.",
        )
    if "tool_calls" not in whole and not str(whole.get("content", "")).strip() and not _empty_result(whole):
        raise Unusable("no-content", f"Message {number} ({role}) has no text.")
    if "weight" in whole:
        whole["weight"] = _weight(number, whole["weight"])
    return whole


def _empty_result(message: dict[str, Any]) -> bool:
    """A tool may well answer with nothing."""
    return message["role"] == "tool" and "content" in message


def _text(number: int, role: str, content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(
        isinstance(chunk, dict)
        and chunk.get("type") == "text"
        and isinstance(chunk.get("text"), str)
        and len(chunk) == 2
        for chunk in content
    ):
        return JOINT.join(chunk["text"] for chunk in content if chunk["text"])
    kinds = (
        {str(chunk.get("type")) for chunk in content if isinstance(chunk, dict)} if isinstance(content, list) else {}
    )
    found = f"chunks of the kind {', '.join(sorted(kinds))}" if kinds else f"a {type(content).__name__}"
    raise Unusable(
        "bad-content", f"Message {number} ({role}) holds {found}; it can be a text or a list of text chunks."
    )


def _weight(number: int, weight: Any) -> int:
    if isinstance(weight, bool) or not isinstance(weight, int | float) or weight not in (0, 1):
        raise Unusable("bad-weight", f"Message {number} has the weight {shown(weight)}; it can be 0 or 1.")
    return int(weight)


def _check_order(messages: list[dict[str, Any]]) -> None:
    roles = [message["role"] for message in messages]
    if "assistant" not in roles:
        raise Unusable("no-assistant", "It has no assistant message, so there is no answer to learn from.")
    if roles[-1] != "assistant":
        raise Unusable("last-not-assistant", f"Its last message is from the {roles[-1]}; it must be the assistant's.")
    if "system" in roles[1:]:
        raise Unusable(
            "late-system", f"Message {roles.index('system', 1) + 1} is a system prompt; it can only be first."
        )
    turns = [role for role in roles if role != "system"]
    if turns[0] != "user":
        raise Unusable("no-user", f"It starts with the {turns[0]}; after the system prompt the user must speak first.")
    for number, (before, after) in enumerate(pairwise(turns), len(roles) - len(turns) + 2):
        if before == after and before != "tool":
            raise Unusable("no-turns", f"Messages {number - 1} and {number} are both from the {before}.")
        if before == "user" and after == "tool":
            raise Unusable("stray-result", f"Message {number} is from a tool, but nobody has called one.")
        if before == "tool" and after == "user":
            raise Unusable(
                "unused-result", f"Message {number} is from the user; after the tool's the assistant must speak first."
            )


def _check_learned(messages: list[dict[str, Any]]) -> None:
    if not any(message["role"] == "assistant" and message.get("weight", 1) for message in messages):
        raise Unusable("nothing-learned", "All its answers have the weight 0, so there is nothing to learn from.")


def _tags(row: dict[str, Any]) -> tuple[str, ...]:
    tags = row.get("tags")
    if tags is None:
        return ()
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise Unusable("bad-tags", "Its tags are not a list of texts.")
    return tuple(tags)


def _group(row: dict[str, Any]) -> str:
    group = row.get("group")
    if group is not None and (isinstance(group, bool) or not isinstance(group, str | int)):
        raise Unusable("bad-group", f"Its group is {shown(group)}; it can be a text or a whole number.")
    return "" if group is None else str(group)


def _split(row: dict[str, Any]) -> str:
    split = row.get("split")
    if split is None:
        return ""
    if split not in ("", *SPLITS):
        raise Unusable("bad-split", f"Its split is {shown(split)}; it can be {', '.join(SPLITS)}.")
    return str(split)


def _check_storable(said: Conversation) -> None:
    """What JSON can say but no text file or number column can hold."""
    try:
        hashes.content(said.messages, said.tools, said.tags, said.group)
    except UnicodeEncodeError as error:
        raise Unusable(
            "half-character", "Its text holds half of a character (a lone surrogate), as a cut emoji leaves it."
        ) from error
    except (OverflowError, RecursionError) as error:
        raise Unusable("bad-number", "It holds a number beyond 64 bits, or is nested too deeply.") from error


def _listed(names: list[str]) -> str:
    return ", ".join(map(shown, names[:9])) + (f" and {len(names) - 9} more" if len(names) > 9 else "")


def _may(names: set[str], start: str = "allowed are") -> str:
    return f"{start} {', '.join(sorted(names))}"

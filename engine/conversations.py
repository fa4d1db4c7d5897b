"""Conversations: what a row of training data must look like, and its one canonical form.

    {"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}],
     "tools": [...], "tags": [...], "group": "...", "split": "train"}

Only `messages` is needed. Mistral-exact checks by tokenizer come on top of these; nothing here reads a file.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from engine import hashes

ROLES = ("system", "user", "assistant", "tool")
SPLITS = ("train", "validation", "test")
KNOWN = {"messages", "tools", "tags", "group", "split", "weight"}


class Unusable(Exception):
    """Why a row cannot become an example: a short code for the kind, a sentence for the person."""

    def __init__(self, code: str, why: str) -> None:
        self.code, self.why = code, why
        super().__init__(why)


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
    """One decoded JSON row as a Conversation. Unusable when it breaks a rule."""
    if not isinstance(row, dict):
        raise Unusable("not-an-object", f"It holds a {type(row).__name__}, not an object with messages.")
    if "messages" not in row:
        found = ", ".join(sorted(map(str, row))) or "nothing"
        raise Unusable("no-messages", f"It has no messages; it has {found}.")
    if unknown := sorted(row.keys() - KNOWN):
        raise Unusable(
            "unknown-key",
            f"It has {', '.join(map(repr, unknown))}, which a conversation does not know; "
            f"allowed are {', '.join(sorted(KNOWN))}.",
        )
    messages = row["messages"]
    if not isinstance(messages, list) or not messages:
        raise Unusable("no-messages", "Its messages are empty.")
    for number, message in enumerate(messages, 1):
        _check_message(number, message)
    _check_order(messages)
    tags = row.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise Unusable("bad-tags", "Its tags are not a list of texts.")
    split = row.get("split", "")
    if split not in ("", *SPLITS):
        raise Unusable("bad-split", f"Its split is {split!r}; it can be {', '.join(SPLITS)}.")
    return Conversation(messages, row.get("tools") or None, tuple(tags), str(row.get("group", "")), split)


def _check_message(number: int, message: Any) -> None:
    if not isinstance(message, dict):
        raise Unusable("bad-message", f"Message {number} is not an object with role and content.")
    role = message.get("role")
    if role not in ROLES:
        raise Unusable("bad-role", f"Message {number} has the role {role!r}; it can be {', '.join(ROLES)}.")
    if role == "assistant" and message.get("tool_calls"):
        return
    content = message.get("content")
    if not isinstance(content, str) or not content.strip():
        raise Unusable("no-content", f"Message {number} ({role}) has no text.")


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

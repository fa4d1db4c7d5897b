"""Transcripts: a whole conversation out of whatever holds it, as messages with role and content. Pure.

Understood are lists of messages under the names that others give roles and contents (`from`/`value`, `speaker`/`text`),
lists of pairs, objects around such lists (`messages`, `conversations`, `choices`), and a written chat:

    User: Where is my lamp?
    Assistant: On its way.

Nothing is judged here: what comes out may still break a rule.
"""

import json
import re
from typing import Any

Message = dict[str, Any]

ROLES = {
    "user": "user human prompter customer client guest visitor me you question q instruction kunde kundin nutzer "
    "benutzer gast frage utilisateur usager usuario cliente utente utilizador gebruiker klant klient",
    "assistant": "assistant gpt chatgpt bot chatbot ai model agent support answer a response output mistral claude "
    "llm advisor representative staff assistent berater antwort conseiller asistente assistente agente medewerker",
    "system": "system developer instructions",
    "tool": "tool function observation ipython",
}
ROLE = {name: role for role, names in ROLES.items() for name in names.split()}
SPEAKER = ("role", "from", "speaker", "author", "sender")
CONTENT = ("content", "value", "text", "message", "body")
AROUND = ("messages", "conversations", "conversation", "choices", "message", "body", "input", "output", "dialog")
KEPT = ("tool_calls", "tool_call_id", "name", "weight", "prefix")
SPOKEN = re.compile(r"^[ \t>*_#-]*([^\W\d_]+)[*_]*[ \t]*[:：][*_]*[ \t]*", re.MULTILINE)
LABELLED = ("user", "human", "assistant", "system", "bot", "gpt", "ai", "chatgpt", "agent", "customer", "support")
INST = re.compile(r"\[INST\](.*?)\[/INST\](.*?)(?=\[INST\]|$)", re.DOTALL)
CHATML = re.compile(r"<\|im_start\|>(\w+)\n(.*?)(?:<\|im_end\|>|$)", re.DOTALL)
RULE = re.compile(r"^\s*([-=*#_]\s?){3,}\s*$")


def role(name: object) -> str:
    """The role that a name means, or the name itself."""
    return ROLE.get(str(name).strip().casefold(), str(name)) if isinstance(name, str) else str(name)


def messages(value: Any) -> list[Message] | None:
    """The messages that a value holds; None when it holds no conversation that is known here."""
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, dict):
        if _speaker(value):
            return _of_list([value])
        inner = next((value[name] for name in AROUND if value.get(name)), None)
        return messages(inner) if isinstance(inner, dict | list) else None
    if isinstance(value, list) and value:
        return _of_list(value)
    return None


def _of_list(values: list[Any]) -> list[Message] | None:
    if all(isinstance(one, dict) for one in values):
        if all(_speaker(one) for one in values):
            return [_message(one) for one in values]
        if all("message" in one for one in values):  # choices: the first is the one that was given
            return messages(values[0]["message"])
        pairs = [_pair(one) for one in values]
        return [message for pair in pairs if pair for message in pair] if all(pairs) else None
    if all(isinstance(one, list) and len(one) == 2 and all(isinstance(s, str) for s in one) for one in values):
        return [message for one in values for message in _said(*one)]
    return None


def _speaker(message: Message) -> str:
    return next((name for name in SPEAKER if isinstance(message.get(name), str)), "")


def _message(found: Message) -> Message:
    """Its role and content by their usual names; all else that says something stays, for the rules to judge."""
    speaker = _speaker(found)
    content = next((name for name in CONTENT if name in found), "")
    message: Message = {"role": role(found[speaker])}
    if content and found[content] is not None:
        message["content"] = found[content]
    for name, value in found.items():
        if name not in (speaker, content) and (name in KEPT or value not in (None, "", [], {})) and value is not None:
            message[name] = value
    return message


def _pair(found: Message) -> list[Message] | None:
    """A turn each of user and assistant in one object: {"user": ..., "assistant": ...}."""
    said = {role(name): value for name, value in found.items() if isinstance(value, str)}
    return _said(said["user"], said["assistant"]) if {"user", "assistant"} <= said.keys() else None


def _said(user: str, assistant: str) -> list[Message]:
    return [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]


def _of_text(text: str) -> list[Message] | None:
    stripped = text.strip()
    if stripped[:1] in "[{" and stripped[-1:] in "]}":
        try:
            return messages(json.loads(stripped))
        except (ValueError, RecursionError):
            return None
    return _marked(text) or spoken(text)


def _marked(text: str) -> list[Message] | None:
    """A text in the marks of a chat template, Mistral's or ChatML."""
    if "[/INST]" in text:
        bare = text.replace("<s>", "").replace("</s>", "")
        return [turn for asked, said in INST.findall(bare) for turn in _said(asked.strip(), said.strip())]
    if "<|im_start|>" in text:
        return [{"role": role(name), "content": said.strip()} for name, said in CHATML.findall(text)]
    return None


def spoken(text: str) -> list[Message] | None:
    """A written chat, each turn with its speaker's name and a colon before it; None when it is not one."""
    marks = [mark for mark in SPOKEN.finditer(text) if mark[1].casefold() in ROLE and len(mark[1]) > 1]
    if not marks or text[: marks[0].start()].strip():
        return None
    roles = [role(mark[1]) for mark in marks]
    if not {"user", "assistant"} <= set(roles):
        return None
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return [
        {"role": said, "content": text[mark.end() : end].strip()}
        for said, mark, end in zip(roles, marks, ends, strict=True)
    ]


def written(text: str) -> bool:
    """Whether a text is one or more written chats."""
    if not any(mark[1].casefold() in LABELLED for mark in SPOKEN.finditer(text[:20_000])):
        return False
    return any(spoken(chat) for _, chat in chats(text[:20_000]))


def chats(text: str) -> list[tuple[int, str]]:
    """(line where it begins, chat) of each chat in a text.

    A line of dashes or the like parts two chats. So does a blank line where every block that is set apart by blank
    lines is a chat of its own; otherwise blank lines only part turns.
    """
    found: list[tuple[int, str]] = []
    for start, part in _blocks(text, RULE.match):
        inner = _blocks(part, lambda line: not line.strip())
        whole = [spoken(block) for _, block in inner]
        if len(inner) > 1 and all(turns and turns[0]["role"] in ("user", "system") for turns in whole):
            found += [(start + line - 1, block) for line, block in inner]
        else:
            found.append((start, part))
    return found


def blocks(text: str) -> list[tuple[int, str]]:
    """(line where it begins, text) of what blank lines part."""
    return _blocks(text, lambda line: not line.strip())


def _blocks(text: str, parts: Any) -> list[tuple[int, str]]:
    found: list[tuple[int, list[str]]] = []
    fresh = True
    for number, line in enumerate(text.splitlines(), 1):
        if parts(line):
            fresh = True
            continue
        if fresh and not line.strip():
            continue
        if fresh:
            found.append((number, []))
            fresh = False
        found[-1][1].append(line)
    return [(number, "\n".join(lines).rstrip()) for number, lines in found]

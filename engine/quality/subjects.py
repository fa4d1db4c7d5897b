"""Subjects: examples as a look at their health reads them: who asked what, in which context, and the answer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from engine.quality.nearness import normal

CONTEXT = 700  # signs at the end of a long prompt that stand for it: a question follows its passages


@dataclass(frozen=True)
class Subject:
    """`said`: role and words of every message, in order; the last is the answer."""

    entry: str
    status: str
    tags: tuple[str, ...]
    said: tuple[tuple[str, str], ...]

    @property
    def answer(self) -> str:
        return self.said[-1][1] if self.said else ""

    @property
    def prompt(self) -> str:
        """What the user said last."""
        return next((words for role, words in reversed(self.said) if role == "user"), "")

    @cached_property
    def context(self) -> str:
        """All that was said before the answer; the system prompt is left out."""
        return "\n".join(words for role, words in self.said[:-1] if role != "system")

    @property
    def whole(self) -> str:
        return f"{self.context}\n{self.answer}"

    @property
    def gist(self) -> str:
        """What an embedding reads."""
        return gist(self.prompt, self.answer)


def gist(prompt: str, answer: str = "") -> str:
    return f"{prompt[-CONTEXT:]}\n{answer[:CONTEXT]}".strip()


def of(entry: str, status: str, tags: Iterable[str], messages: Sequence[Mapping[str, Any]]) -> Subject:
    return Subject(entry, status, tuple(tags), tuple((str(message["role"]), text(message)) for message in messages))


def text(message: Mapping[str, Any]) -> str:
    """The words of a message; calls of a tool count as what they call."""
    content = message.get("content")
    if isinstance(content, list):
        content = "\n".join(str(chunk.get("text", "")) for chunk in content if isinstance(chunk, Mapping))
    calls = [call.get("function", {}) for call in message.get("tool_calls") or ()]
    return "\n".join([*filter(None, [content]), *(f"{call.get('name')} {call.get('arguments')}" for call in calls)])


def labels(answers: Sequence[str]) -> bool:
    """Whether answers are labels rather than sentences: few different ones, and short."""
    if len(answers) < 20:
        return False
    different = {normal(answer) for answer in answers}
    short = sum(len(answer.split()) <= 5 for answer in answers)
    return len(different) <= max(2, len(answers) // 10) and short >= 0.95 * len(answers)

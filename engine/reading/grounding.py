"""Grounding: how retrieved passages and a question become one user message.

One place, because training data, the playground, evaluations and the starter's own corpus must agree on it to the
letter.
"""

from collections.abc import Sequence

NOT_FOUND = "I don't have that information."


def grounded(question: str, passages: Sequence[str]) -> str:
    """The user message that asks `question` with `passages` at hand; the bare question when there are none."""
    if not passages:
        return question
    numbered = "\n".join(f"[{n}] {passage}" for n, passage in enumerate(passages, 1))
    return f"Passages:\n{numbered}\n\nQuestion: {question}"


def parted(message: str) -> tuple[str, list[str]]:
    """The question and the passages of a message that `grounded` made; any other message is a question alone."""
    if not message.startswith("Passages:\n[1] ") or "\n\nQuestion: " not in message:
        return message, []
    told, question = message.removeprefix("Passages:\n[1] ").rsplit("\n\nQuestion: ", 1)
    passages = [told]
    while (mark := f"\n[{len(passages) + 1}] ") in passages[-1]:
        passages[-1:] = passages[-1].split(mark, 1)
    return question, passages

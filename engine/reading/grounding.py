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

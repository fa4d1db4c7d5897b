"""Conversation: what every family of the grammar makes, and the plain system prompts that some begin with."""

from random import Random
from typing import NamedTuple

from engine.pretraining.corpus import names
from engine.pretraining.corpus.templates import expand

Message = dict[str, str]
Conversation = list[Message]

_SYSTEM = (
    "You are (a|the) (support|service|customer service|helpful) assistant( of {company}|).",
    "You are {name}, (the|an) assistant (of|at) {company}.",
    "You (work|answer) for {company}.",
    "(Answer|Reply) (in one sentence|briefly|in a short sentence|plainly|in plain words).",
    "(Use|Answer from) the passages( only|). If (they do not help|the answer is not there), say so.",
    "(Be|Stay) (polite|friendly|short|factual|clear|calm).",
    "(Copy|Keep|Repeat) (names|numbers), (amounts|dates) and (codes|units) exactly.",
    "You (help|answer) customers( of {company}|) (with their questions|by chat|by email).",
    "Do not (invent|guess) anything.",
    "(Answer from|Use only) the passages. If (they do not help|the answer is not there), say that you don't know.",
    "(The voice of {company} is|Our style is|Write in a style that is) (plain|warm|clear) and (honest|calm|exact).",
)


class Turn(NamedTuple):
    """One question and its answer."""

    user: str
    assistant: str


def conversation(random: Random, turns: list[Turn], system: float = 0.3) -> Conversation:
    """The turns as messages; with probability `system` after a system prompt of one to four sentences."""
    messages: Conversation = []
    if random.random() < system:
        sentences = [expand(text, random) for text in random.sample(_SYSTEM, random.choice([1, 1, 2, 2, 3, 4]))]
        company, name = names.company(random), names.first_name(random)
        prompt = " ".join(sentences).replace("{company}", company).replace("{name}", name)
        messages.append({"role": "system", "content": prompt})
    for turn in turns:
        messages.append({"role": "user", "content": turn.user})
        messages.append({"role": "assistant", "content": turn.assistant})
    return messages

"""Sifting: what a machine has drafted is looked through before a person sees it. Nothing is thrown away.

Each rule gives its reason in words, '' when it has nothing against a draft. What a rule holds back can be taken in
after all; what passes still waits for a person.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.drafting.recipes import Message
from engine.quality import nearness
from engine.scoring import guide
from engine.scoring.guide import Guide

# "the article says", "in this passage": words of somebody who looks at a page that the reader does not have
NOUNS = "texts?|documents?|passages?|articles?|abstracts?|titles?|excerpts?|facts|context|paragraphs?"
MENTION = re.compile(
    rf"\b(?:according to|based on|as (?:stated|mentioned|described) in|in|from|by|per) (?:the|this|these|that) "
    rf"(?:(?:given|provided|above|following) )?(?:{NOUNS})\b"
    rf"|\b(?:the|this|these) (?:(?:given|provided|above|following) )?(?:{NOUNS}) "
    r"(?:says?|states?|mentions?|describes?|does|do|provides?|explains?|reports?|discuss(?:es)?|concludes?|notes?)\b",
    re.IGNORECASE,
)
NEAR = 0.85  # shared words from which a draft counts as one that is there already


@dataclass(frozen=True)
class Sieve:
    """Which rules hold. 0 and None mean: does not matter."""

    fewest_words: int = 0
    most_words: int = 0
    mentions: bool = True
    guide: Guide | None = None
    least_grade: int = 0  # of the judging model's 0 to 3


def held_back(messages: Sequence[Message], sieve: Sieve) -> str:
    """Why a draft is held back, by itself; '' when nothing speaks against it."""
    answer = str(messages[-1].get("content") or "")
    n = len(answer.split())
    if not n:
        return "The answer is empty."
    if n < sieve.fewest_words:
        return f"The answer has {n} words, fewer than {sieve.fewest_words}."
    if sieve.most_words and n > sieve.most_words:
        return f"The answer has {n} words, more than {sieve.most_words}."
    if sieve.mentions:
        for message in messages:
            if message["role"] != "system" and (found := MENTION.search(str(message.get("content") or ""))):
                return f'It speaks of its source: "{found[0]}".'
    if sieve.guide is not None:
        marks, lacks = guide.marks(answer, sieve.guide), guide.missing(answer, sieve.guide)
        if marks or lacks:
            return f"The style guide: {(marks or lacks)[0].why}"
    return ""


def repeated(drafts: Sequence[Sequence[Message]], known: Sequence[str]) -> dict[int, str]:
    """Which drafts say what another says, by position with the reason. `known`: texts (see `text`) that are there.

    Of drafts that repeat each other the first one stays.
    """
    texts = [text(messages) for messages in drafts]
    found = {pair.first: "The dataset has nearly this already." for pair in nearness.across(texts, known, NEAR)}
    for pair in sorted(nearness.near(texts, NEAR), key=lambda pair: (pair.first, pair.second)):
        if pair.first not in found:
            found.setdefault(pair.second, f"Draft {pair.first + 1} says nearly the same.")
    return found


def text(messages: Sequence[Mapping[str, Any]]) -> str:
    """What two conversations are compared by: what was asked last, and the answer."""
    return "\n".join(asked_and_answered(messages))


def asked_and_answered(messages: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """What the user said last, and the last message."""
    asked = next((m.get("content") or "" for m in reversed(messages) if m["role"] == "user"), "")
    return asked, messages[-1].get("content") or ""


RUBRIC = """\
You check training examples. Give 0 to 3 points: 3 correct, complete and natural; 2 good with a small flaw; 1 usable \
only after rewriting; 0 wrong, empty or beside the question.{guide}

{shown}Somebody writes: {asked}
The answer: {answer}

Reply with one JSON object {{"reason": "...", "points": 0}} and nothing else."""


def rubric(messages: Sequence[Message], shown: str, rules: str) -> list[Message]:
    """The question to a judging model."""
    asked, answer = asked_and_answered(messages)
    content = RUBRIC.format(
        guide=f"\nThe style guide: {rules}" if rules else "",
        shown=f"What it was made from: {shown}\n" if shown else "",
        asked=asked,
        answer=answer,
    )
    return [{"role": "user", "content": content}]


def points(reply: str) -> tuple[int | None, str]:
    """The points of a judge's reply with its reason; None when they cannot be read, which is never a zero."""
    found = re.findall(r'"points"\s*:\s*([0-3])\b', reply)
    why = re.search(r'"reason"\s*:\s*"((?:[^"\\]|\\.)*)"', reply)
    # the last one holds: what the answer itself says about points comes before it
    return (int(found[-1]), why[1] if why else "") if found else (None, f"The judge's words cannot be read: {reply}")

"""Flaws: what is wrong with the form of a single answer: empty, cut off, an echo of its question.

They read signs and words only; an answer that stops short of its point in a whole sentence is not found.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.quality.nearness import alike, normal, words

EMPTY, TRUNCATED, ECHO, LENGTH = "empty", "truncated", "echo", "length"

PLACEHOLDER = re.compile(
    r"^\W*(?:n/?a|none|null|nan|todo|tbd|test|lorem ipsum.*|\[?insert .*|\[?your answer.*|\.+|-+|\?+)\W*$", re.I | re.S
)
CONNECTING = "and|or|the|a|an|of|to|with|for|und|oder|der|die|das|mit|für|et|ou|le|la"
OPEN_END = re.compile(rf"[,;:(\[{{\-–—/&+]\s*$|\b(?:{CONNECTING})\s*$", re.I)
SENTENCE = re.compile(r"(?<=[.!?…])\s+|\n+")


@dataclass(frozen=True)
class Flaw:
    kind: str
    why: str


def find(prompt: str, answer: str, *, usually_ends: bool = False) -> list[Flaw]:
    """What is wrong with an answer. `usually_ends`: the others here end with a full stop or the like."""
    if not words(answer) or PLACEHOLDER.match(answer):
        return [Flaw(EMPTY, f"The answer says nothing: {answer.strip()[:40]!r}.")]
    found = []
    said = answer.rstrip()
    if len(said.split()) >= 4 and OPEN_END.search(said):
        found.append(Flaw(TRUNCATED, f"It breaks off after “{said.split()[-1]}”."))
    elif said.count("```") % 2:
        found.append(Flaw(TRUNCATED, "A block of code is opened and never closed."))
    elif usually_ends and len(said.split()) >= 8 and said[-1].isalnum():
        found.append(Flaw(TRUNCATED, "It ends without a full stop, unlike most answers here."))
    if len(words(answer)) >= 4 and (normal(answer) == normal(prompt) or alike(answer, prompt) >= 0.95):
        found.append(Flaw(ECHO, "The answer repeats its question."))
    return found


def usually_end(answers: Iterable[str]) -> bool:
    """Whether nine in ten longer answers end with a full stop or the like."""
    longer = [answer for answer in answers if len(answer.split()) >= 8]
    return len(longer) >= 20 and sum(not answer.rstrip()[-1:].isalnum() for answer in longer) >= 0.9 * len(longer)


def longest_usual(lengths: Sequence[int]) -> float:
    """Words beyond which an answer is an outlier: three quartile ranges above the upper quartile, of logarithms."""
    if len(lengths) < 20:
        return float("inf")
    low, high = np.percentile(np.log1p(lengths), [25, 75])
    return float(max(np.expm1(high + 3 * max(high - low, 0.2)), 30))


def boilerplate(answers: Sequence[str], least: float = 0.05) -> list[tuple[str, int]]:
    """Sentences of four words or more that stand in at least a twentieth of the answers (and five), with how often."""
    counted: Counter[str] = Counter()
    for answer in answers:
        counted.update({part.strip() for part in SENTENCE.split(answer) if len(part.split()) >= 4})
    often = [(part, n) for part, n in counted.most_common(10) if n >= max(5, least * len(answers))]
    return often if len(set(map(normal, answers))) > len(answers) / 2 else []

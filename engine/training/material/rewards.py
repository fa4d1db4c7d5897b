"""Rewards: what an answer is paid for, between 0 and 1, each with its reason in words.

    paid = pay(read([{"kind": "json", "weight": 2}, {"kind": "length", "most": 40}]), answer, row)
    paid.total, [part.why for part in paid.parts]

A row is an example: its last assistant message is the reference, unless it says what is `expected`. A part that cannot
be known (a judge that did not answer, a pattern that took too long) makes the whole payment unknown, never 0.
An answer without words and calls is paid nothing. Light: a page tries rewards out with the function that training uses.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import MISSING, dataclass, fields
from typing import Any

from engine import specs
from engine.problems import Problem
from engine.scoring import rates
from engine.scoring.metrics import Score
from engine.scoring.rates import Rate
from engine.scoring.said import Answer, Row, calls_of, text_of

AT_ONCE = 8  # answers paid at the same time where a judge is asked

REWARDS: dict[str, type[Rate]] = {
    "exact": rates.Exact,
    "json": rates.Json,
    "tool": rates.Tool,
    "regex": rates.Regex,
    "length": rates.Length,
    "judge": rates.Judge,
    "style": rates.Style,
}


@dataclass(frozen=True)
class Reward:
    """One thing that is paid for. `weight` is its share of the whole payment, among the weights of all."""

    kind: str
    weight: float
    rate: Rate


@dataclass(frozen=True)
class Part:
    """What one reward pays. `value` is None when it is not known."""

    kind: str
    value: float | None
    weight: float
    why: str


@dataclass(frozen=True)
class Payment:
    """`total` is the mean of the parts by their weights; None when one of them is not known."""

    total: float | None
    parts: list[Part]

    @property
    def why(self) -> str:
        return " ".join(part.why for part in self.parts)


def read(listed: Sequence[Mapping[str, Any]]) -> list[Reward]:
    """The rewards of a run's settings. Problem, with number, kind and setting, when one cannot be used."""
    if not listed:
        raise Problem("No reward is set.", "Without one every answer is worth the same.", f"Add one of {_kinds()}.")
    return [_reward(number, values) for number, values in enumerate(listed, 1)]


def pay(rewards: Sequence[Reward], answer: Answer, row: Row) -> Payment:
    """What `answer`, a text or an assistant's message, is worth as the answer to `row`."""
    empty = not text_of(answer).strip() and not calls_of(answer)
    parts = []
    for reward in rewards:
        found = Score(0.0, "The answer is empty.") if empty else reward.rate.rate(answer, row)
        assert found.value is None or 0 <= found.value <= 1, f"{reward.kind} pays {found.value}"
        parts.append(Part(reward.kind, found.value, reward.weight, found.why))
    known = [(part.weight, part.value) for part in parts if part.value is not None]
    if len(known) < len(parts):
        return Payment(None, parts)
    return Payment(sum(weight * value for weight, value in known) / sum(weight for weight, _ in known), parts)


def pay_all(rewards: Sequence[Reward], answers: Sequence[Answer], rows: Sequence[Row]) -> list[Payment]:
    """`pay` for each answer and its row; several at once where a judge has to be waited for."""
    if not any(reward.rate.asks for reward in rewards):
        return [pay(rewards, answer, row) for answer, row in zip(answers, rows, strict=True)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda answer, row: pay(rewards, answer, row), answers, rows))


def lacking(rewards: Sequence[Reward], row: Row) -> str:
    """Why a row cannot be paid for by these rewards, as a sentence; '' when it can."""
    for number, reward in enumerate(rewards, 1):
        if lack := reward.rate.lacks(row):
            return f"Reward {number} ({reward.kind}) cannot be paid: {lack}"
    return ""


def doubts(rewards: Sequence[Reward]) -> list[str]:
    """Where a model could earn much without doing what is meant. Sentences for whoever sets the rewards."""
    found = [doubt for reward in rewards if (doubt := reward.rate.doubt())]
    kinds = {reward.kind for reward in rewards}
    if kinds == {"length"}:
        found.append("Only the length is paid: any words of that length earn all. Add a reward for what they say.")
    if kinds == {"judge"}:
        found.append(
            "Only a judge pays: models learn what flatters it, such as length and certainty. "
            "Add a rule that can be checked, and read the samples."
        )
    return found


def blank(kind: str) -> dict[str, Any]:
    """A reward of this kind with the defaults of its settings, to be filled in."""
    if kind not in REWARDS:
        raise Problem(f"There is no reward of the kind {kind!r}.", do=f"Use one of {_kinds()}.")
    return {"kind": kind, "weight": 1.0, **specs.defaults(REWARDS[kind])}


def _reward(number: int, values: Mapping[str, Any]) -> Reward:
    kind = values.get("kind") if isinstance(values, Mapping) else None
    if not isinstance(kind, str) or kind not in REWARDS:
        raise Problem(f"Reward {number} has the kind {kind!r}.", "There is no such reward.", f"Use one of {_kinds()}.")
    where = f"Reward {number} ({kind})"
    weight = values.get("weight", 1.0)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < float("inf"):
        raise Problem(f"{where} has the weight {weight!r}.", "It must be a number above 0.")
    settings = {name: value for name, value in values.items() if name not in ("kind", "weight")}
    known = {f.name for f in fields(REWARDS[kind])}
    if unknown := sorted(map(str, settings.keys() - known)):
        listed = ", ".join(sorted(known))
        raise Problem(f"{where} has no setting called {', '.join(unknown)}.", do=f"It knows {listed}.")
    if missing := [name for name in _needed(REWARDS[kind]) if name not in settings]:
        raise Problem(f"{where} lacks {', '.join(missing)}.")
    try:
        return Reward(kind, float(weight), REWARDS[kind](**settings))
    except Problem as problem:
        raise Problem(f"{where}: {problem.what}", problem.why, problem.do) from problem


def _needed(kind: type[Rate]) -> list[str]:
    return [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]


def _kinds() -> str:
    return ", ".join(REWARDS)

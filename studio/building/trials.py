"""Trials: a reward tried on answers before anything learns from it, and on tricks that should earn nothing.

The same function pays here and in training (`engine.training.material.rewards`), so what is seen here is what a
model would get. Answers are typed, or come from an evaluation, from frozen examples, or from a model that is asked now.
"""

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from engine.problems import Problem
from engine.scoring import candidates as engine
from engine.scoring import said, stats
from engine.serving.asking import client
from engine.serving.asking.client import Decoding, Question
from engine.training.material import rewards
from engine.training.material.rewards import Payment, Reward
from studio.building import candidates
from studio.freezing import snapshots
from studio.store import Store

Row = Mapping[str, Any]
CHEAP = 0.5  # a trick that is paid as much as this is worth a warning, whatever the answers earn
AT_ONCE = 4  # questions on their way to a model
EPSILON = 1e-9


@dataclass(frozen=True)
class Sample:
    """An answer to be paid: a text, or an assistant's message with tool calls. `row` is its question."""

    row: Row
    answer: said.Answer
    of: str  # where it comes from

    @property
    def question(self) -> str:
        asked = said.asked(self.row)
        return said.text_of(asked[-1]) if asked else ""


@dataclass(frozen=True)
class Paid:
    sample: Sample
    payment: Payment


@dataclass(frozen=True)
class Trick:
    """What one way of not answering earns, on average over `n` questions; None when it is not known."""

    name: str
    answer: str  # to the first question
    pay: float | None
    n: int
    why: str


@dataclass(frozen=True)
class Trial:
    """What each answer is paid, the best first, those not known last; what tricks earn; what to worry about."""

    paid: list[Paid]
    tricks: list[Trick]
    warnings: list[str]

    @property
    def totals(self) -> list[float]:
        return [one.payment.total for one in self.paid if one.payment.total is not None]

    @property
    def mean(self) -> stats.Estimate:
        return stats.mean(self.totals, 0.0, 1.0)

    @property
    def unknown(self) -> int:
        return len(self.paid) - len(self.totals)


def typed(question: str, expected: str, answers: str) -> list[Sample]:
    """An answer a line, to one question. What is expected may be a text, or a tool call in JSON."""
    row: dict[str, Any] = {"messages": [{"role": "user", "content": question.strip() or "-"}]}
    if expected.strip():
        row["expected"] = _call(expected.strip()) or expected.strip()
    return [Sample(row, line.strip(), "typed") for line in answers.splitlines() if line.strip()]


def of_examples(store: Store, snapshot: str, n: int = 50) -> list[Sample]:
    """The answers of some training examples of a snapshot: what the reward makes of what people wrote."""
    return [Sample(row, row["messages"][-1], "example") for row in _training(store, snapshot, n) if said.asked(row)]


def of_evaluation(store: Store, evaluation: str, n: int = 200) -> list[Sample]:
    """Answers that candidates gave in an evaluation, beside what was expected of them."""
    rows = store.rows(
        """
        select i.id, i.body, r.text, r.calls, c.name
        from response r
        join item i on i.evaluation = r.evaluation and i.id = r.item
        join candidate c on c.id = r.candidate
        where r.evaluation = ? and r.error = ''
        order by r.item, c.name
        limit ?
        """,
        [evaluation, n],
    )
    asked: dict[str, Row] = {}  # one for all answers to it: tries at the same question are compared
    for row in rows:
        if row["id"] not in asked:
            body = json.loads(row["body"])
            expected = {"tool_calls": body["calls"]} if body.get("calls") else body.get("answer")
            asked[row["id"]] = {"messages": body["messages"], **({"expected": expected} if expected else {})}
    return [Sample(asked[row["id"]], _said(row["text"], json.loads(row["calls"] or "[]")), row["name"]) for row in rows]


def of_model(
    store: Store,
    model: str,
    snapshot: str,
    by: str,
    *,
    questions: int = 4,
    tries: int = 4,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> list[Sample]:
    """Several tries of a model at the same questions, as freely as in training. Problem when it cannot be asked."""
    rows = _training(store, snapshot, questions)
    if not rows:
        raise Problem("This snapshot has no training example.", do="Choose another one.")
    asked = candidates.for_engine(store, candidates.draft(store, model, model, by), serve=False)
    endpoint, name = engine.located(asked, store.home.servers)

    def ask(number: int) -> Sample:
        row = rows[number // tries]
        messages, _ = engine.messages(asked, said.asked(row))
        decoding = replace(Decoding(temperature=1.0), seed=number)
        answer = client.chat(endpoint, name, Question(messages, decoding, list(row.get("tools") or [])))
        return Sample(row, _said(answer.text, answer.calls), model)

    found = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for sample in pool.map(ask, range(len(rows) * tries)):
            found.append(sample)
            progress(len(found), len(rows) * tries)
    return found


def run(listed: Sequence[Mapping[str, Any]], samples: Sequence[Sample]) -> Trial:
    """Pay the samples and the tricks. Problem when the rewards cannot be used or a question lacks what they need."""
    read = rewards.read(listed)
    if not samples:
        raise Problem("There is no answer to pay.", do="Type some, one a line, or choose where they come from.")
    for sample in samples:
        if lack := rewards.lacking(read, sample.row):
            raise Problem(lack[0].upper() + lack[1:], f"The question is “{said.short(sample.question)}”.", NEEDED)
    payments = rewards.pay_all(read, [one.answer for one in samples], [one.row for one in samples])
    paid = [Paid(sample, payment) for sample, payment in zip(samples, payments, strict=True)]
    paid.sort(key=lambda one: -1 if one.payment.total is None else one.payment.total, reverse=True)
    trial = Trial(paid, [], [])
    if trial.totals:  # where nothing could be paid, tricks cannot be either
        trial = replace(trial, tricks=tricks(read, samples))
    return replace(trial, warnings=[*_worries(trial), *rewards.doubts(read)])


NEEDED = "Say what is expected, choose examples that do, or take this reward out."


def tricks(read: Sequence[Reward], samples: Sequence[Sample], most: int = 20) -> list[Trick]:
    """What can be said without answering, and what it would earn; the best paid first."""
    rows = list({id(sample.row): sample for sample in samples}.values())[:most]
    found = []
    for name, trick in _tricks(rows).items():
        payments = rewards.pay_all(read, trick, [one.row for one in rows])
        known = [payment.total for payment in payments if payment.total is not None]
        pay = statistics.fmean(known) if known else None
        found.append(Trick(name, str(trick[0]), pay, len(known), payments[0].why))
    return sorted(found, key=lambda one: -1 if one.pay is None else one.pay, reverse=True)


def _tricks(asked: Sequence[Sample]) -> dict[str, list[str]]:
    """Ways of saying something without answering, each with its words to every question."""
    questions = [one.question for one in asked]
    answers = [said.text_of(one.answer) or "Yes." for one in asked]
    told = {
        "Nothing at all": ["" for _ in questions],
        "The question, said again": questions,
        "One full stop": ["." for _ in questions],
        "One word, over and over": [" ".join(["yes"] * 30) for _ in questions],
        "Empty JSON": ["{}" for _ in questions],
        "I do not know": ["I am sorry, I do not know." for _ in questions],
    }
    if len(set(answers)) > 1 and len(set(questions)) > 1:
        told["The answer to another question"] = [*answers[1:], answers[0]]
    return told


def _worries(trial: Trial) -> list[str]:
    """What a run would stumble over, in sentences for somebody who has never done this."""
    found, totals = [], trial.totals
    if trial.unknown:
        found.append(
            f"{trial.unknown} of {len(trial.paid)} answers could not be paid; training leaves such answers out."
        )
    groups = _groups(trial)
    flat = sum(max(group) - min(group) < EPSILON for group in groups)
    if len(totals) > 1 and max(totals) - min(totals) < EPSILON:
        same = "nothing" if max(totals) < EPSILON else "the same"
        found.append(
            f"All {len(totals)} answers are paid {same}: there is nothing to learn, since a model learns from the "
            "difference between its better and its worse tries."
        )
    elif flat and len(groups) > 1:
        found.append(f"At {flat} of {len(groups)} questions all tries are paid the same; those teach nothing.")
    cheating = [trick for trick in trial.tricks if _cheats(trick, totals)]
    return [*found, _cheated(cheating, totals)] if cheating else found


def _groups(trial: Trial) -> list[list[float]]:
    """What the tries at the same question are paid, of the questions that were tried more than once."""
    held: dict[int, list[float]] = {}
    for one in trial.paid:
        if one.payment.total is not None:
            held.setdefault(id(one.sample.row), []).append(one.payment.total)
    return [group for group in held.values() if len(group) > 1]


def _cheats(trick: Trick, totals: Sequence[float]) -> bool:
    typical = statistics.median(totals) if totals else 1.0
    return trick.pay is not None and (trick.pay >= CHEAP or (trick.pay > EPSILON and trick.pay >= typical))


def _cheated(cheating: Sequence[Trick], totals: Sequence[float]) -> str:
    beside = f" Half of your answers earn {statistics.median(totals):.2f} or less." if totals else ""
    paid = ", ".join(f"“{trick.name}” {trick.pay:.2f} (n = {trick.n})" for trick in cheating)
    return (
        f"It can be cheated. Without answering, these would be paid: {paid}.{beside} "
        "A model finds such ways. Add a rule by which they earn nothing."
    )


def _training(store: Store, snapshot: str, n: int) -> list[dict[str, Any]]:
    """Some training rows; they stand in the order of their hashes, so the first are as good as any."""
    snapshots.get(store, snapshot)
    with snapshots.path(store, snapshot, "train").open(encoding="utf-8", newline="\n") as file:
        return [json.loads(line) for line in islice(file, n)]


def _said(text: str, calls: list[dict[str, Any]]) -> said.Answer:
    """An answer as it came: its words, or a message where it calls tools."""
    return {"role": "assistant", "content": text, "tool_calls": calls} if calls else text


def _call(text: str) -> dict[str, Any] | None:
    """A tool call typed as JSON, {"name": ..., "arguments": ...}."""
    if not text.startswith("{"):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "name" in found else None

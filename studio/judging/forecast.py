"""Forecast: what an evaluation will ask, take and cost, before it is started. Each figure says what it rests on."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.problems import Problem
from engine.scoring import asked, likely
from engine.scoring import candidates as engine
from engine.serving.asking import asker, kept, likelihood
from engine.serving.asking.calls import Endpoint
from engine.serving.asking.purse import Rates, cost
from engine.serving.asking.question import Question
from studio.building import candidates
from studio.building.candidates import Candidate
from studio.judging import commission, usual
from studio.judging.orders import Order, Terms
from studio.judging.usual import Took, Usual
from studio.store import Store

SAMPLE = 200  # items that are looked at where each costs time: passages found, tokens counted


@dataclass(frozen=True)
class Line:
    """What one candidate, or the judge, will be asked for one thing. Tokens, euros and seconds are None where nobody
    knows; `basis` says in words what they rest on. `kept` of the `requests` were answered before and cost nothing."""

    name: str
    requests: int
    kept: int
    tokens_in: int | None
    tokens_out: int | None
    euros: float | None
    seconds: float | None
    basis: str

    @property
    def fresh(self) -> int:
        return self.requests - self.kept


@dataclass(frozen=True)
class Forecast:
    lines: list[Line]
    judging: list[Line] = field(default_factory=list)  # one, or none
    weighing: list[Line] = field(default_factory=list)  # the candidates, where they are asked what they find likely

    @property
    def all(self) -> list[Line]:
        return [*self.lines, *self.weighing, *self.judging]

    @property
    def requests(self) -> int:
        return sum(line.requests for line in self.all)

    @property
    def kept(self) -> int:
        return sum(line.kept for line in self.all)

    @property
    def euros(self) -> float | None:
        """None when it is not known of one of them."""
        return _sum([line.euros for line in self.all])

    @property
    def seconds(self) -> float | None:
        return _sum([line.seconds for line in self.all])

    @property
    def unknown(self) -> list[str]:
        """Whose price nobody knows."""
        return [line.name for line in self.all if line.euros is None]


def of(store: Store, order: Order) -> Forecast:
    """What `evaluations.start` would take with this order. Nothing is started."""
    found = commission.rates(store, order.candidates, order.measures.judge)
    rates = {name: Rates(**values) for name, values in found.items()}
    told = [_line(store, order, one, rates[one.id]) for one in order.candidates]
    answers = sum(line.requests for line, _ in told)
    weighing = [
        own
        for one, (line, mean) in zip(order.candidates, told, strict=True)
        for own in _weighing(store, order, one, rates[one.id], line.requests, mean)
    ]
    return Forecast([line for line, _ in told], _judging(store, order, rates, answers), weighing)


def _line(store: Store, order: Order, candidate: Candidate, rates: Rates) -> tuple[Line, Usual]:
    """Its answers, and what one of them takes."""
    one, items, terms = candidates.for_engine(store, candidate, serve=False), order.questions.items, order.terms
    looked = list(items[:SAMPLE] if one.library else items)
    prompts = [_prompt(one, item) for item in looked]
    n = len(items) * terms.repeats
    stream = commission.streamed(store, order)
    held = _known(store, one, looked, prompts, terms, stream) if terms.reuse and looked else 0
    held = round(held * len(items) / max(1, len(looked)))
    mean = usual.of(store, candidate, one, looked[:SAMPLE], prompts[:SAMPLE])
    each = usual.seconds(store, candidate.model, terms.concurrency)
    fresh = n - held
    taken = None if each is None else each * fresh
    line = Line(
        candidate.name,
        n,
        held,
        _times(mean.tokens_in, fresh),
        _times(mean.tokens_out, fresh),
        _euros(rates, mean, fresh, taken),
        taken,
        mean.basis,
    )
    return line, mean


def _prompt(candidate: engine.Candidate, item: Mapping[str, Any]) -> list[Any]:
    try:
        return engine.messages(candidate, item["messages"])[0]
    except Problem:
        return []  # it cannot be asked; the job will say why


def _known(
    store: Store,
    candidate: engine.Candidate,
    items: Sequence[Mapping[str, Any]],
    prompts: Sequence[list[Any]],
    terms: Terms,
    stream: bool,
) -> int:
    """How many of these requests were answered before, and may be answered from there."""
    try:
        who, name = engine.named(candidate)
    except Problem:
        return 0
    questions = [
        Question(prompt, candidate.decoding, item.get("tools") or ())
        for item, prompt in zip(items, prompts, strict=True)
    ]
    keys = [
        asker.asked(candidate, who, name, question, repeat, stream=stream)[1]
        for question in questions
        for repeat in range(terms.repeats)
    ]
    since = kept.oldest(terms.days, time.time()) if asker.moves(candidate) else 0.0
    return kept.known(store.home.kept, keys, since)


def _judging(store: Store, order: Order, rates: Mapping[str, Rates], answers: int) -> list[Line]:
    """What the judge will be asked, as in the last evaluation that it judged by one of these metrics; else at least
    one question for each answer and family."""
    judge, families = order.measures.judge, usual.families(order, asked.JUDGE)
    if not (judge and families):
        return []
    took = usual.took(store, order, asked.JUDGE, lambda evaluation, line: evaluation.judge == judge)
    if took is None:
        basis = "at least; how many more, and how long they are, is not known before its first evaluation"
        return [Line(judge, len(families) * answers, 0, None, None, None, None, basis)]
    rate = rates[candidates.draft(store, judge, judge, "atelier").id]
    return [_scoring(judge, took, answers, rate, order.terms)]


def _weighing(store: Store, order: Order, candidate: Candidate, rates: Rates, answers: int, mean: Usual) -> list[Line]:
    """What a candidate will be asked about texts that others wrote: as in the last evaluation that did so; else each
    is read once, with its prompt."""
    families = usual.families(order, asked.CANDIDATE)
    if not families or likelihood.silent(Endpoint(candidates.for_engine(store, candidate, serve=False).endpoint)):
        return []
    took = usual.took(store, order, asked.CANDIDATE, lambda evaluation, line: line["candidate"] == candidate.id)
    if took is None:
        ranked = len(commission.labels(store, order.items, order.questions.snapshot))
        texts = sum(ranked if one is likely.RANKING else 1 for one in families)
        known = mean.tokens_in is not None and mean.tokens_out is not None
        read = texts * ((mean.tokens_in or 0) + (mean.tokens_out or 0)) if known else None
        at_once = max(1, order.terms.concurrency)
        each = usual.seconds(store, candidate.model, at_once)
        basis = f"{texts:,} read with each prompt, in the time of {'an answer' if len(families) == 1 else 'answers'}"
        took = Took(len(families), each and each * at_once * len(families), Usual(read, 0.0, basis))
    return [_scoring(candidate.name, took, answers, rates, order.terms, "how likely it finds texts: ")]


def _scoring(name: str, took: Took, answers: int, rates: Rates, terms: Terms, what: str = "") -> Line:
    mean, n = took.mean, round(took.calls * answers)
    seconds = None if took.seconds is None else took.seconds * answers / max(1, terms.concurrency)
    euros = _euros(rates, mean, answers, seconds)
    read, written = _times(mean.tokens_in, answers), _times(mean.tokens_out, answers)
    return Line(name, n, 0, read, written, euros, seconds, what + mean.basis)


def _euros(rates: Rates, mean: Usual, n: int, seconds: float | None) -> float | None:
    """For `n` answers that take `seconds` of the machine together."""
    if n == 0:
        return 0.0
    if rates.hour is not None:
        return None if seconds is None else cost(rates, None, None, seconds)
    return cost(rates, _times(mean.tokens_in, n), _times(mean.tokens_out, n), 0.0)


def _times(each: float | None, n: int) -> int | None:
    return None if each is None else round(each * n)


def _sum(parts: Sequence[float | None]) -> float | None:
    return None if None in parts else sum(part for part in parts if part is not None)

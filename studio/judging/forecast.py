"""Forecast: what an evaluation will ask, take and cost, before it is started. Each figure says what it rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.checking import tokens
from engine.checking.tokens import Tokenizer
from engine.data.conversations import Conversation
from engine.data.unusable import Unusable
from engine.problems import Problem
from engine.scoring import asked, grading, lines
from engine.scoring import candidates as engine
from engine.serving.asking import asker, kept
from engine.serving.asking.purse import Rates, cost
from engine.serving.asking.question import Question
from studio.building import candidates
from studio.building.candidates import Candidate
from studio.judging import commission, evaluations
from studio.judging.orders import Order
from studio.store import Store

SAMPLE = 200  # items that are looked at where each costs time: passages found, tokens counted
HELD = 200  # earlier answers of a candidate from which its tokens are told


@dataclass(frozen=True)
class Line:
    """What one candidate, or the judge, will be asked. Tokens, euros and seconds are None where nobody knows; `basis`
    says in words what they rest on. `kept` of the `requests` were answered before and cost nothing."""

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

    @property
    def all(self) -> list[Line]:
        return [*self.lines, *self.judging]

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


@dataclass(frozen=True)
class Usual:
    """What an answer takes on average, and what that is known from."""

    tokens_in: float | None
    tokens_out: float | None
    basis: str


def of(store: Store, order: Order) -> Forecast:
    """What `evaluations.start` would take with this order. Nothing is started."""
    found = commission.rates(store, order.candidates, order.measures.judge)
    rates = {name: Rates(**values) for name, values in found.items()}
    told = [_line(store, order, one, rates[one.id]) for one in order.candidates]
    return Forecast(told, _judging(store, order, rates, sum(line.requests for line in told)))


def _line(store: Store, order: Order, candidate: Candidate, rates: Rates) -> Line:
    one, items, terms = candidates.for_engine(store, candidate, serve=False), order.questions.items, order.terms
    looked = list(items[:SAMPLE] if one.library else items)
    prompts = [_prompt(one, item) for item in looked]
    n = len(items) * terms.repeats
    stream = commission.streamed(store, order)
    held = _known(store, one, looked, prompts, terms.repeats, stream) if terms.reuse and looked else 0
    held = round(held * len(items) / max(1, len(looked)))
    usual = _usual(store, candidate, one, looked[:SAMPLE], prompts[:SAMPLE])
    each = _seconds(store, candidate.model, terms.concurrency)
    fresh = n - held
    taken = None if each is None else each * fresh
    return Line(
        candidate.name,
        n,
        held,
        _times(usual.tokens_in, fresh),
        _times(usual.tokens_out, fresh),
        _euros(rates, usual, fresh, taken),
        taken,
        usual.basis,
    )


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
    repeats: int,
    stream: bool,
) -> int:
    """How many of these requests were answered before."""
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
        for repeat in range(repeats)
    ]
    return kept.known(store.home.kept, keys)


def _usual(
    store: Store,
    candidate: Candidate,
    asked_as: engine.Candidate,
    items: Sequence[Mapping[str, Any]],
    prompts: Sequence[list[Any]],
) -> Usual:
    """From the candidate's own earlier answers; else its prompts are counted, and the expected answers."""
    row = store.row(
        """
        select count(*) as n, avg(tokens_in) as read, avg(tokens_out) as written
        from (
            select tokens_in, tokens_out
            from response
            where candidate = ? and error = '' and tokens_in > 0
            order by made_at desc
            limit ?
        )
        """,
        [candidate.id, HELD],
    )
    if row and row["n"]:
        return Usual(row["read"], row["written"], f"tokens as in its {row['n']} last answers")
    tokenizer, said = _tokenizer(asked_as)
    if tokenizer is None:
        return Usual(None, None, said)
    counts = [
        _counted(tokenizer, prompt, str(item.get("answer") or "")) for item, prompt in zip(items, prompts, strict=True)
    ]
    known = [count for count in counts if count is not None]
    if not known:
        return Usual(None, None, "its tokens cannot be counted")
    read, written = (sum(column) / len(known) for column in zip(*known, strict=True))
    return Usual(read, written, f"{said}; answers as long as the expected ones")


def _tokenizer(candidate: engine.Candidate) -> tuple[Tokenizer | None, str]:
    try:
        if candidate.base:
            return tokens.load("starter", candidate.base), "prompts counted by its own tokenizer"
        return tokens.load("tekken"), "prompts counted as Mistral's newer models count, which others do not"
    except (Problem, OSError, ValueError):
        return None, "its tokens cannot be counted"


def _counted(tokenizer: Tokenizer, prompt: Sequence[Any], answer: str) -> tuple[int, int] | None:
    """Tokens of a prompt and of its expected answer; None where the tokenizer cannot take them."""
    if not prompt:
        return None
    try:
        count = tokenizer.count(Conversation([*prompt, {"role": "assistant", "content": answer or "."}]))
    except Unusable:
        return None
    return count.tokens - count.trained, count.trained


def _seconds(store: Store, model: str, concurrency: int) -> float | None:
    """Seconds of an answer of this model with so many asked at once, from its earlier ones; else from anybody's."""
    row = store.row(
        """
        select avg(r.seconds) as seconds
        from response r
        join candidate c on c.id = r.candidate
        where c.model = ? and r.error = '' and not r.kept and r.seconds > 0
        """,
        [model],
    )
    if row and row["seconds"]:
        return float(row["seconds"]) / max(1, concurrency)
    return evaluations.pace(store)


def _judging(store: Store, order: Order, rates: Mapping[str, Rates], answers: int) -> list[Line]:
    """What the judge will be asked, as in the last evaluation that it judged by one of these metrics; else at least
    one question for each answer and family."""
    metrics, judge = order.measures.metrics, order.measures.judge
    families = [one for one in grading.families(metrics) if one.needs == asked.JUDGE]
    if not (judge and families):
        return []
    rate = rates[candidates.draft(store, judge, judge, "atelier").id]
    for evaluation in evaluations.listed(store):
        if evaluation.judge == judge and {*evaluation.metrics} & {*metrics}:
            bills = [line["asking"] for line in lines.read(evaluation.job.folder) if "asking" in line]
            if bills:
                calls, read, written = (
                    sum(bill[name] for bill in bills) / len(bills) for name in ("calls", "tokens_in", "tokens_out")
                )
                each = _seconds(store, judge, order.terms.concurrency)
                n = round(calls * answers)
                taken = None if each is None else each * n
                usual = Usual(read, written, f"as in {evaluation.name}, by {len(bills)} answers")
                euros = _euros(rate, usual, answers, taken)
                return [Line(judge, n, 0, _times(read, answers), _times(written, answers), euros, taken, usual.basis)]
    basis = "at least; how many more, and how long they are, is not known before its first evaluation"
    return [Line(judge, len(families) * answers, 0, None, None, None, None, basis)]


def _euros(rates: Rates, usual: Usual, n: int, seconds: float | None) -> float | None:
    """For `n` answers that take `seconds` of the machine together."""
    if n == 0:
        return 0.0
    if rates.hour is not None:
        return None if seconds is None else cost(rates, None, None, seconds)
    return cost(rates, _times(usual.tokens_in, n), _times(usual.tokens_out, n), 0.0)


def _times(each: float | None, n: int) -> int | None:
    return None if each is None else round(each * n)


def _sum(parts: Sequence[float | None]) -> float | None:
    return None if None in parts else sum(part for part in parts if part is not None)

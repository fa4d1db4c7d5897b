"""Usual: what an answer takes on average, and asking a model for its scores: as earlier ones did, else counted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.data.conversations import Conversation
from engine.data.unusable import Unusable
from engine.problems import Problem
from engine.scoring import candidates as engine
from engine.scoring import grading, lines
from engine.scoring.given import Family
from studio.building.candidates import Candidate
from studio.judging import evaluations
from studio.judging.evaluations import Evaluation
from studio.judging.orders import Order
from studio.store import Store

if TYPE_CHECKING:
    from engine.checking.tokens import Tokenizer

HELD = 200  # earlier answers of a candidate from which its tokens are told


@dataclass(frozen=True)
class Usual:
    """What an answer takes on average, and what that is known from."""

    tokens_in: float | None
    tokens_out: float | None
    basis: str


@dataclass(frozen=True)
class Took:
    """What asking a model for the scores of one answer takes on average; seconds as if nothing else were asked."""

    calls: float
    seconds: float | None
    mean: Usual


def of(
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


def _tokenizer(candidate: engine.Candidate) -> "tuple[Tokenizer | None, str]":
    from engine.checking import tokens  # mistral_common takes half a second, which a studio that starts is spared

    try:
        if candidate.base:
            return tokens.load("starter", candidate.base), "prompts counted by its own tokenizer"
        return tokens.load("tekken"), "prompts counted as Mistral's newer models count, which others do not"
    except (Problem, OSError, ValueError):
        return None, "its tokens cannot be counted"


def _counted(tokenizer: "Tokenizer", prompt: Sequence[Any], answer: str) -> tuple[int, int] | None:
    """Tokens of a prompt and of its expected answer; None where the tokenizer cannot take them."""
    if not prompt:
        return None
    try:
        count = tokenizer.count(Conversation([*prompt, {"role": "assistant", "content": answer or "."}]))
    except Unusable:
        return None
    return count.tokens - count.trained, count.trained


def seconds(store: Store, model: str, concurrency: int) -> float | None:
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


def took(store: Store, order: Order, needs: str, fits: Callable[[Evaluation, Mapping[str, Any]], bool]) -> Took | None:
    """The last evaluation that fits and has some of the same scores, by the bills of its answers."""
    names = {name for one in families(order, needs) for name in one.names} & {*order.measures.metrics}
    for evaluation in evaluations.listed(store):
        if names & {*evaluation.metrics}:
            told = [line for line in lines.read(evaluation.job.folder) if fits(evaluation, line)]
            bills = [line["asking"][needs] for line in told if needs in line.get("asking", {})]
            if bills:
                calls, seconds, read, written = (
                    sum(bill[name] for bill in bills) / len(bills)
                    for name in ("calls", "seconds", "tokens_in", "tokens_out")
                )
                return Took(calls, seconds, Usual(read, written, f"as in {evaluation.name}, by {len(bills)} answers"))
    return None


def families(order: Order, needs: str) -> list[Family]:
    return [one for one in grading.families(order.measures.metrics) if one.needs == needs]

"""Findings: what the figures of an evaluation allow one to say, in plain words.

Every sentence carries its n and interval, and says "cannot tell" where they do not settle it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.scoring import stats
from engine.scoring.scales import SHARE, Scale
from studio.building import candidates, models
from studio.judging import figures, reports
from studio.judging.evaluations import Evaluation
from studio.judging.judgements import Tally
from studio.judging.reports import Line
from studio.store import Store


@dataclass(frozen=True)
class Arms:
    """The four answers to "prompt, retrieval, fine-tuning, or both?", as candidate ids."""

    prompt: str
    rag: str
    tuned: str
    both: str

    @property
    def ids(self) -> tuple[str, str, str, str]:
        return self.prompt, self.rag, self.tuned, self.both


@dataclass(frozen=True)
class Effects:
    """What each step does to a metric, on the same items throughout."""

    rag: stats.Difference  # base with retrieval after base with a prompt alone
    tuned: stats.Difference  # tuned after base, both without retrieval
    both: stats.Difference  # tuned with retrieval after base with a prompt alone
    beyond: stats.Estimate  # what both do together beyond the sum of each
    scale: Scale = SHARE


def leading(store: Store, evaluation: str, metric: str, lines: Sequence[Line]) -> list[Line]:
    """The best by the lines of `reports.frontier`, and all of which one cannot tell that they are worse."""
    told = [line for line in lines if line.quality.n]
    if not told:
        return []
    best, found = told[0], reports.differences(store, evaluation, metric, told[0].candidate)
    return [best, *(line for line in told[1:] if best.scale.verdict(found[line.candidate]) != "worse")]


def next_step(lead: Sequence[Line], told: int) -> str:
    """What follows where these of `told` candidates are `leading`; '' where there is nothing to choose between."""
    if told < 2:
        return ""
    if len(lead) == 1:
        return f"Next: read the worst answers of {lead[0].name}; if you can live with them, take it."
    known = [line for line in lead if line.cost is not None]
    cheapest = min(known, key=lambda line: line.cost or 0.0) if known else lead[0]
    which = "the cheapest of them" if len(known) == len(lead) else "the cheapest of those whose price is known"
    take = f"take {cheapest.name}, {which}" if known else "take the cheapest of them, once their prices are set"
    return (
        f"Next: where {_listed([line.name for line in lead])} would do, {take}; "
        "to tell them apart, ask more items or have people judge them blind."
    )


def headline(store: Store, evaluation: str, metric: str, lines: Sequence[Line]) -> str:
    """Who leads by the lines of `reports.frontier`, by how much over the next, and how sure that is."""
    lines = [line for line in lines if line.quality.n]
    if not lines:
        return "Nothing can be said yet: no answer has a score."
    best = lines[0]
    if len(lines) == 1:
        return f"{best.name} reaches {best.said} by {metric}. There is nothing to compare it with."
    found = reports.differences(store, evaluation, metric, best.candidate)
    beside = leading(store, evaluation, metric, lines)[1:]
    behind = [line for line in lines[1:] if line not in beside]
    if beside:
        names = _listed([line.name for line in (best, *beside)])
        figures = "; ".join(f"{line.name} {line.said}" for line in (best, *beside))
        said = f"By {metric}, one cannot tell which is better: {names}. {figures}."
    else:
        said = f"By {metric}, {best.name} is best: {best.said}."
    if behind:
        said += f" {behind[0].name}, the next, is {small(best.scale.in_words(found[behind[0].candidate]))}"
    return said


def unscored(metric: str, lines: Sequence[Line]) -> str:
    """Who was asked and has no score, so that nobody takes it for a candidate that was never there."""
    without = [line for line in lines if not line.quality.n]
    if not without or len(without) == len(lines):
        return ""
    names = ", ".join(f"{line.name} ({line.failed:,} failed)" if line.failed else line.name for line in without)
    return f"Not compared, since no answer has a score by {metric}: {names}."


def price_of_it(lines: Sequence[Line]) -> str:
    """What the best candidate costs and how long it takes, beside the cheapest."""
    asked = [line for line in lines if line.quality.n]
    if not asked:
        return ""
    best, known = asked[0], [line for line in asked if line.cost is not None]
    amount = f"cost {euros(best.cost)}" if best.cost is not None else "cost nobody knows what, since no price is set"
    said = f"1,000 answers of {best.name} {amount}, and half of them take under {best.seconds:.1f} s"
    cheapest = min(known, key=lambda line: line.cost or 0.0, default=best)
    if best.candidate == cheapest.candidate:
        return said + ("; no other candidate is cheaper." if len(known) == len(asked) else ".")
    of = "the cheapest" if len(known) == len(asked) else "the cheapest of those whose price is known"
    return f"{said}; {of} is {cheapest.name} with {euros(cheapest.cost)}."


def euros(amount: float | None) -> str:
    """An amount to two digits that mean something: 12.30 €, 0.023 €; `not known` where nobody knows it."""
    if amount is None:
        return "not known"
    if amount == 0 or amount >= 1:
        return f"{amount:,.2f} €"
    return f"{amount:.2g} €" if amount >= 1e-4 else "under 0.0001 €"


def arms(store: Store, evaluation: Evaluation) -> Arms | None:
    """The four arms, when the candidates are base and tuned, each without and with retrieval; None otherwise."""
    kinds = {model.name: model.kind for model in models.listed(store)}
    known = {candidate.id: candidate for candidate in candidates.listed(store)}
    found: dict[tuple[bool, bool], str] = {}
    for id in evaluation.candidates:
        candidate = known[id]
        place = (kinds.get(candidate.model) == models.ADAPTER, bool(candidate.library))
        if place in found or candidate.model not in kinds:
            return None
        found[place] = id
    if len(found) < 4:
        return None
    return Arms(found[False, False], found[False, True], found[True, False], found[True, True])


def effects(store: Store, evaluation: str, metric: str, found: Arms) -> Effects | None:
    """What retrieval, fine-tuning and both do, over the items that all four arms have a score for."""
    scores = figures.scores(store, evaluation, metric).of_all(found.ids)
    if scores.table.empty:
        return None
    return Effects(
        scores.difference(found.prompt, found.rag),
        scores.difference(found.prompt, found.tuned),
        scores.difference(found.prompt, found.both),
        scores.interaction(found.ids),
        scores.scale,
    )


def steps(found: Effects) -> list[tuple[str, str]]:
    """What each step does, and what the two do beyond their sum: its name and a sentence."""
    return [
        ("Retrieval on the base", found.scale.in_words(found.rag)),
        ("Fine-tuning without retrieval", found.scale.in_words(found.tuned)),
        ("Both together", found.scale.in_words(found.both)),
        ("Beyond the sum of the two", _beyond(found.beyond, found.scale)),
    ]


def preferred(tally: Tally) -> str:
    """What blind judges said of two answers, with the sign test in words."""
    found = tally.preference
    ties = f"{tally.ties} tie{'s' * (tally.ties != 1)}"
    on = f" on {tally.clusters.told}" if tally.clusters.shared else ""
    counts = f"{tally.wins} for {tally.first}, {tally.losses} for {tally.second}, {ties}{on}"
    who = f"{tally.judges} judge{'s' * (tally.judges != 1)}"
    if not tally.n:
        return f"Nobody has decided between {tally.first} and {tally.second} yet."
    if found.p is None:
        return f"Cannot tell: every pair was a tie ({counts}; {who})."
    won = tally if tally.wins >= tally.losses else tally.turned
    share = f"wins {won.preference.decided} of the decided pairs ({counts}; {who})"
    if tally.clusters.shared and tally.clusters.count == 1:
        return f"Cannot tell which is preferred: {won.first} {share}, and all verdicts are{on}."
    if found.p >= 0.05:
        return (
            f"Cannot tell which is preferred: {won.first} {share}. "
            f"Chance alone would often enough do that ({stats.p_text(found.p)})."
        )
    return (
        f"{won.first} is preferred to {won.second}: it {share}. "
        f"Chance alone would hardly ever do that ({stats.p_text(found.p)})."
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + " or " + names[-1]


def small(sentence: str) -> str:
    """A sentence to go on with after a colon or a comma."""
    return sentence[:1].lower() + sentence[1:]


def _beyond(found: stats.Estimate, scale: Scale) -> str:
    if found.value is None or found.low is None or found.high is None:
        return f"Cannot tell (n = {found.counted})."
    value, low, high = (_signed(one, scale) for one in (found.value, found.low, found.high))
    span = f"{value}{' points' if scale.of_hundred else ''} ({low} to {high}, n = {found.counted})"
    up, down = (found.high < 0, found.low > 0) if scale.lower else (found.low > 0, found.high < 0)
    if up:
        return f"They help each other: {span}."
    if down:
        return f"They overlap, so both give less than the sum: {span}."
    return f"Cannot tell whether they help or hinder each other: {span}."


def _signed(value: float, scale: Scale) -> str:
    return f"{100 * value:+.0f}" if scale.of_hundred else f"{value:+.2f}"

"""Alone: what a judge alone would have an evaluation come to, beside what holds with the verdicts of people."""

from collections import Counter
from dataclasses import dataclass, replace

from engine.scoring.judged.overruling import CANNOT_TELL
from engine.scoring.stats import Estimate
from studio.judging import evaluations, figures, overrides
from studio.store import Store


@dataclass(frozen=True)
class Beside:
    """A candidate's figure by the judge alone, and how much people have said of its claims."""

    alone: Estimate
    ruled: int = 0  # claims on which some person has a verdict
    changed: int = 0  # of these, how many got another than the judge's
    unsure: int = 0  # claims of which people say only that they cannot tell; the judge's verdict stays
    torn: int = 0  # claims on which people say different things


def beside(store: Store, evaluation: str, metric: str) -> dict[str, Beside]:
    """By candidate what the judge alone says by that metric; {} where no person has said anything of its claims."""
    if metric not in overrides.METRICS:
        return {}
    with store.read() as cursor:
        spoken = "r.id in (select response from ruling where evaluation = $evaluation)"
        found = overrides.judged_answers(cursor, spoken, {"evaluation": evaluation})
        people = overrides.rulings(cursor, found)
    counts: dict[str, Counter[str]] = {}
    for one in found:
        held = {row["id"]: row["verdict"] for row in one.claims}
        for id, rulings in people[one.response].items():
            said = [ruling.verdict for ruling in rulings if ruling.verdict != CANNOT_TELL]
            tally = counts.setdefault(one.candidate, Counter())
            tally["unsure"] += not said
            tally["ruled"] += bool(said)
            tally["changed"] += bool(said) and said[-1] != held[id]
            tally["torn"] += len(set(said)) > 1
    if not counts:
        return {}
    judged = replace(
        figures.scores(store, evaluation, metric), table=evaluations.values(store, evaluation, metric, alone=True)
    )
    return {str(who): Beside(judged.estimate(str(who)), **counts.get(str(who), Counter())) for who in judged.table}

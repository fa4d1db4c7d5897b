"""Reports: one query a chart. Every figure comes with its n, and with its interval where it is an estimate."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from engine.scoring import stats
from engine.scoring.scales import SHARE, Scale
from engine.scoring.whole import Whole
from studio import prices
from studio.building import models
from studio.building.runs import Run
from studio.judging import evaluations, figures, judgements
from studio.store import Store


@dataclass(frozen=True)
class Line:
    """A candidate in an evaluation: what it is worth, what it costs, how long it takes."""

    candidate: str
    name: str
    model: str
    metric: str
    quality: stats.Estimate
    seconds: float  # median for one answer, with others being asked at the same time
    seconds_p95: float
    cost: float | None  # euros for 1,000 answers; None where nobody has said what an endpoint's tokens cost
    answered: int  # answers that came: over these are time and cost
    failed: int  # answers that never came; counted nowhere else
    scale: Scale = SHARE

    @property
    def said(self) -> str:
        """The figure with its interval and n, as its scale says it."""
        return self.scale.text(self.quality)


def frontier(store: Store, evaluation: str, metric: str) -> list[Line]:
    """Quality against cost and latency, a line a candidate, best first; of equals in the order of the evaluation.

    An answer costs what it was billed where that is known, else, of a model of ours, the machine's time for it: what it
    took, divided by how many were asked at once (Little's law).
    """
    price = prices.assume(store)
    elsewhere = {model.name for model in models.listed(store) if model.kind == models.ENDPOINT}
    asked = evaluations.get(store, evaluation)
    at_once = asked.at_once
    scores = figures.scores(store, evaluation, metric)
    rows = store.rows(
        """
        select r.candidate, c.name, c.model,
               coalesce(median(r.seconds) filter (where r.error = ''), 0) as seconds,
               coalesce(quantile_cont(r.seconds, 0.95) filter (where r.error = ''), 0) as p95,
               coalesce(avg(r.seconds) filter (where r.error = ''), 0) as mean,
               avg(r.cost) filter (where r.error = '') as billed,
               count(*) filter (where r.error = '') as answered,
               count(*) filter (where r.error != '') as failed
        from response r
        join candidate c on c.id = r.candidate
        where r.evaluation = ?
        group by all
        """,
        [evaluation],
    )
    lines = [
        Line(
            candidate=row["candidate"],
            name=row["name"],
            model=row["model"],
            metric=metric,
            quality=scores.estimate(row["candidate"]),
            seconds=row["seconds"],
            seconds_p95=row["p95"],
            cost=1000 * row["billed"] if row["billed"] is not None else None if row["model"] in elsewhere
                 else 1000 * prices.cost(row["mean"] / max(1, min(at_once, row["answered"])), price),
            answered=row["answered"],
            failed=row["failed"],
            scale=scores.scale,
        )
        for row in rows
    ]  # fmt: skip
    lines.sort(key=lambda line: asked.candidates.index(line.candidate))
    return sorted(lines, key=lambda line: _place(line.quality.value, scores.scale))


def _place(value: float | None, scale: Scale) -> float:
    """A key that puts the best first and what has no number last."""
    if value is None:
        return float("inf")
    return value if scale.lower else -value


def differences(store: Store, evaluation: str, metric: str, baseline: str) -> dict[str, stats.Difference]:
    """Each candidate against the baseline over the items that both have a score for."""
    scores = figures.scores(store, evaluation, metric)
    if baseline not in scores.table:
        return {}
    return {who: scores.difference(baseline, who) for who in scores.table.columns if who != baseline}


def as_whole(lines: Sequence[Line], wholes: Mapping[str, Sequence[Whole]], name: str) -> list[Line]:
    """The same lines with the figure of that name over all answers together; those that have none keep no number."""
    found = {who: one for who, several in wholes.items() for one in several if one.name == name}
    nothing = stats.share(0, 0)
    told = [
        replace(line, quality=found[line.candidate].estimate(), scale=found[line.candidate].scale)
        if line.candidate in found
        else replace(line, quality=nothing)
        for line in lines
    ]
    return sorted(told, key=lambda line: _place(line.quality.value, line.scale))


def whole_differences(wholes: Mapping[str, Sequence[Whole]], name: str, baseline: str) -> dict[str, stats.Difference]:
    """Each candidate's figure of that name against the baseline's, over the items of both."""
    found = {who: one for who, several in wholes.items() for one in several if one.name == name}
    if baseline not in found:
        return {}
    return {who: one.against(found[baseline]) for who, one in found.items() if who != baseline}


def answers(store: Store, evaluation: str, metric: str, candidate: str) -> pd.DataFrame:
    """Every answer of a candidate with its score, worst first: item, prompt, expected, text, value, why, error ..."""
    rows = store.rows(
        """
        select r.item, i.body, r.text, s.value, s.why, r.error, r.seconds, r.tokens_out, r.passages
        from response r
        join item i on i.evaluation = r.evaluation and i.id = r.item
        left join score s on s.response = r.id and s.metric = ?
        where r.evaluation = ? and r.candidate = ?
        order by s.value nulls first, r.item
        """,
        [metric, evaluation, candidate],
    )
    for row in rows:
        body = json.loads(row.pop("body"))
        row["messages"] = body["messages"]
        row["prompt"], row["expected"] = body["messages"][-1]["content"], body.get("answer", "")
        row["passages"] = json.loads(row["passages"])
    return pd.DataFrame(rows)


def failures(store: Store, evaluation: str) -> pd.DataFrame:
    """The answers that never came: candidate, item, code (the kind of failure), error."""
    rows = store.rows(
        """
        select c.name as candidate, r.item, r.code, r.error
        from response r
        join candidate c on c.id = r.candidate
        where r.evaluation = ? and r.error != ''
        order by c.name, r.item
        """,
        [evaluation],
    )
    return pd.DataFrame(rows, columns=["candidate", "item", "code", "error"])


def losses(store: Store, found: Sequence[Run]) -> pd.DataFrame:
    """A row a run: state, last validation loss (nats for each trained token), its course, minutes and cost."""
    price = prices.assume(store)
    rows = []
    for run in found:
        course = [event["loss"] for event in run.of("validation")]
        begun, end = run.last("start"), run.last("end")
        seconds = end["at"] - begun["at"] if begun and end else None
        rows.append(
            {
                "run": run.name,
                "state": run.state,
                "validation loss": course[-1] if course else None,
                "course": course,
                "minutes": None if seconds is None else seconds / 60,
                "cost": None if seconds is None else prices.cost(seconds, price),
            }
        )
    return pd.DataFrame(rows, columns=["run", "state", "validation loss", "course", "minutes", "cost"])


def preferences(store: Store, evaluation: str) -> list[judgements.Tally]:
    return judgements.tallies(store, evaluation)

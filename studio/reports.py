"""Reports: one query a chart. Every figure comes with its n, and with its interval where it is an estimate."""

import json
from dataclasses import dataclass

import pandas as pd

from engine import stats
from studio import evaluations, judgements, prices
from studio.store import Store


@dataclass(frozen=True)
class Line:
    """A candidate in an evaluation: what it is worth, what it costs, how long it takes."""

    candidate: str
    name: str
    model: str
    metric: str
    quality: stats.Estimate
    seconds: float  # median for one answer
    seconds_p95: float
    cost: float  # euros for 1,000 answers
    failed: int  # answers that never came; counted nowhere else


def frontier(store: Store, evaluation: str, metric: str) -> list[Line]:
    """Quality against cost and latency, a line a candidate, best first."""
    price = prices.assume(store)
    rows = store.rows(
        """
        select r.candidate, c.name, c.model,
               coalesce(median(r.seconds) filter (where r.error = ''), 0) as seconds,
               coalesce(quantile_cont(r.seconds, 0.95) filter (where r.error = ''), 0) as p95,
               coalesce(avg(r.seconds) filter (where r.error = ''), 0) as mean,
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
            quality=evaluations.estimate(store, evaluation, row["candidate"], metric),
            seconds=row["seconds"],
            seconds_p95=row["p95"],
            cost=1000 * prices.cost(row["mean"], price),
            failed=row["failed"],
        )
        for row in rows
    ]
    return sorted(lines, key=lambda line: -(line.quality.value or 0))


def differences(store: Store, evaluation: str, metric: str, baseline: str) -> dict[str, stats.Difference]:
    """Each candidate against the baseline over the items that both have a score for."""
    table = evaluations.values(store, evaluation, metric)
    found = {}
    for candidate in table.columns:
        if candidate != baseline and baseline in table:
            both = table[[baseline, candidate]].dropna()
            found[candidate] = stats.difference([bool(v) for v in both[baseline]], [bool(v) for v in both[candidate]])
    return found


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
        row["prompt"], row["expected"] = body["messages"][-1]["content"], body.get("answer", "")
        row["passages"] = json.loads(row["passages"])
    return pd.DataFrame(rows)


def preferences(store: Store, evaluation: str) -> list[judgements.Tally]:
    return judgements.tallies(store, evaluation)

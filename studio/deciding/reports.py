"""Reports: one query a chart. Every figure comes with its n, and with its interval where it is an estimate."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from engine.scoring import stats
from studio.building.runs import Run
from studio.deciding import prices
from studio.judging import evaluations, judgements
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
    cost: float  # euros for 1,000 answers
    failed: int  # answers that never came; counted nowhere else


def frontier(store: Store, evaluation: str, metric: str) -> list[Line]:
    """Quality against cost and latency, a line a candidate, best first.

    An answer costs the machine's time for it: what it took, divided by how many were asked at once (Little's law).
    """
    price = prices.assume(store)
    at_once = evaluations.get(store, evaluation).at_once
    table = evaluations.values(store, evaluation, metric)
    rows = store.rows(
        """
        select r.candidate, c.name, c.model,
               coalesce(median(r.seconds) filter (where r.error = ''), 0) as seconds,
               coalesce(quantile_cont(r.seconds, 0.95) filter (where r.error = ''), 0) as p95,
               coalesce(avg(r.seconds) filter (where r.error = ''), 0) as mean,
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
            quality=evaluations.share(table, row["candidate"]),
            seconds=row["seconds"],
            seconds_p95=row["p95"],
            cost=1000 * prices.cost(row["mean"] / max(1, min(at_once, row["answered"])), price),
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
        row["messages"] = body["messages"]
        row["prompt"], row["expected"] = body["messages"][-1]["content"], body.get("answer", "")
        row["passages"] = json.loads(row["passages"])
    return pd.DataFrame(rows)


def failures(store: Store, evaluation: str) -> pd.DataFrame:
    """The answers that never came: candidate, item, error."""
    rows = store.rows(
        """
        select c.name as candidate, r.item, r.error
        from response r
        join candidate c on c.id = r.candidate
        where r.evaluation = ? and r.error != ''
        order by c.name, r.item
        """,
        [evaluation],
    )
    return pd.DataFrame(rows, columns=["candidate", "item", "error"])


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

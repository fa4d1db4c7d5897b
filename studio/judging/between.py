"""Between: any two candidates, of one evaluation or of two, over the items that both have answered."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from engine import specs
from engine.scoring import known, likely, metrics
from engine.scoring.evaluate import EvaluateSpec
from engine.scoring.scales import Scale
from engine.scoring.stats import Difference, Estimate
from studio.judging import evaluations, figures
from studio.store import Store

# what an item is held against: where two evaluations differ in it, their scores are of different questions
EXPECTED = ("answer", "accept", "label", "contains", "pattern", "schema", "number", "tolerance", "calls", "arguments")


@dataclass(frozen=True)
class Partner:
    """Another evaluation that asked some of the same items and was scored by the same metric."""

    evaluation: str
    name: str
    candidates: dict[str, str]  # id -> name
    shared: int


@dataclass(frozen=True)
class Between:
    """Two candidates, each in an evaluation, over the items that both have a score for.

    `changed` items are in both, but held against another expectation; they count as not shared.
    """

    first: Estimate
    second: Estimate
    difference: Difference
    scale: Scale
    shared: int
    only_first: int
    only_second: int
    changed: int


def partners(store: Store, evaluation: str, metric: str) -> list[Partner]:
    """The evaluations that can be compared with this one by that metric, those with most shared items first."""
    rows = store.rows(
        """
        select e.id as evaluation, e.name, e.candidates, count(*) as shared
        from item mine
        join item theirs on theirs.id = mine.id and theirs.evaluation != mine.evaluation
        join evaluation e on e.id = theirs.evaluation
        where mine.evaluation = ? and list_contains(e.metrics, ?)
        group by all
        order by shared desc, e.id desc
        """,
        [evaluation, metric],
    )
    names = {row["id"]: row["name"] for row in store.rows("select id, name from candidate")}
    return [
        Partner(**{**row, "candidates": {id: names[id] for id in row["candidates"] if id in names}}) for row in rows
    ]


def between(store: Store, first: tuple[str, str], second: tuple[str, str], metric: str) -> Between:
    """`second` minus `first`, each an evaluation and a candidate, paired over what both answered."""
    mine, other = (figures.scores(store, evaluation, metric) for evaluation, _ in (first, second))
    one, two = (_column(found.table, candidate) for found, (_, candidate) in ((mine, first), (other, second)))
    both = one.index.intersection(two.index)
    changed = _changed(store, first[0], second[0]) & set(both)
    shared = [item for item in both if item not in changed]
    # right or wrong has become a mean where one of them has asked each item several times
    scale = other.scale if mine.scale.yes_no else mine.scale
    paired = replace(mine, table=pd.DataFrame({"before": one[shared], "after": two[shared]}), scale=scale)
    return Between(
        paired.estimate("before"),
        paired.estimate("after"),
        paired.difference("before", "after"),
        paired.scale,
        len(shared),
        len(one) - len(both),
        len(two) - len(both),
        len(changed),
    )


def otherwise(store: Store, first: str, second: str, metric: str) -> str:
    """What scored the two evaluations otherwise, since a difference may come of that, in words; '' for nothing."""
    one, two = (evaluations.get(store, id) for id in (first, second))
    before, after = (specs.read(found.job.folder, EvaluateSpec) for found in (one, two))
    if metric in known.known() and known.known()[metric].judged and one.judge != two.judge:
        return f"{one.judge} judged there, {two.judge} here"
    if metric in metrics.GUIDED and before.guide != after.guide:
        return "the style guide was another there"
    if metric in likely.RANKING.names and sorted(before.labels) != sorted(after.labels):
        return f"{len(before.labels):,} labels were ranked there, {len(after.labels):,} here"
    return ""


def _column(table: pd.DataFrame, candidate: str) -> "pd.Series[float]":
    return table[candidate].dropna() if candidate in table else pd.Series(dtype=float)


def _changed(store: Store, first: str, second: str) -> set[str]:
    """The items of both evaluations that are held against something else in the other."""
    rows = store.rows(
        """
        select a.id, a.body as one, b.body as other
        from item a
        join item b on b.id = a.id and b.evaluation = ?
        where a.evaluation = ? and a.body != b.body
        """,
        [second, first],
    )
    return {row["id"] for row in rows if _expected(row["one"]) != _expected(row["other"])}


def _expected(body: str) -> list[Any]:
    held: Mapping[str, Any] = json.loads(body)
    return [held.get(key) or None for key in EXPECTED]

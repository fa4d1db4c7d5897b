"""Results: what an evaluation has found, item by item, and no more of it than a page can show.

The filters and the order are the database's work: thousands of items never travel to a browser.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.problems import Problem
from studio.judging import figures
from studio.store import Store

ALL, WRONG, RIGHT, DIFFER, UNKNOWN, FAILED = "all", "wrong", "right", "differ", "unknown", "failed"
SHOWN = {
    ALL: "true",
    WRONG: "j.value < 0.5",
    RIGHT: "j.value >= 0.5",
    DIFFER: "j.spread > 0",
    UNKNOWN: "j.unknown",
    FAILED: "j.failed",
}
# items with what their answers are worth: of one candidate or of all, cut to a slice and to words that stand in them
SOUGHT = r"""
    with answer as (
        select r.item, r.candidate, avg(s.value) as value, string_agg(r.text, ' ') as text,
               bool_or(r.error != '') as failed, bool_or(s.value is null and r.error = '') as unknown
        from response r
        left join score s on s.response = r.id and s.metric = $metric
        where r.evaluation = $evaluation
        group by r.item, r.candidate
    ), judged as (
        select item,
               avg(value) filter ($candidate in ('', candidate)) as value,
               coalesce(max(value) - min(value), 0) as spread,
               bool_or(failed) filter ($candidate in ('', candidate)) as failed,
               bool_or(unknown) filter ($candidate in ('', candidate)) as unknown,
               string_agg(text, ' ') filter ($candidate in ('', candidate)) as said
        from answer
        group by item
    ), sought as (
        select j.*, i.body->'messages'->-1->>'content' as prompt, i.body->>'answer' as expected
        from judged j
        join item i on i.evaluation = $evaluation and i.id = j.item
        where ($sliced = false or list_contains($items, j.item))
          and ($text = '' or concat_ws(' ', i.id, prompt, expected, j.said) ilike $text escape '\')
    )
"""


@dataclass(frozen=True)
class Sought:
    """Which items, by which metric; of one candidate, or of all together where it is ''. `items` is a slice of them."""

    metric: str
    candidate: str = ""
    show: str = ALL
    text: str = ""
    items: Sequence[str] | None = None

    @property
    def about(self) -> tuple[str, ...]:
        """What tells this search from others."""
        return self.metric, self.candidate, self.show, self.text, *(self.items or ())

    def given(self, evaluation: str) -> dict[str, Any]:
        return {
            "evaluation": evaluation,
            "metric": self.metric,
            "candidate": self.candidate,
            "text": f"%{_literal(self.text)}%" if self.text else "",
            "sliced": self.items is not None,
            "items": list(self.items or []),
        }


@dataclass(frozen=True)
class Found:
    """One page: item, prompt, expected, and `values` by candidate; `n` in all.

    A value is None where there is none, and FAILED where the answer never came.
    """

    rows: list[dict[str, Any]]
    n: int


def find(store: Store, evaluation: str, sought: Sought, limit: int = 25, offset: int = 0) -> Found:
    """Items as they are sought, worst first; where candidates shall differ, those first that differ most."""
    worst = "desc" if figures.scores(store, evaluation, sought.metric).scale.lower else "asc"
    order = "j.spread desc, " if sought.show == DIFFER else ""
    rows = store.rows(
        f"""
        {SOUGHT}
        select j.item, j.prompt, j.expected, count(*) over () as n
        from sought j
        where {SHOWN[sought.show]}
        order by {order} j.value {worst} nulls last, j.item
        limit $limit offset $offset
        """,
        {**sought.given(evaluation), "limit": limit, "offset": offset},
    )
    values = _values(store, evaluation, sought.metric, [row["item"] for row in rows])
    return Found([{**row, "values": values.get(row["item"], {})} for row in rows], rows[0]["n"] if rows else 0)


def counts(store: Store, evaluation: str, sought: Sought) -> dict[str, int]:
    """How many items each of the ways to show them has; not those that have none."""
    columns = ", ".join(f"count(*) filter (where {condition}) as {show}_" for show, condition in SHOWN.items())
    row = store.row(f"{SOUGHT} select {columns} from sought j", replace(sought, show=ALL).given(evaluation)) or {}
    return {show: row[f"{show}_"] for show in SHOWN if row.get(f"{show}_")}


@dataclass(frozen=True)
class Reply:
    """One candidate's answer to an item, with all its scores: {metric: value, why, detail}."""

    candidate: str
    name: str
    response: dict[str, Any]
    passages: list[dict[str, Any]]
    scores: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Opened:
    """One item: what was asked, what was expected, and every candidate's answer to it."""

    item: str
    body: dict[str, Any]
    replies: list[Reply]


def opened(store: Store, evaluation: str, item: str) -> Opened:
    """Everything that is known of one item. Problem when the evaluation has none of that name."""
    row = store.row("select body from item where evaluation = ? and id = ?", [evaluation, item])
    if row is None:
        raise Problem(f"This evaluation has no item {item}.", do="Choose one from the list.")
    answers = store.rows(
        """
        select r.*, c.name, c.library
        from response r
        join candidate c on c.id = r.candidate
        join evaluation e on e.id = r.evaluation
        where r.evaluation = ? and r.item = ?
        order by list_position(e.candidates, r.candidate), r.repeat
        """,
        [evaluation, item],
    )
    scores = store.rows(
        """
        select s.*
        from score s
        join response r on r.id = s.response
        where r.evaluation = ? and r.item = ?
        """,
        [evaluation, item],
    )
    replies = [
        Reply(
            candidate=answer["candidate"],
            name=answer["name"],
            response=answer,
            passages=[{"library": answer["library"], **passage} for passage in json.loads(answer["passages"])],
            scores={
                score["metric"]: {**score, "detail": json.loads(score["detail"]) if score["detail"] else None}
                for score in scores
                if score["response"] == answer["id"]
            },
        )
        for answer in answers
    ]
    return Opened(item, json.loads(row["body"]), replies)


def _values(store: Store, evaluation: str, metric: str, items: Sequence[str]) -> dict[str, dict[str, Any]]:
    """{item: {candidate: value}} of a few items; an answer that failed says so."""
    rows = store.rows(
        """
        select r.item, r.candidate, avg(s.value) as value, bool_and(r.error != '') as failed
        from response r
        left join score s on s.response = r.id and s.metric = ?
        where r.evaluation = ? and list_contains(?, r.item)
        group by all
        """,
        [metric, evaluation, list(items)],
    )
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        found.setdefault(row["item"], {})[row["candidate"]] = FAILED if row["failed"] else row["value"]
    return found


def _literal(text: str) -> str:
    """A text in which the signs of `like` mean themselves."""
    for sign in ("\\", "%", "_"):
        text = text.replace(sign, f"\\{sign}")
    return text

"""Evaluations: candidates x test items, asked by a job, scored, and kept answer by answer.

Every figure of an evaluation is over the same items for every candidate, so differences are paired.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from engine import events, jobs, specs
from engine.problems import Problem
from engine.scoring import lines
from engine.scoring.evaluate import EvaluateSpec
from engine.serving.asking import kept
from studio.building import candidates
from studio.freezing import snapshots
from studio.judging import commission, pulling
from studio.judging.orders import COMPARISON, WHY, Order
from studio.store import Store, now
from studio.work import Work


@dataclass(frozen=True, kw_only=True)
class Evaluation(Work):
    noun: ClassVar[str] = "evaluation"

    name: str
    items: str
    candidates: list[str]
    metrics: list[str]
    purpose: str = COMPARISON
    snapshot: str = ""  # whose split was asked; '' for other items
    split: str = ""
    judge: str = ""  # the model that judges, '' for none

    @property
    def at_once(self) -> int:
        """How many questions were on their way at the same time."""
        return specs.read(self.job.folder, EvaluateSpec).concurrency

    @property
    def budget(self) -> float:
        """Euros at the most; 0 for no limit."""
        return specs.read(self.job.folder, EvaluateSpec).budget


def start(store: Store, order: Order, by: str) -> Evaluation:
    """Put an evaluation in the queue. Drafts among its candidates are kept, and where it asks the test set of a
    snapshot, a look stays there. Problem when it cannot be asked as ordered."""
    spec = commission.spec(store, order)
    order = replace(order, candidates=[candidates.keep(store, one, by) for one in order.candidates])
    commission.write(store, order.items)
    id, items, measures, asked = jobs.new_id("evaluate"), order.items, order.measures, order.questions
    if asked.snapshot:
        snapshots.look(store, asked.snapshot, asked.split, by, f"{WHY[order.purpose]} {order.title}", "evaluation")
    values = [id, order.title, asked.source, [one.id for one in order.candidates], list(measures.metrics), by, now()]
    with store.write(by, "evaluation.start", id, name=order.title, items=len(items)) as cursor:
        cursor.execute(
            """
            insert into evaluation
                (id, name, items, candidates, metrics, made_by, made_at, purpose, snapshot, split, judge)
            values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [*values, order.purpose, asked.snapshot, asked.split, measures.judge],
        )
        frame = pd.DataFrame([{"id": i["id"], "body": json.dumps(i, ensure_ascii=False)} for i in items])
        cursor.register("asked", frame)
        cursor.execute("insert into item select ?, id, body from asked on conflict do nothing", [id])
        cursor.unregister("asked")
        jobs.submit(store.home.jobs, "evaluate", spec, by, id)
    return get(store, id)


def allow(store: Store, evaluation: Evaluation, euros: float, by: str) -> None:
    """Give one that has ended a larger budget; resumed, it goes on within that. Problem where it runs or had more."""
    if evaluation.live:
        raise Problem("Its budget cannot change while it runs.", do="Stop it first.")
    spec = specs.read(evaluation.job.folder, EvaluateSpec)
    if euros <= spec.budget:
        raise Problem(f"{euros:g} euros are no more than it had.", do=f"Give more than {spec.budget:g}.")
    with store.write(by, "evaluation.allow", evaluation.id, euros=euros):
        specs.write(evaluation.job.folder, replace(spec, budget=euros))


def listed(store: Store) -> list[Evaluation]:
    """Every evaluation, newest first."""
    return [_evaluation(store, row) for row in store.rows("select * from evaluation order by made_at desc")]


def get(store: Store, id: str) -> Evaluation:
    row = store.row("select * from evaluation where id = ?", [id])
    if row is None:
        raise Problem(f"There is no evaluation {id}.", do="Choose one from the list.")
    return _evaluation(store, row)


def reused(store: Store, evaluation: str) -> int:
    """How many of its answers were taken from earlier, same requests."""
    row = store.row("select count(*) filter (where kept) as n from response where evaluation = ?", [evaluation])
    return row["n"] if row else 0


def sizes(store: Store) -> dict[str, int]:
    """How many items each evaluation asks."""
    counted = """
        select e.id, count(i.id) as n
        from evaluation e
        left join item i on i.evaluation = e.id
        group by e.id
    """
    return {row["id"]: row["n"] for row in store.rows(counted)}


_seen: dict[Path, int] = {}  # how much of each file this process has brought in; whoever forgets only reads it again


def catch_up(store: Store) -> None:
    """Bring the answers of every evaluation into the database that are not there yet."""
    for evaluation in listed(store):
        path = evaluation.job.folder / lines.FILE
        if path.exists() and path.stat().st_size != _seen.get(path):
            _seen[path] = pulling.pull(store, evaluation.id, evaluation.job.folder, _seen.get(path, 0))


def pace(store: Store) -> float | None:
    """Seconds an answer took in the evaluations done here so far, everything counted; None before the first."""
    taken = answered = 0.0
    for evaluation in listed(store):
        begun, end = (events.last(evaluation.job.folder, kind) for kind in ("start", "end"))
        if evaluation.state == jobs.DONE and begun and end and end["at"] > begun["at"]:
            query = "select count(*) filter (where not kept) as n from response where evaluation = ?"
            row = store.row(query, [evaluation.id])
            if row and row["n"]:  # where all answers were kept it tells nothing
                taken, answered = taken + end["at"] - begun["at"], answered + row["n"]
    return taken / answered if answered else None


def values(store: Store, evaluation: str, metric: str, *, alone: bool = False) -> pd.DataFrame:
    """Scores as a table: a row an item, a column a candidate (its id); NaN where it could not be told.

    Of an item that was asked several times it is the mean over its answers: items are what chance draws. `alone` gives
    the scores that the job gave, before people had a say in them.
    """
    scores = "score_alone" if alone else "score"
    with store.read() as cursor:
        found = cursor.execute(
            f"""
            select r.item, r.candidate, avg(s.value) as value
            from response r
            join {scores} s on s.response = r.id and s.metric = ?
            where r.evaluation = ?
            group by r.item, r.candidate
            order by r.item
            """,
            [metric, evaluation],
        ).df()
    return found.pivot(index="item", columns="candidate", values="value")


def kept_answers(store: Store) -> kept.Size:
    """How many answers to earlier requests are kept to be used again, and the room that they take."""
    return kept.size(store.home.kept)


def forget_answers(store: Store, by: str) -> int:
    """Delete the answers that are kept to be used again; how many. Those of evaluations stay where they are."""
    with store.write(by, "answers.forget", "all"):
        return kept.clear(store.home.kept)


def _evaluation(store: Store, row: dict[str, Any]) -> Evaluation:
    return Evaluation(**row, job=jobs.get(store.home.jobs, row["id"]))

"""Evaluations: candidates x test items, asked by a job, scored, and kept answer by answer.

Every figure of an evaluation is over the same items for every candidate, so differences are paired.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from engine import events, hashes, jobs, specs
from engine.problems import Problem
from engine.scoring import evaluate, lines, stats
from engine.scoring.evaluate import EvaluateSpec
from engine.serving.asking import kept
from studio.freezing import snapshots
from studio.judging import commission, pulling
from studio.store import Store, now
from studio.work import Work

COMPARISON, SEARCH, PROBE = "comparison", "search", "probe"  # what an evaluation is for


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


def items_from_snapshot(
    store: Store, snapshot: str, split: str = "test", by: str = "atelier", why: str = "to ask candidates"
) -> list[dict[str, Any]]:
    """Test items of a snapshot's split, to be asked. It is a look at the test set, and leaves one."""
    return items_from_rows(snapshots.look(store, snapshot, split, by, why, "evaluation"))


def items_from_rows(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Test items from frozen rows: all but the last answer is asked, the last answer is expected.

    A row's tools are offered; where its last answer calls some, these calls are expected.
    """
    found = []
    for row in rows:
        *asked, answer = row["messages"]
        item = {
            "id": row["id"],
            "messages": asked,
            "answer": answer.get("content") or "",
            "label": answer.get("content") or "",
            "source": asked[-1].get("content") or "",
            "tags": row["tags"],
        }
        if row.get("tools"):
            item["tools"] = row["tools"]
        if answer.get("tool_calls"):
            item["calls"] = answer["tool_calls"]
        found.append(item)
    return found


def items_from_questions(questions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Test items from questions with known answers: question, answer, accept, document, tags."""
    return [
        {
            "id": hashes.content(row["question"]),
            "messages": [{"role": "user", "content": row["question"]}],
            "answer": row["answer"],
            "accept": row.get("accept", []),
            "document": row.get("document", ""),
            "tags": row.get("tags", []),
        }
        for row in questions
    ]


def start(
    store: Store,
    name: str,
    items: Sequence[Mapping[str, Any]],
    source: str,
    chosen: Sequence[str],
    metrics: Sequence[str],
    by: str,
    *,
    guide: str = "",
    concurrency: int = 16,
    judge: str = "",
    purpose: str = COMPARISON,
    snapshot: str = "",
    split: str = "",
    repeats: int = 1,
    stream: bool | None = None,
    budget: float = 0.0,
    reuse: bool = True,
) -> Evaluation:
    """Put an evaluation in the queue: `items` (from `source`, in words) asked of the `chosen` candidates.

    `guide` is the path of a style guide and `judge` the model that judges, which some metrics need. Each item is asked
    `repeats` times. `budget`: euros at which it ends; 0 for no limit. `reuse` takes answers to earlier, same requests.
    """
    commission.check(store, items, source, chosen)
    spec = commission.spec(
        store,
        items,
        chosen,
        metrics,
        guide=guide,
        concurrency=concurrency,
        judge=judge,
        snapshot=snapshot,
        repeats=repeats,
        stream=stream,
        budget=budget,
        reuse=reuse,
    )
    evaluate.check(spec)
    id = jobs.new_id("evaluate")
    with store.write(by, "evaluation.start", id, name=name, items=len(items)) as cursor:
        cursor.execute(
            """
            insert into evaluation
                (id, name, items, candidates, metrics, made_by, made_at, purpose, snapshot, split, judge)
            values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [id, name, source, list(chosen), list(metrics), by, now(), purpose, snapshot, split, judge],
        )
        frame = pd.DataFrame([{"id": i["id"], "body": json.dumps(dict(i), ensure_ascii=False)} for i in items])
        cursor.register("asked", frame)
        cursor.execute("insert into item select ?, id, body from asked on conflict do nothing", [id])
        cursor.unregister("asked")
        jobs.submit(store.home.jobs, "evaluate", spec, by, id)
    return get(store, id)


def listed(store: Store) -> list[Evaluation]:
    """Every evaluation, newest first."""
    return [_evaluation(store, row) for row in store.rows("select * from evaluation order by made_at desc")]


def get(store: Store, id: str) -> Evaluation:
    row = store.row("select * from evaluation where id = ?", [id])
    if row is None:
        raise Problem(f"There is no evaluation {id}.", do="Choose one from the list.")
    return _evaluation(store, row)


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


def values(store: Store, evaluation: str, metric: str) -> pd.DataFrame:
    """Scores as a table: a row an item, a column a candidate (its id); NaN where it could not be told.

    Of an item that was asked several times it is the mean over its answers: items are what chance draws.
    """
    with store.read() as cursor:
        found = cursor.execute(
            """
            select r.item, r.candidate, avg(s.value) as value
            from response r
            join score s on s.response = r.id and s.metric = ?
            where r.evaluation = ?
            group by r.item, r.candidate
            order by r.item
            """,
            [metric, evaluation],
        ).df()
    return found.pivot(index="item", columns="candidate", values="value")


def estimate(store: Store, evaluation: str, candidate: str, metric: str) -> stats.Estimate:
    """The share of a candidate's answers that a yes/no metric finds right, over the answers it could judge."""
    return share(values(store, evaluation, metric), candidate)


def share(table: pd.DataFrame, candidate: str) -> stats.Estimate:
    """The same, from a table of `values`."""
    known = table[candidate].dropna() if candidate in table else pd.Series(dtype=float)
    if not known.isin((0, 1)).all():  # parts of points, or means over several answers
        return stats.mean(known.tolist(), 0.0, 1.0)
    return stats.share(int(known.sum()), len(known))


def kept_answers(store: Store) -> kept.Size:
    """How many answers to earlier requests are kept to be used again, and the room that they take."""
    return kept.size(store.home.kept)


def forget_answers(store: Store, by: str) -> int:
    """Delete the answers that are kept to be used again; how many. Those of evaluations stay where they are."""
    with store.write(by, "answers.forget", "all"):
        return kept.clear(store.home.kept)


def _evaluation(store: Store, row: dict[str, Any]) -> Evaluation:
    return Evaluation(**row, job=jobs.get(store.home.jobs, row["id"]))

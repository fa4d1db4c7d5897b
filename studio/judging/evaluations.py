"""Evaluations: candidates x test items, asked by a job, scored, and kept answer by answer.

Every figure of an evaluation is over the same items for every candidate, so differences are paired.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from engine import events, hashes, jobs, specs
from engine.problems import Problem
from engine.scoring import stats
from engine.scoring.evaluate import EvaluateSpec
from studio.building import candidates, models, parity
from studio.freezing import snapshots
from studio.store import Store, now
from studio.work import Work


@dataclass(frozen=True, kw_only=True)
class Evaluation(Work):
    noun: ClassVar[str] = "evaluation"

    name: str
    items: str
    candidates: list[str]
    metrics: list[str]
    purpose: str = "comparison"  # or search, probe
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
    """Test items from frozen rows: all but the last answer is asked, the last answer is expected."""
    return [
        {
            "id": row["id"],
            "messages": row["messages"][:-1],
            "answer": row["messages"][-1].get("content") or "",
            "label": row["messages"][-1].get("content") or "",
            "source": row["messages"][-2].get("content") or "",
            "tags": row["tags"],
        }
        for row in rows
    ]


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
    purpose: str = "comparison",
    snapshot: str = "",
    split: str = "",
    judge: str = "",
) -> Evaluation:
    """Put an evaluation in the queue: `items` (from `source`, in words) asked of the `chosen` candidates.

    `guide` is the path of a style guide, which some metrics need.
    """
    if not items:
        raise Problem(f"{source} holds no test item.", do="Choose another split, or freeze a larger dataset.")
    if not chosen:
        raise Problem("No candidate is chosen.", do="Choose at least one.")
    for id in chosen:
        parity.require(store, models.get(store, candidates.get(store, id).model))
    asked = [candidates.for_engine(store, candidates.get(store, id), serve=False) for id in chosen]
    home = store.home.evaluations
    home.mkdir(parents=True, exist_ok=True)
    path = home / f"{hashes.content(list(map(dict, items)))}.jsonl"
    path.write_text("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items))
    spec = EvaluateSpec(
        candidates=[asdict(candidate) for candidate in asked],
        items=str(path),
        metrics=list(metrics),
        guide=guide,
        concurrency=concurrency,
        servers=str(store.home.servers),
    )
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
        path = evaluation.job.folder / "responses.jsonl"
        if path.exists() and path.stat().st_size != _seen.get(path):
            _pull(store, evaluation, path)


def _pull(store: Store, evaluation: Evaluation, path: Path) -> None:
    data = path.read_bytes()
    lines = [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]
    # a failed answer may have been asked again since: the newest line holds
    newest = {hashes.content(evaluation.id, line["candidate"], line["item"]): line for line in lines}
    held = store.rows("select id, error from response where evaluation = ?", [evaluation.id])
    whole = {row["id"] for row in held if not row["error"]}
    failed = {row["id"]: row["error"] for row in held if row["error"]}
    fresh = {id: line for id, line in newest.items() if id not in whole and failed.get(id) != (line["error"] or "")}
    if fresh:
        _keep(store, evaluation, fresh)
    _seen[path] = len(data)


def _keep(store: Store, evaluation: Evaluation, answers: Mapping[str, dict[str, Any]]) -> None:
    responses = [_response(id, evaluation, answer) for id, answer in answers.items()]
    scores = [
        {"response": id, "metric": metric, "value": score["value"], "why": score["why"]}
        for id, answer in answers.items()
        for metric, score in (answer["scores"] or {}).items()
    ]
    with store.write("atelier", "evaluation.pull", evaluation.id, responses=len(responses)) as cursor:
        for table, rows in (("response", responses), ("score", scores)):
            if rows:
                cursor.register("pulled", pd.DataFrame(rows))
                cursor.execute(f"insert or replace into {table} by name select * from pulled")
                cursor.unregister("pulled")


def _response(id: str, evaluation: Evaluation, answer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": id,
        "evaluation": evaluation.id,
        "candidate": answer["candidate"],
        "item": answer["item"],
        "text": answer["text"] or "",
        "model": answer["model"] or "",
        "passages": json.dumps(answer["passages"], ensure_ascii=False),
        "tokens_in": answer["tokens_in"] or 0,
        "tokens_out": answer["tokens_out"] or 0,
        "seconds": answer["seconds"] or 0.0,
        "first_token_seconds": answer["first_token_seconds"],
        "error": answer["error"] or "",
        "made_at": now(),
    }


def pace(store: Store) -> float | None:
    """Seconds an answer took in the evaluations done here so far, everything counted; None before the first."""
    taken = answered = 0.0
    for evaluation in listed(store):
        begun, end = (events.last(evaluation.job.folder, kind) for kind in ("start", "end"))
        if evaluation.state == jobs.DONE and begun and end and end["at"] > begun["at"]:
            row = store.row("select count(*) as n from response where evaluation = ?", [evaluation.id])
            taken, answered = taken + end["at"] - begun["at"], answered + (row["n"] if row else 0)
    return taken / answered if answered else None


def values(store: Store, evaluation: str, metric: str) -> pd.DataFrame:
    """Scores as a table: a row an item, a column a candidate (its id); NaN where it could not be told."""
    with store.read() as cursor:
        found = cursor.execute(
            """
            select r.item, r.candidate, s.value
            from response r
            join score s on s.response = r.id and s.metric = ?
            where r.evaluation = ?
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
    return stats.share(int(known.sum()), len(known))


def _evaluation(store: Store, row: dict[str, Any]) -> Evaluation:
    return Evaluation(**row, job=jobs.get(store.home.jobs, row["id"]))

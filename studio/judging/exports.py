"""Exports: the answers of an evaluation as files for others: CSV, JSONL and Parquet, and its figures as JSON.

Each answer is a row with its item, every score and what it took. Nothing is left out: an answer that never came is a
row with its error. Whoever exports is noted, since a test set may leave with it.
"""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from engine.data import outgoing
from engine.problems import Problem
from engine.scoring import known
from studio.judging import alone, draws, evaluations, figures, overrides, reports
from studio.judging.evaluations import Evaluation
from studio.store import Store

CSV, JSONL, PARQUET, FIGURES = "csv", "jsonl", "parquet", "figures.json"
FORMS = {
    CSV: ("CSV, for a spreadsheet", "text/csv"),
    JSONL: ("JSONL, with passages and all that scores are made of", "application/x-ndjson"),
    PARQUET: ("Parquet, for a notebook", "application/vnd.apache.parquet"),
    FIGURES: ("The figures alone, as JSON", "application/json"),
}
WRITING = 2000  # rows of a Parquet file written at once


def write(store: Store, evaluation: str, form: str, by: str) -> bytes:
    """The file of that form. Who took it, and when, is noted."""
    found = evaluations.get(store, evaluation)
    if store.row("select 1 from response where evaluation = ?", [evaluation]) is None:
        raise Problem("There is nothing to export yet.", "No answer has come.", "Wait for the first one.")
    made = {CSV: _csv, JSONL: _jsonl, PARQUET: _parquet, FIGURES: _figures}[form](store, found)
    with store.write(by, "evaluation.export", evaluation, form=form):
        pass
    return made


def rows(store: Store, evaluation: Evaluation) -> list[dict[str, Any]]:
    """A row an answer, in the order of items and candidates, with `scores` by metric and the whole item as `body`."""
    answers = store.rows(
        """
        select r.*, c.name as candidate_name, i.body
        from response r
        join candidate c on c.id = r.candidate
        join item i on i.evaluation = r.evaluation and i.id = r.item
        where r.evaluation = ?
        order by r.item, list_position(?, r.candidate), r.repeat
        """,
        [evaluation.id, evaluation.candidates],
    )
    scores: dict[str, dict[str, dict[str, Any]]] = {}
    for row in store.rows(
        """
        select s.*, a.value as judge_alone
        from score s
        join score_alone a on a.response = s.response and a.metric = s.metric
        join response r on r.id = s.response
        where r.evaluation = ?
        """,
        [evaluation.id],
    ):
        detail = json.loads(row["detail"]) if row["detail"] else None
        scores.setdefault(row["response"], {})[row["metric"]] = {**row, "detail": detail}
    return [{**row, "body": json.loads(row["body"]), "scores": scores.get(row["id"], {})} for row in answers]


def figures_of(store: Store, evaluation: Evaluation) -> dict[str, Any]:
    """Every figure of an evaluation with its n and interval, and each difference from the first candidate."""
    names = {row["id"]: row["name"] for row in store.rows("select id, name from candidate")}
    first = evaluation.candidates[0]
    return {
        "evaluation": {"id": evaluation.id, "name": evaluation.name, "items": evaluation.items, **_asked(evaluation)},
        "candidates": {id: names.get(id, "") for id in evaluation.candidates},
        "baseline": first,
        "metrics": {metric: _metric(store, evaluation, metric, first) for metric in evaluation.metrics},
        **_agreement(store, evaluation),
    }


def _asked(evaluation: Evaluation) -> dict[str, Any]:
    """How far it was asked, since figures of a part look like those of all."""
    told = evaluation.progress or {"done": 0, "of": None}
    return {"state": evaluation.state, "answers": {"asked": told["done"], "of": told["of"]}}


def _agreement(store: Store, evaluation: Evaluation) -> dict[str, Any]:
    """How far people agree with the judge on claims that were drawn; nothing where none was checked."""
    found = draws.agreed(store, evaluation.id) if {*overrides.METRICS} & {*evaluation.metrics} else None
    if found is None or not found.people:
        return {}
    told = {"share": asdict(found.share), "kappa": asdict(found.kappa), "cannot tell": found.unsure}
    return {"agreement with the judge": told | {"people": list(found.people), "enough": found.enough}}


def _metric(store: Store, evaluation: Evaluation, metric: str, first: str) -> dict[str, Any]:
    lines = reports.frontier(store, evaluation.id, metric)
    wholes = figures.figures(store, evaluation.id, metric)
    differences = reports.differences(store, evaluation.id, metric, first)
    beside = alone.beside(store, evaluation.id, metric)
    return {
        "words": known.words(metric),
        "figures": {line.candidate: asdict(line.quality) | {"failed": line.failed} for line in lines},
        "differences": {who: asdict(found) for who, found in differences.items()},
        "over all answers": {
            who: {one.name: asdict(one.estimate()) | {"signature": one.signature} for one in found}
            for who, found in wholes.items()
        },
        **({"judge alone": {who: asdict(one) for who, one in beside.items()}} if beside else {}),
    }


def column_alone(metric: str) -> str:
    """The column of a score without what people said."""
    return f"{metric}_judge_alone"


def _flat(row: dict[str, Any], metrics: Sequence[str]) -> dict[str, Any]:
    """A row of one level: what a spreadsheet and a notebook read."""
    body = row["body"]
    flat = {
        "item": row["item"],
        "candidate": row["candidate_name"],
        "repeat": row["repeat"],
        "model": row["model"],
        "question": outgoing.said(body["messages"][-1]),
        "expected": str(body.get("answer") or ""),
        "answer": row["text"],
        "tool_calls": row["calls"] if row["calls"] not in (None, "[]") else "",
        "failed_because": row["error"],
        "taken_from_earlier": "yes" if row["kept"] else "",  # its seconds and cost are those of then
        "finish": row["finish"],
        "tags": ", ".join(body.get("tags") or []),
        "passages": len(json.loads(row["passages"])),
        "tokens_in": row["tokens_in"],
        "tokens_out": row["tokens_out"],
        "seconds": row["seconds"],
        "first_token_seconds": row["first_token_seconds"],
        "cost_euros": row["cost"],
    }
    for metric in metrics:
        score = row["scores"].get(metric, {})
        flat[metric], flat[f"{metric}_why"] = score.get("value"), score.get("why", "")
        if metric in overrides.METRICS:
            flat[column_alone(metric)] = score.get("judge_alone")
    return flat


def _csv(store: Store, evaluation: Evaluation) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    for number, flat in enumerate(_table(store, evaluation)):
        if not number:
            writer.writerow(flat)
        writer.writerow([outgoing.harmless(cell) if isinstance(cell, str) else cell for cell in flat.values()])
    return file.getvalue().encode("utf-8-sig")  # without the mark Excel takes it for Latin-1


def _jsonl(store: Store, evaluation: Evaluation) -> bytes:
    lines = []
    for row in rows(store, evaluation):
        flat = _flat(row, ())
        flat |= {
            "messages": row["body"]["messages"],
            "held_against": {key: value for key, value in row["body"].items() if key not in ("id", "messages")},
            "passages": json.loads(row["passages"]),
            "tool_calls": json.loads(row["calls"] or "[]"),
            "scores": {
                metric: {
                    key: score[key]
                    for key in ("value", "why", "detail", *(("judge_alone",) if metric in overrides.METRICS else ()))
                }
                for metric, score in row["scores"].items()
            },
        }
        lines.append(json.dumps(flat, ensure_ascii=False) + "\n")
    return "".join(lines).encode()


def _parquet(store: Store, evaluation: Evaluation) -> bytes:
    numbers = {"repeat", "tokens_in", "tokens_out", "passages"}
    shares = {
        "seconds",
        "first_token_seconds",
        "cost_euros",
        *evaluation.metrics,
        *map(column_alone, overrides.METRICS),
    }
    flat = list(_table(store, evaluation))
    kinds = [
        (name, pa.int64() if name in numbers else pa.float64() if name in shares else pa.string()) for name in flat[0]
    ]
    file = io.BytesIO()
    with pq.ParquetWriter(file, pa.schema(kinds)) as writer:
        for begun in range(0, len(flat), WRITING):
            writer.write_table(pa.Table.from_pylist(flat[begun : begun + WRITING], schema=pa.schema(kinds)))
    return file.getvalue()


def _table(store: Store, evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    return (_flat(row, evaluation.metrics) for row in rows(store, evaluation))


def _figures(store: Store, evaluation: Evaluation) -> bytes:
    return json.dumps(figures_of(store, evaluation), ensure_ascii=False, indent=2).encode()

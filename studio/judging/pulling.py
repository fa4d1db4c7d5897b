"""Pulling: the lines that an evaluation's job has written become responses and scores in the database, each once."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd

from engine import hashes, specs
from engine.scoring import lines
from engine.scoring.evaluate import EvaluateSpec
from studio.judging import overrides
from studio.store import Store, now

Told = tuple[str, dict[str, tuple[float | None, str]]]  # the error of a response, and its scores with their reasons


def pull(store: Store, evaluation: str, folder: Path, seen: int) -> int:
    """Bring in what stands in the job's folder beyond the first `seen` bytes; up to where it was read."""
    path = folder / lines.FILE
    start = seen if seen <= path.stat().st_size else 0
    with path.open("rb") as file:
        file.seek(start)
        data = file.read()
    data = data[: data.rfind(b"\n") + 1]
    # a question may have been asked again since: the newest line holds
    newest = {_id(evaluation, line): line for line in map(msgspec.json.decode, data.splitlines())}
    held = _held(store, list(newest))
    fresh = {id: line for id, line in newest.items() if held.get(id) != _told(line)}
    if fresh:
        _keep(store, evaluation, folder, fresh)
    return start + len(data)


def _id(evaluation: str, line: Mapping[str, Any]) -> str:
    item, candidate, repeat = lines.key(line)
    return hashes.content(evaluation, candidate, item, *([repeat] if repeat else []))


def _held(store: Store, ids: list[str]) -> dict[str, Told]:
    """What the database says of these responses, as far as it has them."""
    responses = store.rows("select id, error from response where id in (select unnest(?))", [ids])
    judged = "select response, metric, value, why from score_alone where response in (select unnest(?))"
    found: dict[str, dict[str, tuple[float | None, str]]] = {id: {} for id in ids}
    for row in store.rows(judged, [ids]):
        found[row["response"]][row["metric"]] = (row["value"], row["why"])
    return {row["id"]: (row["error"], found[row["id"]]) for row in responses}


def _told(line: Mapping[str, Any]) -> Told:
    scores = {metric: (score["value"], score["why"]) for metric, score in (line["scores"] or {}).items()}
    return line["error"] or "", scores


def _keep(store: Store, evaluation: str, folder: Path, answers: Mapping[str, dict[str, Any]]) -> None:
    rates = specs.read(folder, EvaluateSpec).rates
    responses = [_response(id, evaluation, answer, rates) for id, answer in answers.items()]
    scores = [
        {"response": id, "metric": metric, "value": score["value"], "why": score["why"], "detail": _detail(score)}
        for id, answer in answers.items()
        for metric, score in (answer["scores"] or {}).items()
    ]
    with store.write("atelier", "evaluation.pull", evaluation, responses=len(responses)) as cursor:
        for table, rows in (("response", responses), ("score_alone", scores)):
            if rows:
                cursor.register("pulled", pd.DataFrame(rows))
                cursor.execute(f"insert or replace into {table} by name select * from pulled")
                cursor.unregister("pulled")
        overrides.reckon(cursor, list(answers))


def _detail(score: Mapping[str, Any]) -> str | None:
    return json.dumps(score["detail"], ensure_ascii=False) if score.get("detail") else None


def _response(
    id: str, evaluation: str, answer: Mapping[str, Any], rates: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    # a machine's time is priced by whoever looks, at the price of that day; what tokens cost was paid
    paid_by_token = rates.get(answer["candidate"], {}).get("hour") is None
    return {
        "id": id,
        "evaluation": evaluation,
        "candidate": answer["candidate"],
        "item": answer["item"],
        "repeat": answer.get("repeat", 0),
        "text": answer["text"] or "",
        "model": answer["model"] or "",
        "passages": json.dumps(answer["passages"], ensure_ascii=False),
        "tokens_in": answer["tokens_in"] or 0,
        "tokens_out": answer["tokens_out"] or 0,
        "seconds": answer["seconds"] or 0.0,
        "first_token_seconds": answer["first_token_seconds"],
        "cost": answer.get("cost") if paid_by_token else None,
        "calls": json.dumps(answer.get("calls", []), ensure_ascii=False),
        "finish": answer.get("finish", ""),
        "kept": answer.get("kept", False),
        "error": answer["error"] or "",
        "code": answer.get("code", ""),
        "made_at": now(),
    }

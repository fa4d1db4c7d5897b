"""An evaluation written by hand: its job folder as the job leaves it, with answers and scores that a test can count."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine import events, jobs, processes
from studio.building import candidates, models
from studio.building.candidates import Candidate
from studio.judging import evaluations
from studio.judging.evaluations import Evaluation
from studio.judging.orders import COMPARISON, Measures, Order, Terms
from studio.judging.sources import Questions
from studio.store import Store

USUAL = Terms()
GONE = {"pid": 2**22 - 7, "started": 0.0}  # a process that never was


def two(store: Store, *, library: str = "") -> tuple[Candidate, Candidate]:
    """A base and a model tuned on it, as candidates called `plain` and `tuned`."""
    models.add(store, "starter", models.BASE, "/models/starter", "ada")
    models.add(store, "playful", models.ADAPTER, "/models/playful", "ada", base="starter")
    plain = candidates.add(store, "plain", "starter", "ada", system="Be kind.", library=library)
    return plain, candidates.add(store, "tuned", "playful", "ada", library=library)


def items(n: int) -> list[dict[str, Any]]:
    return [
        {
            "id": f"i{number:03}",
            "messages": [{"role": "user", "content": f"How long is warranty {number}?"}],
            "answer": f"{number} months",
        }
        for number in range(n)
    ]


def answer(candidate: Candidate, item: str, text: str = "", **said: Any) -> dict[str, Any]:
    """A line of responses.jsonl."""
    return {
        "candidate": candidate.id,
        "item": item,
        "text": text,
        "model": candidate.model,
        "passages": [],
        "tokens_in": 20,
        "tokens_out": 8,
        "seconds": 0.5,
        "first_token_seconds": 0.1,
        "error": "",
        "scores": {},
        **said,
    }


def right(value: float | None, metric: str = "facts", why: str = "by hand") -> dict[str, Any]:
    return {metric: {"value": value, "why": why}}


def order(
    asked: Sequence[Mapping[str, Any]],
    chosen: Sequence[Candidate],
    *,
    name: str = "by hand",
    metrics: Sequence[str] = ("facts",),
    terms: Terms = USUAL,
    purpose: str = COMPARISON,
    judge: str = "",
) -> Order:
    """What asks the chosen candidates these items."""
    measures = Measures(metrics, judge=judge)
    return Order(Questions(asked, "questions by hand"), chosen, measures, terms, name, purpose)


def evaluation(
    store: Store,
    asked: Sequence[Mapping[str, Any]],
    answers: Sequence[Mapping[str, Any]],
    *,
    name: str = "by hand",
    metrics: Sequence[str] = ("facts",),
    state: str = jobs.DONE,
    judge: str = "",
) -> Evaluation:
    """An evaluation whose job has ended, with these answers brought into the store."""
    chosen = [candidates.get(store, id) for id in dict.fromkeys(line["candidate"] for line in answers)]
    made = evaluations.start(store, order(asked, chosen, name=name, metrics=metrics, judge=judge), "ada")
    write(made.job.folder, answers, state)
    evaluations.catch_up(store)
    return evaluations.get(store, made.id)


def write(folder: Path, answers: Sequence[Mapping[str, Any]], state: str = jobs.DONE) -> None:
    noted = folder / processes.FILE
    noted.write_text(json.dumps(GONE))
    os.utime(noted, (0, 0))  # its last word comes after it, however fast this is
    with (folder / "responses.jsonl").open("a") as file:
        file.writelines(json.dumps(dict(line)) + "\n" for line in answers)
    done = len(answers)
    events.append(folder, "progress", done=done, of=done, seconds_left=0)
    events.append(folder, "end", state=state)

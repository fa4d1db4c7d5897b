"""Drafted questions: what a model proposes that somebody could ask about passages of a library. People approve them.

It is ordered by `writing.proposals`. Its passages are copies of what the documents say, so the files of its job are
emptied as soon as the proposals are taken over.
"""

from pathlib import Path
from typing import Any

from engine import jsonl
from engine.drafting import make
from studio.reading import libraries, questions, readings
from studio.reading.readings import ASK, Reading
from studio.store import Store


def catch_up(store: Store) -> None:
    """Take over what models have proposed since somebody last looked."""
    for reading in readings.done(store, ASK):
        made = make.read(reading.job.folder)
        seeds = {task["id"]: task["seed"] for task in jsonl.read(tasks(store, reading.library, reading.id))}
        rows = [_row(one, seeds[one["task"]]) for one in made if not one["failed"] and not one["held"]]
        new, strange = questions.propose(store, reading.library, rows, reading.body["model"], reading.made_by)
        failed = [one["failed"] or one["held"] for one in made if one["failed"] or one["held"]]
        told: dict[str, Any] = {"unplaced": strange} if strange else {}
        told |= {"why": failed[0]} if failed else {}
        readings.settle(store, reading, proposed=new, known=len(rows) - new - strange, failed=len(failed), **told)
        forget(store, reading)


def forget(store: Store, reading: Reading) -> None:
    """Empty the files of a job that is over: they hold passages."""
    for path in (
        tasks(store, reading.library, reading.id),
        reading.job.folder / make.CALLS,
        reading.job.folder / make.MADE,
    ):
        path.unlink(missing_ok=True)


def _row(made: dict[str, Any], seed: dict[str, Any]) -> dict[str, str]:
    said = {message["role"]: message["content"] for message in made["messages"]}
    told = {"question": said["user"], "answer": said["assistant"]}
    return {**told, "document": seed["document"], "passage": seed["text"]}


def tasks(store: Store, library: str, id: str) -> Path:
    """Where the passages lie that a job asks about."""
    return libraries.beside(store, library) / f"{id}.jsonl"

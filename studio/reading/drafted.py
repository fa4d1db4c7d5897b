"""Drafted questions: a model reads passages of a library and proposes what somebody could ask. People approve them.

The job is that of a making, with one question a passage. Its passages are copies of what the documents say, so its
files are emptied as soon as the proposals are taken over.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine import hashes, jobs, jsonl
from engine.drafting import make
from engine.drafting.make import MakeSpec
from engine.drafting.recipes import Order, Task
from engine.problems import Problem
from engine.serving.asking.client import Decoding
from studio.building import candidates, libraries, models
from studio.judging import commission
from studio.reading import questions, readings
from studio.reading.readings import ASK, Reading
from studio.store import Store
from studio.writing import beginnings

ASKED = "Write as people type who need help: short, in their own words, without the name of the document."
LONGEST = 200  # tokens of a question or an answer


def start(store: Store, library: str, model: str, n: int, by: str) -> Reading:
    """Have a model propose a question for each of `n` passages. Problem when there are none, or one such job runs."""
    if n < 1:
        raise Problem("Fewer than one question cannot be asked for.", do="Ask for one or more.")
    seeds = beginnings.passages(store, library, n)
    if not seeds:
        raise Problem(f"{library} has no passage to ask about.", do="Add documents to it first.")
    id = jobs.new_id(ASK)
    tasks = [Task(hashes.content(id, number), "documents", seed) for number, seed in enumerate(seeds)]
    path = libraries.beside(store, library) / f"{id}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    jsonl.write(path, [asdict(task) for task in tasks])
    spec = _spec(store, model, path)
    return readings.start(store, library, ASK, spec, by, id, model=model, n=len(tasks), leaves=leaving(store, model))


def leaving(store: Store, model: str) -> str:
    """Which address the passages are sent to; '' when they stay on this machine."""
    chosen = models.get(store, model)
    return chosen.path if chosen.leaves else ""


def catch_up(store: Store) -> None:
    """Take over what models have proposed since somebody last looked."""
    for reading in readings.done(store, ASK):
        made = make.read(reading.job.folder)
        seeds = {task["id"]: task["seed"] for task in jsonl.read(_tasks(store, reading))}
        rows = [_row(one, seeds[one["task"]]) for one in made if not one["failed"] and not one["held"]]
        new, strange = questions.propose(store, reading.library, rows, reading.body["model"], reading.made_by)
        failed = [one["failed"] or one["held"] for one in made if one["failed"] or one["held"]]
        why = {"why": failed[0]} if failed else {}
        readings.settle(store, reading, proposed=new, known=len(rows) - new - strange, failed=len(failed), **why)
        forget(store, reading)


def forget(store: Store, reading: Reading) -> None:
    """Empty the files of a job that is over: they hold passages."""
    for path in (_tasks(store, reading), reading.job.folder / make.CALLS, reading.job.folder / make.MADE):
        path.unlink(missing_ok=True)


def _row(made: dict[str, Any], seed: dict[str, Any]) -> dict[str, str]:
    said = {message["role"]: message["content"] for message in made["messages"]}
    told = {"question": said["user"], "answer": said["assistant"]}
    return {**told, "document": seed["document"], "passage": seed["text"]}


def _spec(store: Store, model: str, tasks: Path) -> MakeSpec:
    decoding = Decoding(temperature=0.3, max_tokens=LONGEST)
    writer = candidates.draft(store, model, model, "atelier", decoding=decoding)
    return MakeSpec(
        teacher=asdict(candidates.for_engine(store, writer, serve=False)),
        tasks=str(tasks),
        order=asdict(Order(each=1, instructions=ASKED)),
        rates=commission.rates(store, [writer]),
        servers=str(store.home.servers),
    )


def _tasks(store: Store, reading: Reading) -> Path:
    return libraries.beside(store, reading.library) / f"{reading.id}.jsonl"

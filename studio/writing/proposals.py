"""Proposals: a model shall read passages of a library and propose what somebody could ask.

The job is that of a making, with one question a passage; what comes of it is taken over by `reading.drafted`.
"""

from dataclasses import asdict
from pathlib import Path

from engine import hashes, jobs, jsonl
from engine.drafting.make import MakeSpec
from engine.drafting.recipes import Order, Task
from engine.problems import Problem
from engine.serving.asking.client import Decoding
from studio.building import candidates, models
from studio.judging import commission
from studio.reading import drafted, readings
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
    path = drafted.tasks(store, library, id)
    spec, leaves = _spec(store, model, path), leaving(store, model)
    path.parent.mkdir(parents=True, exist_ok=True)
    jsonl.write(path, [asdict(task) for task in tasks])
    try:
        return readings.start(store, library, ASK, spec, by, id, model=model, n=len(tasks), leaves=leaves)
    except BaseException:
        path.unlink()  # no job will read these passages, and so none would delete them
        raise


def leaving(store: Store, model: str) -> str:
    """Which address the passages are sent to; '' when they stay on this machine."""
    chosen = models.get(store, model)
    return chosen.path if chosen.leaves else ""


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

"""Runs: one training job each. What it is stands in the table; how it goes is read off its folder, whoever looks."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from engine import events, jobs, specs
from engine.jobs import Job
from engine.problems import Problem
from engine.specs import TrainSpec
from studio import models, snapshots
from studio.store import Store, now


@dataclass(frozen=True)
class Run:
    id: str
    name: str
    base: str
    snapshot: str
    method: str
    settings: dict[str, Any]
    made_by: str
    made_at: datetime
    job: Job

    @property
    def state(self) -> str:
        return self.job.state

    @property
    def live(self) -> bool:
        return self.job.live

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        """All that the job has told so far, read once for each look."""
        return events.read(self.job.folder)[0]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["kind"] == kind]

    def last(self, kind: str) -> dict[str, Any] | None:
        return next((event for event in reversed(self.events) if event["kind"] == kind), None)

    @property
    def model(self) -> str:
        """The name of the model that it makes."""
        return self.name


def launch(
    store: Store, name: str, base: str, snapshot: str, by: str, settings: Mapping[str, Any] | None = None
) -> Run:
    """Put a training run in the queue. Problem when its name is taken or a setting is unknown."""
    spec = spec_for(store, base, snapshot, settings or {})
    if not name.strip():
        raise Problem("The run has no name.", do="Give it one; the model that it makes will be called so.")
    taken = store.row("select 1 from run where name = ? union select 1 from model where name = ?", [name, name])
    if taken is not None:
        raise Problem(f"There is a run or model called {name} already.", do="Choose another name.")
    job = jobs.submit(store.home.jobs, "train", spec, by)
    values = [job.id, name, base, snapshot, spec.method, json.dumps(dict(settings or {})), by, now()]
    with store.write(by, "run.launch", job.id, name=name, base=base, snapshot=snapshot) as cursor:
        cursor.execute("insert into run values (?, ?, ?, ?, ?, ?, ?, ?)", values)
    return get(store, job.id)


def spec_for(store: Store, base: str, snapshot: str, settings: Mapping[str, Any]) -> TrainSpec:
    """What the job will read."""
    frozen = snapshots.get(store, snapshot)
    validation = str(snapshots.path(store, snapshot, "validation")) if frozen.validation else ""
    given = {
        "base": models.get(store, base).path,
        "train": str(snapshots.path(store, snapshot, "train")),
        "validation": validation,
    }
    return specs.parse({**given, **settings}, TrainSpec)


def listed(store: Store) -> list[Run]:
    """Every run, newest first."""
    return [_run(store, row) for row in store.rows("select * from run order by made_at desc")]


def get(store: Store, id: str) -> Run:
    row = store.row("select * from run where id = ?", [id])
    if row is None:
        raise Problem(f"There is no run {id}.", do="Choose one from the list of runs.")
    return _run(store, row)


def stop(store: Store, id: str, by: str) -> None:
    """End a run; what it has learned up to its last checkpoint stays."""
    run = get(store, id)
    with store.write(by, "run.stop", id):
        pass
    jobs.stop(run.job)  # may take seconds, and nobody else could write meanwhile


def resume(store: Store, id: str, by: str) -> None:
    """Put a failed or stopped run back in the queue; it goes on from its last checkpoint."""
    run = get(store, id)
    with store.write(by, "run.resume", id):
        jobs.resume(run.job)


def catch_up(store: Store) -> None:
    """Register the model of every run that has ended well since somebody last looked."""
    waiting = store.rows("select id from run where id not in (select run from model)")
    for row in waiting:
        run = get(store, row["id"])
        if run.state == jobs.DONE:
            adapter = Path(run.job.folder / "adapter")
            models.add(store, run.model, models.ADAPTER, str(adapter), run.made_by, base=run.base, run=run.id)


def _run(store: Store, row: dict[str, Any]) -> Run:
    return Run(**{**row, "settings": json.loads(row["settings"])}, job=jobs.get(store.home.jobs, row["id"]))

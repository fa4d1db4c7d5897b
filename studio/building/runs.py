"""Runs: one training job each. What it is stands in the table; how it goes is read off its folder, whoever looks."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from engine import jobs, specs
from engine.problems import Problem
from engine.training.settings import TrainSpec
from studio.building import models
from studio.freezing import snapshots
from studio.store import Store, now
from studio.work import Work


@dataclass(frozen=True, kw_only=True)
class Run(Work):
    noun: ClassVar[str] = "run"

    name: str
    base: str
    snapshot: str
    method: str
    settings: dict[str, Any]
    engine: str = ""  # where it runs, '' for this machine
    sweep: str = ""  # what it shares with the other runs of one grid, or of several seeds

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
    id = jobs.new_id("train")
    values = [id, name, base, snapshot, spec.method, json.dumps(dict(settings or {})), by, now()]
    with store.write(by, "run.launch", id, name=name, base=base, snapshot=snapshot) as cursor:
        cursor.execute("insert into run values (?, ?, ?, ?, ?, ?, ?, ?, '', '')", values)
        jobs.submit(store.home.jobs, "train", spec, by, id)
    return get(store, id)


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

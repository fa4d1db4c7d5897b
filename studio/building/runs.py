"""Runs: one training job each. What it is stands in the table; how it goes is read off its folder, whoever looks."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

from engine import jobs, specs
from engine.problems import Problem
from engine.queue import Place
from engine.remote import far
from engine.remote.mirror import RemoteSpec
from engine.training.settings import FULL, GRPO, LORA, TrainSpec, of_job
from studio.building import engines, material, models, parity
from studio.building.material import Material
from studio.building.models import Model
from studio.store import Store, now
from studio.work import Work


@dataclass(frozen=True, kw_only=True)
class Run(Work):
    noun: ClassVar[str] = "run"

    name: str
    base: str
    snapshot: str  # what it learns from: the id of a snapshot or of a corpus
    method: str
    settings: dict[str, Any]
    engine: str = ""  # where it runs, '' for this machine
    sweep: str = ""  # what it shares with the other runs of one grid, or of several seeds

    @property
    def model(self) -> str:
        """The name of the model that it makes."""
        return self.name

    @property
    def spec(self) -> TrainSpec:
        """The recipe that it follows, wherever it trains."""
        if self.engine:
            return specs.parse(specs.read(self.job.folder, RemoteSpec).run, TrainSpec)
        return of_job(self.job.folder)

    @property
    def tuning(self) -> str:
        return str(self.settings.get("tuning", LORA))

    @property
    def whole(self) -> bool:
        """Whether a whole model comes out in place of an adapter."""
        return self.tuning == FULL


def launch(
    store: Store,
    name: str,
    base: str,
    learned: Material | str,
    by: str,
    settings: Mapping[str, Any] | None = None,
    *,
    place: Place | None = None,
    sweep: str = "",
    engine: str = engines.HERE,
) -> Run:
    """Put a training run in the queue. `learned` is what it learns from, or its id; `place` says when it may start.

    With an `engine` it trains there, and `base` is what a model is called there.

    Problem when its name is taken, a setting is unknown, or the method cannot use what there is to learn from.
    """
    source = _material(store, learned)
    spec = spec_for(store, base, source, settings or {}, engine)
    free(store, name)
    job = _elsewhere(store, engine, spec, name) if engine else spec
    id = jobs.new_id("train")
    values = [id, name, base, source.id, spec.method, json.dumps(dict(settings or {})), by, now(), engine, sweep]
    with store.write(by, "run.launch", id, name=name, base=base, snapshot=source.id, method=spec.method) as cursor:
        cursor.execute("insert into run values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        jobs.submit(store.home.jobs, "remote" if engine else "train", job, by, id, place)
    return get(store, id)


def spec_for(
    store: Store, base: str, learned: Material | str, settings: Mapping[str, Any], engine: str = engines.HERE
) -> TrainSpec:
    """What the job will read. Problem when its method cannot use what there is to learn from."""
    source = _material(store, learned)
    given = {"base": base if engine else models.get(store, base).path, "train": str(source.train)}
    spec = specs.parse({**given, **settings}, TrainSpec)
    used = source.used_by(spec.method)
    spec = replace(spec, train=str(used.train), validation=str(used.validation or ""))
    if spec.method == GRPO and not spec.rewards:
        raise Problem(
            "Nothing says what an answer is worth.",
            "grpo learns from what its answers are paid.",
            "Choose a reward; one that is not there yet is made on the page Rewards.",
        )
    return spec


def free(store: Store, name: str) -> None:
    """Problem when a run or model cannot be called so."""
    if not name.strip():
        raise Problem("The run has no name.", do="Give it one; the model that it makes will be called so.")
    taken = store.row("select 1 from run where ? in (name, sweep) union select 1 from model where name = ?", [name] * 2)
    if taken is not None:
        raise Problem(f"There is a run or model called {name} already.", do="Choose another name.")


def listed(store: Store, sweep: str = "") -> list[Run]:
    """Every run, or every one of a sweep, newest first."""
    rows = store.rows("select * from run where ? in ('', sweep) order by made_at desc, id desc", [sweep])
    return [_run(store, row) for row in rows]


def get(store: Store, id: str) -> Run:
    row = store.row("select * from run where id = ?", [id])
    if row is None:
        raise Problem(f"There is no run {id}.", do="Choose one from the list of runs.")
    return _run(store, row)


def named(store: Store, name: str) -> Run:
    """A run by its id or its name. Problem when there is none."""
    row = store.row("select id from run where ? in (id, name)", [name])
    if row is None:
        raise Problem(f"There is no run {name}.", do="Give its name or its id, as the list of runs shows them.")
    return get(store, row["id"])


def catch_up(store: Store) -> None:
    """Register the model of every run that has ended well since somebody last looked."""
    deleted = "select json_extract_string(detail, '$.run') from event where verb = 'model.delete'"
    for row in store.rows(f"select id from run where id not in (select run from model union {deleted})"):
        run = get(store, row["id"])
        if run.state == jobs.DONE:
            made = _register(store, run)
            if not run.engine:
                parity.start(store, made)


def _register(store: Store, run: Run) -> Model:
    """What a run leaves: an adapter on its base, a whole model, or, trained elsewhere, one that answers there."""
    if run.engine:
        there, end = specs.read(run.job.folder, RemoteSpec), run.last("end") or {}
        keyed = {"served": str(end["model"]), "key_from": there.key_from}
        return models.add(store, run.model, models.ENDPOINT, there.url, run.made_by, run=run.id, **keyed)
    if run.whole:
        return models.add(store, run.model, models.BASE, str(run.job.folder / "model"), run.made_by, run=run.id)
    folder = str(run.job.folder / "adapter")
    return models.add(store, run.model, models.ADAPTER, folder, run.made_by, base=run.base, run=run.id)


def _elsewhere(store: Store, engine: str, spec: TrainSpec, name: str) -> RemoteSpec:
    """The same recipe for another engine. Its name there ends in what letters and figures `name` has."""
    there = engines.get(store, engine)
    suffix = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:18]
    far.order(spec, there.kind, suffix, "", "")  # what cannot be ordered there is said before it is in the queue
    return RemoteSpec(there.url, there.kind, asdict(spec), there.key_from, suffix)


def _material(store: Store, learned: Material | str) -> Material:
    return material.of(store, learned) if isinstance(learned, str) else learned


def _run(store: Store, row: dict[str, Any]) -> Run:
    return Run(**{**row, "settings": json.loads(row["settings"])}, job=jobs.get(store.home.jobs, row["id"]))

"""Commands: what the command line can do with a store, each a name, arguments and an answer that JSON can carry.

`run` gives a command to the studio that has the home open, or opens the home itself when there is none,
so that a command works the same either way.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from engine import jobs
from engine.data import formats
from engine.problems import Problem
from engine.scoring import stats
from engine.serving import holding, servers
from engine.training.forecast.remarks import size
from studio import running, sample, work
from studio.building import corpora, forecasts, models, orders, runs, serving, sweeps
from studio.data import datasets, intake, mappings, rejects
from studio.data.examples import APPROVED, DRAFT
from studio.folders import Home
from studio.freezing import exports, leaks, snapshots
from studio.freezing.splits import Plan
from studio.judging import commands as of_evaluations
from studio.quality import health, scans
from studio.reading import orders as of_libraries
from studio.store import Store
from studio.writing import lessons, makings


def begin_import(
    store: Store,
    file: str,
    dataset: str,
    by: str,
    split: str = "",
    status: str = APPROVED,
    pairs: Sequence[str] = (),
    system: str = "",
    unanswered: bool = False,
    sheet: str = "",
) -> dict[str, Any]:
    """Start an import by the mapping that is told, remembered or guessed; which it is, and what it leaves out."""
    table = formats.open_table(Path(file), part=sheet)
    chosen = mappings.told(store, table, pairs, system, unanswered)
    if pairs or system:
        mappings.keep(store, table.shape, chosen, by)
    status = DRAFT if chosen.unanswered else status
    mapping = None if chosen.as_is else chosen
    begun = intake.start(store, Path(file), dataset, by, split=split, status=status, mapping=mapping)
    return {"intake": begun.id, "columns": chosen.columns, "left_out": chosen.left_out, "notes": list(table.notes)}


def look_at_import(store: Store, id: str) -> dict[str, Any]:
    """How far it is; once it is done, what became of the rows. Problem when it has failed."""
    one = intake.get(store, id)
    if one.problem is not None:
        raise one.problem
    if one.state == intake.RUNNING:
        return {"state": one.state, "done": round(one.share * one.of), "of": one.of}
    waiting = [row for row in rejects.waiting(store, one.dataset) if row.source == one.source] if one.rejected else []
    return {
        "state": one.state,
        "dataset": one.dataset,
        "source": one.source,
        "added": one.added,
        "known": one.known,
        "rejected": one.rejected,
        "rejects": [{"line": row.line, "code": row.code, "why": row.why} for row in waiting],
    }


def cancel_import(store: Store, id: str) -> dict[str, Any]:
    intake.cancel(store, id)
    return {"intake": id}


def freeze_library(store: Store, library: str, by: str) -> dict[str, Any]:
    found = corpora.freeze(store, library, by)
    return {"corpus": found.id, "library": library, "train": found.train, "validation": found.validation}


def freeze(store: Store, dataset: str, by: str, plan: dict[str, Any] | None = None) -> dict[str, Any]:
    """`plan` holds the fields of a Plan. Small datasets are checked for leaks at once; the count is None for others."""
    chosen = Plan(**{**(plan or {}), "exclude": tuple((plan or {}).get("exclude", ()))})
    found = snapshots.freeze(store, dataset, by, chosen)
    small = found.train + found.validation + found.test <= leaks.SMALL
    return {
        "snapshot": found.id,
        "dataset": dataset,
        "train": found.train,
        "validation": found.validation,
        "test": found.test,
        "torn": found.torn,
        "smallest_difference": stats.smallest_visible(found.test),
        "leaks": leaks.counted(leaks.find(store, found)) if small else None,
    }


def announce_export(store: Store, what: str, form: str, to: str, hidden: bool = False) -> dict[str, Any]:
    """What would leave: `what` is a snapshot's id or the beginning of it, or the name of a dataset."""
    leaving = exports.announce(store, exports.cargo(store, what), form, to, hidden=hidden)
    return {"sentence": leaving.sentence, "personal": sum(leaving.open.values()), "examples": leaving.cargo.n}


def export(
    store: Store,
    what: str,
    form: str,
    to: str,
    by: str,
    licence: str = "",
    hidden: bool = False,
    accepted: bool = False,
) -> dict[str, Any]:
    leaving = exports.announce(store, exports.cargo(store, what), form, to, hidden=hidden)
    counts = exports.write(store, leaving, Path(to), by, licence=licence, accepted=accepted)
    return {"folder": to, "as": form, "counts": counts, "personal": sum(leaving.open.values())}


def forecast(store: Store, by: str, **asked: Any) -> dict[str, Any]:
    """What a run, or several, would take, and what personal data they would read; nothing starts. `asked` as
    `orders.read` takes it."""
    models.add_starter(store)
    order = orders.read(store, **asked)
    told = forecasts.personal(store, order.learned)
    found = forecasts.parcel(store, order).as_dict() if order.engine else forecasts.of(store, order).as_dict()
    told_of = {"personal_data": str(told), "personal": told.n, "leaves": order.leaves(store)}
    return {**found, **told_of, "name": order.name, "command": order.command}


def train(store: Store, by: str, **asked: Any) -> dict[str, Any]:
    """Put a run, or several, in the queue; `run` and `folder` are those of the first."""
    models.add_starter(store)
    order = orders.read(store, **asked)
    told = str(forecasts.personal(store, order.learned))
    launched = orders.launch(store, order, by)
    first = launched[0]
    found = {"run": first.id, "name": order.name, "folder": str(first.job.folder), "personal_data": told}
    waits = jobs.waits_for(first.job)
    return {**found, "runs": [run.id for run in launched], "sweep": first.sweep, "waits": waits}


def outcome(store: Store, sweep: str) -> dict[str, Any]:
    """What the runs of a sweep say, best first."""
    runs.catch_up(store)
    found = sweeps.get(store, sweep)
    trials = [
        {
            "settings": trial.changed,
            "losses": trial.losses,
            "n": trial.n,
            "verdict": sweeps.verdict(found, trial),
            "runs": [run.name for run in trial.runs],
        }
        for trial in found.trials
    ]
    return {"sweep": sweep, "measure": found.measure, "trials": trials, "says": sweeps.said(found)}


def make(store: Store, plan: dict[str, Any], by: str, start: bool) -> dict[str, Any]:
    """What a making would take and where it would send; with `start`, it is put in the queue as well."""
    models.add_starter(store)
    wanted = makings.Plan(**{**plan, "lines": tuple(plan.get("lines", ()))})
    leaves = makings.leaving(store, wanted)
    found = {**asdict(makings.estimate(store, wanted)), "leaves": leaves}
    found["personal"] = str(makings.personal(store, wanted)) if leaves else ""
    if not start:
        return found
    making = makings.start(store, wanted, by)
    return {**found, "making": making.id}


def made(store: Store, making: str) -> dict[str, Any]:
    """How a making ended; its drafts are brought in by then."""
    makings.catch_up(store)
    found = makings.get(store, making)
    return {"making": making, "state": found.state, "taken": found.taken, **(found.last("end") or {})}


def ground(store: Store, plan: dict[str, Any], by: str, write: bool) -> dict[str, Any]:
    """What would come of giving a dataset's answers passages; with `write`, it is written as well."""
    wanted = lessons.Plan(**{**plan, "unknowing": tuple(plan["unknowing"])})
    prepared = lessons.prepare(store, wanted)
    made = prepared.lessons
    return {
        "into": wanted.into,
        "made": len(made.made),
        "present": prepared.present,
        "absent": prepared.absent,
        "places": {str(place): n for place, n in made.places.items() if place},
        "sideless": prepared.sideless,
        "left": prepared.reasons,
        "why": [{"question": left.question, "why": left.why} for left in made.left],
        "preview": [{"place": one.place, "messages": one.messages} for one in prepared.preview()],
        "added": lessons.write(store, prepared, by) if write else 0,
    }


def resume(store: Store, run: str, by: str) -> dict[str, Any]:
    found = runs.named(store, run)
    work.resume(store, found, by)
    return {"run": found.id, "state": found.state, "says": jobs.waits_for(found.job)}


def pause(store: Store, run: str, by: str) -> dict[str, Any]:
    found = runs.named(store, run)
    work.pause(store, found, by)
    return {"run": found.id, "state": found.state, "says": ""}


def stop(store: Store, run: str, by: str) -> dict[str, Any]:
    found = runs.named(store, run)
    work.stop(store, found, by)
    return {"run": found.id, "state": found.state, "says": ""}


def look_at_queue(
    store: Store,
    by: str,
    first: str = "",
    pause: bool | None = None,
    night: str = "",
    server_has_gpu: str = "",
    run_has_gpu: str = "",
) -> dict[str, Any]:
    """What runs and what waits, in order; before that, what is asked is done: a run put first, the queue paused (True)
    or let go on (False), the night hours set as 20:00-06:00, who makes way when two want the GPU."""
    if first:
        work.move(store, runs.named(store, first).job, 0, by)
    rules = work.rules(store)
    if pause is not None and pause != rules.paused:
        work.rule(store, rules := replace(rules, paused=pause), by)
    if night:
        begins, _, ends = night.partition("-")
        work.rule(store, rules := replace(rules, night_from=begins.strip(), night_until=ends.strip()), by)
    if server_has_gpu:
        work.rule(store, rules := replace(rules, server_has_gpu=server_has_gpu), by)
    if run_has_gpu:
        work.rule(store, rules := replace(rules, run_has_gpu=run_has_gpu), by)
    names = {run.id: run.name for run in runs.listed(store)}
    waiting = [*jobs.waiting(store.home.jobs), *jobs.waiting(store.home.jobs, light=True)]
    running = [job for job in jobs.listed(store.home.jobs) if job.state == jobs.RUNNING]
    rows = [
        {"job": job.id, "name": names.get(job.id, job.kind), "state": job.state, "says": jobs.waits_for(job),
         "priority": job.place.priority}
        for job in [*running, *waiting]
    ]  # fmt: skip
    return {**asdict(rules), "jobs": rows}


def serve(
    store: Store, model: str, by: str, port: int = 0, vllm: bool | None = None, idle: float = 0.0, wait: float = 0.0
) -> dict[str, Any]:
    """Serve a model and wait for so many seconds until it answers; `served` is the name to ask for."""
    models.add_starter(store)
    program = serving.program(vllm)
    begun = serving.start(store, model, by, program=program, port=port, idle_minutes=idle)
    endpoint = servers.ready(begun.server, wait)
    tuned = models.get(store, model).kind == models.ADAPTER
    served = serving.load(store, begun, model, by) if tuned else begun.server.spec.served_name
    return {"server": begun.id, "model": model, "url": endpoint.api, "served": served}


def look_at_servers(
    store: Store, by: str, stop: str = "", restart: str = "", load: str = "", unload: str = ""
) -> dict[str, Any]:
    """What answers now; before that, what is asked is done."""
    if stop:
        serving.stop(store, serving.of(store, stop), by)
    if restart:
        serving.restart(store, serving.of(store, restart), by)
    if load:
        serving.load(store, serving.of(store, models.get(store, load).base), load, by)
    if unload:
        serving.forget(store, unload, by)
    rows = [
        {"server": one.id, "model": one.name, "kind": one.kind, "state": one.state, "restarts": one.health.restarts,
         "url": one.server.endpoint.api if one.server.endpoint else "", "per_second": one.health.per_second,
         "memory": size(serving.memory(one).machine), "adapters": sorted(one.adapters.values())}
        for one in serving.listed(store) if one.live
    ]  # fmt: skip
    return {"servers": rows, "gpu": holding.said(store.home.root)}


def scan(store: Store, dataset: str, by: str) -> dict[str, Any]:
    running = scans.live(store, datasets.get(store, dataset).name)
    return {"scan": (running or scans.start(store, dataset, by)).id}


def healthy(store: Store, dataset: str) -> dict[str, Any]:
    scans.catch_up(store)
    found = health.look(store, dataset)
    ready = found.readiness
    return {
        "dataset": dataset,
        "examples": found.n,
        "approved": found.approved,
        "found": found.open,
        "readiness": None if ready.score is None else round(ready.score, 1),
        "known": round(ready.known, 2),
        "parts": [
            {"name": part.name, "value": part.value, "n": part.n, "says": part.says, "gain": round(part.gain, 1)}
            for part in (ready.amount, *ready.parts)
        ],
        "next": ready.next.do if ready.next else "",
    }


def list_runs(store: Store) -> dict[str, Any]:
    runs.catch_up(store)
    return {"runs": [{"run": run.id, "name": run.name, "state": run.state} for run in runs.listed(store)]}


def load_sample(store: Store, by: str) -> dict[str, Any]:
    return sample.load(store, by)


COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {
    "import": begin_import,
    "import-look": look_at_import,
    "import-cancel": cancel_import,
    "freeze": freeze,
    "freeze-library": freeze_library,
    "announce-export": announce_export,
    "export": export,
    "train": train,
    "forecast": forecast,
    "outcome": outcome,
    "resume": resume,
    "pause": pause,
    "stop": stop,
    "queue": look_at_queue,
    "make": make,
    "made": made,
    "ground": ground,
    "runs": list_runs,
    "scan": scan,
    "serve": serve,
    "servers": look_at_servers,
    "health": healthy,
    "sample": load_sample,
    **of_libraries.COMMANDS,
    **of_evaluations.COMMANDS,
}


def perform(store: Store, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Carry out a command on an open store."""
    if name not in COMMANDS:
        raise Problem(f"There is no command {name}.", do=f"Choose one of {', '.join(COMMANDS)}.")
    return COMMANDS[name](store, **arguments)


def run(home: Home, command: str, /, **arguments: Any) -> dict[str, Any]:
    """Carry out a command, in the running studio if there is one."""
    with session(home) as ask:
        return ask(command, **arguments)


@contextmanager
def session(home: Home) -> Iterator[Callable[..., dict[str, Any]]]:
    """For several commands in one studio: the running one, or one that is open for as long as this takes."""
    studio = running.find(home)
    if studio is not None:
        yield partial(_asked, studio)
        return
    store = Store(home)
    try:
        yield lambda command, /, **arguments: perform(store, command, arguments)
    finally:
        store.close()


def _asked(studio: dict[str, Any], command: str, /, **arguments: Any) -> dict[str, Any]:
    answer = httpx.post(
        f"{studio['url']}/commands/{command}",
        json=arguments,
        headers={"authorization": f"Bearer {studio['key']}"},
        timeout=600,
    )
    found: dict[str, Any] = answer.json()
    if answer.status_code == 422:
        raise Problem(found["what"], found["why"], found["do"])
    answer.raise_for_status()
    return found

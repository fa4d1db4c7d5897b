"""Commands: what the command line can ask of runs, their queue, and servers."""

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from engine import jobs, sizes
from engine.serving import holding, servers
from studio import work
from studio.building import corpora, forecasts, models, orders, runs, serving, sweeps
from studio.store import Store


def freeze_library(store: Store, library: str, by: str) -> dict[str, Any]:
    found = corpora.freeze(store, library, by)
    return {"corpus": found.id, "library": library, "train": found.train, "validation": found.validation}


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


def list_runs(store: Store) -> dict[str, Any]:
    runs.catch_up(store)
    return {"runs": [{"run": run.id, "name": run.name, "state": run.state} for run in runs.listed(store)]}


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
         "memory": sizes.in_words(serving.memory(one).machine), "adapters": sorted(one.adapters.values())}
        for one in serving.listed(store) if one.live
    ]  # fmt: skip
    return {"servers": rows, "gpu": holding.said(store.home.root)}


COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {
    "freeze-library": freeze_library,
    "forecast": forecast,
    "train": train,
    "outcome": outcome,
    "runs": list_runs,
    "resume": resume,
    "pause": pause,
    "stop": stop,
    "queue": look_at_queue,
    "serve": serve,
    "servers": look_at_servers,
}

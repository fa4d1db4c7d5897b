"""Jobs: order a training run, look how it goes, start it and call it off."""

import asyncio
import json
import os
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, Response, StreamingResponse

from engine import jobs
from engine.api import cards, orders, preparing, shapes, stored, tunings
from engine.api.desk import Desk
from engine.api.orders import Order
from engine.api.preparing import Counted
from engine.api.refusals import Refusal
from engine.api.routing import MOMENT, TEXT, TRUTH, Asked, Call, Parameter, page, read_body
from engine.api.tunings import Tuning
from engine.checking.cost import Rate
from engine.problems import Problem
from engine.training import trackers
from engine.training.forecast import preflight
from engine.training.forecast.preflight import Preflight
from engine.training.settings import TrainSpec

TAG = "Fine-tuning jobs"
GRACE = 60.0  # seconds for a job to save where it is when it is called off
WATCH = 0.5  # seconds between two looks at a job that is watched


async def create(asked: Asked) -> Any:
    order = orders.read(await read_body(asked.request))
    found = await asyncio.to_thread(_create, asked, order)
    return found if isinstance(found, dict) else cards.job(found, _agent(asked))


def listed(asked: Asked) -> dict[str, Any]:
    found = [one for one in tunings.listed(asked.desk.home) if _wanted(one, asked)]
    start = asked.query["page"] * asked.query["page_size"]
    shown = found[start : start + asked.query["page_size"]]
    return {"object": "list", "data": [cards.job(one, _agent(asked)) for one in shown], "total": len(found)}


def retrieve(asked: Asked) -> dict[str, Any]:
    return cards.detailed(_found(asked), _agent(asked))


def start(asked: Asked) -> dict[str, Any]:
    tunings.start(_found(asked), asked.by.name)
    return cards.detailed(_found(asked), _agent(asked))


def cancel(asked: Asked) -> Response:
    """Answers at once; the job has a moment to save where it is."""
    tunings.ask_to_stop(_found(asked))
    job = _found(asked).job
    task = BackgroundTask(jobs.stop, job, GRACE) if job else None
    return JSONResponse(cards.detailed(_found(asked), _agent(asked)), background=task)


def happened(asked: Asked) -> Any:
    tuning = _found(asked)
    if asked.query["stream"]:
        return StreamingResponse(_watched(tuning, _agent(asked)), media_type="text/event-stream")
    return {"object": "list", "data": list(cards.changes(tuning, _agent(asked)))}


def _create(asked: Asked, order: Order) -> Tuning | dict[str, Any]:
    """The job that was ordered, or for a dry run what it would take."""
    desk, dry = asked.desk, asked.query["dry_run"]
    base = desk.catalogue.base(order.model)
    id = tunings.new_id()
    train, validation = (desk.home / "api" / "jobs" / id / f"{name}.jsonl" for name in ("train", "validation"))
    spec = order.spec(base.base, base.context, str(train), str(validation) if order.validation_files else "")
    _trackers(order)
    files = [(stored.get(desk.home, file), weight) for file, weight in order.files]
    watched = [(stored.get(desk.home, file), 1.0) for file in order.validation_files]
    if not dry:
        _room(desk)
    draft = tunings.begin(desk.home, id)
    try:
        counted = preparing.prepare(files, spec, draft / "train.jsonl", order.skip)
        left = preparing.prepare(watched, spec, draft / "validation.jsonl", order.skip) if watched else Counted()
        found = _preflight(desk, spec, draft, counted, left)
        figures = _figures(found, desk.rate)
        if dry:
            return cards.dry_run(figures, _in_words(found, counted), found)
        known = _known(asked, order, base.base)
        left_out = counted.rejected + left.rejected
        tuning = tunings.keep(desk.home, draft, spec, **known, figures=figures, left_out=left_out)
    except Problem as problem:
        raise Refusal(422, str(problem)) from problem
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    if order.auto_start:
        tunings.start(tuning, asked.by.name)
    return tuning


def _preflight(desk: Desk, spec: TrainSpec, draft: Path, counted: Counted, left: Counted) -> Preflight:
    """What the run would take here. Refused when it cannot work, with what would."""
    here = replace(
        spec,
        train=str(draft / "train.jsonl"),
        validation=str(draft / "validation.jsonl") if spec.validation else "",
    )
    found = preflight.of(here, jobs=desk.jobs, rate=desk.rate, planned=preparing.planned(counted, left, here))
    if found.stops:
        raise Refusal(422, " ".join(str(stop) for stop in found.stops), "hyperparameters")
    return found


def _known(asked: Asked, order: Order, base: str) -> dict[str, Any]:
    now = time.time()
    return {
        "model": order.model,
        "base": base,
        "name": tunings.name_for(order.model, order.suffix, asked.desk.workspace, now),
        "suffix": order.suffix,
        "hyperparameters": order.hyperparameters,
        "files": [file for file, _ in order.files],
        "validation_files": order.validation_files,
        "wandb": order.wandb,
        "auto_start": order.auto_start,
        "created_at": int(now),
        "by": asked.by.id,
    }


def _figures(found: Preflight, rate: Rate) -> dict[str, Any]:
    """Counts, the likely time, and what it costs where somebody said what an hour of this machine does."""
    plan = found.plan
    return {
        "training_steps": plan.steps,
        "epochs": plan.epochs,
        "data_tokens": plan.tokens,
        "train_tokens": plan.read_tokens,
        "train_tokens_per_step": round(plan.read_tokens / max(1, plan.steps)),
        "expected_duration_seconds": max(1, round(found.seconds.likely)) if found.seconds else None,
        "cost": round(found.price.likely, 4) if found.price else None,
        "cost_currency": rate.currency if rate.per_hour is not None else None,
    }


def _in_words(found: Preflight, counted: Counted) -> str:
    plan = found.plan
    said = [f"{plan.steps} steps over {plan.examples} rows, {plan.epochs} epochs, {plan.read_tokens} tokens."]
    if counted.rejected:
        said.append(f"{counted.rejected} rows would be left out.")
    if found.seconds and found.pace:
        low, high = found.seconds.low, found.seconds.high
        said.append(f"From {low:.0f} to {high:.0f} seconds, {found.pace.source}.")
    if found.price is None:
        said.append("It costs no fee; --hour-price lets the engine say what its hours cost.")
    return " ".join([*said, *(str(warning) for warning in found.warnings)])


def _room(desk: Desk) -> None:
    waiting = len(jobs.waiting(desk.jobs))
    if waiting >= desk.limits.jobs_waiting:
        raise Refusal(429, f"{waiting} jobs wait already, the most that this engine takes. Try again later.", wait=60)


def _trackers(order: Order) -> None:
    """Refused where figures would go elsewhere than asked. A key that came with a job would have to lie somewhere until
    it starts, so the engine uses its own, and its own project."""
    if not order.wandb:
        return
    try:
        trackers.named("wandb")
    except Problem as problem:
        keys = "The engine keeps no keys of other services, so one that comes with a call is not used."
        raise Refusal(422, f"{problem} {keys}", "integrations") from problem
    project = os.environ.get("WANDB_PROJECT", trackers.PROJECT)
    if any(one["project"] != project or one["name"] or one["run_name"] for one in order.wandb):
        raise Refusal(
            422,
            f"Figures go to the project {project}, where a run is called by the id of its job. Name that project and "
            "leave name and run_name out, or set WANDB_PROJECT in the environment of `atelier engine`.",
            "integrations",
        )


def _wanted(one: Tuning, asked: Asked) -> bool:
    """Whether a job passes every filter."""
    wanted = asked.query
    old = _agent(asked)
    return (
        wanted["model"] in (None, one.model)
        and wanted["suffix"] in (None, one.suffix)
        and (wanted["created_after"] is None or one.created_at >= wanted["created_after"])
        and (wanted["created_before"] is None or one.created_at < wanted["created_before"])
        and (not wanted["created_by_me"] or one.by == asked.by.id)
        and (wanted["status"] is None or wanted["status"] in (one.status, cards.word(one.status, old)))
        and (wanted["wandb_project"] is None or any(w["project"] == wanted["wandb_project"] for w in one.wandb))
        and (wanted["wandb_name"] is None or any(w["name"] == wanted["wandb_name"] for w in one.wandb))
    )


async def _watched(tuning: Tuning, agent: str) -> AsyncIterator[str]:
    """What becomes of a job, as it happens, until it is over."""
    told = 0
    while True:
        over = tuning.status in tunings.OVER
        found = list(cards.changes(tuning, agent))
        for event in found[told:]:
            yield f"data: {json.dumps(event)}\n\n"
        told = len(found)
        if over:
            yield "data: [DONE]\n\n"
            return
        await asyncio.sleep(WATCH)


def _found(asked: Asked) -> Tuning:
    return tunings.get(asked.desk.home, asked.path["job_id"])


def _agent(asked: Asked) -> str:
    return asked.request.headers.get("user-agent", "")


CALLS = [
    Call(
        "POST",
        "/fine_tuning/jobs",
        "train",
        create,
        "Order a training job. With dry_run, only say what it would take.",
        query=(Parameter("dry_run", TRUTH, False, "Count and estimate, start nothing."),),
        takes=shapes.ORDER,
        gives={"anyOf": [shapes.JOB, shapes.FIGURES]},
        tag=TAG,
    ),
    Call(
        "GET",
        "/fine_tuning/jobs",
        "read",
        listed,
        "List the jobs, newest first.",
        query=(
            *page(),
            Parameter("model", TEXT, says="The model that it started from."),
            Parameter("created_after", MOMENT, says="Not older than this."),
            Parameter("created_before", MOMENT, says="Older than this."),
            Parameter("created_by_me", TRUTH, False, "Only those of the key that asks."),
            Parameter("status", TEXT, says="As SUCCESS."),
            Parameter("wandb_project", TEXT, says="Where its figures went."),
            Parameter("wandb_name", TEXT, says="The name of its run there."),
            Parameter("suffix", TEXT, says="As it was ordered with."),
        ),
        gives=shapes.listing(shapes.JOB),
        tag=TAG,
    ),
    Call("GET", "/fine_tuning/jobs/{job_id}", "read", retrieve, "Look how a job goes.", gives=shapes.DETAILED, tag=TAG),
    Call(
        "POST",
        "/fine_tuning/jobs/{job_id}/start",
        "train",
        start,
        "Start a job that was ordered with auto_start false.",
        gives=shapes.DETAILED,
        tag=TAG,
    ),
    Call(
        "POST", "/fine_tuning/jobs/{job_id}/cancel", "train", cancel, "Call a job off.", gives=shapes.DETAILED, tag=TAG
    ),
    Call(
        "GET",
        "/fine_tuning/jobs/{job_id}/events",
        "read",
        happened,
        "What became of a job; with stream, as it happens (server-sent events).",
        query=(Parameter("stream", TRUTH, False, "Keep listening until the job is over."),),
        gives=shapes.listing(shapes.EVENT),
        tag=TAG,
    ),
]

"""Commands: what the command line can have drafted, and given passages."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from studio.building import models
from studio.store import Store
from studio.writing import lessons, makings


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


COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {
    "make": make,
    "made": made,
    "ground": ground,
}

"""Commands: what the command line can ask of the health of a dataset."""

from collections.abc import Callable
from typing import Any

from studio.data import datasets
from studio.quality import health, scans
from studio.store import Store


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


COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {
    "scan": scan,
    "health": healthy,
}

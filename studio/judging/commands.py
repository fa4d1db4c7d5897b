"""Commands: what the command line can ask of evaluations."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from engine import jobs
from studio import work
from studio.judging import commission, evaluations, forecast, orders, reports
from studio.judging.evaluations import Evaluation
from studio.store import Store


def forecasted(store: Store, **asked: Any) -> dict[str, Any]:
    """What an evaluation would ask, take and cost; `asked` as `orders.read` takes it. Nobody is shown an item.
    Problem when `start` would refuse it."""
    order = orders.read(store, **asked)
    commission.spec(store, order)  # what would be refused afterwards is refused now
    found = forecast.of(store, order)
    total = {"requests": found.requests, "kept": found.kept, "euros": found.euros, "seconds": found.seconds}
    told = {"says": order.words, "metrics": list(order.measures.metrics)}
    return {**told, **total, "lines": [asdict(line) for line in found.all]}


def start(store: Store, by: str, **asked: Any) -> dict[str, Any]:
    """Put an evaluation in the queue; `asked` as `orders.read` takes it."""
    made = evaluations.start(store, orders.read(store, by=by, **asked), by)
    return {"evaluation": made.id, "name": made.name}


def outcome(store: Store, evaluation: str) -> dict[str, Any]:
    """Each candidate's figure by each metric, with its interval and n, and the calls that failed."""
    evaluations.catch_up(store)
    found = _named(store, evaluation)
    lines = {metric: reports.frontier(store, found.id, metric) for metric in found.metrics}
    return {
        "evaluation": found.id,
        "name": found.name,
        "state": found.state,
        "figures": [
            {"candidate": line.name, "metric": metric, "says": line.said, **asdict(line.quality)}
            for metric in found.metrics
            for line in lines[metric]
        ],
        "failed": reports.failures(store, found.id).to_dict("records"),
    }


def resume(store: Store, evaluation: str, by: str) -> dict[str, Any]:
    """Have it ask what is still open."""
    found = _named(store, evaluation)
    if found.state in jobs.OVER:
        work.resume(store, found, by)
    return {"evaluation": found.id, "name": found.name}


def _named(store: Store, evaluation: str) -> Evaluation:
    found = next((one for one in evaluations.listed(store) if evaluation in (one.id, one.name)), None)
    return found or evaluations.get(store, evaluation)


COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {
    "evaluation-forecast": forecasted,
    "evaluate": start,
    "evaluation-outcome": outcome,
    "evaluation-resume": resume,
}

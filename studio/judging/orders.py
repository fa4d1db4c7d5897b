"""Orders: what the command line can ask of evaluations."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from engine import jobs
from engine.problems import Problem
from studio import work
from studio.building import candidates, models
from studio.building.candidates import Candidate
from studio.deciding import reports
from studio.freezing import snapshots
from studio.judging import evaluations, forecast, sources
from studio.judging.evaluations import Evaluation
from studio.judging.sources import Source
from studio.store import Store
from studio.writing import guides


def forecasted(
    store: Store,
    snapshot: str,
    asked: Sequence[str],
    by: str,
    split: str = "test",
    metrics: Sequence[str] = (),
    n: int = 0,
    judge: str = "",
    repeats: int = 1,
    reuse: bool = True,
) -> dict[str, Any]:
    """What an evaluation would ask, take and cost; nobody is shown an item for that."""
    source = _source(store, snapshot, split)
    chosen = [_candidate(store, one, by) for one in asked]
    wanted = list(metrics) or sources.proposed(store, source)
    items = sources.held(store, source, n or None)
    found = forecast.foresee(store, items, chosen, wanted, judge, repeats=repeats, reuse=reuse)
    total = {"requests": found.requests, "kept": found.kept, "euros": found.euros, "seconds": found.seconds}
    return {**total, "metrics": wanted, "lines": [asdict(line) for line in found.all]}


def start(
    store: Store,
    snapshot: str,
    asked: Sequence[str],
    by: str,
    name: str = "",
    split: str = "test",
    metrics: Sequence[str] = (),
    n: int = 0,
    judge: str = "",
    repeats: int = 1,
    budget: float = 0.0,
    reuse: bool = True,
) -> dict[str, Any]:
    """Put an evaluation in the queue; `asked` are candidates by name or id, or models as they are."""
    source = _source(store, snapshot, split)
    chosen = [candidates.keep(store, _candidate(store, one, by), by).id for one in asked]
    wanted = list(metrics) or sources.proposed(store, source)
    title = name or f"{source.name}, {len(chosen)} candidate{'s' * (len(chosen) != 1)}"
    items = sources.items(store, source, n or None, by, f"evaluation {title}")
    made = evaluations.start(
        store, title, items, source.name, chosen, wanted, by,
        guide=guides.file(store, sources.voice(store, source)), judge=judge,
        snapshot=source.snapshot, split=source.split, repeats=repeats, budget=budget, reuse=reuse,
    )  # fmt: skip
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


def _source(store: Store, snapshot: str, split: str) -> Source:
    found = snapshots.named(store, snapshot)
    source = next((one for one in sources.of(store, split) if one.snapshot == found.id), None)
    if source is None:
        raise Problem(f"{snapshot} has no item in its split {split}.", do=f"Choose {' or '.join(sources.SPLITS)}.")
    return source


def _candidate(store: Store, asked: str, by: str) -> Candidate:
    kept = next((one for one in candidates.listed(store) if asked in (one.id, one.name)), None)
    if kept is not None:
        return kept
    models.add_starter(store)
    return candidates.draft(store, asked, asked, by)


def _named(store: Store, evaluation: str) -> Evaluation:
    found = next((one for one in evaluations.listed(store) if evaluation in (one.id, one.name)), None)
    return found or evaluations.get(store, evaluation)


COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {
    "evaluation-forecast": forecasted,
    "evaluate": start,
    "evaluation-outcome": outcome,
    "evaluation-resume": resume,
}

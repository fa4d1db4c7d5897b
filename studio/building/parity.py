"""Parity: whether what is served is what was trained, as the check that begins when a run is done has found."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine import events, jobs
from engine.jobs import Job
from engine.problems import Problem
from engine.training.after.errands import ParitySpec
from studio.building import models
from studio.building.models import Model
from studio.store import Store

NONE, LIVE, PASSED, FAILED, BROKEN = "not checked", "checking", "PASS", "FAIL", "not checked to the end"
PROBES = "probes.json"  # engine.training.after.probes leaves it in the run's folder


@dataclass(frozen=True)
class Verdict:
    """`sides` are those of the job: how far merged model and server are from the trainer, over n prompts."""

    state: str
    why: str = ""
    n: int = 0
    tolerance: float = 0.0
    sides: list[dict[str, Any]] = field(default_factory=list)
    job: str = ""

    @property
    def ready(self) -> bool:
        return self.state == PASSED


def start(store: Store, model: Model, by: str = "") -> Job | None:
    """Check a model that was trained here; None when its trainer noted nothing to hold it to. By itself: once."""
    noted = store.home.jobs / model.run / PROBES
    if not model.run or not noted.is_file():
        return None
    checked = _checks(store, model)
    if checked and not by:
        return checked[-1]
    spec = ParitySpec(
        model=model.name,
        base=models.base_of(store, model).path,
        adapter=model.path if model.kind == models.ADAPTER else "",
        probes=str(noted),
        servers=str(store.home.servers),
    )
    id = f"parity-{model.run}-{len(checked) + 1}"
    try:
        job = jobs.submit(store.home.jobs, "parity", spec, by or model.made_by, id)
    except FileExistsError:  # somebody else saw at the same moment that the run is done
        return None
    if by:
        with store.write(by, "model.check", model.name, job=id):
            pass
    return job


def verdict(store: Store, model: Model) -> Verdict:
    """What the latest check found."""
    found = _checks(store, model)
    if not found:
        return Verdict(NONE, _unchecked(store, model))
    job = found[-1]
    if job.live:
        return Verdict(LIVE, "It is being checked.", job=job.id)
    end = events.last(job.folder, "end") or {}
    if job.state != jobs.DONE:
        return Verdict(BROKEN, jobs.why(job.folder).partition("\n")[0], job=job.id)
    return Verdict(
        state=PASSED if end["passed"] else FAILED,
        why=_words(end),
        n=end["n"],
        tolerance=end["tolerance"],
        sides=end["sides"],
        job=job.id,
    )


def _checks(store: Store, model: Model) -> list[Job]:
    """The checks of a model, oldest first."""
    if not model.run:
        return []
    found = [path.parent for path in store.home.jobs.glob(f"parity-{model.run}-*/job.json")]
    ordered = sorted(found, key=lambda folder: int(folder.name.rpartition("-")[2]))
    return [jobs.get(store.home.jobs, folder.name) for folder in ordered]


def _unchecked(store: Store, model: Model) -> str:
    if not model.run:
        return "It was not trained here, so there is nothing to hold it to."
    if not Path(store.home.jobs / model.run / PROBES).is_file():
        return "Its training noted no prompts to hold it to."
    return "Nobody has checked it yet."


def _words(end: dict[str, Any]) -> str:
    """The verdict in a sentence."""
    if end["passed"]:
        most = max(side["difference"] for side in end["sides"])
        return (
            f"Merged model and server say what the trainer said: the same tokens for all {end['n']} prompts, and "
            f"first words whose probabilities differ by at most {most:.3f}."
        )
    return " ".join(_failing(side, end["tolerance"]) for side in end["sides"]) or "It differs."


def _failing(side: dict[str, Any], tolerance: float) -> str:
    name = "The merged model" if side["name"] == "merged" else "The server"
    if side["why"]:
        return f"{name} could not be asked: {side['why']}"
    if side["same_ids"] < side["n"]:
        other = side["n"] - side["same_ids"]
        return f"{name} reads {other} of {side['n']} prompts in other tokens than they were learned in."
    if side["difference"] > tolerance:
        return (
            f"{name} gives a first word another probability: {side['difference']:.2f} away, where {tolerance:g} is "
            f"allowed (n = {side['n']})."
        )
    return ""


def require(store: Store, model: Model) -> None:
    """Problem when a check has found that what is served is not what was trained."""
    found = verdict(store, model)
    if found.state == FAILED:
        raise Problem(f"{model.name} has failed its check.", found.why, "Look at its page before you use it.")

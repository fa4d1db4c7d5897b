"""Tunings: the jobs that were ordered through the API, and the models that came of them.

    api/jobs/<id>/order.json    what was asked, by whom, counted how; never rewritten
                  spec.json     the settings, train.jsonl and validation.jsonl what it learns from
                  model.json    what its model is called and whether it is archived or deleted
                  cancelled     it was called off before it was started
    jobs/<id>/                  the job itself (engine.jobs), from its start on

Where a job stands is read off these, never stored.
"""

import json
import os
import shutil
import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine import events, jobs, specs
from engine.api.refusals import Refusal
from engine.jobs import Job
from engine.training.settings import TrainSpec

ORDER, MODEL, CANCELLED = "order.json", "model.json", "cancelled"
SUCCESS, OVER = "SUCCESS", ("SUCCESS", "FAILED", "CANCELLED")


@dataclass(frozen=True)
class Tuning:
    """One job of the API. `by` is the id of a key; `model` what it was asked to start from, `base` where that lay."""

    id: str
    model: str
    base: str
    name: str  # of the model that it makes
    suffix: str
    hyperparameters: dict[str, Any]
    files: list[str]
    validation_files: list[str]
    wandb: list[dict[str, Any]]
    auto_start: bool
    figures: dict[str, Any]  # steps, epochs, tokens
    left_out: int  # rows that could not be learned from
    created_at: int
    by: str
    folder: Path
    job_folder: Path
    title: str = ""
    description: str = ""
    archived: bool = False
    deleted_at: float | None = None

    @property
    def job(self) -> Job | None:
        """The job in the queue; None as long as it has not been started."""
        return jobs.get(self.job_folder.parent, self.id) if (self.job_folder / "job.json").is_file() else None

    @property
    def spec(self) -> TrainSpec:
        return specs.read(self.folder, TrainSpec)

    @property
    def status(self) -> str:
        """In Mistral's words. A paused job waits, so it is QUEUED; `atelier.state` says which."""
        job = self.job
        if job is None:
            return "CANCELLED" if (self.folder / CANCELLED).exists() else "VALIDATED"
        state = job.state
        if state == jobs.RUNNING:
            if (self.job_folder / "stop").exists():
                return "CANCELLATION_REQUESTED"
            return "RUNNING" if events.last(self.job_folder, "step") else "STARTED"
        return {jobs.DONE: SUCCESS, jobs.FAILED: "FAILED", jobs.STOPPED: "CANCELLED"}.get(state, "QUEUED")

    @property
    def adapter(self) -> bool:
        """Whether what it makes is added to its base; else it is a whole model."""
        return not self.spec.whole

    @property
    def made(self) -> Path:
        """The folder of the model."""
        end = events.last(self.job_folder, "end") or {}
        return Path(end.get("adapter") or end.get("model") or self.job_folder / "adapter")

    @property
    def closed(self) -> str:
        """Why its model cannot be asked, in a sentence; '' when it can."""
        if self.status == SUCCESS:
            return "" if self.made.is_dir() else f"The files of {self.name} are gone from {self.made}."
        return f"The model {self.name} is not ready: its job {self.id} is {self.status}."

    @property
    def lost(self) -> bool:
        """Whether there will never be a model."""
        return self.status in ("FAILED", "CANCELLED")


def new_id() -> str:
    return str(uuid.uuid4())


def name_for(model: str, suffix: str, workspace: str, at: float) -> str:
    """`ft:open-mistral-7b:<suffix>:<yyyymmdd>:<8 hex>`; the engine's own eight digits where there is no suffix."""
    stem = model.replace("/", "-").replace(":", "-")
    return f"ft:{stem}:{suffix or workspace}:{time.strftime('%Y%m%d', time.gmtime(at))}:{uuid.uuid4().hex[:8]}"


def begin(home: Path, id: str) -> Path:
    """The folder in which a job is prepared; nobody sees it until `keep`."""
    draft = home / "api" / "jobs" / f".{id}"
    draft.mkdir(parents=True)
    return draft


def keep(home: Path, draft: Path, spec: TrainSpec, **known: Any) -> Tuning:
    """The job that was prepared in `draft`, from now on in the list."""
    id = draft.name[1:]
    specs.write(draft, spec)
    (draft / ORDER).write_text(json.dumps({"id": id, **known}))
    draft.rename(draft.with_name(id))
    return get(home, id)


def get(home: Path, id: str) -> Tuning:
    try:
        folder = home / "api" / "jobs" / str(uuid.UUID(id))
    except ValueError:
        folder = home / "-"
    if not (folder / ORDER).is_file():
        raise Refusal(404, f"There is no job {id[:80]}. GET /v1/fine_tuning/jobs lists those that are here.", "job_id")
    return _read(home, folder)


def listed(home: Path) -> list[Tuning]:
    """Every job of the API, newest first."""
    found = [_read(home, path.parent) for path in (home / "api" / "jobs").glob(f"[!.]*/{ORDER}")]
    return sorted(found, key=lambda one: (one.created_at, one.id), reverse=True)


def by_name(home: Path, name: str) -> Tuning:
    """The job whose model has this name. Refused where there is none, or it was deleted."""
    for one in listed(home):
        if one.name == name:
            if one.deleted_at:
                raise Refusal(404, f"The model {name} was deleted.", "model_id")
            return one
    raise Refusal(404, f"No job of this engine made a model {name[:80]}.", "model_id")


def deleted(home: Path) -> set[str]:
    return {one.name for one in listed(home) if one.deleted_at}


def start(tuning: Tuning, by: str) -> None:
    """Put a job in the queue. Refused when it was there before."""
    if tuning.status != "VALIDATED":
        raise Refusal(409, f"The job {tuning.id} is {tuning.status}; only one that is VALIDATED can be started.")
    jobs.submit(tuning.job_folder.parent, "train", tuning.spec, by, tuning.id)


def ask_to_stop(tuning: Tuning) -> None:
    """Call a job off: from now on it never starts, and whoever runs it is told by `jobs.stop`."""
    if tuning.status in OVER:
        raise Refusal(409, f"The job {tuning.id} is {tuning.status} already; there is nothing to cancel.")
    job = tuning.job
    ((tuning.folder / CANCELLED) if job is None else (job.folder / "stop")).touch()


def change(tuning: Tuning, **values: Any) -> None:
    """Rename, describe, archive or delete its model."""
    known = ("title", "description", "archived", "deleted_at")
    draft = tuning.folder / f".{MODEL}.{os.getpid()}"
    draft.write_text(json.dumps({**{name: asdict(tuning)[name] for name in known}, **values}))
    draft.rename(tuning.folder / MODEL)


def delete(tuning: Tuning) -> None:
    """Take a model away with its files; the record of the job that made it stays."""
    if tuning.status not in OVER:
        raise Refusal(409, f"The job of {tuning.name} is {tuning.status}; cancel it before you delete its model.")
    folder = tuning.made
    change(tuning, deleted_at=time.time())
    if folder.is_relative_to(tuning.job_folder):
        shutil.rmtree(folder, ignore_errors=True)


def _read(home: Path, folder: Path) -> Tuning:
    model = folder / MODEL
    more = json.loads(model.read_text()) if model.is_file() else {}
    known = json.loads((folder / ORDER).read_text())
    return Tuning(**known, **more, folder=folder, job_folder=home / "jobs" / folder.name)

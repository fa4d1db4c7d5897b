"""Cards: jobs, models and files as Mistral's clients expect to read them. The types of three generations of their
Python client were read for this; a field that one of them needs is always there, and an unknown figure is null.
"""

import time
from collections.abc import Iterator
from typing import Any

from engine import events, jobs
from engine.api.catalogue import Known
from engine.api.stored import Stored
from engine.api.tunings import SUCCESS, Tuning
from engine.training.forecast.preflight import Preflight
from engine.training.settings import TrainSpec

OLD = "mistral-client-python/0."  # the first generation, which knows fewer states
OLD_WORDS = {"VALIDATING": "QUEUED", "VALIDATED": "QUEUED", "FAILED_VALIDATION": "FAILED"}
HIDDEN = ("base", "train", "validation")  # paths of this machine


def file(stored: Stored, **more: Any) -> dict[str, Any]:
    return {
        "id": stored.id,
        "object": "file",
        "bytes": stored.bytes,
        "created_at": stored.created_at,
        "filename": stored.filename,
        "purpose": stored.purpose,
        "sample_type": stored.sample_type,
        "source": "upload",
        "num_lines": stored.lines,
        "mimetype": stored.mimetype,
        "signature": stored.sha256,
        "expires_at": None,
        "visibility": "workspace",
        **more,
    }


def job(tuning: Tuning, agent: str = "") -> dict[str, Any]:
    """A job in a list. `agent` is the name by which the client calls itself."""
    status = tuning.status
    return {
        "id": tuning.id,
        "object": "job",
        "job_type": "completion",
        "auto_start": tuning.auto_start,
        "model": tuning.model,
        "fine_tuned_model": tuning.name if status == SUCCESS and not tuning.deleted_at else None,
        "status": word(status, agent),
        "created_at": tuning.created_at,
        "modified_at": _modified(tuning),
        "training_files": tuning.files,
        "validation_files": tuning.validation_files,
        "hyperparameters": hyperparameters(tuning.spec, tuning.figures),
        "suffix": tuning.suffix or None,
        "integrations": tuning.wandb,
        "repositories": [],
        "trained_tokens": _trained(tuning),
        "metadata": metadata(tuning.figures),
        "atelier": _extra(tuning),
    }


def detailed(tuning: Tuning, agent: str = "") -> dict[str, Any]:
    """A job by itself, with what happened, newest first."""
    happened = list(changes(tuning, agent))
    return {**job(tuning, agent), "events": happened[::-1], "checkpoints": list(checkpoints(tuning))[::-1]}


def hyperparameters(spec: TrainSpec, figures: dict[str, Any]) -> dict[str, Any]:
    """As they are, not as they were asked: the oldest client needs the number of steps as a number."""
    return {
        "training_steps": figures["training_steps"],
        "learning_rate": spec.learning_rate,
        "weight_decay": spec.weight_decay,
        "warmup_fraction": spec.warmup,
        "epochs": figures["epochs"],
        "seq_len": spec.max_tokens,
        "fim_ratio": None,
    }


def metadata(figures: dict[str, Any]) -> dict[str, Any]:
    named = (
        "expected_duration_seconds",
        "cost",
        "cost_currency",
        "train_tokens_per_step",
        "train_tokens",
        "data_tokens",
    )
    return {**{name: figures.get(name) for name in named}, "estimated_start_time": None}


def dry_run(figures: dict[str, Any], details: str, found: Preflight) -> dict[str, Any]:
    """What a job would take; in `atelier` the whole preflight but the paths of this machine."""
    whole = {name: value for name, value in found.as_dict().items() if name not in ("spec", "anatomy")}
    return {
        "object": "job.metadata",
        "details": details,
        "deprecated": False,
        "training_steps": figures["training_steps"],
        "epochs": figures["epochs"],
        **metadata(figures),
        "atelier": whole,
    }


def changes(tuning: Tuning, agent: str = "") -> Iterator[dict[str, Any]]:
    """What became of a job, oldest first, as one event for each new status."""
    yield _changed("QUEUED" if tuning.auto_start else word("VALIDATED", agent), tuning.created_at)
    told, running = "", False
    for event in events.read(tuning.job_folder)[0]:
        if event["kind"] == "start":
            running = False
            yield _changed("STARTED", event["at"])
        elif event["kind"] == "step" and not running:
            running = True
            yield _changed("RUNNING", event["at"])
        elif event["kind"] == "warning":
            yield {"name": "warning", "data": {"message": event.get("why", "")}, "created_at": int(event["at"])}
        elif event["kind"] == "end":
            told = {jobs.DONE: SUCCESS, jobs.FAILED: "FAILED"}.get(event["state"], "CANCELLED")
            paused = told == "CANCELLED" and tuning.status not in ("CANCELLED", "CANCELLATION_REQUESTED")
            why = {"error": event["why"]} if event.get("why") else {}
            yield _changed("QUEUED" if paused else told, event["at"], **why)
    if tuning.status in ("FAILED", "CANCELLED") and told != tuning.status:
        why = {"error": jobs.why(tuning.job_folder)} if tuning.status == "FAILED" else {}
        yield _changed(tuning.status, _modified(tuning), **why)


def checkpoints(tuning: Tuning) -> Iterator[dict[str, Any]]:
    """The looks at the validation loss, oldest first; without a validation file, the saved states."""
    happened = events.read(tuning.job_folder)[0]
    kind = "validation" if any(event["kind"] == "validation" for event in happened) else "checkpoint"
    loss = None
    for event in happened:
        if event["kind"] == "step":
            loss = event.get("loss")
        elif event["kind"] == kind:
            metrics = {
                "train_loss": loss,
                "valid_loss": event.get("loss"),
                "valid_mean_token_accuracy": event.get("accuracy"),
            }
            yield {"metrics": metrics, "step_number": event["step"], "created_at": int(event["at"])}


def model(known: Known) -> dict[str, Any]:
    """A model in the list, or by itself."""
    card = {
        "id": known.id,
        "object": "model",
        "created": known.created,
        "owned_by": "atelier",
        "name": known.name or known.id,
        "description": known.description or None,
        "max_context_length": known.context,
        "aliases": known.aliases,
        "deprecation": None,
        "default_model_temperature": 1.0,
        "capabilities": {**_capabilities(known), "vision": False},
        "type": "fine-tuned" if known.tuned else "base",
    }
    if known.tuned:
        card |= {"job": known.job, "root": known.root, "parent": known.root, "archived": known.archived}
    return card


def tuned_model(known: Known) -> dict[str, Any]:
    """A model after it was renamed."""
    return {
        "id": known.id,
        "object": "model",
        "model_type": "completion",
        "created": known.created,
        "owned_by": "atelier",
        "workspace_id": "atelier",
        "root": known.root,
        "root_version": "",
        "archived": known.archived,
        "name": known.name or None,
        "description": known.description or None,
        "max_context_length": known.context,
        "aliases": known.aliases,
        "job": known.job,
        "capabilities": _capabilities(known),
    }


def _capabilities(known: Known) -> dict[str, bool]:
    return {
        "completion_chat": True,
        "completion_fim": False,
        "function_calling": False,
        "fine_tuning": known.adapter is None,
        "classification": False,
    }


def _extra(tuning: Tuning) -> dict[str, Any]:
    """What Mistral's clients never see."""
    spec = tuning.spec
    job = tuning.job
    shown = {name: value for name, value in vars(spec).items() if name not in HIDDEN}
    return {
        "state": job.state if job else tuning.status.lower(),
        "waits_for": jobs.waits_for(job) if job else "",
        "model": tuning.name,
        "rows_left_out": tuning.left_out,
        "error": jobs.why(job.folder) if job and tuning.status == "FAILED" else None,
        "settings": shown,
    }


def word(status: str, agent: str) -> str:
    return OLD_WORDS.get(status, status) if agent.startswith(OLD) else status


def _changed(status: str, at: float, **more: Any) -> dict[str, Any]:
    return {"name": "status-updated", "data": {"status": status, **more}, "created_at": int(at)}


def _trained(tuning: Tuning) -> int | None:
    last = events.last(tuning.job_folder, "end") or {}
    step = events.last(tuning.job_folder, "step") or {}
    return last.get("tokens") or step.get("tokens")


def _modified(tuning: Tuning) -> int:
    """When something was last written about it."""
    paths = [tuning.folder, tuning.job_folder, tuning.job_folder / events.FILE, tuning.job_folder / "stop"]
    found = [int(path.stat().st_mtime) for path in paths if path.exists()]
    return min(max([tuning.created_at, *found]), int(time.time()))

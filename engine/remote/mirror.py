"""Mirror: the job that has a run trained elsewhere and tells what happens there as if it were here.

`remote.json` in its folder remembers what was sent and how far it has listened, so that killed at any moment it goes on
listening to the same run. Stopped, it cancels the run there. The key comes from the environment and stands nowhere.
"""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine import events, jobs, specs
from engine.problems import Problem
from engine.remote import far
from engine.serving.asking import calls
from engine.serving.asking.calls import Endpoint
from engine.specs import setting
from engine.training.settings import TrainSpec

FILE = "remote.json"
PAUSE = 2.0  # seconds between two looks
GOOD = "SUCCESS"
ENDED = ("FAILED", "CANCELLED", "CANCELLATION_REQUESTED")  # without a model
OVER = (GOOD, "FAILED_VALIDATION", *ENDED)
OWN = ("start", "end")  # events that this job tells of itself


@dataclass(frozen=True)
class RemoteSpec:
    """A run to be trained elsewhere. `run` is a TrainSpec whose base is the name that the model has there."""

    url: str = field(metadata={"help": "Address of the engine."})
    kind: str = field(metadata={"help": "atelier or mistral."})
    run: dict[str, Any] = field(metadata={"help": "The TrainSpec, as an object."})
    key_from: str = setting("", "Environment variable that holds the engine's key.")
    suffix: str = setting("", "Part of the name of the model that comes out.")

    @property
    def engine(self) -> Endpoint:
        return calls.keyed(self.url, self.key_from)


@dataclass
class Sent:
    """What is known of the run there; saved after each step."""

    train: str = ""
    validation: str = ""
    job: str = ""
    heard: int = 0  # bytes of its events, or how many checkpoints

    @classmethod
    def found(cls, folder: Path) -> "Sent":
        path = folder / FILE
        return cls(**json.loads(path.read_text())) if path.exists() else cls()

    def save(self, folder: Path) -> None:
        draft = folder / f".{FILE}"
        draft.write_text(json.dumps(vars(self)))
        draft.rename(folder / FILE)


def run(folder: Path) -> dict[str, Any]:
    """Have the run trained and wait for it. The result is what the engine told, and the model's name there."""
    spec = specs.read(folder, RemoteSpec)
    engine, sent = spec.engine, Sent.found(folder)
    try:
        _send(folder, spec, engine, sent)
        told = _follow(folder, spec, engine, sent)
    except Exception:
        raise
    except BaseException:  # asked to stop, or to pause
        if sent.job:
            pausing = (folder / "pause").exists() and spec.kind == far.ATELIER
            (far.pause if pausing else far.cancel)(engine, sent.job)
        raise
    if told["status"] != GOOD:
        raise Problem(f"The run on {engine} ended as {told['status']}.", _why(told))
    return {"model": told["fine_tuned_model"], "job": sent.job, **_last(folder)}


def _send(folder: Path, spec: RemoteSpec, engine: Endpoint, sent: Sent) -> None:
    """Files and order, each once: what has its id already is not sent again."""
    wanted = specs.parse(spec.run, TrainSpec)
    far.order(wanted, spec.kind, spec.suffix, "", "")  # what cannot be ordered sends no file
    for name in ("train", "validation"):
        path, packed = getattr(wanted, name), folder / f"{name}.jsonl"
        if path and not getattr(sent, name):
            far.pack(Path(path), wanted.method, packed)
            what = f"the {name} rows, {packed.stat().st_size:,} bytes"
            events.append(folder, "leaves", to=str(engine), what=what)
            setattr(sent, name, far.upload(engine, packed))
            sent.save(folder)
            packed.unlink()
    if sent.job and spec.kind == far.ATELIER and _halted(far.job(engine, sent.job)):
        far.resume(engine, sent.job)
    if not sent.job:
        sent.job = far.create(engine, far.order(wanted, spec.kind, spec.suffix, sent.train, sent.validation))
        sent.save(folder)


def _halted(told: dict[str, Any]) -> bool:
    """Whether the run there stands still until it is resumed. One that is paused is queued, in Mistral's words."""
    return told["status"] in ENDED or (told.get("atelier") or {}).get("state") == jobs.PAUSED


def _follow(folder: Path, spec: RemoteSpec, engine: Endpoint, sent: Sent) -> dict[str, Any]:
    """Tell what happens there until it is over; the run as the API tells it at last."""
    while True:
        told = far.job(engine, sent.job)  # before its events: an end that is seen has all its events behind it
        found, heard = _news(spec, engine, sent, told)
        for event in found:
            _append(folder, event)
        if heard != sent.heard:
            sent.heard = heard
            sent.save(folder)
        if told["status"] in OVER:
            return told
        time.sleep(PAUSE)


def _news(spec: RemoteSpec, engine: Endpoint, sent: Sent, told: dict[str, Any]) -> tuple[list[dict[str, Any]], int]:
    """The events that were not heard yet. Mistral's cloud tells none of ours: its checkpoints hold the losses."""
    if spec.kind == far.ATELIER:
        return far.events(engine, sent.job, sent.heard)
    marks = sorted(told.get("checkpoints") or [], key=lambda mark: mark["step_number"])
    return [event for mark in marks[sent.heard :] for event in _checkpoint(spec, mark)], len(marks)


def _checkpoint(spec: RemoteSpec, mark: dict[str, Any]) -> list[dict[str, Any]]:
    """One of Mistral's checkpoints as our events; what it does not tell is left out."""
    step, metrics = mark["step_number"], mark.get("metrics") or {}
    steps = int(spec.run.get("steps") or 0)
    found = []
    if metrics.get("train_loss") is not None:
        found.append({"kind": "step", "step": step, "steps": max(steps, step), "loss": metrics["train_loss"]})
    if metrics.get("valid_loss") is not None:
        found.append({"kind": "validation", "step": step, "loss": metrics["valid_loss"]})
    return found


def _append(folder: Path, event: dict[str, Any]) -> None:
    if event["kind"] not in OWN:
        fields = {key: value for key, value in event.items() if key not in ("at", "kind")}
        events.append(folder, event["kind"], **fields)


def _why(told: dict[str, Any]) -> str:
    """The last thing the engine said about a run that went wrong."""
    said = [event for event in told.get("events") or [] if (event.get("data") or {}).get("error")]
    newest = max(said, key=lambda event: event.get("created_at", 0), default=None)
    return str(newest["data"]["error"]) if newest else "It did not say why."


def _last(folder: Path) -> dict[str, Any]:
    """What the mirrored events say of the result."""
    step, look = events.last(folder, "step"), events.last(folder, "validation")
    return {
        "steps": step["step"] if step else None,
        "loss": step["loss"] if step else None,
        "validation_loss": look["loss"] if look else None,
    }

"""Orders: what a client asks of a training job, read strictly. Field names and defaults are Mistral's; what their API
lacked (method, tuning, rank, packing and every other setting of a run) comes in one extra object, `atelier`.
"""

import math
import re
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from engine import specs
from engine.api.refusals import Refusal
from engine.problems import Problem
from engine.training.settings import TrainSpec

# Mistral's name of a hyperparameter: (ours, least, most)
HYPERPARAMETERS: dict[str, tuple[str, float, float]] = {
    "training_steps": ("steps", 1, 1_000_000),
    "learning_rate": ("learning_rate", 1e-8, 1),
    "weight_decay": ("weight_decay", 0, 1e6),
    "warmup_fraction": ("warmup", 0, 1),
    "epochs": ("epochs", 0.01, 1000),
    "seq_len": ("max_tokens", 2, 10_000_000),
}
WHOLE = ("training_steps", "seq_len")
LEARNING_RATE = 1e-4  # as Mistral's clients have it
OWN = ("base", "train", "validation", "trackers")  # settings that the engine fills in by itself
SUFFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
KNOWN = {
    "model",
    "training_files",
    "validation_files",
    "hyperparameters",
    "suffix",
    "integrations",
    "auto_start",
    "invalid_sample_skip_percentage",
    "job_type",
    "repositories",
    "classifier_targets",
    "atelier",
}


@dataclass(frozen=True)
class Order:
    """`files` are (id, weight); `settings` those of a TrainSpec that were asked for; `wandb` is without its key."""

    model: str
    files: list[tuple[str, float]]
    validation_files: list[str]
    hyperparameters: dict[str, Any]
    settings: dict[str, Any]
    suffix: str = ""
    wandb: list[dict[str, Any]] = field(default_factory=list)
    auto_start: bool = True
    skip: float = 0.0  # percent of rows that may be left out

    def spec(self, base: str, context: int, train: str, validation: str) -> TrainSpec:
        """The run that this asks for. Refused, with the setting, when it makes none."""
        told = {"learning_rate": LEARNING_RATE, "max_tokens": context, **self.settings}
        values = {"base": base, "train": train, "validation": validation, **told}
        if self.wandb:
            values["trackers"] = "wandb"
        try:
            return specs.parse(values, TrainSpec)
        except (Problem, TypeError) as problem:
            raise Refusal(422, str(problem), "atelier") from problem


def read(body: dict[str, Any]) -> Order:
    """The order in a body. Refused with the field to blame when it cannot be carried out as it says."""
    if unknown := sorted(body.keys() - KNOWN):
        raise Refusal(422, f"A job has no field {', '.join(unknown)}; it has {', '.join(sorted(KNOWN))}.", unknown[0])
    given = {name: value for name, value in body.items() if value is not None}
    _completion(given)
    hyperparameters, settings = _hyperparameters(_object(given, "hyperparameters"))
    files = _files(given.get("training_files"))
    validation = _ids(given.get("validation_files", []))
    if both := sorted({id for id, _ in files} & set(validation)):
        raise Refusal(
            422,
            f"The file {both[0]} is in training_files and in validation_files: a model that is measured on what it "
            "learned looks better than it is. Leave it out of one.",
            "validation_files",
        )
    return Order(
        model=_model(given),
        files=files,
        validation_files=validation,
        hyperparameters=hyperparameters,
        settings=_joined(settings, _object(given, "atelier")),
        suffix=_suffix(given.get("suffix", "")),
        wandb=[_wandb(one) for one in _list(given, "integrations")],
        auto_start=_truth(given.get("auto_start", True), "auto_start"),
        skip=_number(given.get("invalid_sample_skip_percentage", 0), "invalid_sample_skip_percentage", 0, 100),
    )


def record(order: Order) -> dict[str, Any]:
    return asdict(order)


def _completion(given: dict[str, Any]) -> None:
    """Refused when it asks for what only Mistral's cloud did."""
    if given.get("job_type", "completion") != "completion" or given.get("classifier_targets"):
        raise Refusal(
            422,
            "This engine trains completion jobs only. A classifier can be one: write the label as the assistant's "
            "answer to each text, leave job_type and classifier_targets out, and ask with temperature 0.",
            "job_type",
        )
    if given.get("repositories"):
        raise Refusal(422, "Repositories cannot be learned from here; upload files instead.", "repositories")


def _hyperparameters(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """As they were asked for, and as settings of ours."""
    named = {name: value for name, value in given.items() if value is not None}
    if named.pop("fim_ratio", 0):
        raise Refusal(
            422,
            "Filling in the middle (fim_ratio) cannot be learned here; leave it out or set it to 0.",
            "hyperparameters.fim_ratio",
        )
    if unknown := sorted(named.keys() - HYPERPARAMETERS.keys()):
        raise Refusal(
            422,
            f"There is no hyperparameter {', '.join(unknown)}; there are {', '.join(HYPERPARAMETERS)}. Other settings "
            'go into the object "atelier".',
            f"hyperparameters.{unknown[0]}",
        )
    if "training_steps" in named and "epochs" in named:
        raise Refusal(422, "Say training_steps or epochs, not both: one follows from the other.", "hyperparameters")
    for name, value in named.items():
        _, least, most = HYPERPARAMETERS[name]
        _number(value, f"hyperparameters.{name}", least, most)
        if name in WHOLE and int(value) != value:
            raise Refusal(422, f"{name} is {value!r}; it must be a whole number.", f"hyperparameters.{name}")
    ours = {HYPERPARAMETERS[name][0]: int(value) if name in WHOLE else float(value) for name, value in named.items()}
    return named, ours


def _joined(settings: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """Settings from both objects. Refused where they contradict each other, or a name is unknown."""
    known = {f.name for f in fields(TrainSpec)} - set(OWN)
    if unknown := sorted(extra.keys() - known):
        raise Refusal(
            422,
            f"A run has no setting {', '.join(unknown)}; it has {', '.join(sorted(known))}.",
            f"atelier.{unknown[0]}",
        )
    for name, value in extra.items():
        if name in settings and settings[name] != value:
            raise Refusal(
                422,
                f"{name} is {settings[name]!r} in hyperparameters and {value!r} in atelier; say it once.",
                f"atelier.{name}",
            )
    return {**settings, **extra}


def _model(given: dict[str, Any]) -> str:
    model = given.get("model")
    if not isinstance(model, str) or not model:
        raise Refusal(422, "The job names no model to start from. GET /v1/models lists those that are here.", "model")
    return model


def _files(given: Any) -> list[tuple[str, float]]:
    """As ids, or as objects with an id and a weight; both were in use."""
    if not isinstance(given, list) or not given:
        raise Refusal(422, "The job has no training_files: give the ids of uploaded files.", "training_files")
    found = [_file(one) for one in given]
    if len({id for id, _ in found}) < len(found):
        raise Refusal(422, "A file stands in training_files twice; give it a weight instead.", "training_files")
    return found


def _file(given: Any) -> tuple[str, float]:
    if isinstance(given, str):
        return given, 1.0
    if not isinstance(given, dict) or not isinstance(given.get("file_id"), str) or given.keys() - {"file_id", "weight"}:
        raise Refusal(
            422, 'training_files holds ids, or objects such as {"file_id": "...", "weight": 1}.', "training_files"
        )
    return given["file_id"], _number(given.get("weight", 1), "training_files.weight", 1e-3, 1e3)


def _ids(given: Any) -> list[str]:
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise Refusal(422, "validation_files holds the ids of uploaded files.", "validation_files")
    return list(dict.fromkeys(given))


def _suffix(given: Any) -> str:
    if given == "":
        return ""
    if not isinstance(given, str) or not SUFFIX.fullmatch(given):
        raise Refusal(
            422,
            f"The suffix is {str(given)[:60]!r}; it must be at most 40 letters, digits, dots, dashes and underscores.",
            "suffix",
        )
    return given


def _wandb(given: Any) -> dict[str, Any]:
    """Where the figures shall go. Its key is read by nobody: it would have to be kept until the job starts."""
    known = {"type", "project", "api_key", "name", "run_name"}
    if not isinstance(given, dict) or given.get("type") != "wandb" or given.keys() - known:
        raise Refusal(422, 'The only integration is {"type": "wandb", "project": "..."}.', "integrations")
    if not isinstance(given.get("project"), str) or not given["project"]:
        raise Refusal(422, "The integration names no project.", "integrations.project")
    shown = {name: given.get(name) for name in ("project", "name", "run_name")}
    return {"type": "wandb", **shown, "url": None}


def _object(given: dict[str, Any], name: str) -> dict[str, Any]:
    found = given.get(name, {})
    if not isinstance(found, dict):
        raise Refusal(422, f"{name} must be an object.", name)
    return found


def _list(given: dict[str, Any], name: str) -> list[Any]:
    found = given.get(name, [])
    if not isinstance(found, list):
        raise Refusal(422, f"{name} must be a list.", name)
    return found


def _truth(given: Any, name: str) -> bool:
    if not isinstance(given, bool):
        raise Refusal(422, f"{name} is {given!r}; it must be true or false.", name)
    return given


def _number(given: Any, name: str, least: float, most: float) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise Refusal(422, f"{name} is {str(given)[:60]!r}; it must be a number.", name)
    if not least <= given <= most:
        raise Refusal(422, f"{name} is {given:g}; it must be from {least:g} to {most:g}.", name)
    return float(given)

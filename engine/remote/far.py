"""Far: an engine elsewhere that trains, asked over Mistral's fine-tuning API.

An Atelier engine on another machine and Mistral's cloud speak the same; the first takes an object `atelier` with the
settings that Mistral's API lacks, and tells its own events. What is sent leaves this machine: who calls says so first.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.problems import Problem
from engine.serving.asking import calls
from engine.serving.asking.calls import Endpoint, Refused
from engine.training.settings import CPT, GRPO, PREFERENCES, SFT, TrainSpec

ATELIER, MISTRAL = "atelier", "mistral"
KINDS = {
    ATELIER: "An Atelier engine on another machine (`atelier engine`).",
    MISTRAL: "Mistral's cloud, for accounts that still have its fine-tuning API.",
}
GIVEN = ("base", "train", "validation", "trackers")  # travel as the model's name and as files, or are its own affair
# what Mistral's API has names for, and ours for the same
HYPERPARAMETERS = {
    "training_steps": "steps",
    "epochs": "epochs",
    "learning_rate": "learning_rate",
    "weight_decay": "weight_decay",
    "warmup_fraction": "warmup",
    "seq_len": "max_tokens",
}
PAIR = ("messages", "tools", "rejected", "good")
# what of a row a method learns from; the rest (ids, tags, groups) is nobody else's business
SENT = {
    SFT: ("messages", "tools"),
    GRPO: ("messages", "tools", "expected"),
    CPT: ("text",),
    **dict.fromkeys(PREFERENCES, PAIR),
}
RETIRED = "Mistral has retired its fine-tuning API: it takes no new jobs."
INSTEAD = "Train on this machine, or on an engine of your own: choose it where the run is launched."


def pack(rows: Path, method: str, to: Path) -> None:
    """Write to a file what of the rows is sent for a method."""
    with rows.open("rb") as source, to.open("w", encoding="utf-8") as packed:
        for line in source:
            row = json.loads(line)
            packed.write(json.dumps({key: row[key] for key in SENT[method] if key in row}, ensure_ascii=False) + "\n")


def upload(engine: Endpoint, path: Path) -> str:
    """Send a file of rows; its id there."""
    with path.open("rb") as file:
        answer = _asked(engine, "POST", "files", form={"purpose": "fine-tune"}, file=(path.name, file))
    return str(answer["id"])


def forget(engine: Endpoint, file: str) -> None:
    """Delete an uploaded file there."""
    _asked(engine, "DELETE", f"files/{file}")


def order(spec: TrainSpec, kind: str, suffix: str, train: str, validation: str) -> dict[str, Any]:
    """The body that asks for a run. `train` and `validation` are ids of files there; Problem when it cannot say it."""
    values = {key: value for key, value in asdict(spec).items() if key not in GIVEN}
    if kind == MISTRAL and spec.method != SFT:
        raise Problem(f"Mistral's cloud does not train by {spec.method}.", do="Use sft there, or another engine.")
    if spec.trackers:
        raise Problem(
            f"Figures of a run elsewhere cannot be sent on to {spec.trackers}.",
            do="Leave trackers out: the run's page shows the same figures.",
        )
    told = {theirs: values.pop(ours) for theirs, ours in HYPERPARAMETERS.items()}
    # steps take the place of epochs; both at once contradict each other
    told.pop("epochs" if told["training_steps"] else "training_steps")
    body: dict[str, Any] = {
        "model": spec.base,
        "training_files": [{"file_id": train, "weight": 1}],
        "validation_files": [validation] if validation else [],
        "hyperparameters": told,
        "suffix": suffix,
        "auto_start": True,
    }
    return body | ({"atelier": values} if kind == ATELIER else {})


def create(engine: Endpoint, body: Mapping[str, Any]) -> str:
    """Start a run; its id there. Problem with what to do where the API is retired or the account has none."""
    return str(_asked(engine, "POST", "fine_tuning/jobs", dict(body), once=True)["id"])


def job(engine: Endpoint, id: str) -> dict[str, Any]:
    """The run as the API tells it: status, events, checkpoints, fine_tuned_model."""
    return _asked(engine, "GET", f"fine_tuning/jobs/{id}")


def events(engine: Endpoint, id: str, offset: int) -> tuple[list[dict[str, Any]], int]:
    """What an Atelier engine's job has told from byte `offset` on, and the offset to go on from."""
    answer = _asked(engine, "GET", f"atelier/jobs/{id}/events?offset={offset}")
    return list(answer["data"]), int(answer["offset"])


def cancel(engine: Endpoint, id: str) -> None:
    _asked(engine, "POST", f"fine_tuning/jobs/{id}/cancel")


def pause(engine: Endpoint, id: str) -> None:
    """Have an Atelier engine save where the run is and let others go first."""
    _asked(engine, "POST", f"atelier/jobs/{id}/pause")


def resume(engine: Endpoint, id: str) -> None:
    """Have an Atelier engine go on with a run that was paused, cancelled or failed."""
    _asked(engine, "POST", f"atelier/jobs/{id}/resume", once=True)


def _asked(
    engine: Endpoint, method: str, path: str, body: Any = None, form: Any = None, file: Any = None, once: bool = False
) -> dict[str, Any]:
    try:
        response = calls.send(engine, method, path, body, form=form, file=file, once=once)
    except Refused as refused:
        if refused.status == 410 or (refused.status == 422 and engine.host.endswith("mistral.ai")):
            raise Problem(RETIRED, f"It answered {refused.status}: {refused.why}", INSTEAD) from refused
        raise
    try:
        return dict(response.json())
    except (json.JSONDecodeError, TypeError, ValueError) as error:
        raise calls.strange(engine, response.text) from error

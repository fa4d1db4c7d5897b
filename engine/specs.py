"""Specs: the settings of a job as a frozen dataclass, saved beside its result as `spec.json`.

Read strictly: an unknown or missing key is a Problem, so that a typing error never trains a model.
Help texts live in the field's metadata; forms, the command line and documents all read them there.
"""

import json
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from engine.problems import Problem

FILE = "spec.json"
T = TypeVar("T")


def setting(default: Any, help: str) -> Any:
    """A dataclass field with its help text."""
    return field(default=default, metadata={"help": help})


def write(folder: Path, spec: Any) -> None:
    (folder / FILE).write_text(json.dumps(asdict(spec), indent=2, ensure_ascii=False))


def read(folder: Path, kind: type[T]) -> T:
    return parse(json.loads((folder / FILE).read_text()), kind)


def parse(values: dict[str, Any], kind: type[T]) -> T:
    """`values` as a spec of `kind`. Problem when a key is unknown or missing."""
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(values.keys() - known.keys()):
        raise Problem(
            f"{kind.__name__} has no setting called {', '.join(unknown)}.", do=f"It knows {', '.join(sorted(known))}."
        )
    needed = {name for name, f in known.items() if f.default is MISSING and f.default_factory is MISSING}
    if missing := sorted(needed - values.keys()):
        raise Problem(f"{kind.__name__} lacks {', '.join(missing)}.")
    return kind(**values)


def defaults(kind: type) -> dict[str, Any]:
    """The settings that have a default, by name."""
    return {f.name: f.default for f in fields(kind) if f.default is not MISSING}


@dataclass(frozen=True)
class TrainSpec:
    """One fine-tuning run. Paths are absolute; the job reads nothing else."""

    base: str = field(metadata={"help": "Folder (or hub id) of the base model."})
    train: str = field(metadata={"help": "JSONL of conversations to learn from."})
    validation: str = setting("", "JSONL of conversations to watch while learning; empty for none.")
    method: str = setting("lora", "How it learns: lora.")
    rank: int = setting(16, "Size of the adapter. Higher learns more and needs more memory.")
    alpha: int = setting(32, "Strength of the adapter, usually twice its rank.")
    dropout: float = setting(0.0, "Share of the adapter switched off at random while learning.")
    learning_rate: float = setting(3e-3, "Size of a learning step. Too high forgets, too low learns nothing.")
    epochs: float = setting(3.0, "How often each example is seen.")
    batch_size: int = setting(16, "Examples learned from at once.")
    accumulation: int = setting(1, "Batches added up before a step; saves memory, costs time.")
    max_tokens: int = setting(512, "Longest example in tokens; longer ones are refused by line.")
    warmup: float = setting(0.05, "Share of the steps in which the learning rate rises.")
    weight_decay: float = setting(0.0, "Pull of the weights towards zero.")
    clip: float = setting(1.0, "Longest gradient allowed.")
    evaluate_every: int = setting(20, "Steps between two looks at the validation loss.")
    checkpoint_every: int = setting(20, "Steps between two checkpoints; a crash loses at most these.")
    seed: int = setting(0, "Same seed, same data order, same result.")

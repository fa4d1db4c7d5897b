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
KINDS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def setting(default: Any, help: str, least: float | None = None, most: float | None = None) -> Any:
    """A dataclass field with its help text and, for numbers, its range."""
    return field(default=default, metadata={"help": help, "least": least, "most": most})


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


def check(spec: Any) -> None:
    """Problem when a setting is of another kind than its default, or out of its range."""
    for f in fields(spec):
        value, wanted = getattr(spec, f.name), str if f.default is MISSING else type(f.default)
        # a whole number will do for a share, but True is no number
        if type(value) is not wanted and not (wanted is float and type(value) is int):
            raise Problem(f"The setting {f.name} is {value!r}.", f"It must be {KINDS[wanted]}.")
        least, most = f.metadata.get("least"), f.metadata.get("most")
        if least is not None and not value >= least:
            raise Problem(f"The setting {f.name} is {value:g}.", f"It must be at least {least:g}.")
        if most is not None and not value <= most:
            raise Problem(f"The setting {f.name} is {value:g}.", f"It must be at most {most:g}.")


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
    rank: int = setting(16, "Size of the adapter. Higher learns more and needs more memory.", least=1)
    alpha: int = setting(32, "Strength of the adapter, usually twice its rank.", least=1)
    dropout: float = setting(0.0, "Share of the adapter switched off at random while learning.", least=0, most=0.95)
    learning_rate: float = setting(
        3e-3, "Size of a learning step. Too high forgets, too low learns nothing.", least=1e-9
    )
    epochs: float = setting(3.0, "How often each example is seen.", least=0.001, most=1000)
    batch_size: int = setting(16, "Examples learned from at once.", least=1)
    accumulation: int = setting(1, "Batches added up before a step; saves memory, costs time.", least=1)
    max_tokens: int = setting(512, "Longest example in tokens; longer ones are refused by line.", least=2)
    warmup: float = setting(0.05, "Share of the steps in which the learning rate rises.", least=0, most=1)
    weight_decay: float = setting(0.0, "Pull of the weights towards zero.", least=0)
    clip: float = setting(1.0, "Longest gradient allowed.", least=1e-6)
    evaluate_every: int = setting(20, "Steps between two looks at the validation loss.", least=1)
    checkpoint_every: int = setting(20, "Steps between two checkpoints; a crash loses at most these.", least=1)
    seed: int = setting(0, "Same seed, same data order, same result.", least=0)

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class PretrainSpec:
    """The starter's pretraining, from nothing. The defaults are the recipe of the weights that are shipped."""

    vocabulary: int = setting(2048, "Tokens that the tokenizer learns.")
    tokenizer_texts: int = setting(12_000, "Conversations that the tokenizer learns from.")
    hidden: int = setting(256, "Width of the model, in dimensions.")
    feed_forward: int = setting(704, "Width of its feed-forward layers.")
    layers: int = setting(5, "Layers.")
    heads: int = setting(4, "Attention heads of 64 dimensions each.")
    context: int = setting(1024, "Longest text that the model says it can read, in tokens.")
    row: int = setting(256, "Tokens of a row into which whole conversations are packed.")
    batch_size: int = setting(8, "Rows of a step.")
    copy_steps: int = setting(120, "First steps, spent on copying segments of random tokens.")
    steps: int = setting(9000, "All steps.")
    copy_share: float = setting(0.04, "Share of the later rows that are still random segments to copy.")
    prompt_weight: float = setting(0.12, "Weight in the loss of a token that is only read; an answer's token weighs 1.")
    learning_rate: float = setting(1.2e-3, "Size of a learning step while it is steady.")
    warmup: int = setting(100, "Steps in which the learning rate rises.")
    decay_from: float = setting(0.55, "Share of the steps after which the learning rate falls.")
    weight_decay: float = setting(0.1, "Pull of the weights towards zero.")
    clip: float = setting(1.0, "Longest gradient allowed.")
    compile: bool = setting(True, "Compile the model first: a minute once, then twice as fast. Needs a C++ compiler.")
    report_every: int = setting(25, "Steps between two events.")
    checkpoint_every: int = setting(250, "Steps between two checkpoints; a crash loses at most these.")
    seed: int = setting(0, "Same seed, same corpus and first weights.")

"""Plan: what a training run would do, before anything starts. Counts exactly; loads no model.

plan(spec).steps  # engine.training.train then does exactly so many
"""

from dataclasses import dataclass
from pathlib import Path

from engine.training import batches, template
from engine.training.batches import Data, Refused
from engine.training.settings import TrainSpec


@dataclass(frozen=True)
class Plan:
    """Counts of one pass over the training file; `steps` are of the whole run. Lines in `refused` prevent a start."""

    examples: int
    tokens: int
    trained_tokens: int
    longest: int
    steps: int
    epochs: float
    validation_examples: int
    validation_tokens: int
    refused: list[Refused]
    validation_refused: list[Refused]

    @property
    def ready(self) -> bool:
        return self.examples > 0 and not self.refused and not self.validation_refused


def plan(spec: TrainSpec) -> Plan:
    """What `spec` would do. Problem when a file or the base is missing."""
    train, validation = read(spec)
    return Plan(
        examples=len(train.rows),
        tokens=train.n_tokens,
        trained_tokens=train.n_trained,
        longest=max((len(row.tokens) for row in train.rows), default=0),
        steps=len(batches.steps(train.rows, spec)),
        epochs=spec.epochs,
        validation_examples=len(validation.rows) if validation else 0,
        validation_tokens=validation.n_tokens if validation else 0,
        refused=train.refused,
        validation_refused=validation.refused if validation else [],
    )


def read(spec: TrainSpec) -> tuple[Data, Data | None]:
    """The training file and, if one is named, the validation file."""
    words = template.load(spec.base)
    train = batches.read(Path(spec.train), words, spec.max_tokens)
    return train, batches.read(Path(spec.validation), words, spec.max_tokens) if spec.validation else None

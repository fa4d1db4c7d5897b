"""Plan: what a training run would do, before anything starts. Counts exactly; loads no model.

plan(spec).steps  # engine.training.train then does exactly so many
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.training import batches, documents, template
from engine.training.batches import Data, Refused, Row, Step
from engine.training.memory import Load
from engine.training.settings import CPT, TrainSpec


@dataclass(frozen=True)
class Plan:
    """Counts of one pass over the training file; `steps` are of the whole run. Lines in `refused` prevent a start."""

    examples: int
    tokens: int
    trained_tokens: int
    longest: int
    steps: int
    read_tokens: int  # in all steps
    largest: Load  # the batch that needs most memory
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
    course = batches.steps(train.rows, spec)
    return Plan(
        examples=len(train.rows),
        tokens=train.n_tokens,
        trained_tokens=train.n_trained,
        longest=max((len(row.tokens) for row in train.rows), default=0),
        steps=len(course),
        read_tokens=sum(len(train.rows[n].tokens) for step in course for batch in step for n in batch),
        largest=_largest(train.rows, course),
        epochs=round(len(course) / max(1, batches.per_epoch(train.rows, spec)), 3) if spec.steps else spec.epochs,
        validation_examples=len(validation.rows) if validation else 0,
        validation_tokens=validation.n_tokens if validation else 0,
        refused=train.refused,
        validation_refused=validation.refused if validation else [],
    )


def _largest(rows: Sequence[Row], course: list[Step]) -> Load:
    """The batch of most places, padding included; of the others the most learned tokens, as both decide together."""
    batches = [[rows[n] for n in batch] for step in course for batch in step]
    loads = [Load(len(b), max(len(row.tokens) for row in b), sum(row.n_trained for row in b)) for b in batches]
    widest = max(loads, key=lambda load: load.rows * load.longest, default=Load(0, 0, 0))
    return replace(widest, trained=max((load.trained for load in loads), default=0))


def read(spec: TrainSpec) -> tuple[Data, Data | None]:
    """The training file and, if one is named, the validation file."""
    rows_of = documents.read if spec.method == CPT else batches.read
    words = template.load(spec.base, chat=spec.method != CPT)
    train = rows_of(Path(spec.train), words, spec.max_tokens)
    return train, rows_of(Path(spec.validation), words, spec.max_tokens) if spec.validation else None

"""Plan: what a training run would do, before anything starts. Counts exactly; loads no model.

plan(spec).steps  # engine.training.train then does exactly so many
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.training.bases import template
from engine.training.bases.template import Template
from engine.training.forecast.memory import Load
from engine.training.material import batches, course, documents, pairs, rewards
from engine.training.material.batches import Data, Refused, Row
from engine.training.material.pairs import Pairs
from engine.training.settings import CPT, GRPO, KTO, PREFERENCES, SFT, TrainSpec

OURS = (SFT, CPT)  # methods whose loop is ours; the others are TRL's


@dataclass(frozen=True)
class Course:
    """How learning goes: `read_tokens` pass through in all steps; `largest` is the batch that needs most memory."""

    steps: int
    epochs: float
    read_tokens: int
    largest: Load


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
    taken = _ours(train.rows, spec) if spec.method in OURS else _theirs(train, spec)
    return Plan(
        examples=len(train.rows),
        tokens=train.n_tokens,
        trained_tokens=train.n_trained,
        longest=max((len(row.tokens) for row in _answers(train)), default=0),
        steps=taken.steps,
        read_tokens=taken.read_tokens,
        largest=taken.largest,
        epochs=taken.epochs if spec.steps else spec.epochs,
        validation_examples=len(validation.rows) if validation else 0,
        validation_tokens=validation.n_tokens if validation else 0,
        refused=train.refused,
        validation_refused=validation.refused if validation else [],
    )


def read(spec: TrainSpec) -> tuple[Data, Data | None]:
    """The training file and, if one is named, the validation file, as the method reads them."""
    words = template.load(spec.base, chat=spec.method != CPT)
    read_file = _reader(spec)
    train = read_file(Path(spec.train), words)
    return train, read_file(Path(spec.validation), words) if spec.validation else None


def _reader(spec: TrainSpec) -> Callable[[Path, Template], Data]:
    if spec.method == GRPO:
        paid = rewards.read(spec.rewards) if spec.rewards else []
        return lambda path, words: pairs.read_tasks(path, words, pairs.room(spec, words), paid)
    readers: dict[str, Callable[[Path, Template, int], Data]] = {CPT: documents.read, KTO: pairs.read_marked}
    read_file = readers.get(spec.method, pairs.read_pairs if spec.method in PREFERENCES else batches.read)
    return lambda path, words: read_file(path, words, spec.max_tokens)


def _ours(rows: Sequence[Row], spec: TrainSpec) -> Course:
    """The course of our own loop, step by step as it will be."""
    steps = course.steps(rows, spec)
    found = [[rows[n] for n in batch] for step in steps for batch in step]
    loads = [Load(len(b), max(len(row.tokens) for row in b), sum(row.n_trained for row in b)) for b in found]
    widest = max(loads, key=lambda load: load.rows * load.longest, default=Load(0, 0, 0))
    # the widest batch and the one with most learned tokens are seldom the same; both decide together
    largest = replace(widest, trained=max((load.trained for load in loads), default=0))
    epochs = round(len(steps) / max(1, course.per_epoch(rows, spec)), 3)
    return Course(len(steps), epochs, sum(len(row.tokens) for batch in found for row in batch), largest)


def _theirs(data: Data, spec: TrainSpec) -> Course:
    """The course of TRL's loops, which fill up the last batch; of a group, each answer is a row."""
    n, size = len(data.rows), spec.batch_size * spec.accumulation
    if not n:
        return Course(0, 0.0, 0, Load(0, 0, 0))
    steps = course.full_steps(n, spec)
    tries = spec.group if spec.method == GRPO else 1
    tokens = tries * (data.n_tokens + (n * spec.answer_tokens if spec.method == GRPO else 0))
    longest = max(len(row.tokens) for row in _answers(data))
    rows = min(spec.batch_size, n) * tries
    return Course(steps, round(steps * size / n, 3), round(tokens * steps * size / n), Load(rows, longest, 0))


def _answers(data: Data) -> list[Row]:
    """All rows that pass through, the worse answers too."""
    return [*data.rows, *(data.worse if isinstance(data, Pairs) else [])]

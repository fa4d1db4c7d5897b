"""Course: which rows a run reads at each step. The same for the same seed, whoever trains.

Each epoch sees each row once, in a new order. Rows of similar length meet in a batch, since padding is wasted work.
"""

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import asdict

from engine.hashes import content
from engine.training.material.batches import Row
from engine.training.settings import TrainSpec

Batch = list[int]  # positions of its rows
Step = list[Batch]  # the batches added up before the weights move
POOL = 32  # groups whose rows are sorted together: sorting within pools keeps groups different from epoch to epoch


def steps(rows: Sequence[Row], spec: TrainSpec) -> list[Step]:
    """The batches of each step.

    A step's rows depend on batch_size x accumulation only, so 1 x 8 learns what 8 x 1 learns. With `spec.steps` it
    takes as many epochs as these need, the last one in part.
    """
    size, lengths = _size(spec), [len(row.tokens) for row in rows]
    found: list[Step] = []
    wanted = n_steps(len(rows), spec)
    for epoch in itertools.count() if rows else ():
        if len(found) >= wanted:
            break
        groups = _groups(lengths, size, _chance(spec, epoch))[: wanted - len(found)]
        found += [[group[n : n + spec.batch_size] for n in range(0, len(group), spec.batch_size)] for group in groups]
    return found


def per_epoch(rows: Sequence[Row], spec: TrainSpec) -> int:
    """Steps in which each row is seen once."""
    return math.ceil(len(rows) / _size(spec))


def n_steps(n: int, spec: TrainSpec) -> int:
    """How many `steps` a whole run over `n` rows has."""
    return spec.steps or math.ceil(round(spec.epochs * math.ceil(n / _size(spec)), 6))


def full_steps(n: int, spec: TrainSpec) -> int:
    """Steps of a whole run over `n` rows in which the last step of an epoch is filled up with rows of the next one."""
    return spec.steps or max(1, math.ceil(round(spec.epochs * n / _size(spec), 6)))


def order(rows: Sequence[Row], spec: TrainSpec, alike: bool = True) -> list[int]:
    """The positions of the rows of a whole run one after the other, `full_steps` of them, for trainers that read a
    list.

    `alike` False mixes lengths: where all short answers may be good ones, batches of one length hold nothing to
    compare.
    """
    size, lengths = _size(spec), [len(row.tokens) for row in rows]
    wanted = size * full_steps(len(rows), spec)
    found: list[int] = []
    for epoch in range(math.ceil(wanted / len(rows))):
        chance = _chance(spec, epoch)
        if alike:
            found += itertools.chain.from_iterable(_groups(lengths, size, chance))
        else:
            found += _shuffled(len(rows), chance)
    return found[:wanted]


def mark(spec: TrainSpec, *hashes: str) -> str:
    """The same only if a run would take the same course: the same files, by their hashes, learned in the same way."""
    return content(asdict(spec), list(hashes))


def _groups(lengths: Sequence[int], size: int, chance: random.Random) -> list[Batch]:
    """All rows in groups of `size`, each of rows of similar length; one group may be smaller."""
    shuffled = _shuffled(len(lengths), chance)
    groups: list[Batch] = []
    for start in range(0, len(shuffled), size * POOL):
        near = sorted(shuffled[start : start + size * POOL], key=lambda position: lengths[position])
        groups += [near[n : n + size] for n in range(0, len(near), size)]
    chance.shuffle(groups)
    return groups


def _shuffled(n: int, chance: random.Random) -> list[int]:
    found = list(range(n))
    chance.shuffle(found)
    return found


def _chance(spec: TrainSpec, epoch: int) -> random.Random:
    return random.Random(f"{spec.seed} {epoch}")


def _size(spec: TrainSpec) -> int:
    """Rows of a step."""
    return spec.batch_size * spec.accumulation

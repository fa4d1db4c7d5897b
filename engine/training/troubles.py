"""Troubles: what ends a run before its time, said in the same words whatever its method."""

import math

from engine.problems import Problem
from engine.training.settings import TrainSpec


def finite(value: float, name: str, step: int, spec: TrainSpec) -> float:
    """The value itself. Problem when learning has come apart and it is a number no more."""
    if math.isfinite(value):
        return value
    raise Problem(
        f"Learning broke down at step {step}: the {name} is {value}.",
        f"The learning rate {spec.learning_rate:g} is most likely too high.",
        "Try a third of it.",
    )


def same_course(known: str, course: str) -> None:
    """Problem when a checkpoint is of another course than the run that would go on from it."""
    if known != course:
        raise Problem(
            "The checkpoint of this run was made with other examples or settings.",
            "Its files have changed since it began.",
            "Start a new run.",
        )


def out_of_memory(spec: TrainSpec) -> Problem:
    """For a GPU that could not hold a batch."""
    return Problem(
        f"The memory of the GPU is too small for {spec.batch_size} examples at once.",
        do=f"Halve batch_size and double accumulation, now {spec.accumulation}: that learns the same.",
    )

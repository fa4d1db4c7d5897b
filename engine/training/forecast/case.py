"""Case: what is known of a run before it starts, of which everything that is said of it follows."""

from dataclasses import dataclass

from engine.training.bases.anatomy import Anatomy
from engine.training.bases.families import Family
from engine.training.forecast.machine import Machine
from engine.training.forecast.memory import Memory
from engine.training.forecast.plan import Plan
from engine.training.settings import TrainSpec


@dataclass(frozen=True)
class Disk:
    """Bytes that the run will write at its fullest, and those that are free where it writes."""

    needed: int
    free: int


@dataclass(frozen=True)
class Case:
    """What a run wants, does and needs, and where. `anatomy` and `memory` are None when the base is not known."""

    spec: TrainSpec
    plan: Plan
    machine: Machine
    family: Family | None
    anatomy: Anatomy | None
    memory: Memory | None
    disk: Disk

"""Pace: how long learning will take, from what earlier runs on this machine took, else from a labelled guess."""

from dataclasses import dataclass
from pathlib import Path
from statistics import median

from engine import events, jobs
from engine.problems import Problem
from engine.training.bases.anatomy import Anatomy
from engine.training.forecast.machine import Machine
from engine.training.forecast.memory import CHECKPOINTED
from engine.training.settings import FULL, GRPO, PREFERENCES, TrainSpec, of_job

# operations a second in bfloat16 as the makers print them (dense), by what a GPU's name contains
PEAKS = {
    "B200": 2250e12,
    "H200": 989e12,
    "H100": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
    "A10": 125e12,
    "RTX 4090": 165e12,
    "RTX 3090": 71e12,
}
USED = (0.15, 0.30, 0.50)  # share of the peak that training reaches: rarely less, mostly, rarely more
OF_CORE = (15e9, 60e9, 150e9)  # operations a second of a processor core while a small model learns
LIKE = ("base", "method", "tuning", "packing")  # settings that must be the same for a speed to be comparable


@dataclass(frozen=True)
class Pace:
    """Tokens a second, with the range it may lie in. `n` earlier runs it was measured on, 0 for a guess."""

    low: float
    likely: float
    high: float
    n: int
    source: str

    @property
    def measured(self) -> bool:
        return self.n > 0

    def seconds(self, tokens: float) -> tuple[float, float, float]:
        """Least, likely and most seconds for so many tokens."""
        return tokens / self.high, tokens / self.likely, tokens / self.low


def of(spec: TrainSpec, anatomy: Anatomy, machine: Machine, jobs_folder: Path | None = None) -> Pace:
    """Measured on earlier runs of the same base, method and tuning if there are any, else guessed."""
    found = speeds(jobs_folder, spec) if jobs_folder else []
    if not found:
        return guess(spec, anatomy, machine)
    spread = 1.0 + 0.5 / len(found)  # a single run says little of the next
    few = "an earlier run" if len(found) == 1 else f"{len(found)} earlier runs"
    source = f"measured on {few} of this base on this machine"
    return Pace(min(found) / spread, median(found), max(found) * spread, len(found), source)


def speeds(folder: Path, spec: TrainSpec) -> list[float]:
    """Tokens a second of the runs that ended well and are alike, looks and checkpoints included."""
    found = []
    for job in jobs.listed(folder):
        end = events.last(job.folder, "end") if job.kind == "train" else None
        if end and end.get("state") == jobs.DONE and end.get("seconds") and end.get("tokens") and _alike(job, spec):
            found.append(end["tokens"] / end["seconds"])
    return found


def guess(spec: TrainSpec, anatomy: Anatomy, machine: Machine) -> Pace:
    """Operations a token, over what such a machine does: two for each weight forward, two or four on the way back."""
    each = 2 * anatomy.active_parameters * _passes(spec, anatomy, machine)
    if machine.gpu:
        peak = next((peak for name, peak in PEAKS.items() if name in machine.gpu.name), 100e12)
        low, likely, high = (peak * share for share in USED)
    else:
        low, likely, high = (machine.cores * share for share in OF_CORE)
    source = f"a guess: nothing alike was trained here yet, and {machine} may do so much"
    return Pace(low / each, likely / each, high / each, 0, source)


def _passes(spec: TrainSpec, anatomy: Anatomy, machine: Machine) -> float:
    """How often a token's operations are those of one way forward."""
    again = bool(machine.gpu) and anatomy.parameters > CHECKPOINTED
    passes = (3.0 if spec.tuning == FULL else 2.0) + again
    if spec.method in PREFERENCES:
        passes = 2 * passes + 2  # two answers, and both once more by the base
    if spec.method == GRPO:
        passes += 4  # what is tried must be written first, token by token
    return passes


def _alike(job: jobs.Job, spec: TrainSpec) -> bool:
    try:
        other = of_job(job.folder)
    except (Problem, OSError, ValueError, TypeError):
        return False  # made by an older version, or half gone
    return all(getattr(other, name) == getattr(spec, name) for name in LIKE)

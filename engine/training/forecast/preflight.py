"""Preflight: what a run will take and whether it can work, said before it starts. Counts and reckons; loads no model.

    found = preflight.of(spec, jobs=home.jobs, rate=Rate(per_hour=0.02))
    found.ready, found.stops, found.warnings    # may it start; what prevents it; what to think about
    found.plan, found.memory, found.seconds, found.price, found.disk

The launch page, `atelier train --dry-run` and the API's `dry_run` all show this one object (`as_dict` for JSON).
It stops only what cannot work, and says what would; everything else is a warning.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.checking.cost import Rate
from engine.problems import Problem
from engine.training.bases import families
from engine.training.bases.anatomy import Anatomy
from engine.training.forecast import machine, memory, pace, plan, remarks
from engine.training.forecast.case import Case, Disk
from engine.training.forecast.machine import Machine
from engine.training.forecast.pace import Pace
from engine.training.forecast.plan import Plan
from engine.training.forecast.remarks import Remark
from engine.training.settings import TrainSpec

SMALL = 20_000_000  # bytes of tokenizer, events and log


@dataclass(frozen=True)
class Span:
    """A figure that is not known exactly: the least it may be, the likely one, and the most."""

    low: float
    likely: float
    high: float


@dataclass(frozen=True)
class Preflight(Case):
    """A case and what follows from it. `pace`, `seconds` and `price` are None when the base is not known."""

    pace: Pace | None
    seconds: Span | None
    price: Span | None  # None also where no hour of this machine has a price
    currency: str
    stops: tuple[Remark, ...]
    warnings: tuple[Remark, ...]
    notes: tuple[Remark, ...]  # good to know: the licence, where a figure comes from

    @property
    def ready(self) -> bool:
        """Whether the run may start."""
        return not self.stops

    @property
    def trained_parameters(self) -> int | None:
        return memory.trained_parameters(self.anatomy, self.spec) if self.anatomy else None

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        sums = {"total": self.memory.total, "low": self.memory.low, "high": self.memory.high} if self.memory else {}
        found = asdict(self)
        found["memory"] = {**found["memory"], **sums} if self.memory else None
        return {**found, "ready": self.ready, "trained_parameters": self.trained_parameters}


def of(
    spec: TrainSpec,
    *,
    jobs: Path | None = None,
    rate: Rate | None = None,
    here: Machine | None = None,
    planned: Plan | None = None,
) -> Preflight:
    """What `spec` would take on this machine. Problem only when a file or the base is missing.

    `jobs` is the folder of earlier jobs, whose speed foretells this one's and whose disk it will write to; `rate` says
    what an hour costs; `planned` spares the counting where that was done already.
    """
    here = here or machine.here()
    counted = planned or plan.plan(spec)
    known, why = _anatomy(spec.base)
    needs = memory.estimate(known, spec, counted.largest, here.device, here.bf16) if known else None
    speed = pace.of(spec, known, here, jobs) if known else None
    seconds = Span(*speed.seconds(counted.read_tokens)) if speed else None
    hourly = (rate or Rate()).per_hour
    price = Span(*(part / 3600 * hourly for part in asdict(seconds).values())) if seconds and hourly else None
    disk = Disk(_written(spec, known), machine.free_disk(jobs or Path(spec.train).parent))
    case = Case(spec, counted, here, families.of_base(spec.base), known, needs, disk)
    return Preflight(
        **vars(case),
        pace=speed,
        seconds=seconds,
        price=price,
        currency=(rate or Rate()).currency,
        stops=tuple([*why, *remarks.stops(case)]),
        warnings=tuple(remarks.warnings(case)),
        notes=tuple(remarks.notes(case)),
    )


def _anatomy(base: str) -> tuple[Anatomy | None, list[Remark]]:
    """What the base is made of; None, and why it cannot learn here, for one that cannot or must not."""
    try:
        return families.examine(base), []
    except Problem as problem:
        return None, [Remark("base", f"{problem.what} {problem.why}".strip(), problem.do)]


def _written(spec: TrainSpec, known: Anatomy | None) -> int:
    """Bytes on disk at the fullest: two checkpoints while one takes the other's place, the best weights and the next,
    and what is left at the end. A checkpoint is the weights and two averages of each."""
    if known is None:
        return 0
    moving = memory.trained_parameters(known, spec) * memory.FLOAT
    kept = 2 if spec.validation else 0
    return moving * (2 * 3 + kept + 1) + SMALL

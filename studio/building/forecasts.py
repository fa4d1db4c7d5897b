"""Forecasts: what launching would take, for one run or several, and whether it can work. The page and the command
line show the same."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import hashes
from engine.checking.cost import Rate
from engine.training.forecast import plan, preflight
from engine.training.forecast.plan import Plan
from engine.training.forecast.preflight import Preflight
from engine.training.settings import TrainSpec
from studio import prices
from studio.building import engines, material, runs
from studio.building.engines import Engine
from studio.building.material import Material
from studio.building.orders import Order
from studio.building.sweeps import SEED
from studio.freezing.contents import Contents
from studio.quality import privacy
from studio.quality.privacy import Content, Verdict
from studio.store import Store

READ = ("train", "validation")  # the sides of a snapshot that a run reads
Planner = Callable[[TrainSpec], Plan]  # counts what a run reads; a page remembers what was counted before


@dataclass(frozen=True)
class Forecast:
    """One preflight for each combination of settings; each of them is run with so many `seeds`."""

    looks: list[Preflight]
    seeds: int

    @property
    def n(self) -> int:
        return len(self.looks) * self.seeds

    @property
    def ready(self) -> bool:
        return all(look.ready for look in self.looks)

    @property
    def seconds(self) -> float | None:
        """The likely time of all runs, one after the other; None when one of them is not known."""
        return self._sum([look.seconds.likely if look.seconds else None for look in self.looks])

    @property
    def price(self) -> float | None:
        return self._sum([look.price.likely if look.price else None for look in self.looks])

    def _sum(self, parts: Sequence[float | None]) -> float | None:
        return None if None in parts else self.seeds * sum(part for part in parts if part is not None)

    def as_dict(self) -> dict[str, Any]:
        total = {"runs": self.n, "ready": self.ready, "seconds": self.seconds, "price": self.price}
        return {**total, "preflights": [look.as_dict() for look in self.looks]}


def of(store: Store, order: Order, planner: Planner = plan.plan) -> Forecast:
    """What an order would take. Problem when a file or the base is missing."""
    planned = order.planned
    first = planned[0].get(SEED)
    combinations = [settings for settings in planned if settings.get(SEED) == first]
    price = prices.assume(store)
    rate = Rate(per_hour=price.amount)
    looks = []
    for settings in combinations:
        spec = runs.spec_for(store, order.base, order.learned, settings)
        looks.append(preflight.of(spec, jobs=store.home.jobs, rate=rate, planned=planner(spec)))
    return Forecast(looks, len(planned) // len(combinations))


@dataclass(frozen=True)
class Parcel:
    """What is sent to an engine elsewhere; that engine counts and checks it, as the base stands there."""

    engine: Engine
    rows: dict[str, int]  # of each file
    size: int  # bytes of all of them
    runs: int

    def as_dict(self) -> dict[str, Any]:
        told = {"engine": self.engine.name, "rows": self.rows, "bytes": self.size, "address": str(self.engine.endpoint)}
        return {**told, "runs": self.runs, "ready": True, "seconds": None, "price": None, "preflights": []}


def parcel(store: Store, order: Order) -> Parcel:
    """What an order would send. Problem when its method cannot use what there is to learn from."""
    planned = order.planned
    specs = [runs.spec_for(store, order.base, order.learned, settings, order.engine) for settings in planned]
    paths = [Path(path) for path in (specs[0].train, specs[0].validation) if path]
    rows = {path.stem: sum(1 for _ in path.open("rb")) for path in paths}
    return Parcel(engines.get(store, order.engine), rows, sum(path.stat().st_size for path in paths), len(planned))


def read_by(store: Store, learned: Material) -> Iterable[Content]:
    """All texts that a run reads, as `privacy.check` takes them: of a snapshot, or the documents of a corpus."""
    if learned.kind == material.SNAPSHOT:
        return Contents(store, learned.id, READ)
    texts = [json.loads(line)["text"] for path in (learned.train, learned.validation) if path for line in path.open()]
    return [Content(hashes.content(text), [{"role": "user", "content": text}]) for text in texts]


def personal(store: Store, learned: Material) -> Verdict:
    """What personal data and secrets are in what a run reads."""
    return privacy.check(store, read_by(store, learned))

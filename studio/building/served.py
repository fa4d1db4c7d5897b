"""Served: the models of the studio, for whoever asks the engine's API in the same process."""

from dataclasses import dataclass
from pathlib import Path

from engine.api.catalogue import Known
from studio.building import models
from studio.building.models import Model
from studio.store import Store


@dataclass(frozen=True)
class Served:
    """Bases and adapters under their names here. An endpoint elsewhere is asked there, with its own key."""

    store: Store

    def models(self) -> list[Known]:
        there = {model.name: model for model in models.listed(self.store)}
        return [_known(model, there) for model in there.values() if model.kind in (models.BASE, models.ADAPTER)]


def _known(model: Model, there: dict[str, Model]) -> Known:
    base = there.get(model.base)
    lost = model.kind == models.ADAPTER and base is None
    return Known(
        id=model.name,
        base=base.path if model.kind == models.ADAPTER and base else model.path,
        adapter=Path(model.path) if model.kind == models.ADAPTER else None,
        root=model.base,
        job=model.run,
        created=int(model.made_at.timestamp()),
        archived=model.archived,
        closed=f"The base {model.base} of {model.name} is gone." if lost else "",
    )

"""Shelf: a base and its adapters, each of them merged when it is asked for and kept while there is room.

The least recently used one makes room; its name goes on meaning it, and its next question merges it again.
"""

from collections.abc import Collection
from pathlib import Path

from transformers import PreTrainedModel

from engine.problems import Problem
from engine.serving import adapters
from engine.training.after import merge


class Shelf:
    """`room` is how many adapters are kept merged, besides the base."""

    def __init__(self, base: PreTrainedModel, name: str, room: int) -> None:
        self.base, self.name, self.room = base, name, room
        self._known: dict[str, tuple[Path, str]] = {}  # folder, and the version of its weights
        self._merged: dict[str, PreTrainedModel] = {}  # the one that was used last stands last

    @property
    def merged(self) -> list[str]:
        """The adapters that are in memory now."""
        return list(self._merged)

    def put(self, name: str, folder: Path, busy: Collection[str] = ()) -> None:
        """Let a name mean an adapter. Problem when it does not fit the base."""
        version = adapters.version(folder)
        self._keep(name, merge.with_adapter(self.base, folder), busy)
        self._known[name] = (folder, version)

    def take(self, name: str) -> None:
        del self._known[name]
        self._merged.pop(name, None)

    def get(self, name: str, busy: Collection[str] = ()) -> PreTrainedModel:
        """The model that a name means; `busy` are those that must not make room. Problem when it means none."""
        if name == self.name:
            return self.base
        if name not in self._known:
            raise Problem(f"The model {name} was unloaded before it could answer.")
        folder, version = self._known[name]
        model = self._merged.pop(name, None)
        if model is None:
            if adapters.version(folder) != version:
                raise Problem(f"The weights of {name} have changed since it was loaded.", do="Load it anew.")
            model = merge.with_adapter(self.base, folder)
        self._keep(name, model, busy)
        return model

    def means(self, name: str, model: PreTrainedModel) -> bool:
        return (self.base if name == self.name else self._merged.get(name)) is model

    def _keep(self, name: str, model: PreTrainedModel, busy: Collection[str]) -> None:
        self._merged[name] = model
        idle = [one for one in self._merged if one != name and one not in busy]
        for one in idle[: max(0, len(self._merged) - self.room)]:
            del self._merged[one]

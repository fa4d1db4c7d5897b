"""Checkpoint: where a run stood after a step, whole or not there at all; and the best weights so far.

A folder `checkpoint` with `weights.safetensors` and `state.pt`, replaced by renaming: killed at any moment, either the
old or the new one is found. The best weights lie beside it as `best-STEP.safetensors`, on disk rather than in memory.
No state of random numbers is kept: whatever is random in a step is drawn from the seed and the number of the step.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from engine import sizes
from engine.problems import Problem

Weights = dict[str, torch.Tensor]
NAME, DRAFT, OLD = "checkpoint", ".checkpoint.new", ".checkpoint.old"
BEST = "best-{}.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """`state` is of plain values and tensors only, so that reading it runs no code."""

    weights: Weights
    state: dict[str, Any]


def save(folder: Path, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint of a job's folder. Problem when it cannot be written; the old one is kept then."""
    draft, old, place = folder / DRAFT, folder / OLD, folder / NAME

    def write() -> None:
        draft.mkdir()
        save_file(checkpoint.weights, draft / "weights.safetensors")
        torch.save(checkpoint.state, draft / "state.pt")

    _written(draft, write)
    if place.exists():
        shutil.rmtree(old, ignore_errors=True)
        place.rename(old)
    draft.rename(place)
    shutil.rmtree(old, ignore_errors=True)


def find(folder: Path) -> Checkpoint | None:
    """The last whole checkpoint, or None."""
    # between the two renames of save() only the old one is in place
    place = next((path for path in (folder / NAME, folder / OLD) if path.exists()), None)
    if place is None:
        return None
    return Checkpoint(
        weights=load_file(place / "weights.safetensors"),
        state=torch.load(place / "state.pt", weights_only=True, map_location="cpu"),
    )


def keep_best(folder: Path, step: int, weights: Weights) -> None:
    """Keep the weights after a step, which were better than all before. Problem when they cannot be written."""
    draft = folder / f".{BEST.format(step)}"
    _written(draft, lambda: save_file(weights, draft))
    draft.rename(folder / BEST.format(step))


def best(folder: Path, step: int) -> Weights:
    """The weights that were kept after a step."""
    return load_file(folder / BEST.format(step))


def drop_best(folder: Path, but: set[int]) -> None:
    """Let go of all best weights but those of some steps."""
    kept = {BEST.format(step) for step in but}
    for path in folder.glob(BEST.format("*")):
        if path.name not in kept:
            path.unlink()


def clear(folder: Path) -> None:
    """Take away all that a run needed only to go on: it has ended."""
    for name in (NAME, DRAFT, OLD):
        shutil.rmtree(folder / name, ignore_errors=True)
    drop_best(folder, set())


def _written(draft: Path, write: Callable[[], None]) -> None:
    """Write something new; whatever of it is there when that fails is taken away again, so that its room is free."""
    _remove(draft)
    try:
        write()
    except (OSError, SafetensorError, RuntimeError) as error:
        _remove(draft)
        raise Problem(
            "The weights could not be saved, so learning ends here.",
            f"The system says: {str(error).splitlines()[0]}; {_free(draft.parent)} are free on its disk.",
            "Make room there and resume the run: it goes on from its last checkpoint.",
        ) from error


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _free(folder: Path) -> str:
    return sizes.in_words(shutil.disk_usage(folder).free)

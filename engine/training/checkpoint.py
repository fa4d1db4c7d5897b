"""Checkpoint: where a run stood after a step, whole or not there at all.

A folder `checkpoint` with `adapter.safetensors`, `best.safetensors` (once there was a validation) and `state.pt`.
It is replaced by renaming: killed at any moment, either the old or the new one is found.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

Weights = dict[str, torch.Tensor]
NAME, DRAFT, OLD = "checkpoint", ".checkpoint.new", ".checkpoint.old"


@dataclass(frozen=True)
class Checkpoint:
    """`state` is of plain values and tensors only, so that reading it runs no code."""

    adapter: Weights
    best: Weights | None
    state: dict[str, Any]


def save(folder: Path, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint of a job's folder."""
    draft, old, place = folder / DRAFT, folder / OLD, folder / NAME
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    save_file(checkpoint.adapter, draft / "adapter.safetensors")
    if checkpoint.best is not None:
        save_file(checkpoint.best, draft / "best.safetensors")
    torch.save(checkpoint.state, draft / "state.pt")
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
    best = place / "best.safetensors"
    return Checkpoint(
        adapter=load_file(place / "adapter.safetensors"),
        best=load_file(best) if best.exists() else None,
        state=torch.load(place / "state.pt", weights_only=True, map_location="cpu"),
    )

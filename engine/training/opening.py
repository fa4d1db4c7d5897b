"""Opening: what a run tells before its first step, whatever its method: what it is going to do, and what it reads."""

from collections.abc import Sequence
from pathlib import Path

import torch
from peft import PeftModel
from transformers import PreTrainedModel

from engine import events
from engine.training import objective
from engine.training.bases.template import Template
from engine.training.material import batches
from engine.training.material.batches import Data, Row

SHOWN = 4  # rows of the first batch to look at


def plan(
    folder: Path, data: Data, model: PreTrainedModel | PeftModel, device: torch.device, steps: int, epochs: float
) -> None:
    """The `plan` event."""
    weights = [(weight.numel(), weight.requires_grad) for weight in model.parameters()]
    events.append(
        folder,
        "plan",
        examples=len(data.rows),
        tokens=data.n_tokens,
        trained_tokens=data.n_trained,
        steps=steps,
        epochs=epochs,
        parameters=sum(n for n, _ in weights),
        trained_parameters=sum(n for n, moves in weights if moves),
        device=device.type,
        precision=str(objective.precise(device)).removeprefix("torch."),
    )


def first_batch(folder: Path, rows: Sequence[Row], words: Template) -> None:
    """What the model will read and learn of the first rows."""
    events.append(folder, "first_batch", rows=[batches.words(row, words) for row in rows[:SHOWN]])

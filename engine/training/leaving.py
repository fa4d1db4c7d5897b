"""Leaving: what a run leaves in its folder, an adapter or a whole model, and its last word."""

from pathlib import Path
from typing import Any, cast

import torch
from peft import PeftModel
from transformers import AutoConfig, PreTrainedModel, PreTrainedTokenizerBase

from engine.training.after import merge
from engine.training.progress import Progress
from engine.training.settings import TrainSpec

ADAPTER, MODEL = "adapter", "model"
RESULT = "result.json"  # its last word, so that one killed after it is not done again


def place(folder: Path, spec: TrainSpec) -> Path:
    """Where a run leaves what it made."""
    return folder / (MODEL if spec.whole else ADAPTER)


def result(folder: Path, spec: TrainSpec, done: Progress, watched: int, stopped_early: bool) -> dict[str, Any]:
    """The fields of a run's last word. Losses are in nats per trained token, or what the method makes smaller: `loss`
    is the mean of the last ten steps; `validation_loss` is the lowest over `watched` examples, that of `best_step`,
    whose weights are the ones that are kept, and None where there is no validation file. `path` is the folder of what
    was made, which is called `adapter` or `model`."""
    best, made = done.best, str(place(folder, spec))
    return {
        "steps": done.step,
        "loss": round(done.recent_loss, 5),
        "validation_loss": round(best.validation, 5) if best else None,
        "validation_examples": watched,
        "best_step": best.step if best else done.step,
        "tokens": done.tokens,
        "seconds": round(done.seconds, 1),
        "stopped_early": stopped_early,
        "path": made,
        MODEL if spec.whole else ADAPTER: made,
    }


def leave(folder: Path, spec: TrainSpec, model: PreTrainedModel | PeftModel, tokenizer: Any) -> None:
    """Leave what was learned as others load it, signed with the base that it belongs to."""
    if spec.whole:
        save_whole(place(folder, spec), spec, cast(PreTrainedModel, model), tokenizer)
    else:
        save(place(folder, spec), model, tokenizer)
        merge.sign(place(folder, spec), spec.base)


def save(adapter: Path, model: PreTrainedModel | PeftModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Leave the adapter so that `PeftModel.from_pretrained` and any server can load it."""
    model.save_pretrained(str(adapter), save_embedding_layers=False)  # untouched, and asking the hub takes a network
    tokenizer.save_pretrained(adapter)


def save_whole(folder: Path, spec: TrainSpec, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Leave a model as its base was: in the same precision, as safetensors, with tokenizer and chat template."""
    model.config.use_cache = True
    torch.nn.Module.to(model, AutoConfig.from_pretrained(spec.base).dtype or torch.float32)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)

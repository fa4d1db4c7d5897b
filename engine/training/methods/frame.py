"""Frame: what stands around the learning in a run of TRL's, as in a supervised one: what its trainer is set to, the
plan and the first batch that are told, the answers that are sampled, and what is left in the folder."""

import contextlib
import functools
import json
import shutil
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from datasets.utils.logging import disable_progress_bar as disable_progress_bars
from transformers.utils import logging

from engine.problems import Problem
from engine.training import card, leaving, objective, opening, sampling
from engine.training.after import probes
from engine.training.bases.template import Template
from engine.training.material import pairs
from engine.training.material.batches import Data, Row
from engine.training.methods import following
from engine.training.methods.following import Followed, Sampler
from engine.training.progress import rate
from engine.training.settings import TrainSpec
from engine.training.trackers import Mirror


@contextlib.contextmanager
def around(model: Any, mirror: Mirror) -> Iterator[None]:
    """What holds while a run learns: its trackers are open, and peft leaves the precision to autocast."""
    with contextlib.closing(mirror), objective.uncast(model, model.device):
        yield


def quiet(spec: TrainSpec) -> None:
    """Libraries keep to themselves; Problem where a run asks for more processes than these methods learn in."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    disable_progress_bars()
    warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*")  # peft asks by an old name
    warnings.filterwarnings("ignore", category=FutureWarning)  # TRL tells its own developers of them
    if spec.workers > 1:
        raise Problem(f"{spec.method} learns in one process here.", do="Set workers to 1.")


def sampler(model: Any, words: Template, rows: Sequence[Row]) -> Sampler:
    """Answers to the first prompts of `rows`, as the model gives them at that moment."""
    distinct = {tuple(pairs.prompt(row)): row for row in reversed(rows)}  # of a good and a bad answer to one, one
    return functools.partial(sampling.answers, model, words, [*reversed(distinct.values())][: sampling.SAMPLES])


def settings(folder: Path, spec: TrainSpec, steps: int, model: Any) -> dict[str, Any]:
    """What every config of TRL's is given, so that its trainers learn at the pace of our own loop. Nothing is reported
    to anybody and no hub is asked."""
    device = objective.device()
    return {
        "output_dir": str(folder / following.PLACE),
        "max_steps": steps,
        "per_device_train_batch_size": spec.batch_size,
        "per_device_eval_batch_size": spec.batch_size,
        "gradient_accumulation_steps": spec.accumulation,
        "learning_rate": spec.learning_rate,
        "max_grad_norm": spec.clip,
        "beta": spec.beta,
        "disable_dropout": not spec.dropout,
        "train_sampling_strategy": "sequential",
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "eval_strategy": "no",  # following.Rhythm says when
        "save_strategy": "no",
        "save_total_limit": 1,
        "report_to": "none",
        "include_num_input_tokens_seen": "non_padding",
        "remove_unused_columns": False,
        "disable_tqdm": True,
        "dataloader_pin_memory": device.type == "cuda",
        "use_cpu": device.type == "cpu",
        "bf16": objective.precise(device) == torch.bfloat16,
        "gradient_checkpointing": bool(model.is_gradient_checkpointing),
        "gradient_checkpointing_kwargs": {"use_reentrant": False},
        "seed": spec.seed,
    }


def optimizers(spec: TrainSpec, steps: int, model: Any) -> tuple[torch.optim.Optimizer, Any]:
    """The optimizer and the course of the learning rate, as supervised runs have them."""
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(
        weights, lr=spec.learning_rate, betas=(0.9, 0.98), weight_decay=spec.weight_decay, fused=True
    )
    course = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate(step, steps, spec) / spec.learning_rate)
    return optimizer, course


def announce(trainer: Followed, data: Data, words: Template, first: Sequence[Row]) -> None:
    """Tell what is going to happen, and show what the model will read and learn."""
    opening.plan(trainer.folder, data, trainer.model, objective.device(), trainer.args.max_steps, trainer.passes)
    opening.first_batch(trainer.folder, first, words)


def finish(trainer: Followed, tokenizer: Any, data: Data, validation: Data | None, **more: Any) -> dict[str, Any]:
    """Leave the adapter or the model with its card, and the result: the fields of a supervised run, `metrics` of the
    held-out rows by the weights that are kept, and `more`."""
    folder, spec = trainer.folder, trainer.spec
    made = leaving.place(folder, spec)
    done, n = trainer.done, len(validation.rows) if validation else 0
    metrics = trainer.metrics_at(done.best.step) if done.best else {}
    result = leaving.result(folder, spec, done, n, done.step < trainer.args.max_steps) | {"metrics": metrics} | more
    leaving.leave(folder, spec, cast(Any, trainer.model), tokenizer)
    (made / "README.md").write_text(card.text(spec, data, validation, result))
    probes.take(folder, spec, trainer.model)
    (folder / leaving.RESULT).write_text(json.dumps(result))
    shutil.rmtree(folder / following.PLACE)  # nothing goes on from here
    return result

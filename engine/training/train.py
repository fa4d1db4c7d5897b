"""Train: the job that teaches a base model from conversations or documents and leaves an adapter or a model.

Reads a `TrainSpec`; leaves `adapter/` in peft's own format, or `model/` where every weight has moved, with the
tokenizer and a README that says where it comes from. Goes on from its checkpoint when it is started again. What the
loop does is `training.learn`'s business; preferences and rewards are learned from in modules of their own.
"""

import contextlib
import functools
import importlib
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import torch
from peft import PeftModel
from peft.helpers import disable_input_dtype_casting
from transformers import AutoConfig, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging

from engine import events
from engine.problems import Problem
from engine.scaling import spread
from engine.training import (
    batches,
    card,
    checkpoint,
    loading,
    merge,
    objective,
    plan,
    probes,
    swift,
    template,
    together,
    trackers,
)
from engine.training.batches import Data, Row
from engine.training.learn import Learner, Sampler
from engine.training.settings import CPT, GRPO, PREFERENCES, QLORA, TrainSpec, of_job
from engine.training.template import Template
from engine.training.together import Team

ADAPTER, MODEL = "adapter", "model"
RESULT = "result.json"  # its last word, so that one killed after it is not done again
OPENING = 24  # tokens of a document to which a sample is the continuation
SAMPLES, SAMPLE_TOKENS = 2, 60  # prompts answered at a few moments, and how long such an answer may get
LOOSE = (
    "The experts of this base, {loose:,} weights, stay in 16 bits: only linear layers can be packed into 4. The run "
    "needs that much more memory."
)
SHOWN = 4  # rows of the first batch to look at


def run(folder: Path) -> dict[str, Any]:
    """Train as `folder/spec.json` says. The fields of the result: see `_result`."""
    folder = folder.resolve()
    spec = of_job(folder)
    if (folder / RESULT).exists():
        return dict(json.loads((folder / RESULT).read_text()))
    trackers.named(spec.trackers)
    if spec.method in PREFERENCES:
        return dict(importlib.import_module("engine.training.preference").run(folder, spec))
    if spec.method == GRPO:
        return dict(importlib.import_module("engine.training.reinforce").run(folder, spec))
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*")  # peft asks by an old name
    if spec.workers > 1 and spread.wanted(folder):
        return spread.run(folder, spec.workers)
    with together.gathered(folder, spec.workers) as team:
        return _supervised(folder, spec, team)


def _supervised(folder: Path, spec: TrainSpec, team: Team) -> dict[str, Any]:
    """Learn from conversations or documents. The workers that are not the first return nothing."""
    train, validation = plan.read(spec)
    rows, watched = train.accepted(), validation.accepted() if validation else []
    words = template.load(spec.base, chat=spec.method != CPT)
    tokenizer, model = loading.load(spec)
    if spec.method != CPT:
        _agree(rows[0], train, tokenizer)
    mirror = trackers.Mirror(spec, folder, speaks=team.first)
    learner = Learner(model, rows, watched, spec, folder, team, mirror.tell)
    if team.first:
        _announce(learner, train, words)
    sample = functools.partial(answers, model, words, watched[:SAMPLES]) if watched and team.first else None
    with contextlib.closing(mirror), _computing(model, learner.device):
        _learn(learner, sample)
    if not team.first:
        return {}
    result = _result(learner, folder)
    _leave(folder, spec, model, tokenizer)
    (Path(result["path"]) / "README.md").write_text(card.text(spec, train, validation, result))
    if words.sources:
        probes.take(folder, spec, model)
    (folder / RESULT).write_text(json.dumps(result))
    checkpoint.clear(folder)
    return result


@torch.no_grad()
def answers(model: Any, words: Template, rows: list[Row]) -> list[dict[str, str]]:
    """What the model would answer to each row, greedily, up to its first learned token; how it would go on with a
    row that is learned from its beginning."""
    found = []
    for row in rows:
        first = row.trained.index(1)
        prompt = row.tokens[: first if first > 1 else OPENING]
        with objective.precision(model.device):
            out = model.generate(
                input_ids=torch.tensor([prompt], device=model.device),
                attention_mask=torch.ones(1, len(prompt), dtype=torch.long, device=model.device),
                max_new_tokens=SAMPLE_TOKENS,
                do_sample=False,
                use_cache=True,
                eos_token_id=words.end_token,
                pad_token_id=words.end_token,
            )
        asked, answer = (words.tokenizer.decode(part).strip() for part in (prompt, out[0, len(prompt) :].tolist()))
        found.append({"prompt": asked, "answer": answer})
    return found


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


def _leave(folder: Path, spec: TrainSpec, model: PreTrainedModel | PeftModel, tokenizer: Any) -> None:
    if spec.whole:
        save_whole(folder / MODEL, spec, cast(PreTrainedModel, model), tokenizer)
    else:
        save(folder / ADAPTER, model, tokenizer)
        merge.sign(folder / ADAPTER, spec.base)


@contextlib.contextmanager
def _computing(model: PreTrainedModel | PeftModel, device: torch.device) -> Iterator[None]:
    """Swiftly, and without peft's turning every input into float32, only for autocast to turn it back."""
    active = isinstance(model, PeftModel) and objective.precise(device) == torch.bfloat16
    casting = disable_input_dtype_casting(model, active=active) if active else contextlib.nullcontext()
    with swift.computing(model), casting:
        yield


def _learn(learner: Learner, sample: Sampler | None) -> None:
    try:
        objective.check(learner.causal, learner.train[0])
        learner.learn(sample)
    except torch.OutOfMemoryError as error:
        spec = learner.spec
        raise Problem(
            f"The memory of the GPU is too small for {spec.batch_size} examples at once.",
            do=f"Halve batch_size and double accumulation, now {spec.accumulation}: that learns the same.",
        ) from error


def _announce(learner: Learner, train: Data, words: Template) -> None:
    """Tell what is going to happen, and show what the model will read and learn."""
    events.append(
        learner.folder,
        "plan",
        examples=len(train.rows),
        tokens=train.n_tokens,
        trained_tokens=train.n_trained,
        steps=len(learner.steps),
        epochs=round(len(learner.steps) / batches.per_epoch(learner.train, learner.spec), 3),
        parameters=sum(weight.numel() for weight in learner.model.parameters()),
        trained_parameters=sum(weight.numel() for weight in learner.weights.values()),
        device=learner.device.type,
        precision=str(objective.precise(learner.device)).removeprefix("torch."),
    )
    if not learner.spec.whole and (loose := loading.loose(learner.causal)) and learner.spec.tuning == QLORA:
        events.append(learner.folder, "warning", step=0, why=LOOSE.format(loose=loose))
    first = [train.rows[n] for n in learner.steps[0][0][:SHOWN]]
    events.append(learner.folder, "first_batch", rows=[batches.words(row, words) for row in first])


def _agree(row: Row, data: Data, tokenizer: PreTrainedTokenizerBase) -> None:
    """Problem unless transformers, which will serve the model, writes a conversation exactly as it is learned."""
    conversation = batches.conversation(data.path, row.line)
    messages = [
        {key: value for key, value in message.items() if key != "weight"} for message in conversation["messages"]
    ]
    theirs = tokenizer.apply_chat_template(messages, tools=conversation.get("tools"), return_dict=False)
    if theirs != row.tokens:
        raise Problem(
            f"{data.path.name} line {row.line} would be learned in other tokens than it is asked for later.",
            "The base's tokenizer.json and what transformers makes of it differ: "
            f"{len(row.tokens)} tokens against {len(theirs)}.",
            "Save the base's tokenizer anew with transformers.",
        )


def _result(learner: Learner, folder: Path) -> dict[str, Any]:
    """Losses in nats per trained token: `loss` is the mean of the last ten steps; `validation_loss` is the lowest,
    that of `best_step`, whose weights are the ones that are kept. None where there is no validation file. `path` is
    the folder of what was made, which is called `adapter` or `model`."""
    done = learner.progress
    best = done.best
    made = str(folder / (MODEL if learner.spec.whole else ADAPTER))
    return {
        "steps": done.step,
        "loss": round(done.recent_loss, 5),
        "validation_loss": round(best.validation, 5) if best else None,
        "validation_examples": len(learner.validation),
        "best_step": best.step if best else done.step,
        "tokens": done.tokens,
        "seconds": round(done.seconds, 1),
        "stopped_early": learner.stopped_early,
        "path": made,
        MODEL if learner.spec.whole else ADAPTER: made,
    }

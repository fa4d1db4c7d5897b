"""Supervised: a base learns from conversations or documents. What the loop does is `training.learn`'s business."""

import contextlib
import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from engine import events
from engine.problems import Problem
from engine.training import card, checkpoint, leaving, loading, objective, opening, sampling, swift, trackers, troubles
from engine.training.after import probes
from engine.training.bases import template
from engine.training.bases.template import Template
from engine.training.forecast import plan
from engine.training.learn import Learner, Sampler
from engine.training.material import batches, course
from engine.training.material.batches import Data, Row
from engine.training.settings import CPT, QLORA, TrainSpec
from engine.training.together import Team

LOOSE = (
    "The experts of this base, {loose:,} weights, stay in 16 bits: only linear layers can be packed into 4. The run "
    "needs that much more memory."
)


def run(folder: Path, spec: TrainSpec, team: Team) -> dict[str, Any]:
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
    sample = (
        functools.partial(sampling.answers, model, words, watched[: sampling.SAMPLES])
        if watched and team.first
        else None
    )
    with contextlib.closing(mirror), _computing(model, learner.device):
        _learn(learner, sample)
    if not team.first:
        return {}
    result = leaving.result(folder, spec, learner.progress, len(watched), learner.stopped_early)
    leaving.leave(folder, spec, model, tokenizer)
    (Path(result["path"]) / "README.md").write_text(card.text(spec, train, validation, result))
    if words.sources:
        probes.take(folder, spec, model)
    (folder / leaving.RESULT).write_text(json.dumps(result))
    checkpoint.clear(folder)
    return result


@contextlib.contextmanager
def _computing(model: PreTrainedModel | PeftModel, device: torch.device) -> Iterator[None]:
    """Swiftly, and in the precision that autocast chooses."""
    with swift.computing(model), objective.uncast(model, device):
        yield


def _learn(learner: Learner, sample: Sampler | None) -> None:
    try:
        objective.check(learner.causal, learner.train[0])
        learner.learn(sample)
    except torch.OutOfMemoryError as error:
        raise troubles.out_of_memory(learner.spec) from error


def _announce(learner: Learner, train: Data, words: Template) -> None:
    """Tell what is going to happen, and show what the model will read and learn."""
    steps = len(learner.steps)
    epochs = round(steps / course.per_epoch(learner.train, learner.spec), 3)
    opening.plan(learner.folder, train, learner.model, learner.device, steps, epochs)
    if not learner.spec.whole and (loose := loading.loose(learner.causal)) and learner.spec.tuning == QLORA:
        events.append(learner.folder, "warning", step=0, why=LOOSE.format(loose=loose))
    opening.first_batch(learner.folder, [train.rows[n] for n in learner.steps[0][0]], words)


def _agree(row: Row, data: Data, tokenizer: PreTrainedTokenizerBase) -> None:
    """Problem unless transformers, which will serve the model, writes a conversation exactly as it is learned."""
    conversation = batches.conversation(data.path, row.line)
    messages = [
        {key: value for key, value in message.items() if key != "weight"} for message in conversation["messages"]
    ]
    given, tools = template.handed(messages, conversation.get("tools"))
    theirs = tokenizer.apply_chat_template(given, tools=tools, return_dict=False)
    if theirs != row.tokens:
        raise Problem(
            f"{data.path.name} line {row.line} would be learned in other tokens than it is asked for later.",
            "The base's tokenizer.json and what transformers makes of it differ: "
            f"{len(row.tokens)} tokens against {len(theirs)}.",
            "Save the base's tokenizer anew with transformers.",
        )

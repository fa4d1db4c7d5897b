"""Probes: what a model said at the end of its training, so that whoever serves it later can be held to it.

Up to eight prompts of the validation file (else of the training file) with their token ids as they were learned from
and the twenty likeliest first tokens of the answer. They quote the team's examples, so they stay in the job's folder
and never go into an adapter that leaves.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from engine.problems import Problem
from engine.training import objective
from engine.training.bases import template
from engine.training.bases.template import Message, Template
from engine.training.material import batches
from engine.training.settings import TrainSpec

FILE = "probes.json"
MOST, BEST = 8, 20
OPENING = 200  # characters of a document that are asked with, where nothing was learned from conversations


@dataclass(frozen=True)
class Probe:
    """One prompt: the ids that the trainer read, and {token id: probability} of its likeliest first tokens."""

    messages: list[Message]
    ids: list[int]
    first: dict[int, float]


def take(folder: Path, spec: TrainSpec, model: Any) -> None:
    """Write `folder/probes.json`. `model` is what was trained, as it is when it is saved, on any device."""
    words = template.load(spec.base)
    found = [Probe(messages, ids, likeliest(model, ids)) for messages, ids in _prompts(spec, words)]
    (folder / FILE).write_text(json.dumps([asdict(probe) for probe in found], ensure_ascii=False))


def read(path: Path) -> list[Probe]:
    rows = json.loads(path.read_text())
    return [Probe(**{**row, "first": {int(token): chance for token, chance in row["first"].items()}}) for row in rows]


@torch.no_grad()
def likeliest(model: Any, ids: list[int]) -> dict[int, float]:
    """The likeliest tokens after `ids`, with their probabilities, likeliest first."""
    model.eval()
    with objective.precision(model.device):
        logits = model(input_ids=torch.tensor([ids], device=model.device), use_cache=False).logits[0, -1]
    chances, tokens = logits.float().softmax(-1).topk(min(BEST, len(logits)))
    return {token: round(chance, 9) for token, chance in zip(tokens.tolist(), chances.tolist(), strict=True)}


def _prompts(spec: TrainSpec, words: Template) -> list[tuple[list[Message], list[int]]]:
    """The first prompts that a plain chat can ask: no tools, and not the same one twice."""
    found: dict[str, tuple[list[Message], list[int]]] = {}
    for name in (spec.validation, spec.train):
        if not name:
            continue
        with Path(name).open("rb") as file:
            for line in file:
                if len(found) < MOST and line.strip() and (prompt := _prompt(json.loads(line), words, spec)):
                    found.setdefault(json.dumps(prompt[0]), prompt)
        if found:
            break
    return list(found.values())


def _prompt(row: dict[str, Any], words: Template, spec: TrainSpec) -> tuple[list[Message], list[int]] | None:
    """What is said before the first learned answer, and its ids; None where a plain chat cannot ask it."""
    if "messages" not in row:
        opening = [{"role": "user", "content": str(row.get("text", ""))[:OPENING].strip()}]
        return (opening, words.ids([words.render(opening, prompt=True)])[0]) if opening[0]["content"] else None
    messages = row["messages"]
    if row.get("tools") or any(one["role"] == "tool" or one.get("tool_calls") for one in messages):
        return None
    speaking = [n for n, one in enumerate(messages) if one["role"] == "assistant" and one.get("weight", 1)]
    end = speaking[0] if speaking else len(messages)
    asked = [{"role": one["role"], "content": one["content"]} for one in messages[:end]]
    try:
        if speaking:  # what was learned from, which need not be what the prompt alone gives
            learned = batches.row(row, words, spec.max_tokens)
            return asked, learned.tokens[: learned.trained.index(1)]
        return asked, words.ids([words.render(asked, prompt=True)])[0]
    except Problem:  # too long, or refused by the template: training told so where it mattered
        return None

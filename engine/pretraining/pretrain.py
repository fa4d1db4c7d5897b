"""Pretrain: the job that makes the starter model from nothing, on conversations that the grammar makes.

`run(folder)` reads `spec.json`, appends `step` events to `events.jsonl`, keeps one checkpoint and leaves `model/`.
Killed at any moment and started again, it goes on from the checkpoint.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch.nn.functional import cross_entropy
from transformers import AutoTokenizer, MistralForCausalLM

from engine import events, specs
from engine.pretraining import packing, shape, tokenizer_training
from engine.pretraining.packing import Rows
from engine.pretraining.settings import PretrainSpec

CHECKPOINT = "checkpoint.pt"
LEARNED = 0.33  # share of a batch's tokens whose loss is computed: all answers, and a sample of the prompts
FLOOR = 0.04  # the learning rate ends at this share of itself

Loss = Callable[..., torch.Tensor]


def run(folder: Path) -> dict[str, Any]:
    """Pretrain to the end. Returns the fields of the job's `end` event."""
    spec = specs.read(folder, PretrainSpec)
    torch.manual_seed(spec.seed)
    tokenizer = _tokenizer(folder, spec)
    model = shape.build(
        shape.config(len(tokenizer), spec.hidden, spec.feed_forward, spec.layers, spec.heads, spec.context), spec.seed
    )
    model.set_attn_implementation("eager")  # at this size faster than the fused kernels
    optimizer = _optimizer(model, spec)
    step = _resume(folder, model, optimizer)
    loss = _loss(model, spec)
    began, last, losses, seen = time.monotonic(), step, [], 0
    for batch in batches(spec, tokenizer.backend_tokenizer, step):
        value = _learn(model, optimizer, loss, batch, spec, step)
        step += 1
        losses.append(value)
        seen += int((batch.document >= 0).sum())
        if step % spec.report_every == 0 or step == spec.steps:
            _tell(folder, spec, step, losses, seen, (time.monotonic() - began) / (step - last))
            losses = []
        if step % spec.checkpoint_every == 0 or step == spec.steps:
            _save(folder, model, optimizer, step)
    _finish(folder, model)
    return {"steps": step, "parameters": sum(weight.numel() for weight in model.parameters())}


def batches(spec: PretrainSpec, tokenizer: Tokenizer, start: int = 0) -> Iterator[Rows]:
    """The batches of steps `start` and later, the same ones for the same spec."""
    for step in range(start, spec.copy_steps):
        yield packing.segments(spec.batch_size, spec, 1_000_000 + step)
    left = max(start, spec.copy_steps)
    skip, number = left - spec.copy_steps, 0
    while left < spec.steps:
        rows = packing.shard(number, spec, tokenizer)
        number += 1
        for at in range(0, len(rows) - spec.batch_size + 1, spec.batch_size):
            if skip:
                skip -= 1
                continue
            yield rows[at : at + spec.batch_size]
            left += 1
            if left == spec.steps:
                return


def rate(step: int, spec: PretrainSpec) -> float:
    """Learning rate of step 0, 1, ...: rises, stays, and falls in a line from `decay_from` on."""
    falling = spec.decay_from * spec.steps
    left = 1.0 if step < falling else FLOOR + (1 - FLOOR) * (spec.steps - step) / (spec.steps - falling)
    return spec.learning_rate * min(1.0, (step + 1) / max(1, spec.warmup)) * left


def _learn(
    model: MistralForCausalLM, optimizer: torch.optim.Optimizer, loss: Loss, batch: Rows, spec: PretrainSpec, step: int
) -> float:
    """One step. Returns the mean loss of the answers' tokens."""
    for group in optimizer.param_groups:
        group["lr"] = rate(step, spec)
    where, weight = _chosen(batch, spec, np.random.default_rng([spec.seed, step, 2]))
    tokens = torch.from_numpy(batch.tokens)
    targets = tokens.reshape(-1)[where + 1]
    each = loss(tokens, torch.from_numpy(batch.document), torch.from_numpy(batch.position), where, targets)
    ((each * weight).sum() / weight.sum()).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), spec.clip)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return float(each.detach()[weight == 1.0].mean())


def _chosen(batch: Rows, spec: PretrainSpec, random: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Flat positions whose next token is learned, always equally many, and their weights.

    All answers count; prompts are sampled and weigh more the fewer are taken, so that the expected loss is the same.
    """
    weight = np.zeros(batch.tokens.shape, np.float32)
    weight[:, :-1] = np.where(batch.position[:, 1:] > 0, batch.weight[:, 1:], 0)
    flat = weight.reshape(-1)
    count = round(LEARNED * flat.size)
    answers = random.permutation(np.flatnonzero(flat == 1.0))[:count]
    prompts = random.permutation(np.flatnonzero((flat > 0) & (flat < 1)))
    taken = prompts[: count - len(answers)]
    idle = np.zeros(count - len(answers) - len(taken), np.int64)
    where = np.concatenate([answers, taken, idle])
    scale = len(prompts) / max(1, len(taken)) * spec.prompt_weight
    weights = np.concatenate([np.ones(len(answers)), np.full(len(taken), scale), np.zeros(len(idle))])
    return torch.from_numpy(where), torch.from_numpy(weights.astype(np.float32))


def _loss(model: MistralForCausalLM, spec: PretrainSpec) -> Loss:
    """The loss of each chosen token of a batch, compiled if the spec asks for it."""
    causal = torch.ones(spec.row, spec.row, dtype=torch.bool).tril()

    def loss(
        tokens: torch.Tensor,
        document: torch.Tensor,
        position: torch.Tensor,
        where: torch.Tensor,
        targets: torch.Tensor,
    ) -> torch.Tensor:
        seen = (document[:, None, :, None] == document[:, None, None, :]) & causal
        mask = torch.where(seen, 0.0, -1e9).to(torch.bfloat16)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            states = model.model(
                input_ids=tokens, attention_mask=mask, position_ids=position, use_cache=False
            ).last_hidden_state
            logits = model.lm_head(states.reshape(-1, spec.hidden)[where])
        return cross_entropy(logits.float(), targets, reduction="none")

    return torch.compile(loss) if spec.compile else loss


def _optimizer(model: MistralForCausalLM, spec: PretrainSpec) -> torch.optim.Optimizer:
    matrices = [weight for weight in model.parameters() if weight.dim() == 2]
    gains = [weight for weight in model.parameters() if weight.dim() < 2]
    groups = [{"params": matrices, "weight_decay": spec.weight_decay}, {"params": gains, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=spec.learning_rate, betas=(0.9, 0.98), fused=True)


def _tokenizer(folder: Path, spec: PretrainSpec) -> Any:
    """The tokenizer of this job, trained by its first start."""
    place = folder / "tokenizer"
    if not place.is_dir():
        draft = folder / ".tokenizer.new"
        shutil.rmtree(draft, ignore_errors=True)
        tokenizer_training.train(draft, spec.vocabulary, spec.tokenizer_texts, spec.seed)
        draft.rename(place)
    return AutoTokenizer.from_pretrained(place)


def _tell(folder: Path, spec: PretrainSpec, step: int, losses: list[float], seen: int, seconds: float) -> None:
    events.append(
        folder,
        "step",
        step=step,
        steps=spec.steps,
        loss=round(sum(losses) / len(losses), 4),
        learning_rate=float(f"{rate(step - 1, spec):.4g}"),
        tokens=seen,  # since this start, padding not counted
        tokens_per_second=round(spec.batch_size * spec.row / seconds),
        seconds_left=round((spec.steps - step) * seconds, 1),
    )


def _save(folder: Path, model: MistralForCausalLM, optimizer: torch.optim.Optimizer, step: int) -> None:
    """Replace the checkpoint; killed in between, the old one stands."""
    draft = folder / (CHECKPOINT + ".new")
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, draft)
    os.replace(draft, folder / CHECKPOINT)
    events.append(folder, "checkpoint", step=step)


def _resume(folder: Path, model: MistralForCausalLM, optimizer: torch.optim.Optimizer) -> int:
    """The step to go on from: 0 without a checkpoint."""
    if not (folder / CHECKPOINT).exists():
        return 0
    found = torch.load(folder / CHECKPOINT, weights_only=True, map_location="cpu")
    model.load_state_dict(found["model"])
    optimizer.load_state_dict(found["optimizer"])
    events.append(folder, "resumed", step=found["step"])
    return int(found["step"])


def _finish(folder: Path, model: MistralForCausalLM) -> None:
    """Leave `model/`: bf16 safetensors and the tokenizer, whole or not there at all."""
    draft, place = folder / ".model.new", folder / "model"
    shutil.rmtree(draft, ignore_errors=True)
    model.bfloat16().save_pretrained(draft)
    shutil.copytree(folder / "tokenizer", draft, dirs_exist_ok=True)
    shutil.rmtree(place, ignore_errors=True)
    draft.rename(place)

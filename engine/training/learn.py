"""Learn: the training loop, in plain PyTorch. Knows rows and a model with an adapter; writes into one folder.

It says what happens in events (`step`, `validation`, `sample`, `checkpoint`, `warning`) and can be killed at any
moment: started again it ends where it would have ended. Steps after the last checkpoint are then told twice, so
whoever reads them keeps the last of each.
"""

import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import cast

import torch
from peft import PeftModel
from transformers import PreTrainedModel

from engine import events
from engine.problems import Problem
from engine.training import batches, checkpoint, objective
from engine.training.batches import Row
from engine.training.checkpoint import Checkpoint, Weights
from engine.training.progress import OVERFITS, USELESS, Progress, overfits, rate
from engine.training.settings import TrainSpec

Sampler = Callable[[], list[dict[str, str]]]  # answers to some prompts, as fields of `sample` events


class Learner:
    """One run on one device. `learn` goes on from the folder's checkpoint, if there is one."""

    def __init__(
        self, model: PeftModel, train: Sequence[Row], validation: Sequence[Row], spec: TrainSpec, folder: Path
    ):
        self.model, self.train, self.validation, self.spec, self.folder = model, train, validation, spec, folder
        self.causal = cast(PreTrainedModel, model.get_base_model())
        self.device = cast(torch.device, self.causal.device)
        self.steps = batches.steps(train, spec)
        self.course = _fingerprint(train, validation, spec)
        self.all_tokens = sum(len(train[n].tokens) for step in self.steps for batch in step for n in batch)
        self.weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        self.optimizer = torch.optim.AdamW(
            self.weights.values(), lr=0.0, betas=(0.9, 0.98), weight_decay=spec.weight_decay, fused=True
        )
        self.progress = Progress()
        self.began = time.monotonic()
        self.best: Weights | None = None
        self.whole = True  # weights, optimizer and progress are of the same step

    def learn(self, sample: Sampler | None = None) -> Progress:
        """Take all steps; then the adapter is the one of the lowest validation loss, if there is a validation."""
        self._resume()
        self.began = time.monotonic() - self.progress.seconds
        try:
            self._look(sample)
            while self.progress.step < len(self.steps):
                self._step()
                self._look(sample)
                if self._due(self.spec.checkpoint_every):
                    self._save()
        except BaseException as interruption:
            if self.whole and not isinstance(interruption, Exception):  # asked to stop
                self._save()
            raise
        if self.best is not None:
            self._put(self.best)
        if self.progress.best is not None and self.progress.best.step == 0:
            events.append(self.folder, "warning", step=self.progress.step, why=USELESS)
        return self.progress

    def loss(self, rows: Sequence[Row]) -> torch.Tensor:
        """Summed loss of the trained tokens, in nats."""
        return objective.loss(self.causal, rows)

    @torch.no_grad()
    def validate(self) -> float:
        """Mean loss per trained token of the whole validation file."""
        self.model.eval()
        rows = sorted(self.validation, key=lambda row: len(row.tokens))
        size = self.spec.batch_size
        total = sum(self.loss(rows[n : n + size]).item() for n in range(0, len(rows), size))
        return _finite(total / sum(row.n_trained for row in rows), "validation loss", self.progress.step, self.spec)

    def _step(self) -> None:
        """One move of the weights: by the mean loss over all trained tokens of its batches, however they are cut."""
        started, number = time.monotonic(), self.progress.step
        torch.manual_seed(self.spec.seed + number)  # dropout depends on the step alone, so a resumed run repeats it
        self.model.train()
        found = [[self.train[n] for n in batch] for batch in self.steps[number]]
        trained = sum(row.n_trained for batch in found for row in batch)
        loss = 0.0
        for batch in found:
            part = self.loss(batch) / trained
            part.backward()
            loss += part.item()
        norm = torch.nn.utils.clip_grad_norm_(self.weights.values(), self.spec.clip).item()
        _finite(loss, "training loss", number + 1, self.spec)
        _finite(norm, "gradient", number + 1, self.spec)
        tokens = sum(len(row.tokens) for batch in found for row in batch)
        self._move(loss, tokens)
        self._tell(norm, tokens / (time.monotonic() - started))

    def _move(self, loss: float, tokens: int) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate(self.progress.step, len(self.steps), self.spec)
        self.whole = False
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.progress.losses.append(loss)
        self.progress.tokens += tokens
        self.progress.step += 1
        self.progress.seconds = time.monotonic() - self.began
        self.whole = True

    def _tell(self, norm: float, speed: float) -> None:
        """One `step` event. `speed` is that of the step alone; the time left counts the looks and checkpoints too."""
        done = self.progress
        events.append(
            self.folder,
            "step",
            step=done.step,
            steps=len(self.steps),
            epoch=round(self.spec.epochs * done.step / len(self.steps), 3),
            loss=round(done.losses[-1], 5),
            learning_rate=float(f"{rate(done.step - 1, len(self.steps), self.spec):.4g}"),
            gradient_norm=round(norm, 4),
            tokens=done.tokens,
            tokens_per_second=round(speed),
            seconds_left=round(done.seconds * (self.all_tokens / done.tokens - 1), 1),
        )

    def _look(self, sample: Sampler | None) -> None:
        """When it is time: validate, keep the best adapter, answer the sample prompts."""
        done = self.progress
        if not self.validation or done.looked == done.step or not self._due(self.spec.evaluate_every):
            return
        look = done.look(self.validate())
        if done.best is None or look.validation < done.best.validation:
            self.best = {name: weight.detach().cpu().clone() for name, weight in self.weights.items()}
        events.append(
            self.folder,
            "validation",
            step=done.step,
            loss=round(look.validation, 5),
            n=len(self.validation),
            tokens=sum(row.n_trained for row in self.validation),
        )
        if sample is not None and done.step in self._moments():
            self.model.eval()
            for answered in sample():
                events.append(self.folder, "sample", step=done.step, **answered)
        if overfits([*done.looks, look]) and not overfits(done.looks):
            events.append(self.folder, "warning", step=done.step, why=OVERFITS)
        done.looks.append(look)

    def _due(self, every: int) -> bool:
        return self.progress.step % every == 0 or self.progress.step == len(self.steps)

    def _moments(self) -> set[int]:
        """Before the first step, at the look nearest to half way, and after the last step."""
        half = round(len(self.steps) / 2 / self.spec.evaluate_every) * self.spec.evaluate_every
        return {0, half, len(self.steps)}

    def _save(self) -> None:
        adapter = {name: weight.detach().cpu() for name, weight in self.weights.items()}
        state = {"optimizer": self.optimizer.state_dict(), "progress": asdict(self.progress), "course": self.course}
        checkpoint.save(self.folder, Checkpoint(adapter, self.best, state))
        events.append(self.folder, "checkpoint", step=self.progress.step)

    def _resume(self) -> None:
        found = checkpoint.find(self.folder)
        if found is None:
            return
        if found.state["course"] != self.course:
            raise Problem(
                "The checkpoint of this run was made with other examples or settings.",
                "Its files have changed since it began.",
                "Start a new run.",
            )
        self._put(found.adapter)
        self.best = found.best
        self.optimizer.load_state_dict(found.state["optimizer"])
        self.progress = Progress.restored(found.state["progress"])
        events.append(self.folder, "resumed", step=self.progress.step)

    @torch.no_grad()
    def _put(self, weights: Weights) -> None:
        for name, weight in self.weights.items():
            weight.copy_(weights[name])


def _fingerprint(train: Sequence[Row], validation: Sequence[Row], spec: TrainSpec) -> str:
    """The same only if a run would take the same course: the same tokens learned in the same way."""
    rows = [[row.tokens, row.trained] for row in (*train, *validation)]
    return hashlib.sha256(json.dumps([asdict(spec), len(train), rows]).encode()).hexdigest()


def _finite(value: float, name: str, step: int, spec: TrainSpec) -> float:
    if math.isfinite(value):
        return value
    raise Problem(
        f"Learning broke down at step {step}: the {name} is {value}.",
        f"The learning rate {spec.learning_rate:g} is most likely too high.",
        "Try a third of it.",
    )

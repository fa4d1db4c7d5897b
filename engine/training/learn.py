"""Learn: the training loop, in plain PyTorch. Knows rows and a model of which some weights move; writes to one folder.

It says what happens in events (`step`, `validation`, `sample`, `checkpoint`, `warning`) and can be killed at any
moment: started again it ends where it would have ended. Steps after the last checkpoint are then told twice, so
whoever reads them keeps the last of each.
"""

import hashlib
import json
import resource
import sys
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from peft import PeftModel
from transformers import PreTrainedModel

from engine import events
from engine.training import checkpoint, objective, progress
from engine.training.checkpoint import Checkpoint, Weights
from engine.training.material import course
from engine.training.material.batches import Row
from engine.training.progress import Look, Progress, rate
from engine.training.settings import TrainSpec
from engine.training.together import ALONE, Team
from engine.training.troubles import finite, same_course

Sampler = Callable[[], list[dict[str, str]]]  # answers to some prompts, as fields of `sample` events
Teller = Callable[[str, dict[str, Any]], None]  # is told each event as well: its kind and its fields
Figure = TypeVar("Figure", float, Look)
APART = 1_000_000_007  # between the seeds of two workers, whose dropout must differ


class Learner:
    """One run, or one worker's part in it. `learn` goes on from the folder's checkpoint, if there is one."""

    def __init__(
        self,
        model: PreTrainedModel | PeftModel,
        train: Sequence[Row],
        validation: Sequence[Row],
        spec: TrainSpec,
        folder: Path,
        team: Team = ALONE,
        tell: Teller | None = None,
    ):
        self.model, self.train, self.validation, self.spec, self.folder = model, train, validation, spec, folder
        self.team, self.tell = team, tell
        self.causal = cast(PreTrainedModel, model.get_base_model() if isinstance(model, PeftModel) else model)
        self.device = cast(torch.device, self.causal.device)
        self.steps = course.steps(train, spec)
        self.course = _fingerprint(train, validation, spec)
        self.all_tokens = sum(len(train[n].tokens) for step in self.steps for batch in step for n in batch)
        self.weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        self.optimizer = torch.optim.AdamW(
            self.weights.values(), lr=0.0, betas=(0.9, 0.98), weight_decay=spec.weight_decay, fused=True
        )
        self.progress = Progress()
        self.began = time.monotonic()
        self.saved_best: set[int] = set()  # the step whose best weights the checkpoint goes on with
        self.whole = True  # weights, optimizer and progress are of the same step

    def learn(self, sample: Sampler | None = None) -> Progress:
        """Take all steps, or fewer when it stops early; then the weights are those of the lowest validation loss, if
        there is a validation."""
        self._resume()
        self.began = time.monotonic() - self.progress.seconds
        try:
            self._look(sample)
            self.model.train()
            while not self.ended:
                self._step()
                self._look(sample)
                if self._due(self.spec.checkpoint_every) or self.ended:
                    self._save()
        except BaseException as interruption:
            if self.whole and not isinstance(interruption, Exception):  # asked to stop
                self._save()
            raise
        self._finish()
        return self.progress

    @property
    def ended(self) -> bool:
        return self.progress.step >= len(self.steps) or self.stopped_early

    @property
    def stopped_early(self) -> bool:
        return self.progress.step < len(self.steps) and self.progress.spent(self.spec)

    def loss(self, rows: Sequence[Row]) -> torch.Tensor:
        """Summed loss of the trained tokens, in nats."""
        return objective.loss(self.causal, rows, self.spec.packing)

    @torch.no_grad()
    def validate(self) -> float:
        """Mean loss per trained token of the whole validation file."""
        self.model.eval()
        rows = sorted(self.validation, key=lambda row: len(row.tokens))
        size = self.spec.batch_size
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        for batch in self.team.share([rows[n : n + size] for n in range(0, len(rows), size)]):
            total += self.loss(batch)
        self.team.add_up([total])
        self.model.train()
        mean = total.item() / sum(row.n_trained for row in rows)
        return finite(mean, "validation loss", self.progress.step, self.spec)

    def _step(self) -> None:
        """One move of the weights: by the mean loss over all trained tokens of its batches, however they are cut."""
        started, number = time.monotonic(), self.progress.step
        # what is random depends on the step alone, so that a resumed run repeats it
        torch.manual_seed(self.spec.seed + number + APART * self.team.rank)
        found = [[self.train[n] for n in batch] for batch in self.steps[number]]
        trained = sum(row.n_trained for batch in found for row in batch)
        total = torch.zeros((), device=self.device)
        for batch in found:
            if mine := self.team.share(batch):
                part = self.loss(mine) / trained
                part.backward()
                total += part.detach()
        self._add_up(total)
        length = torch.nn.utils.clip_grad_norm_(self.weights.values(), self.spec.clip)
        loss, norm = torch.stack([total, length]).tolist()  # the one moment of a step that waits for the device
        finite(loss, "training loss", number + 1, self.spec)
        finite(norm, "gradient", number + 1, self.spec)
        tokens = sum(len(row.tokens) for batch in found for row in batch)
        self._move(loss, norm, tokens)
        self._tell(tokens / (time.monotonic() - started))

    def _add_up(self, total: torch.Tensor) -> None:
        """Loss and gradients as if one worker had read all rows of the step."""
        if self.team.size == 1:
            return
        for weight in self.weights.values():
            if weight.grad is None:  # a worker without a row in this step
                weight.grad = torch.zeros_like(weight)
        self.team.add_up([total, *(cast(torch.Tensor, weight.grad) for weight in self.weights.values())])

    def _move(self, loss: float, norm: float, tokens: int) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate(self.progress.step, len(self.steps), self.spec)
        self.whole = False
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.progress.losses.append(loss)
        self.progress.norms.append(norm)
        self.progress.tokens += tokens
        self.progress.step += 1
        self.progress.seconds = time.monotonic() - self.began
        self.whole = True

    def _tell(self, speed: float) -> None:
        """One `step` event. `speed` is that of the step alone; the time left counts the looks and checkpoints too."""
        done = self.progress
        self._say(
            "step",
            step=done.step,
            steps=len(self.steps),
            epoch=round(done.step / course.per_epoch(self.train, self.spec), 3),
            loss=round(done.losses[-1], 5),
            learning_rate=float(f"{rate(done.step - 1, len(self.steps), self.spec):.4g}"),
            gradient_norm=round(done.norms[-1], 4),
            tokens=done.tokens,
            tokens_per_second=round(speed),
            seconds_left=round(done.seconds * (self.all_tokens / done.tokens - 1), 1),
            **_memory(self.device),
        )
        self._alarm(progress.DIVERGES, progress.diverges, done.losses)
        self._alarm(progress.EXPLODES, progress.explodes, done.norms)
        if not self.validation:
            self._alarm(progress.ALL_BY_HEART, progress.all_by_heart, done.losses)

    def _look(self, sample: Sampler | None) -> None:
        """When it is time: validate, keep the best weights, answer the sample prompts."""
        done = self.progress
        if not self.validation or done.looked == done.step or not self._due(self.spec.evaluate_every):
            return
        look = done.look(self.validate())
        if self.team.first and (done.best is None or look.validation < done.best.validation):
            checkpoint.keep_best(self.folder, look.step, self._copy())
        n, tokens = len(self.validation), sum(row.n_trained for row in self.validation)
        self._say("validation", step=done.step, loss=round(look.validation, 5), n=n, tokens=tokens)
        looks = [*done.looks, look]
        last = done.step == len(self.steps) or Progress(looks=looks).spent(self.spec)
        if sample is not None and (last or done.step in self._moments()):
            self._sample(sample)
        self._alarm(progress.OVERFITS, progress.overfits, looks)
        self._alarm(progress.BY_HEART, progress.by_heart, looks)
        done.looks = looks
        if self.team.first and done.best:
            checkpoint.drop_best(self.folder, but={done.best.step} | self.saved_best)

    def _sample(self, sample: Sampler) -> None:
        self.model.eval()
        for answered in sample():
            self._say("sample", step=self.progress.step, **answered)
        self.model.train()

    def _alarm(self, why: str, found: Callable[[list[Figure]], bool], figures: list[Figure]) -> None:
        """Warn when something begins to be so; once, not for as long as it lasts."""
        if found(figures) and not found(figures[:-1]):
            self._say("warning", step=self.progress.step, why=why)

    def _say(self, kind: str, **fields: Any) -> None:
        """Write an event, unless another worker speaks for all."""
        if self.team.first:
            events.append(self.folder, kind, **fields)
            if self.tell is not None:
                self.tell(kind, fields)

    def _due(self, every: int) -> bool:
        return self.progress.step % every == 0 or self.progress.step == len(self.steps)

    def _moments(self) -> set[int]:
        """Before the first step, and at the look nearest to half way; the last look is told by its end."""
        return {0, round(len(self.steps) / 2 / self.spec.evaluate_every) * self.spec.evaluate_every}

    def _save(self) -> None:
        if not self.team.first:
            return
        state = {"optimizer": self.optimizer.state_dict(), "progress": asdict(self.progress), "course": self.course}
        checkpoint.save(self.folder, Checkpoint(self._copy(), state))
        self.saved_best = {self.progress.best.step} if self.progress.best else set()
        checkpoint.drop_best(self.folder, but=self.saved_best)
        self._say("checkpoint", step=self.progress.step)

    def _resume(self) -> None:
        found = checkpoint.find(self.folder)
        self.team.agree(found.state["progress"]["step"] if found else 0, self.device)
        if found is None:
            return
        same_course(found.state["course"], self.course)
        self._put(found.weights)
        self.optimizer.load_state_dict(found.state["optimizer"])
        self.progress = Progress.restored(found.state["progress"])
        self.saved_best = {self.progress.best.step} if self.progress.best else set()
        self._say("resumed", step=self.progress.step)

    def _finish(self) -> None:
        """The best weights in place, and a word on what came of them."""
        best = self.progress.best
        if best is None:
            return
        if self.stopped_early:
            why = progress.EARLY.format(looks=self.progress.waited, best=best.step)
            self._say("warning", step=self.progress.step, why=why)
        if self.team.first:
            self._put(checkpoint.best(self.folder, best.step))
        if best.step == 0:
            self._say("warning", step=self.progress.step, why=progress.USELESS)

    def _copy(self) -> Weights:
        """The weights that move, where a file can be written from."""
        return {name: weight.detach().cpu().contiguous() for name, weight in self.weights.items()}

    @torch.no_grad()
    def _put(self, weights: Weights) -> None:
        for name, weight in self.weights.items():
            weight.copy_(weights[name])


def _memory(device: torch.device) -> dict[str, int]:
    """The most memory that was held so far, in bytes: of this process, and of its GPU."""
    unit = 1 if sys.platform == "darwin" else 1024
    held = {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}
    return held | ({"gpu_memory": torch.cuda.max_memory_allocated(device)} if device.type == "cuda" else {})


def _fingerprint(train: Sequence[Row], validation: Sequence[Row], spec: TrainSpec) -> str:
    """The same only if a run would take the same course: the same tokens learned in the same way."""
    found = hashlib.sha256(json.dumps([asdict(spec), len(train), len(validation)]).encode())
    for row in (*train, *validation):
        found.update(array("q", [len(row.tokens), *row.tokens]).tobytes())
        found.update(bytes(row.trained))
    return found.hexdigest()

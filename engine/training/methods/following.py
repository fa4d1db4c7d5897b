"""Following: a trainer of TRL's made to behave like our own loop.

It takes its rows in our order, tells what it does in the same events, keeps the best weights, stops early, and goes on
from its checkpoint as if nothing had happened. What it learns is TRL's business. Mix `Followed` in before a trainer:

    class Preferring(Followed, DPOTrainer): ...

A checkpoint is whole once its `trainer_state.json` can be read, as that is written last.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import load_file, save_file
from transformers import PrinterCallback, Trainer, TrainerCallback, set_seed
from transformers.trainer_callback import TrainerControl, TrainerState
from transformers.training_args import TrainingArguments

from engine import events
from engine.training import progress, troubles
from engine.training.progress import Progress, rate
from engine.training.settings import TrainSpec
from engine.training.trackers import Mirror

PLACE = "trainer"  # folder of the checkpoints
STATE, BEST, COURSE = "trainer_state.json", "best.safetensors", "course"
NAMES = {  # what TRL calls it -> what we call it
    "rewards/accuracies": "accuracy",
    "rewards/margins": "margin",
    "rewards/chosen": "better",
    "rewards/rejected": "worse",
    "kl": "kl",
    "reward": "reward",
    "reward_std": "spread",
    "frac_reward_zero_std": "same",
    "entropy": "entropy",
    "completions/mean_length": "answer_tokens",
    "completions/clipped_ratio": "cut_off",
}
Sampler = Callable[[], list[dict[str, str]]]


class Followed(Trainer):
    """What our runs add to a trainer. `follow` has to be called before `go`."""

    model: Any
    train_dataset: Any

    def follow(self, folder: Path, spec: TrainSpec, mirror: Mirror, passes: float) -> None:
        """`passes`: how often the run reads its file."""
        self.folder, self.spec, self.mirror, self.passes = folder, spec, mirror, passes
        self.sample: Sampler | None = None  # who answers the prompts that are shown
        self.weights = {name: weight for name, weight in self.model.named_parameters() if weight.requires_grad}
        self.best: dict[str, torch.Tensor] | None = None
        self.whole = False  # weights, optimizer and state are of the same step
        self.began = self.step_began = time.monotonic()
        self.tokens_before = 0
        self.remove_callback(PrinterCallback)  # the log is for what is not told in events
        self.add_callback(Rhythm(self))

    def go(self, course: str) -> Progress:
        """Take all steps; then the weights are the best ones, if there is a validation. `course` is the same only
        for a run that would learn the same."""
        checkpoint = self._found(course)
        self.args.eval_on_start = self.watches and checkpoint is None
        try:
            self.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        except torch.OutOfMemoryError as error:
            raise troubles.out_of_memory(self.spec) from error
        except BaseException as interruption:
            if self.whole and not isinstance(interruption, Exception):  # asked to stop
                self._save_checkpoint(self.model, None)
            raise
        if self.best is not None:
            self._put(self.best)
        done = self.done
        if done.best is not None and done.best.step == 0:
            self.tell("warning", step=done.step, why=progress.USELESS)
        return done

    @property
    def watches(self) -> bool:
        return self.eval_dataset is not None

    @property
    def history(self) -> list[dict[str, Any]]:
        """What the trainer remembers of each step and look, and takes along into its checkpoints."""
        return cast(list[dict[str, Any]], self.state.log_history)

    @property
    def done(self) -> Progress:
        """How far it is."""
        done = Progress(tokens=int(self.state.num_input_tokens_seen))
        for entry in self.history:
            if "step_loss" in entry:
                done.losses.append(entry["step_loss"])
                done.step, done.seconds = entry["step"], entry["seconds"]
            elif "eval_loss" in entry:
                done.looks.append(done.look(entry["eval_loss"]))
        return done

    def metrics_at(self, step: int) -> dict[str, float]:
        """What was measured of the held-out rows at that step."""
        looks = [entry for entry in self.history if "eval_loss" in entry and entry["step"] == step]
        return dict(looks[-1]["metrics"]) if looks else {}

    def tell(self, kind: str, **fields: Any) -> None:
        """An event; what it measures goes to the run's trackers as well."""
        events.append(self.folder, kind, **fields)
        self.mirror.tell(kind, fields | fields.get("metrics", {}))

    def measured(self, logs: dict[str, Any]) -> tuple[float, dict[str, float]]:
        """The loss of a step and what else is known of it, from what TRL logs."""
        found = {ours: logs[theirs] for theirs, ours in NAMES.items() if logs.get(theirs) is not None}
        if found.get("margin") == 0:  # before the first step nothing is preferred, which TRL counts as wrong
            found.pop("accuracy", None)
        return logs["loss"], _rounded(found)

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """None in a checkpoint: TRL's would say nothing of where the examples are from."""

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Every number passes through here, those of a step and those of a look at the validation file."""
        stepping = "loss" in logs and "learning_rate" in logs
        if stepping:
            logs["seconds"] = round(time.monotonic() - self.began, 3)
            logs["step_loss"] = 0.0  # kept in its place until TRL has added what it measured
        super().log(logs, start_time)
        if stepping:
            loss, metrics = self.measured(self.history[-1])
            self.history[-1]["step_loss"] = self._finite(loss, "training loss")
            self._tell(loss, logs, metrics)

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        found = super().evaluate(*args, **kwargs)
        self._look()
        return found

    def held_out(self) -> tuple[int, dict[str, float]]:
        """How many rows were looked at, and what else is known of them than their loss."""
        raise NotImplementedError

    def _tell(self, loss: float, logs: dict[str, float], metrics: dict[str, float]) -> None:
        """One `step` event."""
        done, steps = self.state.global_step, self.args.max_steps
        tokens = int(self.state.num_input_tokens_seen)
        self.tell(
            "step",
            step=done,
            steps=steps,
            epoch=round(self.passes * done / steps, 3),
            loss=round(loss, 5),
            learning_rate=float(f"{rate(done - 1, steps, self.spec):.4g}"),
            gradient_norm=round(self._finite(logs.get("grad_norm", 0.0), "gradient"), 4),
            tokens=tokens,
            tokens_per_second=round((tokens - self.tokens_before) / (time.monotonic() - self.step_began)),
            seconds_left=round(logs["seconds"] * (steps / done - 1), 1),
            metrics=metrics,
        )
        self.tokens_before = tokens

    def _look(self) -> None:
        """What a look at the validation file means: a `validation` event, the best weights, an early end."""
        done = self.done
        look = done.looks[-1]
        self._finite(look.validation, "validation loss")
        if done.best is look:
            self.best = {name: weight.detach().cpu().clone() for name, weight in self.weights.items()}
        n, metrics = self.held_out()
        self.history[-1]["metrics"] = metrics = _rounded(metrics)
        self.tell("validation", step=look.step, loss=round(look.validation, 5), n=n, metrics=metrics)
        if self.sample is not None and look.step in self._moments():
            for answered in self.sample():
                self.tell("sample", step=look.step, **answered)
        if progress.overfits(done.looks) and not progress.overfits(done.looks[:-1]):
            self.tell("warning", step=look.step, why=progress.OVERFITS)
        if done.spent(self.spec) and look.step < self.args.max_steps:
            why = progress.EARLY.format(looks=self.spec.patience, best=cast(Any, done.best).step)
            self.tell("warning", step=look.step, why=why)
            self.control.should_training_stop = True
            self.control.should_save = True

    def _moments(self) -> set[int]:
        """When samples are answered: before the first step, near half way, and after the last step."""
        steps, every = self.args.max_steps, self.spec.evaluate_every
        return {0, round(steps / 2 / every) * every, steps}

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        place = self.folder / PLACE / f"checkpoint-{self.state.global_step}"
        place.mkdir(parents=True, exist_ok=True)
        (place / STATE).unlink(missing_ok=True)  # of an earlier start: not whole until it is written anew
        if self.best is not None:
            save_file(self.best, place / BEST)
        # a look that was interrupted is made anew
        self.history[:] = [entry for entry in self.history if "eval_loss" not in entry or "metrics" in entry]
        super()._save_checkpoint(model, trial)
        self.tell("checkpoint", step=self.state.global_step)

    def _found(self, course: str) -> Path | None:
        """The newest whole checkpoint of this course, with which the clock and the best weights go on."""
        known = self.folder / PLACE / COURSE
        known.parent.mkdir(parents=True, exist_ok=True)
        if not known.exists():
            known.write_text(course)
        place = _newest(known.parent)
        if place is None:
            return None
        troubles.same_course(known.read_text(), course)
        state = TrainerState.load_from_json(str(place / STATE))
        spent = [entry["seconds"] for entry in state.log_history if "seconds" in entry]
        self.began = time.monotonic() - (spent[-1] if spent else 0.0)
        self.tokens_before = int(state.num_input_tokens_seen)
        self.best = load_file(place / BEST) if (place / BEST).exists() else None
        self.tell("resumed", step=state.global_step)
        return place

    @torch.no_grad()
    def _put(self, weights: dict[str, torch.Tensor]) -> None:
        for name, weight in self.weights.items():
            weight.copy_(weights[name])

    def _finite(self, value: float, name: str) -> float:
        return troubles.finite(value, name, self.state.global_step, self.spec)


class Rhythm(TrainerCallback):
    """Says when to look and when to save. Chance depends on the step alone, so that a resumed run repeats it."""

    def __init__(self, trainer: Followed) -> None:
        self.trainer = trainer

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        self.trainer.whole = True
        done = self.trainer.done
        # stopped between a step and its look: it is made up for
        if self.trainer.watches and state.global_step and self._due(state.global_step) and done.looked != done.step:
            args.eval_on_start = True
        return control

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.trainer.step_began = time.monotonic()
        set_seed(self.trainer.spec.seed + state.global_step)

    def on_pre_optimizer_step(self, *_: Any, **__: Any) -> None:
        self.trainer.whole = False

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        self.trainer.whole = True
        spec, step = self.trainer.spec, state.global_step
        control.should_log = True
        control.should_evaluate = self.trainer.watches and self._due(step)
        control.should_save = step % spec.checkpoint_every == 0 or step == args.max_steps
        return control

    def _due(self, step: int) -> bool:
        return step % self.trainer.spec.evaluate_every == 0 or step == self.trainer.args.max_steps


def _newest(place: Path) -> Path | None:
    found = sorted(place.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    return next((path for path in reversed(found) if _is_whole(path)), None)


def _is_whole(checkpoint: Path) -> bool:
    try:
        return isinstance(json.loads((checkpoint / STATE).read_text()), dict)
    except (OSError, ValueError):
        return False


def _rounded(metrics: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 5) for name, value in metrics.items()}

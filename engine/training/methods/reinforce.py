"""Reinforce: a run that tries several answers to each prompt and learns from what they are paid (grpo).

Of each prompt a group of answers is drawn; those that are paid more than their group's mean become likelier. The
learning is TRL's (Shao et al. 2024, arXiv 2402.03300; the loss is summed over tokens as in DAPO, arXiv 2503.14476).
`loss` is what is missing to the full payment, 1 minus the mean reward: of the drawn answers in a step, and of the
likeliest answers to held-out prompts in a look, which is how the model will speak once it is served.
"""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer

from engine.problems import Problem
from engine.scoring.said import Answer
from engine.training import loading, objective
from engine.training.bases import template
from engine.training.bases.template import Template
from engine.training.material import course, pairs, rewards
from engine.training.material.batches import Row
from engine.training.material.pairs import Tasks
from engine.training.material.rewards import Payment, Reward
from engine.training.methods import frame
from engine.training.methods.following import Followed
from engine.training.methods.preference import REFERENCE
from engine.training.settings import TrainSpec
from engine.training.trackers import Mirror

WATCHED = 128  # held-out prompts that are answered at each look
DULL, LONG = 0.8, 8  # from this share of groups without a difference on, over so many steps, there is a warning
DULL_WORDS = (
    "In {share:.0%} of the groups of the last {steps} steps all answers were paid the same, at {reward:.2f} on "
    "average, so there was little to learn from. Pay for smaller steps towards what you want, try answers more freely "
    "(temperature), or give prompts of another difficulty."
)
UNKNOWN_WORDS = "{n} of {of} answers could not be paid and are left out, never counted as 0. The first: {why}"


def run(folder: Path, spec: TrainSpec) -> dict[str, Any]:
    """Learn as `spec` says. The fields of the result are those of a supervised run, and `metrics` of the held-out
    prompts as the kept weights answer them: `reward`, `spread`, and `unknown` of those that could not be paid."""
    frame.quiet(spec)
    paid = rewards.read(spec.rewards)
    words = template.load(spec.base)
    train, validation = read(spec, words, paid)
    train.accepted()
    if validation:
        validation.accepted()
    tokenizer, model = loading.load(spec)
    trainer = _made(folder, spec, model, tokenizer, train)
    mirror = Mirror(spec, folder)
    trainer.follow(folder, spec, mirror, passes=len(trainer.train_dataset) / len(train.rows))
    trainer.pay_by(paid, words, train, validation)
    trainer.sample = frame.sampler(model, words, [_to_answer(row) for row in validation.rows]) if validation else None
    first = [train.rows[int(one)] for one in trainer.train_dataset[:4]["prompt"]]
    frame.announce(trainer, train, words, first)
    for doubt in rewards.doubts(paid):
        trainer.tell("warning", step=0, why=doubt)
    with frame.around(model, mirror):
        trainer.go(course.mark(spec, train.sha256, validation.sha256 if validation else ""))
    return frame.finish(trainer, tokenizer, train, validation)


def read(spec: TrainSpec, words: Template, paid: list[Reward]) -> tuple[Tasks, Tasks | None]:
    """The prompts to learn on and, if a file is named, those to watch."""
    most = pairs.room(spec, words)
    train = pairs.read_tasks(Path(spec.train), words, most, paid)
    return train, pairs.read_tasks(Path(spec.validation), words, most, paid) if spec.validation else None


class Reinforcing(Followed, GRPOTrainer):
    """GRPO with our prompts, our rewards and our look at held-out prompts. A prompt is known to TRL by its number."""

    def pay_by(self, paid: list[Reward], words: Template, train: Tasks, watched: Tasks | None) -> None:
        """What answers are paid for, and to which prompts. To be called before the first step."""
        self.paid, self.words, self.tasks, self.watched = paid, words, train, watched
        self.unknown = 0  # answers of this step that could not be paid
        self.same: list[float] = []  # share of groups without a difference, step by step
        self.warned: set[str] = set()
        if watched and len(watched.rows) > WATCHED:
            why = f"Of {len(watched.rows)} held-out prompts the first {WATCHED} are answered at each look."
            self.tell("warning", step=0, why=why)

    @property
    def watches(self) -> bool:
        return self.watched is not None

    def rate(self, prompts: list[str], completion_ids: list[list[int]], **_: Any) -> list[float | None]:
        """What TRL asks: the payment of each answer, None where it is not known."""
        given = [self.tasks.given[int(prompt)] for prompt in prompts]
        payments = rewards.pay_all(self.paid, self._answers(self.tasks, completion_ids, given), given)
        self._count(payments)
        if self.unknown == len(payments):
            raise Problem(f"No answer could be paid at step {self.state.global_step + 1}.", payments[0].why)
        return [payment.total for payment in payments]

    def measured(self, logs: dict[str, Any]) -> tuple[float, dict[str, float]]:
        _, metrics = super().measured(logs)
        self.same.append(metrics["same"])
        recent = self.same[-LONG:]
        if len(recent) == LONG and statistics.mean(recent) >= DULL:
            words = DULL_WORDS.format(share=statistics.mean(recent), steps=LONG, reward=metrics["reward"])
            self._warn("dull", words)
        return 1 - metrics["reward"], metrics | {"policy_loss": round(logs["loss"], 5), "unknown": self.unknown}

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        assert self.watched is not None
        self.model.eval()
        rows, given = self.watched.rows[:WATCHED], self.watched.given[:WATCHED]
        self.payments = rewards.pay_all(self.paid, self._answers(self.watched, self._answered(rows), given), given)
        known = [payment.total for payment in self.payments if payment.total is not None]
        if not known:
            raise Problem("No answer to a held-out prompt could be paid.", self.payments[0].why)
        found = {"eval_loss": 1 - statistics.mean(known)}
        self.log(found)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, found)
        self._look()
        return found

    def held_out(self) -> tuple[int, dict[str, float]]:
        known = [payment.total for payment in self.payments if payment.total is not None]
        spread = statistics.stdev(known) if len(known) > 1 else 0.0
        unknown = len(self.payments) - len(known)
        return len(known), {"reward": statistics.mean(known), "spread": spread, "unknown": unknown}

    def _tokenize_prompts(self, prompts: list[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
        return [self.tasks.rows[int(prompt)].tokens for prompt in prompts], None, {}

    def _generate_and_score_completions(self, inputs: Any) -> Any:
        with objective.precision(self.accelerator.device):
            return super()._generate_and_score_completions(inputs)

    @torch.no_grad()
    def _answered(self, rows: Sequence[Row]) -> list[list[int]]:
        """The likeliest answer to each prompt, as token ids."""
        model: Any = self.model
        size, found = self.spec.batch_size * self.spec.group, []
        for at in range(0, len(rows), size):
            batch = rows[at : at + size]
            longest = max(len(row.tokens) for row in batch)
            short = [longest - len(row.tokens) for row in batch]
            with objective.precision(model.device):
                out = model.generate(
                    input_ids=torch.tensor(
                        [[self.words.end_token] * n + row.tokens for row, n in zip(batch, short, strict=True)],
                        device=model.device,
                    ),
                    attention_mask=torch.tensor([[0] * n + [1] * (longest - n) for n in short], device=model.device),
                    max_new_tokens=self.spec.answer_tokens,
                    do_sample=False,
                    use_cache=True,
                    eos_token_id=self.words.end_token,
                    pad_token_id=self.words.end_token,
                )
            found += out[:, longest:].tolist()
        return found

    def _answers(self, asked: Tasks, answers: list[list[int]], given: list[dict[str, Any]]) -> list[Answer]:
        return [asked.answer(self._text(ids), row) for ids, row in zip(answers, given, strict=True)]

    def _text(self, ids: list[int]) -> str:
        """The words of an answer, and the signs around a tool call."""
        end = ids.index(self.words.end_token) if self.words.end_token in ids else len(ids)
        return str(self.words.tokenizer.decode(ids[:end], skip_special_tokens=False)).strip()

    def _count(self, payments: Sequence[Payment]) -> None:
        left_out = [payment.why for payment in payments if payment.total is None]
        self.unknown = len(left_out)
        if left_out:
            self._warn("unknown", UNKNOWN_WORDS.format(n=len(left_out), of=len(payments), why=left_out[0]))

    def _warn(self, what: str, why: str) -> None:
        """Once for each matter."""
        if what not in self.warned:
            self.warned.add(what)
            self.tell("warning", step=self.state.global_step, why=why)


def _made(folder: Path, spec: TrainSpec, model: Any, tokenizer: Any, train: Tasks) -> Reinforcing:
    order = course.order(train.rows, spec)
    steps = len(order) // (spec.batch_size * spec.accumulation)
    common = frame.settings(folder, spec, steps, model) | {
        "per_device_train_batch_size": spec.batch_size * spec.group,  # TRL counts answers, we count prompts
        "include_num_input_tokens_seen": "no",  # it counts them itself
    }
    made: Reinforcing = Reinforcing(
        model=model,
        reward_funcs=lambda **asked: made.rate(**asked),
        args=GRPOConfig(
            **common,
            num_generations=spec.group,
            steps_per_generation=spec.accumulation,
            max_completion_length=spec.answer_tokens,
            temperature=spec.temperature,
            shuffle_dataset=False,
        ),
        train_dataset=Dataset.from_dict({"prompt": [str(row) for row in order]}),  # type: ignore[attr-defined]
        processing_class=tokenizer,
        optimizers=frame.optimizers(spec, steps, model),
    )
    if REFERENCE in getattr(model, "peft_config", {}):
        model.delete_adapter(REFERENCE)
    return made


def _to_answer(row: Row) -> Row:
    """A prompt as the rows of supervised runs are: up to where something is learned."""
    return Row(row.line, [*row.tokens, 0], [*row.trained, 1])

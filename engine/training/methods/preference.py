"""Preference: a run that learns which of two answers is better (dpo, orpo), or which answers are good (kto).

The learning is TRL's; the rows, their tokens and what is told of them are ours. Held-out answers are measured by the
reward that the method implies: beta times how much likelier an answer has become than the base has it (dpo, kto), or
beta times its mean log probability a token (orpo, which knows no base).

- dpo: Rafailov et al. 2023, arXiv 2305.18290. - orpo: Hong et al. 2024, arXiv 2403.07691.
- kto: Ethayarajh et al. 2024, arXiv 2402.01306.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from datasets import Dataset
from peft import PeftModel
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

from engine.problems import Problem
from engine.training import loading, objective
from engine.training.bases import template
from engine.training.bases.template import Template
from engine.training.material import course, pairs
from engine.training.material.batches import Row
from engine.training.material.pairs import Marked, Pairs
from engine.training.methods import frame
from engine.training.methods.following import Followed
from engine.training.settings import DPO, KTO, ORPO, TrainSpec
from engine.training.trackers import Mirror

REFERENCE = "ref"  # the copy of a fresh adapter that TRL makes, in place of which the base itself will do


def run(folder: Path, spec: TrainSpec) -> dict[str, Any]:
    """Learn as `spec` says. The fields of the result are those of a supervised run, and `metrics` of the held-out
    answers as the kept weights have them: `accuracy`, `margin`."""
    frame.quiet(spec)
    words = template.load(spec.base)
    train, validation = read(spec, words)
    train.accepted()
    if validation:
        validation.accepted()
    tokenizer, model = loading.load(spec)
    objective.check(_causal(model), train.rows[0])
    trainer = MADE[spec.method](_Given(folder, spec, model, tokenizer, train, validation))
    mirror = Mirror(spec, folder)
    trainer.follow(folder, spec, mirror, passes=len(trainer.train_dataset) / len(train.rows))
    trainer.sample = frame.sampler(model, words, validation.rows) if validation else None
    frame.announce(trainer, train, words, _first(train, trainer.train_dataset[:4]["row"]))
    with frame.around(model, mirror):
        trainer.measure(validation, related=spec.method != ORPO)
        trainer.go(course.mark(spec, train.sha256, validation.sha256 if validation else ""))
    return frame.finish(trainer, tokenizer, train, validation)


def read(spec: TrainSpec, words: Template) -> tuple[Pairs | Marked, Pairs | Marked | None]:
    """The training file and, if one is named, the validation file."""
    reader = pairs.read_marked if spec.method == KTO else pairs.read_pairs
    train = reader(Path(spec.train), words, spec.max_tokens)
    return train, reader(Path(spec.validation), words, spec.max_tokens) if spec.validation else None


class Preferring(Followed):
    """What the three methods share: how held-out answers are measured."""

    def measure(self, watched: Pairs | Marked | None, related: bool) -> None:
        """Remember what the base makes of the held-out answers; `related` if the method compares with it. To be
        called before the first step."""
        self.watched, self.related = watched, related
        self.answers = _answers(watched) if watched else []
        self.base_says = self._says() if related else []

    def held_out(self) -> tuple[int, dict[str, float]]:
        """`accuracy`: share of comparisons that the better answer wins by its implied reward, a tie counting half;
        `margin`: by how much on average. Of pairs each is a comparison, of marked answers each good with each bad."""
        assert self.watched is not None
        if self.related:
            raw = [now - base for now, base in zip(self._says(), self.base_says, strict=True)]
        else:
            raw = [now / row.n_trained for now, row in zip(self._says(), self.answers, strict=True)]
        rewards = [self.spec.beta * one for one in raw]
        return len(self.watched.rows), won(_margins(rewards, self.watched))

    @torch.no_grad()
    def _says(self) -> list[float]:
        """Summed log probability of the learned tokens of each held-out answer, in nats."""
        causal, size = _causal(self.model), self.spec.batch_size
        causal.eval()
        found: list[float] = []
        for at in range(0, len(self.answers), size):
            batch = self.answers[at : at + size]
            tokens, positions, targets = objective.collate(batch, causal.device)
            with objective.precision(causal.device):
                hidden = causal.base_model(input_ids=tokens, use_cache=False).last_hidden_state
                logits = causal.get_output_embeddings()(hidden.flatten(0, 1).index_select(0, positions))
            losses = F.cross_entropy(logits.float(), targets, reduction="none")
            found += [-part.sum().item() for part in losses.split([row.n_trained for row in batch])]
        return found


class Direct(Preferring, DPOTrainer):
    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset  # rows are tokens already


class Marking(Preferring, KTOTrainer):
    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset


class Odds(Preferring, ORPOTrainer):
    @staticmethod
    def tokenize_row(row: Any) -> Any:  # type: ignore[override]  # one of its own would be hashed with the model
        return row

    def concatenated_forward(self, model: Any, batch: Any) -> Any:
        """As TRL's, but the likelihood of the better answer is learned from its own words, not from the prompt's."""
        labels = batch["input_ids"].masked_fill(batch["completion_mask"] == 0, -100)
        logits = model(batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False).logits
        half = len(labels) // 2
        means = self.get_batch_logps(logits, labels, average_log_prob=True)
        n = (labels[:half] != -100).sum(-1)
        loss = -(means[:half] * n).sum() / n.sum()
        return means[:half], means[half:], logits[:half], logits[half:], loss


@dataclass(frozen=True)
class _Given:
    """What a trainer is made of."""

    folder: Path
    spec: TrainSpec
    model: Any
    tokenizer: Any
    train: Pairs | Marked
    validation: Pairs | Marked | None


def _direct(given: _Given) -> Preferring:
    # of a whole model nothing remembers the base: what it says of each answer is computed before the first step
    return _made(given, Direct, DPOConfig, _Pairs, precompute_ref_log_probs=given.spec.whole)


def _odds(given: _Given) -> Preferring:
    made = _made(given, Odds, ORPOConfig, _Pairs)
    made.use_dpo_data_collator = True  # ours has all that it needs
    return made


def _marking(given: _Given) -> Preferring:
    if given.spec.batch_size < 2:
        raise Problem("kto needs at least two answers at once.", "It compares them.", "Set batch_size to 2 or more.")
    good, bad = _balance(given.train)
    if given.validation:
        _balance(given.validation)
    # the rarer kind counts for as much as the other one, as the paper advises (equation 8)
    weights = {"desirable_weight": max(1.0, bad / good), "undesirable_weight": max(1.0, good / bad)}
    return _made(given, Marking, KTOConfig, _Marks, **weights, precompute_ref_log_probs=given.spec.whole)


MADE = {DPO: _direct, ORPO: _odds, KTO: _marking}


def _made(given: _Given, kind: Any, config: Any, collator: Any, **more: Any) -> Any:
    """A trainer that learns from `train` in our order. It knows rows by number, `collator` by their tokens."""
    spec, model = given.spec, given.model
    order = course.order(given.train.rows, spec, alike=spec.method != KTO)
    steps = len(order) // (spec.batch_size * spec.accumulation)
    made = kind(
        model=model,
        args=config(**frame.settings(given.folder, spec, steps, model), max_length=spec.max_tokens, **more),
        data_collator=collator(given.train, given.validation, given.tokenizer.eos_token_id),
        train_dataset=_numbers(order, held_out=False),
        eval_dataset=_numbers(range(len(given.validation.rows)), held_out=True) if given.validation else None,
        processing_class=given.tokenizer,
        optimizers=frame.optimizers(spec, steps, model),
    )
    if REFERENCE in getattr(model, "peft_config", {}):
        model.delete_adapter(REFERENCE)
    return made


def _numbers(rows: Sequence[int], held_out: bool) -> Dataset:
    return Dataset.from_dict({"row": list(rows), "held_out": [held_out] * len(rows)})  # type: ignore[attr-defined]


class _Pairs:
    """Makes a batch of pairs: first the better answers, then the worse ones, padded on the right."""

    def __init__(self, train: Pairs, validation: Pairs | None, pad: int) -> None:
        self.files, self.pad = {False: train, True: validation}, pad

    def __call__(self, examples: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        data = self.files[examples[0]["held_out"]]
        assert data is not None
        rows = [data.rows[one["row"]] for one in examples] + [data.worse[one["row"]] for one in examples]
        return _padded(rows, self.pad) | _known(examples)


class _Marks:
    """Makes a batch of marked answers, each beside its prompt and beside its neighbour's, by which KTO tells how far
    the model has moved."""

    def __init__(self, train: Marked, validation: Marked | None, pad: int) -> None:
        self.files, self.pad = {False: train, True: validation}, pad

    def __call__(self, examples: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        data = self.files[examples[0]["held_out"]]
        assert data is not None
        rows = [data.rows[one["row"]] for one in examples]
        strange = [_beside(row, rows[at - 1]) for at, row in enumerate(rows)]
        label = torch.tensor([data.good[one["row"]] for one in examples])
        moved = {f"KL_{name}": values for name, values in _padded(strange, self.pad).items()}
        return {**_padded(rows, self.pad), **moved, "label": label, **_known(examples)}


def _beside(row: Row, other: Row) -> Row:
    """The prompt of one row with the answer of another."""
    asked, at = pairs.prompt(row), other.trained.index(1)
    return Row(row.line, asked + other.tokens[at:], [0] * len(asked) + other.trained[at:])


def _padded(rows: Sequence[Row], pad: int) -> dict[str, torch.Tensor]:
    longest = max(len(row.tokens) for row in rows)
    short = [longest - len(row.tokens) for row in rows]
    return {
        "input_ids": torch.tensor([row.tokens + [pad] * n for row, n in zip(rows, short, strict=True)]),
        "attention_mask": torch.tensor([[1] * len(row.tokens) + [0] * n for row, n in zip(rows, short, strict=True)]),
        "completion_mask": torch.tensor([row.trained + [0] * n for row, n in zip(rows, short, strict=True)]),
    }


def _known(examples: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """What TRL has computed of these rows beforehand."""
    names = [name for name in examples[0] if name.startswith("ref_")]
    return {name: torch.tensor([one[name] for one in examples]) for name in names}


def _answers(data: Pairs | Marked) -> list[Row]:
    return [*data.rows, *data.worse] if isinstance(data, Pairs) else data.rows


def _margins(rewards: Sequence[float], data: Pairs | Marked) -> list[float]:
    """By how much better answers beat worse ones; `rewards` in the order of `_answers`."""
    if isinstance(data, Pairs):
        half = len(data.rows)
        return [better - worse for better, worse in zip(rewards[:half], rewards[half:], strict=True)]
    marked = list(zip(rewards, data.good, strict=True))
    good, bad = ([reward for reward, is_good in marked if is_good is wanted] for wanted in (True, False))
    return [better - worse for better in good for worse in bad]


def won(margins: Sequence[float]) -> dict[str, float]:
    """Share of margins above 0, of which a tie is half a one, and their mean."""
    share = sum(1.0 if margin > 0 else 0.5 if margin == 0 else 0.0 for margin in margins)
    return {"accuracy": share / len(margins), "margin": sum(margins) / len(margins)}


def _balance(data: Pairs | Marked) -> tuple[int, int]:
    """How many answers are good and how many bad. Problem unless there are some of both."""
    assert isinstance(data, Marked), data
    good = sum(data.good)
    bad = len(data.good) - good
    if not good or not bad:
        only = "good" if good else "bad"
        raise Problem(f"All answers in {data.path.name} are {only}.", "kto learns from the difference.", "Add others.")
    return good, bad


def _first(train: Pairs | Marked, numbers: Sequence[int]) -> list[Row]:
    """The first rows that are learned from: of a pair both answers."""
    if isinstance(train, Pairs):
        return [row for n in numbers for row in (train.rows[n], train.worse[n])]
    return [train.rows[n] for n in numbers]


def _causal(model: Any) -> Any:
    return model.get_base_model() if isinstance(model, PeftModel) else model

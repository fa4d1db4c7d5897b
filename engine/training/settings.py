"""Settings of a training run: one recipe, whoever starts it (page, command line, the API, a grid).

`method` says what is learned from, `tuning` which weights move; together they say which of the other settings count.
"""

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from engine.problems import Problem
from engine.specs import FILE, check, parse, setting

SFT, CPT, DPO, ORPO, KTO, GRPO = "sft", "cpt", "dpo", "orpo", "kto", "grpo"
METHODS = {
    SFT: "Supervised: learns to answer as the examples do.",
    CPT: "Continued pretraining: reads documents on, to know their words and subjects.",
    DPO: "Direct preference: of two answers, prefers the better one.",
    ORPO: "Odds ratio preference: learns the better answer and to avoid the worse one, in one go.",
    KTO: "Kahneman-Tversky: learns from answers marked good or bad, which need not be pairs.",
    GRPO: "Group-relative policy: tries several answers and learns from what each is paid.",
}
PREFERENCES = (DPO, ORPO, KTO)  # learned from a better and a worse answer

LORA, RSLORA, DORA, QLORA, FULL = "lora", "rslora", "dora", "qlora", "full"
TUNINGS = {
    LORA: "A small adapter beside the frozen weights.",
    RSLORA: "The same, scaled so that a high rank learns as steadily as a low one.",
    DORA: "An adapter that moves direction and size of the weights apart; slower, sometimes better.",
    QLORA: "An adapter beside weights kept in 4 bits; a quarter of the memory. Needs a GPU.",
    FULL: "Every weight moves. Most memory, and a whole model comes out.",
}

OF_ADAPTERS = ("rank", "alpha", "dropout", "targets")  # settings of an adapter
OF_TRIES = ("group", "answer_tokens", "temperature")  # settings of grpo
NO_DIALS = ("base", "train", "validation", "method", "tuning", "rewards", "trackers")  # chosen by name


# Learning rates that did well on the starter (docs/methods.md); larger bases want a tenth of them and less. An adapter
# that learns from examples takes large steps: preferences and whole models break down at such.
RATES = {SFT: 3e-3, CPT: 3e-3, DPO: 3e-4, KTO: 3e-4, ORPO: 1e-3, GRPO: 1e-3}
RATE_OF_ALL = 3e-4  # at most, where every weight moves


def first_rate(method: str, tuning: str) -> float:
    """The learning rate to begin with, where nobody says another."""
    rate = RATES.get(method, RATES[SFT])
    return min(rate, RATE_OF_ALL) if tuning == FULL else rate


def counting(method: str, tuning: str) -> list[str]:
    """The settings that are dials and make a difference to a method and a tuning, in the order of `TrainSpec`."""
    idle = {*NO_DIALS}
    if tuning == FULL:
        idle |= {*OF_ADAPTERS}
    if method != GRPO:
        idle |= {*OF_TRIES}
    if method not in (*PREFERENCES, GRPO):
        idle.add("beta")
    if method not in (SFT, CPT):
        idle.add("packing")
    return [f.name for f in fields(TrainSpec) if f.name not in idle]


@dataclass(frozen=True)
class TrainSpec:
    """One training run. Paths are absolute; the job reads nothing else.

    `train` and `validation` are JSONL: conversations (`messages`, `tools`) for sft and grpo, the same with `rejected`
    (the worse answer, as messages) for dpo, orpo and kto, and objects with `text` for cpt.
    """

    base: str = field(metadata={"help": "Folder (or hub id) of the base model."})
    train: str = field(metadata={"help": "JSONL to learn from."})
    validation: str = setting("", "JSONL to watch while learning; empty for none.")
    method: str = setting(SFT, "What it learns from: " + ", ".join(METHODS) + ".")
    tuning: str = setting(LORA, "Which weights move: " + ", ".join(TUNINGS) + ".")
    rank: int = setting(16, "Size of the adapter. Higher learns more and needs more memory.", least=1)
    alpha: int = setting(32, "Strength of the adapter, usually twice its rank.", least=1)
    dropout: float = setting(0.0, "Share of the adapter switched off at random while learning.", least=0, most=0.95)
    targets: str = setting("", "Layers that get an adapter, by the end of their names; empty for all that are linear.")
    learning_rate: float = setting(
        RATES[SFT], "Size of a learning step. Too high forgets, too low learns nothing.", least=1e-9
    )
    epochs: float = setting(3.0, "How often each example is seen.", least=0.001, most=1000)
    steps: int = setting(0, "Learning steps, in place of epochs; 0 to count by epochs.", least=0)
    batch_size: int = setting(16, "Examples learned from at once.", least=1)
    accumulation: int = setting(1, "Batches added up before a step; saves memory, costs time.", least=1)
    max_tokens: int = setting(512, "Longest example in tokens; longer ones are refused by line.", least=2)
    packing: bool = setting(False, "Put short examples into one row. None sees another; padding is saved.")
    warmup: float = setting(0.05, "Share of the steps in which the learning rate rises.", least=0, most=1)
    weight_decay: float = setting(0.0, "Pull of the weights towards zero.", least=0)
    clip: float = setting(1.0, "Longest gradient allowed.", least=1e-6)
    evaluate_every: int = setting(20, "Steps between two looks at the validation loss.", least=1)
    checkpoint_every: int = setting(20, "Steps between two checkpoints; a crash loses at most these.", least=1)
    patience: int = setting(5, "Looks without a better validation loss before it stops early; 0 for never.", least=0)
    seed: int = setting(0, "Same seed, same data order, same result.", least=0)
    beta: float = setting(0.1, "Preference methods: how close to stay to the base; higher is closer.", least=0)
    rewards: list[dict[str, Any]] = field(
        default_factory=list, metadata={"help": "grpo: what an answer is paid for (engine.training.material.rewards)."}
    )
    group: int = setting(8, "grpo: answers tried to one prompt, which are compared with each other.", least=2)
    answer_tokens: int = setting(64, "grpo: longest answer that is tried, in tokens.", least=1)
    temperature: float = setting(1.0, "grpo: how freely the answers are tried.", least=0.01, most=5)
    workers: int = setting(1, "Processes that learn together, each on its own device.", least=1)
    trackers: str = setting("", "Where else the figures go: wandb, mlflow, trackio, separated by commas.")

    def __post_init__(self) -> None:
        check(self)
        for name, known in (("method", METHODS), ("tuning", TUNINGS)):
            if getattr(self, name) not in known:
                raise Problem(
                    f"There is no {name} called {getattr(self, name)!r}.", do=f"Use one of {', '.join(known)}."
                )

    @property
    def whole(self) -> bool:
        """Whether a whole model comes out in place of an adapter."""
        return self.tuning == FULL


def of_job(folder: Path) -> TrainSpec:
    """The settings of a job. The first runs said `lora` for what is the method sft with the tuning lora."""
    values = json.loads((folder / FILE).read_text())
    return parse({**values, "method": SFT} if values.get("method") == LORA else values, TrainSpec)

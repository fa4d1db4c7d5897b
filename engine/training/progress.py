"""Progress: how far a run has come, and what its losses say. Plain numbers, no torch."""

import math
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Any

from engine.training.settings import TrainSpec

OVERFITS = (
    "The validation loss has risen three times in a row while the training loss fell: the model now learns the "
    "examples by heart. The best weights so far are kept. Fewer epochs or more examples help."
)
USELESS = (
    "The validation loss was never lower than before the first step, so what is kept changes nothing. "
    "The validation examples may ask for something else than the training examples teach, or the learning rate is "
    "too high."
)
DIVERGES = (
    "The loss has jumped far above where it was and stays there: learning is coming apart. If it does not come back "
    "by itself within some steps, stop the run and start one with a third of the learning rate."
)
EXPLODES = (
    "The gradient has been more than twenty times its usual length for three steps: learning is about to come apart. "
    "A lower learning rate or a longer warm-up helps."
)
BY_HEART = (
    "The model now knows the training examples nearly word for word, and the validation examples far less. What it "
    "learns from here on is those examples, not the way they are written. Fewer epochs or more examples help."
)
ALL_BY_HEART = (
    "The model now knows the training examples nearly word for word, and there are no validation examples to say "
    "whether it has learned more than that. Set some aside, or take fewer epochs."
)
EARLY = (
    "It stopped early: the validation loss has not been lower for {looks} looks, so the steps that are left would "
    "cost time and teach nothing new. The weights of step {best} are kept, where it was lowest."
)
RECENT = 10  # steps
WINDOW = 50  # steps that say what is usual
STRANGE = 3  # steps in a row, as one batch may be odd by chance
KNOWN = 0.05  # nats a token: the right one is foretold with 95 %


@dataclass(frozen=True)
class Look:
    """One look at the validation loss; `training` is the mean loss of the steps since the look before, if any."""

    step: int
    training: float | None
    validation: float


@dataclass
class Progress:
    """What a run has behind it. Losses are in nats per trained token, one for each step."""

    step: int = 0
    tokens: int = 0  # read so far, padding not counted
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)  # lengths of the gradients, before clipping
    looks: list[Look] = field(default_factory=list)

    @classmethod
    def restored(cls, values: dict[str, Any]) -> "Progress":
        return cls(**{**values, "looks": [Look(**look) for look in values["looks"]]})

    @property
    def looked(self) -> int:
        """The step of the last look; -1 before the first."""
        return self.looks[-1].step if self.looks else -1

    @property
    def best(self) -> Look | None:
        return min(self.looks, key=lambda look: look.validation, default=None)

    @property
    def recent_loss(self) -> float:
        """Mean loss of the last ten steps: a single batch says little."""
        recent = self.losses[-RECENT:]
        return sum(recent) / len(recent)

    @property
    def waited(self) -> int:
        """Looks since the one with the lowest validation loss."""
        return len(self.looks) - 1 - self.looks.index(self.best) if self.best else 0

    def spent(self, spec: TrainSpec) -> bool:
        """Whether it has waited for a better validation loss for as long as `spec` allows."""
        return 0 < spec.patience <= self.waited

    def look(self, validation: float) -> Look:
        since = self.losses[max(self.looked, 0) :]
        return Look(self.step, sum(since) / len(since) if since else None, validation)


def rate(step: int, steps: int, spec: TrainSpec) -> float:
    """Learning rate of step 0, 1, ...: rises in a line over the warm-up, then falls along half a cosine towards 0."""
    rising = round(spec.warmup * steps)
    if step < rising:
        return spec.learning_rate * (step + 1) / (rising + 1)
    return spec.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


def overfits(looks: list[Look]) -> bool:
    """Whether the validation loss rose three times in a row while the training loss fell."""
    if len(looks) < 4:
        return False
    first, *_, last = recent = looks[-4:]
    rising = all(before.validation < after.validation for before, after in pairwise(recent))
    falling = first.training is not None and last.training is not None and last.training < first.training
    return rising and falling


def diverges(losses: list[float]) -> bool:
    """Whether the last three losses all lie far above the level before: by more than 0.5 nats, and by more than six
    times what steps usually differ from their median."""
    before, last = losses[-WINDOW - STRANGE : -STRANGE], losses[-STRANGE:]
    if len(before) < STRANGE:
        return False
    level = median(before)
    usual = median(abs(loss - level) for loss in before)
    return min(last) > level + max(0.5, 6 * usual)


def explodes(norms: list[float]) -> bool:
    """Whether the last three gradients were all more than twenty times as long as is usual."""
    before, last = norms[-WINDOW - STRANGE : -STRANGE], norms[-STRANGE:]
    return len(before) >= RECENT and min(last) > 20 * median(before)


def by_heart(looks: list[Look]) -> bool:
    """Whether the training loss is next to nothing and the validation loss is far from it."""
    training = looks[-1].training if looks else None
    return training is not None and training < KNOWN and looks[-1].validation > training + 0.5


def all_by_heart(losses: list[float]) -> bool:
    """Whether the last ten training losses are next to nothing, for runs without validation."""
    recent = losses[-RECENT:]
    return len(recent) == RECENT and sum(recent) / RECENT < KNOWN

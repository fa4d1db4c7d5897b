"""Progress: how far a run has come, and what its losses say. Plain numbers, no torch."""

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from engine.training.settings import TrainSpec

OVERFITS = (
    "The validation loss has risen three times in a row while the training loss fell: the model now learns the "
    "examples by heart. The best adapter so far is kept. Fewer epochs or more examples help."
)
USELESS = (
    "The validation loss was never lower than before the first step, so the adapter that is kept changes nothing. "
    "The validation examples may ask for something else than the training examples teach, or the learning rate is "
    "too high."
)
RECENT = 10  # steps


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

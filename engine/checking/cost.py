"""Cost: what learning from so many tokens would take, said before anything starts. Knows no price book: it is told.

Total training tokens = steps x machines x rows in a batch x tokens in a row
"""

from dataclasses import dataclass
from math import ceil

from engine.problems import Problem


@dataclass(frozen=True)
class Rate:
    """What a machine does and what it is paid for; None where that is not known."""

    tokens_per_second: float | None = None  # of one machine
    per_hour: float | None = None  # of one machine
    per_million: float | None = None  # tokens, where training is bought by the token
    currency: str = "euros"


@dataclass(frozen=True)
class Estimate:
    """`tokens` are all that pass through training, `data_tokens` those of one pass over the data."""

    steps: int
    epochs: float
    data_tokens: int
    tokens: int
    seconds: float | None
    price: float | None
    currency: str

    @property
    def formula(self) -> str:
        return f"{self.tokens:,} training tokens = {self.steps:,} steps x {self.tokens // max(1, self.steps):,} a step"


def cost(
    data_tokens: int,
    epochs: float = 3.0,
    batch_size: int = 8,
    seq_len: int = 2048,
    machines: int = 1,
    max_steps: int = 0,
    rate: Rate | None = None,
) -> Estimate:
    """Steps, epochs, time and price for data of so many tokens, packed into rows of `seq_len`.

    `max_steps` settles the steps, and the epochs follow; 0 makes the steps follow from `epochs`.
    """
    if min(batch_size, seq_len, machines) < 1 or epochs <= 0 or max_steps < 0:
        raise Problem(
            "A plan of these figures makes no sense.",
            f"Epochs {epochs:g}, batch size {batch_size}, sequence length {seq_len}, machines {machines}.",
            "Each must be above zero.",
        )
    rate = rate or Rate()
    a_step = machines * batch_size * seq_len
    steps = max_steps or ceil(epochs * data_tokens / a_step)
    tokens = steps * a_step
    seconds = tokens / machines / rate.tokens_per_second if rate.tokens_per_second else None
    if rate.per_million is not None:
        price: float | None = tokens / 1e6 * rate.per_million
    else:
        price = seconds / 3600 * machines * rate.per_hour if seconds is not None and rate.per_hour is not None else None
    reached = tokens / data_tokens if data_tokens else 0.0
    return Estimate(steps, reached, data_tokens, tokens, seconds, price, rate.currency)

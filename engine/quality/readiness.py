"""Readiness: how far a dataset is from being worth training on, as one number that shows what it is made of.

    readiness = 100 x how much x how good

*How much* is the square root of approved / 500, at most 1: the first hundred examples count most, and beyond 500 care
counts more than number. *How good* is the weighted mean of the parts below, each from 0 to 1. A part that was not
looked at has no value, lends no weight and is named. So 500 careful examples (0.98) beat 5,000 noisy ones (0.5).
docs/health.md says where each part reaches 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt

ENOUGH = 500  # approved examples


@dataclass(frozen=True)
class Part:
    """`share` is what was found over `n` looked at; `value` what that is worth, None for "cannot tell"."""

    name: str
    title: str
    value: float | None
    weight: float
    n: int
    says: str  # in words, with its figures
    do: str = ""  # what would better it, as a button says it
    gain: float = 0.0  # points that would be won if this part were perfect


@dataclass(frozen=True)
class Readiness:
    """`score` from 0 to 100, None when nothing was looked at; `known` is the share of the weight that could be told."""

    score: float | None
    known: float
    amount: Part
    parts: tuple[Part, ...]

    @property
    def next(self) -> Part | None:
        """The next best thing to do: what wins most; a part nobody has looked at comes after those that lack much."""
        return max(
            (part for part in (self.amount, *self.parts) if part.do and part.gain >= 0.5),
            key=lambda part: part.gain,
            default=None,
        )


def judge(approved: int, parts: Sequence[Part], do: str = "Write or approve examples") -> Readiness:
    """The parts put together, each with what it would gain."""
    much = sqrt(min(1.0, approved / ENOUGH))
    says = f"{approved:,} approved; {ENOUGH} careful ones are a good start"
    amount = Part("enough", "Enough approved examples", much, 0.0, approved, says, do if much < 1 else "")
    known = [part for part in parts if part.value is not None]
    total = sum(part.weight for part in parts)
    weight = sum(part.weight for part in known)
    if not weight:
        return Readiness(None, 0.0, replace(amount, gain=100 * (1 - much)), tuple(parts))
    good = sum(part.weight * part.value for part in known if part.value is not None) / weight
    gains = [
        replace(part, gain=0.0 if part.value is None else 100 * much * part.weight * (1 - part.value) / weight)
        for part in parts
    ]
    return Readiness(100 * much * good, weight / total, replace(amount, gain=100 * (1 - much) * good), tuple(gains))


def falling(share: float, zero_at: float) -> float:
    """1 when nothing was found, 0 when a share of `zero_at` or more was."""
    assert 0 <= share <= 1 and zero_at > 0, f"share {share} is not a fraction"
    return max(0.0, 1 - share / zero_at)

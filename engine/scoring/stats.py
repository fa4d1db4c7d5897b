"""Statistics: how sure we are of a number, and of a difference between two candidates.

Candidates are compared on the same items, always paired; only groups of other items are not. Shares run from 0 to 1.
No item, no number: an estimate of nothing is None, never 0. It knows nothing of what was measured, and nothing of many
looks at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, hypot, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
import scipy  # its parts load when they are first named; most processes that know of figures compute none

LEVEL = 0.95
POWER = 0.8
Z = NormalDist().inv_cdf((1 + LEVEL) / 2)
Z_POWER = NormalDist().inv_cdf(POWER)


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval and the items it rests on.

    `value` is None without items; `low` and `high` are None where no honest interval exists (a mean of one item,
    or of items that are all the same). `of` tells what the items belong to where that counts: "240 documents".
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    of: str = ""

    @property
    def counted(self) -> str:
        """`150`, or `1,190 of 240 documents`."""
        return counted(self.n, self.of)

    def __str__(self) -> str:
        """`93 % (88-96, n = 150)`: for shares. A mean in another unit has `plain`."""
        return self._line(100, 0, " %")

    def plain(self, digits: int = 2) -> str:
        """`0.85 (0.77-0.93, n = 50)`."""
        return self._line(1, digits, "")

    def _line(self, scale: float, digits: int, unit: str) -> str:
        if self.value is None:
            return "no number (n = 0)"
        between = _between(self.low, self.high, scale, digits)
        return f"{self.value * scale:.{digits}f}{unit} ({between}, n = {self.counted})"


@dataclass(frozen=True)
class Difference:
    """After minus before on the same `n` items.

    `b` items got worse and `c` better; `p` is that of the paired test named by the function that made it.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    b: int
    c: int
    p: float | None
    of: str = ""

    @property
    def counted(self) -> str:
        """`150`, or `1,190 of 240 documents`."""
        return counted(self.n, self.of)

    def __str__(self) -> str:
        """`+23 points (+15 to +31, n = 150; 4 lost, 38 gained, p < 0.001)`: for shares."""
        if self.value is None:
            return "no number (n = 0)"
        span = (
            "no interval"
            if self.low is None or self.high is None
            else f"{in_points(self.low)} to {in_points(self.high)}"
        )
        return (
            f"{in_points(self.value)} points ({span}, n = {self.counted}; "
            f"{self.b} lost, {self.c} gained, {p_text(self.p)})"
        )


@dataclass(frozen=True)
class Preference:
    """Which of two answers was preferred. `p` is the exact sign test on the decided items alone."""

    wins: int
    ties: int
    losses: int
    net: Estimate  # (wins - losses) / n
    score: Estimate  # a tie is half a win
    decided: Estimate  # wins / (wins + losses)
    p: float | None


def share(successes: int, n: int) -> Estimate:
    """`successes` of `n`, with Wilson's score interval (Wilson, JASA 1927)."""
    assert 0 <= successes <= n, f"{successes} successes of {n} is not a share"
    if n == 0:
        return Estimate(None, None, None, 0)
    return Estimate(successes / n, *wilson(successes / n, n), n)


def wilson(value: float, n: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of `n` items, which need not be a whole number."""
    centre = (value + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * sqrt(value * (1 - value) / n + Z**2 / (4 * n**2))
    # at the ends the formula gives 0 and 1 but for the last bit of a float
    return 0.0 if value == 0 else centre - half, 1.0 if value == 1 else centre + half


def mean(values: Sequence[float], least: float = -np.inf, most: float = np.inf) -> Estimate:
    """The mean with Student's t interval, cut at what a value can be. None for one value, or where all are the same."""
    n = len(values)
    if n == 0:
        return Estimate(None, None, None, 0)
    data = np.asarray(values, dtype=float)
    value = float(data.mean())
    if n == 1 or np.ptp(data) == 0:
        return Estimate(value, None, None, n)
    half = float(scipy.stats.t.ppf((1 + LEVEL) / 2, n - 1) * data.std(ddof=1) / sqrt(n))
    return Estimate(value, max(least, value - half), min(most, value + half), n)


def difference(before: Sequence[float], after: Sequence[float]) -> Difference:
    """Right/wrong (1/0) of the same items before and after.

    The interval is method 10 of Newcombe, Statistics in Medicine 17 (1998), 2635-2650; p is McNemar's, exact.
    """
    pairs = list(zip(before, after, strict=True))
    if odd := next((pair for pair in pairs if not set(pair) <= {0, 1}), None):
        raise ValueError(f"{odd} is not a pair of right (1) and wrong (0); paired_mean takes scores in between")
    b, c = pairs.count((1, 0)), pairs.count((0, 1))
    if not pairs:
        return Difference(None, None, None, 0, 0, 0, None)
    low, high = newcombe(pairs.count((1, 1)), b, c, pairs.count((0, 0)))
    return Difference((c - b) / len(pairs), low, high, len(pairs), b, c, mcnemar(b, c))


def newcombe(both: float, b: float, c: float, neither: float) -> tuple[float, float]:
    """Newcombe's method 10: the 95 % interval of (c - b) / n from a paired table.

    Wilson's intervals of the two shares, squared and added, less what their correlation (phi, corrected) takes away.
    """
    n = both + b + c + neither
    before, after = (both + b) / n, (both + c) / n
    (low, high), (low_after, high_after) = wilson(before, n), wilson(after, n)
    spread = sqrt((both + b) * (c + neither) * (both + c) * (b + neither))
    cross = both * neither - b * c
    # a positive correlation is shrunk by n / 2, and never beyond zero; a negative one is taken as it is
    phi = (min(cross, max(cross - n / 2, 0.0)) / spread) if spread else 0.0
    down = _joined(after - low_after, high - before, phi)
    up = _joined(high_after - after, before - low, phi)
    value = (c - b) / n
    return max(-1.0, value - down), min(1.0, value + up)


def mcnemar(b: int, c: int) -> float:
    """The exact two-sided p of McNemar's test: the discordant items are a fair coin if nothing changed."""
    return float(scipy.stats.binomtest(min(b, c), b + c).pvalue) if b + c else 1.0


def paired_mean(before: Sequence[float], after: Sequence[float]) -> Difference:
    """Scores of the same items before and after: mean difference with Student's t interval, and the paired t-test."""
    pairs = list(zip(before, after, strict=True))
    changes = [late - early for early, late in pairs]
    found = mean(changes)
    b, c = sum(change < 0 for change in changes), sum(change > 0 for change in changes)
    p = None if found.low is None else float(scipy.stats.ttest_1samp(changes, 0.0).pvalue)
    return Difference(found.value, found.low, found.high, found.n, b, c, p)


def apart(first: Sequence[float], second: Sequence[float], groups: Sequence[Sequence[float]]) -> Estimate:
    """Mean of `second` minus that of `first`, which are not paired, with Student's t interval.

    The spread is pooled over all `groups`, which hold these two; where no group has two values there is no interval.
    """
    value = float(np.mean(second) - np.mean(first))
    freedom = sum(max(0, len(group) - 1) for group in groups)
    if freedom == 0:
        return Estimate(value, None, None, len(first) + len(second))
    squares = sum(float(np.var(group)) * len(group) for group in groups if len(group))
    wide = float(scipy.stats.t.ppf((1 + LEVEL) / 2, freedom))
    half = wide * sqrt(squares / freedom * (1 / len(first) + 1 / len(second)))
    return Estimate(value, value - half, value + half, len(first) + len(second))


def unpaired(first: Estimate, second: Estimate) -> Estimate:
    """`second` minus `first`, which share no items, out of the interval of each; None where either has none.

    Of shares with Wilson's interval it is method 10 of Newcombe, Statistics in Medicine 17 (1998), 873-890; of other
    figures that of Zou and Donner, Statistics in Medicine 27 (2008), 1693-1702. Where some documents have items on both
    sides, it is too wide rather than too narrow.
    """
    n = first.n + second.n
    if first.value is None or second.value is None:
        return Estimate(None, None, None, n)
    value = second.value - first.value
    if first.low is None or first.high is None or second.low is None or second.high is None:
        return Estimate(value, None, None, n)
    low = value - hypot(second.value - second.low, first.high - first.value)
    high = value + hypot(second.high - second.value, first.value - first.low)
    return Estimate(value, low, high, n)


def preference(wins: int, ties: int, losses: int) -> Preference:
    """Blind preferences over n items: net win and score with ties as half (Student's t), decided share, sign test."""
    decided = wins + losses
    return Preference(
        wins,
        ties,
        losses,
        net=mean([1.0] * wins + [0.0] * ties + [-1.0] * losses, -1.0, 1.0),
        score=mean([1.0] * wins + [0.5] * ties + [0.0] * losses, 0.0, 1.0),
        decided=share(wins, decided),
        p=float(scipy.stats.binomtest(wins, decided).pvalue) if decided else None,
    )


def interaction(
    base: Sequence[float], rag: Sequence[float], tuned: Sequence[float], both: Sequence[float], seed: int = 0
) -> Estimate:
    """What the two do together beyond the sum of each: (both - tuned) - (rag - base), per item.

    The interval is a BCa bootstrap over items (Efron 1987), 9,999 resamples, repeatable by its seed. Where no item
    speaks against, it reaches as far towards zero as with one that does: draws from one side never cross it.
    """
    rows = np.asarray(list(zip(base, rag, tuned, both, strict=True)), dtype=float)
    if not len(rows):
        return Estimate(None, None, None, 0)
    extra = rows @ np.array([1.0, -1.0, -1.0, 1.0])
    value = float(extra.mean())
    if np.ptp(extra) == 0:
        return Estimate(value, None, None, len(extra))
    low, high = _bootstrapped(tuple(extra.tolist()), seed)
    if against := opposed(extra):
        nearer = _bootstrapped((*extra.tolist(), against), seed)
        low, high = (low, nearer[1]) if against > 0 else (nearer[0], high)
    return Estimate(value, low, high, len(extra))


def opposed(values: np.ndarray) -> float:
    """An imagined value that speaks against all of these, as large as the largest; 0 where one of them does."""
    most, least = float(values.max()), float(values.min())
    return -most if least >= 0 else -least if most <= 0 else 0.0


@lru_cache(maxsize=64)  # a page that is drawn again asks for the same one, and it takes 30 ms
def _bootstrapped(values: tuple[float, ...], seed: int) -> tuple[float, float]:
    """The 95 % BCa interval of the mean."""
    data, at_once = np.asarray(values), max(1, 2_000_000 // len(values))  # draws that are held in memory
    found: Any = scipy.stats.bootstrap((data,), np.mean, confidence_level=LEVEL, method="BCa", batch=at_once, rng=seed)
    low, high = found.confidence_interval
    return float(low), float(high)


def items_needed(visible: float, discordant: float = 0.2) -> int:
    """Paired items that show a difference of `visible` in four of five trials (alpha .05, two-sided).

    `discordant` is the share of items on which the two differ at all; it can't be less than the difference.
    Connor, Biometrics 43 (1987), 207-211.
    """
    return ceil(_connor(visible, discordant) - 1e-9)


def smallest_visible(n: float, discordant: float = 0.2) -> float | None:
    """The smallest paired difference of shares that `n` items can show; None when not even the largest would show."""
    if n < _connor(1.0, discordant):
        return None
    return float(scipy.optimize.brentq(lambda visible: _connor(visible, discordant) - n, 1e-6, 1.0))


def p_text(p: float | None) -> str:
    """`p = 0.03`, `p < 0.001`, or `p unknown`."""
    if p is None:
        return "p unknown"
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def in_points(value: float) -> str:
    """A difference of shares in points of a hundred, with its sign: `+23`, `-4`, `0`."""
    rounded = round(value * 100)
    return f"{rounded:+d}" if rounded else "0"


def counted(n: int, of: str = "") -> str:
    """`150`, or `1,190 of 240 documents`."""
    return f"{n:,} of {of}" if of else str(n)


def _connor(visible: float, discordant: float) -> float:
    psi = max(discordant, visible)
    return (Z * sqrt(psi) + Z_POWER * sqrt(psi - visible**2)) ** 2 / visible**2


def _joined(one: float, other: float, phi: float) -> float:
    return sqrt(max(0.0, one**2 - 2 * phi * one * other + other**2))


def _between(low: float | None, high: float | None, scale: float, digits: int) -> str:
    if low is None or high is None:
        return "no interval"
    joint = "-" if low >= 0 else " to "
    return f"{low * scale:.{digits}f}{joint}{high * scale:.{digits}f}"

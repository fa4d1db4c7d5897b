"""Clustered: how sure we are of a number when several items belong to one document, customer or conversation.

Five questions on one paragraph are alike, and say less than five on five: what chance draws is the paragraph. So
variances are of the sums of each cluster (Liang and Zeger, Biometrika 1986; Miller, arXiv:2411.00640, 2024, section
2.2), times G / (G - 1) for G clusters (CR1), with Student's t for as many degrees of freedom as clusters of even size
would give, less one. Where no two items share a cluster every figure is that of `stats`, to the last digit.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import sqrt
from typing import Any

import numpy as np
import scipy

from engine.scoring import stats
from engine.scoring.stats import LEVEL, Difference, Estimate, Preference, Z


@dataclass(frozen=True)
class Clusters:
    """What each of some items belongs to, in their order, and what such things are called.

    An item that stands alone has the name ''; without names all do.
    """

    names: tuple[str, ...] = ()
    called: str = "groups"

    @cached_property
    def shared(self) -> bool:
        """Whether any two items are of one cluster."""
        return any(many > 1 for name, many in Counter(self.names).items() if name)

    @cached_property
    def numbers(self) -> np.ndarray:
        """The cluster of each item, counted from 0."""
        own = [name or (at,) for at, name in enumerate(self.names)]
        places = {name: at for at, name in enumerate(dict.fromkeys(own))}
        return np.array([places[name] for name in own], dtype=int)

    @cached_property
    def sizes(self) -> np.ndarray:
        return np.bincount(self.numbers)

    @property
    def count(self) -> int:
        return len(self.sizes)

    @property
    def told(self) -> str:
        """`240 documents`; '' where every item stands alone."""
        if not self.shared:
            return ""
        return f"{self.count:,} {self.called}" if self.count > 1 else f"1 {self.called.removesuffix('s')}"

    @property
    def even(self) -> float:
        """How many clusters of even size would tell as much (Carter, Schnepel and Steigerwald, REStat 2017)."""
        return float(self.sizes.sum() ** 2 / (self.sizes**2).sum())

    @property
    def t(self) -> float:
        """How many standard errors the 95 % interval is wide to either side."""
        return float(scipy.stats.t.ppf((1 + LEVEL) / 2, self.freedom))

    @property
    def freedom(self) -> float:
        return max(1.0, self.even - 1)

    @property
    def trust(self) -> float:
        """What is left of n where clusters are few: 1 for many (Korn and Graubard, Survey Methodology 1998)."""
        return (Z / self.t) ** 2

    def at(self, places: Iterable[int]) -> "Clusters":
        """Those of some items alone."""
        return replace(self, names=tuple(self.names[at] for at in places)) if self.names else self

    def sums(self, rows: np.ndarray) -> np.ndarray:
        """The rows of each cluster added up: items x counts becomes clusters x counts."""
        found = np.zeros((self.count, *rows.shape[1:]))
        np.add.at(found, self.numbers, rows)
        return found

    def variance(self, values: Sequence[float] | np.ndarray) -> float:
        """The variance of the mean of `values` (CR1)."""
        data = np.asarray(values, dtype=float)
        off = self.sums(data - data.mean())
        return float((off**2).sum() / len(data) ** 2 * self.count / (self.count - 1))

    def worth(self, values: Sequence[float] | np.ndarray) -> float:
        """How many items of their own the items are worth to the mean of `values`: n over the design effect (Kish,
        Survey Sampling, 1965), which is never taken below 1, times `trust`. Values that are all the same don't show how
        alike those of a cluster are: then it counts as one."""
        data = np.asarray(values, dtype=float)
        alone = float(data.var(ddof=1)) / len(data)
        effect = max(1.0, self.variance(data) / alone) if alone else len(data) / self.even
        return len(data) / effect * self.trust


ALONE = Clusters()


def share(values: Sequence[float], clusters: Clusters = ALONE) -> Estimate:
    """The share of right (1) among right and wrong (0): Wilson's interval for as many items as these are worth.

    Where all are right, or wrong, it reaches as far as with one item that is not, so that more right never say less.
    No interval where all items are of one cluster.
    """
    n = len(values)
    plain = stats.share(round(sum(values)), n)
    if not clusters.shared or plain.value is None:
        return plain
    if clusters.count == 1:
        return Estimate(plain.value, None, None, plain.n, clusters.told)
    if plain.value in (0, 1):
        low, high = stats.wilson(abs(plain.value - 1 / n), n * clusters.trust)
        low, high = (low, 1.0) if plain.value else (0.0, high)
    else:
        low, high = stats.wilson(plain.value, clusters.worth(values))
    return Estimate(plain.value, low, high, n, clusters.told)


def mean(values: Sequence[float], clusters: Clusters = ALONE, least: float = -np.inf, most: float = np.inf) -> Estimate:
    """The mean with the interval of its clustered standard error, cut at what a value can be."""
    plain = stats.mean(values, least, most)
    if not clusters.shared or plain.value is None:
        return plain
    if clusters.count == 1 or plain.low is None:
        return Estimate(plain.value, None, None, plain.n, clusters.told)
    half = clusters.t * sqrt(clusters.variance(values))
    return Estimate(plain.value, max(least, plain.value - half), min(most, plain.value + half), plain.n, clusters.told)


def difference(before: Sequence[float], after: Sequence[float], clusters: Clusters = ALONE) -> Difference:
    """Right/wrong (1/0) of the same items before and after: Newcombe's interval for as many items as these are worth
    to the difference; p is McNemar's, but it is a cluster's whole change that falls to either side."""
    plain = stats.difference(before, after)
    if not clusters.shared or plain.value is None:
        return plain
    changes = np.asarray(after, dtype=float) - np.asarray(before, dtype=float)
    p = turned(clusters.sums(changes))
    if clusters.count == 1:
        return replace(plain, low=None, high=None, p=p, of=clusters.told)
    both = sum(early == late == 1 for early, late in zip(before, after, strict=True))
    cells = np.array([both, plain.b, plain.c, plain.n - both - plain.b - plain.c])
    low, high = stats.newcombe(*(cells * clusters.worth(changes) / plain.n).tolist())
    return replace(plain, low=low, high=high, p=p, of=clusters.told)


def paired_mean(before: Sequence[float], after: Sequence[float], clusters: Clusters = ALONE) -> Difference:
    """Scores of the same items before and after: the mean of the differences with its clustered interval and t-test."""
    plain = stats.paired_mean(before, after)
    if not clusters.shared or plain.value is None:
        return plain
    changes = np.asarray(after, dtype=float) - np.asarray(before, dtype=float)
    found = mean(changes.tolist(), clusters)
    error = 0.0 if found.low is None else sqrt(clusters.variance(changes))
    p = 2 * float(scipy.stats.t.sf(abs(plain.value) / error, clusters.freedom)) if error else None
    return replace(plain, low=found.low, high=found.high, p=p, of=clusters.told)


def preference(outcomes: Sequence[int], clusters: Clusters = ALONE) -> Preference:
    """Blind preferences, each 1 for a win, 0 for a tie, -1 for a loss: clustered means and share. The sign test becomes
    one of clusters: what one says in sum, wins less losses, falls to either side."""
    data = np.asarray(outcomes, dtype=int)
    wins, losses = int((data > 0).sum()), int((data < 0).sum())
    plain = stats.preference(wins, len(data) - wins - losses, losses)
    if not clusters.shared:
        return plain
    decided = np.flatnonzero(data)
    return replace(
        plain,
        net=mean(data.tolist(), clusters, -1.0, 1.0),
        score=mean(((1 + data) / 2).tolist(), clusters, 0.0, 1.0),
        decided=share((data[decided] > 0).astype(float).tolist(), clusters.at(decided.tolist())),
        p=turned(clusters.sums(data)) if len(decided) else None,
    )


def apart(values: Sequence[float], inside: Sequence[bool], clusters: Clusters = ALONE) -> float:
    """How often chance alone parts the mean of those `inside` as far from that of all others: the score test of the
    difference with its clustered variance, so all share one mean if nothing but chance is at work."""
    data, here = np.asarray(values, dtype=float), np.asarray(inside, dtype=float)
    scores = (here - here.mean()) * (data - data.mean())
    sums = clusters.sums(scores) if clusters.shared else scores
    spread = sqrt(float((sums**2).sum()))
    return 2 * float(scipy.stats.t.sf(abs(sums.sum()) / spread, clusters.freedom)) if spread else 1.0


def turned(changes: Sequence[float] | np.ndarray) -> float:
    """How often whole numbers sum to as much or more, either way, if each is as likely to have the other sign: exact.

    Where all are 1 and -1 it is McNemar's exact p. (Fisher, The Design of Experiments, 1935, section 21.)
    """
    sizes = Counter(abs(round(float(change))) for change in changes)
    chances: Any = np.ones(1)  # of each sum of those that are turned to plus
    for size, many in sizes.items():
        if size:
            spread = np.zeros(size * many + 1)
            spread[::size] = scipy.stats.binom.pmf(np.arange(many + 1), many, 0.5)
            chances = np.convolve(chances, spread)
    total = len(chances) - 1
    beyond = np.abs(2 * np.arange(total + 1) - total) >= abs(round(float(np.sum(changes))))
    return min(1.0, float(chances[beyond].sum()))

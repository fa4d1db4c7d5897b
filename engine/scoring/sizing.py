"""Sizing: how small a difference so many items can show, before anybody is asked.

Items of one document are alike, so they show less than as many that stand alone: n over the design effect, which is
1 + (m - 1) a for m items of each document that correlate by `a` (Kish, Survey Sampling, 1965). How alike they are is
measured where they were asked before; until then there is a best case and a worst one, and both are told.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.scoring import stats
from engine.scoring.clustered import ALONE, Clusters

FEW = 10  # clusters below which nothing is said of how alike their items are


@dataclass(frozen=True)
class Visible:
    """The smallest paired difference of shares that is seen in four of five trials: at best, where items of one cluster
    are as different as any, and at worst, where they all answer alike. The same where it is known, or nothing belongs
    together. None where not even the largest difference would be seen."""

    n: int
    best: float | None
    worst: float | None
    of: str = ""  # what the items belong to: `240 documents`
    known: bool = True  # whether how alike they are was measured, or does not matter

    @property
    def points(self) -> str:
        """`8 points`, `4 to 8 points`; '' where no difference would be seen."""
        if self.best is None:
            return ""
        best = f"{100 * self.best:.0f}"
        if self.worst is None:
            return f"at best {best} points"
        worst = f"{100 * self.worst:.0f}"
        return f"{best} points" if best == worst else f"{best} to {worst} points"

    @property
    def items(self) -> str:
        """`1,190 items of 240 documents`."""
        return f"{self.n:,} item{'s' * (self.n != 1)}" + (f" of {self.of}" if self.of else "")

    @property
    def shows(self) -> str:
        """What they are enough for."""
        if not self.points:
            return "too few to see any difference, four times out of five"
        said = f"enough to see {self.points} of difference, four times out of five"
        if self.known:
            return said
        return f"{said}: the more alike those that belong together are answered, the less is seen"


def visible(n: int, clusters: Clusters = ALONE, alike: float | None = None, discordant: float = 0.2) -> Visible:
    """What `n` items of such clusters can show, their items alike by `alike`; from 0 to 1 where that is not known."""
    if not clusters.shared:
        found = stats.smallest_visible(n, discordant)
        return Visible(n, found, found)
    best, worst = (_least(n, clusters, one, discordant) for one in ((0.0, 1.0) if alike is None else (alike, alike)))
    return Visible(n, best, worst, clusters.told, alike is not None)


def effect(clusters: Clusters, alike: float) -> float:
    """The design effect of items that are alike by so much; of clusters of several sizes m is weighted by items."""
    return 1 + (float(clusters.sizes.sum()) / clusters.even - 1) * alike


def alike(values: Sequence[float], clusters: Clusters) -> float | None:
    """How alike the values of one cluster are, from 0 to 1, as their design effect tells it. None where nothing belongs
    together, clusters are too few, or all values are the same."""
    data = np.asarray(values, dtype=float)
    alone = float(data.var(ddof=1)) / len(data) if len(data) > 1 else 0.0
    if not clusters.shared or clusters.count < FEW or not alone:
        return None
    found = (clusters.variance(data) / alone - 1) / (len(data) / clusters.even - 1)
    return min(1.0, max(0.0, found))


def _least(n: int, clusters: Clusters, alike: float, discordant: float) -> float | None:
    if clusters.count < 2:
        return None  # no interval can be told of it
    return stats.smallest_visible(n / effect(clusters, alike) * clusters.trust, discordant)

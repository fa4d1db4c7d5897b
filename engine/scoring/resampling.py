"""Resampling: how sure we are of a figure that is made of all items together, such as corpus BLEU or macro-F1.

Each item is a row of counts, and the figure is a function of the rows' sums: so an item left out or drawn twice is a
sum again, and thousands of draws are one product of matrices. Items of one cluster are one row, the sum of theirs,
since clusters are what chance draws; the interval then is wider by what Student's t is than the normal and by the root
of G / (G - 1), or a few clusters would promise too much (Hesterberg, The American Statistician 2015, section 3.4).
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import sqrt

import numpy as np
import scipy

from engine.scoring import stats
from engine.scoring.clustered import ALONE, Clusters
from engine.scoring.stats import Difference, Estimate, Z

Figure = Callable[[np.ndarray], np.ndarray]  # sums, one set a row -> one number a row; NaN where there is none
DRAWS = 2000
AT_ONCE = 250  # draws held in memory
KEPT = 500  # intervals that are remembered: a page that is drawn again asks for the same ones
_known: OrderedDict[bytes, tuple[float | None, float | None, float | None]] = OrderedDict()


def ratio(sums: np.ndarray) -> np.ndarray:
    """The first sum over the second: a mean, where the second counts."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(sums[:, 0] / sums[:, 1])


def estimate(rows: np.ndarray, figure: Figure = ratio, clusters: Clusters = ALONE) -> Estimate:
    """The figure of `rows` (items x counts) with its 95 % interval: BCa bootstrap over items (Efron 1987), or over
    clusters of items."""
    if not len(rows):
        return Estimate(None, None, None, 0)
    value = _value(rows, figure)
    low, high, _ = _interval(rows, figure, clusters) if value is not None else (None, None, None)
    return Estimate(value, low, high, len(rows), clusters.told)


def difference(before: np.ndarray, after: np.ndarray, figure: Figure = ratio, clusters: Clusters = ALONE) -> Difference:
    """After minus before over the same items, in the same order: both are drawn together.

    `b` and `c` are not known of a figure over all items and stand at 0; p is that of the paired bootstrap (Koehn 2004).
    """
    assert len(before) == len(after), f"{len(before)} and {len(after)} items cannot be paired"
    if not len(before):
        return Difference(None, None, None, 0, 0, 0, None)
    width = before.shape[1]

    def gained(sums: np.ndarray) -> np.ndarray:
        return figure(sums[:, width:]) - figure(sums[:, :width])

    both = np.hstack([before, after])
    value = _value(both, gained)
    low, high, p = _interval(both, gained, clusters, figure) if value is not None else (None, None, None)
    return Difference(value, low, high, len(both), 0, 0, p, clusters.told)


def mean(values: Sequence[float], clusters: Clusters = ALONE) -> Estimate:
    """The mean of numbers with a bootstrap interval, for values that may be skewed."""
    return estimate(_counted(values), clusters=clusters)


def mean_difference(before: Sequence[float], after: Sequence[float], clusters: Clusters = ALONE) -> Difference:
    """The same of after minus before; `b` items fell and `c` rose.

    Where none speaks against, the interval and p are as unsure as with one that does: draws from one side never cross
    zero, however few items there are on it.
    """
    found = difference(_counted(before), _counted(after), clusters=clusters)
    changes = np.asarray(after, dtype=float) - np.asarray(before, dtype=float)
    if found.low is not None and (against := stats.opposed(changes)):
        nearer = difference(_counted([*before, 0.0]), _counted([*after, against]), clusters=_and_one(clusters))
        low, high = (found.low, nearer.high) if against > 0 else (nearer.low, found.high)
        found = replace(found, low=low, high=high, p=nearer.p)
    return replace(found, b=int((changes < 0).sum()), c=int((changes > 0).sum()))


def interaction(arms: Sequence[Sequence[float]], clusters: Clusters = ALONE) -> Estimate:
    """What two steps do together beyond the sum of each, of the `arms` base, one, other and both, over the same items:
    `stats.interaction`, or its bootstrap over clusters."""
    base, one, other, both = arms
    if not clusters.shared:
        return stats.interaction(base, one, other, both)
    extra = np.asarray(arms, dtype=float).T @ np.array([1.0, -1.0, -1.0, 1.0])
    found = mean(extra.tolist(), clusters)
    against = 0.0 if found.low is None else stats.opposed(extra)
    if not against:
        return found
    nearer = mean([*extra.tolist(), against], _and_one(clusters))
    return replace(found, high=nearer.high) if against > 0 else replace(found, low=nearer.low)


def _and_one(clusters: Clusters) -> Clusters:
    """The same, and one more item that belongs to nothing else."""
    return replace(clusters, names=(*clusters.names, "")) if clusters.shared else clusters


def _counted(values: Sequence[float]) -> np.ndarray:
    data = np.asarray(values, dtype=float)
    return np.column_stack([data, np.ones(len(data))])


def _value(rows: np.ndarray, figure: Figure) -> float | None:
    value = float(figure(rows.sum(axis=0, keepdims=True))[0])
    return None if np.isnan(value) else value


def _interval(
    rows: np.ndarray, figure: Figure, clusters: Clusters, named: Figure | None = None
) -> tuple[float | None, float | None, float | None]:
    """Low, high and p, remembered by what they are made of."""
    wide = Z
    if clusters.shared:
        rows = clusters.sums(rows)
        wide = clusters.t * sqrt(len(rows) / (len(rows) - 1)) if len(rows) > 1 else Z
    known = named or figure
    kind = f"{known.__module__}.{known.__qualname__} {named is not None} {rows.shape} {wide}"
    digest = hashlib.blake2b(kind.encode())
    digest.update(np.ascontiguousarray(rows, dtype=float).data)
    key = digest.digest()
    if key not in _known:
        _known[key] = _drawn(np.asarray(rows, dtype=float), figure, wide)
        while len(_known) > KEPT:
            _known.popitem(last=False)
    return _known[key]


def _drawn(rows: np.ndarray, figure: Figure, wide: float) -> tuple[float | None, float | None, float | None]:
    total = rows.sum(axis=0, keepdims=True)
    value = float(figure(total)[0])
    draws = np.concatenate([figure(counts @ rows) for counts in _counts(len(rows))])
    draws = draws[~np.isnan(draws)]
    if len(rows) < 2 or not len(draws) or np.ptp(draws) < 1e-12:
        return None, None, None
    low, high = np.quantile(draws, _levels(value, draws, figure(total - rows), wide))
    p = (1 + int((np.abs(draws - value) >= abs(value) - 1e-12).sum())) / (1 + len(draws))
    return float(low), float(high), p


def _levels(value: float, draws: np.ndarray, without: np.ndarray, wide: float) -> tuple[float, float]:
    """Between which quantiles of the draws the interval lies, corrected for bias and skew; `without` each row once."""
    below = float((draws < value).mean() + (draws == value).mean() / 2)
    bias = float(scipy.stats.norm.ppf(min(max(below, 1 / len(draws)), 1 - 1 / len(draws))))
    off = np.nan_to_num(np.nanmean(without) - without)
    spread = float((off**2).sum()) ** 1.5
    skew = float((off**3).sum()) / (6 * spread) if spread else 0.0
    below_z = scipy.stats.norm.cdf
    low, high = (below_z(bias + (bias + z) / (1 - skew * (bias + z))) for z in (-wide, wide))
    return (float(low), float(high)) if low < high else (float(below_z(-wide)), float(below_z(wide)))


def _counts(n: int) -> Iterator[np.ndarray]:
    """How often each of `n` items is drawn, a row a draw; the same every time, so that figures can be repeated."""
    chance = np.random.default_rng(0)
    for begun in range(0, DRAWS, AT_ONCE):
        size = min(AT_ONCE, DRAWS - begun)
        drawn = chance.integers(0, n, size=(size, n)) + n * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(float)

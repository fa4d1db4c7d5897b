"""Agreement: how often two who judge the same things say the same, and how much of that chance alone would bring.

Things of one cluster, such as the claims of one answer, are judged well or badly together: `clustered` tells how.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from math import sqrt

import numpy as np

from engine.scoring import clustered
from engine.scoring.clustered import ALONE, Clusters
from engine.scoring.stats import Estimate, Z

Pairs = Sequence[tuple[Hashable, Hashable]]  # what each of the two said of one thing


def share(pairs: Pairs, clusters: Clusters = ALONE) -> Estimate:
    """The share of things of which both say the same, with Wilson's interval for as many as these are worth."""
    return clustered.share([float(one == other) for one, other in pairs], clusters)


def kappa(pairs: Pairs, clusters: Clusters = ALONE) -> Estimate:
    """Cohen's kappa (Educational and Psychological Measurement 1960): 1 is full agreement, 0 what chance would bring.

    The 95 % interval is by the large-sample variance of Fleiss, Cohen and Everitt (Psychological Bulletin 1969). It is
    that of the mean of what each thing adds to kappa, so with clusters it is that of their sums. No value where both
    always said one and the same thing, and no interval where they never differed or all is of one cluster.
    """
    n = len(pairs)
    first, second = (Counter(side) for side in zip(*pairs, strict=True)) if n else (Counter(), Counter())
    by_chance = sum(first[one] * second[one] for one in first) / n**2 if n else 1.0
    if by_chance == 1:
        return Estimate(None, None, None, n)
    observed = sum(one == other for one, other in pairs) / n
    value = (observed - by_chance) / (1 - by_chance)
    if observed == 1 or (clusters.shared and clusters.count == 1):
        return Estimate(value, None, None, n, clusters.told)
    # a thing weighs by its margins crossed: the second's share of the first's word, and the first's of the second's
    adds = np.array([(a == b) - (1 - value) * (second[a] + first[b]) / n for a, b in pairs]) / (1 - by_chance)
    variance, wide = (clusters.variance(adds), clusters.t) if clusters.shared else (float(adds.var()) / n, Z)
    half = wide * sqrt(variance)
    return Estimate(value, max(-1.0, value - half), min(1.0, value + half), n, clusters.told)

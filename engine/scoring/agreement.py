"""Agreement: how often two who judge the same things say the same, and how much of that chance alone would bring."""

from collections import Counter
from collections.abc import Hashable, Sequence
from math import sqrt

from engine.scoring import stats
from engine.scoring.stats import Estimate, Z

Pairs = Sequence[tuple[Hashable, Hashable]]  # what each of the two said of one thing


def share(pairs: Pairs) -> Estimate:
    """The share of things of which both say the same, with Wilson's interval."""
    return stats.share(sum(one == other for one, other in pairs), len(pairs))


def kappa(pairs: Pairs) -> Estimate:
    """Cohen's kappa (Educational and Psychological Measurement 1960): 1 is full agreement, 0 what chance would bring.

    The 95 % interval is by the large-sample variance of Fleiss, Cohen and Everitt (Psychological Bulletin 1969). No
    value where both always said one and the same thing, and no interval where they never differed.
    """
    n = len(pairs)
    first, second = (Counter(side) for side in zip(*pairs, strict=True)) if n else (Counter(), Counter())
    said = sorted({*first, *second}, key=repr)
    by_chance = sum(first[one] * second[one] for one in said) / n**2 if n else 1.0
    if by_chance == 1:
        return Estimate(None, None, None, n)
    both = Counter(pairs)
    observed = sum(both[one, one] for one in said) / n
    value = (observed - by_chance) / (1 - by_chance)
    if observed == 1:
        return Estimate(value, None, None, n)
    # a cell weighs by its margins crossed: the second's share of the first's word, and the first's of the second's
    same = sum(both[a, a] / n * (1 - (first[a] + second[a]) / n * (1 - value)) ** 2 for a in said)
    apart = sum(both[a, b] / n * ((second[a] + first[b]) / n) ** 2 for a in said for b in said if a != b)
    spread = same + (1 - value) ** 2 * apart - (value - by_chance * (1 - value)) ** 2
    half = Z * sqrt(max(0.0, spread) / n) / (1 - by_chance)
    return Estimate(value, max(-1.0, value - half), min(1.0, value + half), n)

"""Confusion: which label was taken for which, and whether a model beats always giving the commonest one.

An answer that is no label at all stays in the table as itself, so that nothing unreadable disappears.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.scoring.clustered import ALONE, Clusters, share
from engine.scoring.labels import as_label
from engine.scoring.stats import Estimate


@dataclass(frozen=True)
class Confusion:
    """Right answers over labelled items. Labels are compared as `labels.as_label` writes them."""

    accuracy: Estimate
    majority: Estimate  # always the commonest expected label
    unknown: Estimate  # answers that are none of the expected labels
    macro_f1: float | None  # the mean F1 of the expected labels
    recall: dict[str, Estimate]
    counts: dict[tuple[str, str], int]  # (expected, answered): items

    def mistakes(self, most: int = 10) -> list[tuple[str, str, int]]:
        """The commonest confusions as (expected, answered, items), most frequent first."""
        wrong = [(*pair, count) for pair, count in self.counts.items() if pair[0] != pair[1]]
        return sorted(wrong, key=lambda row: (-row[2], row[0], row[1]))[:most]


def confusion(expected: Sequence[str], answered: Sequence[str], clusters: Clusters = ALONE) -> Confusion:
    """Expected and answered labels of the same items, in the same order; `clusters` tell what these belong to."""
    pairs = [(as_label(want), as_label(said)) for want, said in zip(expected, answered, strict=True)]
    counts = Counter(pairs)
    wanted = Counter(want for want, _ in pairs)
    said = Counter(said for _, said in pairs)
    right = {label: counts[label, label] for label in wanted}
    # F1 = 2 right / (expected + answered): a label never answered scores 0
    f1 = [2 * right[label] / (wanted[label] + said[label]) for label in wanted]
    commonest = max(wanted, key=lambda label: wanted[label], default="")
    places: dict[str, list[int]] = {label: [] for label in sorted(wanted)}
    for at, (want, _) in enumerate(pairs):
        places[want].append(at)
    return Confusion(
        accuracy=_share((want == said for want, said in pairs), clusters),
        majority=_share((want == commonest for want, _ in pairs), clusters),
        unknown=_share((said not in wanted for _, said in pairs), clusters),
        macro_f1=sum(f1) / len(f1) if f1 else None,
        recall={
            label: _share((pairs[at][1] == label for at in held), clusters.at(held)) for label, held in places.items()
        },
        counts=dict(counts),
    )


def _share(right: Iterable[bool], clusters: Clusters) -> Estimate:
    return share([float(one) for one in right], clusters)

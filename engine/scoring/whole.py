"""Whole: figures of all answers together, such as corpus BLEU, macro-F1 or the accuracy of one level of a label.

Each is made of counts an item, so that it has an interval, and a difference over the items that two candidates share.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from engine.scoring import likely, resampling
from engine.scoring.clustered import ALONE, Clusters
from engine.scoring.labels import SLASH, as_label, path
from engine.scoring.likeness import signature, whole_bleu, whole_chrf
from engine.scoring.resampling import Figure
from engine.scoring.scales import CORRELATION, LOWER, POINTS, SHARE, Scale
from engine.scoring.stats import Difference, Estimate

ROUGE = r"F1|case:lower|tokens:\w+|stemming:no"
NO_LABEL = Scale(yes_no=True, unit=" %", lower=True)


Kin = Callable[[Sequence[str]], Clusters]  # items -> what each of them belongs to


@dataclass(frozen=True)
class Answered:
    """One answer that a metric could score: to which item, its words, the label expected, what made the score."""

    item: str
    text: str
    label: str
    value: float
    detail: Mapping[str, Any] | None


@dataclass(frozen=True)
class Whole:
    """`rows` are counts (items x counts), `figure` what their sums say; for yes or no they are right and asked."""

    name: str
    words: str
    scale: Scale
    items: Sequence[str]
    rows: np.ndarray = field(repr=False)
    figure: Figure = resampling.ratio
    signature: str = ""
    clusters: Clusters = ALONE  # of the items, in their order

    def estimate(self) -> Estimate:
        if self.scale.yes_no:
            return self.scale.estimate(self.rows[:, 0].tolist(), self.clusters)
        return resampling.estimate(self.rows, self.figure, self.clusters)

    def against(self, before: "Whole") -> Difference:
        """This figure minus `before`'s, over the items of both."""
        places = {item: at for at, item in enumerate(before.items)}
        both = [(places[item], at) for at, item in enumerate(self.items) if item in places]
        old, new = before.rows[[a for a, _ in both]], self.rows[[b for _, b in both]]
        clusters = self.clusters.at(at for _, at in both)
        if self.scale.yes_no and before.scale.yes_no:
            return self.scale.difference(old[:, 0].tolist(), new[:, 0].tolist(), clusters)
        return resampling.difference(old, new, self.figure, clusters)


def figures(
    metric: str, answered: Sequence[Answered], labels: Sequence[str] = (), kin: Kin | None = None
) -> list[Whole]:
    """What can be said of all answers together, beyond the mean of this metric; [] where there is nothing.

    `labels` are all that the items of the evaluation expect, so that every candidate is held against the same ones;
    `kin` tells what the items belong to.
    """
    if not answered or metric not in WHOLES:
        return []
    found = [_by_item(one) for one in WHOLES[metric](answered, labels)]
    return [replace(one, clusters=kin(one.items)) for one in found] if kin else found


def _by_item(one: Whole) -> Whole:
    """Several answers to an item are one row, since items are what chance draws; then right or wrong is a mean."""
    if len(set(one.items)) == len(one.items):
        return one
    places = {item: at for at, item in enumerate(dict.fromkeys(one.items))}
    rows = np.zeros((len(places), one.rows.shape[1]))
    np.add.at(rows, [places[item] for item in one.items], one.rows)
    return replace(one, items=list(places), rows=rows, scale=replace(one.scale, yes_no=False))


def unreadable(text: str, labels: Sequence[str]) -> bool:
    """Whether an answer is none of the labels that are known."""
    return as_label(text) not in {as_label(label) for label in labels}


def _chrf(answered: Sequence[Answered], labels: Sequence[str]) -> list[Whole]:
    words = "Counts of letters and words over all answers together, as papers report it."
    return _summed("corpus chrF2++", words, answered, whole_chrf, signature("chrf"))


def _bleu(answered: Sequence[Answered], labels: Sequence[str]) -> list[Whole]:
    words = "Counts of runs of words over all answers together, as papers report it."
    return _summed("corpus BLEU", words, answered, whole_bleu, signature("bleu"))


def _summed(name: str, words: str, answered: Sequence[Answered], figure: Figure, signed: str) -> list[Whole]:
    known = [one for one in answered if one.detail and "counts" in one.detail]
    if not known:
        return []
    rows = np.array([one.detail["counts"] for one in known if one.detail], dtype=float)
    return [Whole(name, words, POINTS, [one.item for one in known], rows, figure, signed)]


def _rouge(answered: Sequence[Answered], labels: Sequence[str]) -> list[Whole]:
    known = [one for one in answered if one.detail and "rouge1" in one.detail]
    if not known:
        return []
    items = [one.item for one in known]
    ones, twos = (np.array([(one.detail[key], 1) for one in known if one.detail]) for key in ("rouge1", "rouge2"))
    return [
        Whole("ROUGE-1", "Single words that both have.", POINTS, items, ones, signature=ROUGE),
        Whole("ROUGE-2", "Pairs of words that both have.", POINTS, items, twos, signature=ROUGE),
    ]


def _perplexity(answered: Sequence[Answered], labels: Sequence[str]) -> list[Whole]:
    return _likelihood(likely.PERPLEXITY, "tokens", "corpus perplexity", answered)


def _bits(answered: Sequence[Answered], labels: Sequence[str]) -> list[Whole]:
    return _likelihood(likely.BITS, "bytes", "corpus bits per byte", answered)


def _likelihood(metric: str, over: str, name: str, answered: Sequence[Answered]) -> list[Whole]:
    known = [one for one in answered if one.detail and over in one.detail]
    if not known:
        return []
    rows = np.array([(one.detail["nll"], one.detail[over]) for one in known if one.detail], dtype=float)
    words = f"Over all {over} of the expected answers together."
    return [Whole(name, words, LOWER, [one.item for one in known], rows, likely.FIGURES[metric])]


def _types(answered: Sequence[Answered], labels: Sequence[str]) -> list[Whole]:
    """The figures of labels cut to their first level."""
    cut = [replace(one, text=path(one.text)[0], label=path(one.label)[0]) for one in answered]
    return _labels(cut, [path(label)[0] for label in labels])


def _labels(answered: Sequence[Answered], labels: Sequence[str]) -> list[Whole]:
    """Figures of answers that are labels: macro-F1, MCC, the share that is no label, and levels where labels have any.

    Known labels are those that some item expects. An answer that is none of them counts as a class of its own.
    """
    items = [one.item for one in answered]
    wanted = [as_label(one.label) for one in answered]
    said = [as_label(one.text) for one in answered]
    classes = sorted({as_label(label) for label in labels} | set(wanted))
    rows = _crossed(classes, wanted, said)
    known = set(classes)
    strange = np.array([(float(one not in known), 1.0) for one in said])
    expected = f"over {len(classes)} labels"
    found = [
        Whole("macro-F1", f"The mean F1 {expected}, each label counting alike.", POINTS, items, rows, macro_f1),
        Whole("MCC", "Correlation of answered and expected labels; 0 is chance.", CORRELATION, items, rows,
              mcc),
        Whole("no label", "Answers that are none of the labels; each counts as wrong.", NO_LABEL, items, strange),
    ]  # fmt: skip
    return found + (_levels(answered) if any(SLASH in one for one in classes) else [])


def _levels(answered: Sequence[Answered]) -> list[Whole]:
    """Accuracy at each level, and precision, recall and F1 over all levels together (Kiritchenko et al., 2005)."""
    paths = [(one.item, path(one.label), path(one.text)) for one in answered]
    found = []
    for depth in range(max(len(wanted) for _, wanted, _ in paths)):
        deep = [(item, wanted, said) for item, wanted, said in paths if len(wanted) > depth]
        rows = np.array([(float(wanted[depth] in said), 1.0) for _, wanted, said in deep])
        words = "The first level is right." if not depth else f"The path down to level {depth + 1} is right."
        found.append(Whole(f"level {depth + 1}", words, SHARE, [item for item, _, _ in deep], rows))
    shared = np.array([(len({*wanted} & {*said}), len(said), len(wanted)) for _, wanted, said in paths], dtype=float)
    items = [item for item, _, _ in paths]
    return [
        *found,
        Whole("hP", "Of the levels that were answered, how many are right.", POINTS, items, shared, precision),
        Whole("hR", "Of the levels that were expected, how many were answered.", POINTS, items, shared, recall),
        Whole("hF", "Both in one: the F1 over all levels.", POINTS, items, shared, f1),
    ]


def _crossed(classes: Sequence[str], wanted: Sequence[str], said: Sequence[str]) -> np.ndarray:
    """Of each item: for each class whether it was right, expected, answered; then right at all, and one.

    The last class is what is no label.
    """
    at = {label: number for number, label in enumerate(classes)}
    size = len(classes) + 1
    rows = np.zeros((len(wanted), 3 * size + 2))
    for row, want, say in zip(rows, wanted, said, strict=True):
        one, other = at[want], at.get(say, size - 1)
        row[one], row[size + one], row[2 * size + other] = one == other, 1, 1
        row[-2], row[-1] = one == other, 1
    return rows


def _parted(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    size = (sums.shape[1] - 2) // 3
    return sums[:, :size], sums[:, size : 2 * size], sums[:, 2 * size : 3 * size]


def macro_f1(sums: np.ndarray) -> np.ndarray:
    """The mean F1 of the classes that are expected or answered at all; 2 right / (expected + answered)."""
    right, wanted, said = (part[:, :-1] for part in _parted(sums))  # what is no label has no F1
    both = wanted + said
    f1s = np.divide(2 * right, both, out=np.zeros_like(right), where=both > 0)
    seen = (wanted > 0).sum(axis=1)
    return np.asarray(np.where(wanted > 0, f1s, 0).sum(axis=1) / seen)


def mcc(sums: np.ndarray) -> np.ndarray:
    """Matthews' correlation for several classes (Gorodkin 2004); 0 where only one class is expected or answered."""
    _, wanted, said = _parted(sums)
    right, n = sums[:, -2], sums[:, -1]
    covered = right * n - (wanted * said).sum(axis=1)
    spread = np.sqrt((n**2 - (said**2).sum(axis=1)) * (n**2 - (wanted**2).sum(axis=1)))
    return np.divide(covered, spread, out=np.zeros_like(spread), where=spread > 0)


def precision(sums: np.ndarray) -> np.ndarray:
    return sums[:, 0] / sums[:, 1]


def recall(sums: np.ndarray) -> np.ndarray:
    return sums[:, 0] / sums[:, 2]


def f1(sums: np.ndarray) -> np.ndarray:
    return 2 * sums[:, 0] / (sums[:, 1] + sums[:, 2])


Making = Callable[[Sequence[Answered], Sequence[str]], list[Whole]]
WHOLES: dict[str, Making] = {
    "chrf": _chrf,
    "bleu": _bleu,
    "rouge": _rouge,
    "label": _labels,
    "type": _types,
    likely.PERPLEXITY: _perplexity,
    likely.BITS: _bits,
}

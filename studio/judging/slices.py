"""Slices: where a candidate does better or worse than elsewhere, and which of that is more than chance.

Many slices looked at are many chances to be fooled: Benjamini and Hochberg's procedure (JRSS B, 1995) at q = .1 decides
which of them stand out. A slice of few items says so and is not tested.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import scipy

from engine.data import language
from engine.scoring import clustered
from engine.scoring.labels import as_label, path
from engine.scoring.scales import Scale
from engine.scoring.stats import Difference, Estimate
from studio.judging import figures
from studio.judging.figures import Scores
from studio.store import Store

TAG, LANGUAGE, ASKED, EXPECTED, LABEL = "tag", "language", "question length", "answer length", "label"
KINDS = {
    TAG: "Tag",
    LABEL: "Label",
    LANGUAGE: "Language of the question",
    ASKED: "Length of the question",
    EXPECTED: "Length of the expected answer",
}
FEW = 10  # items below which a slice says nothing
Q = 0.1
MOST = 60  # slices of one kind; the largest


@dataclass(frozen=True)
class Slice:
    """The figure over `items`; by how much it lies above that of all other items (`apart`, whose n is that of all); the
    `change` against the baseline. Whether either is more than chance, all slices looked at: None where there are too
    few items."""

    name: str
    items: tuple[str, ...]
    found: Estimate
    apart: Estimate
    change: Difference | None
    stands_out: bool | None = None
    changed: bool | None = None


def kinds(store: Store, evaluation: str) -> list[str]:
    """The ways in which the items can be cut into at least two slices, but for languages, which take a while."""
    bodies = _bodies(store, evaluation)
    return [kind for kind in KINDS if kind == LANGUAGE or len(_cut(kind, bodies)) > 1]


def cut(store: Store, evaluation: str, kind: str) -> dict[str, list[str]]:
    """The items of each slice. Tags may share items; the other kinds do not."""
    known = store.beside("slices", dict[tuple[str, str], dict[str, list[str]]])
    if (evaluation, kind) not in known:
        known[evaluation, kind] = _cut(kind, _bodies(store, evaluation))
    return known[evaluation, kind]


def table(
    store: Store, evaluation: str, metric: str, candidate: str, kind: str, baseline: str = ""
) -> tuple[list[Slice], Scale]:
    """A candidate's figure in each slice, the worst first, against the rest and, where there is one, the baseline."""
    scores = figures.scores(store, evaluation, metric)
    scale = scores.scale
    if candidate not in scores.table:
        return [], scale
    against = baseline if baseline in scores.table and baseline != candidate else ""
    own = scores.of_all([candidate])
    parts = cut(store, evaluation, kind).items()
    found = [_slice(name, scores.among(items), own, candidate, against) for name, items in parts]
    found = [one for one in found if one.found.n]
    apart = beyond_chance([_p(own, one.items) for one in found])
    changed = beyond_chance([one.change.p if one.change and one.change.n >= FEW else None for one in found])
    told = [replace(one, stands_out=out, changed=more) for one, out, more in zip(found, apart, changed, strict=True)]
    sign = -1 if scale.lower else 1
    return sorted(told, key=lambda one: (one.found.n < FEW, sign * (one.found.value or 0.0), one.name)), scale


def _slice(name: str, scores: Scores, own: Scores, candidate: str, baseline: str) -> Slice:
    """`scores` are those of the slice, `own` all that the candidate has."""
    items = scores.of_all([candidate]).table.index
    change = scores.difference(baseline, candidate) if baseline else None
    return Slice(name, tuple(items), scores.estimate(candidate), own.apart(candidate, items), change)


def _parted(own: Scores, items: Iterable[str]) -> tuple["pd.Series[float]", "pd.Series[float]"]:
    values = own.table.iloc[:, 0]
    inside = values.index.isin(list(items))
    return values[inside], values[~inside]


def _p(own: Scores, items: Sequence[str]) -> float | None:
    """How often chance alone parts so many items so far from the rest: Fisher's exact test, or Mann and Whitney's;
    where several items are of one document, a score test that heeds it."""
    here, rest = _parted(own, items)
    if min(len(here), len(rest)) < FEW:
        return None
    values, clusters = own.table.iloc[:, 0], own.kin(own.table.index)
    if clusters.shared:
        return clustered.apart(values.tolist(), values.index.isin(items).tolist(), clusters)
    if own.scale.yes_no:
        right = [int(one.sum()) for one in (here, rest)]
        crossed = np.array([[right[0], len(here) - right[0]], [right[1], len(rest) - right[1]]])
        return float(scipy.stats.fisher_exact(crossed).pvalue)
    return 1.0 if values.nunique() == 1 else float(scipy.stats.mannwhitneyu(here, rest).pvalue)


def beyond_chance(chances: Sequence[float | None]) -> list[bool | None]:
    """Which of these p are more than chance at q, all of them looked at; None where there is none."""
    known = [p for p in chances if p is not None]
    if not known:
        return [None] * len(chances)
    adjusted = iter(scipy.stats.false_discovery_control(known, method="bh").tolist())
    return [None if p is None else next(adjusted) <= Q for p in chances]


def _bodies(store: Store, evaluation: str) -> dict[str, dict[str, Any]]:
    """What the slices are made of, of every item."""
    rows = store.rows(
        """
        select id, body->'messages'->-1->>'content' as asked, body->>'answer' as answer, body->>'label' as label,
               body->>'tags' as tags
        from item
        where evaluation = ?
        order by id
        """,
        [evaluation],
    )
    return {row["id"]: row for row in rows}


def _cut(kind: str, bodies: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    if kind in (ASKED, EXPECTED):
        return _quartiles({id: len(body["asked" if kind == ASKED else "answer"] or "") for id, body in bodies.items()})
    found: dict[str, list[str]] = {}
    for id, body in bodies.items():
        for name in _names(kind, body):
            found.setdefault(name, []).append(id)
    if kind == LABEL and len(found) > len(bodies) / 2:  # answers that are hardly ever alike are no labels
        return {}
    largest = sorted(found, key=lambda name: (-len(found[name]), name))[:MOST]
    return {name: found[name] for name in largest}


def _names(kind: str, body: Mapping[str, Any]) -> list[str]:
    if kind == TAG:
        return json.loads(body["tags"] or "[]") or ["no tag"]
    if kind == LANGUAGE:
        return [language.name(language.of(body["asked"] or "")[0])]
    levels = path(body["label"] or "")
    return list(dict.fromkeys((levels[0], as_label(body["label"])))) if body["label"] else []


def _quartiles(lengths: Mapping[str, int]) -> dict[str, list[str]]:
    """Four slices of about equal size, named by their lengths in characters."""
    values = pd.Series(lengths, dtype=float)
    if values.nunique() < 4:
        return {}
    parts = pd.qcut(values, 4, duplicates="drop")
    found = {}
    for part in parts.cat.categories:
        ids = values.index[parts == part]
        inside = values[ids]
        found[f"{inside.min():.0f} to {inside.max():.0f} characters"] = list(ids)
    return found

"""Figures: what the scores of an evaluation come to, answer by answer and over all answers together."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from engine.scoring import known, resampling, whole
from engine.scoring.confusion import Confusion, confusion
from engine.scoring.labels import path
from engine.scoring.scales import Scale
from engine.scoring.stats import Difference, Estimate
from engine.scoring.whole import Answered, Whole
from studio.judging import evaluations, kin
from studio.judging.kin import Kin
from studio.store import Store


@dataclass(frozen=True)
class Scores:
    """Every score by a metric: a row an item and a column a candidate, NaN where there is none; what the values are,
    and what the items belong to. Whatever is asked of them heeds all three."""

    table: pd.DataFrame
    scale: Scale
    kin: Kin

    def among(self, items: Iterable[str]) -> "Scores":
        """Those of some items alone."""
        return replace(self, table=self.table[self.table.index.isin(list(items))])

    def of_all(self, candidates: Sequence[str]) -> "Scores":
        """Those of the items that all these candidates have a score for; of none where one of them is unknown."""
        return replace(self, table=self.table.reindex(columns=list(candidates)).dropna())

    def estimate(self, candidate: str) -> Estimate:
        """The figure of a candidate over the items that it has a score for."""
        known = self.of_all([candidate]).table[candidate]
        return self.scale.estimate(known.tolist(), self.kin(known.index))

    def difference(self, before: str, after: str) -> Difference:
        """A candidate against another over the items that both have a score for."""
        both = self.of_all([before, after]).table
        return self.scale.difference(both[before].tolist(), both[after].tolist(), self.kin(both.index))

    def apart(self, candidate: str, items: Iterable[str]) -> Estimate:
        """By how much a candidate's figure over `items` lies above that over all its others; n is that of both."""
        known = self.of_all([candidate]).table[candidate]
        inside = known.index.isin(list(items))
        rest, here = ((one.tolist(), self.kin(one.index)) for one in (known[~inside], known[inside]))
        return self.scale.unpaired(rest, here)

    def interaction(self, arms: Sequence[str]) -> Estimate:
        """What two steps do together beyond the sum of each, of the candidates base, one, other and both."""
        known = self.of_all(arms).table
        return resampling.interaction([known[arm].tolist() for arm in arms], self.kin(known.index))


def scores(store: Store, evaluation: str, metric: str) -> Scores:
    """Every score of an evaluation by that metric."""
    table = evaluations.values(store, evaluation, metric)
    values = [one for one in table.to_numpy().ravel() if one == one]
    return Scores(table, known.scale(metric, values), kin.of(store, evaluation))


def estimate(store: Store, evaluation: str, candidate: str, metric: str) -> Estimate:
    """The figure of one candidate by one metric."""
    return scores(store, evaluation, metric).estimate(candidate)


def answered(store: Store, evaluation: str, metric: str, candidate: str = "") -> dict[str, list[Answered]]:
    """By candidate (or of one alone) every answer that the metric could score, with what figures of all are made of."""
    rows = store.rows(
        """
        select r.candidate, r.item, r.text, i.body->>'label' as label, s.value, s.detail
        from response r
        join item i on i.evaluation = r.evaluation and i.id = r.item
        join score s on s.response = r.id and s.metric = $metric
        where r.evaluation = $evaluation and s.value is not null and $candidate in ('', r.candidate)
        order by r.item, r.repeat
        """,
        {"metric": metric, "evaluation": evaluation, "candidate": candidate},
    )
    found: dict[str, list[Answered]] = {}
    for row in rows:
        detail = json.loads(row["detail"]) if row["detail"] else None
        one = Answered(row["item"], row["text"], row["label"] or "", row["value"], detail)
        found.setdefault(row["candidate"], []).append(one)
    return found


def figures(store: Store, evaluation: str, metric: str) -> dict[str, list[Whole]]:
    """By candidate the figures of all its answers together, such as corpus BLEU; {} where the metric makes none."""
    if metric not in whole.WHOLES:
        return {}
    labels, theirs = expected_labels(store, evaluation), kin.of(store, evaluation)
    found = answered(store, evaluation, metric)
    made = {who: whole.figures(metric, rows, labels, theirs) for who, rows in found.items()}
    return {who: found for who, found in made.items() if found}


def expected_labels(store: Store, evaluation: str) -> list[str]:
    """Every label that some item of the evaluation expects."""
    rows = store.rows(
        "select distinct body->>'label' as label from item where evaluation = ? and body->>'label' != ''", [evaluation]
    )
    return sorted(row["label"] for row in rows)


def confused(store: Store, evaluation: str, metric: str, candidate: str) -> Confusion | None:
    """Which label a candidate took for which; None for a metric that is not of labels."""
    if metric not in ("label", "type"):
        return None
    rows = answered(store, evaluation, metric, candidate).get(candidate, [])
    wanted, said = [row.label for row in rows], [row.text for row in rows]
    if metric == "type":
        wanted, said = ([path(one)[0] for one in texts] for texts in (wanted, said))
    belong = kin.of(store, evaluation).several([row.item for row in rows])
    return confusion(wanted, said, belong) if rows else None

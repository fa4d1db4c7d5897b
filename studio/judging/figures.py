"""Figures: what the scores of an evaluation come to, answer by answer and over all answers together."""

import json

import pandas as pd

from engine.scoring import known, whole
from engine.scoring.confusion import Confusion, confusion
from engine.scoring.labels import path
from engine.scoring.scales import Scale
from engine.scoring.whole import Answered, Whole
from studio.judging import evaluations
from studio.store import Store


def scored(store: Store, evaluation: str, metric: str) -> tuple[pd.DataFrame, Scale]:
    """Every score by that metric, a row an item and a column a candidate, and what its values are."""
    table = evaluations.values(store, evaluation, metric)
    return table, known.scale(metric, [one for one in table.to_numpy().ravel() if one == one])


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
    labels = expected_labels(store, evaluation)
    made = {who: whole.figures(metric, rows, labels) for who, rows in answered(store, evaluation, metric).items()}
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
    return confusion(wanted, said) if rows else None

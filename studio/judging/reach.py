"""Reach: what so many questions can show, before anybody is asked them.

How alike the questions on one document are, an earlier evaluation of them tells where two candidates were asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.scoring import sizing
from engine.scoring.clustered import Clusters
from engine.scoring.sizing import Visible
from studio.judging import figures, kin
from studio.store import Store


@dataclass(frozen=True)
class Reach:
    """What can be seen, and by which evaluation it is known how alike questions on one document are, '' for none."""

    visible: Visible
    measured_by: str = ""

    @property
    def asked(self) -> str:
        """`1,190 items of 240 documents`."""
        return self.visible.items

    @property
    def shows(self) -> str:
        """What they are enough for."""
        measured = self.measured_by and self.visible.points
        as_there = f", if those that belong together are as alike as in “{self.measured_by}”" if measured else ""
        return self.visible.shows + as_there


def of(store: Store, items: Sequence[Mapping[str, Any]]) -> Reach:
    """What these items can show between two candidates."""
    return _of(store, [str(item["id"]) for item in items], kin.among(items))


def had(store: Store, evaluation: str) -> Reach:
    """What the items of an evaluation can show, now that they were asked."""
    belong = kin.of(store, evaluation)
    return _of(store, list(belong.names), belong(belong.names))


def _of(store: Store, items: Sequence[str], clusters: Clusters) -> Reach:
    name, alike = _measured(store, items) if clusters.shared else ("", None)
    return Reach(sizing.visible(len(items), clusters, alike), name)


def _measured(store: Store, items: Sequence[str]) -> tuple[str, float | None]:
    """How alike the changes between two candidates were within a document or group, in the newest evaluation that
    asked at least half of these items; the most that any pair and metric of right and wrong shows."""
    rows = store.rows(
        """
        select e.id, e.name, e.candidates, e.metrics, e.made_at
        from evaluation e
        join item i on i.evaluation = e.id
        where len(e.candidates) > 1 and i.id in (select unnest(?))
        group by all
        having 2 * count(*) >= ?
        order by e.made_at desc
        """,
        [items, len(items)],
    )
    for row in rows:
        found = [
            alike
            for metric in row["metrics"]
            for other in row["candidates"][1:]
            if (alike := _alike(store, row["id"], metric, row["candidates"][0], other, items)) is not None
        ]
        if found:
            return str(row["name"]), max(found)
    return "", None


def _alike(store: Store, evaluation: str, metric: str, one: str, other: str, items: Sequence[str]) -> float | None:
    scores = figures.scores(store, evaluation, metric)
    if not scores.scale.yes_no:
        return None
    both = scores.among(items).of_all([one, other]).table
    return sizing.alike((both[other] - both[one]).tolist(), scores.kin(both.index))

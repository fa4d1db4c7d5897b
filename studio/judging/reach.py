"""Reach: what so many questions can show, before anybody is asked them.

How alike the questions on one document are, an earlier evaluation of them tells where two candidates were asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.scoring import sizing
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
        n, of = self.visible.n, self.visible.of
        return f"{n:,} item{'s' * (n != 1)}" + (f" of {of}" if of else "")

    @property
    def shows(self) -> str:
        """What they are enough for."""
        seen = self.visible
        if not seen.points:
            return "too few to see any difference, four times out of five"
        said = f"enough to see {seen.points} of difference, four times out of five"
        if not seen.of:
            return said
        if self.measured_by:
            return f"{said}, if those that belong together are as alike as in “{self.measured_by}”"
        return f"{said}: the more alike those that belong together are answered, the less is seen"


def of(store: Store, items: Sequence[Mapping[str, Any]]) -> Reach:
    """What these items can show between two candidates."""
    clusters = kin.among(items)
    name, alike = _measured(store, [str(item["id"]) for item in items]) if clusters.shared else ("", None)
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
        [list(items), len(items)],
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

"""Kin: which items of an evaluation belong together, so that chance draws them together.

Frozen rows say it by `group`, questions by `document`; whoever makes items of them (`sources`) keeps the field.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.scoring.clustered import Clusters
from studio.store import Store

DOCUMENTS, GROUPS, QUESTIONS = "documents", "groups", "questions"


@dataclass(frozen=True)
class Kin:
    """What items belong to: the document that a question stands on, or the group that an example came with."""

    names: Mapping[str, str]  # item -> document or group; '' for one that stands alone
    called: str = GROUPS

    def __call__(self, items: Iterable[str]) -> Clusters:
        return Clusters(tuple(self.names.get(item, "") for item in items), self.called)

    def verdicts(self, items: Sequence[str]) -> Clusters:
        """What verdicts on these items belong to: those of two judges on one item belong together, too."""
        known = [self.names.get(item, "") for item in items]
        names = tuple(name or item for name, item in zip(known, items, strict=True))
        return Clusters(names, self.called if any(known) else QUESTIONS)


def of(store: Store, evaluation: str) -> Kin:
    """What the items of an evaluation belong to."""
    rows = store.rows(
        "select id, body->>'document' as document, body->>'group' as grouped from item where evaluation = ?",
        [evaluation],
    )
    names = {row["id"]: row["document"] or row["grouped"] or "" for row in rows}
    return Kin(names, DOCUMENTS if any(row["document"] for row in rows) else GROUPS)

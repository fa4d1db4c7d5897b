"""Kin: which items of an evaluation belong together, so that chance draws them together.

Frozen rows say it by `group`, questions by `document`; whoever makes items of them (`sources`) keeps the field.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.scoring.clustered import Clusters
from studio.reading import questions
from studio.store import Store

DOCUMENTS, GROUPS, QUESTIONS = "documents", "groups", "questions"


@dataclass(frozen=True)
class Kin:
    """What items belong to: the document that a question stands on, or the group that an example came with."""

    names: Mapping[str, str]  # item -> document or group; '' for one that stands alone
    called: str = GROUPS

    def __call__(self, items: Iterable[str]) -> Clusters:
        return Clusters(tuple(self.names.get(item, "") for item in items), self.called)

    def several(self, items: Sequence[str]) -> Clusters:
        """What answers to these items, or verdicts on them, belong to: several of one item belong together, too."""
        known = [self.names.get(item, "") for item in items]
        names = tuple(name or item for name, item in zip(known, items, strict=True))
        return Clusters(names, self.called if any(known) else QUESTIONS)


def of(store: Store, evaluation: str) -> Kin:
    """What the items of an evaluation belong to."""
    rows = store.rows(
        "select id, body->>'document' as document, body->>'group' as grouped from item where evaluation = ?",
        [evaluation],
    )
    return _kin((row["id"], row["document"], row["grouped"]) for row in rows)


def among(items: Sequence[Mapping[str, Any]]) -> Clusters:
    """What items belong to that nobody has been asked yet."""
    found = _kin((str(item["id"]), item.get("document"), item.get("group")) for item in items)
    return found(found.names)


def known(store: Store) -> Kin:
    """What questions that somebody typed belong to, each known by its words: the document on which it stands."""
    return Kin(questions.documents(store), DOCUMENTS)


def _kin(rows: Iterable[tuple[str, str | None, str | None]]) -> Kin:
    """Of items, their documents and their groups."""
    told = list(rows)
    names = {item: document or group or "" for item, document, group in told}
    return Kin(names, DOCUMENTS if any(document for _, document, _ in told) else GROUPS)

"""Contradictions: the same question with different answers. Laid side by side, and settled by a person.

Finding them is nearness's work; here it is only remembered which pairs were settled, and how.
"""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass

from engine import nearness
from engine.problems import Problem
from studio import examples
from studio.examples import REJECTED, Example
from studio.store import Store, now

MOST = 2000  # examples that are compared at once; a scan finds those of a larger dataset


@dataclass(frozen=True)
class Contradiction:
    """Two examples whose questions are alike (`score` of 1: the same) and whose answers differ."""

    left: Example
    right: Example
    score: float


def open_ones(store: Store, dataset: str) -> list[Contradiction]:
    """The contradictions nobody has settled, the surest first. A rejected example contradicts nobody."""
    settled = {
        (row["entry"], row["other"])
        for row in store.rows("select entry, other from settled where dataset = ?", [dataset])
    }
    found = []
    for entry, other, score in _found(store, dataset):
        if _pair(entry, other) in settled:
            continue
        left, right = examples.get(store, dataset, entry), examples.get(store, dataset, other)
        if REJECTED not in (left.status, right.status) and differ(left, right):
            found.append(Contradiction(left, right, score))
    return sorted(found, key=lambda one: -one.score)


def differ(one: Example, other: Example) -> bool:
    """Whether the answers say more than each other's case, punctuation and spacing."""
    return nearness.normal(one.answer) != nearness.normal(other.answer)


def keep(store: Store, kept: Example, dropped: Example, by: str) -> Example:
    """One of two holds; the other is rejected, with the reason in its note."""
    note = f"contradicted {kept.entry[:8]}, which was kept"
    note = f"{dropped.note}; {note}" if dropped.note else note
    made = examples.edit(store, dropped, by, status=REJECTED, note=note)
    with store.write(
        by, "contradiction.settle", f"{kept.dataset}/{kept.entry}", kept=kept.entry, dropped=dropped.entry
    ):
        pass
    return made


def both(store: Store, one: Example, other: Example, why: str, by: str) -> None:
    """Both are right, for a reason that is kept; the pair is not shown again."""
    if not why.strip():
        raise Problem("There is no reason yet.", "Whoever meets the two later will ask.", "Say why both are right.")
    entry, twin = _pair(one.entry, other.entry)
    with store.write(by, "contradiction.settle", f"{one.dataset}/{entry}", other=twin, why=why.strip()) as cursor:
        cursor.execute(
            "insert into settled values (?, ?, ?, ?, ?, ?) on conflict do nothing",
            [one.dataset, entry, twin, why.strip(), by, now()],
        )


def _found(store: Store, dataset: str) -> Sequence[tuple[str, str, float]]:
    """Entry, entry, score of what looks like a contradiction."""
    if importlib.util.find_spec("studio.nearness"):
        from studio import nearness as kept

        return [(one.entry, one.other, one.score) for one in kept.contradictions(store, dataset)]
    rows, _ = examples.find(store, dataset, limit=MOST)
    near = nearness.near([one.prompt for one in rows])
    return [(rows[pair.first].entry, rows[pair.second].entry, pair.score) for pair in near if pair.kind in KINDS]


KINDS = ("exact", "near")  # of nearness; the same frame around other facts is another question


def _pair(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one <= other else (other, one)

"""Contradictions: the same question with different answers. Laid side by side, and settled by a person.

Finding them is nearness's work; here it is only remembered which pairs were settled, and how.
"""

from dataclasses import dataclass

from engine.problems import Problem
from engine.quality.nearness import normal
from studio.data import examples
from studio.data.examples import REJECTED, Example
from studio.quality import nearness
from studio.store import Store, now


@dataclass(frozen=True)
class Contradiction:
    """Two examples whose questions are alike (`score` of 1: the same) and whose answers differ."""

    left: Example
    right: Example
    score: float


def open_ones(store: Store, dataset: str) -> list[Contradiction]:
    """The contradictions nobody has settled, the surest first. A rejected example contradicts nobody."""
    found = []
    for pair in nearness.contradictions(store, dataset):
        left, right = (examples.get(store, dataset, entry) for entry in (pair.entry, pair.other))
        if REJECTED not in (left.status, right.status) and differ(left, right):  # a scan may be older than an edit
            found.append(Contradiction(left, right, pair.score))
    return found


def differ(one: Example, other: Example) -> bool:
    """Whether the answers say more than each other's case, punctuation and spacing."""
    return normal(one.answer) != normal(other.answer)


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


def _pair(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one <= other else (other, one)

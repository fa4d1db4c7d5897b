"""Versions: what the history of an example says about it, and the way back. Going back adds a version too."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.problems import Problem
from studio.data import examples, merging
from studio.data.examples import APPROVED, Example
from studio.store import Store


@dataclass(frozen=True)
class Hands:
    """Who wrote the words that stand, and who approved them ('' while nobody has)."""

    wrote: str
    approved: str

    @property
    def alone(self) -> bool:
        """One person did both: allowed, and shown."""
        return bool(self.approved) and self.wrote == self.approved


def hands(history: Sequence[Example]) -> Hands:
    """`history` runs from the newest to the oldest, as `examples.history` gives it."""
    newest = history[0]
    same = _unbroken(history, lambda version: version.id == newest.id)
    approved = ""
    if newest.status == APPROVED:
        approved = _unbroken(history, lambda version: version.status == APPROVED and version.id == newest.id)[
            -1
        ].made_by
    return Hands(same[-1].made_by, approved)


def last_change(history: Sequence[Example]) -> tuple[Example, Example] | None:
    """The version that first stood as the newest does, and the one before it; None when there is nothing to take back.

    An undo adds a version that equals an older one, so the next undo goes on from there and never to and fro.
    """
    whole = [(merging.state(version), version.worse) for version in history]
    first = next(number for number in reversed(range(len(history))) if whole[number] == whole[0])
    return (history[first], history[first + 1]) if first + 1 < len(history) else None


def undo(store: Store, seen: Example, by: str) -> Example:
    """Take back what this person did last, as a new version. Problem when somebody else did it, or there is nothing."""
    history = examples.history(store, seen.dataset, seen.entry)
    if history[0].version != seen.version:
        raise Problem(f"{history[0].made_by} saved this example meanwhile.", do="Look at it, then undo again.")
    change = last_change(history)
    if change is None:
        raise Problem("There is nothing to take back.", "This is how the example came in.")
    changed, earlier = change
    if changed.made_by != by:
        raise Problem(
            f"The last change is {changed.made_by}'s, not yours.",
            do="Restore a version in the history if that is what you want.",
        )
    return restore(store, seen, earlier, by)


def restore(store: Store, seen: Example, version: Example, by: str) -> Example:
    """All of an older version, on top of the one that was seen; a turn that was deleted comes back."""
    return examples.edit(
        store,
        seen,
        by,
        messages=version.messages,
        tools=version.tools or [],
        tags=list(version.tags),
        status=version.status,
        note=version.note,
        worse=version.worse or [],
    )


def _unbroken(history: Sequence[Example], holds: Callable[[Example], bool]) -> list[Example]:
    """The newest versions for which it holds without a break."""
    found = []
    for version in history:
        if not holds(version):
            break
        found.append(version)
    return found

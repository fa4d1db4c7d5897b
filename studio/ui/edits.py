"""Edits: what a person changed in an editable table, as changes to named rows. Pure.

`st.data_editor` speaks of positions; the page keeps the ids of the rows beside it.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Changes:
    """By id what is new in a row, rows that were added, and ids that were deleted."""

    edited: dict[Hashable, dict[str, Any]]
    added: list[dict[str, Any]]
    deleted: list[Hashable]

    def __bool__(self) -> bool:
        return bool(self.edited or self.added or self.deleted)


def changes(ids: Sequence[Hashable], before: Sequence[Mapping[str, Any]], delta: Mapping[str, Any]) -> Changes:
    """The editor's delta, joined to the ids of the rows it was given. A value set back to what it was is no change."""
    deleted = sorted(delta.get("deleted_rows", []))
    edited = {}
    for position, values in delta.get("edited_rows", {}).items():
        position = int(position)
        new = {name: value for name, value in values.items() if before[position].get(name) != value}
        if new and position not in deleted:
            edited[ids[position]] = new
    added = [dict(row) for row in delta.get("added_rows", []) if any(value not in (None, "") for value in row.values())]
    return Changes(edited, added, [ids[position] for position in deleted])

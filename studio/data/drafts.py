"""Drafts: what somebody is typing and has not saved. One a person and example; it outlives the browser and the studio.

A draft is nobody's deed and leaves no Event. Its body holds `messages`, and whatever else the page needs to go on.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from studio.store import Store, now


@dataclass(frozen=True)
class Draft:
    dataset: str
    entry: str  # '' for an example that does not exist yet
    made_by: str
    seen: int  # the version it started from, 0 for none
    body: dict[str, Any]
    made_at: datetime


def keep(store: Store, dataset: str, entry: str, by: str, seen: int, body: dict[str, Any]) -> None:
    """Put down how the words stand now, in place of what was kept before."""
    values = [dataset, entry, by, seen, json.dumps(body, ensure_ascii=False), now()]
    with store.jot() as cursor:
        cursor.execute(
            """
            insert into draft values (?, ?, ?, ?, ?, ?)
            on conflict (dataset, entry, made_by) do update
            set seen = excluded.seen, body = excluded.body, made_at = excluded.made_at
            """,
            values,
        )


def get(store: Store, dataset: str, entry: str, by: str) -> Draft | None:
    found = store.row("select * from draft where dataset = ? and entry = ? and made_by = ?", [dataset, entry, by])
    return _draft(found) if found else None


def drop(store: Store, dataset: str, entry: str, by: str) -> None:
    """Saved, or not wanted: either way it need not be kept."""
    with store.jot() as cursor:
        cursor.execute("delete from draft where dataset = ? and entry = ? and made_by = ?", [dataset, entry, by])


def waiting(store: Store, dataset: str, by: str) -> list[Draft]:
    """What this person left unsaved in a dataset, the latest first."""
    rows = store.rows("select * from draft where dataset = ? and made_by = ? order by made_at desc", [dataset, by])
    return [_draft(row) for row in rows]


def of_others(store: Store, dataset: str, entry: str, by: str) -> list[Draft]:
    """Who else has unsaved words on this example."""
    rows = store.rows(
        "select * from draft where dataset = ? and entry = ? and made_by <> ? order by made_at desc",
        [dataset, entry, by],
    )
    return [_draft(row) for row in rows]


def _draft(row: dict[str, Any]) -> Draft:
    return Draft(**{**row, "body": json.loads(row["body"])})

"""Audit: the append-only record of what was done. Written by Store.write alone; here it is only read."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from studio.store import Store


@dataclass(frozen=True)
class Event:
    id: int
    made_by: str
    verb: str
    subject: str
    detail: dict[str, Any]
    made_at: datetime


def listed(store: Store, limit: int = 50) -> list[Event]:
    """What was done, newest first."""
    rows = store.rows("select * from event order by id desc limit ?", [limit])
    return [Event(**{**row, "detail": json.loads(row["detail"])}) for row in rows]

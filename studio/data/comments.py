"""Comments: what colleagues say to each other about an example. Never trained on, never changed afterwards."""

from dataclasses import dataclass
from datetime import datetime

from engine.problems import Problem
from studio.store import Store, now


@dataclass(frozen=True)
class Comment:
    dataset: str
    entry: str
    version: int  # the one that was looked at
    body: str
    made_by: str
    made_at: datetime


def add(store: Store, dataset: str, entry: str, version: int, body: str, by: str) -> None:
    """Problem when there are no words in it."""
    if not body.strip():
        raise Problem("The comment is empty.", do="Write what your colleagues should know.")
    with store.write(by, "example.comment", f"{dataset}/{entry}", version=version) as cursor:
        cursor.execute(
            "insert into comment values (?, ?, ?, ?, ?, ?)", [dataset, entry, version, body.strip(), by, now()]
        )


def listed(store: Store, dataset: str, entry: str) -> list[Comment]:
    """The oldest first, as people read a conversation."""
    rows = store.rows("select * from comment where dataset = ? and entry = ? order by made_at", [dataset, entry])
    return [Comment(**row) for row in rows]

"""Mappings: which column is what, remembered for the next file of the same shape."""

import json

from engine import guessing, mapping
from engine.formats import Table
from engine.mapping import Mapping
from engine.problems import Problem
from studio.store import Store, now


def remembered(store: Store, shape: str) -> Mapping | None:
    """What somebody settled for a file with these columns, None when nobody has or it is no longer understood."""
    row = store.row("select body from mapping where shape = ?", [shape])
    if row is None:
        return None
    try:
        return mapping.from_json(json.loads(row["body"]))
    except (Problem, TypeError):  # kept by another version
        return None


def keep(store: Store, shape: str, chosen: Mapping, by: str) -> None:
    """Remember a mapping; the newest of a shape holds."""
    body = json.dumps({**chosen.json(), "part": ""}, ensure_ascii=False)  # the next workbook has sheets of its own
    with store.jot() as cursor:
        cursor.execute(
            """
            insert into mapping values ($shape, $body, $by, $now)
            on conflict do update set body = excluded.body, made_by = excluded.made_by, made_at = excluded.made_at
            """,
            {"shape": shape, "body": body, "by": by, "now": now()},
        )


def proposed(store: Store, table: Table) -> tuple[Mapping, bool]:
    """What to start from for a table, and whether it is remembered rather than guessed."""
    known = remembered(store, table.shape)
    if known and (known.as_is or set(known.columns) == set(table.columns)):
        order = {name: known.columns[name] for name in table.columns} if not known.as_is else {}
        return Mapping(order, known.as_is, known.system, known.unanswered, table.part, table.header), True
    return guessing.guess(table), False

"""Mappings: which column is what, remembered for the next file of the same shape."""

import json
from collections.abc import Sequence
from dataclasses import replace

from engine.data import guessing, mapping
from engine.data.columns import LEFT_OUT
from engine.data.formats import Table
from engine.data.mapping import Mapping
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


def told(store: Store, table: Table, pairs: Sequence[str], system: str = "", unanswered: bool = False) -> Mapping:
    """The mapping that `field=column` pairs say, all other columns left out; without any, the one to start from.

    Problem when a pair names no field or column, or when no example can come of it.
    """
    chosen, _ = proposed(store, table)
    if pairs:
        found = dict.fromkeys(table.columns, LEFT_OUT)
        for pair in pairs:
            what, _, column = pair.partition("=")
            if column not in found:
                raise Problem(f"{table.name} has no column {column!r}.", do=f"It has {', '.join(table.columns)}.")
            found[column] = what
        chosen = mapping.checked(Mapping(found, part=table.part, header=table.header))
    if system or unanswered:
        chosen = replace(chosen, system=system or chosen.system, unanswered=unanswered or chosen.unanswered)
    if chosen.missing:
        does = "Say what its columns are, as --map user=text --map assistant=reply."
        raise Problem(f"{table.name} cannot be imported yet.", chosen.missing, does)
    return chosen

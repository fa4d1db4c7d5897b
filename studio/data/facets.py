"""Facets: what examples are told apart by besides their words: tags, status, who, where from, length, time.

Which examples match and what there is to choose from: the table itself knows both as fast as an index would.
"""

from studio.data.search import ORDERS, Query
from studio.store import Store


def seqs(store: Store, dataset: str, query: Query, limit: int, offset: int, order: str) -> tuple[list[int], int]:
    """The versions that match, as `seq` in their order, and how many match in all; `text` is not looked at."""
    asked = {
        "status = $status": query.status,
        "made_by = $author": query.author,
        "source = $source": query.source,
        "origin = $origin": query.origin,
        "list_has_all(tags, $tags)": list(query.tags),
        "words <= $shorter": query.shorter,
        "words >= $longer": query.longer,
        "made_at >= $since": query.since,
        "made_at <= $until": query.until,
    }
    held = {condition: value for condition, value in asked.items() if value not in ("", None, [])}
    where = " and ".join(["dataset = $dataset and latest", *held])
    values = {"dataset": dataset} | {condition.split("$")[1].strip(")"): value for condition, value in held.items()}
    with store.read() as cursor:
        counted = cursor.execute(f"select count(*) from example where {where}", values).fetchone()
        cursor.execute(
            f"select seq from example where {where} order by {ORDERS[order][2]} limit $limit offset $offset",
            {**values, "limit": limit, "offset": offset},
        )
        return [seq for (seq,) in cursor.fetchall()], counted[0] if counted else 0


def tags(store: Store, dataset: str) -> list[str]:
    return _distinct(store, dataset, "unnest(tags)")


def authors(store: Store, dataset: str) -> list[str]:
    """Who made the latest versions."""
    return _distinct(store, dataset, "made_by")


def sources(store: Store, dataset: str) -> list[str]:
    return _distinct(store, dataset, "source")


def origins(store: Store, dataset: str) -> list[str]:
    """What made examples, where it was not people."""
    return [origin for origin in _distinct(store, dataset, "origin") if origin]


def _distinct(store: Store, dataset: str, what: str) -> list[str]:
    """The values of a column, asked anew only when a version has been added since."""
    known: dict[tuple[str, str], tuple[int, list[str]]] = store.beside("distinct values", dict)
    row = store.row("select max(seq) as newest from example") or {}
    newest = row.get("newest") or 0
    if known.get((dataset, what), (-1, []))[0] != newest:
        rows = store.rows(
            f"select distinct {what} as value from example where dataset = ? and latest order by value", [dataset]
        )
        known[dataset, what] = newest, [row["value"] for row in rows]
    return known[dataset, what][1]

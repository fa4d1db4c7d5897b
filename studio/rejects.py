"""Rejects: rows that could not become examples. They wait here to be mended, and none is lost."""

from typing import Any

from engine.problems import Problem
from studio import datasets, imports
from studio.examples import APPROVED
from studio.imports import Reject
from studio.store import Store


def waiting(store: Store, dataset: str) -> list[dict[str, Any]]:
    """The rows that still wait to be mended: source, line, code, why, content."""
    return store.rows(
        """
        select source, line, code, why, content
        from reject
        where dataset = ? and settled = ''
        order by source, line
        """,
        [dataset],
    )


def mend(store: Store, dataset: str, source: str, line: int, text: str, by: str) -> None:
    """A rejected row, corrected by a person, becomes an example. Problem when it still breaks a rule."""
    row = imports.read_line(line, text.encode())
    if isinstance(row, Reject):
        raise Problem(f"Line {line} of {source} still cannot be used.", row.why, "Correct it and save again.")
    with store.write(by, "dataset.mend", dataset, source=source, line=line) as cursor:
        datasets.insert(cursor, dataset, [row], source, by, APPROVED)
        cursor.execute(
            "update reject set settled = 'mended' where dataset = ? and source = ? and line = ?",
            [dataset, source, line],
        )

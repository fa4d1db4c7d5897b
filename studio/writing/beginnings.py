"""Beginnings: what a making starts from. Passages, prompts, groups of examples, logged conversations.

Where there are more than wanted they are taken from everywhere, and the same ones every time.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine import hashes
from engine.data import formats
from engine.data.rows import Valid
from engine.drafting import sifting
from engine.problems import Problem
from studio.reading import libraries
from studio.store import Store

Beginning = dict[str, Any]
SHOWN = 4  # examples that one call for variations sees


def passages(store: Store, library: str, n: int) -> list[Beginning]:
    """Chunks of a library's documents."""
    found = [
        {"document": chunk.source, "heading": chunk.heading, "text": chunk.text}
        for chunk in libraries.chunks(store, library)
    ]
    return _spread(found, n)


def pasted(lines: Sequence[str], n: int) -> list[Beginning]:
    """One prompt a line."""
    return [{"messages": [{"role": "user", "content": line.strip()}]} for line in lines if line.strip()][:n]


def prompts(store: Store, dataset: str, n: int) -> list[Beginning]:
    """What was asked in a dataset, without the answers."""
    rows = _examples(store, dataset, "status != 'rejected'")
    return _spread([{"messages": row["messages"][:-1], "tags": row["tags"]} for row in rows], n)


def groups(store: Store, dataset: str, n: int) -> list[Beginning]:
    """A few approved examples each, other ones as long as there are any, and every time another angle."""
    rows = _examples(store, dataset, "status = 'approved'")
    pairs = [sifting.asked_and_answered(row["messages"]) for row in rows]
    mixed = [one["pair"] for one in _spread([{"pair": pair} for pair in pairs], len(pairs))]
    size = min(SHOWN, len(mixed))
    return [
        {"examples": [mixed[(number * size + k) % len(mixed)] for k in range(size)], "angle": number}
        for number in range(n if mixed else 0)
    ]


def logged(path: Path, n: int) -> list[Beginning]:
    """Conversations of a file of chat logs. Problem when a row of it is none: nothing is dropped in silence."""
    found = []
    for row in formats.records(path):
        if not isinstance(row, Valid):
            raise Problem(f"{path.name} line {row.line} is no conversation.", row.why, "Bring the file in instead.")
        found.append({"messages": row.conversation.messages, "tags": list(row.conversation.tags)})
    return _spread(found, n)


def known(store: Store, dataset: str) -> list[str]:
    """What a dataset says already, as drafts are compared with it."""
    return [sifting.text(row["messages"]) for row in _examples(store, dataset, "status != 'rejected'")]


def _examples(store: Store, dataset: str, which: str) -> list[dict[str, Any]]:
    rows = store.rows(
        f"select messages, tags from example where dataset = ? and latest and {which} order by place", [dataset]
    )
    return [{"messages": json.loads(row["messages"]), "tags": row["tags"]} for row in rows]


def _spread(found: list[Beginning], n: int) -> list[Beginning]:
    return sorted(found, key=lambda one: hashes.share(json.dumps(one, sort_keys=True, ensure_ascii=False)))[:n]

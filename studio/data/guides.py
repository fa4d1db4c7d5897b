"""Guides: the style guide of each dataset, a version each time it is saved. The newest one holds.

What the rules are and how they are checked is `engine.scoring.guide`; here they are only kept.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from engine import hashes
from engine.scoring import guide as rules
from engine.scoring.guide import Guide
from studio.store import Store, now


@dataclass(frozen=True)
class Version:
    dataset: str
    version: int
    guide: Guide
    made_by: str
    made_at: datetime


def history(store: Store, dataset: str) -> list[Version]:
    """Every version, newest first."""
    rows = store.rows("select * from guide where dataset = ? order by version desc", [dataset])
    found = []
    for row in rows:
        guide = rules.of(json.loads(row.pop("body")))
        assert guide is not None
        found.append(Version(**row, guide=guide))
    return found


def get(store: Store, dataset: str) -> Guide:
    """The guide that holds; one without rules where none was written."""
    row = store.row("select body from guide where dataset = ? order by version desc limit 1", [dataset])
    return (rules.of(json.loads(row["body"])) if row else None) or Guide()


def save(store: Store, dataset: str, guide: Guide, by: str) -> int:
    """Keep a guide as the next version; the number of the one that holds. Nothing new is no new version."""
    row = store.row("select max(version) as version from guide where dataset = ?", [dataset])
    held = (row["version"] if row else None) or 0
    if held and get(store, dataset) == guide:
        return int(held)
    with store.write(by, "guide.save", dataset, version=held + 1) as cursor:
        body = json.dumps(asdict(guide), ensure_ascii=False)
        cursor.execute("insert into guide values (?, ?, ?, ?, ?)", [dataset, held + 1, body, by, now()])
    return int(held + 1)


def file(store: Store, dataset: str) -> str:
    """The path of the guide that holds, as a job reads it; '' where there are no rules. What was asked once stays."""
    guide = get(store, dataset)
    if guide.silent:
        return ""
    folder = store.home.files / "guides"
    folder.mkdir(parents=True, exist_ok=True)
    text = rules.to_json(guide)
    path = folder / f"{hashes.content(text)[:16]}.json"
    path.write_text(text, encoding="utf-8")
    return str(path)

"""Pseudonyms: personal data in chosen examples gives way to stand-ins; the key is kept apart from the data.

The key of a dataset is a file of its own in the home folder, readable by its owner alone. It is in no database, log,
job folder, snapshot or export, so whoever gets those cannot go back, and whoever deletes it makes the way back
impossible for everyone. Older versions of an example still hold what was written first: a new version hides nothing
from somebody who can read the history.
"""

import json
import os
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from engine.data import utterances
from engine.data.conversations import Conversation
from engine.privacy import personal
from engine.privacy.personal import Found
from engine.privacy.pseudonyms import Key
from engine.problems import Problem
from studio.data import examples
from studio.data.examples import Example
from studio.store import Store, now

KINDS = tuple(kind for kind in personal.KINDS if kind != "url")  # most web addresses are the firm's own
STILL_THERE = (
    "Older versions of these examples still hold what was written first, and everybody who can open their history can "
    "read it there. Snapshots that were frozen before keep it too."
)


@dataclass(frozen=True)
class Change:
    """One example and how it would read."""

    example: Example
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None
    worse: list[dict[str, Any]] | None
    kinds: Counter[str]


@dataclass(frozen=True)
class Preview:
    """What would change. The key is as it would be, and not yet kept."""

    dataset: str
    changes: list[Change]
    key: Key

    @property
    def kinds(self) -> Counter[str]:
        return sum((change.kinds for change in self.changes), Counter())

    def __str__(self) -> str:
        if not self.changes:
            return "None of these examples holds personal data of the chosen kinds."
        noun = "example" if len(self.changes) == 1 else "examples"
        return f"{personal.kinds_said(self.kinds)} in {len(self.changes):,} {noun} of {self.dataset} get stand-ins."


@dataclass(frozen=True)
class Replaced:
    """What was done; somebody changed the overtaken ones meanwhile, and they are as that person left them."""

    examples: int
    kinds: Counter[str]
    overtaken: list[str]


def preview(store: Store, chosen: Iterable[Example], kinds: Collection[str] = KINDS) -> Preview:
    """How the chosen examples of one dataset would read; nothing is written."""
    seen = list(chosen)
    if not seen:
        raise Problem("No example is chosen.", do="Choose some.")
    if len(names := {example.dataset for example in seen}) > 1:
        raise Problem(f"These examples are of {len(names)} datasets.", "Each dataset has a key of its own.")
    dataset = seen[0].dataset
    key, ours = _load(store, dataset), stand_ins(store, dataset)
    beside = "\n".join(
        text for example in seen for text in utterances.texts([example.messages, example.tools, example.worse])
    )
    changes = []
    for example in seen:
        found: Counter[str] = Counter()

        def hidden(text: str, found: Counter[str] = found) -> str:
            hits = [one for one in personal.scan(text) if one.kind in kinds and one.text not in ours]
            found.update(one.kind for one in hits)
            return key.hide(text, hits, again=True, beside=beside) if hits else text

        messages = utterances.rewritten(example.messages, hidden)
        tools = utterances.rewritten(example.tools, hidden)
        worse = utterances.rewritten(example.worse, hidden)
        if found:
            changes.append(Change(example, messages, tools, worse, found))
    return Preview(dataset, changes, key)


def replace(store: Store, wanted: Preview, by: str) -> Replaced:
    """Write a new version of each, with one Event that counts and names nothing. The key is on disk before the data."""
    if not wanted.changes:
        return Replaced(0, Counter(), [])
    _keep(store, wanted.dataset, wanted.key)
    with store.write(by, "dataset.pseudonyms", wanted.dataset, examples=len(wanted.changes)) as cursor:
        frame = pd.DataFrame([_row(change) for change in wanted.changes])
        cursor.register("fresh", frame)
        current = {
            entry
            for (entry,) in cursor.execute(
                "select entry from example join fresh using (entry, version) where latest and dataset = ?",
                [wanted.dataset],
            ).fetchall()
        }
        cursor.unregister("fresh")
        cursor.register("fresh", frame[frame["entry"].isin(current)])
        cursor.execute(
            """
            insert into example by name
            select seen.* replace (
                (select max(seq) from example) + row_number() over (order by seen.place) as seq,
                seen.version + 1 as version, fresh.id as id, fresh.messages::json as messages,
                fresh.tools::json as tools, fresh.worse::json as worse, fresh.words as words,
                $by as made_by, $now as made_at
            )
            from example seen join fresh using (entry, version)
            where seen.dataset = $dataset and seen.latest
            """,
            {"dataset": wanted.dataset, "by": by, "now": now()},
        )
        cursor.execute(
            """
            update example set latest = false
            where dataset = ? and latest and (entry, version) in (select (entry, version) from fresh)
            """,
            [wanted.dataset],
        )
        cursor.unregister("fresh")
    done = [change for change in wanted.changes if change.example.entry in current]
    overtaken = [change.example.entry for change in wanted.changes if change.example.entry not in current]
    return Replaced(len(done), sum((change.kinds for change in done), Counter()), overtaken)


def hide(store: Store, dataset: str, texts: Sequence[str], kinds: Collection[str] = KINDS) -> list[str]:
    """Texts with stand-ins, such as an export wants them; the key grows and is kept."""
    key, ours = _load(store, dataset), stand_ins(store, dataset)
    before = len(key)

    def hits(text: str) -> list[Found]:
        return [one for one in personal.scan(text) if one.kind in kinds and one.text not in ours]

    beside = "\n".join(texts)
    hidden = [key.hide(text, hits(text), again=True, beside=beside) for text in texts]
    if len(key) > before:
        _keep(store, dataset, key)
    return hidden


def reveal(store: Store, dataset: str, text: str) -> str:
    """A text with every stand-in of this dataset turned back. Problem when there is no key."""
    if not exists(store, dataset):
        raise Problem(
            f"There is no key for the pseudonyms of {dataset}.",
            "It was deleted, or none was ever made.",
            "Without it nobody can tell who is behind a stand-in.",
        )
    return _load(store, dataset).reveal(text)


def exists(store: Store, dataset: str) -> bool:
    return path(store, dataset).exists()


def size(store: Store, dataset: str) -> int:
    """How many stand-ins the key of a dataset holds."""
    return len(_load(store, dataset))


def stand_ins(store: Store, dataset: str) -> frozenset[str]:
    return frozenset(_load(store, dataset).originals)


def forget(store: Store, dataset: str, by: str) -> int:
    """Delete the key: from now on nobody can go back. How many stand-ins it held."""
    n = size(store, dataset)
    with store.write(by, "pseudonyms.forget", dataset, stand_ins=n):
        path(store, dataset).unlink(missing_ok=True)
    return n


def path(store: Store, dataset: str) -> Path:
    return store.home.pseudonyms / f"{quote(dataset, safe=' ')}.json"


def _load(store: Store, dataset: str) -> Key:
    file = path(store, dataset)
    return Key(json.loads(file.read_text())["stand_ins"]) if file.exists() else Key()


def _keep(store: Store, dataset: str, key: Key) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    file = path(store, dataset)
    file.parent.mkdir(mode=0o700, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=file.parent, prefix=".")  # made with 0600
    with os.fdopen(handle, "w") as out:
        json.dump({"dataset": dataset, "stand_ins": key.stand_ins}, out, ensure_ascii=False)
        out.flush()
        os.fsync(out.fileno())
    os.replace(draft, file)


def _row(change: Change) -> dict[str, Any]:
    said = Conversation(change.messages, change.tools)
    return {
        "entry": change.example.entry,
        "version": change.example.version,
        "id": said.id,
        "messages": json.dumps(change.messages, ensure_ascii=False),
        "tools": json.dumps(change.tools, ensure_ascii=False) if change.tools else None,
        "worse": json.dumps(change.worse, ensure_ascii=False) if change.worse else None,
        "words": said.words,
    }


def chosen(store: Store, dataset: str, limit: int = 500) -> list[Example]:
    """Examples in which a scan found something, in the order of the list; those not scanned are not among them."""
    rows = store.rows(
        """
        select entry from example
        where dataset = ? and latest and id in (select id from privacy where n > 0)
        order by place
        limit ?
        """,
        [dataset, limit],
    )
    return [examples.get(store, dataset, row["entry"]) for row in rows]

"""Fixing: a bad answer becomes the start of a new example, which remembers where it came from.

It begins as a draft on the bench of whoever found it, under an entry of its own; nothing is an example before it is
saved. A question of a test or validation side keeps that side: whoever trained on it would see it again in the test.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine import hashes, jsonl
from engine.data.conversations import SPLITS
from studio import sample
from studio.data import drafts
from studio.freezing import snapshots
from studio.store import Store

NEW = "new"  # how the entries of drafts begin that are not examples yet
TAG = "fixed answer"


@dataclass(frozen=True)
class Bad:
    """An answer that should have been better: `said` to `messages`, which end with the user's; `found` says where."""

    messages: Sequence[dict[str, Any]]
    said: str
    found: str
    item: str = ""  # its id in an evaluation


def begin(store: Store, dataset: str, bad: Bad, by: str) -> str:
    """Lay a bad answer on this person's bench; the entry under which it lies there."""
    messages = [*bad.messages, {"role": "assistant", "content": bad.said}]
    entry = f"{NEW}-{hashes.content(messages)[:12]}"
    side = locked(store, bad)
    why = f"From {bad.found}. Write the answer that should have come."
    if side:
        why += (
            f" This question is one of the {side} items, so the example stays on the {side} side: a model that trained "
            "on it would know the answer by heart. To teach it, write a question of your own."
        )
    body = {"messages": messages, "tags": [TAG], "note": f"fixes an answer from {bad.found}", "split": side, "why": why}
    drafts.keep(store, dataset, entry, by, 0, body)
    return entry


def blank(store: Store, dataset: str, by: str, why: str, tags: Sequence[str] = ()) -> str:
    """Lay an empty example on this person's bench, and why it is wanted; the entry under which it lies there."""
    messages = [{"role": "user", "content": ""}, {"role": "assistant", "content": ""}]
    entry = f"{NEW}-{hashes.content(dataset, why)[:12]}"
    if drafts.get(store, dataset, entry, by) is None:
        drafts.keep(store, dataset, entry, by, 0, {"messages": messages, "tags": list(tags), "why": why})
    return entry


def lost(store: Store, evaluation: str, name: str, judge: str) -> list[Bad]:
    """The answers that this judge found the worse of two, or both bad; the latest verdict first."""
    rows = store.rows(
        """
        select r.item, r.text, i.body, c.name
        from judgement j
        join pair p on p.id = j.pair
        join response r on r.id in (p.first, p.second)
          and (j.verdict = 'both bad'
               or (j.verdict = 'left' and r.id <> j.shown_left)
               or (j.verdict = 'right' and r.id = j.shown_left))
        join item i on i.evaluation = p.evaluation and i.id = p.item
        join candidate c on c.id = r.candidate
        where p.evaluation = ? and j.judge = ?
        order by j.made_at desc
        """,
        [evaluation, judge],
    )
    return [
        Bad(
            json.loads(row["body"])["messages"],
            row["text"],
            f"the judged pairs of “{name}”, by {row['name']}",
            row["item"],
        )
        for row in rows
    ]


def locked(store: Store, bad: Bad) -> str:
    """The side that the question belongs to when it is not for training: test or validation, '' for neither.

    Only ids and questions are compared; nobody sees a test item by this.
    """
    question = bad.messages[-1].get("content") or ""
    for split in reversed(SPLITS[1:]):
        if any(row["question"] == question for row in sample.questions(split)):
            return split
        for snapshot in snapshots.listed(store):
            path = snapshots.path(store, snapshot.id, split)
            for line in jsonl.read(path):
                if line["id"] == bad.item or line["messages"][:-1] == list(bad.messages):
                    return split
    return ""

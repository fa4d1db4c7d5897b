"""Rewards: what an answer is paid for, kept by name to be tried and then learned from. Templates to begin with.

What the kinds of reward are and how they pay is `engine.training.material.rewards`; a run takes a copy of what a name
holds, so a reward can be changed later without changing what was learned.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from engine.problems import Problem
from engine.training.material import rewards as engine
from studio.building import models
from studio.data import guides
from studio.store import Store, now

Values = dict[str, Any]  # one reward as a run's settings hold it: kind, weight, and the settings of its kind


@dataclass(frozen=True)
class Saved:
    name: str
    rewards: list[Values]
    made_by: str
    made_at: datetime


@dataclass(frozen=True)
class Template:
    """A reward to begin with: `words` say when it fits, `needs` what a question must have beside it."""

    words: str
    rewards: list[Values] = field(default_factory=list)
    needs: str = ""


SCHEMA = {
    "type": "object",
    "properties": {"order": {"type": "string"}, "urgent": {"type": "boolean"}},
    "required": ["order", "urgent"],
    "additionalProperties": False,
}
TEMPLATES = {
    "The right answer": Template(
        "There is one right answer to each question, such as a label, a number or a name.",
        [{"kind": "exact", "weight": 1.0, "ignore_punctuation": True}],
        "the right answer to each question",
    ),
    "Filled-in form (JSON)": Template(
        "The answer is data for another program, with the fields that it needs.",
        [{"kind": "json", "weight": 1.0, "schema": SCHEMA}],
    ),
    "The right tool": Template(
        "The model is to call a tool with the right arguments.",
        [{"kind": "tool", "weight": 1.0}],
        "the right call to each question",
    ),
    "Right and short": Template(
        "The right answer, and no more words than needed.",
        [{"kind": "exact", "weight": 3.0, "ignore_punctuation": True}, {"kind": "length", "weight": 1.0, "most": 12}],
        "the right answer to each question",
    ),
    "Holds a pattern": Template(
        "The answer must hold something that can be recognised, such as an order number.",
        [
            {"kind": "regex", "weight": 2.0, "pattern": r"\b[A-Z]{2}-\d{4}\b"},
            {"kind": "length", "weight": 1.0, "least": 5, "most": 60},
        ],
    ),
}
VOICE = "In our voice"


def templates(store: Store, dataset: str = "") -> dict[str, Template]:
    """All there is to begin with; with a dataset that has a style guide, answers in its voice too."""
    guide = guides.get(store, dataset) if dataset else None
    if guide is None or guide.silent:
        return TEMPLATES
    length = {"kind": "length", "weight": 1.0, "least": 5, "most": guide.most_words or 60}
    voice = Template(
        f"The answer keeps the style guide of {dataset}.",
        [{"kind": "style", "weight": 3.0, "guide": asdict(guide)}, length],
    )
    return {VOICE: voice, **TEMPLATES}


def save(store: Store, name: str, rewards: Sequence[Mapping[str, Any]], by: str) -> Saved:
    """Keep rewards under a name, in place of what it held. Problem when they cannot be used."""
    name = name.strip()
    if not name:
        raise Problem("The reward has no name.", do="Give it one; runs will find it by that.")
    engine.read(rewards)
    body = json.dumps([dict(values) for values in rewards], ensure_ascii=False)
    kinds = ", ".join(values["kind"] for values in rewards)
    with store.write(by, "reward.save", name, kinds=kinds) as cursor:
        cursor.execute("insert or replace into reward values (?, ?, ?, ?)", [name, body, by, now()])
    return get(store, name)


def delete(store: Store, name: str, by: str) -> None:
    """Take a reward off the list. Runs that have learned from it keep their copy."""
    held = get(store, name)
    with store.write(by, "reward.delete", name, rewards=held.rewards) as cursor:
        cursor.execute("delete from reward where name = ?", [name])


def get(store: Store, name: str) -> Saved:
    row = store.row("select * from reward where name = ?", [name])
    if row is None:
        raise Problem(f"There is no reward {name}.", do="Choose one from the list, or make it on the page Rewards.")
    return _saved(row)


def listed(store: Store) -> list[Saved]:
    return [_saved(row) for row in store.rows("select * from reward order by name")]


def leaving(store: Store, rewards: Sequence[Mapping[str, Any]]) -> list[str]:
    """The addresses of judges that are not on this machine: questions and answers are sent there."""
    urls = [str(values.get("url", "")) for values in rewards if values.get("kind") == "judge"]
    return list(dict.fromkeys(url for url in urls if url.strip() and not models.Endpoint(url).local))


def _saved(row: dict[str, Any]) -> Saved:
    return Saved(**{**row, "rewards": json.loads(row["rewards"])})

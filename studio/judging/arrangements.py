"""Arrangements: what stands in the playground, kept for whoever has the link: candidates, questions and answers.

Its id is a hash of what it holds, so the same arrangement has one link. Nothing in it is a candidate that evaluations
could ask until somebody keeps it as one.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import msgspec

from engine import hashes
from engine.problems import Problem
from engine.serving.asking.client import Decoding
from studio.building import candidates, models
from studio.building.candidates import Candidate
from studio.judging.asking import Turn
from studio.store import Store, now


@dataclass(frozen=True)
class Arrangement:
    id: str
    candidates: tuple[Candidate, ...]
    turns: tuple[Turn, ...]
    follow: bool  # whether each question goes on with what was said before
    made_by: str
    made_at: datetime


def keep(store: Store, chosen: Sequence[Candidate], turns: Sequence[Turn], by: str, follow: bool = False) -> str:
    """The id under which all this can be opened again."""
    body, id = _body(chosen, turns, follow), mark(chosen, turns, follow)
    if store.row("select 1 from arrangement where id = ?", [id]) is None:
        with store.write(by, "arrangement.share", id, candidates=len(chosen), questions=len(turns)) as cursor:
            text = json.dumps(body, ensure_ascii=False)
            cursor.execute("insert into arrangement values (?, ?, ?, ?)", [id, text, by, now()])
    return id


def mark(chosen: Sequence[Candidate], turns: Sequence[Turn], follow: bool = False) -> str:
    """The id that all this has, kept or not."""
    return hashes.content(_body(chosen, turns, follow))[:16]


def get(store: Store, id: str) -> Arrangement:
    """Problem when there is none, or when a model or library that it needs is gone."""
    row = store.row("select * from arrangement where id = ?", [id])
    if row is None:
        raise Problem("This link leads nowhere.", "Nothing was ever shared under it here.", "Ask for a new one.")
    body = json.loads(row["body"])
    chosen = tuple(_candidate(store, told, row["made_by"]) for told in body["candidates"])
    turns = msgspec.convert(body["turns"], tuple[Turn, ...])
    return Arrangement(id, chosen, turns, bool(body.get("follow")), row["made_by"], row["made_at"])


def _body(chosen: Sequence[Candidate], turns: Sequence[Turn], follow: bool) -> dict[str, Any]:
    told = [_told(candidate) for candidate in chosen]
    return {"candidates": told, "turns": [asdict(turn) for turn in turns], "follow": follow}


def _told(candidate: Candidate) -> dict[str, Any]:
    names = ["name", "model", "system", "library", "passages", "decoding", "examples"]
    names += ["nearest", "nearest_from"] if candidate.nearest else []
    return {name: getattr(candidate, name) for name in names}


def _candidate(store: Store, told: Mapping[str, Any], by: str) -> Candidate:
    models.get(store, told["model"])
    return candidates.draft(
        store, told["name"], told["model"], by, system=told["system"], library=told["library"],
        passages=told["passages"], decoding=Decoding(**told["decoding"]), examples=told["examples"],
        nearest=told.get("nearest", 0), nearest_from=told.get("nearest_from", ""),
    )  # fmt: skip

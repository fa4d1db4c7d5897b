"""Shots: a few training examples to show a model before it is asked, so that a prompt gets the help that tuning gets.

Typical ones differ from one another: the training rows fall into as many groups as examples are wanted, by their words,
and each group gives its most typical row. Others are drawn at random, because what is typical need not teach best. Only
training rows are ever shown.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from engine import jsonl
from engine.quality import embedding
from studio.freezing import snapshots
from studio.store import Store

MOST_ROWS = 5_000  # more do not change which rows are typical
MOST_LETTERS = 600  # of one example; a prompt has little room


def choose(store: Store, snapshot: str, k: int) -> list[dict[str, str]]:
    """The messages of `k` typical examples of the training split, question and answer in turn; fewer where fewer are
    fit.

    An example is fit when it is one question with one answer in plain words, not longer than 600 letters.
    """
    return [message for row in _typical(snapshots.path(store, snapshot, "train"), k) for message in row]


def draw(store: Store, snapshot: str, k: int) -> list[dict[str, str]]:
    """The same of `k` examples that chance has drawn; each time the same ones."""
    rows = _all_fit(snapshots.path(store, snapshot, "train"))
    return [message for row in Random(k).sample(rows, min(k, len(rows))) for message in row]


@lru_cache(maxsize=32)  # a snapshot never changes, and a search asks several times
def _typical(file: Path, k: int) -> list[list[dict[str, str]]]:
    from sklearn.cluster import KMeans  # takes a second of processor time, which every studio would wait for

    rows = _all_fit(file)
    if not rows or k < 1:
        return []
    asked = [turns[0]["content"] for turns in rows]
    points = embedding.lexical(asked).encode(asked)
    groups = KMeans(min(k, len(rows)), n_init=1, random_state=0).fit(points)
    far = np.linalg.norm(points - groups.cluster_centers_[groups.labels_], axis=1)
    return [rows[min(np.flatnonzero(groups.labels_ == group), key=far.__getitem__)] for group in set(groups.labels_)]


@lru_cache(maxsize=4)
def _all_fit(file: Path) -> list[list[dict[str, str]]]:
    """Every row that is fit, or as many of them, evenly spread, as are enough."""
    rows = [_turns(row) for row in jsonl.read(file) if _fit(row)]
    return rows[:: max(1, len(rows) // MOST_ROWS)]


def _fit(row: Mapping[str, Any]) -> bool:
    turns = _turns(row)
    plain = [turn["role"] for turn in turns] == ["user", "assistant"] and not row.get("tools")
    return (
        plain and all(turn["content"] for turn in turns) and sum(len(turn["content"]) for turn in turns) <= MOST_LETTERS
    )


def _turns(row: Mapping[str, Any]) -> list[dict[str, str]]:
    """What was said, without a system prompt: that is the candidate's to choose."""
    spoken = [message for message in row["messages"] if message["role"] != "system"]
    return [{"role": str(turn["role"]), "content": str(turn.get("content") or "")} for turn in spoken]

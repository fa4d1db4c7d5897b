"""Shots: a few training examples to show a model before it is asked, so that a prompt gets the help that tuning gets.

Typical ones differ from one another: the training rows fall into as many groups as examples are wanted, by their words,
and each group gives its most typical row. Others are drawn at random, because what is typical need not teach best. Both
are the same before every question; those nearest to it are looked up anew each time (Liu et al., "What Makes Good
In-Context Examples for GPT-3?", 2022). A file of training rows is read once and must not change.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from engine import jsonl
from engine.problems import Problem
from engine.quality import embedding
from engine.quality.embedding import Embedder, Vectors

MOST_ROWS = 5_000  # more do not change which rows are typical
MOST_NEAR = 50_000  # among which the nearest are sought; more would take long to begin with
MOST_LETTERS = 600  # of one example; a prompt has little room

Turns = list[dict[str, str]]  # messages, question and answer in turn


def typical(file: Path, k: int) -> Turns:
    """The messages of `k` typical examples of a file of rows; fewer where fewer are fit.

    An example is fit when it is one question with one answer in plain words, not longer than 600 letters.
    """
    return _joined(_typical(file, k))


def drawn(file: Path, k: int) -> Turns:
    """The same of `k` examples that chance has drawn; each time the same ones."""
    rows = _fit_rows(file, MOST_ROWS)
    return _joined(Random(k).sample(rows, min(k, len(rows))))


def nearest(file: Path, k: int, question: str) -> Turns:
    """The same of the `k` examples whose questions have most in common with this one, the nearest last: what stands
    next to the question is heeded most. Problem when the file is gone."""
    rows, embedder, points = _located(file, MOST_NEAR)
    if not rows:
        return []
    near = points @ embedder.encode([question])[0]
    return _joined([rows[n] for n in np.argsort(-near, kind="stable")[:k][::-1]])


@lru_cache(maxsize=32)  # a search asks several times
def _typical(file: Path, k: int) -> list[Turns]:
    from sklearn.cluster import KMeans  # takes a second of processor time, which every studio would wait for

    rows, _, points = _located(file, MOST_ROWS)
    if not rows or k < 1:
        return []
    groups = KMeans(min(k, len(rows)), n_init=1, random_state=0).fit(points)
    far = np.linalg.norm(points - groups.cluster_centers_[groups.labels_], axis=1)
    return [rows[min(np.flatnonzero(groups.labels_ == group), key=far.__getitem__)] for group in set(groups.labels_)]


@lru_cache(maxsize=4)
def _located(file: Path, most: int) -> tuple[list[Turns], Embedder, Vectors]:
    """The rows that are fit, who makes points of texts like their questions, and the points, (rows, size)."""
    rows = _fit_rows(file, most)
    asked = [turns[0]["content"] for turns in rows]
    embedder = embedding.lexical(asked or [""])
    return rows, embedder, embedder.encode(asked)


@lru_cache(maxsize=4)
def _fit_rows(file: Path, most: int) -> list[Turns]:
    """Every row that is fit, or so many of them, evenly spread."""
    if not file.is_file():
        raise Problem(f"The examples in {file} are gone.", do="Choose a candidate that does not show them.")
    rows = [_turns(row) for row in jsonl.read(file) if _fit(row)]
    return rows[:: -(-len(rows) // most) or 1]


def _joined(rows: list[Turns]) -> Turns:
    return [message for row in rows for message in row]


def _fit(row: Mapping[str, Any]) -> bool:
    turns = _turns(row)
    plain = [turn["role"] for turn in turns] == ["user", "assistant"] and not row.get("tools")
    return (
        plain and all(turn["content"] for turn in turns) and sum(len(turn["content"]) for turn in turns) <= MOST_LETTERS
    )


def _turns(row: Mapping[str, Any]) -> Turns:
    """What was said, without a system prompt: that is the candidate's to choose."""
    spoken = [message for message in row["messages"] if message["role"] != "system"]
    return [{"role": str(turn["role"]), "content": str(turn.get("content") or "")} for turn in spoken]

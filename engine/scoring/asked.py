"""Asked metrics: those that ask a model again to score an answer: a judge, or the candidate for its own chances.

A metric here is a family: one asking may give several scores, each under its own name.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.drafting.asker import Asker
from engine.scoring.candidates import Candidate
from engine.scoring.metrics import Guide, Item, Score

JUDGE, CANDIDATE = "judge", "candidate"


@dataclass(frozen=True)
class Given:
    """What a family may look at. `answer` is a line of responses.jsonl before its scores: text, passages, calls ..."""

    item: Item
    answer: Mapping[str, Any]
    candidate: Candidate
    judge: Candidate | None
    guide: Guide
    labels: tuple[str, ...]  # every label path that the items know, for those that rank them
    asker: Asker


@dataclass(frozen=True)
class Family:
    """`names` says in words what each score means. A call that failed is a Problem; it is never a low score."""

    names: Mapping[str, str]
    needs: str  # JUDGE or CANDIDATE
    rate: Callable[[Given], Awaitable[dict[str, Score]]]


FAMILIES: tuple[Family, ...] = ()


def family(name: str) -> Family | None:
    """The family that gives the score called `name`."""
    return next((found for found in FAMILIES if name in found.names), None)

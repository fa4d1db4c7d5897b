"""Given: what a family of asked metrics may look at, and what a family is.

Families stand in modules of their own, and `engine.scoring.asked` knows them all; this stands below both.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.scoring.candidates import Candidate
from engine.scoring.score import Guide, Item, Score
from engine.serving.asking.asker import Asker

JUDGE, CANDIDATE, NOBODY = "judge", "candidate", "nobody"


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
    """`names` says in words what each score means. A call that failed is a Problem; it is never a low score.

    `needs` says who is asked: JUDGE, CANDIDATE, or NOBODY where the answer and its passages are enough.
    """

    names: Mapping[str, str]
    needs: str
    rate: Callable[[Given], Awaitable[dict[str, Score]]]

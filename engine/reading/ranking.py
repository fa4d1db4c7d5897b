"""Ranking: how well an index is searched, over questions whose passage is known.

A hit is right when it is of the question's document and holds the passage. A passage that was cut, so that no chunk
holds all of it, is found by a chunk that ends with its first half or more, or begins with its last (four words at
least); or by one of eight words or more that is, whole, a piece of it. Several right hits count as one: the first.
"""

from collections.abc import Mapping, Sequence
from math import ceil, log2
from typing import Any, Protocol

from engine.scoring.clustered import ALONE, Clusters, mean, share
from engine.scoring.stats import Estimate
from engine.scoring.wording import plain

DEPTH = 10  # how far down a question is looked for
DEPTHS = (1, 3, 5, 10)
HALF, ROW, PIECE = 0.5, 4, 8  # of a passage's words; words that are no chance; words of a chunk
Question = Mapping[str, Any]


class Told(Protocol):
    @property
    def text(self) -> str: ...

    @property
    def source(self) -> str: ...


class Searched(Protocol):
    def search(self, query: str, k: int = ..., how: str = ...) -> Sequence[Any]: ...


def quality(index: Searched, questions: Sequence[Question], how: str = "") -> dict[str, Estimate]:
    """How often the passage that answers a question is found, over questions with `document` and `passage`.

    recall@k: it is among the first k. mrr: the mean of 1 / its rank, 0 beyond the first ten. ndcg: the mean of
    1 / log2(1 + its rank), which is nDCG@10 where one passage is right (Järvelin and Kekäläinen, TOIS 2002).
    """
    ranks = [rank(index.search(str(question["question"]), DEPTH, how), question) for question in questions]
    return measures(ranks, of(questions))


def measures(ranks: Sequence[int], clusters: Clusters = ALONE) -> dict[str, Estimate]:
    """The figures of `quality` for the rank of each question's passage; 0 where it was not among the first ten."""
    ranks = [rank if rank <= DEPTH else 0 for rank in ranks]
    found = {f"recall@{k}": share(within(ranks, k), clusters) for k in DEPTHS}
    return found | {
        "mrr": mean([reciprocal(rank) for rank in ranks], clusters, 0.0, 1.0),
        "ndcg": mean([gain(rank) for rank in ranks], clusters, 0.0, 1.0),
    }


def of(questions: Sequence[Question]) -> Clusters:
    """The documents that the questions stand on: several on one are found or missed together more often than not."""
    return Clusters(tuple(str(question["document"]) for question in questions), "documents")


def within(ranks: Sequence[int], k: int) -> list[float]:
    """1 for each question whose passage is among the first `k`, else 0."""
    return [float(0 < rank <= k) for rank in ranks]


def reciprocal(rank: int) -> float:
    return 1 / rank if rank else 0.0


def gain(rank: int) -> float:
    return 1 / log2(1 + rank) if rank else 0.0


def rank(hits: Sequence[Told], question: Question) -> int:
    """The place of the first hit that is right, from 1; 0 when none is."""
    wanted = plain(str(question["passage"]))
    ranks = (at for at, hit in enumerate(hits, 1) if hit.source == question["document"] and holds(hit.text, wanted))
    return next(ranks, 0)


def holds(text: str, wanted: str) -> bool:
    """Whether a chunk holds a passage, which is `plain` already."""
    found = plain(text)
    if not found or not wanted:
        return False
    if wanted in found:
        return True
    mine, theirs = found.split(), wanted.split()
    if len(mine) >= PIECE and found in wanted:
        return True
    least = max(ROW, ceil(HALF * len(theirs)))
    cuts = range(least, min(len(mine), len(theirs)) + 1)
    return any(mine[-n:] == theirs[:n] or mine[:n] == theirs[-n:] for n in cuts)

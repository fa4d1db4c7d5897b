"""Probes: what a model could do before it was tuned, asked again afterwards, to see what tuning made it forget.

A probe is a source of general questions that have nothing to do with the task. How much may be lost is declared before
anybody looks (engine.scoring.verdicts.kept).
"""

from collections.abc import Sequence
from typing import Any

from engine import jsonl
from studio.building import models
from studio.building.candidates import Candidate
from studio.folders import SAMPLE
from studio.judging import evaluations, sources
from studio.judging.evaluations import Evaluation
from studio.judging.orders import PROBE, Measures, Order
from studio.judging.sources import Questions, Source
from studio.store import Store

MARGIN = 0.05  # of the share right; a loss that most teams would pay for what they gain
GENERAL = "general"
FILE = SAMPLE / "general" / "questions.jsonl"


def listed(store: Store, base: str) -> list[Source]:
    """What can be asked to see what was forgotten: for the starter the questions that come with it, for every base all
    that an evaluation can ask."""
    own = [built_in()] if base == models.STARTER_NAME else []
    return [*own, *sources.listed(store)]


def built_in() -> Source:
    return Source("General reading, shipped with the starter", "", GENERAL, len(jsonl.read(FILE)))


def questions(store: Store, source: Source, n: int | None = None) -> Questions:
    """`n` items of a source, always the same ones; all of them by default."""
    if source.split != GENERAL:
        return sources.questions(store, source, n)
    return source.first(sources.from_questions([_question(row) for row in jsonl.read(FILE)]), n)


def proposed(store: Store, source: Source) -> list[str]:
    """The metric that says most about a source."""
    return ["facts"] if source.split == GENERAL else sources.proposed(store, source)[:1]


def start(store: Store, name: str, source: Source, candidates: Sequence[Candidate], by: str) -> Evaluation:
    """Ask the candidates, each a model as it is, the probe's questions."""
    measures = Measures(proposed(store, source))
    return evaluations.start(store, Order(questions(store, source), candidates, measures, name=name, purpose=PROBE), by)


def _question(row: dict[str, Any]) -> dict[str, Any]:
    *asked, answer = row["messages"]
    return {**row, "question": asked[-1]["content"], "answer": answer["content"]}

"""Contradictions: prompts that are nearly the same, with answers that are not.

What an answer means is beyond words, so this points and a person decides: two answers may both be right.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.quality import subjects
from engine.quality.embedding import Embedder
from engine.quality.nearness import alike, near, normal
from engine.quality.subjects import Subject

PROMPTS = 0.85  # words that prompts share
MEANT = 0.85  # and their cosine, so that a rare word that differs counts for more
ANSWERS = 0.7  # answers that share more words say the same in other words


@dataclass(frozen=True)
class Contradiction:
    """Two subjects by position. `prompts`, `answers`: share of words in common; `cosine`: of their prompts."""

    first: int
    second: int
    prompts: float
    cosine: float
    answers: float


def find(rows: Sequence[Subject], embedder: Embedder) -> list[Contradiction]:
    """Pairs whose prompts are near by words and by embedding and whose answers differ, the clearest first.

    Where answers are labels, another label is another answer. Of many copies of one prompt each is laid beside the
    first that answers differently from it.
    """
    labelled = subjects.labels([row.answer for row in rows])
    contexts = [row.context for row in rows]
    pairs = [(pair.first, pair.second, pair.score) for pair in near(contexts, PROMPTS)]
    members = sorted({at for first, second, _ in pairs for at in (first, second)})
    if not members:
        return []
    place = {at: number for number, at in enumerate(members)}
    vectors = embedder.encode([rows[at].prompt for at in members])
    found = []
    for first, second, score in pairs:
        cosine = float(vectors[place[first]] @ vectors[place[second]])
        answers = alike(rows[first].answer, rows[second].answer)
        same = normal(rows[first].answer) == normal(rows[second].answer) if labelled else answers >= ANSWERS
        if not same and (score == 1.0 or cosine >= MEANT):
            found.append(Contradiction(first, second, score, cosine, answers))
    return sorted(found, key=lambda pair: (-pair.prompts, pair.answers, pair.first, pair.second))

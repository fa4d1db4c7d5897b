"""Asked metrics: those that look beyond an answer's words: at its passages, or by asking a model again to score it.

A metric here is a family: one asking may give several scores, each under its own name.
"""

from engine.scoring.given import CANDIDATE, JUDGE, NOBODY, Family, Given
from engine.scoring.judged.citing import CITATIONS
from engine.scoring.judged.grounds import GROUNDS
from engine.scoring.judged.relevance import ASKED_AGAIN, POINTS_GIVEN
from engine.scoring.likely import ANSWER, RANKING

__all__ = ["CANDIDATE", "FAMILIES", "JUDGE", "NOBODY", "Family", "Given", "family"]

FAMILIES: tuple[Family, ...] = (GROUNDS, POINTS_GIVEN, ASKED_AGAIN, CITATIONS, ANSWER, RANKING)


def family(name: str) -> Family | None:
    """The family that gives the score called `name`."""
    return next((found for found in FAMILIES if name in found.names), None)

"""Asked metrics: those that look beyond an answer's words: at its passages, or by asking a model again to score it.

A metric here is a family: one asking may give several scores, each under its own name.
"""

from engine.scoring.given import CANDIDATE, JUDGE, NOBODY, Family, Given

__all__ = ["CANDIDATE", "FAMILIES", "JUDGE", "NOBODY", "Family", "Given", "family"]

FAMILIES: tuple[Family, ...] = ()


def family(name: str) -> Family | None:
    """The family that gives the score called `name`."""
    return next((found for found in FAMILIES if name in found.names), None)

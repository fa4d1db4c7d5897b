"""Overruling: people's verdicts in place of a judge's, and the scores that these make, by the code that made them.

The judge's own verdict is never lost: it stays beside the one that holds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.problems import Problem
from engine.scoring.judged import grounds
from engine.scoring.judged.grounds import Claim, Verdict
from engine.scoring.judged.prompts import SUPPORTED, VERDICTS
from engine.scoring.score import Score

CANNOT_TELL = "cannot_tell"
SAYABLE = (*VERDICTS, CANNOT_TELL)
OWN = ("verdict", "passage", "quote", "reason", "source", "cited")  # what of a claim's row is the judge's


@dataclass(frozen=True)
class Said:
    """A person's verdict on a claim. `passage` counts from 1 and is that which holds the claim, 0 where none does."""

    verdict: str
    passage: int = 0
    why: str = ""

    def check(self, passages: int) -> None:
        """Problem when it says nothing that can be reckoned with; `passages`: how many there are."""
        if self.verdict not in SAYABLE:
            raise Problem(f"There is no verdict {self.verdict!r}.", do=f"Choose one of {', '.join(SAYABLE)}.")
        if self.verdict == SUPPORTED and not 1 <= self.passage <= passages:
            raise Problem(f"There is no passage {self.passage} to hold the claim.", do=f"Name one of the {passages}.")


def scores(detail: Mapping[str, Any], said: Mapping[str, Said], sources: Sequence[str]) -> dict[str, Score]:
    """The scores of a judged answer with what people `said` of its claims, by claim id; `sources` of its passages.

    Who cannot tell overrules nothing. A person's verdict speaks of a claim's citations as far as it follows: the
    passage that holds the claim supports it, and where no passage does, none that is cited does.
    """
    rows = detail["claims"]
    claims = [Claim(one["id"], one["claim"], one["sentence"], one["needs_source"], tuple(one["cites"])) for one in rows]
    judged = {row["id"]: _verdict(row) for row in rows}
    ruled = {id: one for id, one in said.items() if id in judged and one.verdict != CANNOT_TELL}
    verdicts = judged | {id: _instead(judged[id], one) for id, one in ruled.items()}
    alone = {row["id"]: {key: row[key] for key in OWN} for row in rows}
    ledger = [
        row | {"judge": alone[row["id"]]} if row["id"] in ruled else row
        for row in grounds.ledger(claims, verdicts, sources)
    ]
    before, after = (grounds.scored(claims, one, len(sources)) for one in (judged, verdicts))
    told = f"{len(ruled)} verdict{'s' * (len(ruled) != 1)} by people"
    return {
        name: Score(score.value, f"{score.why} {_beside(told, before[name])}", {**detail, "claims": ledger})
        for name, score in after.items()
    }


def _beside(told: str, alone: Score) -> str:
    return f"{told}." if alone.value is None else f"{told}; the judge alone: {100 * alone.value:.0f} %."


def _verdict(row: Mapping[str, Any]) -> Verdict:
    """A row of the ledger as the verdict that it was made of."""
    cited = {one["passage"]: one["supports"] for one in row["cited"] if one["exists"]}
    return Verdict(row["verdict"], row["passage"], row["quote"], row["reason"], cited)


def _instead(judged: Verdict, said: Said) -> Verdict:
    holds = said.verdict == SUPPORTED
    if said.verdict == judged.verdict and (said.passage == judged.passage or not holds):
        return judged  # its quote and its reason hold as well
    cited = {n: holds and (n == said.passage or supports) for n, supports in judged.cited.items()}
    return Verdict(said.verdict, said.passage if holds else 0, "", said.why, cited)

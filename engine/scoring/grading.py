"""Grading: what an answer is worth by every metric that an evaluation asked for: those that read, those that ask."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.problems import Problem
from engine.scoring import asked, lines, metrics
from engine.scoring.asked import Family, Given
from engine.scoring.candidates import Candidate
from engine.scoring.score import Guide, Item, Score
from engine.serving.asking.asker import Asker, Nowhere
from engine.serving.asking.calls import Failure
from engine.serving.asking.purse import Spent


class Grader:
    def __init__(
        self,
        wanted: Sequence[str],
        guide: Guide,
        labels: Sequence[str],
        judge: Candidate | None,
        asker: Asker,
    ) -> None:
        check(wanted, judge)
        self.wanted, self.guide, self.labels, self.judge, self.asker = wanted, guide, tuple(labels), judge, asker
        self.read = [metric for metric in wanted if metric in metrics.METRICS]
        self.families = families(wanted)

    async def grade(self, line: lines.Line, item: Item, candidate: Candidate, only: Sequence[str] = ()) -> None:
        """Put the scores into a line; `only` those of some names, where the others stand."""
        scores = line["scores"]
        for metric in self.read:
            if not only or metric in only:
                found = metrics.score(metric, line["text"], item, self.guide, line["calls"])
                scores[metric] = lines.score(found)
        for family in self.families:
            names = [name for name in family.names if name in self.wanted and (not only or name in only)]
            if names:
                scores |= await self._asked(family, names, line, item, candidate)

    async def _asked(
        self, family: Family, names: Sequence[str], line: lines.Line, item: Item, candidate: Candidate
    ) -> Mapping[str, Any]:
        given = Given(item, line, candidate, self.judge, self.guide, self.labels, self.asker)
        with self.asker.purse.bill() as bill:
            try:
                found = await family.rate(given)
            except (Nowhere, Spent):
                raise
            except Failure as failure:  # told, and asked again when the job goes on
                return {name: lines.score(Score(None, str(failure))) | {"code": failure.code} for name in names}
            except Problem as problem:
                return {name: lines.score(Score(None, str(problem))) for name in names}
            finally:
                lines.paid(line, bill, family.needs)
        return {name: lines.score(found[name]) for name in names}


def families(wanted: Sequence[str]) -> list[Family]:
    """The families that give any of the scores, each once."""
    found = {id(one): one for name in wanted if (one := asked.family(name)) is not None}
    return list(found.values())


def check(wanted: Sequence[str], judge: Candidate | None) -> None:
    """Problem when a metric is not known, or needs a judge and there is none."""
    known = [*metrics.METRICS, *(name for one in asked.FAMILIES for name in one.names)]
    if unknown := [name for name in wanted if name not in known]:
        raise Problem(f"There is no metric called {unknown[0]}.", do=f"Known are {', '.join(known)}.")
    needs = [one for one in families(wanted) if one.needs == asked.JUDGE]
    if needs and judge is None:
        name = next(name for name in wanted if name in needs[0].names)
        raise Problem(f"The metric {name} needs a judge.", "It is a model's verdict.", "Choose a model that judges.")

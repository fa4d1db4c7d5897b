"""Decision: what a comparison lets one decide, in words; and of the four arms as one page to mail and to print.

The page is one file with nothing from outside. No test item and no answer is on it, so that whoever gets it can tune
on none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.problems import Problem
from engine.scoring import known
from engine.serving.asking.client import Decoding
from studio import prices
from studio.building import candidates
from studio.building.candidates import Candidate
from studio.deciding import fairness, findings, grids, report
from studio.deciding.findings import Arms
from studio.deciding.grids import Grid
from studio.judging import baselines, evaluations, reach, reports, variants
from studio.judging.evaluations import Evaluation
from studio.judging.reports import Line
from studio.store import Store, now

OTHERS = 3  # metrics that are told beside the one that was chosen; more nobody reads
LOOKS = ("prompt", "rag", "tuned", "tuned_rag")  # how the page draws the arms, in the order of their ids


@dataclass(frozen=True)
class Figured:
    """A metric on the page: what it means, who leads, each arm's figure, and what each step changes."""

    name: str
    meaning: str
    headline: str
    lines: list[Line]  # in the order of the arms
    steps: list[tuple[str, str]]


def words(store: Store, evaluation: Evaluation, metric: str, lines: Sequence[Line], grid: Grid | None) -> list[str]:
    """Which is best and how sure that is, by the other metrics too, who has no score, what it costs, what tuning made
    it forget, and what to do next."""
    others = [other for other in evaluation.metrics if other != metric][:OTHERS]
    known = {metric: lines} | {other: reports.frontier(store, evaluation.id, other) for other in others}
    told = [findings.headline(store, evaluation.id, one, found) for one, found in known.items()]
    told += [findings.unscored(metric, lines), findings.price_of_it(lines)]
    if grid:
        told.append(_forgot(store, grid))
    return [*told, _follows(store, evaluation, known)]


def _follows(store: Store, evaluation: Evaluation, known: Mapping[str, Sequence[Line]]) -> str:
    """What to do next: with those that lead by every metric, as far as one can tell; where none does, by the first."""
    (metric, lines), *others = known.items()
    lead = findings.leading(store, evaluation.id, metric, lines)
    scored = sum(1 for line in lines if line.quality.n)
    beside = [{line.candidate for line in findings.leading(store, evaluation.id, *other)} for other in others]
    everywhere = [line for line in lead if all(line.candidate in good for good in beside)]
    if not others:
        return findings.next_step(lead, scored)
    where = f"by {' and '.join(known)} together" if everywhere else f"if {metric} is what counts most"
    return findings.next_step(everywhere or lead, scored).replace("Next:", f"Next, {where}:")


def page(store: Store, grid: Grid, by: str) -> str:
    """The four arms as one HTML page. Who took it out is noted. Problem before there is an answer."""
    asked = evaluations.get(store, grid.evaluation) if grid.evaluation else None
    lines = reports.frontier(store, grid.evaluation, grid.metrics[0]) if asked else []
    if asked is None or grid.arms is None or not lines:
        raise Problem("There is nothing to report yet.", "No answer has come.", "Wait until the four arms were asked.")
    search = baselines.get(store, grid.baseline)
    first, *others = [one for one in words(store, asked, grid.metrics[0], lines, grid) if one]
    headline, _, figures = first.partition(". ")
    made = report.template("decision.html.j2").render(
        grid=grid,
        made=f"{now():%d %B %Y, %H:%M} UTC",
        headline=headline.rstrip(".") + ".",
        said=[one for one in (figures, *others) if one],
        metrics=[_figured(store, asked, metric, grid.arms) for metric in grid.metrics],
        looks=dict(zip(grid.arms.ids, LOOKS, strict=True)),
        arms=[candidates.get(store, id) for id in grid.arms.ids],
        told=_told,
        costs=_in_order(lines, grid.arms),
        euros=findings.euros,
        price=prices.assume(store),
        forgetting=grids.forgotten(store, grid),
        fairness=fairness.sentences(store, grid),
        search=search,
        tried=[(stage, variants.tried(store, search, stage)) for stage in search.stages if not stage.more],
        reach=reach.had(store, asked.id),
        failed=sum(line.failed for line in lines),
    )
    with store.write(by, "grid.export", grid.id, name=grid.name):
        return made


def _forgot(store: Store, grid: Grid) -> str:
    probe = grids.forgotten(store, grid)
    if probe is None:
        return f"What tuning made {grid.model} forget is not known: no general question was answered."
    return f"Questions that {grid.model} was not tuned for: {findings.small(probe.words)} {probe.advice}"


def _figured(store: Store, asked: Evaluation, metric: str, arms: Arms) -> Figured:
    lines = reports.frontier(store, asked.id, metric)
    effects = findings.effects(store, asked.id, metric, arms)
    headline = findings.headline(store, asked.id, metric, lines)
    steps = findings.steps(effects) if effects else []
    return Figured(metric, known.words(metric), headline, _in_order(lines, arms), steps)


def _in_order(lines: Sequence[Line], arms: Arms) -> list[Line]:
    by_arm = {line.candidate: line for line in lines}
    return [by_arm[id] for id in arms.ids if id in by_arm]


def _told(one: Candidate) -> list[str]:
    """What a candidate is, a line each: its model, what it reads, what it is shown, how its answers are drawn."""
    drawn = Decoding(**one.decoding)
    found = [f"model {one.model}"]
    if one.library:
        found.append(f"reads {one.passages} passage{'s' * (one.passages != 1)} of {one.library}")
    if one.shows:
        found.append(f"is shown {one.shows} from training data")
    return [*found, f"temperature {drawn.temperature:g}, at most {drawn.max_tokens} tokens"]

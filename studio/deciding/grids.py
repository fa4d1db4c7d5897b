"""Grids: prompt, retrieval, fine-tuning, or both? Four candidates that share everything but what is asked about.

The base gets the best prompt that a search on validation found; all four share the decoding, and both that retrieve
share library and depth. Then all are asked the same test items, and base and tuned the questions of a probe that shows
what tuning made the model forget, with a margin declared before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock

from engine import jobs
from engine.problems import Problem
from engine.scoring import stats, verdicts
from studio import prices
from studio.building import candidates, models, runs
from studio.building.candidates import Candidate
from studio.deciding.findings import Arms
from studio.freezing import snapshots
from studio.judging import baselines, evaluations, figures, probes, sources, usual
from studio.judging.evaluations import Evaluation
from studio.judging.orders import Measures, Order, Terms
from studio.judging.sources import Source
from studio.judging.variants import Baseline, Plan
from studio.rows import Rows
from studio.store import Store, now

SEARCHING, ASKING, DONE, STUCK = "searching", "asking", "done", "stuck"


@dataclass(frozen=True)
class Grid:
    """`evaluation`, `forgetting` and `arms` are empty until the search for the best prompt has ended."""

    id: str
    name: str
    model: str  # the tuned one
    base: str
    library: str
    source: Source  # the test items
    n: int
    metrics: tuple[str, ...]
    guide: str
    baseline: str
    probe: Source | None
    margin: float
    made_by: str
    made_at: datetime
    evaluation: str = ""
    forgetting: str = ""
    arms: Arms | None = None


KEPT = Rows(Grid, "grid", "grid")
_one = Lock()  # the studio's clock and a page may both look; test items are asked once


@dataclass(frozen=True)
class Forgetting:
    """What tuning cost elsewhere: the share right of base and tuned on the probe, and the paired difference."""

    metric: str
    base: stats.Estimate
    tuned: stats.Estimate
    change: stats.Difference
    margin: float

    @property
    def verdict(self) -> verdicts.Kept:
        return verdicts.kept(self.change, self.margin)

    @property
    def words(self) -> str:
        return verdicts.kept_in_words(self.change, self.margin)

    @property
    def advice(self) -> str:
        """What follows from it for whoever decides."""
        return {
            "kept": "It may answer other questions too.",
            "lost": "Let it answer only what it was tuned for, or train it anew with general examples among its own.",
            "cannot tell": "Ask more general questions before it answers anything but what it was tuned for.",
        }[self.verdict]


def start(
    store: Store,
    name: str,
    model: str,
    library: str,
    source: Source,
    searched: Source,
    plan: Plan,
    by: str,
    *,
    snapshot: str = "",
    guide: str = "",
    n: int | None = None,
    probe: Source | None = None,
    margin: float = probes.MARGIN,
) -> Grid:
    """Begin: the search for the base's best prompt on `searched` (a validation split) is in the queue.

    `source` is asked once, at the end, `n` items of it or all. `catch_up` goes on from there.
    """
    tuned = models.get(store, model)
    if tuned.kind != models.ADAPTER:
        raise Problem(f"{model} is not a tuned model.", do="Choose one that was tuned from a base that is here.")
    if not library:
        raise Problem("No library is chosen.", "Two of the four arms read one.", "Choose a library.")
    if bars := barred(store, source, searched):
        raise bars
    if not plan.depths:
        raise Problem("No number of passages is chosen.", "Two of the four arms read some.", "Choose at least one.")
    if not 0 < margin < 1:
        raise Problem(f"{margin:g} is no margin.", do="Give a share between 0 and 1, such as 0.05 for five points.")
    base = models.base_of(store, tuned).name
    search = baselines.start(
        store, f"{name}: best prompt", base, searched, plan, by, library=library, snapshot=snapshot, guide=guide
    )
    made = Grid(
        jobs.new_id("grid"), name, model, base, library, source, min(n or source.n, source.n), tuple(plan.metrics),
        guide, search.id, probe, margin, by, now(),
    )  # fmt: skip
    with store.write(by, "grid.start", made.id, name=name, model=model, margin=margin) as cursor:
        KEPT.add(cursor, made)
    return made


def barred(store: Store, *asked: Source) -> Problem | None:
    """Why these cannot be asked of four arms: where questions bring passages, no two arms differ in what they read."""
    for source in asked:
        if sources.brought(sources.questions(store, source).items):
            return Problem(
                f"The questions of {source.name} bring their passages.",
                "All four arms would read these, also the two that shall have none, and no library would be searched.",
                "Choose a snapshot of the questions alone: that of the dataset whose answers got the passages.",
            )
    return None


def takes(store: Store, answers: Mapping[str, int]) -> tuple[float | None, float | None]:
    """About how many seconds and euros so many answers of each model take, as earlier ones of it did; None before the
    first of anybody's."""
    each = {model: usual.seconds(store, model, Terms().concurrency) for model in answers}
    if None in each.values():
        return None, None
    seconds = sum((each[model] or 0.0) * n for model, n in answers.items())
    return seconds, prices.cost(seconds, prices.assume(store))


def listed(store: Store) -> list[Grid]:
    """Every grid, newest first."""
    return KEPT.listed(store)


def get(store: Store, id: str) -> Grid:
    return KEPT.get(store, id)


def of(store: Store, evaluation: str) -> Grid | None:
    """The grid whose arms were asked in this evaluation."""
    return next((grid for grid in listed(store) if grid.evaluation == evaluation), None)


def asking(store: Store, grid: Grid) -> list[Evaluation]:
    """The evaluations that it waits for."""
    search = baselines.asking(store, baselines.get(store, grid.baseline))
    own = [evaluations.get(store, id) for id in (grid.evaluation, grid.forgetting) if id]
    return [found for found in ([search] if search else []) + own if found.state != jobs.DONE]


def state(store: Store, grid: Grid) -> str:
    """SEARCHING, ASKING, DONE, or STUCK where an evaluation was stopped, paused or failed, and it goes on with that; or
    where something keeps it from going on (`hindrance`)."""
    waits = asking(store, grid)
    if hindrance(grid) or any(found.state in jobs.OVER for found in waits):
        return STUCK
    if not grid.evaluation:
        return SEARCHING
    return ASKING if waits or _unasked(grid) else DONE


def hindrance(grid: Grid) -> Problem | None:
    """Why it could not go on when it was last tried, such as a model that was deleted meanwhile."""
    return baselines.hindrance(grid.baseline) or baselines.hindrance(grid.id)


def catch_up(store: Store) -> None:
    """Take every search and every grid as far as its answers allow."""
    baselines.catch_up(store)
    for grid in listed(store):
        if _unasked(grid):
            with baselines.apart(grid.id):
                advance(store, grid)


def advance(store: Store, grid: Grid) -> Grid:
    """Ask the four arms once the search has chosen what the base is told, then the probe. Each is kept before the next
    is begun, so that neither is asked twice. One at a time, whoever looks."""
    with _one:
        grid = get(store, grid.id)
        found = baselines.get(store, grid.baseline)
        if found.done and not grid.evaluation:
            grid = _asked(store, grid, found)
        if grid.evaluation and grid.probe and not grid.forgetting:
            grid = _probed(store, grid, grid.probe)
        return grid


def _unasked(grid: Grid) -> bool:
    """Whether something of it is still to be asked."""
    return not grid.evaluation or bool(grid.probe and not grid.forgetting)


def _asked(store: Store, grid: Grid, found: Baseline) -> Grid:
    four, questions = _arms(store, grid, found), sources.questions(store, grid.source, grid.n)
    order = Order(questions, four, Measures(grid.metrics, grid.guide), name=grid.name)
    asked = evaluations.start(store, order, grid.made_by)
    return _kept(store, replace(grid, evaluation=asked.id, arms=Arms(*[one.id for one in four])), "grid.ask", asked)


def _probed(store: Store, grid: Grid, probe: Source) -> Grid:
    plain = [candidates.draft(store, name, name, grid.made_by) for name in (grid.base, grid.model)]
    asked = probes.start(store, f"{grid.name}: forgetting", probe, plain, grid.made_by)
    return _kept(store, replace(grid, forgetting=asked.id), "grid.probe", asked)


def _kept(store: Store, grid: Grid, verb: str, asked: Evaluation) -> Grid:
    with store.write("atelier", verb, grid.id, evaluation=asked.id) as cursor:
        KEPT.change(cursor, grid.id, grid)
    return grid


def forgotten(store: Store, grid: Grid) -> Forgetting | None:
    """What the probe says; None without one, or before it has been answered."""
    if not grid.forgetting:
        return None
    found = evaluations.get(store, grid.forgetting)
    base, tuned = found.candidates
    [metric] = found.metrics
    scores = figures.scores(store, found.id, metric)
    if not {base, tuned} <= set(scores.table.columns):
        return None
    before, after = scores.estimate(base), scores.estimate(tuned)
    return Forgetting(metric, before, after, scores.difference(base, tuned), grid.margin)


def _arms(store: Store, grid: Grid, found: Baseline) -> list[Candidate]:
    """The four candidates. What the search chose has its name from here on."""
    decoding = found.plan.decoding
    prompt, rag = candidates.get(store, found.prompt), candidates.get(store, found.rag)
    how = " + best prompt" if prompt.system or prompt.shows else ""
    tuned = candidates.draft(store, grid.model, grid.model, grid.made_by, decoding=decoding)
    both = candidates.draft(
        store, f"{grid.model} + {grid.library}", grid.model, grid.made_by,
        library=grid.library, passages=rag.passages, decoding=decoding,
    )  # fmt: skip
    named = replace(prompt, name=f"{grid.base}{how}"), replace(rag, name=f"{grid.base} + {grid.library}")
    return [candidates.keep(store, one, grid.made_by) for one in (*named, tuned, both)]


def shown_from(store: Store, model: str) -> str:
    """The snapshot that a tuned model learned from, whose training rows the base may be shown; '' for none."""
    run = models.get(store, model).run
    learned = runs.get(store, run).snapshot if run else ""
    return learned if any(snapshot.id == learned for snapshot in snapshots.listed(store)) else ""


def offered(store: Store) -> Sequence[str]:
    """The models that can stand in a grid: tuned, here, and not archived."""
    return [model.name for model in models.offered(store, models.ADAPTER)]

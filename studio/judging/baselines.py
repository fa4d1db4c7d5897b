"""Baselines: the best that a model can be told, searched on validation questions within a budget of answers.

A rival whom nobody tried to prompt well proves nothing about tuning. The search is two races: system prompts, each with
every choice of examples from training data; then the best of these with so many passages to read. A race goes in rounds
(`rounds`), each an evaluation of its own, and the worse half leaves after each. Test items are never asked.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from threading import Lock

from engine import jobs
from engine.problems import Problem
from studio.building import candidates, models
from studio.judging import evaluations, rounds, sources, variants
from studio.judging.evaluations import Evaluation
from studio.judging.orders import SEARCH, Measures, Order
from studio.judging.sources import Source
from studio.judging.variants import PASSAGES, PROMPTS, Baseline, Plan, Stage
from studio.rows import Rows
from studio.store import Store, now

SEARCHING, DONE, STUCK = "searching", "done", "stuck"
KEPT = Rows(Baseline, "baseline", "search")
_one = Lock()  # the studio's clock and a page may both look; a round must not start twice
_hindered: dict[str, Problem] = {}  # what a search, or what waits for one, met when it was last tried


def start(
    store: Store,
    name: str,
    model: str,
    source: Source,
    plan: Plan,
    by: str,
    *,
    library: str = "",
    snapshot: str = "",
    guide: str = "",
) -> Baseline:
    """Begin a search; its first evaluation waits in the queue. `catch_up` takes it from round to round.

    `source` must be a validation split. Problem when the budget cannot give each variant 20 items.
    """
    models.get(store, model)
    if source.split != "validation":
        raise Problem(f"{source.name} cannot be searched on.", "The test set is asked once, at the end.", _CHOOSE)
    if odd := [metric for metric in plan.metrics if not variants.averaged(metric)]:
        raise Problem(f"{odd[0]} cannot choose a prompt.", "Its values are not shares, where more is better.", _OTHER)
    if not plan.metrics:
        raise Problem("No metric is chosen to search by.", do="Choose at least one.")
    made = Baseline(
        jobs.new_id("baseline"), name, model, plan, source, snapshot, library, guide, (), by, now(),
    )  # fmt: skip
    if poor := next((race for race in made.races if not race.rounds), None):
        what = f"{plan.answers} answers are too few for this search."
        why = (
            f"{poor.variants} variants of {poor.name} are to be tried; under {rounds.LEAST} items each, chance decides."
        )
        raise Problem(what, why, "Try fewer of them, or raise the budget.")
    with store.write(by, "baseline.start", made.id, name=name, model=model, answers=plan.answers) as cursor:
        KEPT.add(cursor, made)
    return advance(store, made)


def listed(store: Store) -> list[Baseline]:
    """Every search, newest first."""
    return KEPT.listed(store)


def get(store: Store, id: str) -> Baseline:
    return KEPT.get(store, id)


def asking(store: Store, baseline: Baseline) -> Evaluation | None:
    """The evaluation that it waits for; None when it waits for nothing."""
    waits = baseline.stages and not baseline.stages[-1].best
    return evaluations.get(store, baseline.stages[-1].evaluation) if waits else None


def state(store: Store, baseline: Baseline) -> str:
    """DONE, SEARCHING, or STUCK: its evaluation was stopped, paused or failed, and it goes on once that is resumed; or
    something keeps it from going on (`hindrance`)."""
    waits = asking(store, baseline)
    stuck = hindrance(baseline.id) or (waits and waits.state in jobs.OVER)
    return DONE if baseline.done else STUCK if stuck else SEARCHING


def catch_up(store: Store) -> None:
    """Take every search as far as its answers allow."""
    for baseline in listed(store):
        if not baseline.done:
            with apart(baseline.id):
                advance(store, baseline)


@contextmanager
def apart(id: str) -> Iterator[None]:
    """Around the next step of one among several: what hinders it is kept, and hinders none of the others."""
    try:
        yield
    except Problem as problem:
        _hindered[id] = problem
    else:
        _hindered.pop(id, None)


def hindrance(id: str) -> Problem | None:
    """Why this one could not go on when it was last tried, such as a library that was deleted meanwhile."""
    return _hindered.get(id)


def advance(store: Store, baseline: Baseline) -> Baseline:
    """Choose where a round has ended, and start the next one, or the next race. One at a time, whoever looks."""
    with _one:
        return _advanced(store, get(store, baseline.id))


def _advanced(store: Store, baseline: Baseline) -> Baseline:
    if not baseline.stages or baseline.stages[0].name != PROMPTS:  # the latter was begun before races ran in rounds
        baseline = replace(baseline, stages=())
        return _begun(store, baseline, PROMPTS)
    waits = asking(store, baseline)
    if waits is not None:
        if waits.state != jobs.DONE:
            return baseline
        evaluations.catch_up(store)
        baseline = _chosen(store, baseline)
    if baseline.done:
        return baseline
    ended = baseline.stages[-1]
    return _halved(store, baseline, ended) if ended.more else _begun(store, baseline, PASSAGES)


def _begun(store: Store, baseline: Baseline, race: str) -> Baseline:
    """Start the first round of a race."""
    first, *more = next(planned.rounds for planned in baseline.races if planned.name == race)
    tried = [
        (candidates.keep(store, one, baseline.made_by), words) for one, words in variants.of(store, baseline, race)
    ]
    return _asked(store, baseline, race, {one.id: words for one, words in tried}, first, more)


def _halved(store: Store, baseline: Baseline, ended: Stage) -> Baseline:
    """Start the next round of the same race, with those that did best."""
    good = [one for one in variants.tried(store, baseline, ended) if one.worth is not None]
    stay = {one.candidate for one in good[: rounds.staying(len(ended.words))]} or {ended.best}
    words = {id: words for id, words in ended.words.items() if id in stay}
    first, *more = ended.more
    return _asked(store, baseline, ended.name, words, first, more)


def _asked(store: Store, baseline: Baseline, race: str, words: dict[str, str], n: int, more: Sequence[int]) -> Baseline:
    questions = sources.questions(store, baseline.source, n)
    tried = [candidates.get(store, id) for id in words]
    round = 1 + sum(stage.name == race for stage in baseline.stages)
    name = f"{baseline.name}: {race}" + (f", round {round} of {round + len(more)}" if round > 1 or more else "")
    measures = Measures(baseline.plan.metrics, baseline.guide)
    begun = evaluations.start(store, Order(questions, tried, measures, name=name, purpose=SEARCH), baseline.made_by)
    asked = Stage(race, begun.id, words, len(questions.items), more=tuple(more))
    return _kept(store, replace(baseline, stages=(*baseline.stages, asked)), "baseline.stage")


def _chosen(store: Store, baseline: Baseline) -> Baseline:
    """The best of the round that has ended; the first of equals, and the plainest where none answered everything. What
    is best in the last round of a race has won it."""
    *before, stage = baseline.stages
    found = variants.tried(store, baseline, stage)
    best = found[0].candidate if found[0].worth is not None else next(iter(stage.words))
    baseline = replace(baseline, stages=(*before, replace(stage, best=best)))
    if not stage.more:
        baseline = replace(baseline, prompt=best) if stage.name == PROMPTS else replace(baseline, rag=best)
    return _kept(store, baseline, "baseline.choose")


def _kept(store: Store, baseline: Baseline, verb: str) -> Baseline:
    with store.write("atelier", verb, baseline.id) as cursor:
        KEPT.change(cursor, baseline.id, baseline)
    return baseline


_OTHER = "Search by metrics such as facts, tone or label."
_CHOOSE = "Choose a validation split to search on."

"""Baselines: the best that a model can be told, searched on validation questions within a budget of answers.

A rival whom nobody tried to prompt well proves nothing about tuning. The search goes in stages, each an evaluation of
its own: first system prompts, then examples from training data shown with the best of them, then how many passages to
read. What wins a stage goes into the next. Test items are never asked.
"""

from dataclasses import replace

from engine import jobs
from engine.problems import Problem
from studio.building import candidates, models
from studio.judging import evaluations, sources, variants
from studio.judging.evaluations import Evaluation
from studio.judging.orders import SEARCH, Measures, Order
from studio.judging.sources import Source
from studio.judging.variants import PASSAGES, Baseline, Plan, Stage
from studio.rows import Rows
from studio.store import Store, now

LEAST = 20  # items a variant must be asked, or chance chooses
SEARCHING, DONE, STUCK = "searching", "done", "stuck"
KEPT = Rows(Baseline, "baseline", "search")


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
    """Begin a search; its first evaluation waits in the queue. `catch_up` takes it from stage to stage.

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
    for stage in made.to_come:
        _room(store, made, stage)
    with store.write(by, "baseline.start", made.id, name=name, model=model, answers=plan.answers) as cursor:
        KEPT.add(cursor, made)
    return _next(store, made)


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
    """DONE, SEARCHING, or STUCK when its evaluation was stopped or failed: resume that, and it goes on."""
    waits = asking(store, baseline)
    return DONE if baseline.done else STUCK if waits and waits.state in (jobs.FAILED, jobs.STOPPED) else SEARCHING


def catch_up(store: Store) -> None:
    """Take every search as far as its answers allow."""
    for baseline in listed(store):
        if not baseline.done:
            advance(store, baseline)


def advance(store: Store, baseline: Baseline) -> Baseline:
    """Choose where a stage has ended, and start the next one."""
    waits = asking(store, baseline)
    if waits is not None:
        if waits.state != jobs.DONE:
            return baseline
        evaluations.catch_up(store)
        baseline = _chosen(store, baseline)
    return _next(store, baseline) if baseline.to_come else baseline


def _next(store: Store, baseline: Baseline) -> Baseline:
    """Start the next stage."""
    stage, by = baseline.to_come[0], baseline.made_by
    questions = sources.questions(store, baseline.source, _room(store, baseline, stage))
    tried = [(candidates.keep(store, one, by), words) for one, words in variants.of(store, baseline, stage)]
    measures = Measures(baseline.plan.metrics, baseline.guide)
    name = f"{baseline.name}: {stage}"
    order = Order(questions, [one for one, _ in tried], measures, name=name, purpose=SEARCH)
    begun = evaluations.start(store, order, by)
    asked = Stage(stage, begun.id, {one.id: words for one, words in tried}, len(questions.items))
    return _kept(store, replace(baseline, stages=(*baseline.stages, asked)), "baseline.stage")


def _room(store: Store, baseline: Baseline, stage: str) -> int:
    """How many items each variant of a stage may be asked: the budget that is left, shared by the stages to come."""
    share = (baseline.plan.answers - baseline.spent) // max(1, len(baseline.to_come))
    n = min(baseline.source.n, share // max(1, len(variants.of(store, baseline, stage))))
    if n < min(LEAST, baseline.source.n):
        what = f"{baseline.plan.answers} answers are too few for this search."
        raise Problem(what, f"Each of the {stage} would be asked {n} times.", "Try fewer of them, or raise the budget.")
    return n


def _chosen(store: Store, baseline: Baseline) -> Baseline:
    """The best of the stage that has ended; the first of equals, and the plainest where none answered everything."""
    *before, stage = baseline.stages
    worths = {one.candidate: one.worth for one in variants.tried(store, baseline, stage)}
    worth = {id: value for id in stage.words if (value := worths[id]) is not None}
    best = max(worth, key=lambda id: round(worth[id], 6)) if worth else next(iter(stage.words))
    baseline = replace(baseline, stages=(*before, replace(stage, best=best)))
    baseline = replace(baseline, rag=best) if stage.name == PASSAGES else replace(baseline, prompt=best)
    return _kept(store, baseline, "baseline.choose")


def _kept(store: Store, baseline: Baseline, verb: str) -> Baseline:
    with store.write("atelier", verb, baseline.id) as cursor:
        KEPT.change(cursor, baseline.id, baseline)
    return baseline


_OTHER = "Search by metrics such as facts, tone or label."
_CHOOSE = "Choose a validation split to search on."

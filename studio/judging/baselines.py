"""Baselines: the best that a model can be told, searched on validation questions within a budget of answers.

A rival whom nobody tried to prompt well proves nothing about tuning. The search goes in stages, each an evaluation of
its own: first system prompts, then examples from training data shown with the best of them, then how many passages to
read. What wins a stage goes into the next. Test items are never asked.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from engine import jobs
from engine.problems import Problem
from engine.scoring import guide as guides
from engine.scoring import known
from engine.scoring.guide import Guide
from engine.serving.asking.client import Decoding
from studio.building import candidates, models
from studio.building.candidates import SEARCH, Candidate
from studio.judging import evaluations, figures, shots, sources
from studio.judging.evaluations import Evaluation
from studio.judging.sources import Source
from studio.store import Store, now

PROMPTS, EXAMPLES, PASSAGES = "prompts", "examples", "passages"
LEAST = 20  # items a variant must be asked, or chance chooses
SEARCHING, DONE, STUCK = "searching", "done", "stuck"


@dataclass(frozen=True)
class Plan:
    """What is tried, and how many answers that may take at most. No prompt and no example are always tried too."""

    prompts: Sequence[str] = ()
    shots: Sequence[int] = (1, 3)  # how many examples from training data
    depths: Sequence[int] = (1, 2, 3)  # passages, where there is a library
    answers: int = 1500
    metrics: Sequence[str] = ("facts",)
    decoding: Decoding = field(default_factory=Decoding)


@dataclass(frozen=True)
class Stage:
    """One evaluation of variants. `words` says of each candidate what it tries; `best` is its id once known."""

    name: str
    evaluation: str
    words: dict[str, str]
    n: int
    best: str = ""


@dataclass(frozen=True)
class Tried:
    """How a variant did. `said` is each metric with n and interval, `worth` their mean, None for no choice."""

    candidate: str
    words: str
    best: bool
    failed: int
    said: dict[str, str]
    worth: float | None


@dataclass(frozen=True)
class Baseline:
    """`prompt` and `rag` are the best candidates without and with the library; '' while they are searched."""

    id: str
    name: str
    model: str
    plan: Plan
    source: Source
    snapshot: str  # whose training rows are shown as examples; '' for none
    library: str
    guide: str
    stages: tuple[Stage, ...]
    made_by: str
    made_at: datetime
    prompt: str = ""
    rag: str = ""

    @property
    def spent(self) -> int:
        """Answers asked for so far."""
        return sum(stage.n * len(stage.words) for stage in self.stages)

    @property
    def to_come(self) -> list[str]:
        """The stages that are still to be started."""
        wanted = [PROMPTS]
        wanted += [EXAMPLES] if self.snapshot and self.plan.shots else []
        wanted += [PASSAGES] if self.library and self.plan.depths else []
        return wanted[len(self.stages) :]

    @property
    def done(self) -> bool:
        return not self.to_come and all(stage.best for stage in self.stages)


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
    if odd := [metric for metric in plan.metrics if not averaged(metric)]:
        raise Problem(f"{odd[0]} cannot choose a prompt.", "Its values are not shares, where more is better.", _OTHER)
    if not plan.metrics:
        raise Problem("No metric is chosen to search by.", do="Choose at least one.")
    made = Baseline(
        jobs.new_id("baseline"), name, model, plan, source, snapshot, library, guide, (), by, now(),
    )  # fmt: skip
    for stage in made.to_come:
        _room(store, made, stage)
    with store.write(by, "baseline.start", made.id, name=name, model=model, answers=plan.answers) as cursor:
        body = json.dumps(_body(made), ensure_ascii=False)
        cursor.execute("insert into baseline values (?, ?, ?, ?, ?, ?)", [made.id, name, model, body, by, made.made_at])
    return _next(store, made)


def averaged(metric: str) -> bool:
    """Whether the values of a metric can be taken together with those of others: points of a hundred, more is better,
    and no model has to be asked again for them."""
    found = known.known().get(metric)
    return found is not None and not found.asks and found.scale.of_hundred and not found.scale.lower


def proposed(guide: Guide) -> list[str]:
    """Prompts worth trying where nobody has written any: what the style guide asks for, in short and in full."""
    rules = guides.in_words(guide)
    voice = f" in the voice of {guide.name}" if guide.name else ""
    asked = [f"Answer the question{voice}. {' '.join(rules)}"] if rules else []
    return [*asked, f"Answer{voice} in one short sentence, with nothing but what was asked."]


def listed(store: Store) -> list[Baseline]:
    """Every search, newest first."""
    return [_baseline(row) for row in store.rows("select * from baseline order by made_at desc")]


def get(store: Store, id: str) -> Baseline:
    row = store.row("select * from baseline where id = ?", [id])
    if row is None:
        raise Problem(f"There is no search {id}.", do="Choose one from the list.")
    return _baseline(row)


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


def tried(store: Store, baseline: Baseline, stage: Stage) -> list[Tried]:
    """What a stage tried and how it did, best first."""
    tables = {metric: figures.scored(store, stage.evaluation, metric) for metric in baseline.plan.metrics}
    failed = _failed(store, stage.evaluation)
    found = []
    for id, words in stage.words.items():
        estimates = {
            metric: scale.estimate(table[id].dropna().tolist() if id in table else [])
            for metric, (table, scale) in tables.items()
        }
        said = {metric: tables[metric][1].text(estimate) for metric, estimate in estimates.items()}
        values = [estimate.value for estimate in estimates.values() if estimate.value is not None]
        # one that could not answer everything is no choice, however well it did on the rest
        whole = not failed.get(id) and len(values) == len(estimates)
        worth = sum(values) / len(values) if whole else None
        found.append(Tried(id, words, id == stage.best, failed.get(id, 0), said, worth))
    return sorted(found, key=lambda one: -1.0 if one.worth is None else one.worth, reverse=True)


def _variants(store: Store, baseline: Baseline, stage: str) -> list[tuple[Candidate, str]]:
    """What a stage tries, with words for it. The winner so far comes first: of equals, the first is chosen."""

    def made(words: str, **settings: Any) -> tuple[Candidate, str]:
        name = f"{SEARCH}{baseline.model}, {words}"
        decoding = baseline.plan.decoding
        return candidates.draft(store, name, baseline.model, baseline.made_by, decoding=decoding, **settings), words

    if stage == PROMPTS:
        prompts = dict.fromkeys(["", *(prompt.strip() for prompt in baseline.plan.prompts)])
        return [made(f"prompt {n}" if text else "no prompt", system=text) for n, text in enumerate(prompts)]
    winner = candidates.get(store, baseline.prompt) if baseline.prompt else made("", system="")[0]
    told = {"system": winner.system, "examples": winner.examples}
    if stage == EXAMPLES:
        shown = {k: shots.choose(store, baseline.snapshot, k) for k in baseline.plan.shots}
        with_examples = [made(_shown(k), system=winner.system, examples=found) for k, found in shown.items() if found]
        return [(winner, "no examples"), *with_examples]
    depths = [made(_deep(k), **told, library=baseline.library, passages=k) for k in baseline.plan.depths]
    if not (winner.system or winner.examples):
        return depths
    # what helps without passages may stand in the way of reading them
    plain = [made(f"{_deep(k)}, no prompt", library=baseline.library, passages=k) for k in baseline.plan.depths]
    return [*depths, *plain]


def _next(store: Store, baseline: Baseline) -> Baseline:
    """Start the next stage."""
    stage = baseline.to_come[0]
    n = _room(store, baseline, stage)
    variants = [
        (candidates.keep(store, one, baseline.made_by), words) for one, words in _variants(store, baseline, stage)
    ]
    items = sources.items(store, baseline.source, n, baseline.made_by, f"search {baseline.name}")
    found = evaluations.start(
        store, f"{baseline.name}: {stage}", items, baseline.source.name, [one.id for one, _ in variants],
        list(baseline.plan.metrics), baseline.made_by, guide=baseline.guide,
        purpose=evaluations.SEARCH, snapshot=baseline.source.snapshot, split=baseline.source.split,
    )  # fmt: skip
    begun = Stage(stage, found.id, {one.id: words for one, words in variants}, len(items))
    return _kept(store, replace(baseline, stages=(*baseline.stages, begun)), "baseline.stage")


def _room(store: Store, baseline: Baseline, stage: str) -> int:
    """How many items each variant of a stage may be asked: the budget that is left, shared by the stages to come."""
    share = (baseline.plan.answers - baseline.spent) // max(1, len(baseline.to_come))
    n = min(baseline.source.n, share // max(1, len(_variants(store, baseline, stage))))
    if n < min(LEAST, baseline.source.n):
        what = f"{baseline.plan.answers} answers are too few for this search."
        raise Problem(what, f"Each of the {stage} would be asked {n} times.", "Try fewer of them, or raise the budget.")
    return n


def _chosen(store: Store, baseline: Baseline) -> Baseline:
    """The best of the stage that has ended; the first of equals, and the plainest where none answered everything."""
    *before, stage = baseline.stages
    worths = {one.candidate: one.worth for one in tried(store, baseline, stage)}
    worth = {id: value for id in stage.words if (value := worths[id]) is not None}
    best = max(worth, key=lambda id: round(worth[id], 6)) if worth else next(iter(stage.words))
    baseline = replace(baseline, stages=(*before, replace(stage, best=best)))
    baseline = replace(baseline, rag=best) if stage.name == PASSAGES else replace(baseline, prompt=best)
    return _kept(store, baseline, "baseline.choose")


def _kept(store: Store, baseline: Baseline, verb: str) -> Baseline:
    with store.write("atelier", verb, baseline.id) as cursor:
        body = json.dumps(_body(baseline), ensure_ascii=False)
        cursor.execute("update baseline set body = ? where id = ?", [body, baseline.id])
    return baseline


def _failed(store: Store, evaluation: str) -> dict[str, int]:
    """Answers that never came, by candidate."""
    query = "select candidate, count(*) as n from response where evaluation = ? and error != '' group by candidate"
    return {row["candidate"]: row["n"] for row in store.rows(query, [evaluation])}


def _body(baseline: Baseline) -> dict[str, Any]:
    columns = {"id", "name", "model", "made_by", "made_at"}
    return {name: value for name, value in asdict(baseline).items() if name not in columns}


def _baseline(row: Mapping[str, Any]) -> Baseline:
    body = json.loads(row["body"])
    plan = {**body.pop("plan")}
    return Baseline(
        **{name: row[name] for name in ("id", "name", "model", "made_by", "made_at")},
        **{
            **body,
            "plan": Plan(**{**plan, "decoding": Decoding(**plan["decoding"])}),
            "source": Source(**body["source"]),
            "stages": tuple(Stage(**stage) for stage in body["stages"]),
        },
    )


def _shown(k: int) -> str:
    return f"{k} example{'s' * (k != 1)} from training data"


def _deep(k: int) -> str:
    return f"{k} passage{'s' * (k != 1)}"


_OTHER = "Search by metrics such as facts, tone or label."
_CHOOSE = "Choose a validation split to search on."

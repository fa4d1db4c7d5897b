"""Variants: what a search for the best prompt plans, what runs in each of its races, and how that did."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.scoring import guide as guides
from engine.scoring import known, shots
from engine.scoring.guide import Guide
from engine.serving.asking.client import Decoding
from studio.building import candidates
from studio.building.candidates import SEARCH, Candidate
from studio.freezing import snapshots
from studio.judging import figures, rounds
from studio.judging.sources import Source
from studio.store import Store

PROMPTS, PASSAGES = "prompts and examples", "passages"  # the races
OWN = 3  # prompts of the team's candidates that are proposed; more cost more answers than most budgets have
WAYS = 3  # of choosing so many examples
TOLD = 3  # what goes on to the race with passages: the best that can be told, the next best, and nothing


@dataclass(frozen=True)
class Plan:
    """What is tried, and how many answers that may take at most. No prompt and no example are always tried too."""

    prompts: Sequence[str] = ()
    shots: Sequence[int] = (1, 3)  # how many examples from training data: typical, at random, nearest to each question
    depths: Sequence[int] = (1, 2, 3)  # passages, where there is a library
    answers: int = 1500
    metrics: Sequence[str] = ("facts",)
    decoding: Decoding = field(default_factory=Decoding)


@dataclass(frozen=True)
class Race:
    """What a search will try against each other: at most so many variants, in rounds of so many items."""

    name: str
    variants: int
    rounds: tuple[int, ...]  # () where the budget is too small

    @property
    def answers(self) -> int:
        return rounds.asked(self.variants, self.rounds)


@dataclass(frozen=True)
class Stage:
    """One round of a race: an evaluation of variants. `words` says of each candidate what it tries; `best` is its id
    once known; `more` is how many items the rounds after it ask."""

    name: str
    evaluation: str
    words: dict[str, str]
    n: int
    best: str = ""
    more: tuple[int, ...] = ()


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
    def races(self) -> list[Race]:
        return planned(self.plan, self.source.n, shown=bool(self.snapshot), reads=bool(self.library))

    @property
    def spent(self) -> int:
        """Answers asked for so far. A round asks again what the one before asked, which is answered already."""
        spent, before = 0, {name: 0 for name in {stage.name for stage in self.stages}}
        for stage in self.stages:
            spent += len(stage.words) * (stage.n - before[stage.name])
            before[stage.name] = stage.n
        return spent

    @property
    def done(self) -> bool:
        return bool(self.prompt and (self.rag or not (self.library and self.plan.depths)))

    @property
    def tried(self) -> int:
        """How many variants were tried, in all rounds of all races."""
        return len({id for stage in self.stages for id in stage.words})

    def won(self, candidate: str) -> Stage:
        """The round that made this candidate the choice."""
        return [stage for stage in self.stages if stage.best == candidate and not stage.more][-1]

    def rivals(self, race: str) -> int:
        """How many ran in a race."""
        return len({id for stage in self.stages if stage.name == race for id in stage.words})


def planned(plan: Plan, items: int, *, shown: bool, reads: bool) -> list[Race]:
    """The races of a search on so many items, where there are examples to be shown, and a library to be read.

    Each has the part of the budget that its share of all variants is.
    """
    told = (1 + len(_prompts(plan))) * (1 + WAYS * len(plan.shots) * shown)
    sizes = {PROMPTS: told, PASSAGES: min(TOLD, told) * len(plan.depths) * reads}
    share = plan.answers / sum(sizes.values())
    return [Race(name, many, rounds.planned(many, items, int(share * many))) for name, many in sizes.items() if many]


def averaged(metric: str) -> bool:
    """Whether the values of a metric can be taken together with those of others: points of a hundred, more is better,
    and no model has to be asked again for them."""
    found = known.known().get(metric)
    return found is not None and not found.asks and found.scale.of_hundred and not found.scale.lower


def proposed(store: Store, model: str, guide: Guide) -> list[str]:
    """Prompts worth trying: those that the team gave this model in candidates of its own, the newest first, and what
    the style guide asks for, in full and in short."""
    own = [one.system for one in reversed(candidates.kept(store)) if one.model == model and one.system]
    rules = guides.in_words(guide)
    voice = f" in the voice of {guide.name}" if guide.name else ""
    asked = [f"Answer the question{voice}. {' '.join(rules)}"] if rules else []
    short = f"Answer{voice} in one short sentence, with nothing but what was asked."
    return list(dict.fromkeys([*list(dict.fromkeys(own))[:OWN], *asked, short]))


def of(store: Store, baseline: Baseline, race: str) -> list[tuple[Candidate, str]]:
    """What runs in a race, with words for it, the plainest first: of equals, the first is chosen."""
    found = _told(store, baseline) if race == PROMPTS else _reading(store, baseline)
    once: dict[str, tuple[Candidate, str]] = {}
    for candidate, words in found:
        once.setdefault(candidate.id, (candidate, words))
    return list(once.values())


def _told(store: Store, baseline: Baseline) -> list[tuple[Candidate, str]]:
    """Every prompt with every choice of examples: what helps alone may not help together, nor the other way round."""
    prompts = {"": "no prompt"} | {text: f"prompt {n}" for n, text in enumerate(_prompts(baseline.plan), 1)}
    shown: dict[str, dict[str, Any]] = {"": {}}
    file = snapshots.path(store, baseline.snapshot, "train")
    for k in baseline.plan.shots if baseline.snapshot else ():
        shown[f", {_many(k, 'typical example')}"] = {"examples": shots.typical(file, k)}
        shown[f", {_many(k, 'example')} at random"] = {"examples": shots.drawn(file, k)}
        shown[f", {_many(k, 'nearest example')}"] = {"nearest": k, "nearest_from": baseline.snapshot}
    return [
        _variant(store, baseline, prompt + words, system=text, **examples)
        for words, examples in shown.items()
        for text, prompt in prompts.items()
    ]


def _reading(store: Store, baseline: Baseline) -> list[tuple[Candidate, str]]:
    """The best that can be told, the next best, and nothing, since what helps without passages may stand in the way of
    reading them; each with every number of passages."""
    last = [stage for stage in baseline.stages if stage.name == PROMPTS][-1]
    led = [(candidates.get(store, one.candidate), one.words) for one in tried(store, baseline, last)]
    led.sort(key=lambda one: one[0].id != baseline.prompt)
    told = {one.id: (one, words) for one, words in led[: TOLD - 1]}
    plain, words = _variant(store, baseline, "no prompt")
    told.setdefault(plain.id, (plain, words))
    return [
        _variant(store, baseline, f"{_many(k, 'passage')}, {words}", one, library=baseline.library, passages=k)
        for one, words in told.values()
        for k in baseline.plan.depths
    ]


def _variant(
    store: Store, baseline: Baseline, words: str, like: Candidate | None = None, **told: Any
) -> tuple[Candidate, str]:
    """The base with what is `told` it, beside what `like` is told if that is given; and the words."""
    name, by = f"{SEARCH}{baseline.model}, {words}", baseline.made_by
    if like is not None:
        return candidates.like(store, like, by, name=name, **told), words
    return candidates.draft(store, name, baseline.model, by, decoding=baseline.plan.decoding, **told), words


def tried(store: Store, baseline: Baseline, stage: Stage) -> list[Tried]:
    """What a round tried and how it did, best first; of equals, the plainer."""
    scored = {metric: figures.scores(store, stage.evaluation, metric) for metric in baseline.plan.metrics}
    estimates = {id: {metric: one.estimate(id) for metric, one in scored.items()} for id in stage.words}
    # a metric by which no answer has a score speaks against nobody
    told = [metric for metric in scored if any(ones[metric].value is not None for ones in estimates.values())]
    failed = _failed(store, stage.evaluation)
    found = []
    for id, words in stage.words.items():
        said = {metric: scored[metric].scale.text(estimate) for metric, estimate in estimates[id].items()}
        values = [value for metric in told if (value := estimates[id][metric].value) is not None]
        # one that could not answer everything is no choice, however well it did on the rest
        whole = bool(told) and not failed.get(id) and len(values) == len(told)
        worth = sum(values) / len(values) if whole else None
        found.append(Tried(id, words, id == stage.best, failed.get(id, 0), said, worth))
    return sorted(found, key=lambda one: -1.0 if one.worth is None else round(one.worth, 6), reverse=True)


def _failed(store: Store, evaluation: str) -> dict[str, int]:
    """Answers that never came, by candidate."""
    query = "select candidate, count(*) as n from response where evaluation = ? and error != '' group by candidate"
    return {row["candidate"]: row["n"] for row in store.rows(query, [evaluation])}


def _prompts(plan: Plan) -> list[str]:
    """Those that say something, each once."""
    return list(dict.fromkeys(text for prompt in plan.prompts if (text := prompt.strip())))


def _many(k: int, what: str) -> str:
    return f"{k} {what}{'s' * (k != 1)}"

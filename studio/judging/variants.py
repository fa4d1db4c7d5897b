"""Variants: what a search for the best prompt plans, what each of its stages tries, and how that did."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.scoring import guide as guides
from engine.scoring import known
from engine.scoring.guide import Guide
from engine.serving.asking.client import Decoding
from studio.building import candidates
from studio.building.candidates import SEARCH, Candidate
from studio.judging import figures, shots
from studio.judging.sources import Source
from studio.store import Store

PROMPTS, EXAMPLES, PASSAGES = "prompts", "examples", "passages"


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


def of(store: Store, baseline: Baseline, stage: str) -> list[tuple[Candidate, str]]:
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


def tried(store: Store, baseline: Baseline, stage: Stage) -> list[Tried]:
    """What a stage tried and how it did, best first."""
    scored = {metric: figures.scores(store, stage.evaluation, metric) for metric in baseline.plan.metrics}
    failed = _failed(store, stage.evaluation)
    found = []
    for id, words in stage.words.items():
        estimates = {metric: scores.estimate(id) for metric, scores in scored.items()}
        said = {metric: scored[metric].scale.text(estimate) for metric, estimate in estimates.items()}
        values = [estimate.value for estimate in estimates.values() if estimate.value is not None]
        # one that could not answer everything is no choice, however well it did on the rest
        whole = not failed.get(id) and len(values) == len(estimates)
        worth = sum(values) / len(values) if whole else None
        found.append(Tried(id, words, id == stage.best, failed.get(id, 0), said, worth))
    return sorted(found, key=lambda one: -1.0 if one.worth is None else one.worth, reverse=True)


def _failed(store: Store, evaluation: str) -> dict[str, int]:
    """Answers that never came, by candidate."""
    query = "select candidate, count(*) as n from response where evaluation = ? and error != '' group by candidate"
    return {row["candidate"]: row["n"] for row in store.rows(query, [evaluation])}


def _shown(k: int) -> str:
    return f"{k} example{'s' * (k != 1)} from training data"


def _deep(k: int) -> str:
    return f"{k} passage{'s' * (k != 1)}"

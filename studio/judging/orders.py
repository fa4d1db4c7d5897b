"""Orders: what somebody wants asked of whom, by what it is scored and on which terms, before it is started.

The form, the command line, a search, a grid and a probe all make one. `forecast.of` says what it would take, and
`evaluations.start` puts it in the queue.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.problems import Problem
from engine.scoring import metrics
from engine.serving.asking.kept import DAYS
from studio.building import candidates, models
from studio.building.candidates import Candidate
from studio.data import guides
from studio.freezing import snapshots
from studio.judging import sources
from studio.judging.sources import Questions, Source
from studio.store import Store

COMPARISON, SEARCH, PROBE = "comparison", "search", "probe"  # what an evaluation is for
WHY = {COMPARISON: "evaluation", SEARCH: "search", PROBE: "probe"}  # how a look at a test set is explained


@dataclass(frozen=True)
class Measures:
    """By what answers are scored. Some metrics need `guide`, the path of a style guide, or `judge`, the model that
    judges; `settings` hold for all items that say nothing of it themselves."""

    metrics: Sequence[str]
    guide: str = ""
    judge: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Terms:
    """On which terms it is asked: each item `repeats` times, for at most `budget` euros (0 for no limit), with answers
    to earlier, same requests where `reuse` says so, of models elsewhere none older than `days`, `concurrency` questions
    at once.

    `stream` None: answers are streamed where only endpoints elsewhere are asked.
    """

    repeats: int = 1
    budget: float = 0.0
    reuse: bool = True
    days: float = DAYS
    concurrency: int = 16
    stream: bool | None = None

    @property
    def words(self) -> list[str]:
        """What differs from the usual."""
        said = [f"each asked {self.repeats} times"] if self.repeats > 1 else []
        said += [f"at most {self.budget:g} euros"] if self.budget else []
        if not self.reuse:
            return [*said, "nothing taken from earlier answers"]
        return said if self.days == DAYS else [*said, f"answers of models elsewhere taken for {self.days:g} days"]


@dataclass(frozen=True)
class Order:
    """`candidates` may be drafts."""

    questions: Questions
    candidates: Sequence[Candidate]
    measures: Measures
    terms: Terms = Terms()
    name: str = ""
    purpose: str = COMPARISON

    @property
    def items(self) -> list[dict[str, Any]]:
        """The items with all that the metrics are told."""
        return metrics.filled(self.questions.items, self.measures.settings)

    @property
    def title(self) -> str:
        """Its name; where nobody gave one, what is asked of how many."""
        return self.name or f"{self.questions.source}, {_many(len(self.candidates), 'candidate')}"

    @property
    def words(self) -> str:
        """All of it in a sentence, without its name."""
        asked = f"{_many(len(self.questions.items), 'item')} of {self.questions.source}"
        shape = in_words(len(self.candidates), self.measures.metrics, self.measures.judge)
        return "; ".join([f"{asked} for {shape}", *self._unread, *self.terms.words]) + "."

    @property
    def _unread(self) -> list[str]:
        """That a library is not looked at, where somebody might believe that it is."""
        n = sources.brought(self.questions.items) if any(one.library for one in self.candidates) else 0
        return [f"passages that the items bring, {n:,} of them, are read in place of the library's"] if n else []


def in_words(candidates: int, metrics: Sequence[str], judge: str = "") -> str:
    """How many are asked and by what they are scored."""
    judged = f", judged by {judge}" if judge else ""
    return f"{_many(candidates, 'candidate')}, scored by {', '.join(metrics)}{judged}"


def read(
    store: Store,
    snapshot: str,
    asked: Sequence[str],
    by: str,
    name: str = "",
    split: str = "test",
    metrics: Sequence[str] = (),
    n: int = 0,
    judge: str = "",
    repeats: int = 1,
    budget: float = 0.0,
    reuse: bool = True,
) -> Order:
    """An order as it is typed: `snapshot` may be the beginning of an id, `asked` are candidates by name or id, or
    models as they are. Without `metrics` those that fit, without `n` all items. Problem when something cannot be."""
    source = _source(store, snapshot, split)
    chosen = [_candidate(store, one, by) for one in asked]
    guide = guides.file(store, sources.voice(store, source))
    measures = Measures(list(metrics) or sources.proposed(store, source), guide, judge)
    terms = Terms(repeats, budget, reuse)
    return Order(sources.questions(store, source, n or None), chosen, measures, terms, name)


def _source(store: Store, snapshot: str, split: str) -> Source:
    found = snapshots.named(store, snapshot)
    source = next((one for one in sources.of(store, split) if one.snapshot == found.id), None)
    if source is None:
        raise Problem(f"{snapshot} has no item in its split {split}.", do=f"Choose {' or '.join(sources.SPLITS)}.")
    return source


def _candidate(store: Store, asked: str, by: str) -> Candidate:
    kept = next((one for one in candidates.listed(store) if asked in (one.id, one.name)), None)
    if kept is not None:
        return kept
    models.add_starter(store)
    return candidates.draft(store, asked, asked, by)


def _many(n: int, what: str) -> str:
    return f"{n:,} {what}{'s' * (n != 1)}"

"""Quality: how well a library is searched, by words, by likeness and by both, over its approved questions.

Every way is measured on the same questions, so differences are paired. What was not found stands beside what was
found instead, since that shows what to mend: the document, the cut, or the question.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine import hashes
from engine.problems import Problem
from engine.reading import ranking, retrieval, versions
from engine.reading.retrieval import Hit, Index
from engine.reading.settings import DENSE, HYBRID, LEXICAL
from engine.scoring import clustered, verdicts
from engine.scoring.clustered import Clusters
from engine.scoring.stats import Difference, Estimate
from studio.reading import libraries, questions
from studio.reading.questions import Question
from studio.store import Store

NAMES = {LEXICAL: "by words", DENSE: "by likeness", HYBRID: "by both"}
SHOWN = "recall@5"
WITHIN = 5  # a passage beyond these places counts as not found
TOP = 3  # hits that are kept to show what was found instead
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Way:
    """One way of searching: its figures, and per question the rank of its passage (0: not among the first ten) with
    the first hits."""

    how: str
    figures: dict[str, Estimate]
    ranks: tuple[int, ...]
    tops: tuple[tuple[Hit, ...], ...]


@dataclass(frozen=True)
class Measured:
    """All ways that the index has, on the same questions. A question is `lost` when its passage does not stand in its
    document any more: it counts as not found."""

    questions: tuple[Question, ...]
    ways: dict[str, Way]
    own: str  # the way of searching that the library uses
    lost: tuple[Question, ...] = ()

    @property
    def documents(self) -> Clusters:
        """What each question stands on."""
        return ranking.of([one.known for one in self.questions])


@dataclass(frozen=True)
class Missed:
    """A question whose passage did not come among the first five, and what came instead."""

    question: Question
    rank: int
    instead: tuple[Hit, ...]


def ways(index: Index) -> tuple[str, ...]:
    """The ways in which an index can be searched."""
    return (LEXICAL,) if index.version.vectors is None else (LEXICAL, DENSE, HYBRID)


def opened(store: Store, library: str) -> Index:
    """The index that searches read. Problem when nothing was indexed yet."""
    held, place = libraries.get(store, library), libraries.folder(store, library)
    if versions.current(place) is None:
        wanted = "Index them, under Settings on its page." if held.documents else "Bring some in first."
        why = "Its documents are not indexed yet." if held.documents else "It has no documents yet."
        raise Problem(f"Nothing can be found in {library}.", why, wanted)
    return retrieval.open_index(place)


def key(store: Store, library: str) -> str:
    """Changes with whatever changes the figures: the index, or the questions."""
    asked = [(one.id, one.status) for one in questions.approved(store, library)]
    return hashes.content(library, opened(store, library).version.folder.name, asked)


def measure(store: Store, library: str, progress: Progress = lambda done, of: None) -> Measured:
    """Ask every approved question in every way. Problem when there is none. `progress` hears (done, of) questions."""
    asked = tuple(questions.approved(store, library))
    if not asked:
        raise Problem("There is no approved question yet.", do="Write one from a search, import some, or approve some.")
    index = opened(store, library)
    found = ways(index)
    documents = ranking.of([one.known for one in asked])
    measured = {}
    for number, how in enumerate(found):
        ranks, tops = [], []
        for at, one in enumerate(asked):
            hits = index.search(one.question, ranking.DEPTH, how)
            ranks.append(ranking.rank(hits, one.known))
            tops.append(tuple(hits[:TOP]))
            progress(number * len(asked) + at + 1, len(found) * len(asked))
        measured[how] = Way(how, ranking.measures(ranks, documents), tuple(ranks), tuple(tops))
    return Measured(asked, measured, index.how, tuple(questions.lost(store, library)))


def missed(measured: Measured, how: str) -> list[Missed]:
    """The questions that a way fails, the worst first: those not found at all before those found late."""
    way = measured.ways[how]
    found = [
        Missed(question, rank, top)
        for question, rank, top in zip(measured.questions, way.ranks, way.tops, strict=True)
        if not 0 < rank <= WITHIN
    ]
    return sorted(found, key=lambda one: one.rank or ranking.DEPTH + 1, reverse=True)


def difference(measured: Measured, before: str, after: str) -> Difference:
    """What a way finds among the first five that another does not, on the same questions."""
    one, other = (ranking.within(measured.ways[how].ranks, WITHIN) for how in (before, after))
    return clustered.difference(one, other, measured.documents)


def sentences(measured: Measured) -> list[str]:
    """What the figures allow one to say of the ways against each other."""
    pairs = [(before, HYBRID) for before in (LEXICAL, DENSE)] if HYBRID in measured.ways else []
    return [
        f"Searching {NAMES[after]} instead of {NAMES[before]}, among the first {WITHIN}: "
        f"{verdicts.in_words(difference(measured, before, after))}"
        for before, after in pairs
    ]


def told(measured: Measured) -> dict[str, Any]:
    """The figures as JSON carries them."""
    return {
        "questions": len(measured.questions),
        "own": measured.own,
        "ways": {how: {name: _plain(one) for name, one in way.figures.items()} for how, way in measured.ways.items()},
        "missed": {how: [one.question.question for one in missed(measured, how)] for how in measured.ways},
        "lost": [one.question for one in measured.lost],
        "says": sentences(measured),
    }


def _plain(one: Estimate) -> dict[str, Any]:
    return {"value": one.value, "low": one.low, "high": one.high, "n": one.n, "of": one.of}

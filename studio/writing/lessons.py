"""Lessons: a dataset's questions and answers become examples with passages of a library, right and wrong ones.

`prepare` makes them and writes nothing; `write` brings in what was prepared, into a dataset of its own. A question
stays on the side of the split that it has, and with its twin whose passage is missing.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from engine.data.conversations import parse
from engine.data.rows import Valid
from engine.problems import Problem
from engine.reading import lessons
from engine.reading.grounding import NOT_FOUND
from engine.reading.lessons import Asked, Lesson, Lessons, Order
from engine.scoring.wording import plain
from studio.data import datasets
from studio.data.examples import APPROVED, DRAFT, IN_REVIEW
from studio.reading import libraries, quality, questions
from studio.store import Store, now

GROUNDED, ABSENT = "grounded", "absent"  # the tags of examples with their passage, and without
PLACE = "passage:"  # a prefix of tags: where the right one stands
DOCUMENT = "document:"  # a prefix of tags that names the document in which an answer stands
STATUSES = (IN_REVIEW, DRAFT, APPROVED)


@dataclass(frozen=True)
class Plan:
    """`dataset` is asked and `library` is read; what is made goes to the dataset `into`, with this status."""

    dataset: str
    library: str
    into: str
    k: int = 3
    absent: float = 0.2
    seed: int = 0
    unknowing: tuple[str, ...] = (NOT_FOUND,)
    status: str = IN_REVIEW

    @property
    def order(self) -> Order:
        return Order(self.k, self.absent, self.seed, self.unknowing)

    @property
    def name(self) -> str:
        """What the examples say of their source."""
        return f"{self.dataset} with {self.library}"

    @property
    def origin(self) -> str:
        return f"grounded: {self.name}, {self.k} passages, {self.absent:.0%} absent, seed {self.seed}"


@dataclass(frozen=True)
class Source:
    """What an example keeps of the one that it was made from."""

    tags: tuple[str, ...]
    tools: list[dict[str, Any]] | None
    group: str
    split: str  # '' as long as it has no side


@dataclass(frozen=True)
class Prepared:
    """What would be written. `sideless`: how many questions no freeze has placed yet."""

    plan: Plan
    lessons: Lessons
    sources: dict[str, Source]

    @property
    def present(self) -> int:
        return sum(lesson.place > 0 for lesson in self.lessons.made)

    @property
    def absent(self) -> int:
        return len(self.lessons.made) - self.present

    @property
    def sideless(self) -> int:
        return sum(lesson.place > 0 and not self.sources[lesson.of].split for lesson in self.lessons.made)

    @property
    def reasons(self) -> dict[str, int]:
        """Why questions were left out, and how many for each reason, most first."""
        return dict(Counter(left.kind for left in self.lessons.left).most_common())

    def preview(self, n: int = 5) -> list[Lesson]:
        """A few from everywhere, one without its passage among them if there is any."""
        made = self.lessons.made
        shown = [made[at * len(made) // min(n, len(made))] for at in range(min(n, len(made)))]
        missing = next((lesson for lesson in made if not lesson.place), None)
        if missing and all(lesson.place for lesson in shown):
            shown[-1] = missing
        return shown


def prepare(store: Store, plan: Plan, progress: Callable[[int, int], None] = lambda done, of: None) -> Prepared:
    """The lessons of a plan, made and not written. Problem when the plan cannot work, or gives none."""
    _check(store, plan)
    rows = _rows(store, plan.dataset)
    if not rows:
        raise Problem(f"{plan.dataset} has no approved example.", do="Approve some; only these are learned from.")
    index = quality.opened(store, plan.library)
    known = _known(store, plan.library)
    made = lessons.make([_asked(row, known) for row in rows], index.search, plan.order, progress)
    if not made.made:
        why = f"Of the first: {made.left[0].why}"
        raise Problem(f"No question of {plan.dataset} finds its passage in {plan.library}.", why, "Try another one.")
    return Prepared(plan, made, {row["entry"]: _source(row) for row in rows})


def write(store: Store, prepared: Prepared, by: str) -> int:
    """Bring in what was prepared; how many examples the dataset did not have. Twice adds nothing."""
    plan = prepared.plan
    _check(store, plan)
    valid = [Valid(n, parse(_row(lesson, prepared))) for n, lesson in enumerate(prepared.lessons.made, 1)]
    told = {"from": plan.dataset, "library": plan.library, "made": len(valid), "left": len(prepared.lessons.left)}
    with store.write(by, "dataset.ground", plan.into, **told) as cursor:
        cursor.execute("insert into dataset values (?, '', ?, ?) on conflict do nothing", [plan.into, by, now()])
        return datasets.insert(cursor, plan.into, valid, plan.name, by, plan.status, plan.origin)


def _row(lesson: Lesson, prepared: Prepared) -> dict[str, Any]:
    source = prepared.sources[lesson.of]
    tags = (GROUNDED, f"{PLACE}{lesson.place}") if lesson.place else (ABSENT,)
    row: dict[str, Any] = {"messages": lesson.messages, "tags": [*source.tags, *tags], "group": source.group}
    row |= {"tools": source.tools} if source.tools else {}
    return row | ({"split": source.split} if source.split else {})


def _check(store: Store, plan: Plan) -> None:
    datasets.get(store, plan.dataset)
    libraries.get(store, plan.library)
    _ = plan.order
    if not plan.into.strip():
        raise Problem("The examples have no dataset to go to.", do="Name one; it is made if it does not exist.")
    if plan.into == plan.dataset:
        raise Problem(
            f"{plan.into} cannot be asked and written to at once.",
            "A question could then learn on one side of the split and be tested on the other.",
            "Name another dataset; it is made if it does not exist.",
        )
    if plan.status not in STATUSES:
        raise Problem(f"Examples cannot arrive as {plan.status}.", do=f"Choose one of {', '.join(STATUSES)}.")


def _rows(store: Store, dataset: str) -> list[dict[str, Any]]:
    """The approved examples with the side that a freeze or their file gave them."""
    return store.rows(
        """
        select e.entry, e.messages, e.tools, e.tags, e.grouped_by, coalesce(own.split, shared.split, e.split) as split
        from example e
        left join placement own on own.dataset = e.dataset and own.key = e.entry
        left join placement shared on shared.dataset = e.dataset and shared.key = 'group:' || nullif(e.grouped_by, '')
        where e.dataset = ? and e.latest and e.status = 'approved'
        order by e.place
        """,
        [dataset],
    )


def _known(store: Store, library: str) -> dict[str, tuple[str, str]]:
    """Questions of a library whose document and passage somebody has approved."""
    found = questions.approved(store, library)
    return {plain(one.question): (one.document, one.passage) for one in found}


def _asked(row: dict[str, Any], known: dict[str, tuple[str, str]]) -> Asked:
    named = next((tag.removeprefix(DOCUMENT) for tag in row["tags"] if tag.startswith(DOCUMENT)), "")
    one = Asked(row["entry"], json.loads(row["messages"]), named)
    document, passage = known.get(plain(one.question), (named, ""))
    return replace(one, document=document, passage=passage)


def _source(row: dict[str, Any]) -> Source:
    tools = json.loads(row["tools"]) if row["tools"] else None
    return Source(tuple(row["tags"]), tools, row["grouped_by"] or f"question-{row['entry']}", row["split"] or "")

"""Makings: jobs in which a model drafts examples for people to judge. No machine approves anything here.

A Plan says what is wanted; `estimate` what it would cost; `taste` makes the first few; `start` puts the rest in the
queue; `catch_up` brings finished drafts into their dataset, marked with their origin and in review.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from engine import hashes, jobs, jsonl
from engine.data.conversations import Unusable, parse
from engine.data.rows import Valid
from engine.drafting import make, recipes
from engine.drafting.make import MakeSpec
from engine.drafting.recipes import Order, Task
from engine.problems import Problem
from engine.scoring import guide as rules
from engine.serving.asking import purse
from engine.serving.asking.client import Decoding
from engine.serving.asking.purse import Rates
from studio.building import candidates, endpoints, models
from studio.building.candidates import Candidate
from studio.data import datasets, guides
from studio.data.examples import IN_REVIEW
from studio.judging import commission
from studio.quality import privacy
from studio.quality.privacy import Verdict
from studio.store import Store, now
from studio.work import Work
from studio.writing import beginnings
from studio.writing.beginnings import Beginning

DOCUMENTS, DISTIL, VARY, LOGS = "documents", "distil", "vary", "logs"
RECIPES = {
    DOCUMENTS: "Questions and answers from documents",
    DISTIL: "Answers of a stronger model",
    VARY: "More like a few examples",
    LOGS: "Conversations from logs",
}
WRITTEN = 120  # tokens that an answer takes when nothing is known yet
TASTES = 2


@dataclass(frozen=True)
class Plan:
    """What is wanted. `source`: a library, a dataset, or lines, by the recipe; `n`: drafts before anything is held."""

    name: str
    dataset: str
    recipe: str
    model: str
    source: str = ""
    lines: tuple[str, ...] = ()  # prompts, pasted
    n: int = 20
    each: int = 3
    instructions: str = ""
    keep_system: str = ""
    keep_answers: bool = False
    fewest_words: int = 0
    most_words: int = 0
    use_guide: bool = False
    judge: str = ""  # a model that grades, '' for none
    least_grade: int = 2
    budget: float = 0.0
    temperature: float = 0.7
    max_tokens: int = 400

    @property
    def origin(self) -> str:
        """What the examples say of where they come from."""
        return f"{self.recipe}: {self.source or 'pasted lines'}, by {self.model}"


@dataclass(frozen=True, kw_only=True)
class Making(Work):
    noun: ClassVar[str] = "making"

    name: str
    dataset: str
    recipe: str
    model: str
    settings: dict[str, Any]
    taken: int | None  # drafts that were brought in; None until then

    @property
    def plan(self) -> Plan:
        return Plan(**{**self.settings, "lines": tuple(self.settings["lines"])})

    @property
    def rows(self) -> list[dict[str, Any]]:
        return make.read(self.job.folder)


@dataclass(frozen=True)
class Estimate:
    """What a plan would take, and in `how` how that was reached. `euros` is None where nobody has set a price."""

    tasks: int
    calls: int
    tokens_in: int
    tokens_out: int
    euros: float | None
    how: str


def tasks(store: Store, plan: Plan) -> list[Task]:
    """The tasks of a plan, the same ones every time. Problem when its source gives none."""
    if plan.recipe not in RECIPES:
        raise Problem(f"There is no recipe {plan.recipe!r}.", do=f"Choose one of {', '.join(RECIPES)}.")
    if plan.n < 1 or plan.each < 1:
        raise Problem("Fewer than one draft cannot be made.", do="Ask for one or more.")
    found = _beginnings(store, plan)
    if not found:
        raise Problem(f"{plan.source or 'The list'} gives nothing to start from.", do="Choose another source.")
    return [Task(hashes.content(plan.recipe, position, seed), plan.recipe, seed) for position, seed in enumerate(found)]


def estimate(store: Store, plan: Plan, tasted: Sequence[dict[str, Any]] = ()) -> Estimate:
    """Before anything is asked. `tasted` are the calls of a taste, from which tokens are then reckoned."""
    found = tasks(store, plan)
    drafts = len(found) * (plan.each if plan.recipe in (DOCUMENTS, VARY) else 1)
    asked = {plan.model: 0 if plan.keep_answers else len(found) * recipes.CALLS[plan.recipe](plan.each)}
    if plan.judge:
        asked[plan.judge] = asked.get(plan.judge, 0) + drafts
    calls = sum(asked.values())
    if told := [call["took"] for call in tasted if "took" in call]:
        read, written = (sum(took[way] for took in told) / len(told) for way in ("tokens_in", "tokens_out"))
        how = f"from the {len(told)} calls made so far"
    else:
        letters = sum(len(json.dumps(task.seed, ensure_ascii=False)) for task in found) / len(found)
        read = (letters + 400 + len(plan.instructions)) / 4
        written = WRITTEN
        how = f"a guess: four letters a token, {WRITTEN} tokens an answer; make the first ones to know better"
    prices = [_foreseen(store, model, n * read, n * written) for model, n in asked.items() if n]
    euros = None if None in prices else sum(one for one in prices if one is not None)
    return Estimate(len(found), calls, round(read * calls), round(written * calls), euros, how)


def _foreseen(store: Store, model: str, read: float, written: float) -> float | None:
    """Euros for so many tokens; None where nobody has said what they cost, nothing where the machine is ours."""
    if models.get(store, model).kind != models.ENDPOINT:
        return 0.0
    said = endpoints.rates(store, model)
    return purse.cost(Rates(said.read, said.written), round(read), round(written), 0.0)


def leaving(store: Store, plan: Plan) -> str:
    """Which address the texts would be sent to; '' when they stay on this machine."""
    asked = [models.get(store, name) for name in (plan.model, plan.judge) if name]
    return ", ".join(dict.fromkeys(model.path for model in asked if model.leaves))


def personal(store: Store, plan: Plan) -> Verdict:
    """The personal data in what the model would read."""
    return privacy.check_texts(
        store, [plan.instructions, *(json.dumps(t.seed, ensure_ascii=False) for t in tasks(store, plan))]
    )


def taste(store: Store, plan: Plan) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The first few tasks made now: their rows, and the calls they took. The job will not pay for them again."""
    _check(store, plan)
    spec = _spec(store, plan)
    calls = _tasted(store, plan)
    rows = make.taste(spec, TASTES, calls)
    return rows, jsonl.read(calls)


def start(store: Store, plan: Plan, by: str) -> Making:
    """Put a making in the queue. Problem when its name is taken, its source gives nothing, or its budget cannot be
    kept since nobody knows what somebody costs."""
    _check(store, plan)
    spec = _spec(store, plan)
    make.check(spec)
    id = jobs.new_id("make")
    values = [id, plan.name, plan.dataset, plan.recipe, plan.model, json.dumps(asdict(plan)), None, by, now()]
    detail = {"name": plan.name, "recipe": plan.recipe, "model": plan.model, "leaves": leaving(store, plan)}
    with store.write(by, "making.start", id, dataset=plan.dataset, **detail) as cursor:
        cursor.execute("insert into making values (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        jobs.submit(store.home.jobs, "make", spec, by, id)
    return get(store, id)


def listed(store: Store, dataset: str = "") -> list[Making]:
    """Every making, newest first."""
    rows = store.rows("select * from making where ? in ('', dataset) order by made_at desc", [dataset])
    return [_making(store, row) for row in rows]


def get(store: Store, id: str) -> Making:
    row = store.row("select * from making where id = ?", [id])
    if row is None:
        raise Problem(f"There is no making {id}.", do="Choose one from the list.")
    return _making(store, row)


def catch_up(store: Store) -> None:
    """Bring in the drafts that passed, of every making that has ended well since somebody last looked."""
    for row in store.rows("select * from making where taken is null"):
        making = _making(store, row)
        if making.state == jobs.DONE:
            passed = [row for row in making.rows if not row["held"] and not row["failed"]]
            _take(store, making, passed, "atelier", first=True)


def take(store: Store, making: Making, rows: Sequence[dict[str, Any]], by: str) -> int:
    """Bring in drafts that were held back, after all; how many the dataset did not have."""
    return _take(store, making, rows, by, first=False)


def _take(store: Store, making: Making, rows: Sequence[dict[str, Any]], by: str, first: bool) -> int:
    lines = {json.dumps(row["messages"]): number for number, row in enumerate(making.rows, 1)}
    valid = []
    for row in rows:
        try:
            said = parse({"messages": row["messages"], "tags": row["tags"]})
        except Unusable:
            continue  # told on the page: it has the reason of the rules
        valid.append(Valid(lines[json.dumps(row["messages"])], said))
    with store.write(by, "making.take", making.id, dataset=making.dataset, drafts=len(valid)) as cursor:
        cursor.execute("insert into dataset values (?, '', ?, ?) on conflict do nothing", [making.dataset, by, now()])
        new = datasets.insert(cursor, making.dataset, valid, making.name, by, IN_REVIEW, making.plan.origin)
        cursor.execute("update making set taken = coalesce(taken, 0) + ? where id = ?", [new, making.id])
    return new


def _beginnings(store: Store, plan: Plan) -> list[Beginning]:
    calls = -(-plan.n // plan.each)
    if plan.recipe == DOCUMENTS:
        return beginnings.passages(store, plan.source, calls)
    if plan.recipe == VARY:
        return beginnings.groups(store, plan.source, calls)
    if plan.recipe == LOGS:
        return beginnings.logged(Path(plan.source).expanduser(), plan.n)
    return beginnings.pasted(plan.lines, plan.n) or beginnings.prompts(store, plan.source, plan.n)


def _check(store: Store, plan: Plan) -> None:
    if not plan.name.strip():
        raise Problem("The making has no name.", do="Give it one; its drafts will be found by it.")
    if store.row("select 1 from making where name = ?", [plan.name]) is not None:
        raise Problem(f"There is a making called {plan.name} already.", do="Choose another name.")
    if not plan.dataset.strip():
        raise Problem("The drafts have no dataset to go to.", do="Name one; it is made if it does not exist.")


def _spec(store: Store, plan: Plan) -> MakeSpec:
    """What the job will read; its tasks and what is there already are written beside the files of the home."""
    teacher = _candidate(store, plan.model, plan)
    judge = _candidate(store, plan.judge, plan) if plan.judge else None
    guide = guides.get(store, plan.dataset) if plan.use_guide else None
    return MakeSpec(
        teacher=asdict(candidates.for_engine(store, teacher, serve=False)),
        tasks=_file(store, [asdict(task) for task in tasks(store, plan)]),
        order=asdict(Order(plan.each, _instructions(plan, guide), plan.keep_system, plan.keep_answers)),
        known=_file(store, beginnings.known(store, plan.dataset)),
        fewest_words=plan.fewest_words,
        most_words=plan.most_words,
        mentions=plan.recipe == DOCUMENTS,
        guide=rules.to_json(guide) if guide else "",
        judge=asdict(candidates.for_engine(store, judge, serve=False)) if judge else {},
        least_grade=plan.least_grade,
        rates=commission.rates(store, [one for one in (teacher, judge) if one]),
        budget=plan.budget,
        servers=str(store.home.servers),
        paid=str(_tasted(store, plan)),
    )


def _instructions(plan: Plan, guide: rules.Guide | None) -> str:
    """What the writing model is told. Where it answers as the brand does, the style guide is part of it."""
    return "\n".join([*([plan.instructions] if plan.instructions else []), *(rules.in_words(guide) if guide else [])])


def _candidate(store: Store, model: str, plan: Plan) -> Candidate:
    decoding = Decoding(temperature=plan.temperature, max_tokens=plan.max_tokens)
    return candidates.draft(store, model, model, "atelier", decoding=decoding)


def _tasted(store: Store, plan: Plan) -> Path:
    """Where the calls of a taste are kept: one file a model, since calls know themselves by what was asked."""
    folder = store.home.files / "tasted"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{hashes.content(plan.model)}.jsonl"
    path.touch()
    return path


def _file(store: Store, rows: Sequence[Any]) -> str:
    text = jsonl.dump(rows)
    path = store.home.files / f"{hashes.content(text)}.jsonl"
    if not path.exists():
        path.write_text(text, encoding="utf-8")
    return str(path)


def _making(store: Store, row: dict[str, Any]) -> Making:
    return Making(**{**row, "settings": json.loads(row["settings"])}, job=jobs.get(store.home.jobs, row["id"]))

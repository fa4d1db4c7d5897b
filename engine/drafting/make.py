"""The `make` job: a model drafts examples by a recipe, and what it drafts is sifted before a person sees it.

calls.jsonl    every finished call of a model, by the hash of what was asked: none is ever paid twice. One that failed
               stands there with what it cost all the same
made.jsonl     the drafts and failures, sifted; written whole at the end, and never approved by a machine

A job that goes on after an interruption plays the finished calls back and asks only for the rest.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine import events, hashes, jsonl, specs
from engine.drafting import recipes, sifting
from engine.drafting.recipes import Draft, Message, Order, Task
from engine.drafting.sifting import Sieve
from engine.problems import Problem
from engine.scoring import candidates, guide
from engine.scoring.candidates import Candidate
from engine.serving.asking.asker import Asker, Nowhere
from engine.serving.asking.calls import Use
from engine.serving.asking.purse import Bill, Purse, Rates, Spent, keepable
from engine.serving.asking.question import Question

CALLS, MADE = "calls.jsonl", "made.jsonl"
TELL = 1.0  # seconds between two progress events


@dataclass(frozen=True)
class MakeSpec:
    """One making. Paths are absolute."""

    teacher: dict[str, Any] = field(metadata={"help": "engine.scoring.candidates.Candidate as an object: who writes."})
    tasks: str = field(metadata={"help": "JSONL of tasks: id, recipe, seed."})
    order: dict[str, Any] = field(metadata={"help": "engine.drafting.recipes.Order as an object."})
    known: str = specs.setting("", "JSONL of texts that are there already, as JSON strings; '' for none.")
    fewest_words: int = specs.setting(0, "Answers shorter than this are held back.")
    most_words: int = specs.setting(0, "Answers longer than this are held back; 0 for no limit.")
    mentions: bool = specs.setting(True, "Hold back what speaks of its source.")
    guide: str = specs.setting("", "Style guide as JSON text; what breaks it is held back.")
    judge: dict[str, Any] = field(default_factory=dict, metadata={"help": "Candidate that grades drafts 0 to 3."})
    least_grade: int = specs.setting(2, "Drafts graded lower are held back; only with a judge.")
    rates: dict[str, dict[str, Any]] = field(
        default_factory=dict, metadata={"help": "`purse.Rates` by the name of the teacher or judge."}
    )
    budget: float = specs.setting(0.0, "Euros that are not to be exceeded; 0 for no such limit.", least=0)
    concurrency: int = specs.setting(8, "Calls at once.")
    servers: str = specs.setting("", "Folder of our own chat servers.")
    paid: str = specs.setting("", "Calls made beforehand, as calls.jsonl; '' for none.")


def run(folder: Path) -> dict[str, Any]:
    """How many drafts passed, were held back, failed; what it took."""
    spec = specs.read(folder, MakeSpec)
    jsonl.cut_torn_line(folder / CALLS)
    drafting = Drafting(spec, folder / CALLS, folder)
    found = asyncio.run(drafting.finish(_tasks(spec)))
    rows = sift(found, spec)
    jsonl.write(folder / MADE, rows)
    kinds = Counter("failed" if row["failed"] else "held" if row["held"] else "passed" for row in rows)
    return {name: kinds[name] for name in ("passed", "held", "failed")} | drafting.told()


def taste(spec: MakeSpec, n: int, calls: Path) -> list[dict[str, Any]]:
    """The rows of the first `n` tasks, made now; the calls are kept in `calls`, so that a job need not pay again."""
    drafting = Drafting(spec, calls, None)
    return sift(asyncio.run(drafting.finish(_tasks(spec)[:n])), spec)


def read(folder: Path) -> list[dict[str, Any]]:
    """The rows of a finished making: messages, shown, tags, grade, why it is held or failed, as `sift` writes them."""
    return jsonl.read(folder / MADE)


def check(spec: MakeSpec) -> None:
    """Problem when such a job would fail at once."""
    asked = [candidates.parse(one) for one in (spec.teacher, spec.judge) if one]
    keepable(spec.budget, _rates(spec), {one.name: one.model for one in asked})


@dataclass(frozen=True)
class Made:
    """One draft or failure of a task, with the judge's points if there is a judge."""

    task: str
    what: Draft | recipes.Failure
    points: int | None = None
    reason: str = ""


class Drafting:
    """What one process does: tasks through their recipe, a few at once, every call kept before its words are used."""

    def __init__(self, spec: MakeSpec, calls: Path, folder: Path | None) -> None:
        check(spec)
        self.spec, self.calls, self.folder = spec, calls, folder
        self.teacher = candidates.parse(spec.teacher)
        self.judge = candidates.parse(spec.judge) if spec.judge else None
        self.order = Order(**spec.order)
        self.rates = _rates(spec)
        self.purse = Purse(self.rates, spec.budget, at_once=spec.concurrency)
        self.asker = Asker(spec.servers, spec.concurrency, purse=self.purse)
        own, before = _told(calls), _told(Path(spec.paid)) if spec.paid else []
        self.kept = {call["key"]: call for call in (*before, *own) if "text" in call}
        self.used = {call["key"] for call in own}  # what they took is told already
        if folder is not None:  # the calls of a taste are of other jobs too
            for call in own:
                self.purse.total.join(Bill(**call["took"]))
        self.asking: dict[str, asyncio.Task[None]] = {}
        self.spent = False
        self.done = self.of = 0
        self.began = self.last_told = time.monotonic()

    async def finish(self, tasks: Sequence[Task]) -> list[Made]:
        """Drafts and failures in the order of the tasks. What the budget did not reach is missing, and told."""
        self.of = len(tasks)
        found: dict[str, list[Made]] = {}
        waiting = iter(tasks)
        try:
            for one in filter(None, (self.teacher, self.judge) if tasks else ()):
                await self.asker.ready(one)  # a model that cannot be had ends the job here
            await asyncio.gather(*[self._work(waiting, found) for _ in range(self.spec.concurrency)])
        finally:
            await self.asker.close()
        self._tell()
        return [made for task in tasks for made in found.get(task.id, [])]

    def told(self) -> dict[str, Any]:
        """What it has taken so far, calls that failed included; `spent` when the budget ended it. `euros` and `unsure`
        are as in a Bill; `euros` is None where nobody knows what somebody who is asked costs."""
        total = self.purse.total
        asked = [one.name for one in (self.teacher, self.judge) if one]
        known = all(self.rates.get(name, Rates()).known for name in asked)
        return {
            "calls": total.calls,
            "tokens_in": total.tokens_in,
            "tokens_out": total.tokens_out,
            "euros": round(total.euros, 6) if known else None,
            "unsure": round(total.unsure, 6),
            "spent": self.spent,
        }

    async def _work(self, waiting: Iterator[Task], found: dict[str, list[Made]]) -> None:
        for task in waiting:
            if self.spent:
                return
            try:
                found[task.id] = await self._task(task)
            except Spent:  # what others have asked for is paid: it comes in before the job ends
                self.spent = True
                return
            except Nowhere:
                raise
            except Problem as problem:
                found[task.id] = [Made(task.id, recipes.Failure(str(problem)))]
            self.done += 1
            if time.monotonic() - self.last_told >= TELL:
                self._tell()

    async def _task(self, task: Task) -> list[Made]:
        async def ask(messages: Sequence[Message]) -> str:
            return await self._ask(self.teacher, messages)

        found = []
        for what in await recipes.follow(task, self.order, ask):
            graded: tuple[int | None, str] = (None, "")
            if self.judge and isinstance(what, Draft):
                rules = " ".join(guide.in_words(_guide(self.spec))) if self.spec.guide else ""
                asked = sifting.rubric(what.messages, what.shown, rules)
                graded = sifting.points(await self._ask(self.judge, asked))
            found.append(Made(task.id, what, *graded))
        return found

    async def _ask(self, candidate: Candidate, messages: Sequence[Message]) -> str:
        """The words of the model; what was asked before is answered from what was kept."""
        key = hashes.content(candidate.name, candidate.model, asdict(candidate.decoding), list(messages))
        if key not in self.kept:
            if key not in self.asking:  # two tasks may ask the same at the same time
                self.asking[key] = asyncio.ensure_future(self._call(key, candidate, messages))
            await self.asking[key]
        call = self.kept[key]
        if key not in self.used:
            self.used.add(key)
            took = call["took"]
            self.purse.note_kept(Use(took["tokens_in"], took["tokens_out"], took["seconds"]))
        return str(call["text"])

    async def _call(self, key: str, candidate: Candidate, messages: Sequence[Message]) -> None:
        """Asks, and keeps what was said with all that it took, tries that brought nothing included."""
        with self.purse.bill() as bill:
            try:
                answer = await self.asker.ask(candidate, Question(messages, candidate.decoding))
            except Problem as problem:
                if bill != Bill():
                    self._keep({"key": key, "error": str(problem), "took": asdict(bill)})
                raise
        call = {"key": key, "text": answer.text, "model": answer.model, "took": asdict(bill)}
        self._keep(call)
        self.kept[key] = call
        self.used.add(key)

    def _keep(self, call: dict[str, Any]) -> None:
        with self.calls.open("a", encoding="utf-8") as file:
            file.write(json.dumps(call, ensure_ascii=False) + "\n")

    def _tell(self) -> None:
        self.last_told = time.monotonic()
        if self.folder is not None:
            left = (self.last_told - self.began) / max(1, self.done) * (self.of - self.done)
            told = self.told()
            each = None if told["euros"] is None else told["euros"] / max(1, self.done)
            ahead = None if each is None else each * (self.of - self.done)
            events.append(
                self.folder, "progress", done=self.done, of=self.of, seconds_left=round(left, 1), ahead=ahead, **told
            )


def sift(found: Sequence[Made], spec: MakeSpec) -> list[dict[str, Any]]:
    """Rows for people: each draft with the reason why it is held back ('' when it passes), failures with theirs."""
    sieve = Sieve(
        spec.fewest_words,
        spec.most_words,
        spec.mentions,
        _guide(spec) if spec.guide else None,
        spec.least_grade if spec.judge else 0,
    )
    rows = [_row(made, sieve) for made in found]
    passing = [row for row in rows if not row["held"] and not row["failed"]]
    known = jsonl.read(Path(spec.known)) if spec.known else []
    for position, why in sifting.repeated([row["messages"] for row in passing], known).items():
        passing[position]["held"] = why
    return rows


def _row(made: Made, sieve: Sieve) -> dict[str, Any]:
    row: dict[str, Any] = {
        "task": made.task,
        "messages": [],
        "shown": "",
        "tags": [],
        "held": "",
        "failed": "",
        "said": "",
    }
    row |= {"points": made.points, "reason": made.reason}
    if isinstance(made.what, recipes.Failure):
        return row | {"failed": made.what.why, "said": made.what.said}
    held = sifting.held_back(made.what.messages, sieve)
    if not held and sieve.least_grade and made.points is not None and made.points < sieve.least_grade:
        held = f"The judge gave {made.points} of 3: {made.reason}"
    return row | {
        "messages": made.what.messages,
        "shown": made.what.shown,
        "tags": list(made.what.tags),
        "held": held,
    }


def _told(calls: Path) -> list[dict[str, Any]]:
    """The calls of a file; not those from before it was kept what a call took, which are asked again."""
    return [call for call in jsonl.read(calls) if "took" in call]


def _rates(spec: MakeSpec) -> dict[str, Rates]:
    return {name: Rates(**values) for name, values in spec.rates.items()}


def _guide(spec: MakeSpec) -> guide.Guide:
    return guide.read(spec.guide)


def _tasks(spec: MakeSpec) -> list[Task]:
    return [Task(**row) for row in jsonl.read(Path(spec.tasks))]

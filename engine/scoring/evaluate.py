"""The `evaluate` job: asks every candidate every item and keeps each answer, with its scores, in `responses.jsonl`.

An answer that stands is not asked again when the job goes on after an interruption; a call that failed is, and so is a
score for which a model is asked. A failed call has an error and no scores: never a score of 0. What failed in a first
round, though it was tried several times, is asked once more in a second one, when the server may have got over it.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine import events, jsonl, specs
from engine.problems import Problem
from engine.reading.retrieval import Hit
from engine.scoring import candidates, grading, lines
from engine.scoring.candidates import Candidate, Message
from engine.scoring.grading import Grader
from engine.scoring.lines import FILE, Key, Line
from engine.serving.asking import client, purse
from engine.serving.asking.asker import HOPELESS, Asker, Manner, Nowhere
from engine.serving.asking.kept import DAYS, Kept
from engine.serving.asking.purse import Purse, Rates, Spent

__all__ = ["FILE", "EvaluateSpec", "responses", "run"]

TELL = 1.0  # seconds between two progress events
SILENT = 3.0  # seconds without one, after which is told where nobody answers
AHEAD = 2  # questions that are prepared, or wait to be asked again, for each that is asked at once
GIVE_WAY = 2  # rounds of the loop that a question takes from its turn to the wire
responses = lines.read
Item = dict[str, Any]


@dataclass(frozen=True)
class EvaluateSpec:
    """Candidates x items. Paths are absolute."""

    candidates: list[dict[str, Any]] = field(
        metadata={"help": "engine.scoring.candidates.Candidate, each as an object."}
    )
    items: str = field(metadata={"help": "JSONL of items: id, messages up to the user's turn, and what metrics need."})
    metrics: list[str] = field(metadata={"help": "Names of the metrics to score with."})
    guide: str = specs.setting("", "Style guide as JSON, for the metrics that need one; empty for none.")
    concurrency: int = specs.setting(16, "Questions asked at once.", least=1)
    servers: str = specs.setting("", "Folder of our own chat servers; needed for candidates with a base.")
    repeats: int = specs.setting(1, "Answers drawn to each item, each with the next seed.", least=1)
    judge: dict[str, Any] = field(
        default_factory=dict, metadata={"help": "The Candidate that judges, for the metrics that need one."}
    )
    labels: list[str] = field(default_factory=list, metadata={"help": "Every label that an item may have."})
    stream: bool = specs.setting(False, "Stream the answers, to learn when their first word comes.")
    kept: str = specs.setting("", "File with the answers to earlier requests; empty to ask everything anew.")
    kept_days: float = specs.setting(DAYS, "Days that an answer of a model elsewhere is used again.", least=0)
    rates: dict[str, dict[str, Any]] = field(
        default_factory=dict,
        metadata={"help": "`purse.Rates` by the name of a candidate or judge."},
    )
    budget: float = specs.setting(0.0, "Euros that are not to be exceeded; 0 for no such limit.", least=0)
    timeout: float = specs.setting(300.0, "Seconds without a sign of an answer.")
    patience: float = specs.setting(240.0, "Seconds that a server which is away, or asked too much, is waited for.")
    tries: int = specs.setting(4, "Tries at an answer that is late, broken or cut, or meets an error.", least=1)
    pause: float = specs.setting(0.4, "Seconds before the second try; each next one is twice as long.")


@dataclass(frozen=True)
class Question:
    """One answer to be had; `line` when it stands and only its scores are to be asked for again."""

    candidate: Candidate
    item: Item
    repeat: int
    line: Line | None = None

    @property
    def key(self) -> Key:
        return self.item["id"], self.candidate.name, self.repeat


def run(folder: Path) -> dict[str, int]:
    """How many of all answers there are now, and how many failed."""
    spec = specs.read(folder, EvaluateSpec)
    chosen = [candidates.parse(values) for values in spec.candidates]
    items = jsonl.read(Path(spec.items))
    _check(spec, chosen, items)
    return asyncio.run(Round(folder, spec).finish(_questions(spec, chosen, items)))


def _questions(spec: EvaluateSpec, chosen: Sequence[Candidate], items: Sequence[Item]) -> list[Question]:
    """All of them, one candidate after the other, since a server answers one model's questions together.

    With a budget item by item, so that all candidates have answered the same ones when it ends.
    """
    pairs = [(one, item) for one in chosen for item in items]
    if spec.budget:
        pairs = [(one, item) for item in items for one in chosen]
    return [Question(one, item, repeat) for repeat in range(spec.repeats) for one, item in pairs]


class Round:
    """What one process does: asks what is open, so many at once, and keeps what comes."""

    def __init__(self, folder: Path, spec: EvaluateSpec) -> None:
        self.folder, self.spec = folder, spec
        self.writer = lines.Writer(folder)
        earlier = lines.every(folder)
        self.standing = {lines.key(line): line for line in earlier}
        self.failures = Counter[str]()  # of those asked by this process, by their kind
        self.done = self.kept = self.before = self.of = 0
        self.spent: Spent | None = None
        self.began = self.told = time.monotonic()
        self.preparing = ThreadPoolExecutor(1, "preparing")  # passages are looked up beside the asking
        spent, unsure = (sum(line.get(name) or 0.0 for line in earlier) for name in ("paid", "unsure"))
        rates = {name: Rates(**values) for name, values in spec.rates.items()}
        self.purse = Purse(rates, spec.budget, spent, spec.concurrency, unsure=unsure)

    async def finish(self, questions: Sequence[Question]) -> dict[str, int]:
        spec = self.spec
        self.asker = Asker(
            spec.servers,
            spec.concurrency,
            Manner(spec.timeout, spec.patience, spec.tries, spec.pause),
            kept=Kept(Path(spec.kept), spec.kept_days) if spec.kept else None,
            purse=self.purse,
            stream=spec.stream,
        )
        guide = json.loads(Path(spec.guide).read_text(encoding="utf-8")) if spec.guide else None
        judge = candidates.parse(spec.judge) if spec.judge else None
        self.grader = Grader(spec.metrics, guide, spec.labels, judge, self.asker)
        self.of = len(questions)
        silence = asyncio.ensure_future(self._tell_of_silence())
        try:
            await self._ask(self._open(questions))
            await self._ask([one for one in self._open(questions) if self._worth_another(one)])
        finally:
            silence.cancel()
            self._tell()
            self.preparing.shutdown(wait=False)
            self.writer.close()
            await self.asker.close()
        failures = [error for one in questions if (error := self.standing[one.key]["error"])]
        if len(failures) == len(questions):
            raise Problem(
                f"Not one of {len(questions):,} questions was answered.", failures[0], "Mend that, and go on."
            )
        return {"answered": len(questions) - len(failures), "failed": len(failures)}

    def _open(self, questions: Sequence[Question]) -> list[Question]:
        found = []
        for one in questions:
            line = self.standing.get(one.key)
            if line is None or line["error"]:
                found.append(one)
            elif lines.unscored(line):
                found.append(Question(one.candidate, one.item, one.repeat, line))
        return found

    def _worth_another(self, question: Question) -> bool:
        return self.standing[question.key].get("code") not in (*HOPELESS, lines.UNUSABLE)

    async def _ask(self, questions: Sequence[Question]) -> None:
        """Ask them all. Spent where the budget ends it, with what was asked by then."""
        self.done = self.before = self.of - len(questions)
        waiting = iter(questions)
        workers = [asyncio.ensure_future(self._work(waiting)) for _ in range(AHEAD * self.spec.concurrency)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        if self.spent:
            raise self.spent

    async def _work(self, waiting: Iterator[Question]) -> None:
        for question in waiting:
            if self.spent:
                return
            try:
                line = await self._line(question)
            except Spent as spent:  # what others have asked for is paid: it comes in before the job ends
                self.spent = spent
                return
            self.writer.add(line)
            self.standing[question.key] = line
            self.done += 1
            self.kept += bool(line["kept"])
            if line["error"]:
                self.failures[line["code"]] += 1
            if time.monotonic() - self.told >= TELL:
                self._tell()

    async def _line(self, question: Question) -> Line:
        if question.line is not None:
            line = lines.again(question.line)
            await self._grade(line, question, lines.unscored(line))
            return line
        with self.purse.bill() as bill:
            line = lines.paid(await self._answered(question), bill)
        if line["error"]:
            return line
        for _ in range(GIVE_WAY):  # the next question goes out before this answer is looked at
            await asyncio.sleep(0)
        await self._grade(line, question)
        return line

    async def _answered(self, question: Question) -> Line:
        """The line of an answer, or of a call that brought none; not yet scored, nor paid."""
        candidate, item = question.candidate, question.item
        hits: list[Hit] = []
        try:
            messages, hits = await self._prepared(candidate, item["messages"])
            asked = client.Question(messages, candidate.decoding, item.get("tools") or ())
            answer = await self.asker.ask(candidate, asked, question.repeat)
        except (Nowhere, Spent):
            raise
        except Problem as problem:
            return lines.failed(question.key, problem, hits)
        return lines.answered(question.key, answer, hits, self.purse.cost(candidate.name, answer.use))

    async def _grade(self, line: Line, question: Question, only: Sequence[str] = ()) -> None:
        try:
            await self.grader.grade(line, question.item, question.candidate, only)
        except Spent:  # the answer is paid: it is kept, to be scored when there is more
            self.writer.add(line)
            raise

    async def _prepared(self, candidate: Candidate, conversation: Sequence[Message]) -> tuple[list[Message], list[Hit]]:
        if not (candidate.library or candidate.nearest):
            return candidates.messages(candidate, conversation)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.preparing, candidates.messages, candidate, conversation)

    async def _tell_of_silence(self) -> None:
        """While no answer comes, since nobody is where they should come from."""
        while True:
            await asyncio.sleep(SILENT)
            if self.asker.away() and time.monotonic() - self.told >= SILENT:
                self._tell()

    def _tell(self) -> None:
        self.told = time.monotonic()
        fresh, open = self.done - self.before, self.of - self.done
        left = round((self.told - self.began) / fresh * open, 1) if fresh else None if open else 0.0
        money = {"euros": round(self.purse.total.euros, 6), "unsure": round(self.purse.total.unsure, 6)}
        more = {"kept": self.kept, "failures": dict(self.failures), **money}
        if away := self.asker.away():
            more["away"] = {where: round(seconds) for where, seconds in away.items()}
        events.append(self.folder, "progress", done=self.done, of=self.of, seconds_left=left, **more)


def _check(spec: EvaluateSpec, chosen: Sequence[Candidate], items: Sequence[Item]) -> None:
    for what, names in (("candidate", [one.name for one in chosen]), ("item", [item["id"] for item in items])):
        if not names:
            raise Problem(f"There is no {what} to evaluate.")
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            raise Problem(f"The {what} {twice[0]} is there twice.", "Then nobody could tell the answers apart.")
    check(spec)


def check(spec: EvaluateSpec) -> None:
    """Problem when such a job would fail at once, whatever it asks."""
    specs.check(spec)
    chosen = [candidates.parse(values) for values in spec.candidates]
    grading.check(spec.metrics, candidates.parse(spec.judge) if spec.judge else None)
    asked = [*chosen, *([candidates.parse(spec.judge)] if spec.judge else [])]
    if not spec.servers and any(one.base and not one.endpoint for one in asked):
        raise Problem("A candidate's model needs a server of ours, but no folder for servers is given.")
    rates = {name: Rates(**values) for name, values in spec.rates.items()}
    purse.keepable(spec.budget, rates, {one.name: one.model for one in asked})

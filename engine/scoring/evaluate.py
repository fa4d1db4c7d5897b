"""The `evaluate` job: asks every candidate every item and keeps each answer, with its scores, in `responses.jsonl`.

An answer that stands is not asked again when the job goes on after an interruption; a call that failed is, and the
newest line of an item and a candidate holds. A failed call has an error and no scores: never a score of 0.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine import events, jsonl, specs
from engine.drafting.asker import Asker
from engine.problems import Problem
from engine.reading.retrieval import Hit
from engine.scoring import candidates, metrics
from engine.scoring.candidates import Candidate
from engine.serving.client import Answer

FILE = "responses.jsonl"
TELL = 1.0  # seconds between two progress events
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
    concurrency: int = specs.setting(16, "Questions asked at once.")
    servers: str = specs.setting("", "Folder of our own chat servers; needed for candidates with a base.")


def run(folder: Path) -> dict[str, int]:
    """How many of all answers there are now, and how many failed."""
    spec = specs.read(folder, EvaluateSpec)
    chosen = [candidates.parse(values) for values in spec.candidates]
    items = jsonl.read(Path(spec.items))
    _check(spec, chosen, items)
    jsonl.cut_torn_line(folder / FILE)
    standing = {(line["item"], line["candidate"]) for line in responses(folder) if not line["error"]}
    open_pairs = [(one, item) for one in chosen for item in items if (item["id"], one.name) not in standing]
    asyncio.run(Round(folder, spec, open_pairs, len(standing)).finish())
    failed = sum(bool(line["error"]) for line in responses(folder))
    return {"answered": len(chosen) * len(items) - failed, "failed": failed}


def responses(folder: Path) -> list[dict[str, Any]]:
    """The answers of an evaluation so far: for each item and candidate the newest one."""
    lines = jsonl.read(folder / FILE)
    return list({(line["item"], line["candidate"]): line for line in lines}.values())


class Round:
    """What one process does: asks what is open, a few at a time, one candidate after the other."""

    def __init__(self, folder: Path, spec: EvaluateSpec, open_pairs: list[tuple[Candidate, Item]], done: int) -> None:
        self.folder, self.spec, self.open_pairs = folder, spec, open_pairs
        self.guide = json.loads(Path(spec.guide).read_text(encoding="utf-8")) if spec.guide else None
        self.asker = Asker(spec.servers, spec.concurrency)
        self.before = self.done = done
        self.of = done + len(open_pairs)
        self.began = self.told = time.monotonic()

    async def finish(self) -> None:
        for one in {candidate.name: candidate for candidate, _ in self.open_pairs}.values():
            await self.asker.ready(one)  # a model that cannot be had ends the job here, not once for every item
        pairs = iter(self.open_pairs)
        try:
            await asyncio.gather(*[self._work(pairs) for _ in range(self.spec.concurrency)])
        finally:
            await self.asker.close()
        self._tell()

    async def _work(self, pairs: Iterator[tuple[Candidate, Item]]) -> None:
        for candidate, item in pairs:
            line = await self._line(candidate, item)
            with (self.folder / FILE).open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self.done += 1
            if time.monotonic() - self.told >= TELL:
                self._tell()

    async def _line(self, candidate: Candidate, item: Item) -> dict[str, Any]:
        hits: list[Hit] = []
        try:
            messages, hits = candidates.messages(candidate, item["messages"])
            answer = await self.asker.ask(candidate, messages)
        except Problem as problem:
            return _line(candidate, item, hits, Answer("", "", None, None, 0.0, None, ""), {}, str(problem))
        found = {metric: metrics.score(metric, answer.text, item, self.guide) for metric in self.spec.metrics}
        scores = {metric: {"value": score.value, "why": score.why} for metric, score in found.items()}
        return _line(candidate, item, hits, answer, scores, None)

    def _tell(self) -> None:
        self.told = time.monotonic()
        pace = (self.told - self.began) / max(1, self.done - self.before)
        left = round(pace * (self.of - self.done), 1)
        events.append(self.folder, "progress", done=self.done, of=self.of, seconds_left=left)


def _line(
    candidate: Candidate, item: Item, hits: Sequence[Hit], answer: Answer, scores: dict[str, Any], error: str | None
) -> dict[str, Any]:
    passages = [{"text": hit.text, "source": hit.source, "score": hit.score} for hit in hits]
    head = {"item": item["id"], "candidate": candidate.name}
    return {**head, **asdict(answer), "passages": passages, "scores": scores, "error": error}


def _check(spec: EvaluateSpec, chosen: Sequence[Candidate], items: Sequence[Item]) -> None:
    for what, names in (("candidate", [one.name for one in chosen]), ("item", [item["id"] for item in items])):
        if not names:
            raise Problem(f"There is no {what} to evaluate.")
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            raise Problem(f"The {what} {twice[0]} is there twice.", "Then nobody could tell the answers apart.")
    if unknown := [name for name in spec.metrics if name not in metrics.METRICS]:
        raise Problem(f"There is no metric called {unknown[0]}.", do=f"Known are {', '.join(metrics.METRICS)}.")
    if not spec.servers and any(one.base and not one.endpoint for one in chosen):
        raise Problem("A candidate's model needs a server of ours, but no folder for servers is given.")

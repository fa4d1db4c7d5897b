"""The demo: the whole loop on the sample project, through the same verbs that the pages use.

Every step asks first whether its result is there, so a second run resumes what is missing and repeats nothing.
"""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from engine import jobs
from engine.serving import servers
from studio import progress, sample, work
from studio.building import candidates, models, runs
from studio.building.candidates import Candidate
from studio.building.runs import Run
from studio.deciding import demo_report, report
from studio.folders import Home
from studio.judging import evaluations
from studio.judging.evaluations import Evaluation
from studio.store import Store, close_all, opened

BY = "demo"
TONE_RUN, TRIAGE_RUN = "fernwick-tone", "fernwick-triage"
TONE_SETTINGS = {"epochs": 5.0, "learning_rate": 1e-3, "evaluate_every": 60, "checkpoint_every": 60}
TRIAGE_SETTINGS = {"epochs": 3.0, "learning_rate": 2e-3, "evaluate_every": 120, "checkpoint_every": 60}
LIBRARY = sample.LIBRARY

# The budget of "base + best prompt": these, tried on validation questions; the best becomes the arm.
PROMPTS = (
    "",
    "Answer in the playful voice of Fernwick: warm, cheeky, with a pet name and an emoji.",
    "You are Fernwick's assistant. Answer the customer's question in one short, playful sentence.",
    "Be funny and affectionate, like a friend. Start with a cheerful greeting and end with an emoji.",
)
DEPTHS = (1, 2, 3)  # passages tried on validation questions, for every arm that retrieves


class Loop:
    """One pass over the sample project in a store."""

    def __init__(self, store: Store, bars: Progress) -> None:
        self.store, self.bars = store, bars
        self.clock = store.home.demo / "seconds.json"
        self.seconds: dict[str, float] = json.loads(self.clock.read_text()) if self.clock.exists() else {}

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Keep how long the work of a step took; looking at a result that is there adds next to nothing."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[step] = round(self.seconds.get(step, 0.0) + time.monotonic() - began, 2)
            self.clock.write_text(json.dumps(self.seconds, indent=2))

    def load(self) -> None:
        """Import and check the sample's files, index its documents."""
        bar = self.bars.add_task("import and check the sample", total=None, note="")

        def show(step: str, done: int, of: int) -> None:
            self.bars.update(bar, completed=done, total=of, note=step)

        with self.timed("import"):
            found = sample.load(self.store, BY, show)
        rejected = sum(found[name]["rejected"] for name in (sample.TONE, sample.TRIAGE))
        self.bars.update(bar, note=f"{rejected} lines rejected, {found['documents']} documents indexed")

    def train(self, name: str, snapshot: str, settings: dict[str, Any]) -> Run:
        """The run of this name, launched, resumed or simply found."""
        known = next((run for run in runs.listed(self.store) if run.name == name), None)
        run = known or runs.launch(self.store, name, models.STARTER_NAME, snapshot, BY, settings)
        if run.state in jobs.OVER:
            work.resume(self.store, run, BY)
        with self.timed(f"train {name}"):
            progress.watch(run.job, f"train {name}", self.bars)
        runs.catch_up(self.store)
        return runs.get(self.store, run.id)

    def evaluate(
        self, name: str, items: Sequence[dict[str, Any]], source: str, arms: Sequence[Candidate], metrics: Sequence[str]
    ) -> Evaluation:
        """The evaluation of this name over these candidates, started, resumed or simply found."""
        chosen = [arm.id for arm in arms]
        known = next((e for e in evaluations.listed(self.store) if e.name == name and e.candidates == chosen), None)
        found = known or evaluations.start(
            self.store, name, items, source, chosen, metrics, BY, guide=str(sample.GUIDE), concurrency=32
        )
        if found.state in (jobs.FAILED, jobs.STOPPED):
            work.resume(self.store, found, BY)
        with self.timed(name):
            progress.watch(found.job, name, self.bars)
        evaluations.catch_up(self.store)
        return evaluations.get(self.store, found.id)

    def arm(self, name: str, model: str, system: str = "", passages: int = 0) -> Candidate:
        """A candidate under this name, also when the search has tried it under another."""
        library = LIBRARY if passages else ""
        found = candidates.add(self.store, name, model, BY, system=system, library=library, passages=passages)
        return candidates.rename(self.store, found.id, name, BY)

    def best_prompt(self, items: Sequence[dict[str, Any]]) -> str:
        """The system prompt with the most facts and tone on validation; the first of equals."""
        tried = [
            self.arm(f"Base, prompt {n} of the search", models.STARTER_NAME, system=text)
            for n, text in enumerate(PROMPTS)
        ]
        found = self.evaluate("search the best prompt", items, "validation questions", tried, ["facts", "tone"])
        return PROMPTS[self._best(found, tried, ["facts", "tone"])]

    def best_depth(self, items: Sequence[dict[str, Any]], system: str) -> int:
        """How many passages serve the base best on validation; the fewest of equals."""
        tried = [self.arm(f"Base, {n} passages of the search", models.STARTER_NAME, system, n) for n in DEPTHS]
        found = self.evaluate("search the best retrieval depth", items, "validation questions", tried, ["facts"])
        return DEPTHS[self._best(found, tried, ["facts"])]

    def _best(self, found: Evaluation, tried: Sequence[Candidate], metrics: Sequence[str]) -> int:
        def worth(candidate: Candidate) -> float:
            return sum(evaluations.estimate(self.store, found.id, candidate.id, m).value or 0.0 for m in metrics)

        return max(range(len(tried)), key=lambda n: (round(worth(tried[n]), 6), -n))


def run(home: Home, serve: bool) -> dict[str, Any]:
    """The whole loop; its report, also written to `demo/report.json` and `demo/report.html` of the home."""
    store = opened(home)
    home.demo.mkdir(parents=True, exist_ok=True)
    try:
        with progress.bars() as bars:
            found = _walk(Loop(store, bars))
        report.write(home.demo, found)
        return found
    finally:
        if not serve:
            for server in servers.listed(home.servers):
                servers.stop(server)
            close_all()


def _walk(loop: Loop) -> dict[str, Any]:
    """Seeds to verdict, read from top to bottom."""
    store = loop.store
    loop.load()
    tone, triage = sample.freeze(store, BY)
    tone_run = loop.train(TONE_RUN, tone.id, TONE_SETTINGS)
    triage_run = loop.train(TRIAGE_RUN, triage.id, TRIAGE_SETTINGS)

    tuning = evaluations.items_from_questions(sample.questions("validation"))
    system = loop.best_prompt(tuning)
    depth = loop.best_depth(tuning, system)

    arms = {
        "prompt": loop.arm("Base + best prompt", models.STARTER_NAME, system),
        "rag": loop.arm("Base + RAG", models.STARTER_NAME, system, depth),
        "tuned": loop.arm("Tuned", tone_run.model),
        "tuned_rag": loop.arm("Tuned + RAG", tone_run.model, "", depth),
    }
    questions = evaluations.items_from_questions(sample.questions("test"))
    four = loop.evaluate("four arms", questions, "test questions", list(arms.values()), ["facts", "tone"])

    # without a system prompt of its own it is the first arm, which keeps its name
    base = loop.arm("Base", models.STARTER_NAME) if system else arms["prompt"]
    tickets = evaluations.items_from_snapshot(store, triage.id, "test", BY, "evaluation of the demo")
    sorted_by = [base, loop.arm("Triage-tuned", triage_run.model)]
    sorting = loop.evaluate("triage before and after", tickets, "triage, test", sorted_by, ["type", "label"])

    messages = evaluations.items_from_snapshot(store, tone.id, "test", BY, "evaluation of the demo")
    writers = [base, arms["tuned"]]
    rewriting = loop.evaluate("tone before and after", messages, "tone, test", writers, ["tone", "kept"])

    return demo_report.compose(store, loop.seconds, arms, four, (sorted_by, sorting), (writers, rewriting), depth)


def show(found: dict[str, Any], home: Home, console: Console) -> None:
    """The report as a table in the terminal."""
    table = Table(title="Four arms on the test questions", caption="share of answers, 95 % interval")
    for column in ("arm", "facts right", "playful tone", "n"):
        table.add_column(column)
    for arm in found["arms"].values():
        table.add_row(arm["name"], _share(arm["facts"]), _share(arm["tone"]), str(arm["facts"]["n"]))
    console.print(table)
    for key, title in (("base", "Tickets sorted right, base"), ("tuned", "Tickets sorted right, tuned")):
        console.print(f"{title}: {_share(found['triage'][key])}, n = {found['triage'][key]['n']}")
    console.print(f"Took {found['seconds']:.0f} seconds. Report: {home.demo / 'report.html'}")


def _share(estimate: dict[str, Any]) -> str:
    if estimate["value"] is None:
        return "cannot tell"
    return f"{estimate['value']:.0%} ({estimate['low']:.0%}-{estimate['high']:.0%})"

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
from engine.scoring.stats import counted
from engine.serving import servers
from studio import progress, sample, work
from studio.building import candidates, models, runs
from studio.building.candidates import Candidate
from studio.building.runs import Run
from studio.deciding import demo_report, grids, report
from studio.deciding.grids import Grid
from studio.folders import Home
from studio.freezing import snapshots
from studio.freezing.snapshots import Snapshot
from studio.judging import evaluations, probes, sources
from studio.judging.evaluations import Evaluation
from studio.judging.orders import Measures, Order, Terms
from studio.judging.sources import Questions
from studio.judging.variants import Plan
from studio.store import Store, close_all, opened

BY = "demo"
TONE_RUN, TRIAGE_RUN = "fernwick-tone", "fernwick-triage"
TONE_SETTINGS = {"epochs": 5.0, "learning_rate": 1e-3, "evaluate_every": 60, "checkpoint_every": 60}
TRIAGE_SETTINGS = {"epochs": 3.0, "learning_rate": 2e-3, "evaluate_every": 120, "checkpoint_every": 60}
LIBRARY = sample.LIBRARY

FOUR = "four arms"
ARMS = {"prompt": "Base + best prompt", "rag": "Base + RAG", "tuned": "Tuned", "tuned_rag": "Tuned + RAG"}
SEARCH = Plan(  # what the base is given: all of this is tried on validation questions
    prompts=(
        "Answer in the playful voice of Fernwick: warm, cheeky, with a pet name and an emoji.",
        "You are Fernwick's assistant. Answer the customer's question in one short, playful sentence.",
        "Be funny and affectionate, like a friend. Start with a cheerful greeting and end with an emoji.",
    ),
    shots=(1, 3),
    depths=(1, 2, 3),
    answers=1000,
    metrics=("facts", "tone"),
)


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
        self, name: str, questions: Questions, arms: Sequence[Candidate], metrics: Sequence[str]
    ) -> Evaluation:
        """The evaluation of this name over these candidates, started, resumed or simply found."""
        chosen = [arm.id for arm in arms]
        known = next((e for e in evaluations.listed(self.store) if e.name == name and e.candidates == chosen), None)
        order = Order(questions, arms, Measures(metrics, str(sample.GUIDE)), Terms(concurrency=32), name)
        found = known or evaluations.start(self.store, order, BY)
        if found.state in (jobs.FAILED, jobs.STOPPED):
            work.resume(self.store, found, BY)
        with self.timed(name):
            progress.watch(found.job, name, self.bars)
        evaluations.catch_up(self.store)
        return evaluations.get(self.store, found.id)

    def tested(self, snapshot: Snapshot, source: str) -> Questions:
        """The test items of a snapshot, which is a look at them."""
        rows = snapshots.look(self.store, snapshot.id, "test", BY, "evaluation of the demo", "evaluation")
        return Questions(sources.from_rows(rows), source)

    def arm(self, name: str, model: str) -> Candidate:
        """A model as it is, under this name also when it had another."""
        found = candidates.add(self.store, name, model, BY)
        return candidates.rename(self.store, found.id, name, BY)

    def grid(self, model: str, snapshot: str) -> Grid:
        """The four arms of a tuned model, searched, asked, resumed or simply found."""
        store = self.store
        known = next((grid for grid in grids.listed(store) if grid.name == FOUR and grid.model == model), None)
        asked = {source.split: source for source in sources.listed(store) if not source.snapshot}
        found = known or grids.start(
            store, FOUR, model, LIBRARY, asked["test"], asked["validation"], SEARCH, BY,
            snapshot=snapshot, guide=str(sample.GUIDE), probe=probes.built_in(),
        )  # fmt: skip
        while grids.state(store, found) != grids.DONE:
            if problem := grids.hindrance(found):
                raise problem
            for waits in grids.asking(store, found):
                if waits.state in (jobs.FAILED, jobs.STOPPED):
                    work.resume(store, waits, BY)
                with self.timed(waits.name):
                    progress.watch(waits.job, waits.name, self.bars)
            evaluations.catch_up(store)
            grids.catch_up(store)
            found = grids.get(store, found.id)
        return found


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

    grid = loop.grid(str(tone_run.model), tone.id)
    assert grid.arms is not None
    named = zip(ARMS, grid.arms.ids, strict=True)
    arms = {key: candidates.rename(store, id, ARMS[key], BY) for key, id in named}

    # without a system prompt of its own it is the first arm, which keeps its name
    plain = candidates.draft(store, "Base", models.STARTER_NAME, BY)
    base = candidates.keep(store, plain, BY)
    tickets = loop.tested(triage, "triage, test")
    sorted_by = [base, loop.arm("Triage-tuned", triage_run.model)]
    sorting = loop.evaluate("triage before and after", tickets, sorted_by, ["type", "label"])

    messages = loop.tested(tone, "tone, test")
    writers = [base, arms["tuned"]]
    rewriting = loop.evaluate("tone before and after", messages, writers, ["tone", "kept"])

    return demo_report.compose(store, loop.seconds, arms, grid, (sorted_by, sorting), (writers, rewriting))


def show(found: dict[str, Any], home: Home, console: Console) -> None:
    """The report as a table in the terminal."""
    table = Table(title="Four arms on the test questions", caption="share of answers, 95 % interval")
    for column in ("arm", "facts right", "playful tone", "n"):
        table.add_column(column)
    for arm in found["arms"].values():
        table.add_row(arm["name"], _share(arm["facts"]), _share(arm["tone"]), _counted(arm["facts"]))
    console.print(table)
    for key, title in (("base", "Tickets sorted right, base"), ("tuned", "Tickets sorted right, tuned")):
        console.print(f"{title}: {_share(found['triage'][key])}, n = {_counted(found['triage'][key])}")
    console.print(f"Took {found['seconds']:.0f} seconds. Report: {home.demo / 'report.html'}")


def _counted(estimate: dict[str, Any]) -> str:
    return counted(estimate["n"], estimate.get("of", ""))


def _share(estimate: dict[str, Any]) -> str:
    if estimate["value"] is None:
        return "cannot tell"
    return f"{estimate['value']:.0%} ({estimate['low']:.0%}-{estimate['high']:.0%})"

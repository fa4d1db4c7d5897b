"""Steps: what each role could do next, read off what is there. Home shows them; nothing here decides anything."""

from dataclasses import dataclass, field

from engine import jobs
from studio.building import models, runs
from studio.data import datasets, standing
from studio.deciding import grids
from studio.freezing import snapshots
from studio.judging import evaluations
from studio.store import Store


@dataclass(frozen=True)
class Step:
    role: str
    text: str
    page: str  # of pages/, without .py
    why: str
    ids: dict[str, str] = field(default_factory=dict)  # what to look at there


PATIENT = ("workbench", "snapshots", "health")  # pages that can wait


def next_steps(store: Store) -> list[Step]:
    """At most one step a role, the one that leads furthest."""
    return [_designer(store), _engineer(store), _evaluator(store), _manager(store)]


def _designer(store: Store) -> Step:
    found = datasets.listed(store)
    if not found:
        return Step("designer", "Bring in your first examples", "bring_in", "A model learns from what you show it.")
    frozen = {snapshot.dataset for snapshot in snapshots.listed(store)}
    # the first step of each dataset, and of these the one that waits for a person rather than for a look
    urgent = [
        (step, dataset)
        for dataset in found
        for step in standing.steps(store, dataset, frozen=dataset.name in frozen)[:1]
    ]
    step, dataset = min(urgent, key=lambda pair: PATIENT.index(pair[0].page) if pair[0].page in PATIENT else -1)
    return Step("designer", f"{step.text} of {dataset.name}", step.page, step.why, {"dataset": dataset.name})


def _engineer(store: Store) -> Step:
    found = runs.listed(store)
    failed = [run for run in found if run.state == jobs.FAILED]
    if failed:
        return Step("engineer", f"See why {failed[0].name} failed", "runs", "It can go on from its last checkpoint.")
    if any(run.live for run in found):
        return Step("engineer", "Watch the run", "runs", "Loss, samples and log as they come.")
    if not found:
        ready = "A snapshot is ready." if snapshots.listed(store) else "Freeze a dataset first; it takes a second."
        return Step("engineer", "Launch the first run", "runs", ready)
    return Step("engineer", "Ask the newest model", "playground", "Side by side with its base.")


def _evaluator(store: Store) -> Step:
    row = store.row("select count(*) as n from pair")
    if row and row["n"]:
        return Step("evaluator", "Judge answers blind", "arena", "Two answers, no names, one key.")
    if evaluations.listed(store):
        return Step("evaluator", "Deal pairs to judge", "arena", "Choose two candidates of an evaluation.")
    if len(models.listed(store)) > 1:
        return Step("evaluator", "Compare candidates", "evaluations", "The same questions for every one of them.")
    return Step("evaluator", "Try the playground", "playground", "Get a feeling for the base before it is tuned.")


def _manager(store: Store) -> Step:
    done = next((grid for grid in grids.listed(store) if grids.state(store, grid) == grids.DONE), None)
    if done is not None:
        why = "Which is best, how sure that is, what it costs, and what tuning forgot."
        return Step("manager", f"Decide: {done.name}", "grid", why, {"grid": done.id})
    if evaluations.listed(store):
        return Step("manager", "Read accuracy against cost", "dashboard", "Every figure with its n and interval.")
    if datasets.names(store):
        return Step(
            "manager", "Ask for a first comparison", "evaluations", "Base, RAG and tuned on the same questions."
        )
    return Step("manager", "Load the sample project", "home", "Something to look at before your own.")

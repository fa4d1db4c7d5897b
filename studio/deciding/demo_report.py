"""The demo's report as data: every figure with its n and 95 % interval, every difference paired."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from engine.reading import retrieval
from engine.scoring import stats, verdicts
from engine.scoring.confusion import Confusion, confusion
from studio import diagnosis, prices, sample
from studio.building import runs
from studio.building.candidates import Candidate
from studio.deciding import fairness, grids
from studio.deciding.grids import Grid
from studio.judging import evaluations, figures, kin, reach, reports
from studio.judging.evaluations import Evaluation
from studio.judging.figures import Scores
from studio.reading import libraries
from studio.store import Store

METRICS = ("facts", "tone", "both")
Compared = tuple[Sequence[Candidate], Evaluation]  # before, after
CAVEATS = [
    "The model is a flight simulator of a few million parameters, trained on English that a grammar made. Its figures "
    "show how the loop works, not what a real Mistral model would reach on your data.",
    "Facts are judged by the words of the answer, tone by the markers of the style guide: neither knows whether a "
    "person would like the answer. Judge some blind in the Arena.",
    "The sample's texts were made by its authors from phrasing families; whole families are held out for the test, "
    "but real customers are more varied.",
    "The tone's training data were extended after a first look at the answers to these test questions, so the tone of "
    "the tuned arms is a little too good; settings were chosen on validation.",
    "One training seed. The intervals speak of other test items, not of other trainings.",
]


def compose(
    store: Store,
    seconds: Mapping[str, float],
    arms: Mapping[str, Candidate],
    grid: Grid,
    triage: Compared,
    rewriting: Compared,
) -> dict[str, Any]:
    """The report dictionary that studio.deciding.report writes."""
    four = evaluations.get(store, grid.evaluation)
    return {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(sum(seconds.values()), 1),
        "steps": dict(seconds),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {name: diagnosis.look(store.home)[name] for name in diagnosis.PACKAGES},
        "project": "Fernwick, the sample project",
        "arms": _arms(store, arms, four),
        "differences": _differences(store, arms, four),
        "reach": asdict(reach.had(store, four.id).visible),
        "fairness": fairness.sentences(store, grid),
        "forgetting": _forgetting(store, grid),
        "interaction": {metric: _interaction(store, arms, four, metric) for metric in METRICS},
        "triage": _triage(store, *triage),
        "rewriting": _rewriting(store, *rewriting),
        "retrieval": _retrieval(store, arms["rag"].passages),
        "runs": _runs(store),
        "examples": _examples(store, arms, four),
        "caveats": CAVEATS,
    }


def _arms(store: Store, arms: Mapping[str, Candidate], four: Evaluation) -> dict[str, Any]:
    price = prices.assume(store)
    lines = {line.candidate: line for line in reports.frontier(store, four.id, "facts")}
    found = {}
    for key, arm in arms.items():
        line = lines[arm.id]
        found[key] = {
            "name": arm.name,
            "model": arm.model,
            "system": arm.system,
            "examples": len(arm.examples) // 2,
            "nearest": arm.nearest,
            **{metric: asdict(_scores(store, four, metric).estimate(arm.id)) for metric in METRICS},
            "latency": {"median": line.seconds, "p95": line.seconds_p95, "n": line.quality.n},
            "cost_per_1000": {"value": line.cost, "unit": "euros", "source": price.source},
            "failed": line.failed,
        }
    return found


def _scores(store: Store, asked: Evaluation, metric: str) -> Scores:
    """Those by a metric, or by `both`: 1 where the facts are right in the right tone."""
    if metric != "both":
        return figures.scores(store, asked.id, metric)
    facts, tone = (figures.scores(store, asked.id, one) for one in ("facts", "tone"))
    return replace(facts, table=facts.table * tone.table)


def _differences(store: Store, arms: Mapping[str, Candidate], four: Evaluation) -> list[dict[str, Any]]:
    """What each way adds, and what the two add to each other."""
    pairs = (
        ("prompt", "rag", "facts"),
        ("prompt", "tuned", "facts"),
        ("prompt", "rag", "tone"),
        ("prompt", "tuned", "tone"),
        ("rag", "tuned_rag", "facts"),
        ("rag", "tuned_rag", "both"),
        ("tuned", "tuned_rag", "both"),
    )
    found = []
    for before, after, metric in pairs:
        change = _scores(store, four, metric).difference(arms[before].id, arms[after].id)
        what = f"{arms[after].name} instead of {arms[before].name}"
        found.append(_difference(change, what=what, before=before, after=after, metric=metric))
    return found


def _difference(change: stats.Difference, **named: str) -> dict[str, Any]:
    return {**named, **asdict(change), "verdict": verdicts.verdict(change), "words": verdicts.in_words(change)}


def _interaction(store: Store, arms: Mapping[str, Candidate], four: Evaluation, metric: str) -> dict[str, Any]:
    four_ids = [arms[key].id for key in ("prompt", "rag", "tuned", "tuned_rag")]
    return asdict(_scores(store, four, metric).interaction(four_ids))


def _forgetting(store: Store, grid: Grid) -> dict[str, Any] | None:
    found = grids.forgotten(store, grid)
    if found is None or grid.probe is None:
        return None
    return {
        "what": grid.probe.name,
        "base": asdict(found.base),
        "tuned": asdict(found.tuned),
        "difference": asdict(found.change),
        "margin": found.margin,
        "verdict": found.verdict,
        "words": found.words,
    }


def _triage(store: Store, sides: Sequence[Candidate], found: Evaluation) -> dict[str, Any]:
    before, after = sides
    types, labels = (_scores(store, found, metric) for metric in ("type", "label"))
    table = {side.id: _types(store, found, side) for side in sides}
    return {
        "base": asdict(types.estimate(before.id)),
        "tuned": asdict(types.estimate(after.id)),
        "majority": asdict(table[after.id].majority),
        "macro_f1": {"base": table[before.id].macro_f1, "tuned": table[after.id].macro_f1},
        "sub_type": {
            "base": asdict(labels.estimate(before.id)),
            "tuned": asdict(labels.estimate(after.id)),
        },
        "difference": _difference(
            types.difference(before.id, after.id), what="Tuned on tickets instead of base", metric="type"
        ),
    }


def _types(store: Store, found: Evaluation, side: Candidate) -> Confusion:
    """Which request type was taken for which; the type is the label's first level."""
    answers = reports.answers(store, found.id, "type", side.id)
    expected = [str(label).split(" / ")[0] for label in answers["expected"]]
    said = [str(text).split("/")[0].strip() for text in answers["text"]]
    return confusion(expected, said, kin.of(store, found.id)(answers["item"]))


def _rewriting(store: Store, sides: Sequence[Candidate], found: Evaluation) -> dict[str, Any]:
    before, after = sides
    tone, kept = (_scores(store, found, metric) for metric in ("tone", "kept"))
    change = tone.difference(before.id, after.id)
    return {
        "base": asdict(tone.estimate(before.id)),
        "tuned": asdict(tone.estimate(after.id)),
        "kept": {
            "base": asdict(kept.estimate(before.id)),
            "tuned": asdict(kept.estimate(after.id)),
        },
        "difference": _difference(change, what="Tuned on tone instead of base", metric="tone"),
    }


def _retrieval(store: Store, depth: int) -> dict[str, Any]:
    index = retrieval.open_index(libraries.folder(store, sample.LIBRARY))
    found = retrieval.quality(index, sample.questions("test"))
    return {**{name: asdict(estimate) for name, estimate in found.items()}, "passages": depth}


def _runs(store: Store) -> list[dict[str, Any]]:
    found = []
    for run in reversed(runs.listed(store)):
        plan, end = run.last("plan") or {}, run.last("end") or {}
        found.append(
            {
                "name": run.name,
                "examples": plan.get("examples"),
                "steps": plan.get("steps"),
                "seconds": end.get("seconds"),
                "loss": end.get("loss"),
                "validation_loss": end.get("validation_loss"),
            }
        )
    return found


def _examples(store: Store, arms: Mapping[str, Candidate], four: Evaluation, n: int = 6) -> list[dict[str, Any]]:
    """The first questions in the order of their ids, which are hashes: nobody picked them."""
    tables = {key: reports.answers(store, four.id, "facts", arm.id).set_index("item") for key, arm in arms.items()}
    tones = {key: reports.answers(store, four.id, "tone", arm.id).set_index("item") for key, arm in arms.items()}
    chosen = sorted(tables["prompt"].index)[:n]
    return [
        {
            "question": tables["prompt"].loc[item, "prompt"],
            "expected": tables["prompt"].loc[item, "expected"],
            "answers": {
                key: {
                    "text": table.loc[item, "text"],
                    "facts": float(table.loc[item, "value"]),
                    "tone": float(tones[key].loc[item, "value"]),
                }
                for key, table in tables.items()
            },
        }
        for item in chosen
    ]

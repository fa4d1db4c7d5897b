"""Commission: what the job of an evaluation is told: whom to ask what, what that costs, where earlier answers lie."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine import hashes
from engine.problems import Problem
from engine.scoring import candidates as engine
from engine.scoring import evaluate, likely
from engine.scoring.evaluate import EvaluateSpec
from engine.serving.asking.purse import Rates
from studio import prices
from studio.building import candidates, endpoints, models, parity
from studio.building.candidates import Candidate
from studio.freezing import snapshots
from studio.judging.orders import Order
from studio.store import Store

LEARNED = ("train", "validation")  # the sides of a snapshot whose labels are no secret


def spec(store: Store, order: Order) -> EvaluateSpec:
    """The settings of the job; `write` puts its items where it reads them.

    Problem when it cannot be asked as ordered, and then nothing is kept of it.
    """
    if not order.questions.items:
        what = f"{order.questions.source} holds no test item."
        raise Problem(what, do="Choose another split, or freeze a larger dataset.")
    if not order.candidates:
        raise Problem("No candidate is chosen.", do="Choose at least one.")
    for one in order.candidates:
        parity.require(store, models.get(store, one.model))
    measures, terms, items = order.measures, order.terms, order.items
    judging = judging_by(store, measures.judge)
    ranked = {*measures.metrics} & {*likely.RANKING.names}
    made = EvaluateSpec(
        candidates=[asdict(candidates.for_engine(store, one, serve=False)) for one in order.candidates],
        items=str(_file(store, items)),
        metrics=list(measures.metrics),
        guide=measures.guide,
        concurrency=terms.concurrency,
        servers=str(store.home.servers),
        repeats=terms.repeats,
        judge=asdict(judging) if judging else {},
        labels=labels(store, items, order.questions.snapshot) if ranked else [],
        stream=streamed(store, order),
        kept=str(store.home.kept) if terms.reuse else "",
        kept_days=terms.days,
        rates=rates(store, order.candidates, measures.judge),
        budget=terms.budget,
    )
    evaluate.check(made)
    return made


def streamed(store: Store, order: Order) -> bool:
    """Whether its answers come word by word: as it was said, else where only endpoints elsewhere are asked."""
    said = order.terms.stream
    return all(_elsewhere(store, one) for one in order.candidates) if said is None else said


def judging_by(store: Store, judge: str) -> engine.Candidate | None:
    """A model as a judge; None for no name."""
    if not judge:
        return None
    return candidates.for_engine(store, candidates.draft(store, judge, judge, "atelier"), serve=False)


def rates(store: Store, asked: Sequence[Candidate], judge: str = "") -> dict[str, dict[str, Any]]:
    """What the answers of each candidate cost, and the judge's, by their names in the engine: tokens, or our machine's
    time. Where nobody has said what a token costs, nobody knows."""
    drafts = [candidates.draft(store, judge, judge, "atelier")] if judge else []
    machine = Rates(hour=prices.assume(store).amount)
    found = {}
    for one in [*asked, *drafts]:
        said = endpoints.rates(store, one.model)
        found[one.id] = asdict(Rates(said.read, said.written) if _elsewhere(store, one) else machine)
    return found


def labels(store: Store, items: Sequence[Mapping[str, Any]], snapshot: str) -> list[str]:
    """Every label that an item may have: those of the items, and those that the snapshot's models could learn."""
    known = {str(item["label"]) for item in items if item.get("label")}
    for split in LEARNED if snapshot else ():
        known |= {row["messages"][-1].get("content") or "" for row in snapshots.examples(store, snapshot, split)}
    return sorted(known - {""})


def _elsewhere(store: Store, candidate: Candidate) -> bool:
    return models.get(store, candidate.model).kind == models.ENDPOINT


def write(store: Store, items: Sequence[Mapping[str, Any]]) -> None:
    """Lay the items down where the job reads them."""
    path = _file(store, items)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items))


def _file(store: Store, items: Sequence[Mapping[str, Any]]) -> Path:
    """The file of these items; the same ones are one file."""
    return store.home.evaluations / f"{hashes.content(list(map(dict, items)))}.jsonl"

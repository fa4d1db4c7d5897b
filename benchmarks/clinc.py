"""A classifier of two levels on CLINC150, from the file to the figures through the studio's own verbs.

    python -m benchmarks.clinc FOLDER [--home DIR] [--items N] [--domains N] [--intents N] [--examples N]

FOLDER holds `data_full.json` and `domains.json` of https://github.com/clinc/oos-eval (Larson et al., EMNLP 2019): 150
intents in ten domains, 100 examples each to learn from. Every weight of the starter learns to answer "domain / intent".
Beside it stand the commonest label and a linear model of words, which learn from the same rows and answer the same test
items. Utterances that belong to no intent say how far the model's own chances tell what it was never taught.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline

from benchmarks.ending import ending
from engine.data import columns
from engine.data.mapping import Mapping
from engine.scoring import resampling
from engine.scoring.labels import as_label, path
from engine.scoring.stats import Estimate, Z, share
from studio import progress, work
from studio.building import candidates, models, runs
from studio.data import datasets
from studio.folders import Home
from studio.freezing import snapshots
from studio.judging import evaluations, figures, sources
from studio.judging.orders import Measures, Order
from studio.judging.sources import Questions
from studio.store import Store, close_all, opened

BY = "benchmark"
NAME = "clinc150"
COLUMNS = Mapping({"utterance": columns.USER, "label": columns.LABEL, "split": columns.SPLIT})
# chosen on the validation split: see docs/classifier.md
SETTINGS = {
    "tuning": "full",
    "learning_rate": 1e-3,
    "epochs": 4.0,
    "batch_size": 32,
    "evaluate_every": 400,
    "checkpoint_every": 200,
    "patience": 0,
}
RANKED = ("type_top1", "type_top3", "top1", "top3")
METRICS = ("type", "label", *RANKED, "perplexity", "bits_per_byte")


@dataclass(frozen=True)
class Size:
    """How much of the data is used; 0 for all."""

    domains: int = 0
    intents: int = 0
    examples: int = 0  # of each intent in each split
    items: int = 0  # test items that are asked


def utterances(folder: Path, size: Size = Size()) -> Iterator[dict[str, str]]:
    """Rows of utterance, label ("domain / intent") and split, the intents in the file's order."""
    domains = dict(list(json.loads((folder / "domains.json").read_text()).items())[: size.domains or None])
    labels = {
        intent: f"{domain} / {intent}" for domain, all in domains.items() for intent in all[: size.intents or None]
    }
    taken: dict[tuple[str, str], int] = {}
    data = json.loads((folder / "data_full.json").read_text())
    for split in ("train", "val", "test"):
        for utterance, intent in data[split]:
            taken[split, intent] = taken.get((split, intent), 0) + 1
            if intent in labels and taken[split, intent] <= (size.examples or len(data[split])):
                yield {"utterance": utterance, "label": labels[intent].replace("_", " "), "split": split}


def strangers(folder: Path, most: int = 0) -> list[dict[str, Any]]:
    """Test items that belong to no intent."""
    asked = json.loads((folder / "data_full.json").read_text())["oos_test"]
    return [
        {"id": f"stranger-{n}", "messages": [{"role": "user", "content": text}], "tags": []}
        for n, (text, _) in enumerate(asked[: most or None])
    ]


class Walk:
    """From the file to the figures, in a store. A second walk finds what the first one left."""

    def __init__(self, store: Store, bars: Any) -> None:
        self.store, self.bars = store, bars

    def bring_in(self, folder: Path, size: Size) -> snapshots.Snapshot:
        file = self.store.home.root / f"{NAME}.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in utterances(folder, size)))
        done = datasets.bring_in(self.store, file, NAME, BY, mapping=COLUMNS)
        if done.rejected:
            raise SystemExit(f"{done.rejected} rows of {file} could not be used.")
        return snapshots.freeze(self.store, NAME, BY)

    def train(self, snapshot: snapshots.Snapshot, settings: dict[str, Any]) -> str:
        """The name of the model that it makes."""
        models.add_starter(self.store)
        known = next((run for run in runs.listed(self.store) if run.name == NAME), None)
        run = known or runs.launch(self.store, NAME, models.STARTER_NAME, snapshot.id, BY, settings)
        if run.state in ("failed", "stopped"):
            work.resume(self.store, run, BY)
        progress.watch(run.job, "train", self.bars)
        runs.catch_up(self.store)
        return runs.get(self.store, run.id).model

    def ask(self, what: str, model: str, items: Sequence[dict[str, Any]], snapshot: str, metrics: Sequence[str]) -> str:
        """The evaluation of `model` on these items."""
        one = candidates.add(self.store, model, model, BY, passages=0)
        known = next((e for e in evaluations.listed(self.store) if e.name == what), None)
        order = Order(Questions(items, what, snapshot, "test"), [one], Measures(metrics), name=what)
        found = known or evaluations.start(self.store, order, BY)
        if found.state in ("failed", "stopped"):
            work.resume(self.store, found, BY)
        progress.watch(found.job, what, self.bars)
        evaluations.catch_up(self.store)
        return found.id

    def details(self, evaluation: str, metric: str) -> list[dict[str, Any]]:
        """What each answer's score is made of, also where it has no value."""
        rows = self.store.rows(
            "select s.detail from score s join response r on r.id = s.response where r.evaluation = ? and s.metric = ?",
            [evaluation, metric],
        )
        return [json.loads(row["detail"]) for row in rows if row["detail"]]


def walk(folder: Path, home: Home, size: Size = Size(), settings: dict[str, Any] = SETTINGS) -> dict[str, Any]:
    """The figures by name: of the model, of the linear one, of the commonest label."""
    store = opened(home)
    try:
        with progress.bars() as bars, ending(home.servers):
            way = Walk(store, bars)
            snapshot = way.bring_in(folder, size)
            model = way.train(snapshot, settings)
            rows = snapshots.look(store, snapshot.id, "test", BY, "benchmark", "evaluation")
            items = sources.from_rows(rows)[: size.items or None]
            asked = way.ask(f"{len(items)} in scope", model, items, snapshot.id, METRICS)
            others = strangers(folder, size.items)
            odd = way.ask(f"{len(others)} out of scope", model, others, snapshot.id, ["top1"])
        rows = snapshots.examples(store, snapshot.id, "train")
        learned = [(row["messages"][0]["content"], row["messages"][1]["content"]) for row in rows]
        return {
            "starter": scored(store, way, asked) | _out_of_scope(way, asked, odd),
            "linear": linear(learned, items, [item["messages"][0]["content"] for item in others]),
            "commonest": commonest(learned, items),
        }
    finally:
        close_all()


def scored(store: Store, way: Walk, asked: str) -> dict[str, Any]:
    """The model's figures in scope."""
    found: dict[str, Any] = {}
    for metric in METRICS:
        scores = figures.scores(store, asked, metric)
        if metric in RANKED or metric in ("type", "label"):
            found[metric] = scores.estimate(scores.table.columns[0])
        for made in figures.figures(store, asked, metric).values():
            found |= {f"{metric}: {one.name}": one.estimate() for one in made}
    return found | calibrated([(one["best"][0][1], float(one["place"] == 1)) for one in way.details(asked, "top1")])


def calibrated(pairs: Sequence[tuple[float, float]], bins: int = 10) -> dict[str, Any]:
    """Expected calibration error (Guo et al. 2017): how far chances are from the share that was right, in points."""
    chances, right = np.array(pairs).T
    groups = np.minimum((chances * bins).astype(int), bins - 1)
    gaps = [abs(right[groups == g].mean() - chances[groups == g].mean()) * (groups == g).mean() for g in set(groups)]
    return {"mean chance": resampling.mean(chances.tolist()), "calibration error": float(sum(gaps))}


def linear(learned: Sequence[tuple[str, str]], items: Sequence[dict[str, Any]], odd: Sequence[str]) -> dict[str, Any]:
    """A logistic regression on words (tf-idf), held to the same items; a level is the sum of its labels."""
    made = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10, max_iter=300))
    made.fit([text for text, _ in learned], [as_label(label) for _, label in learned])
    chances = made.predict_proba([item["messages"][-1]["content"] for item in items])
    labels = list(made.classes_)
    types = sorted({path(label)[0] for label in labels})
    above = np.stack([chances[:, [path(label)[0] == one for label in labels]].sum(1) for one in types], 1)
    wanted = [as_label(item["label"]) for item in items]
    found: dict[str, Any] = {}
    for name, known, table, right in (
        ("type_top", types, above, [path(label)[0] for label in wanted]),
        ("top", labels, chances, wanted),
    ):
        order = np.argsort(-table, axis=1)
        at = [[known[n] for n in row].index(label) for row, label in zip(order, right, strict=True)]
        found |= {f"{name}{n}": share(sum(one < n for one in at), len(at)) for n in (1, 3)}
    best = chances.max(1)
    right = [float(labels[n] == label) for n, label in zip(chances.argmax(1), wanted, strict=True)]
    found |= calibrated(list(zip(best.tolist(), right, strict=True)))
    return found | {"out of scope": apart(best.tolist(), made.predict_proba(odd).max(1).tolist())}


def commonest(learned: Sequence[tuple[str, str]], items: Sequence[dict[str, Any]]) -> dict[str, Estimate]:
    """Always the commonest label, or the three commonest ones."""
    found: dict[str, Estimate] = {}
    for name, level in (("type_top", 0), ("top", -1)):
        seen = [path(label)[level] for _, label in learned]
        order = sorted(set(seen), key=lambda label: (-seen.count(label), label))
        wanted = [path(item["label"])[level] for item in items]
        found |= {f"{name}{n}": share(sum(one in order[:n] for one in wanted), len(wanted)) for n in (1, 3)}
    return found


def _out_of_scope(way: Walk, asked: str, odd: str) -> dict[str, Any]:
    inside, outside = ([one["best"][0][1] for one in way.details(which, "top1")] for which in (asked, odd))
    return {"out of scope": apart(inside, outside)}


def apart(inside: Sequence[float], outside: Sequence[float]) -> Estimate:
    """How often the likeliest label of an item in scope is likelier than that of one out of scope: the area under the
    ROC curve, with the interval of Hanley and McNeil (Radiology 1982)."""
    a, b = len(inside), len(outside)
    value = float(roc_auc_score([1] * a + [0] * b, [*inside, *outside]))
    one, two = value / (2 - value), 2 * value**2 / (1 + value)
    error = sqrt((value * (1 - value) + (a - 1) * (one - value**2) + (b - 1) * (two - value**2)) / (a * b))
    return Estimate(value, max(0.0, value - Z * error), min(1.0, value + Z * error), a + b)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("folder", type=Path)
    asked.add_argument("--home", type=Path, default=Path("clinc150-home"))
    for name in ("domains", "intents", "examples", "items"):
        asked.add_argument(f"--{name}", type=int, default=0, help="0 for all")
    given = asked.parse_args()
    size = Size(given.domains, given.intents, given.examples, given.items)
    for who, found in walk(given.folder, Home(given.home), size).items():
        for name, value in found.items():
            print(f"{who:10} {name:38} {_shown(name, value)}")


def _shown(name: str, value: Estimate | float) -> str:
    if isinstance(value, float):
        return f"{value * 100:.1f} points"
    if name.startswith(("perplexity", "bits")):
        return value.plain(3)
    hundred = Estimate(*(None if one is None else 100 * one for one in (value.value, value.low, value.high)), value.n)
    return hundred.plain(1)


if __name__ == "__main__":
    main()

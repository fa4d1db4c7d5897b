"""What learning with the right passage anywhere among wrong ones, or missing, does for the starter.

    python -m benchmarks.grounded [--arm base|alone|lessons] [--split test] [--to FILE] [--epochs 4] [--rate 0.001]

Learned from: the facts in the sample project's answers, each once, as the passage says them, and for the test also the
sample's validation questions with their documents. `lessons` makes lessons of them (`engine.reading.lessons`); `alone`
gives each question its right passage and nothing else, to tell what the wrong passages do; `base` learns nothing.
Asked: the sample's questions on other documents, each with its passage at each place among those that the search finds,
and once without it. Without --arm all three run; with --to their answers are kept, so that each can run by itself.
One training seed, one core. Several questions stand on one document, which the intervals heed
(`engine.scoring.clustered`).
"""

import argparse
import json
import re
import resource
import tempfile
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from benchmarks.starter import Answerer
from engine import jsonl, specs
from engine.reading import lessons, retrieval
from engine.reading.chunks import Chunk, of_markdown
from engine.reading.grounding import grounded, parted
from engine.reading.lessons import Asked, Lessons, Order
from engine.scoring import clustered, metrics
from engine.scoring.clustered import Clusters
from engine.scoring.stats import Difference, Estimate
from engine.scoring.wording import stands
from engine.training import train
from engine.training.settings import TrainSpec

ROOT = Path(__file__).parent.parent
STARTER, SAMPLE = ROOT / "starter", ROOT / "sample"
ARMS = {"base": "the starter", "alone": "tuned on the right passage alone", "lessons": "tuned on lessons"}
Right = dict[str, list[float]]  # what was looked at -> 1, 0, or the mean of its places, question by question


def main(arms: list[str], split: str, to: Path | None, epochs: float, rate: float, order: Order) -> None:
    kept: dict[str, Any] = json.loads(to.read_text()) if to and to.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        asked = questions(place, split, order.k)
        documents = Clusters(tuple(row["document"] for row, _ in asked), "documents")
        for arm in arms:
            answer, made = Answerer(str(STARTER)), {}
            if arm != "base":
                rows, made = learned_from(place, split, order, arm)
                began = _cpu()
                adapter = tuned(place / arm, rows, epochs, rate)
                made |= {"examples": len(rows), "seconds of a core": round(_cpu() - began)}
                answer.model = _with(adapter)
            kept[arm] = {"made": made, "right": answered(answer, asked, order.k)}
            if to:
                to.write_text(json.dumps(kept) + "\n")
    tell({arm: kept[arm] for arm in ARMS if arm in kept}, documents)


def learned_from(place: Path, split: str, order: Order, arm: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The training rows of an arm, and how they came about."""
    facts = _facts()
    texts = [Chunk(name, "", passage, at) for at, (_, passage, name) in enumerate(facts)]
    said = [_asked(f"fact-{at}", *fact) for at, fact in enumerate(facts)]
    made = [_lessons(place / "facts", texts, said, order)]
    if split == "test":
        rows = jsonl.read(SAMPLE / "questions/validation.jsonl")
        said = [
            _asked(f"question-{at}", row["question"], row["passage"], row["document"]) for at, row in enumerate(rows)
        ]
        made.append(_lessons(place / "validation", _documents(), said, order))
    every = [lesson for each in made for lesson in each.made]
    if arm == "alone":
        present = [lesson for lesson in every if lesson.place]
        rows = [
            {"role": "user", "content": grounded(parted(one.messages[0]["content"])[0], [one.right.text])}
            for one in present
        ]
        return [{"messages": [row, one.messages[1]]} for row, one in zip(rows, present, strict=True)], {}
    places = {str(n): sum(one.place == n for one in every) for n in range(order.k + 1)}
    told = {"right passage at": places, "left out": sum(len(each.left) for each in made)}
    return [{"messages": one.messages} for one in every], told


def questions(place: Path, split: str, k: int) -> list[tuple[dict[str, Any], list[str]]]:
    """The sample's questions, each with the wrong passages that the search finds for it."""
    index = retrieval.build(place / "documents", _documents())
    asked = []
    for row in jsonl.read(SAMPLE / f"questions/{split}.jsonl"):
        right = (row["passage"], row["answer"], *row["accept"])
        hits = index.search(row["question"], k + lessons.DEEPER)
        wrong = [hit.text for hit in hits if not any(stands(one, hit.text) for one in right)]
        if len(wrong) >= k:
            asked.append((row, wrong[:k]))
    return asked


def answered(answer: Answerer, asked: list[tuple[dict[str, Any], list[str]]], k: int) -> Right:
    """Of each question: right with the passage at a place, refused there, and said to be unknown without it."""
    found: Right = {}
    for place in range(1, k + 1):
        shown = [[*wrong[: place - 1], row["passage"], *wrong[place - 1 : k - 1]] for row, wrong in asked]
        texts = answer([grounded(row["question"], some) for (row, _), some in zip(asked, shown, strict=True)])
        for what, metric in (("right", "facts"), ("refused", "not_found")):
            found[f"{what}, passage at {place}"] = [_is(metric, text, row) for text, (row, _) in _zip(texts, asked)]
    texts = answer([grounded(row["question"], wrong) for row, wrong in asked])
    found["said to be unknown, passage missing"] = [
        _is("not_found", text, row) for text, (row, _) in _zip(texts, asked)
    ]
    for what in ("right", "refused"):
        each = [found[f"{what}, passage at {place}"] for place in range(1, k + 1)]
        found[f"{what}, any place"] = [sum(some) / k for some in zip(*each, strict=True)]
    return found


def tuned(folder: Path, rows: list[dict[str, Any]], epochs: float, rate: float) -> Path:
    folder.mkdir()
    data = folder / "train.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    spec = TrainSpec(str(STARTER), str(data), epochs=epochs, learning_rate=rate, checkpoint_every=10_000)
    specs.write(folder, spec)
    return Path(train.run(folder)["adapter"])


def tell(kept: dict[str, Any], documents: Clusters) -> None:
    for arm, told in kept.items():
        print(f"{ARMS[arm]}: {told['made'] or 'as it is shipped'}")
    for what in next(iter(kept.values()))["right"]:
        print(what)
        for arm, told in kept.items():
            print(f"  {ARMS[arm]:34} {figure(told['right'][what], documents)}")
    arms = list(kept)
    for before, after in [(one, other) for at, one in enumerate(arms) for other in arms[at + 1 :]]:
        print(f"{ARMS[after]} against {ARMS[before]}")
        for what, values in kept[before]["right"].items():
            print(f"  {what:36} {paired(values, kept[after]['right'][what], documents)}")


def figure(values: list[float], documents: Clusters) -> Estimate:
    return clustered.share(values, documents) if set(values) <= {0, 1} else clustered.mean(values, documents, 0.0, 1.0)


def paired(before: list[float], after: list[float], documents: Clusters) -> Difference:
    """Each question against itself."""
    of_shares = set(before) | set(after) <= {0, 1}
    return (clustered.difference if of_shares else clustered.paired_mean)(before, after, documents)


def _facts() -> list[tuple[str, str, str]]:
    """Question, passage and product of each fact in the sample's answers; of several that differ only in their figures
    the first, so that no library contradicts itself."""
    found: dict[tuple[str, ...], tuple[str, str, str]] = {}
    for row in jsonl.read(SAMPLE / "answers/train.jsonl"):
        question, passages = parted(row["messages"][0]["content"])
        if passages:
            names = sorted({name for name in re.findall(r"\b[A-Z][a-z]+\b", passages[0]) if name in question})
            found.setdefault((row["group"], *names), (question, passages[0], " ".join(names)))
    return list(found.values())


def _documents() -> list[Chunk]:
    paths = sorted((SAMPLE / "documents").glob("*.md"))
    return [chunk for path in paths for chunk in of_markdown(path.name, path.read_text(encoding="utf-8"))]


def _lessons(folder: Path, texts: list[Chunk], asked: list[Asked], order: Order) -> Lessons:
    return lessons.make(asked, retrieval.build(folder, texts).search, order)


def _asked(id: str, question: str, passage: str, document: str) -> Asked:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": passage}]
    return Asked(id, turns, document, passage)


def _with(adapter: Path) -> Any:
    base = AutoModelForCausalLM.from_pretrained(str(STARTER), dtype=torch.bfloat16)
    return PeftModel.from_pretrained(base, str(adapter)).merge_and_unload().eval()


def _zip(texts: list[str], asked: list[tuple[dict[str, Any], list[str]]]) -> Any:
    return zip(texts, asked, strict=True)


def _is(metric: str, text: str, row: dict[str, Any]) -> int:
    return int(metrics.score(metric, text, row).value == 1)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arm", choices=list(ARMS))
    parser.add_argument("--split", default="test", choices=("validation", "test"))
    parser.add_argument("--to", type=Path)
    parser.add_argument("--epochs", type=float, default=4.0)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--absent", type=float, default=0.2)
    given = parser.parse_args()
    torch.set_num_threads(1)
    wanted = [given.arm] if given.arm else list(ARMS)
    main(wanted, given.split, given.to, given.epochs, given.rate, Order(absent=given.absent))

"""What the starter can do: questions on facts that nobody has seen, with and without the passage that holds them.

    python -m benchmarks.starter [MODEL] [N]

The facts are drawn from the grammar with a seed that pretraining does not use: names and values are new, wordings are
not. The sample project's validation questions are worded by others and were never trained on.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.pretraining.corpus import facts
from engine.pretraining.corpus.facts import Fact
from engine.reading import retrieval
from engine.reading.chunks import of_markdown
from engine.reading.grounding import grounded
from engine.scoring import metrics
from engine.scoring.stats import share

ROOT = Path(__file__).parent.parent
SEED = 987_654
Item = tuple[str, dict[str, Any]]  # the user message, and what counts as right


def main(model: str, n: int) -> None:
    answer = Answerer(model)
    for rivals in (False, True):
        what = "several things, one attribute" if rivals else "one thing, several attributes"
        for passages, shuffled in ((1, False), (2, False), (3, False), (3, True)):
            if passages == 1 and rivals:
                continue
            order = "in any place" if shuffled else "first"
            items = list(invented(Random(SEED), n, passages, rivals, shuffled))
            tell(f"grammar: {what}; {passages} passages, the right one {order}", answer, items)
    questions = [json.loads(line) for line in (ROOT / "sample/questions/validation.jsonl").open(encoding="utf-8")]
    tell("sample validation: no passage", answer, [(str(one["question"]), one) for one in questions])
    tell(
        "sample validation: the right passage alone",
        answer,
        [(ask(one, [str(one["passage"])]), one) for one in questions],
    )
    for depth in (1, 2, 3):
        tell(f"sample validation: the best {depth} of retrieval", answer, list(retrieved(questions, depth)))


def tell(name: str, answer: "Answerer", items: list[Item]) -> None:
    texts = answer([message for message, _ in items])
    right = sum(metrics.score("facts", text, item).value == 1 for text, (_, item) in zip(texts, items, strict=True))
    print(f"{name:80} {share(right, len(items))}")


class Answerer:
    """Greedy answers of one model, in batches of 20."""

    def __init__(self, model: str) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(model)
        self.model = AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16).eval()

    @torch.no_grad()
    def __call__(self, messages: list[str]) -> list[str]:
        found: list[str] = []
        for at in range(0, len(messages), 20):
            talks = [[{"role": "user", "content": message}] for message in messages[at : at + 20]]
            read: Any = self.tokenizer.apply_chat_template(talks, return_tensors="pt", padding=True, return_dict=True)
            made = self.model.generate(
                input_ids=read["input_ids"], attention_mask=read["attention_mask"], max_new_tokens=60, do_sample=False
            )
            found += self.tokenizer.batch_decode(made[:, read["input_ids"].shape[1] :], skip_special_tokens=True)
        return found


def ask(question: dict[str, Any], passages: list[str]) -> str:
    return grounded(str(question["question"]), passages)


def invented(random: Random, n: int, passages: int, rivals: bool, shuffled: bool) -> Iterator[Item]:
    """Questions on `passages` facts: of other things with the same attribute, or of the same thing."""
    for _ in range(n):
        about = facts.entity(random)
        told = facts.facts_of(random, about, 1 if rivals else passages)
        while len(told) < passages:
            other = facts.entity(random)
            if other.kind == about.kind and other.name not in {one.entity.name for one in told}:
                value = facts.fact(random, told[0].attribute, other).slots["v"]
                told.append(Fact(told[0].attribute, other, {**told[0].slots, "v": value}))
        sentences = [one.told(random) for one in told]
        question, value = told[0].asked(random), told[0].slots["v"]
        if shuffled:
            random.shuffle(sentences)
        yield grounded(question, sentences), {"question": question, "answer": value, "accept": [value]}


def retrieved(questions: list[dict[str, Any]], depth: int) -> Iterator[Item]:
    """The questions with what retrieval finds in the sample's documents."""
    documents = sorted((ROOT / "sample/documents").glob("*.md"))
    found = [chunk for path in documents for chunk in of_markdown(path.name, path.read_text(encoding="utf-8"))]
    with tempfile.TemporaryDirectory() as folder:
        index = retrieval.build(Path(folder) / "index", found)
        for one in questions:
            yield ask(one, [hit.text for hit in index.search(str(one["question"]), depth)]), one


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "starter"), int(sys.argv[2]) if len(sys.argv) > 2 else 100)

"""What is learned, to the last digit: the starter learns from what is marked, and from each token alike."""

import math
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from peft import PeftModel
from transformers import AutoModelForCausalLM

from engine import specs
from engine.problems import Problem
from engine.training import loading, objective, progress, sampling, train
from engine.training.bases import template
from engine.training.forecast.plan import plan
from engine.training.material import batches, course, documents
from engine.training.material.batches import Row
from engine.training.progress import Look
from engine.training.settings import TrainSpec
from studio.folders import CODE
from tests import tiny
from tests.test_train import told

pytestmark = pytest.mark.slow
STARTER = CODE / "starter"
ROWS = [
    tiny.conversation(f"Where is my order number {n}?", "Good news! It left our workshop. " * (1 + n % 4))
    for n in range(24)
]


@pytest.fixture(autouse=True)
def exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    """In 16 bits the order in which numbers are added shows; what is compared here differs in nothing else."""
    monkeypatch.setenv("ATELIER_PRECISION", "float32")


@pytest.fixture
def spec(tmp_path: Path) -> TrainSpec:
    return TrainSpec(
        base=str(STARTER),
        train=str(tiny.jsonl(tmp_path / "train.jsonl", ROWS)),
        epochs=1,
        rank=4,
        learning_rate=1e-3,
    )


def ran(folder: Path, spec: TrainSpec) -> dict[str, Any]:
    folder.mkdir()
    specs.write(folder, spec)
    return train.run(folder)


def losses(folder: Path) -> list[float]:
    return [event["loss"] for event in told(folder, "step")]


def test_one_times_eight_equals_eight_times_one(spec: TrainSpec, tmp_path: Path) -> None:
    """Rows of different length, so a mean of the batches' means would differ: each trained token counts the same."""
    ran(tmp_path / "wide", replace(spec, batch_size=8, accumulation=1))
    ran(tmp_path / "deep", replace(spec, batch_size=1, accumulation=8))
    assert losses(tmp_path / "deep") == pytest.approx(losses(tmp_path / "wide"), abs=1e-4)


def turns(*weights: int) -> dict[str, Any]:
    """A conversation with one answer for each weight."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": "You help."}]
    for n, weight in enumerate(weights):
        messages += [
            {"role": "user", "content": f"And number {n}?"},
            {"role": "assistant", "content": f"It is on its way {n}.", "weight": weight},
        ]
    return {"messages": messages}


def test_a_token_that_is_not_learned_has_no_gradient(spec: TrainSpec) -> None:
    """Neither what the user says, nor an answer of weight 0: only the predictions of learned tokens are pulled at."""
    words = template.load(spec.base)
    row = batches.row(turns(0, 1), words, 512)
    model = loading.load(spec)[1].get_base_model()
    tokens = torch.tensor([row.tokens])
    hidden: list[torch.Tensor] = []

    def watch(_: Any, __: Any, out: torch.Tensor) -> None:
        out.retain_grad()
        hidden.append(out)

    model.get_output_embeddings().register_forward_hook(watch)
    objective.loss(model, [row]).backward()
    assert hidden[0].shape[0] == row.n_trained, "the output layer is applied to the learned tokens alone"
    whole = model(input_ids=tokens).logits[0]
    whole.retain_grad()
    learned = torch.tensor(row.trained, dtype=torch.bool)[1:]
    F.cross_entropy(whole[:-1][learned], tokens[0, 1:][learned], reduction="sum").backward()
    assert whole.grad is not None
    pulled = whole.grad.abs().sum(-1)
    assert (pulled[:-1][learned] > 0).all() and not pulled[:-1][~learned].any() and not pulled[-1]
    torch.testing.assert_close(hidden[0].grad, whole.grad[:-1][learned])


def test_the_weight_of_a_message_and_who_speaks_say_what_is_learned(spec: TrainSpec) -> None:
    words = template.load(spec.base)
    row = batches.row(turns(1, 0, 1), words, 512)
    shown = batches.words(row, words)
    learned = "".join(text for text, trained in zip(shown["tokens"], shown["trained"], strict=True) if trained)
    assert learned.split("</s>") == [" It is on its way 0.", " It is on its way 2.", ""]


def test_a_change_of_what_is_only_read_as_padding_changes_nothing(spec: TrainSpec) -> None:
    """A row's loss and gradient are its own, whatever longer row stands beside it in the batch."""
    words = template.load(spec.base)
    short, long = (batches.row(row, words, 512) for row in (ROWS[0], ROWS[3]))
    assert len(short.tokens) < len(long.tokens)
    alone, beside = gradient(spec, [short]), gradient(spec, [short, replace(long, trained=[0] * len(long.trained))])
    for name, grad in alone.items():
        torch.testing.assert_close(beside[name], grad, atol=1e-4, rtol=1e-3)


def gradient(spec: TrainSpec, rows: list[Row]) -> dict[str, torch.Tensor]:
    model = loading.load(spec)[1]
    objective.loss(model.get_base_model(), rows).backward()
    return {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}


def test_the_adapter_answers_in_plain_peft_as_it_did_in_training(spec: TrainSpec, tmp_path: Path) -> None:
    spec = replace(
        spec, epochs=4, validation=str(tiny.jsonl(tmp_path / "validation.jsonl", ROWS[:4])), learning_rate=5e-3
    )
    result = ran(tmp_path / "run", spec)
    told_last = told(tmp_path / "run", "sample")[-1]
    model = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(STARTER, dtype=torch.float32), result["adapter"]
    ).eval()
    words = template.load(spec.base)
    rows = [batches.row(row, words, 512) for row in ROWS[:2]]
    assert result["best_step"] == result["steps"], "the last sample was given by the weights that are kept"
    assert sampling.answers(model, words, rows)[-1]["answer"] == told_last["answer"]


def test_steps_are_counted_in_place_of_epochs(spec: TrainSpec, tmp_path: Path) -> None:
    spec = replace(spec, batch_size=8, steps=8)
    expected = plan(spec)
    assert expected.steps == 8 and expected.epochs == pytest.approx(8 / 3, abs=1e-3)
    rows = batches.read(Path(spec.train), template.load(spec.base), 512).accepted()
    whole = course.steps(rows, spec)
    assert whole == course.steps(rows, replace(spec, steps=0, epochs=3))[:8], "the same order as by epochs"
    assert ran(tmp_path / "run", spec)["steps"] == 8
    assert told(tmp_path / "run", "step")[-1]["epoch"] == pytest.approx(8 / 3, abs=1e-3)


def test_a_step_tells_the_memory_that_is_held(spec: TrainSpec, tmp_path: Path) -> None:
    ran(tmp_path / "run", replace(spec, steps=2))
    held = [event["memory"] for event in told(tmp_path / "run", "step")]
    assert 50_000_000 < held[0] <= held[1]


TEXTS = ["The copper kettle holds two litres. " * n for n in (1, 3, 40)]


def test_documents_become_rows_in_which_every_token_is_learned_once() -> None:
    words = template.load(str(STARTER))
    for text in TEXTS:
        rows = documents.rows(text, words, 32)
        whole = [*words.tokenizer.encode(text).ids, words.end_token]
        assert all(len(row.tokens) <= 32 for row in rows)
        assert [rows[0].tokens[0], *(token for row in rows for token in row.tokens[1:])] == whole
        assert sum(row.n_trained for row in rows) == len(whole) - 1, "but the first, before which nothing stands"
        assert all(one.tokens[-1] == two.tokens[0] for one, two in pairwise(rows))


def test_continued_pretraining_knows_its_documents_better_afterwards(spec: TrainSpec, tmp_path: Path) -> None:
    spec = replace(
        spec,
        method="cpt",
        train=str(tiny.jsonl(tmp_path / "texts.jsonl", [{"text": text} for text in TEXTS])),
        validation=str(tiny.jsonl(tmp_path / "more.jsonl", [{"text": TEXTS[1]}])),
        max_tokens=64,
        batch_size=4,
        steps=12,
        learning_rate=5e-3,
    )
    expected = plan(spec)
    result = ran(tmp_path / "run", spec)
    before = told(tmp_path / "run", "validation")[0]["loss"]
    assert result["validation_loss"] < before / 2
    assert expected.ready and expected.tokens == told(tmp_path / "run", "plan")[0]["tokens"]
    assert told(tmp_path / "run", "sample")[0]["prompt"].startswith("The copper kettle")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ({"words": "x"}, 'line 1: It has no "text"'),
        ({"text": " "}, 'line 1: It has no "text"'),
        ({"text": "one </s> two"}, "line 1: Its text contains </s>"),
    ],
)
def test_a_document_that_cannot_be_learned_from_is_refused_with_its_line(tmp_path: Path, line: Any, why: str) -> None:
    path = tiny.jsonl(tmp_path / "texts.jsonl", [line])
    with pytest.raises(Problem, match=why):
        documents.read(path, template.load(str(STARTER)), 64).accepted()


def test_a_base_without_a_chat_template_reads_documents(base: Path, spec: TrainSpec, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(base, bare)
    (bare / "chat_template.jinja").unlink()
    spec = replace(spec, base=str(bare), method="cpt", steps=2, max_tokens=64)
    spec = replace(spec, train=str(tiny.jsonl(tmp_path / "texts.jsonl", [{"text": TEXTS[1]}])))
    assert ran(tmp_path / "run", spec)["steps"] == 2


def test_a_loss_that_jumps_and_stays_is_divergence_and_one_odd_batch_is_not() -> None:
    calm = [2.0 + 0.1 * math.sin(n) for n in range(30)]
    assert progress.diverges([*calm, 3.0, 3.5, 4.0])
    assert not progress.diverges([*calm, 3.0, 2.0, 4.0])
    assert not progress.diverges([*calm, 2.2, 2.3, 2.2])
    assert not progress.diverges([5.0, 4.0, 3.0, 2.0, 1.5, 1.0])
    assert progress.diverges([2.0, 2.1, 2.0, 6.0, 8.0, 9.0]), "also when it comes apart at once"


def test_a_gradient_that_stays_long_is_an_explosion() -> None:
    assert progress.explodes([*[1.0] * 10, 25.0, 30.0, 90.0])
    assert not progress.explodes([*[1.0] * 10, 25.0, 3.0, 90.0])


def test_what_is_known_word_for_word_is_told() -> None:
    assert progress.by_heart([Look(0, None, 2.0), Look(5, 0.01, 1.2)])
    assert not progress.by_heart([Look(0, None, 2.0), Look(5, 0.01, 0.1)]), "it knows what it never saw as well"
    assert not progress.by_heart([Look(0, None, 2.0)])
    assert progress.all_by_heart([0.01] * 10) and not progress.all_by_heart([0.01] * 9)


def few(spec: TrainSpec) -> TrainSpec:
    """Eight short examples, seen at every step."""
    rows = [tiny.conversation(f"Where is order {n}?", "It left.") for n in range(8)]
    return replace(spec, batch_size=8, train=str(tiny.jsonl(Path(spec.train).with_name("few.jsonl"), rows)))


def test_a_run_that_comes_apart_says_so_once_while_it_runs(spec: TrainSpec, tmp_path: Path) -> None:
    ran(tmp_path / "run", replace(few(spec), learning_rate=0.1, warmup=1.0, steps=30))
    why = [event["why"] for event in told(tmp_path / "run", "warning")]
    assert why.count(progress.DIVERGES) == 1


def test_a_run_that_learns_by_heart_without_validation_is_warned(spec: TrainSpec, tmp_path: Path) -> None:
    ran(tmp_path / "run", replace(few(spec), learning_rate=1e-2, steps=30))
    assert [event["why"] for event in told(tmp_path / "run", "warning")] == [progress.ALL_BY_HEART]


def test_patience_is_looks_without_a_better_validation_loss() -> None:
    waiting = progress.Progress(looks=[Look(n, None, loss) for n, loss in enumerate([3.0, 2.0, 2.5, 2.1])])
    spec = TrainSpec(base="", train="", patience=2)
    assert waiting.waited == 2 and waiting.spent(spec)
    assert not waiting.spent(replace(spec, patience=3)) and not waiting.spent(replace(spec, patience=0))

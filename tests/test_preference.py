"""Learning which of two answers is better: what is refused, what is learned, and that nothing is lost on the way."""

import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from engine import events, jobs, specs
from engine.jobs import Job
from engine.problems import Problem
from engine.training import train
from engine.training.bases import template
from engine.training.bases.template import Template
from engine.training.material import pairs
from engine.training.methods import preference
from engine.training.settings import DPO, FULL, KTO, ORPO, TrainSpec
from studio.folders import CODE
from tests import tiny
from tests.patience import until

STARTER = CODE / "starter"
TONE = CODE / "sample" / "tone"


def pair(question: str, better: str, worse: str, **more: Any) -> dict[str, Any]:
    return {**tiny.conversation(question, better), "rejected": [{"role": "assistant", "content": worse}], **more}


PAIRS = [pair(f"Where is order {n}?", "Good news: tomorrow!", "I do not know." * (1 + n % 3)) for n in range(24)]


@pytest.fixture(scope="module")
def words(base: Path) -> Template:
    return template.load(str(base))


@pytest.fixture
def spec(base: Path, tmp_path: Path) -> TrainSpec:
    return TrainSpec(
        base=str(base),
        train=str(tiny.jsonl(tmp_path / "train.jsonl", PAIRS)),
        validation=str(tiny.jsonl(tmp_path / "validation.jsonl", PAIRS[:5])),
        method=DPO,
        steps=8,
        batch_size=4,
        evaluate_every=4,
        checkpoint_every=3,
        learning_rate=1e-2,
    )


def ran(folder: Path, spec: TrainSpec) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    specs.write(folder, spec)
    return train.run(folder)


def told(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [event for event in events.read(folder)[0] if event["kind"] == kind]


def weights(result: dict[str, Any]) -> dict[str, torch.Tensor]:
    return load_file(Path(result["adapter"]) / "adapter_model.safetensors")


def assert_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, weight in one.items():
        torch.testing.assert_close(weight, other[name], atol=1e-3, rtol=0)


def learned(row: pairs.Row, words: Template) -> str:
    return words.tokenizer.decode([t for t, is_it in zip(row.tokens, row.trained, strict=True) if is_it])


def test_only_the_last_answers_are_learned_from_of_many_turns(words: Template, tmp_path: Path) -> None:
    turns = [*tiny.conversation("Is it here?", "Not yet.")["messages"], *PAIRS[0]["messages"]]
    file = tiny.jsonl(tmp_path / "pairs.jsonl", [{**PAIRS[0], "messages": turns}])
    data = pairs.read_pairs(file, words, 512)
    (better,), (worse,) = data.accepted(), data.worse
    assert learned(better, words) == "Good news: tomorrow!" and learned(worse, words) == "I do not know."
    assert pairs.prompt(better) == pairs.prompt(worse) and "Not yet." in words.tokenizer.decode(better.tokens)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (tiny.conversation("Hello?", "Hello."), 'It has no "rejected"'),
        (pair("Hello?", "Hello.", "Hello."), "Both answers are the same"),
        (pair("Hello?", "Hello.", ""), "Its worse answer cannot be used: It has an empty assistant message"),
        (pair("Hello?", "Hello.", "Good. " * 300), r"Its worse answer cannot be used: It has \d+ tokens"),
        (pair("Hello?", "Good. " * 300, "Hello."), r"It has \d+ tokens, and at most 128"),
        (pair("Hello?", "Hello.", "Bye.", rejected="Bye."), 'It has no "rejected", the worse answer as a list'),
        (pair("Hello?", "Hello.", "Bye.", rejected=[{"role": "user", "content": "Bye."}]), "does not begin and end"),
        (pair("Hello?", "Hello.", "</s>Bye."), "steers itself"),
        ({"messages": [{"role": "user", "content": "Hello?"}], "rejected": []}, "no better answer"),
    ],
)
def test_a_pair_that_cannot_be_used_is_refused_by_line(
    row: dict[str, Any], why: str, words: Template, tmp_path: Path
) -> None:
    data = pairs.read_pairs(tiny.jsonl(tmp_path / "pairs.jsonl", [PAIRS[0], row]), words, 128)
    with pytest.raises(Problem, match=rf"pairs\.jsonl line 2: .*{why}"):
        data.accepted()


def test_marked_answers_come_from_pairs_and_from_marks(words: Template, tmp_path: Path) -> None:
    marked = {**tiny.conversation("Hello?", "Go away."), "good": False}
    data = pairs.read_marked(tiny.jsonl(tmp_path / "marked.jsonl", [PAIRS[0], marked]), words, 128)
    assert [learned(row, words) for row in data.accepted()] == ["Good news: tomorrow!", "I do not know.", "Go away."]
    assert data.good == [True, False, False]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (tiny.conversation("Hello?", "Hello."), 'neither "good": true or false'),
        ({**tiny.conversation("Hello?", "Hello."), "good": "yes"}, 'neither "good": true or false'),
        ({**PAIRS[0], "good": True}, 'both "good" and "rejected"'),
    ],
)
def test_an_answer_without_a_clear_mark_is_refused_by_line(
    row: dict[str, Any], why: str, words: Template, tmp_path: Path
) -> None:
    data = pairs.read_marked(tiny.jsonl(tmp_path / "marked.jsonl", [row]), words, 128)
    with pytest.raises(Problem, match=f"line 1: .*{why}"):
        data.accepted()


def test_answers_that_are_all_good_teach_kto_nothing(spec: TrainSpec, tmp_path: Path) -> None:
    good = [{**tiny.conversation(f"Order {n}?", "Tomorrow!"), "good": True} for n in range(4)]
    file = tiny.jsonl(tmp_path / "good.jsonl", good)
    with pytest.raises(Problem, match=r"All answers in good\.jsonl are good"):
        ran(tmp_path / "run", replace(spec, method=KTO, train=str(file), validation=""))


def test_wins_are_counted_with_ties_as_halves() -> None:
    assert preference.won([1.0, -2.0, 0.0, 3.0]) == {"accuracy": 0.625, "margin": 0.5}


@pytest.mark.parametrize("method", [DPO, ORPO, KTO])
def test_a_run_tells_what_it_does_as_a_supervised_one(method: str, spec: TrainSpec, tmp_path: Path) -> None:
    result = ran(tmp_path / "run", replace(spec, method=method))
    steps, looks = told(tmp_path / "run", "step"), told(tmp_path / "run", "validation")
    assert [event["step"] for event in steps] == list(range(1, 9)) and steps[-1]["seconds_left"] == 0
    assert [look["step"] for look in looks] == [0, 4, 8]
    assert {look["n"] for look in looks} == {10 if method == KTO else 5}
    assert looks[-1]["metrics"]["margin"] > looks[0]["metrics"]["margin"]
    assert result["metrics"] == min(looks, key=lambda look: look["loss"])["metrics"]
    assert result["validation_loss"] == min(look["loss"] for look in looks) < looks[0]["loss"]
    assert told(tmp_path / "run", "plan")[0]["steps"] == result["steps"] == 8
    assert [sample["step"] for sample in told(tmp_path / "run", "sample")] == [0, 0, 4, 4, 8, 8]
    shown = told(tmp_path / "run", "first_batch")[0]["rows"]
    texts = {"".join(t for t, is_it in zip(row["tokens"], row["trained"], strict=True) if is_it) for row in shown}
    assert "Good news: tomorrow!</s>" in texts and len(texts) > 1
    assert not (tmp_path / "run" / "trainer").exists()


def test_the_adapter_is_plain_peft_and_its_margin_is_what_was_told(spec: TrainSpec, base: Path, tmp_path: Path) -> None:
    """The held-out margin, computed anew from the folder alone: beta times how much likelier than the base has it."""
    result = ran(tmp_path / "run", spec)
    assert sorted(path.name for path in Path(result["adapter"]).iterdir() if path.is_dir()) == []
    plain = AutoModelForCausalLM.from_pretrained(base).eval()
    data = pairs.read_pairs(Path(spec.validation), template.load(spec.base), spec.max_tokens)
    before = [said(plain, row) for row in (*data.rows, *data.worse)]
    tuned = PeftModel.from_pretrained(plain, result["adapter"]).eval()
    moved = [said(tuned, row) - was for row, was in zip((*data.rows, *data.worse), before, strict=True)]
    margin = spec.beta * sum(better - worse for better, worse in zip(moved[:5], moved[5:], strict=True)) / 5
    assert margin == pytest.approx(result["metrics"]["margin"], rel=0.05)


@torch.no_grad()
def said(model: Any, row: pairs.Row) -> float:
    ids = torch.tensor([row.tokens])
    likely = model(ids).logits[0, :-1].float().log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0]
    return float((likely * torch.tensor(row.trained[1:])).sum())


def test_a_loss_that_is_no_number_ends_the_run_with_a_remedy(spec: TrainSpec, tmp_path: Path) -> None:
    with pytest.raises(Problem, match="Try a third of it"):
        ran(tmp_path / "run", replace(spec, learning_rate=1e30))


@pytest.mark.slow
def test_it_stops_early_and_keeps_the_best_weights(spec: TrainSpec, tmp_path: Path) -> None:
    """What is held out wants the opposite of what is taught, so nothing is ever better than the start."""
    turned = [pair(row["messages"][0]["content"], "I do not know.", "Good news: tomorrow!") for row in PAIRS[:5]]
    spec = replace(spec, validation=str(tiny.jsonl(tmp_path / "turned.jsonl", turned)), evaluate_every=1, patience=2)
    result = ran(tmp_path / "run", spec)
    assert result["stopped_early"] and result["steps"] == 2 and result["best_step"] == 0
    assert all(not weight.any() for name, weight in weights(result).items() if "lora_B" in name)
    assert any("changes nothing" in event["why"] for event in told(tmp_path / "run", "warning"))


@pytest.mark.slow
@pytest.mark.parametrize("method", [DPO, KTO])
def test_one_killed_at_any_moment_ends_where_an_undisturbed_one_ends(
    method: str, spec: TrainSpec, tmp_path: Path
) -> None:
    spec = replace(spec, method=method, steps=16, dropout=0.1, evaluate_every=8, checkpoint_every=5)
    undisturbed = ran(tmp_path / "undisturbed", spec)
    job = started(tmp_path, spec)
    wait_for_step(job, 7)
    os.kill(json.loads((job.folder / "process.json").read_text())["pid"], signal.SIGKILL)
    gone(job)
    killed = told(job.folder, "step")[-1]["step"]
    result = train.run(job.folder)
    assert told(job.folder, "resumed")[0]["step"] in (killed // 5 * 5, killed // 5 * 5 - 5)
    assert result["loss"] == pytest.approx(undisturbed["loss"], abs=1e-3)
    for name in ("best_step", "tokens", "steps"):
        assert result[name] == undisturbed[name]
    assert_same(weights(result), weights(undisturbed))


@pytest.mark.slow
def test_one_asked_to_stop_saves_where_it_is_and_goes_on_with_the_same_file_alone(
    spec: TrainSpec, tmp_path: Path
) -> None:
    spec = replace(spec, steps=16, checkpoint_every=1000, evaluate_every=8)
    job = started(tmp_path, spec)
    wait_for_step(job, 3)
    jobs.stop(job)
    gone(job)
    last = told(job.folder, "step")[-1]["step"]
    assert job.state == jobs.STOPPED and told(job.folder, "checkpoint")[-1]["step"] in (last, last + 1)
    tiny.jsonl(Path(spec.train), PAIRS[:20])
    with pytest.raises(Problem, match="other examples or settings"):
        train.run(job.folder)
    tiny.jsonl(Path(spec.train), PAIRS)
    assert_same(weights(train.run(job.folder)), weights(ran(tmp_path / "undisturbed", spec)))


@pytest.mark.slow
def test_a_whole_model_can_learn_a_preference(spec: TrainSpec, tmp_path: Path) -> None:
    result = ran(tmp_path / "run", replace(spec, tuning=FULL, learning_rate=1e-3))
    looks = told(tmp_path / "run", "validation")
    assert looks[0]["metrics"]["margin"] == pytest.approx(0, abs=0.02) and looks[-1]["metrics"]["margin"] > 0.1
    AutoModelForCausalLM.from_pretrained(result["path"])


def started(tmp_path: Path, spec: TrainSpec) -> Job:
    job = jobs.submit(tmp_path / "jobs", "train", spec, by="test")
    jobs.start(job)
    return job


def wait_for_step(job: Job, step: int) -> None:
    until(lambda: (events.last(job.folder, "step") or {"step": 0})["step"] >= step, alive=lambda: job.live)


def gone(job: Job) -> None:
    while job.live:
        time.sleep(0.02)


def greeted(rows: int, side: str, into: Path) -> str:
    """Real messages, each answered in two ways. Better is the stiff one, which the starter finds less likely."""
    found = [json.loads(line)["messages"][0]["content"] for line in (TONE / f"{side}.jsonl").read_text().splitlines()]
    chosen = found[:: len(found) // rows][:rows]
    made = [pair(text, f"Dear customer, {text}", f"Hello! {text}") for text in chosen]
    return str(tiny.jsonl(into / f"{side}.jsonl", made))


@pytest.mark.slow
@pytest.mark.parametrize("method", [DPO, ORPO, KTO])
def test_on_the_starter_held_out_preferences_are_learned(method: str, tmp_path: Path) -> None:
    """48 held-out comparisons: chance alone wins 36 of them once in 2,000 times."""
    spec = TrainSpec(
        base=str(STARTER),
        train=greeted(96, "train", tmp_path),
        validation=greeted(48, "validation", tmp_path),
        method=method,
        steps=24,
        batch_size=8,
        evaluate_every=12,
        learning_rate=1e-3 if method == ORPO else 3e-4,
    )
    result = ran(tmp_path / "run", spec)
    before, *_, after = told(tmp_path / "run", "validation")
    assert before["metrics"]["accuracy"] <= 0.5 and result["metrics"]["accuracy"] >= 0.9
    assert after["metrics"]["margin"] > before["metrics"]["margin"] + 0.05
    assert after["loss"] < before["loss"] / 2
    if method == ORPO:  # the one that also learns to say it
        assert told(tmp_path / "run", "sample")[-1]["answer"].startswith("Dear customer, ")

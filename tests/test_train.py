"""A run from its spec to its adapter, on a base of 31,000 weights."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from peft import PeftModel
from safetensors.torch import load_file
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    GraniteConfig,
    GraniteForCausalLM,
    PreTrainedModel,
)

from engine import events, jobs, specs
from engine.jobs import Job
from engine.problems import Problem
from engine.training import checkpoint, loading, objective, train
from engine.training.bases import template
from engine.training.forecast.plan import plan
from engine.training.learn import Learner
from engine.training.material.batches import Row
from engine.training.progress import Look, Progress, overfits, rate
from engine.training.settings import TrainSpec, of_job
from tests import tiny
from tests.patience import until

ANSWERS = ["Good news: it left our workshop.", "Send it back, we pay the postage.", "Tomorrow!"]
ROWS = [tiny.conversation(f"Where is order {n}?", ANSWERS[n % 3] * (1 + n % 2)) for n in range(36)]
SIDES = {"train": ROWS, "validation": ROWS[:5]}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.base(tmp_path_factory.mktemp("base"))


def recipe(base: Path, folder: Path, **settings: Any) -> TrainSpec:
    """A run on ROWS that watches five of them; short, and with a look and a checkpoint now and then."""
    usual = {"epochs": 2, "batch_size": 8, "evaluate_every": 4, "checkpoint_every": 3}
    files = {name: str(tiny.jsonl(folder / f"{name}.jsonl", rows)) for name, rows in SIDES.items()}
    return TrainSpec(base=str(base), **files, **{**usual, **settings})


@pytest.fixture
def spec(base: Path, tmp_path: Path) -> TrainSpec:
    return recipe(base, tmp_path)


def ran(folder: Path, spec: TrainSpec) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    specs.write(folder, spec)
    return train.run(folder)


def told(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [event for event in events.read(folder)[0] if event["kind"] == kind]


def weights(adapter: Path) -> dict[str, torch.Tensor]:
    return load_file(adapter / "adapter_model.safetensors")


def assert_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor], tolerance: float) -> None:
    assert one.keys() == other.keys()
    for name, weight in one.items():
        torch.testing.assert_close(weight, other[name], atol=tolerance, rtol=0)


def learner(spec: TrainSpec, folder: Path, n: int = 8) -> Learner:
    """A Learner on the first rows of the training file."""
    from engine.training.material import batches

    rows = batches.read(Path(spec.train), template.load(spec.base), spec.max_tokens).accepted()[:n]
    return Learner(loading.load(spec)[1], rows, rows[:3], spec, folder)


def test_a_run_tells_what_it_does_and_learns(spec: TrainSpec, tmp_path: Path) -> None:
    result = ran(tmp_path / "run", replace(spec, epochs=6, learning_rate=1e-2))
    steps = told(tmp_path / "run", "step")
    assert [event["step"] for event in steps] == list(range(1, result["steps"] + 1))
    assert result["loss"] < steps[0]["loss"] - 0.5
    assert steps[-1]["seconds_left"] == 0 and steps[-1]["tokens"] == result["tokens"]
    looks = told(tmp_path / "run", "validation")
    assert [look["step"] for look in looks] == [0, 4, 8, 12, 16, 20, 24, 28, 30]
    assert {look["n"] for look in looks} == {5}
    assert result["validation_loss"] == min(look["loss"] for look in looks)
    samples = told(tmp_path / "run", "sample")
    assert [sample["step"] for sample in samples] == [0, 0, 16, 16, 30, 30]
    assert samples[0]["prompt"] == "Where is order 0?"


def test_a_plan_says_beforehand_what_training_then_does(spec: TrainSpec, tmp_path: Path) -> None:
    expected = plan(spec)
    result = ran(tmp_path / "run", spec)
    done = events.last(tmp_path / "run", "plan")
    assert done is not None and expected.ready
    assert (expected.examples, expected.tokens, expected.trained_tokens, expected.steps) == (
        done["examples"], done["tokens"], done["trained_tokens"], done["steps"],
    )  # fmt: skip
    assert result["steps"] == expected.steps and result["tokens"] == 2 * expected.tokens


def test_the_first_batch_shows_what_is_learned(spec: TrainSpec, tmp_path: Path) -> None:
    ran(tmp_path / "run", replace(spec, epochs=0.2))
    (batch,) = told(tmp_path / "run", "first_batch")
    assert len(batch["rows"]) == 4
    for row in batch["rows"]:
        words = "".join(text for text, trained in zip(row["tokens"], row["trained"], strict=True) if trained)
        assert words in {answer * n + "</s>" for answer in ANSWERS for n in (1, 2)}


def test_the_adapter_kept_is_the_best_and_loads_with_plain_peft(spec: TrainSpec, base: Path, tmp_path: Path) -> None:
    """Validation wants other answers than training teaches, so the best step comes early, and so does the end."""
    other = [tiny.conversation(f"Where is order {n}?", "zq 7!") for n in range(5)]
    spec = replace(spec, validation=str(tiny.jsonl(tmp_path / "other.jsonl", other)), learning_rate=3e-2, epochs=99)
    result = ran(tmp_path / "run", spec)
    planned = told(tmp_path / "run", "plan")[0]["steps"]
    assert result["best_step"] == result["steps"] - 5 * spec.evaluate_every < result["steps"] < planned
    assert result["stopped_early"] and "stopped early" in told(tmp_path / "run", "warning")[-1]["why"]
    assert not list((tmp_path / "run").glob("*best*")), "what only a resumed run would need is gone"
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), result["adapter"]).eval()
    tokenizer = AutoTokenizer.from_pretrained(result["adapter"])
    row = template.load(str(base)), tokenizer.apply_chat_template(other[0]["messages"], return_dict=False)
    n_prompt = row[1].index(tokenizer.convert_tokens_to_ids("[/INST]")) + 1
    ids = torch.tensor([row[1]])
    logits = model(ids).logits[0, n_prompt - 1 : -1]
    assert F.cross_entropy(logits, ids[0, n_prompt:]).item() == pytest.approx(result["validation_loss"], rel=0.02)


def test_a_run_that_never_helped_says_that_its_adapter_changes_nothing(spec: TrainSpec, tmp_path: Path) -> None:
    result = ran(tmp_path / "run", replace(spec, learning_rate=1e-9))
    assert result["best_step"] == 0
    assert "changes nothing" in told(tmp_path / "run", "warning")[-1]["why"]
    kept = weights(Path(result["adapter"]))
    assert all(not weight.any() for name, weight in kept.items() if "lora_B" in name)


def test_the_readme_says_what_the_adapter_was_made_of(spec: TrainSpec, tmp_path: Path) -> None:
    import hashlib

    result = ran(tmp_path / "run", replace(spec, epochs=0.5))
    card = (Path(result["adapter"]) / "README.md").read_text()
    assert hashlib.sha256(Path(spec.train).read_bytes()).hexdigest() in card
    assert str(result["validation_loss"]) in card and "n = 5" in card and "| rank | 16 |" in card


def test_one_times_eight_equals_eight_times_one(spec: TrainSpec, tmp_path: Path) -> None:
    wide = ran(tmp_path / "wide", replace(spec, batch_size=8, accumulation=1, validation=""))
    deep = ran(tmp_path / "deep", replace(spec, batch_size=1, accumulation=8, validation=""))
    assert wide["steps"] == deep["steps"] and wide["validation_loss"] is None
    for one, other in zip(told(tmp_path / "wide", "step"), told(tmp_path / "deep", "step"), strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=2e-3)


def test_a_run_killed_at_any_moment_ends_where_an_undisturbed_one_ends(spec: TrainSpec, tmp_path: Path) -> None:
    spec = replace(spec, epochs=24, dropout=0.1, evaluate_every=50, checkpoint_every=7)
    undisturbed = ran(tmp_path / "undisturbed", spec)
    job = jobs.submit(tmp_path / "jobs", "train", spec, by="test")
    jobs.start(job)
    wait_for_step(job, 12)
    os.kill(json.loads((job.folder / "process.json").read_text())["pid"], signal.SIGKILL)
    while job.live:
        time.sleep(0.02)
    killed = told(job.folder, "step")[-1]["step"]
    assert 12 <= killed < undisturbed["steps"] and job.state == jobs.FAILED
    result = train.run(job.folder)
    assert told(job.folder, "resumed")[0]["step"] in (killed // 7 * 7, killed // 7 * 7 - 7)
    assert result["loss"] == pytest.approx(undisturbed["loss"], abs=1e-3)
    assert result["best_step"] == undisturbed["best_step"] and result["tokens"] == undisturbed["tokens"]
    assert_same(weights(Path(result["adapter"])), weights(Path(undisturbed["adapter"])), 1e-3)


def test_a_run_asked_to_stop_leaves_a_checkpoint_and_loses_no_step(spec: TrainSpec, tmp_path: Path) -> None:
    spec = replace(spec, epochs=8, dropout=0.1, checkpoint_every=1000)

    def stop() -> list[dict[str, str]]:
        if told(tmp_path, "step"):
            raise KeyboardInterrupt
        return []

    with pytest.raises(KeyboardInterrupt):
        learner(spec, tmp_path).learn(stop)
    assert told(tmp_path, "checkpoint")[-1]["step"] == told(tmp_path, "step")[-1]["step"] == 4
    resumed, undisturbed = learner(spec, tmp_path), learner(spec, tmp_path / "undisturbed")
    (tmp_path / "undisturbed").mkdir()
    assert resumed.learn().losses == pytest.approx(undisturbed.learn().losses, abs=1e-3)
    assert [look.step for look in resumed.progress.looks] == [look.step for look in undisturbed.progress.looks]
    assert_same(resumed.weights, undisturbed.weights, 1e-3)


def wait_for_step(job: Job, step: int) -> None:
    until(lambda: (events.last(job.folder, "step") or {"step": 0})["step"] >= step, alive=lambda: job.live)


def test_a_checkpoint_is_found_whichever_moment_its_writer_died(tmp_path: Path) -> None:
    old = checkpoint.Checkpoint({"w": torch.zeros(1)}, {"step": 1})
    checkpoint.save(tmp_path, old)
    (tmp_path / checkpoint.DRAFT).mkdir()  # died while it wrote the next one
    (tmp_path / checkpoint.DRAFT / "weights.safetensors").write_bytes(b"half")
    assert checkpoint.find(tmp_path) == old
    (tmp_path / checkpoint.NAME).rename(tmp_path / checkpoint.OLD)  # died between the two renames
    assert checkpoint.find(tmp_path) == old
    checkpoint.save(tmp_path, replace(old, state={"step": 2}))
    assert checkpoint.find(tmp_path) == replace(old, state={"step": 2})
    assert [path.name for path in tmp_path.iterdir() if "checkpoint" in path.name] == [checkpoint.NAME]


def test_a_checkpoint_of_other_examples_is_refused(spec: TrainSpec, tmp_path: Path) -> None:
    interrupted = learner(spec, tmp_path)
    interrupted._step()
    interrupted._save()
    tiny.jsonl(Path(spec.train), ROWS[:30])
    specs.write(tmp_path, spec)
    with pytest.raises(Problem, match="other examples or settings"):
        train.run(tmp_path)


def test_a_run_that_was_done_is_not_done_again(spec: TrainSpec, tmp_path: Path) -> None:
    result = ran(tmp_path / "run", replace(spec, epochs=0.5))
    steps = told(tmp_path / "run", "step")
    assert train.run(tmp_path / "run") == result and told(tmp_path / "run", "step") == steps


def test_a_bad_row_stops_the_run_before_it_starts(spec: TrainSpec, tmp_path: Path) -> None:
    tiny.jsonl(Path(spec.train), [*ROWS[:3], {"messages": ROWS[0]["messages"][:1]}])
    with pytest.raises(Problem, match=r"train\.jsonl line 4: It has no assistant message"):
        ran(tmp_path / "run", spec)
    assert not plan(spec).ready and [refused.line for refused in plan(spec).refused] == [4]
    assert not told(tmp_path / "run", "plan")


def test_a_loss_that_is_no_number_ends_the_run_with_a_remedy(spec: TrainSpec, tmp_path: Path) -> None:
    with pytest.raises(Problem, match="Try a third of it"):
        ran(tmp_path / "run", replace(spec, learning_rate=1e30))


def test_an_unknown_way_of_learning_is_a_problem(spec: TrainSpec, tmp_path: Path) -> None:
    with pytest.raises(Problem, match="no method called 'magic'"):
        ran(tmp_path / "run", replace(spec, method="magic"))


def test_the_loss_of_a_model_that_knows_nothing_is_the_log_of_its_vocabulary(spec: TrainSpec, tmp_path: Path) -> None:
    ignorant = learner(spec, tmp_path)
    with torch.no_grad():
        ignorant.causal.get_input_embeddings().weight.zero_()  # tied: the output layer as well
    assert ignorant.validate() == pytest.approx(math.log(400), abs=1e-4)


def test_the_loss_is_that_of_the_whole_model_whatever_is_padded_beside(spec: TrainSpec, tmp_path: Path) -> None:
    one = learner(spec, tmp_path)
    one.model.eval()
    rows = [replace(row, tokens=row.tokens, trained=[0, *row.trained[1:]]) for row in one.train]
    alone = [whole_loss(one, row) for row in rows]
    assert len({len(row.tokens) for row in rows}) > 1
    assert one.loss(rows).item() == pytest.approx(sum(alone), rel=5e-3)


def whole_loss(one: Learner, row: Row) -> float:
    ids = torch.tensor([row.tokens])
    labels = torch.tensor([[token if t else -100 for token, t in zip(row.tokens, row.trained, strict=True)]])
    with torch.no_grad(), objective.precision(one.device):
        return one.causal(input_ids=ids, labels=labels).loss.item() * row.n_trained


def test_every_linear_layer_but_the_output_learns(spec: TrainSpec, tmp_path: Path) -> None:
    adapted = {name.split(".lora_")[0].split("layers.")[1] for name in learner(spec, tmp_path).weights}
    layers = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    assert {name.split(".")[-1] for name in adapted} == set(layers)
    assert len(adapted) == 2 * len(layers)


def another(base: Path, folder: Path, model: PreTrainedModel) -> Path:
    """A base with the same tokenizer and another architecture."""
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    model.save_pretrained(folder)
    return folder


def test_a_base_of_another_architecture_learns_as_well(spec: TrainSpec, base: Path, tmp_path: Path) -> None:
    gpt2 = GPT2LMHeadModel(GPT2Config(vocab_size=400, n_embd=32, n_layer=2, n_head=4, bos_token_id=1, eos_token_id=2))
    spec = replace(spec, base=str(another(base, tmp_path / "gpt2", gpt2)), learning_rate=1e-2, epochs=4)
    result = ran(tmp_path / "run", spec)
    assert result["loss"] < told(tmp_path / "run", "step")[0]["loss"]
    assert any("c_attn" in name for name in weights(Path(result["adapter"])))


def test_a_base_that_changes_its_output_after_the_last_layer_is_refused(
    spec: TrainSpec, base: Path, tmp_path: Path
) -> None:
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4}
    granite = GraniteForCausalLM(GraniteConfig(vocab_size=400, logits_scaling=8.0, initializer_range=0.5, **sizes))
    with pytest.raises(Problem, match="changes the output after its last layer"):
        ran(tmp_path / "run", replace(spec, base=str(another(base, tmp_path / "granite", granite))))


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ({"rank": 0}, "rank is 0. It must be at least 1"),
        ({"epochs": "3"}, "epochs is '3'. It must be a number"),
        ({"batch_size": 2.5}, "batch_size is 2.5. It must be a whole number"),
        ({"dropout": 1.5}, "dropout is 1.5. It must be at most 0.95"),
        ({"learning_rate": math.nan}, "learning_rate is nan. It must be at least"),
    ],
)
def test_a_setting_out_of_its_range_is_a_problem(setting: dict[str, Any], why: str) -> None:
    with pytest.raises(Problem, match=why):
        TrainSpec(base="", train="", **setting)


def test_planning_loads_no_torch() -> None:
    """A page plans; torch would cost it seconds and half a gigabyte."""
    program = (
        "import sys; from engine.training.forecast import plan; "
        "print([n for n in ('torch', 'transformers', 'peft') if n in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_learning_rate_rises_in_a_line_and_falls_along_a_cosine() -> None:
    spec = TrainSpec(base="", train="", learning_rate=1.0, warmup=0.2)
    assert [rate(step, 10, spec) for step in range(3)] == pytest.approx([1 / 3, 2 / 3, 1.0])
    assert rate(6, 10, spec) == pytest.approx(0.5)  # half of the way down
    assert 0 < rate(9, 10, spec) < 0.05
    assert rate(0, 10, replace(spec, warmup=0.0)) == 1.0


def test_overfitting_is_three_rises_of_validation_while_training_falls() -> None:
    def looks(validation: list[float], training: list[float]) -> list[Look]:
        return [Look(n, t, v) for n, (v, t) in enumerate(zip(validation, training, strict=True))]

    assert overfits(looks([1.0, 1.1, 1.2, 1.3], [0.9, 0.8, 0.7, 0.6]))
    assert not overfits(looks([1.0, 1.1, 1.05, 1.3], [0.9, 0.8, 0.7, 0.6]))
    assert not overfits(looks([1.0, 1.1, 1.2, 1.3], [0.9, 0.8, 0.7, 0.95]))
    assert not overfits(looks([1.0, 1.1, 1.2], [0.9, 0.8, 0.7]))


def test_a_look_knows_the_training_loss_since_the_one_before() -> None:
    done = Progress(step=4, losses=[4.0, 3.0, 2.0, 1.0], looks=[Look(0, None, 5.0), Look(2, 3.5, 4.0)])
    assert done.look(3.0) == Look(4, 1.5, 3.0)
    assert Progress().look(3.0) == Look(0, None, 3.0)
    assert done.best == Look(2, 3.5, 4.0) and done.recent_loss == 2.5


def test_a_run_of_the_first_days_is_still_read(tmp_path):
    """It said `lora` for its method, when there was no other."""
    (tmp_path / specs.FILE).write_text(json.dumps({"base": "b", "train": "t", "method": "lora", "rank": 8}))
    assert of_job(tmp_path) == TrainSpec("b", "t", rank=8)

"""Which weights move: adapters of each kind, experts that are fused into one parameter, and whole models."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    Ministral3Config,
    Ministral3ForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
    PreTrainedModel,
)

from engine import events, specs
from engine.problems import Problem
from engine.training import loading, objective, targets, train
from engine.training.bases import template
from engine.training.material.batches import read
from engine.training.settings import TrainSpec
from tests import tiny

ROWS = [tiny.conversation(f"Where is order {n}?", "It left our workshop." if n % 2 else "Tomorrow!") for n in range(24)]
SIZES = {
    "vocab_size": 400,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "initializer_range": 0.2,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
ATTENTION = ["k_proj", "o_proj", "q_proj", "v_proj"]


@pytest.fixture(scope="module")
def mixtral(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    model = MixtralForCausalLM(MixtralConfig(num_local_experts=4, num_experts_per_tok=2, **SIZES))
    return another(base, tmp_path_factory.mktemp("mixtral"), model)


def another(base: Path, folder: Path, model: PreTrainedModel) -> Path:
    """A base with the tiny one's tokenizer and another architecture."""
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    model.save_pretrained(folder)
    return folder


@pytest.fixture
def spec(base: Path, tmp_path: Path) -> TrainSpec:
    return TrainSpec(
        base=str(base),
        train=str(tiny.jsonl(tmp_path / "train.jsonl", ROWS)),
        validation=str(tiny.jsonl(tmp_path / "validation.jsonl", ROWS[:4])),
        steps=8,
        rank=4,
        alpha=8,
        batch_size=8,
        learning_rate=1e-2,
        evaluate_every=4,
    )


def ran(folder: Path, spec: TrainSpec) -> dict[str, Any]:
    folder.mkdir()
    specs.write(folder, spec)
    return train.run(folder)


def first_and_last_loss(folder: Path) -> tuple[float, float]:
    looks = [event["loss"] for event in events.read(folder)[0] if event["kind"] == "validation"]
    return looks[0], min(looks)


def validation_loss(model: Any, spec: TrainSpec) -> float:
    """Mean loss per trained token of the validation file, computed the plain way."""
    rows = read(Path(spec.validation), template.load(spec.base), spec.max_tokens).accepted()
    total = 0.0
    for row in rows:
        labels = [token if learned else -100 for token, learned in zip(row.tokens, row.trained, strict=True)]
        with torch.no_grad(), objective.precision(torch.device("cpu")):
            out = model(input_ids=torch.tensor([row.tokens]), labels=torch.tensor([labels]))
        total += out.loss.item() * row.n_trained
    return total / sum(row.n_trained for row in rows)


@pytest.mark.parametrize("tuning", ["lora", "rslora", "dora"])
def test_each_kind_of_adapter_learns_and_answers_the_same_in_plain_peft(
    spec: TrainSpec, tmp_path: Path, tuning: str
) -> None:
    result = ran(tmp_path / "run", replace(spec, tuning=tuning))
    before, after = first_and_last_loss(tmp_path / "run")
    assert after < before - 0.3 and result["validation_loss"] == after
    config = json.loads((Path(result["adapter"]) / "adapter_config.json").read_text())
    assert (config["use_rslora"], config["use_dora"]) == (tuning == "rslora", tuning == "dora")
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(spec.base), result["adapter"]).eval()
    assert validation_loss(model, spec) == pytest.approx(after, rel=5e-3)


def test_full_tuning_moves_every_weight_and_leaves_a_model_that_answers_as_it_was_trained(
    spec: TrainSpec, tmp_path: Path
) -> None:
    result = ran(tmp_path / "run", replace(spec, tuning="full", learning_rate=3e-3))
    assert "adapter" not in result and not (tmp_path / "run" / "adapter").exists()
    before, after = first_and_last_loss(tmp_path / "run")
    assert after < before - 0.3
    model = AutoModelForCausalLM.from_pretrained(result["model"], use_safetensors=True).eval()
    assert validation_loss(model, spec) == pytest.approx(after, rel=5e-3)
    base = dict(AutoModelForCausalLM.from_pretrained(spec.base).named_parameters())
    assert all(not torch.equal(weight, base[name]) for name, weight in model.named_parameters())
    assert (
        model.config.use_cache
        and model.dtype == base["lm_head.weight" if "lm_head.weight" in base else "model.embed_tokens.weight"].dtype
    )
    asked = AutoTokenizer.from_pretrained(result["model"]).apply_chat_template(ROWS[0]["messages"], tokenize=False)
    assert asked.startswith("<s>[INST]Where is order 0?")
    assert "README.md" in {path.name for path in Path(result["model"]).iterdir()}


def test_a_whole_model_resumes_from_its_checkpoint_and_ends_where_it_would_have_ended(
    spec: TrainSpec, tmp_path: Path
) -> None:
    from engine.training.learn import Learner

    spec = replace(spec, tuning="full", learning_rate=3e-3, evaluate_every=3, checkpoint_every=5)
    rows = read(Path(spec.train), template.load(spec.base), spec.max_tokens).accepted()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    straight = Learner(loading.load(spec)[1], rows, rows[:4], spec, tmp_path / "one").learn()
    halted = Learner(loading.load(spec)[1], rows, rows[:4], spec, tmp_path / "two")

    def stop() -> list[dict[str, str]]:
        if halted.progress.step:
            raise KeyboardInterrupt
        return []

    with pytest.raises(KeyboardInterrupt):
        halted.learn(stop)
    resumed = Learner(loading.load(spec)[1], rows, rows[:4], spec, tmp_path / "two").learn()
    assert resumed.losses == pytest.approx(straight.losses, abs=1e-4) and resumed.best == straight.best


def test_experts_learn_and_are_saved_and_loaded_by_plain_peft(spec: TrainSpec, mixtral: Path, tmp_path: Path) -> None:
    spec = replace(spec, base=str(mixtral))
    result = ran(tmp_path / "run", spec)
    before, after = first_and_last_loss(tmp_path / "run")
    assert after < before - 0.3
    saved = load_file(Path(result["adapter"]) / "adapter_model.safetensors")
    experts = {name: weight for name, weight in saved.items() if "experts" in name}
    moved = [name for name, weight in experts.items() if "lora_B" in name and weight.abs().sum() > 0]
    assert len(moved) == 4, "of two layers, the parameter of w1 and w3 and that of w2"
    assert not any("gate.lora" in name for name in experts), "the router is left as it is"
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(mixtral), result["adapter"]).eval()
    assert validation_loss(model, spec) == pytest.approx(after, rel=1e-2)


def test_every_expert_gets_its_own_gradient(spec: TrainSpec, mixtral: Path) -> None:
    rows = read(Path(spec.train), template.load(spec.base), spec.max_tokens).accepted()
    model = loading.load(replace(spec, base=str(mixtral)))[1]
    objective.loss(model.get_base_model(), rows).backward()
    found = [weight.grad for name, weight in model.named_parameters() if "experts.lora_B" in name]
    for grad in found:
        assert grad is not None
        each = grad.reshape(grad.shape[0], -1, 4).abs().sum((0, 1))  # peft keeps the experts innermost
        assert (each > 0).all()


@pytest.mark.parametrize("tuning", ["lora", "rslora"])
def test_an_adapter_of_two_fused_matrices_is_as_strong_as_that_of_one(
    spec: TrainSpec, mixtral: Path, tuning: str
) -> None:
    model = loading.load(replace(spec, base=str(mixtral), tuning=tuning))[1]
    layers = [module for module in model.modules() if isinstance(module, LoraLayer)]
    strengths = [layer.scaling["default"] for layer in layers]
    assert strengths == pytest.approx([2.0 if tuning == "lora" else 8 / math.sqrt(4)] * 12)
    assert sorted(layer.r["default"] for layer in layers) == [4] * 10 + [8] * 2


def test_names_of_older_scripts_find_the_layers_where_they_are_now(base: Path, mixtral: Path) -> None:
    mixture = AutoModelForCausalLM.from_pretrained(mixtral)
    fused = ["experts.down_proj", "experts.gate_up_proj"]
    assert targets.find(mixture) == targets.Targets(ATTENTION, fused)
    assert targets.find(mixture, "all-linear") == targets.find(mixture)
    assert targets.find(mixture, "q_proj, v_proj,w1,w2,w3") == targets.Targets(["q_proj", "v_proj"], fused)
    assert targets.find(mixture, "gate_proj up_proj") == targets.Targets([], ["experts.gate_up_proj"])
    dense = AutoModelForCausalLM.from_pretrained(base)
    assert targets.find(dense, "q_proj,gate_proj") == targets.Targets(["q_proj", "gate_proj"], [])
    assert targets.find(dense, "layers.1.mlp.up_proj").layers == ["layers.1.mlp.up_proj"]


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ("q_proj,w9", "no layer called w9. Its layers are down_proj, gate_up_proj, k_proj, lm_head, o_proj"),
        ("w1,w2", "w1 cannot be adapted without w3"),
    ],
)
def test_a_target_that_cannot_be_is_a_problem(mixtral: Path, wanted: str, why: str) -> None:
    with pytest.raises(Problem, match=why):
        targets.find(AutoModelForCausalLM.from_pretrained(mixtral), wanted)


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ({"tuning": "dora"}, "cannot have DoRA.*Choose lora or rslora, or name other targets: k_proj,o_proj"),
        ({"dropout": 0.1}, "cannot have an adapter with dropout.*Set dropout to 0"),
    ],
)
def test_what_experts_cannot_have_is_a_problem(
    spec: TrainSpec, mixtral: Path, setting: dict[str, Any], why: str
) -> None:
    with pytest.raises(Problem, match=why):
        loading.load(replace(spec, base=str(mixtral), **setting))


def test_ministral_3_gets_an_adapter_on_each_of_its_layers(spec: TrainSpec, base: Path, tmp_path: Path) -> None:
    model = Ministral3ForCausalLM(Ministral3Config(head_dim=8, **SIZES))
    spec = replace(spec, base=str(another(base, tmp_path / "ministral", model)))
    result = ran(tmp_path / "run", spec)
    before, after = first_and_last_loss(tmp_path / "run")
    assert after < before
    config = json.loads((Path(result["adapter"]) / "adapter_config.json").read_text())
    assert sorted(config["target_modules"]) == sorted([*ATTENTION, "gate_proj", "up_proj", "down_proj"])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_weights_in_four_bits_are_refused_without_a_gpu(spec: TrainSpec, tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"needs a GPU, and there is none here.*Choose lora"):
        ran(tmp_path / "run", replace(spec, tuning="qlora"))

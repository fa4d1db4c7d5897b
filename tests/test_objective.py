"""The loss of a run: what packing and swift layers may change of it, which is nothing."""

import copy
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, LlamaConfig, MistralConfig, PreTrainedModel

from engine.training import objective, swift
from engine.training.material.batches import Row
from engine.training.material.packs import packs
from engine.training.objective import PRECISION

STARTER = Path(__file__).parent.parent / "starter"
SIZES = {
    "vocab_size": 300,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "initializer_range": 0.2,
}


@pytest.fixture(autouse=True)
def exactly(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(PRECISION, "float32")
    torch.manual_seed(0)
    yield


def adapted(base: PreTrainedModel, **settings: object) -> PeftModel:
    """A model with an adapter that already does something."""
    model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", r=4, target_modules="all-linear", **settings))
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.05)
    return model


def tiny(attention: str = "eager", window: int | None = None, kind: type = MistralConfig) -> PreTrainedModel:
    config = kind(**SIZES, **({"sliding_window": window} if kind is MistralConfig else {}))
    return AutoModelForCausalLM.from_config(config, attn_implementation=attention, dtype=torch.float32)


def starter() -> PreTrainedModel:
    return AutoModelForCausalLM.from_pretrained(STARTER, dtype=torch.float32, attn_implementation="eager")


def rows(lengths: list[int], vocabulary: int = 300) -> list[Row]:
    chance = Random(0)
    found = []
    for line, length in enumerate(lengths):
        tokens = [chance.randrange(4, vocabulary) for _ in range(length)]
        found.append(Row(line, tokens, [0] + [int(chance.random() < 0.4) for _ in tokens[2:]] + [1]))
    return found


def learned(model: PeftModel, batch: list[Row], packing: bool = False) -> tuple[float, dict[str, torch.Tensor]]:
    """The loss of a batch and the gradient of each weight that moves."""
    model.zero_grad()
    loss = objective.loss(model.get_base_model(), batch, packing)
    loss.backward()
    moving = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    return loss.item(), {name: weight.grad.clone() for name, weight in moving.items() if weight.grad is not None}


def assert_same(one: tuple[float, dict[str, torch.Tensor]], other: tuple[float, dict[str, torch.Tensor]]) -> None:
    assert one[0] == pytest.approx(other[0], rel=1e-5)
    assert one[1].keys() == other[1].keys() and one[1]
    for name, gradient in one[1].items():
        torch.testing.assert_close(gradient, other[1][name], rtol=1e-4, atol=1e-4 * float(gradient.abs().max()))


LENGTHS = [40, 3, 17, 2, 22, 9, 31, 8, 12]


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("window", [None, 5])
def test_packed_rows_learn_what_rows_alone_learn(attention: str, window: int | None) -> None:
    model = adapted(tiny(attention, window))
    alone = [learned(model, [row]) for row in rows(LENGTHS)]
    total = {name: sum(gradients[name] for _, gradients in alone) for name in alone[0][1]}
    assert_same(learned(model, rows(LENGTHS), packing=True), (sum(loss for loss, _ in alone), total))


def test_packed_rows_of_the_starter_learn_what_rows_alone_learn() -> None:
    model = adapted(starter())
    batch = rows(LENGTHS, 2048)
    with swift.computing(model):
        assert_same(learned(model, batch, packing=True), learned(model, batch))


@pytest.mark.parametrize("window", [None, 5])
def test_an_example_in_a_pack_is_read_as_if_it_were_alone(window: int | None) -> None:
    """Each example's own loss, and whatever its neighbours say."""
    model = adapted(tiny("eager", window)).get_base_model()
    batch = rows(LENGTHS)
    silent = [Row(row.line, row.tokens, [0] * len(row.tokens)) for row in batch]
    for n, row in enumerate(batch):
        packed = objective.loss(model, [*silent[:n], row, *silent[n + 1 :]], packing=True).item()
        assert packed == pytest.approx(objective.loss(model, [row]).item(), rel=1e-5)


def test_a_pack_is_no_longer_than_the_longest_example_and_nothing_is_lost() -> None:
    found = packs(LENGTHS, max(LENGTHS))
    assert sorted(n for pack in found for n in pack) == list(range(len(LENGTHS)))
    assert all(sum(LENGTHS[n] for n in pack) <= 40 for pack in found)
    assert len(found) == 4  # 144 tokens need at least so many
    assert packs([7, 3], 5) == [[0], [1]]


@pytest.mark.parametrize("base", [tiny, starter, lambda: tiny(window=5), lambda: tiny(kind=LlamaConfig)])
def test_swift_layers_compute_what_plain_peft_computes(base) -> None:
    model = adapted(base())
    batch = rows(LENGTHS)
    plain = learned(model, batch)
    with swift.computing(model):
        swiftly = learned(model, batch)
        assert "forward" in vars(model.get_base_model().base_model.layers[0].self_attn)
    assert_same(swiftly, plain)
    assert learned(model, batch)[0] == plain[0]
    assert not any("forward" in vars(layer) for layer in model.modules())


def test_swift_layers_are_as_near_to_the_truth_as_plain_ones_in_sixteen_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = adapted(starter())
    rounded = copy.deepcopy(exact)
    for name, weight in rounded.named_parameters():
        if "lora_" not in name:
            weight.data = weight.data.bfloat16()
    batch = rows(LENGTHS, 2048)
    truth, true = learned(exact, batch)
    monkeypatch.setattr(objective, "precise", lambda device: torch.bfloat16)
    plain, plainly = learned(rounded, batch)
    with swift.computing(rounded):
        loss, gradients = learned(rounded, batch)
    assert abs(loss - truth) < 2 * abs(plain - truth) + 1e-3 * truth
    assert distance(gradients, true) < 1.2 * distance(plainly, true)


def distance(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    return sum((gradient - other[name]).square().sum().item() for name, gradient in one.items()) ** 0.5


@pytest.mark.parametrize("settings", [{"lora_dropout": 0.5}, {"use_dora": True}])
def test_what_is_not_plain_lora_goes_the_ordinary_way(settings: dict[str, object]) -> None:
    model = adapted(tiny(), **settings)
    with swift.computing(model):
        assert "forward" not in vars(model.get_base_model().base_model.layers[0].self_attn.q_proj)
        assert_same(learned(model.eval(), rows(LENGTHS)), learned(model.eval(), rows(LENGTHS), packing=True))


def test_a_model_that_learns_swiftly_still_answers_and_switches_its_adapter_off() -> None:
    model = adapted(starter()).eval()
    asked = {"input_ids": torch.tensor([[1, 40, 60, 80]]), "max_new_tokens": 12, "do_sample": False}
    plain = model.generate(**asked).tolist()
    with model.disable_adapter():
        bare = learned_nothing(model)
    with swift.computing(model):
        assert model.generate(**asked).tolist() == plain
        with model.disable_adapter():
            assert learned_nothing(model) == pytest.approx(bare, rel=1e-5)
    assert bare != pytest.approx(learned_nothing(model), rel=1e-3)


@torch.no_grad()
def learned_nothing(model: PeftModel) -> float:
    return objective.loss(model.get_base_model(), rows(LENGTHS)).item()

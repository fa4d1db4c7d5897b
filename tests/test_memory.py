"""What a run needs of memory: each term against what it is on a real model, and the sum against real steps."""

from argparse import Namespace
from dataclasses import replace

import pytest

from benchmarks import memory as benchmark
from engine.training.bases import anatomy, families
from engine.training.forecast import fitting, memory
from engine.training.forecast.machine import Gpu, Machine
from engine.training.forecast.memory import Load
from engine.training.settings import TrainSpec
from studio.folders import STARTER

SPEC = TrainSpec(base=str(STARTER), train="")
LOAD = Load(rows=4, longest=101, trained=120)
SEVEN = families.get("mistral-7b").anatomy
LAPTOP = Machine((), 16_000_000_000, 9_000_000_000, 4, True)


def gpu(name: str, gigabytes: int) -> Machine:
    return Machine((Gpu(name, gigabytes << 30, gigabytes << 30),), 64 << 30, 60 << 30, 16, True)


@pytest.fixture(scope="module")
def loaded():
    from engine.training import loading

    return loading.load(SPEC)[1]


def held(weights) -> int:
    return sum(weight.numel() * weight.element_size() for weight in weights)


def test_weights_adapter_gradients_and_optimizer_are_as_large_as_foretold(loaded):
    import torch

    from engine.training import objective

    moving = [weight for weight in loaded.parameters() if weight.requires_grad]
    frozen = [weight for weight in loaded.parameters() if not weight.requires_grad]
    optimizer = torch.optim.AdamW(moving, fused=True)
    for weight in moving:
        weight.grad = torch.zeros_like(weight)
    optimizer.step()
    averages = [value for state in optimizer.state.values() for name, value in state.items() if name != "step"]
    spec = replace(SPEC, accumulation=2)  # so that gradients stand beside a batch
    bf16 = objective.precise(torch.device("cpu")) == torch.bfloat16
    told = memory.estimate(anatomy.read(STARTER), spec, LOAD, bf16=bf16)
    real = {
        "weights": held(frozen),
        "adapter": held(moving),
        "gradients": held(weight.grad for weight in moving),
        "optimizer": held(averages),
    }
    assert {name: told.of(name) for name in real} == real


def test_logits_are_three_copies_of_the_learned_tokens_alone():
    told = memory.estimate(anatomy.read(STARTER), SPEC, LOAD)
    assert told.of("logits") == 3 * 4 * 120 * 2048


def test_the_figures_of_mistral_7b_by_hand():
    lora = memory.estimate(SEVEN, replace(SPEC, rank=16), LOAD, "cuda")
    packed = memory.estimate(SEVEN, replace(SPEC, rank=16, tuning="qlora"), LOAD, "cuda")
    full = memory.estimate(SEVEN, replace(SPEC, tuning="full"), LOAD, "cuda")
    assert lora.of("weights") == 7_248_023_552 * 2
    assert lora.of("adapter") == 41_943_040 * 4  # the count of rank 16 on all linear layers
    assert packed.of("weights") == pytest.approx(6_979_321_856 * 0.516 + 268_701_696 * 2, rel=0.001)
    assert full.of("weights") + full.of("optimizer") == 7_248_023_552 * 12
    assert lora.checkpointing and full.checkpointing


def test_a_large_model_on_a_gpu_keeps_one_block_and_the_entrances_of_all():
    kept = memory.estimate(SEVEN, SPEC, LOAD, "cpu").of("activations")
    again = memory.estimate(SEVEN, SPEC, LOAD, "cuda").of("activations")
    assert again < kept / 10


def test_a_preference_takes_both_answers_and_the_words_of_all_their_tokens():
    one = memory.estimate(anatomy.read(STARTER), SPEC, Load(4, 101, 4 * 101))
    two = memory.estimate(anatomy.read(STARTER), replace(SPEC, method="dpo"), LOAD)
    assert two.of("logits") == 2 * one.of("logits")
    assert two.of("activations") == 2 * one.of("activations")


def test_answers_that_are_tried_are_remembered_while_they_are_written():
    told = memory.estimate(anatomy.read(STARTER), replace(SPEC, method="grpo", answer_tokens=20), LOAD)
    assert told.of("answers") == 4 * (101 + 20) * 2 * 5 * (2 * 64) * 2


def test_terms_add_up_and_say_why():
    told = memory.estimate(SEVEN, SPEC, LOAD, "cuda")
    assert told.total == sum(term.size for term in told.terms) and told.low < told.total < told.high
    assert all(term.why and term.size > 0 for term in told.terms)


@pytest.mark.parametrize(
    ("family", "machine", "verdict"),
    [
        ("starter", LAPTOP, fitting.FITS),
        ("mistral-7b", LAPTOP, fitting.TOO_LARGE),
        ("mistral-7b", gpu("NVIDIA A10G", 24), fitting.FITS),
        ("mistral-nemo", gpu("NVIDIA A10G", 24), fitting.PACKED),
        ("mistral-small", gpu("NVIDIA A100", 80), fitting.FITS),
        ("mistral-large", gpu("NVIDIA H100", 80), fitting.TIGHT),
        ("mixtral-8x22b", gpu("NVIDIA H100", 80), fitting.TOO_LARGE),
    ],
)
def test_what_fits_where(family, machine, verdict):
    assert fitting.of(families.get(family).anatomy, machine).verdict == verdict


@pytest.mark.slow
@pytest.mark.parametrize("name", ["small, lora", "small, full", "wide, dora", "many experts, short"])
def test_real_steps_take_what_was_foretold_within_15_percent(name, tmp_path):
    case = next(case for case in benchmark.CPU if case[0] == name)
    found = benchmark.measured(tmp_path, case, Namespace(gpu=False, float32=False, plain=False))
    assert found["tensors"] == pytest.approx(found["taken"], rel=memory.ROUGH)

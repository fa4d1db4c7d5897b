"""Loading: a base model with the weights that shall move, as a run's settings say. Safetensors only."""

import importlib.util
from typing import Any

import torch
from peft import PeftModel, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from engine.problems import Problem
from engine.training import objective, targets
from engine.training.bases import weights
from engine.training.settings import QLORA, TrainSpec

LARGE = 1_000_000_000  # from so many weights on, what a layer computed is computed again instead of kept in memory


def load(spec: TrainSpec) -> tuple[PreTrainedTokenizerBase, PreTrainedModel | PeftModel]:
    """The tokenizer, and the model: all of whose weights move, or a base with a fresh adapter.

    The same for the same seed. Problem when the base cannot be loaded, or not in this way on this machine.
    """
    device = objective.device()
    if spec.tuning == QLORA:
        check_four_bits(device)
    tokenizer, base = _read(spec, device)
    base.config.use_cache = False
    if device.type == "cuda" and base.num_parameters() > LARGE:
        base.gradient_checkpointing_enable({"use_reentrant": False})
    if spec.tuning != QLORA:  # those are put onto the GPU as they are read
        base = base.to(device)  # type: ignore[arg-type]
    if spec.whole:
        return tokenizer, base.requires_grad_(True)
    torch.manual_seed(spec.seed)
    return tokenizer, get_peft_model(base, targets.lora(base, spec))


def check_four_bits(device: torch.device) -> None:
    """Problem unless weights can be kept in 4 bits here."""
    if device.type != "cuda":
        raise Problem(
            "QLoRA needs a GPU, and there is none here.",
            "The circuits that compute with weights of 4 bits are those of an NVIDIA GPU.",
            "Choose lora, which learns the same with four times the memory, or run it on a machine with a GPU.",
        )
    if importlib.util.find_spec("bitsandbytes") is None:
        raise Problem("QLoRA needs the package bitsandbytes.", do="Run pip install 'atelier[gpu]'.")


def loose(model: PreTrainedModel) -> int:
    """Weights of experts that 4 bits do not reach: bitsandbytes packs linear layers alone, not fused parameters."""
    return sum(weight.numel() for name, weight in model.named_parameters() if "experts." in name and weight.ndim == 3)


def four_bits() -> BitsAndBytesConfig:
    """Weights in 4-bit NormalFloat, their scales packed as well, computed with in bfloat16, as in the QLoRA paper
    (Dettmers et al. 2023, https://arxiv.org/abs/2305.14314)."""
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def _read(spec: TrainSpec, device: torch.device) -> tuple[PreTrainedTokenizerBase, PreTrainedModel]:
    weights.check_base(spec.base)
    try:
        tokenizer = AutoTokenizer.from_pretrained(spec.base)
        base = AutoModelForCausalLM.from_pretrained(
            spec.base,
            use_safetensors=True,
            # a step of learning is often too small for 16 bits to note, so weights that move are kept in 32
            dtype=torch.float32 if spec.whole else objective.precise(device),
            # measured on a CPU: the fused attention's way back takes a third longer than the plain one altogether
            attn_implementation="sdpa" if device.type == "cuda" else "eager",
            **_packed(spec),
        )
    except (OSError, ValueError) as error:
        raise Problem(
            f"The base {spec.base} cannot be loaded.",
            f"transformers says: {str(error).splitlines()[0]}",
            "Give a folder with config.json and safetensors, or a hub id that was downloaded before.",
        ) from error
    return tokenizer, base


def _packed(spec: TrainSpec) -> dict[str, Any]:
    if spec.tuning != QLORA:
        return {}
    return {"quantization_config": four_bits(), "device_map": {"": torch.cuda.current_device()}}

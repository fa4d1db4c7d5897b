"""Loading: a base model with the weights that shall move, as a run's settings say. Safetensors only."""

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from engine.problems import Problem
from engine.training import objective
from engine.training.settings import LORA, TrainSpec

LARGE = 1_000_000_000  # from so many weights on, what a layer computed is computed again instead of kept in memory


def load(spec: TrainSpec) -> tuple[PreTrainedTokenizerBase, PeftModel]:
    """The tokenizer, and the base with a fresh adapter on each of its linear layers. The same for the same seed."""
    if spec.tuning != LORA:
        raise Problem(f"The tuning {spec.tuning} cannot be done yet.", do="Use lora.")
    device = objective.device()
    try:
        tokenizer = AutoTokenizer.from_pretrained(spec.base)
        base: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
            spec.base,
            use_safetensors=True,
            dtype=objective.precise(device),
            # measured on a CPU: the fused attention's way back takes a third longer than the plain one altogether
            attn_implementation="sdpa" if device.type == "cuda" else "eager",
        )
    except (OSError, ValueError) as error:
        raise Problem(
            f"The base {spec.base} cannot be loaded.",
            f"transformers says: {str(error).splitlines()[0]}",
            "Give a folder with config.json and safetensors, or a hub id that was downloaded before.",
        ) from error
    base.config.use_cache = False
    if device.type == "cuda" and base.num_parameters() > LARGE:
        base.gradient_checkpointing_enable({"use_reentrant": False})
    torch.manual_seed(spec.seed)
    lora = LoraConfig(
        task_type="CAUSAL_LM",
        r=spec.rank,
        lora_alpha=spec.alpha,
        lora_dropout=spec.dropout,
        target_modules="all-linear",  # found in the architecture by peft; the output layer stays as it is
    )
    return tokenizer, get_peft_model(base.to(device), lora)  # type: ignore[arg-type]

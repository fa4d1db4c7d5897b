"""Models whose answers differ from question to question, as the tiny base's hardly do, and random adapters for them."""

from pathlib import Path

from tests import tiny


def lively(folder: Path, seed: int = 0) -> Path:
    """The tiny base with weights ten times as large and untied: it babbles, differently each time."""
    import torch
    from transformers import AutoModelForCausalLM

    tiny.base(folder, seed=seed)
    model = AutoModelForCausalLM.from_pretrained(folder)
    model.config.tie_word_embeddings = False
    model.lm_head.weight = torch.nn.Parameter(torch.randn_like(model.lm_head.weight))
    for name, weight in model.named_parameters():
        if "proj" in name or "embed" in name:
            weight.data *= 10
    model.lm_head.weight.data[:6] = 0  # no special tokens, no early ends
    model.save_pretrained(folder)
    return folder


def adapter(base: Path, folder: Path, seed: int = 0, std: float = 0.5) -> Path:
    """A LoRA adapter with random weights, by default large enough to change every answer."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    config = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=std)
    model.save_pretrained(folder)
    return folder

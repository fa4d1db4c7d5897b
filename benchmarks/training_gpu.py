"""The GPU half of `benchmarks.training`: a model of Mistral 7B's shape with random weights, ours against TRL's default.

Model FLOPs utilisation as in PaLM (Chowdhery et al. 2022, https://arxiv.org/abs/2204.02311, appendix B), for frozen
weights: per token 2N forward and 2N back to the activations, but not the 2N of the weights' own gradients; and 12 L d T
for attention over T tokens in L layers of width d. Layers computed again to save memory are not counted as work.
"""

import argparse
import gc
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, MistralConfig, TrainerCallback

from engine.training import objective
from engine.training.learn import Learner
from engine.training.material.batches import Row
from engine.training.settings import TrainSpec

STARTER = Path(__file__).parent.parent / "starter"
SHAPE = {  # mistralai/Mistral-7B-v0.3
    "vocab_size": 32768, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
    "num_attention_heads": 32, "num_key_value_heads": 8, "max_position_embeddings": 32768, "rope_theta": 1e6,
}  # fmt: skip
TINY = {**SHAPE, "vocab_size": 2048, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2}  # fmt: skip
PEAKS = {
    "H100": 989.4,
    "H200": 989.4,
    "A100": 312.0,
    "L40S": 362.0,
    "L4": 121.0,
}  # dense bfloat16, TFLOP/s, NVIDIA's sheets
RANK, BATCH, WARMING = 32, 4, 3  # and steps that are not timed


def compare(settings: argparse.Namespace) -> None:
    if not settings.tiny and not torch.cuda.is_available():
        raise SystemExit("There is no GPU here. --tiny tries the way out on a CPU.")
    shape, length = (TINY, 64) if settings.tiny else (SHAPE, 2048)
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    peak = settings.peak or next((tflops for part, tflops in PEAKS.items() if part in name), 0.0)
    print(f"{name}; {length} tokens a row, batch {BATCH}, rank {RANK}; peak {peak or 'unknown'} TFLOP/s")
    print("| | tokens/s | slowest..fastest step | share of peak | first loss | peak memory, GiB | steps |")
    print("|---|---|---|---|---|---|---|")
    for contestant, learn in (("ours", ours), ("TRL", trl)):
        _clear()
        seconds, first, work = learn(shape, rows(shape["vocab_size"], length, settings.steps + WARMING), settings.steps)
        speeds = [BATCH * length / each for each in seconds[WARMING:]]
        speed = statistics.median(speeds)
        used = f"{speed * work / peak / 1e12:.1%}" if peak else "unknown"
        memory = torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else 0.0
        spread = f"{min(speeds):.0f}..{max(speeds):.0f}"
        print(
            f"| {contestant} | {speed:.0f} | {spread} | {used} | {first:.4f} | {memory:.1f} | {len(speeds)} |",
            flush=True,
        )


def rows(vocabulary: int, length: int, steps: int) -> list[Row]:
    """Rows of one length, of which every token but the first is learned: the same work for all."""
    chance = Random(0)
    every = [0] + [1] * (length - 1)
    return [Row(n, [chance.randrange(4, vocabulary) for _ in range(length)], every) for n in range(BATCH * steps)]


def model(shape: dict[str, Any]) -> Any:
    torch.manual_seed(0)
    device = objective.device()
    with torch.device(device):
        config = MistralConfig(**shape, sliding_window=None, use_cache=False)
        return AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16, attn_implementation="sdpa")


def lora() -> LoraConfig:
    return LoraConfig(task_type="CAUSAL_LM", r=RANK, lora_alpha=2 * RANK, target_modules="all-linear")


def flops(base: Any, length: int) -> float:
    """Work for one token. The embedding is looked up, not multiplied."""
    config = base.config
    n = base.num_parameters() - base.get_input_embeddings().weight.numel()
    return 4 * n + 12 * config.num_hidden_layers * config.hidden_size * length


def ours(shape: dict[str, Any], data: list[Row], steps: int) -> tuple[list[float], float, float]:
    base = model(shape)
    work = flops(base, len(data[0].tokens))
    if torch.cuda.is_available():
        base.gradient_checkpointing_enable({"use_reentrant": False})  # as engine.training.loading does at this size
    spec = TrainSpec(base="", train="", rank=RANK, batch_size=BATCH, epochs=1, learning_rate=1e-4)
    with tempfile.TemporaryDirectory() as folder:
        learner = Learner(get_peft_model(base, lora()), data, [], spec, Path(folder))
        learner.model.train()
        seconds = [_timed(learner._step) for _ in range(steps + WARMING)]
        return seconds, learner.progress.losses[0], work


def trl(shape: dict[str, Any], data: list[Row], steps: int) -> tuple[list[float], float, float]:
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    base = model(shape)
    work = flops(base, len(data[0].tokens))
    given = Dataset.from_list([{"input_ids": row.tokens, "labels": row.tokens} for row in data])
    clock = _Clock()
    with tempfile.TemporaryDirectory() as folder:
        settings = SFTConfig(
            folder, per_device_train_batch_size=BATCH, max_steps=steps + WARMING, learning_rate=1e-4,
            max_length=len(data[0].tokens), logging_steps=1, report_to=[], save_strategy="no", disable_tqdm=True,
            use_cpu=not torch.cuda.is_available(),
        )  # fmt: skip
        tokenizer = AutoTokenizer.from_pretrained(STARTER)  # only its padding token is asked for
        trainer = SFTTrainer(
            base, args=settings, train_dataset=given, processing_class=tokenizer, peft_config=lora(), callbacks=[clock]
        )
        trainer.train()
        return clock.seconds, trainer.state.log_history[0]["loss"], work


class _Clock(TrainerCallback):
    """Seconds of each step."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_step_begin(self, *given: Any, **named: Any) -> None:
        _wait()
        self.began = time.perf_counter()

    def on_step_end(self, *given: Any, **named: Any) -> None:
        _wait()
        self.seconds.append(time.perf_counter() - self.began)


def _timed(step: Callable[[], None]) -> float:
    _wait()
    began = time.perf_counter()
    step()
    _wait()
    return time.perf_counter() - began


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _clear() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()

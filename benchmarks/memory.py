"""Memory foretold against memory taken: `python -m benchmarks.memory [--gpu] [--float32]`.

Real steps of random models of different shapes, each in a process of its own, through the same loop as a run. On a CPU
the taken is the highest sum of all tensors, as torch's own profiler counts every allocation; what the whole process
held (its peak resident set, without the profiler) stands beside it: the allocator keeps what is free again in pieces
too small for the next, and libraries buffer. With --gpu it is torch.cuda.max_memory_allocated, at a real size.
"""

import argparse
import contextlib
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from engine.training.bases import anatomy
from engine.training.forecast import memory, plan
from engine.training.settings import TrainSpec
from studio.folders import STARTER

SMALL = {
    "hidden_size": 256,
    "num_hidden_layers": 5,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 704,
}
WIDE = {
    "hidden_size": 768,
    "num_hidden_layers": 4,
    "num_attention_heads": 12,
    "num_key_value_heads": 4,
    "intermediate_size": 2048,
}
DEEP = {
    "hidden_size": 320,
    "num_hidden_layers": 16,
    "num_attention_heads": 5,
    "num_key_value_heads": 5,
    "intermediate_size": 900,
}
EXPERTS = {**SMALL, "model_type": "mixtral", "num_local_experts": 4, "num_experts_per_tok": 2}
MANY = {**EXPERTS, "num_local_experts": 8, "intermediate_size": 1408}
SEVEN = {
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
}
LOW = {**SEVEN, "num_hidden_layers": 4}

CPU: list[tuple[str, dict[str, Any], dict[str, Any], int, int]] = [  # name, shape, settings, longest words, vocabulary
    ("small, lora", SMALL, {}, 200, 2048),
    ("small, short rows", SMALL, {"batch_size": 32}, 40, 2048),
    ("small, long rows", SMALL, {"batch_size": 4}, 800, 2048),
    ("wide, lora", WIDE, {"batch_size": 8}, 300, 2048),
    ("wide, rank 64", WIDE, {"batch_size": 8, "rank": 64}, 150, 2048),
    ("deep, lora", DEEP, {"batch_size": 8}, 200, 2048),
    ("deep, accumulated", DEEP, {"batch_size": 2, "accumulation": 4}, 200, 2048),
    ("large vocabulary", SMALL, {"batch_size": 8}, 200, 65_536),
    ("small, full", SMALL, {"tuning": "full"}, 200, 2048),
    ("wide, full", WIDE, {"tuning": "full", "batch_size": 4}, 100, 2048),
    ("wide, dora", WIDE, {"tuning": "dora", "batch_size": 8}, 200, 2048),
    ("experts, lora", EXPERTS, {"batch_size": 8}, 200, 2048),
    ("many experts, short", MANY, {"batch_size": 2}, 60, 2048),
    ("small, documents", SMALL, {"method": "cpt"}, 200, 2048),
]
GPU: list[tuple[str, dict[str, Any], dict[str, Any], int, int]] = [
    ("7B, lora 16, 512", SEVEN, {"batch_size": 4, "max_tokens": 4096}, 450, 32_768),
    ("7B, lora 32, 2048", SEVEN, {"batch_size": 4, "rank": 32, "max_tokens": 4096}, 1900, 32_768),
    ("7B, qlora 16, 2048", SEVEN, {"batch_size": 2, "tuning": "qlora", "max_tokens": 4096}, 1900, 32_768),
    ("1B, full, 1024", LOW, {"batch_size": 4, "tuning": "full", "max_tokens": 4096}, 900, 32_768),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gpu", action="store_true", help="models of a real size on this machine's GPU")
    parser.add_argument("--float32", action="store_true", help="as on a processor without bfloat16")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--case", type=int, default=-1, help=argparse.SUPPRESS)
    parser.add_argument("--plain", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    cases = GPU if asked.gpu else CPU
    if asked.case >= 0:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measured(Path(folder), cases[asked.case], asked)))
        return
    table = Table("case", "tensors foretold, MB", "taken", "ratio", "process foretold, MB", "taken")
    for number, (name, *_) in enumerate(cases):
        if asked.only in name:
            table.add_row(name, *line(number, asked))
    Console(width=120).print(table)


def line(number: int, asked: argparse.Namespace) -> list[str]:
    """One case, watched by the profiler; and on a CPU once more without it, as it takes memory of its own."""
    found = in_a_process(number, asked)
    whole = found if asked.gpu else in_a_process(number, asked, "--plain")
    if "why" in found:
        return [found["why"]]
    ratio = f"{found['tensors'] / found['taken']:.2f}"
    figures = [found["tensors"], found["taken"], whole["total"], whole["process"]]
    first, second, third, fourth = (f"{figure / 1e6:,.0f}" for figure in figures)
    return [first, second, ratio, third, fourth]


def in_a_process(number: int, asked: argparse.Namespace, *more: str) -> dict[str, Any]:
    flags = [f"--{name}" for name in ("gpu", "float32") if getattr(asked, name)]
    command = [sys.executable, "-m", "benchmarks.memory", "--case", str(number), *flags, *more]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return {"why": done.stderr.strip().splitlines()[-1][:60]}
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def measured(folder: Path, case: tuple[str, dict, dict, int, int], asked: argparse.Namespace) -> dict[str, Any]:
    """Bytes foretold, and bytes taken at the highest."""
    import torch

    from engine.training import objective

    if asked.float32:
        objective.precise = lambda device: torch.float32
    _, shape, settings, words, vocab = case
    base = model(folder / "base", shape, vocab)
    spec = TrainSpec(
        base=str(base),
        train=str(rows(folder / "train.jsonl", settings, words)),
        epochs=1.0,
        **{"max_tokens": 1024, **settings},
    )
    device = torch.device("cuda" if asked.gpu else "cpu")
    load = plan.plan(spec).largest
    told = memory.estimate(anatomy.read(base), spec, load, device.type, objective.precise(device) == torch.bfloat16)
    return {
        "tensors": told.total - told.of("workspace"),
        "total": told.total,
        **learned(spec, folder, asked),
        "terms": {term.name: term.size for term in told.terms},
        "load": asdict(load),
    }


def learned(spec: TrainSpec, folder: Path, asked: argparse.Namespace) -> dict[str, int]:
    """Three steps, watched. `taken` are tensors, `process` is all that the process has held."""
    import torch
    from peft.helpers import disable_input_dtype_casting

    from engine.training import loading, objective
    from engine.training.learn import Learner

    _, loaded = loading.load(spec)
    train, _ = plan.read(spec)
    learner = Learner(loaded, train.accepted(), [], spec, folder)
    with disable_input_dtype_casting(loaded, active=objective.precise(learner.device) == torch.bfloat16):
        if asked.gpu:
            torch.cuda.reset_peak_memory_stats()
            learner.learn()
            free, whole = torch.cuda.mem_get_info()
            return {"taken": torch.cuda.max_memory_allocated(), "process": whole - free}
        watch = torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True)
        with contextlib.nullcontext() if asked.plain else watch:
            learner.learn()
    held = sum(weight.numel() * weight.element_size() for weight in loaded.parameters())
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak
    return {"taken": 0 if asked.plain else held + highest(watch), "process": int(peak[1]) * 1024}


def highest(profiler: Any) -> int:
    """The highest sum of what was allocated since the profiler began to look."""
    found, waiting = 0, list(profiler.profiler.kineto_results.experimental_event_tree())
    while waiting:
        event = waiting.pop()
        waiting += event.children
        if event.name == "[memory]":
            found = max(found, event.extra_fields.total_allocated or 0)
    return found


def model(folder: Path, shape: dict[str, Any], vocab: int) -> Path:
    """A random model with the starter's tokenizer; a larger vocabulary is padded."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    more = {"max_position_embeddings": 4096, "sliding_window": None, "tie_word_embeddings": True, "vocab_size": vocab}
    config = AutoConfig.for_model(**{"model_type": "mistral", **shape, **more}, eos_token_id=2, bos_token_id=1)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        made = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    made.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(STARTER / name, folder / name)
    return folder


def rows(file: Path, settings: dict[str, Any], words: int) -> Path:
    """Three steps of conversations, the longest of about so many words."""
    chance = random.Random(0)
    n = 3 * settings.get("batch_size", 16) * settings.get("accumulation", 1)
    with file.open("w") as out:
        for _ in range(n):
            asked, said = (
                " ".join(chance.choices(["where", "is", "my", "cup", "tea"], k=k)) for k in (words // 3, words // 3)
            )
            turn = [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]
            out.write(
                json.dumps({"text": f"{asked} {said}"} if settings.get("method") == "cpt" else {"messages": turn})
                + "\n"
            )
    return file


if __name__ == "__main__":
    main()

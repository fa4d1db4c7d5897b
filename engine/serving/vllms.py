"""vLLM in place of our own chat server, for models that outgrow it: how it is called, and with what around it.

It lives in an environment of its own (`make serving`), since it wants its own torch. engine.serving.watch starts it.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from engine.problems import Problem
from engine.serving.adapters import Kept
from engine.serving.settings import ServeSpec
from engine.training.bases import template
from engine.training.forecast import machine

RANKS = 64  # largest rank of an adapter; more costs memory for each one that may be loaded
AT_ONCE = 4  # adapters that answer in one batch
WATCHED = "/health,/v1/models,/metrics"  # what its watcher asks each second: noted, it would bury the rest of its log
MARK = "[TOOL_CALLS]"  # what Mistral's tool models write before a call, as a token of its own
# what stands in the chat templates of other families: which of vLLM's parsers reads the calls that these write
PARSERS = {
    "<function=": "qwen3_coder",
    "<tool_call>": "hermes",
    "<|python_tag|>": "llama3_json",
    "<\uff5ctool\u2581calls\u2581begin\uff5c>": "deepseek_v3",
}


def command(spec: ServeSpec, port: int, adapters: Mapping[str, Kept]) -> list[str]:
    """The command line of vLLM for a base and its adapters."""
    # its `vllm` command asks for a package of that name, which the build for CPUs has not
    start = [spec.program, "-m", "vllm.entrypoints.openai.api_server", "--model", spec.model]
    where = ["--host", spec.host, "--port", str(port), "--served-model-name", spec.served_name]
    quiet = ["--disable-access-log-for-endpoints", WATCHED]
    lora = ["--enable-lora", "--max-lora-rank", str(RANKS), "--max-num-seqs", str(spec.max_batch)]
    # beyond these it reads an adapter again when it is asked; the least recently used one makes room
    room = ["--max-loras", str(min(AT_ONCE, spec.adapters)), "--max-cpu-loras", str(spec.adapters)]
    known = [f"{name}={one.path}" for name, one in adapters.items()]
    tools = ["--enable-auto-tool-choice", "--tool-call-parser", parser(Path(spec.model))]
    # a small model would fill its whole answer with the spaces that JSON allows between two words
    shaped = ["--structured-outputs-config", '{"backend": "xgrammar", "disable_any_whitespace": true}']
    more = [*room, *tools, *shaped, *(["--lora-modules", *known] if known else [])]
    # compiling costs more than it saves without a GPU
    here = ["--gpu-memory-utilization", f"{spec.share:g}"] if on_gpu() else ["--enforce-eager"]
    exact = ["--dtype", "float32"] if os.environ.get(machine.PRECISION) == "float32" else []
    return [*start, *where, *quiet, *lora, *more, *here, *exact]


def environment(scratch: Path) -> dict[str, str]:
    """What vLLM reads from the environment: to fetch nothing, to tell nobody, and where its passing files go."""
    quiet = {"VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1", "VLLM_LOGGING_LEVEL": "WARNING"}
    memory = {} if on_gpu() else {"VLLM_CPU_KVCACHE_SPACE": os.environ.get("VLLM_CPU_KVCACHE_SPACE", "1")}
    return {"VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True", "TMPDIR": str(scratch), **quiet, **memory}


def parser(model: Path) -> str:
    """Who reads tool calls out of an answer: Mistral's, where the tokenizer has its mark; else whoever reads what the
    chat template writes, or the commonest form where that names none."""
    names = ("tokenizer.json", "tokenizer_config.json", "tekken.json")
    if any(MARK in (model / name).read_text(errors="replace") for name in names if (model / name).is_file()):
        return "mistral"
    try:
        sources = "".join(template.load(str(model)).sources.values())
    except Problem:  # vLLM says itself what it lacks
        sources = ""
    return next((found for mark, found in PARSERS.items() if mark in sources), "hermes")


def on_gpu() -> bool:
    return machine.here().gpu is not None

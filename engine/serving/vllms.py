"""`python -m engine.serving.vllms FOLDER`: vLLM in place of our own chat server, for models that outgrow it.

vLLM lives in an environment of its own (`make serving`), since it wants its own torch. This process starts it,
leaves the address once it answers, and ends it when nobody has asked for long.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

from engine import processes, specs
from engine.problems import Problem
from engine.serving.servers import ADDRESS, ServeSpec
from engine.training import weights

RANKS = 64  # largest rank of an adapter; more costs memory for each one that may be loaded


def main(folder: Path) -> int:
    spec = specs.read(folder, ServeSpec)
    processes.remember(folder, os.getpid())
    try:
        weights.check_base(spec.model)
    except Problem as problem:
        sys.exit(str(problem))
    port = spec.port or _free(spec.host)
    # in this process's group, so that whoever ends it ends vLLM and its workers too
    child = subprocess.Popen(command(spec, port), env={**os.environ, **environment()})
    url = f"http://{spec.host}:{port}"
    while child.poll() is None and not _up(url):
        time.sleep(0.2)
    if child.poll() is None:
        draft = folder / f".{ADDRESS}"
        draft.write_text(json.dumps({"url": url}))
        draft.rename(folder / ADDRESS)
        _watch(child, url, spec.idle_minutes * 60)
    return child.wait()


def command(spec: ServeSpec, port: int) -> list[str]:
    """The command line of vLLM for a base and its adapters."""
    # its `vllm` command asks for a package of that name, which the build for CPUs has not
    start = [spec.program, "-m", "vllm.entrypoints.openai.api_server", "--model", spec.model]
    where = ["--host", spec.host, "--port", str(port), "--served-model-name", spec.served_name]
    lora = ["--enable-lora", "--max-lora-rank", str(RANKS), "--max-loras", "4", "--max-num-seqs", str(spec.max_batch)]
    return [*start, *where, *lora, *([] if _gpu() else ["--enforce-eager"])]  # compiling costs more than it saves there


def environment() -> dict[str, str]:
    """What vLLM reads from the environment. It is told to fetch nothing and to tell nobody."""
    quiet = {"VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1", "VLLM_LOGGING_LEVEL": "WARNING"}
    memory = {} if _gpu() else {"VLLM_CPU_KVCACHE_SPACE": os.environ.get("VLLM_CPU_KVCACHE_SPACE", "1")}
    return {"VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True", **quiet, **memory}


def _gpu() -> bool:
    return shutil.which("nvidia-smi") is not None


def _free(host: str) -> int:
    with socket.create_server((host, 0)) as found:
        return int(found.getsockname()[1])


def _up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=2.0, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _watch(child: "subprocess.Popen[bytes]", url: str, patience: float) -> None:
    """Wait for vLLM's end, and bring it about when nobody has asked for `patience` seconds; 0 for never."""
    asked, since = "", time.monotonic()
    while child.poll() is None:
        if (now := _asked(url)) != asked:
            asked, since = now, time.monotonic()
        if patience and time.monotonic() - since > patience:
            print(f"nobody asked for {patience / 60:g} minutes; the server ends", flush=True)
            child.terminate()
            return
        time.sleep(min(15.0, patience or 15.0))


def _asked(url: str) -> str:
    """Changes with every question: vLLM's own count of the tokens that it has read."""
    try:
        lines = httpx.get(f"{url}/metrics", timeout=5.0, trust_env=False).text.splitlines()
    except httpx.HTTPError:
        return ""
    return "\n".join(line for line in lines if line.startswith("vllm:prompt_tokens_total"))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

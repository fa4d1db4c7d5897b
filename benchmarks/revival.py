"""How long a vLLM that was killed is away, beside a bare one that starts.

    python -m benchmarks.revival [BASE] [--repeat 5]

In turns: our server is killed with `kill -9` and asked until it answers again, with the adapter that was loaded into
it; and the same command is started by hand, on a free port, until its health answers. Seconds of wall time, and the
ratio of each pair: what looking after it costs. Nothing else should run: vLLM needs its cores to import itself.
"""

import argparse
import os
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import httpx

from benchmarks.ending import ending
from engine import processes, specs
from engine.serving import scratch, servers, vllms
from engine.serving.asking import client
from engine.serving.asking.calls import Failure
from engine.serving.asking.client import Decoding, Endpoint, Question
from engine.serving.servers import Server
from engine.serving.settings import ServeSpec
from studio.folders import CODE
from tests import adapters

VLLM = CODE / ".venv-vllm" / "bin" / "python"
NAME = "tone"
SHORT = Question([{"role": "user", "content": "Where is my order?"}], Decoding(max_tokens=8))


def revived(server: Server, endpoint: Endpoint) -> float:
    """Seconds from its death until its adapter answers again."""
    child = processes.find(server.folder, servers.CHILD)
    assert child is not None
    child.kill()
    began = time.perf_counter()
    while True:
        try:
            assert client.chat(endpoint, NAME, SHORT).model == NAME
            return time.perf_counter() - began
        except Failure:
            time.sleep(0.1)


def started(spec: ServeSpec, folder: Path) -> float:
    """Seconds until the same command, which nobody looks after, is healthy."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    folder.mkdir()
    more = {**os.environ, **vllms.environment(scratch.made(folder))}
    began = time.perf_counter()
    with (folder / "log.txt").open("wb") as log:
        bare = subprocess.Popen(vllms.command(spec, port, {}), env=more, stdout=log, stderr=log, start_new_session=True)
    processes.remember(folder, bare.pid)
    try:
        while not healthy(port):
            assert bare.poll() is None, (folder / "log.txt").read_text()
            time.sleep(0.1)
        return time.perf_counter() - began
    finally:
        processes.end(folder, 8.0)
        bare.wait()
        scratch.remove(folder)


def healthy(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).is_success
    except httpx.HTTPError:
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", nargs="?", default="starter", type=Path)
    parser.add_argument("--repeat", default=5, type=int)
    settings = parser.parse_args()
    os.environ[servers.VLLM] = str(VLLM)
    with tempfile.TemporaryDirectory() as place:
        adapters.adapter(settings.base, Path(place) / NAME)
        rounds = [once(settings.base, Path(place), n) for n in range(settings.repeat)]
    ratios = [back / bare for back, bare in rounds]
    slowest, middle = max(back for back, _ in rounds), statistics.median(ratios)
    print(f"n = {len(rounds)}: slowest {slowest:.1f} s, ratio {middle:.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


def once(base: Path, place: Path, n: int) -> tuple[float, float]:
    """Seconds of one revival, and of one bare start. Each server dies once: the second time it would pause."""
    with ending(place / f"servers-{n}") as running:
        endpoint = servers.ensure(running, base)
        servers.load(running, endpoint, NAME, place / NAME)
        [server] = servers.listed(running)
        spec, back = specs.read(server.folder, ServeSpec), revived(server, endpoint)
    bare = started(spec, place / f"bare-{n}")
    print(f"back after {back:.1f} s, a bare start takes {bare:.1f} s: {back / bare:.2f}", flush=True)
    return back, bare


if __name__ == "__main__":
    main()

"""What an evaluation costs in time over the fastest bare asynchronous client, on the same server and requests.

    python -m benchmarks.evaluation [--answers 3000] [--delay 0.02] [--at-once 16] [--rounds 5] [--base starter]

Bare is aiohttp with nothing around it: so many workers post requests that were encoded before and decode the answers.
Ours is the whole job: prompts built, asked, scored by two metrics, each answer written to disk, kept to be used again,
and its progress told. Both ask the same server, in turns; said is the median of the rounds and of their ratios. First a
server that answers after a fixed time and costs almost nothing, in a process of its own; then our own with a base.
"""

import argparse
import asyncio
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from benchmarks.ending import ending
from engine import specs
from engine.scoring import candidates, evaluate
from engine.scoring.candidates import Candidate
from engine.scoring.evaluate import EvaluateSpec
from engine.serving.asking import client
from engine.serving.asking.client import Decoding, Endpoint, Question

QUESTION = (
    "How long is the warranty of lamp {n}, and what does it cost to have it repaired after {n} months? Yes or no?"
)


def items(n: int) -> list[dict[str, Any]]:
    return [
        {
            "id": f"q{number}",
            "messages": [{"role": "user", "content": QUESTION.format(n=number)}],
            "answer": "yes",
            "label": "yes",
        }
        for number in range(n)
    ]


async def bare(endpoint: Endpoint, bodies: list[bytes], at_once: int) -> float:
    """Seconds for all of them."""
    waiting, headers = iter(bodies), {"content-type": "application/json"}
    url, heard = f"{endpoint.api}/chat/completions", 0
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=at_once), headers=headers) as session:

        async def work() -> None:
            nonlocal heard
            for body in waiting:
                async with session.post(url, data=body) as response:
                    said = await response.read()
                    heard += bool(msgspec.json.decode(said)["choices"])

        began = time.perf_counter()
        await asyncio.gather(*[work() for _ in range(at_once)])
        taken = time.perf_counter() - began
    assert heard == len(bodies)
    return taken


def ours(candidate: Candidate, path: Path, folder: Path, running: Path, at_once: int) -> float:
    """Seconds for the job, its process and imports aside."""
    folder.mkdir()
    spec = EvaluateSpec(
        [asdict(candidate)],
        str(path),
        ["facts", "label"],
        concurrency=at_once,
        servers=str(running),
        kept=str(folder / "kept.sqlite"),
    )
    specs.write(folder, spec)
    began = time.perf_counter()
    counts = evaluate.run(folder)
    taken = time.perf_counter() - began
    assert counts["failed"] == 0, counts
    return taken


def compare(what: str, candidate: Candidate, running: Path, given: argparse.Namespace, n: int, at_once: int) -> None:
    """Rounds in turns; who begins changes."""
    endpoint, name = candidates.located(candidate, running)
    asked = items(n)
    bodies = [client.request(endpoint, name, Question(item["messages"], candidate.decoding)) for item in asked]
    times: dict[str, list[float]] = {"bare": [], "ours": []}
    work: dict[str, list[float]] = {"bare": [], "ours": []}
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "items.jsonl"
        path.write_text("".join(json.dumps(item) + "\n" for item in asked))
        for number in range(given.rounds + 1):
            for who in random.sample(["bare", "ours"], 2):
                before = _cpu()
                if who == "bare":
                    taken = asyncio.run(bare(endpoint, bodies, at_once))
                else:
                    taken = ours(candidate, path, Path(scratch) / f"round-{number}", running, at_once)
                if number:  # the first round warms up
                    times[who].append(taken)
                    work[who].append(_cpu() - before)
    ratios = [mine / least for mine, least in zip(times["ours"], times["bare"], strict=True)]
    plain, mine = (statistics.median(times[who]) for who in ("bare", "ours"))
    each = {who: 1e6 * statistics.median(work[who]) / n for who in work}
    print(
        f"{what}: {n:,} answers, {at_once} at once; bare {plain:.2f} s, ours {mine:.2f} s; "
        f"ratio {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f}); "
        f"processor {each['bare']:.0f} and {each['ours']:.0f} microseconds an answer",
        flush=True,
    )


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@contextmanager
def fast(delay: float) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.failing", "0", "1", "0", str(delay)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    finally:
        server.kill()
        server.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", default=3000, type=int)
    parser.add_argument("--delay", default=0.02, type=float)
    parser.add_argument("--at-once", default=16, type=int)
    parser.add_argument("--rounds", default=5, type=int)
    parser.add_argument("--base", default="starter", type=Path)
    parser.add_argument("--base-answers", default=150, type=int, help="0 to leave the small server out")
    given = parser.parse_args()
    with fast(given.delay) as url:
        hosted = Candidate("fast", "fast", endpoint=url)
        what = f"a server that answers after {1000 * given.delay:g} ms"
        compare(what, hosted, Path(), given, given.answers, given.at_once)
    if given.base_answers:
        with tempfile.TemporaryDirectory() as scratch, ending(Path(scratch) / "servers") as running:
            one = Candidate("base", "base", base=str(given.base.resolve()), decoding=Decoding(max_tokens=24))
            compare(f"our own with {given.base}", one, running, given, given.base_answers, given.at_once)


if __name__ == "__main__":
    main()

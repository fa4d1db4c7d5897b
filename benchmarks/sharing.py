"""How fast a run learns beside other work on the same cores, by how its idle threads wait.

    python -m benchmarks.sharing [--repeat 3] [--busy 2] [--epochs 0.5]

The job of a run (LoRA on the starter, the sample's tone conversations) is started as the studio starts it, alone and
beside `--busy` processes that do nothing but take processor time. Ways take turns within a round: threads that wait
a moment for one another and then sleep (ours), that sleep at once, that spin for a while first (what the OpenMP library
does by default), and one thread alone. Seconds are those of the training loop.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine import events, jobs
from engine.training.settings import TrainSpec

ROOT = Path(__file__).parent.parent
OURS = "ours"
TURNS = (0, 10_000, 50_000, 300_000)  # of libgomp's loop before a thread sleeps; the last when nobody says how to wait
WAYS: dict[str, dict[str, str]] = {
    OURS: {},
    **{f"{turns:,} turns": {"GOMP_SPINCOUNT": str(turns)} for turns in TURNS},
    "one thread": {"OMP_NUM_THREADS": "1"},
}
BUSY = "while True: pass"


@contextmanager
def busy(n: int) -> Iterator[None]:
    """As long as this lasts, `n` processes take what time they get."""
    others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(n)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def learn(way: str, epochs: float) -> float:
    """Seconds of the training loop, in a job of its own."""
    before = {name: os.environ.get(name) for name in WAYS[way]}
    os.environ.update(WAYS[way])
    try:
        with tempfile.TemporaryDirectory() as home:
            train = str(ROOT / "sample" / "tone" / "train.jsonl")
            spec = TrainSpec(base=str(ROOT / "starter"), train=train, epochs=epochs)
            job = jobs.submit(Path(home), "train", spec, "benchmark")
            jobs.start(job)
            if jobs.wait(job) != jobs.DONE:
                sys.exit(jobs.why(job.folder))
            return float((events.last(job.folder, "end") or {})["seconds"])
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", default=3, type=int)
    parser.add_argument("--busy", default=2, type=int)
    parser.add_argument("--epochs", default=0.5, type=float)
    asked = parser.parse_args()
    print(f"{asked.repeat} rounds; load before it {os.getloadavg()[0]:.1f}", flush=True)
    print("| beside | threads | seconds | times as long as ours | n |\n|---|---|---|---|---|")
    for others in (0, asked.busy):
        taken: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(asked.repeat):
            for way in WAYS:
                with busy(others):
                    taken[way].append(learn(way, asked.epochs))
        for way, found in taken.items():
            times = [one / ours for one, ours in zip(found, taken[OURS], strict=True)]
            print(
                f"| {others} busy processes | {way} | {statistics.median(found):.1f} "
                f"| {statistics.median(times):.2f} ({min(times):.2f}..{max(times):.2f}) | {len(found)} |",
                flush=True,
            )


if __name__ == "__main__":
    main()

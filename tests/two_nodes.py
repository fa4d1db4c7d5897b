"""A Ray cluster of two nodes on one machine, and our queue on it. Run by tests/test_scaling.py in a network of its own.

Prints one JSON object: what became of each job. Ray listens on every interface that it finds; in a network that has a
loopback alone, that is where it stays.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from engine import events, jobs
from engine.scaling import cluster
from engine.scaling.cluster import Cluster
from engine.training.settings import TrainSpec
from tests.patience import until, waited
from tests.sleeping import Sleep

RAY = str(Path(sys.executable).with_name("ray"))
ROOT = Path(__file__).parents[1]
DASHBOARD = "http://127.0.0.1:8299"


def ray(*arguments: str) -> None:
    given = {
        **os.environ,
        "RAY_USAGE_STATS_ENABLED": "0",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    subprocess.run([RAY, *arguments], env=given, check=True, stdout=subprocess.DEVNULL, stderr=sys.stderr)


def up(folder: Path) -> None:
    """Two nodes of one CPU each."""
    common = ["--node-ip-address=127.0.0.1", "--num-cpus=1", "--object-store-memory=100000000", "--disable-usage-stats"]
    ray(
        "start",
        "--head",
        "--port=6399",
        "--dashboard-host=127.0.0.1",
        "--dashboard-port=8299",
        f"--temp-dir={folder}",
        *common,
    )
    ray("start", "--address=127.0.0.1:6399", *common)


def queue(folder: Path) -> dict[str, Any]:
    """Two jobs at once, one more that fails, one that is stopped, one that is killed and resumed."""
    gate = folder.parent / "gate"
    sent = [jobs.submit(folder, "tests.sleeping", Sleep(steps=60, gate=str(gate)), "ada") for _ in range(3)]
    for _ in sent:
        jobs.tick(folder)
    at_once = [job.state for job in sent]
    until(lambda: events.last(sent[0].folder, "progress"))
    jobs.stop(sent[0])
    stopped = sent[0].state
    gate.touch()
    ended = [waited(job) for job in sent[1:]]
    failing = jobs.submit(folder, "tests.sleeping", Sleep(fail=True), "ada")
    failed = waited(failing)
    jobs.resume(sent[0])
    resumed = waited(sent[0])
    return {
        "at_once": at_once,
        "stopped": stopped,
        "ended": ended,
        "failed": [failed, jobs.why(failing.folder)],
        "resumed": [resumed, events.last(sent[0].folder, "end")["steps"]],
        "log": jobs.log(sent[1].folder),
    }


def killed(folder: Path) -> dict[str, Any]:
    """A job whose process dies on its node."""
    job = jobs.submit(folder, "tests.sleeping", Sleep(steps=1000), "ada")
    jobs.tick(folder)
    until(lambda: events.last(job.folder, "progress"))
    os.kill(json.loads((job.folder / "process.json").read_text())["pid"], signal.SIGKILL)
    until(lambda: not job.live)
    return {"killed": job.state}


def spread(folder: Path, spec: dict[str, Any]) -> dict[str, Any]:
    """One training run over both nodes, and one that asks for more than there are."""
    job = jobs.submit(folder, "train", TrainSpec(**spec, workers=2), "ada")
    state = waited(job)
    many = jobs.submit(folder, "train", TrainSpec(**spec, workers=3), "ada")
    refused = waited(many)
    losses = [event["loss"] for event in events.read(job.folder)[0] if event["kind"] == "step"]
    why = jobs.why(job.folder) if state != jobs.DONE else ""
    return {"state": state, "losses": losses, "why": why, "many": [refused, jobs.why(many.folder)]}


def main(home: Path, spec: dict[str, Any]) -> None:
    folder = home / "jobs"
    folder.mkdir()
    up(home / "ray")
    try:
        cluster.use(folder, Cluster(DASHBOARD, slots=2))
        found = {**queue(folder), **killed(folder), "spread": spread(folder, spec)}
    finally:
        ray("stop", "--force")
    unreachable = jobs.submit(folder, "tests.sleeping", Sleep(), "ada")
    jobs.tick(folder)
    found["unreachable"] = [unreachable.state, jobs.waits_for(unreachable)]
    print(json.dumps(found))


if __name__ == "__main__":
    subprocess.run(["ip", "link", "set", "lo", "up"])  # in a network of its own it is down at first
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))

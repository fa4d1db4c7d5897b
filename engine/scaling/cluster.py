"""Cluster: a Ray cluster that runs the heavy jobs, asked over Ray Jobs' own HTTP interface.

The folder stays the contract: the nodes see the same jobs folder (a shared file system), and what a job has to say
stands in it. `ray.json` in a job's folder names its submission; whether that still runs, only the cluster knows, as a
pid means nothing on another machine. Nothing of Ray is imported here: it must be installed on the nodes alone.
"""

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from engine import processes
from engine.problems import Problem

FILE, MARK = "cluster.json", "ray.json"  # of the jobs folder; of one job's
OVER = ("STOPPED", "SUCCEEDED", "FAILED")
FRESH = 1.0  # seconds for which an answer of the cluster counts, as pages ask again and again
PATIENCE = 5.0  # seconds

_seen: dict[str, tuple[float, bool]] = {}


@dataclass(frozen=True)
class Cluster:
    """Where jobs are sent. `address` is that of Ray's dashboard, which takes jobs, such as http://head:8265."""

    address: str
    slots: int = 1  # heavy jobs at once
    cpus: float = 0  # kept for a job itself; a run over several workers asks for theirs on its own
    gpus: float = 0
    python: str = sys.executable  # on the nodes


def read(jobs: Path) -> Cluster | None:
    """The cluster of a jobs folder, or None: then this machine runs its own."""
    path = jobs / FILE
    return Cluster(**json.loads(path.read_text())) if path.is_file() else None


def use(jobs: Path, cluster: Cluster) -> str:
    """From now on heavy jobs go there; Ray's version. Problem unless a Ray cluster answers."""
    version = str(_call(cluster.address, "GET", "/api/version")["ray_version"])
    draft = jobs / f".{FILE}"
    draft.write_text(json.dumps(asdict(cluster), indent=2))
    draft.rename(jobs / FILE)
    return version


def leave(jobs: Path) -> None:
    """From now on this machine runs its jobs again; those that were sent go on there."""
    (jobs / FILE).unlink(missing_ok=True)


def sent(folder: Path) -> bool:
    """Whether the latest attempt at a job was sent to a cluster."""
    return (folder / MARK).is_file()


def start(folder: Path, cluster: Cluster) -> None:
    """Send a job. Problem when the cluster does not take it."""
    submission = f"{folder.name}-{time.time_ns()}"  # each attempt is a submission of its own
    asked = {
        "entrypoint": f"{cluster.python} -m engine.job {folder}",
        "submission_id": submission,
        "entrypoint_num_cpus": cluster.cpus,
        "entrypoint_num_gpus": cluster.gpus,
        "runtime_env": {"env_vars": processes.TOLD},
        "metadata": {"atelier": folder.name},
    }
    # noted first: killed in between, it is looked for there and not found, and never started twice
    draft = folder / f".{MARK}"
    draft.write_text(json.dumps({"address": cluster.address, "submission": submission}))
    draft.rename(folder / MARK)
    _call(cluster.address, "POST", "/api/jobs/", asked)


def runs(folder: Path) -> bool:
    """Whether the cluster still has the job; while it cannot be asked, yes, since nothing says that it has ended."""
    noted = _noted(folder)
    at, answer = _seen.get(noted["submission"], (0.0, True))
    if time.monotonic() - at > FRESH:
        try:
            answer = _call(noted["address"], "GET", f"/api/jobs/{noted['submission']}")["status"] not in OVER
        except Gone:
            answer = False
        except Problem:
            answer = True
        _seen[noted["submission"]] = (time.monotonic(), answer)
    return answer


def end(folder: Path, grace: float = 10.0) -> None:
    """Ask the cluster to end a job, and wait up to `grace` seconds. It insists by itself after a while."""
    noted = _noted(folder)
    try:
        _call(noted["address"], "POST", f"/api/jobs/{noted['submission']}/stop")
    except Gone:
        return
    until = time.monotonic() + grace
    while time.monotonic() < until:
        _seen.pop(noted["submission"], None)
        if not runs(folder):
            return
        time.sleep(0.2)


def log(folder: Path) -> str:
    """What the job printed, as the cluster keeps it; '' while it cannot be asked."""
    noted = _noted(folder)
    try:
        return str(_call(noted["address"], "GET", f"/api/jobs/{noted['submission']}/logs")["logs"])
    except Problem:
        return ""


class Gone(Problem):
    """The cluster does not know the job: it was restarted, or never took it."""


def _noted(folder: Path) -> dict[str, str]:
    return dict(json.loads((folder / MARK).read_text()))


def _call(address: str, method: str, path: str, body: object = None) -> dict[str, object]:
    import httpx  # a tenth of a second, for those who have a cluster

    try:
        answer = httpx.request(method, address.rstrip("/") + path, json=body, timeout=PATIENCE, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Problem(
            f"The Ray cluster at {address} does not answer.",
            f"The connection says: {error}.",
            "Start it with `ray start --head`, or leave it: `atelier cluster --off`.",
        ) from error
    if answer.status_code == 404:
        raise Gone(f"The Ray cluster at {address} does not know this job.")
    if answer.is_error:
        last = answer.text.strip().splitlines()[-1][:300] if answer.text.strip() else answer.reason_phrase
        raise Problem(f"The Ray cluster at {address} refuses.", f"It says: {last}")
    return dict(answer.json()) if answer.content else {}

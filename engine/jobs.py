"""Jobs: a job is a folder, run by its own process group, so whoever dies, nothing is lost.

    job.json      what it is: kind, who asked, when, its place in the queue
    spec.json     its settings (engine.specs)
    process.json  the process that runs it (engine.processes)
    events.jsonl  what happened, whole lines (engine.events); the last word is an event `end`
    log.txt       whatever it printed

State is never stored: it is read off the folder, so it cannot be wrong after a crash.
"""

import json
import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine import events, processes, specs
from engine.problems import Problem

QUEUED, RUNNING, DONE, FAILED, STOPPED = "queued", "running", "done", "failed", "stopped"
LIVE = (QUEUED, RUNNING)
LIGHT = ("scan", "make")  # kinds that need little of the machine: they have a lane of their own, beside the heavy one


@dataclass(frozen=True)
class Job:
    id: str
    kind: str
    by: str
    made_at: float
    folder: Path

    @property
    def state(self) -> str:
        return state(self.folder)

    @property
    def live(self) -> bool:
        return self.state in LIVE


def new_id(prefix: str) -> str:
    """Short and sortable by time: for things that happen."""
    return f"{prefix}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{uuid.uuid4().hex[:4]}"


def submit(jobs: Path, kind: str, spec: Any, by: str, id: str = "") -> Job:
    """Put a job in the queue. `kind` is one of `engine.job.KINDS` or the dotted name of a module with `run(folder)`.

    Who keeps a record of the job makes its `id` beforehand, with `new_id`, and submits last.
    """
    job = Job(id or new_id(kind), kind, by, time.time(), Path())
    whole = jobs / job.id
    draft = jobs / f".{job.id}"
    draft.mkdir(parents=True)
    specs.write(draft, spec)
    (draft / "job.json").write_text(json.dumps({k: v for k, v in asdict(job).items() if k != "folder"}))
    draft.rename(whole)  # renamed into place last: a job that can be seen is whole
    return get(jobs, job.id)


def get(jobs: Path, id: str) -> Job:
    path = jobs / id / "job.json"
    if not path.is_file():
        raise Problem(f"There is no job {id}.", do="Look at the list of runs for those that exist.")
    return Job(**json.loads(path.read_text()), folder=path.parent)


def listed(jobs: Path) -> list[Job]:
    """Every job, oldest first."""
    found = [get(jobs, path.parent.name) for path in jobs.glob("[!.]*/job.json")]
    return sorted(found, key=lambda job: (job.made_at, job.id))


def state(folder: Path) -> str:
    """queued, running, done, failed or stopped, read off the folder."""
    if processes.find(folder) is not None:
        return RUNNING
    waiting = (folder / "requeued").exists() or not (folder / processes.FILE).exists()
    if (folder / "stop").exists() and (waiting or _end(folder) is None):
        return STOPPED
    if waiting:
        return QUEUED
    end = _end(folder)
    return FAILED if end is None else str(end["state"])


def why(folder: Path, lines: int = 20) -> str:
    """What is known about a failure: its own words if it left any, else the end of its log."""
    end = _end(folder)
    if end is not None and end.get("why"):
        return str(end["why"])
    return "The process ended without a word; it was killed, or the machine went down.\n" + log(folder, lines)


def log(folder: Path, lines: int = 200) -> str:
    """The last lines of what the job printed."""
    return processes.log(folder, lines)


def start(job: Job) -> None:
    """Run a queued job in a process group of its own, which outlives whoever started it."""
    processes.start(job.folder, "engine.job")
    (job.folder / "requeued").unlink(missing_ok=True)


def stop(job: Job, grace: float = 10.0) -> None:
    """End a job: ask its group to stop, and insist after `grace` seconds. A queued one never starts."""
    (job.folder / "stop").touch()
    processes.end(job.folder, grace)


def resume(job: Job) -> None:
    """Put a failed or stopped job back in the queue; it goes on from its last checkpoint."""
    if job.live:
        raise Problem(f"{job.id} is {job.state} already.", do="Wait for it, or stop it first.")
    if job.state == DONE:
        raise Problem(f"{job.id} is done.", do="Start a new one.")
    (job.folder / "stop").unlink(missing_ok=True)
    (job.folder / "requeued").touch()


def tick(jobs: Path) -> Job | None:
    """Start the oldest queued job of a lane in which nothing runs. Safe to call from several processes at once."""
    jobs.mkdir(parents=True, exist_ok=True)
    with processes.locked(jobs / ".queue"):
        found = [(job, job.state) for job in listed(jobs)]
        busy = {job.kind in LIGHT for job, state in found if state == RUNNING}
        waiting = next((job for job, state in found if state == QUEUED and (job.kind in LIGHT) not in busy), None)
        if waiting is not None:
            start(waiting)
        return waiting


def wait(job: Job, seconds: float = float("inf")) -> str:
    """Keep the queue moving until `job` has ended; its last state. For the command line and tests."""
    until = time.monotonic() + seconds
    while job.live and time.monotonic() < until:
        tick(job.folder.parent)
        time.sleep(0.2)
    return job.state


def _end(folder: Path) -> dict[str, Any] | None:
    """The last word of the latest attempt; that of an earlier one says nothing about a process killed since."""
    end = events.last(folder, "end")
    return end if end is not None and end["at"] >= (folder / processes.FILE).stat().st_mtime else None

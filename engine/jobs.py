"""Jobs: a job is a folder, run by its own process group, so whoever dies, nothing is lost.

    job.json      what it is: kind, who asked, when, its place in the queue
    spec.json     its settings (engine.specs)
    place.json    where it waits, which may change while it does (engine.queue)
    process.json  the process that runs it (engine.processes)
    events.jsonl  what happened, whole lines (engine.events); the last word is an event `end`
    log.txt       whatever it printed

State is never stored: it is read off the folder, so it cannot be wrong after a crash.
"""

import json
import time
import uuid
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from engine import events, processes, queue, runners, specs
from engine.problems import Problem
from engine.queue import Place
from engine.serving import holding

QUEUED, RUNNING, PAUSED = "queued", "running", "paused"
DONE, FAILED, STOPPED = "done", "failed", "stopped"
LIVE = (QUEUED, RUNNING)
OVER = (FAILED, STOPPED, PAUSED)  # ended before it was done: it can be resumed
ELSEWHERE = ("remote",)  # kinds whose work another machine does: here they only listen, and wait for nobody
TROUBLE = "trouble.txt"  # why a job that should run could not be started
CLOCK = 0.002  # seconds; the times of events are rounded
SAVING = 60.0  # seconds for a last checkpoint
LIGHT = ("scan", "gather", "index", "make", "parity")  # kinds that need little of the machine have a lane of their own


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

    @property
    def light(self) -> bool:
        return self.kind in LIGHT

    @property
    def place(self) -> Place:
        return queue.place(self.folder, self.made_at)


def new_id(prefix: str) -> str:
    """Short and sortable by time: for things that happen."""
    return f"{prefix}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{uuid.uuid4().hex[:4]}"


def submit(jobs: Path, kind: str, spec: Any, by: str, id: str = "", place: Place | None = None) -> Job:
    """Put a job in the queue. `kind` is one of `engine.job.KINDS` or the dotted name of a module with `run(folder)`.

    `place` says how urgent it is and what it waits for; without one it is the last of normal priority. Who keeps a
    record of the job makes its `id` beforehand, with `new_id`, and submits last. Problem when a server has the GPU that
    it needs, and the rules say to refuse it then.
    """
    holding.check(jobs.parent, kind)
    job = Job(id or new_id(kind), kind, by, time.time(), Path())
    whole = jobs / job.id
    draft = jobs / f".{job.id}"
    draft.mkdir(parents=True)
    specs.write(draft, spec)
    if place is not None:
        queue.put(draft, place)
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
    """queued, running, paused, done, failed or stopped, read off the folder."""
    if _runs(folder):
        return RUNNING
    waiting = (folder / "requeued").exists() or not runners.began(folder)
    if (folder / "stop").exists() and (waiting or _end(folder) is None):
        return STOPPED
    end = None if waiting else _end(folder)
    if (folder / "pause").exists() and (end is None or end["state"] == STOPPED):
        return PAUSED
    if waiting:
        return QUEUED
    return FAILED if end is None else str(end["state"])


def why(folder: Path, lines: int = 20) -> str:
    """What is known about a failure: its own words if it left any, else the end of its log."""
    end = _end(folder)
    if end is not None and end.get("why"):
        return str(end["why"])
    return "The process ended without a word; it was killed, or the machine went down.\n" + log(folder, lines)


def log(folder: Path, lines: int = 200) -> str:
    """The last lines of what the job printed."""
    return runners.log(folder, lines)


def start(job: Job) -> None:
    """Run a queued job, which outlives whoever started it. Problem when the cluster that shall run it does not."""
    runners.start(job.folder, here=job.light or job.kind in ELSEWHERE)
    for mark in ("requeued", TROUBLE):
        (job.folder / mark).unlink(missing_ok=True)


def stop(job: Job, grace: float = 10.0) -> None:
    """End a job: ask its group to stop, and insist after `grace` seconds. A queued one never starts."""
    with processes.locked(job.folder.parent / ".queue"):  # or it could be started at this moment
        (job.folder / "stop").touch()
        (job.folder / "pause").unlink(missing_ok=True)
    runners.end(job.folder, grace)


def pause(job: Job, grace: float = SAVING) -> None:
    """Have a running job save where it is and give up its place, or keep a queued one from starting, until `resume`."""
    if not job.live:
        raise Problem(f"{job.id} is {job.state}: there is nothing to pause.")
    with processes.locked(job.folder.parent / ".queue"):
        (job.folder / "pause").touch()
    runners.end(job.folder, grace)


def resume(job: Job) -> None:
    """Put a paused, failed or stopped job back in the queue; it goes on from its last checkpoint."""
    if job.live:
        raise Problem(f"{job.id} is {job.state} already.", do="Wait for it, or stop it first.")
    if job.state == DONE:
        raise Problem(f"{job.id} is done.", do="Start a new one.")
    for mark in ("stop", "pause"):
        (job.folder / mark).unlink(missing_ok=True)
    if runners.began(job.folder):  # one that never ran waits without this mark
        (job.folder / "requeued").touch()


def waiting(jobs: Path, light: bool = False) -> list[Job]:
    """The queued jobs of a lane in the order in which they start."""
    return _in_order([job for job in listed(jobs) if job.light == light and job.state == QUEUED])


def move(job: Job, to: int) -> None:
    """Put a waiting job in the place number `to` of its lane, 0 for the next; past another priority it takes that."""
    with processes.locked(job.folder.parent / ".queue"):
        line = waiting(job.folder.parent, job.light)
        if job not in line:
            raise Problem(f"{job.id} is {job.state}: it does not wait in the queue.")
        line.remove(job)
        to = max(0, min(to, len(line)))
        above, below = (line[to - 1].place if to else None), (line[to].place if to < len(line) else None)
        queue.put(job.folder, queue.between(job.place, above, below))
        for number, one in enumerate([*line[:to], job, *line[to:]], 1):
            queue.put(one.folder, replace(one.place, order=float(number)))


def tick(jobs: Path) -> Job | None:
    """Start the next job that may start, in a lane where nothing runs. Safe to call from several processes at once.

    A paused queue starts no heavy job; a job that waits for its time, or for the GPU, lets others past.
    """
    jobs.mkdir(parents=True, exist_ok=True)
    with processes.locked(jobs / ".queue"):
        found = [(job, job.state) for job in listed(jobs)]
        rules, now = queue.rules(jobs), time.time()
        running = [job.light for job, state in found if state == RUNNING and job.kind not in ELSEWHERE]
        closed = {light for light in (True, False) if running.count(light) >= _room(jobs, light, rules.paused)}
        line = _in_order(
            [job for job, state in found if state == QUEUED and (job.light not in closed or job.kind in ELSEWHERE)]
        )
        due = (job for job in line if queue.begins(job.place, rules, now) <= now)
        ready = next((job for job in due if holding.clear(jobs.parent, job.kind)), None)
        return ready if ready is not None and _started(ready) else None


def waits_for(job: Job) -> str:
    """Why a queued job does not run yet, in a sentence; '' for any other."""
    if job.state != QUEUED:
        return ""
    jobs, now = job.folder.parent, time.time()
    rules, begins = queue.rules(jobs), queue.begins(job.place, queue.rules(jobs), now)
    if rules.paused and not job.light:
        return "The queue is paused: nothing new starts until it goes on."
    if begins > now:
        night = ", in the night hours" if job.place.night else ""
        return f"Starts {queue.said(begins, now)}{night}."
    if (job.folder / TROUBLE).exists():
        return (job.folder / TROUBLE).read_text()
    if held := holding.stands_in_the_way(jobs.parent, job.kind):
        return held
    line = [one.id for one in waiting(jobs, job.light) if queue.begins(one.place, rules, now) <= now]
    ahead = line.index(job.id) if job.id in line else 0
    if ahead:
        return f"Waits for its turn: {ahead} before it in the queue."
    running = any(one.light == job.light and one.state == RUNNING for one in listed(jobs) if one != job)
    return "Starts next, when what runs now has ended." if running else "Starts in a moment."


def wait(job: Job, seconds: float = float("inf")) -> str:
    """Keep the queue moving until `job` has ended; its last state. For the command line and tests."""
    until = time.monotonic() + seconds
    while job.live and time.monotonic() < until:
        tick(job.folder.parent)
        time.sleep(0.2)
    return job.state


def _room(jobs: Path, light: bool, paused: bool) -> int:
    """How many jobs of a lane may run at once."""
    if light:
        return 1
    return 0 if paused else runners.slots(jobs)


def _started(job: Job) -> bool:
    """Start a job; when its cluster does not take it, it waits on, and says why."""
    try:
        start(job)
    except Problem as problem:
        (job.folder / TROUBLE).write_text(str(problem))
        return False
    return True


def _in_order(found: list[Job]) -> list[Job]:
    return sorted(found, key=lambda job: (queue.key(job.place), job.made_at, job.id))


def _runs(folder: Path) -> bool:
    # the last word of a job is enough: a cluster is asked over the network, and may be gone by now
    return not (runners.sent(folder) and _end(folder) is not None) and runners.runs(folder)


def _end(folder: Path) -> dict[str, Any] | None:
    """The last word of the latest attempt; that of an earlier one says nothing about a process killed since."""
    end, noted = events.last(folder, "end"), processes.noted_at(folder)
    return end if end is not None and noted is not None and end["at"] >= noted - CLOCK else None

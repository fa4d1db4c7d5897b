"""Work: what the studio keeps of something that a job does. Run, Evaluation, Scan and Making are works.

What it is stands in a table of its own; how it goes is read off the job's folder, whoever looks.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar

from engine import events, jobs, queue
from engine.jobs import Job
from engine.queue import Place, Rules
from studio.store import Store


@dataclass(frozen=True, kw_only=True)
class Work:
    noun: ClassVar[str] = "work"  # the first half of its verbs in the record: run.stop

    id: str  # the job's
    made_by: str
    made_at: datetime
    job: Job

    @property
    def state(self) -> str:
        return self.job.state

    @property
    def live(self) -> bool:
        return self.job.live

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        """All that the job has told so far, read once for each look."""
        return events.read(self.job.folder)[0]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["kind"] == kind]

    def last(self, kind: str) -> dict[str, Any] | None:
        return next((event for event in reversed(self.events) if event["kind"] == kind), None)

    @property
    def progress(self) -> dict[str, Any] | None:
        """{done, of, seconds_left} as last told; cheap, for a page that asks each second."""
        return events.last(self.job.folder, "progress")


def stop(store: Store, work: Work, by: str) -> None:
    """End its job; what that has kept up to its last checkpoint stays."""
    with store.write(by, f"{work.noun}.stop", work.id):
        pass
    jobs.stop(work.job)  # may take seconds, and nobody else could write meanwhile


def pause(store: Store, work: Work, by: str) -> None:
    """Have its job save where it is and give up its place, until it is resumed."""
    with store.write(by, f"{work.noun}.pause", work.id):
        pass
    jobs.pause(work.job)


def resume(store: Store, work: Work, by: str) -> None:
    """Put a paused, failed or stopped job back in the queue; it goes on from its last checkpoint."""
    with store.write(by, f"{work.noun}.resume", work.id):
        jobs.resume(work.job)


def move(store: Store, job: Job, to: int, by: str) -> None:
    """Put a waiting job in the place number `to` of the queue; 0 for the next to start."""
    with store.write(by, "queue.move", job.id, to=to + 1):
        jobs.move(job, to)


def put(store: Store, job: Job, place: Place, by: str) -> None:
    """Give a waiting job another priority, or another time to wait for."""
    with store.write(by, "queue.schedule", job.id, **asdict(place)):
        queue.put(job.folder, place)


def rules(store: Store) -> Rules:
    """What holds for the whole queue."""
    return queue.rules(store.home.jobs)


def rule(store: Store, rules: Rules, by: str) -> None:
    """Pause the queue or let it go on; set the night hours, and who makes way when two want the GPU."""
    before = queue.rules(store.home.jobs)
    if before.paused != rules.paused:
        verb = "queue.pause" if rules.paused else "queue.resume"
    else:
        nights = (before.night_from, before.night_until) != (rules.night_from, rules.night_until)
        verb = "queue.night" if nights else "queue.gpu"
    with store.write(by, verb, "queue", **asdict(rules)):
        queue.rule(store.home.jobs, rules)

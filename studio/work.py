"""Work: what the studio keeps of something that a job does. Run, Evaluation, Scan and Making are works.

What it is stands in a table of its own; how it goes is read off the job's folder, whoever looks.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar

from engine import events, jobs
from engine.jobs import Job
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


def resume(store: Store, work: Work, by: str) -> None:
    """Put a failed or stopped job back in the queue; it goes on from its last checkpoint."""
    with store.write(by, f"{work.noun}.resume", work.id):
        jobs.resume(work.job)

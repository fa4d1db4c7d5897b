"""Progress: bars with time left for the command line. A job is watched through its folder, like everything else."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from engine import events, jobs
from engine.jobs import Job
from engine.problems import Problem

console = Console(stderr=True)


@contextmanager
def bars() -> Iterator[Progress]:
    """A place for bars: what, how far, time taken, time left."""
    with Progress(
        TextColumn("{task.description:<31}"),
        BarColumn(bar_width=14),  # all of it fits into 80 columns
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[note]}", style="dim"),
        console=console,
    ) as progress:
        yield progress


@contextmanager
def reading(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for a file that is read: give it (bytes done, of). Time left is the bar's own guess."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=14),
        DownloadColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(compact=True),
        console=console,
        transient=True,
    ) as progress:
        bar = progress.add_task(what, total=None)
        yield lambda done, of: progress.update(bar, completed=done, total=of)


def watch(job: Job, what: str, progress: Progress) -> None:
    """Follow a job to its end, keeping the queue moving meanwhile. Problem when it does not end well; whoever looks
    away before that is told what becomes of it."""
    try:
        _watch(job, what, progress)
    except KeyboardInterrupt:
        if job.state in jobs.LIVE:
            goes = "waits in the queue" if job.state == jobs.QUEUED else "goes on by itself"
            progress.console.print(f"{what} {goes}; the studio shows how far it is.", markup=False, highlight=False)
        raise


def _watch(job: Job, what: str, progress: Progress) -> None:
    bar = progress.add_task(what, total=None, note="")
    offset, state, said = 0, job.state, ""
    while True:
        if state == jobs.QUEUED and said != (said := jobs.waits_for(job)) and said:
            progress.console.print(f"{what}: {said}", markup=False, highlight=False)
        found, offset = events.read(job.folder, offset)
        for event in found:
            _show(progress, bar, event)
        if state not in jobs.LIVE:
            break
        jobs.tick(job.folder.parent)
        time.sleep(0.2)
        state = job.state
    if state in (jobs.PAUSED, jobs.STOPPED):
        raise Problem(f"{what} is {state}.", do="`atelier resume` has it go on from its last checkpoint.")
    if state != jobs.DONE:
        raise Problem(f"{what} {state}.", jobs.why(job.folder), f"Its folder is {job.folder}.")
    total = progress.tasks[bar].total
    progress.update(bar, total=total or 1, completed=total or 1)


def _show(progress: Progress, bar: TaskID, event: dict[str, Any]) -> None:
    """Steps of a training, answers of an evaluation: both are so many of so many."""
    if event["kind"] == "step":
        progress.update(bar, completed=event["step"], total=event["steps"], note=f"loss {event['loss']:.3f}")
    elif event["kind"] == "progress":
        progress.update(bar, completed=event["done"], total=event["of"])


def followed(ask: Callable[..., dict[str, Any]], id: str, hear: Callable[[int, int], None]) -> dict[str, Any]:
    """An import to its end; interrupted, it is cancelled and adds nothing."""
    try:
        while (found := ask("import-look", id=id))["state"] == "running":
            hear(found["done"], found["of"])
            time.sleep(0.1)
    except KeyboardInterrupt:
        ask("import-cancel", id=id)
        raise
    if found["state"] == "cancelled":
        raise Problem(f"The import into {found['dataset']} was cancelled.", "Nothing of the file was added.")
    return found

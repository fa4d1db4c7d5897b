"""Runners: who runs a job's folder, a process of this machine or a cluster. What the folder says is the same."""

from pathlib import Path

from engine import processes
from engine.problems import Problem
from engine.scaling import cluster

MODULE = "engine.job"


def slots(jobs: Path) -> int:
    """How many heavy jobs may run at once: one on a machine, as they would fight over its memory."""
    place = cluster.read(jobs)
    return place.slots if place else 1


def start(folder: Path, here: bool) -> None:
    """Run a job; `here` even if there is a cluster. Problem when the cluster does not take it: then it waits on."""
    (folder / processes.FILE).unlink(missing_ok=True)  # that of an attempt before says nothing of this one
    place = None if here else cluster.read(folder.parent)
    (folder / cluster.MARK).unlink(missing_ok=True)
    if place is None:
        processes.start(folder, MODULE)
        return
    try:
        cluster.start(folder, place)
    except Problem:
        (folder / cluster.MARK).unlink(missing_ok=True)
        raise


def sent(folder: Path) -> bool:
    """Whether another machine has it."""
    return cluster.sent(folder)


def runs(folder: Path) -> bool:
    return cluster.runs(folder) if cluster.sent(folder) else processes.find(folder) is not None


def began(folder: Path) -> bool:
    """Whether anybody ever ran it."""
    return (folder / processes.FILE).exists() or cluster.sent(folder)


def end(folder: Path, grace: float) -> None:
    """Ask it to end, and insist after `grace` seconds."""
    if cluster.sent(folder):
        cluster.end(folder, grace)
    else:
        processes.end(folder, grace)


def log(folder: Path, lines: int) -> str:
    """The last lines of what it printed."""
    if cluster.sent(folder):
        return "\n".join(cluster.log(folder).splitlines()[-lines:])
    return processes.log(folder, lines)

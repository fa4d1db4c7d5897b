"""Patience: how long a test waits for what must come to pass. Only a fault outlasts it, however busy the machine is."""

import time
from collections.abc import Callable

from engine import jobs
from engine.jobs import Job

LONG = 900.0  # seconds


def until(true: Callable[[], object], alive: Callable[[], object] = lambda: True) -> None:
    """Wait until it is true, as long as `alive`: what ends before will never make it true."""
    end = time.monotonic() + LONG
    while not true():
        assert time.monotonic() < end, "waited in vain"
        assert alive() or true(), "it ended before"
        time.sleep(0.02)


def waited(job: Job) -> str:
    """The last state of a job that is given its time to end."""
    return jobs.wait(job, LONG)

"""Queue: which of the waiting jobs starts next, and when.

A job's place is a file of its own in its folder, `place.json`, which may be changed while it waits; what holds for
all of them is `.rules.json` beside the jobs. Both are replaced whole. Who runs now is the business of engine.jobs.
"""

import json
import os
import time
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from engine.problems import Problem

FILE, RULES = "place.json", ".rules.json"
HIGH, NORMAL, LOW = "high", "normal", "low"
PRIORITIES = (HIGH, NORMAL, LOW)
WAIT, STOP, REFUSE = "wait", "stop", "refuse"


@dataclass(frozen=True)
class Place:
    """Where a job waits. Of one priority the lowest `order` goes first; without one it is the time of its making."""

    priority: str = NORMAL
    order: float = 0.0
    not_before: float = 0.0  # seconds since the epoch; 0 for at once
    night: bool = False  # starts in the night hours alone

    def __post_init__(self) -> None:
        if self.priority not in PRIORITIES:
            raise Problem(f"There is no priority {self.priority!r}.", do=f"Use one of {', '.join(PRIORITIES)}.")


@dataclass(frozen=True)
class Rules:
    """What holds for every job. The night is in the local time of the machine that runs them."""

    paused: bool = False  # nothing that needs much of the machine starts
    night_from: str = "20:00"
    night_until: str = "06:00"
    server_has_gpu: str = WAIT  # a run that wants it then waits, has the server stopped, or is refused
    run_has_gpu: str = WAIT  # a server that wants it then waits, has the run paused, or is refused

    def __post_init__(self) -> None:
        for chosen in (self.server_has_gpu, self.run_has_gpu):
            if chosen not in (WAIT, STOP, REFUSE):
                raise Problem(f"There is no rule {chosen!r} for the GPU.", do="Use one of wait, stop, refuse.")
        if clock(self.night_from) == clock(self.night_until):
            raise Problem("The night would begin when it ends.", do="Choose two different times, as 20:00 and 06:00.")

    def is_night(self, at: float) -> bool:
        begins, ends = clock(self.night_from), clock(self.night_until)
        local = datetime.fromtimestamp(at)
        here = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second)
        return begins <= here < ends if begins < ends else here >= begins or here < ends

    def nightfall(self, after: float) -> float:
        """When the next night begins, in seconds since the epoch."""
        day = datetime.fromtimestamp(after).replace(hour=0, minute=0, second=0, microsecond=0)
        hour, minute = map(int, self.night_from.split(":"))
        nights = ((day + timedelta(days=n)).replace(hour=hour, minute=minute).timestamp() for n in range(3))
        return next(night for night in nights if night >= after)


def place(folder: Path, made_at: float = 0.0) -> Place:
    """The place of a job's folder; one that never got any waits as all others did."""
    path = folder / FILE
    found = Place(**json.loads(path.read_text())) if path.exists() else Place()
    return found if found.order else replace(found, order=made_at)


def put(folder: Path, place: Place) -> None:
    _replace(folder / FILE, asdict(place))


def rules(jobs: Path) -> Rules:
    path = jobs / RULES
    return Rules(**json.loads(path.read_text())) if path.exists() else Rules()


def rule(jobs: Path, rules: Rules) -> None:
    jobs.mkdir(parents=True, exist_ok=True)
    _replace(jobs / RULES, asdict(rules))


def key(place: Place) -> tuple[int, float]:
    """Sorts the jobs that wait: the first starts first."""
    return PRIORITIES.index(place.priority), place.order


def begins(place: Place, rules: Rules, now: float) -> float:
    """The earliest moment at which a job may start, in seconds since the epoch; `now` when it may at once."""
    at = max(place.not_before, now)
    return at if not place.night or rules.is_night(at) else rules.nightfall(at)


def between(place: Place, above: Place | None, below: Place | None) -> Place:
    """`place` as it is once it stands between two others: past one of another priority, it takes that priority."""
    rank = PRIORITIES.index(place.priority)
    if above is not None:
        rank = max(rank, PRIORITIES.index(above.priority))
    if below is not None:
        rank = min(rank, PRIORITIES.index(below.priority))
    return replace(place, priority=PRIORITIES[rank])


def said(at: float, now: float) -> str:
    """A moment to come in words, in local time: `at 20:00`, `tomorrow at 06:30`, `on 3 Dec at 20:00`."""
    then, today = datetime.fromtimestamp(at), datetime.fromtimestamp(now)
    days = (then.date() - today.date()).days
    day = "" if days == 0 else "tomorrow " if days == 1 else f"on {then:%-d %b} "
    return f"{day}at {then:%H:%M}"


def moment(text: str, now: float | None = None) -> float:
    """`20:00` (the next), or `2026-11-23 20:00`, in local time, as seconds since the epoch. Problem when unreadable."""
    now = time.time() if now is None else now
    try:
        if "-" in text:
            return datetime.fromisoformat(text.strip()).timestamp()
        at = datetime.fromtimestamp(now).replace(hour=0, minute=0, second=0, microsecond=0) + clock(text)
    except ValueError as error:
        raise Problem(f"{text!r} is no date and time.", do="Write it as 20:00 or as 2026-11-23 20:00.") from error
    return (at if at.timestamp() >= now else at + timedelta(days=1)).timestamp()


def clock(text: str) -> timedelta:
    """`20:00` as the time since midnight. Problem when it is no time of day."""
    try:
        found = datetime.strptime(text.strip(), "%H:%M")
    except ValueError as error:
        raise Problem(f"{text!r} is no time of day.", do="Write it as 20:00.") from error
    return timedelta(hours=found.hour, minutes=found.minute)


def _replace(path: Path, values: dict[str, Any]) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    draft.write_text(json.dumps(values))
    draft.rename(path)  # whoever reads meanwhile finds the old or the new one, never a half

"""Health: how a server does, in figures: read off its `/metrics`, left in its folder for whoever looks.

vLLM and our own servers name their figures alike. Counts only grow as long as a server lives, so what it does per
second is a difference between two looks.
"""

import json
import re
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path

FILE = "health.json"
STARTING, UP, SILENT, AWAY = "starting", "up", "silent", "away"
WINDOW = 60.0  # seconds that "now" means
STALE = 15.0  # seconds after which what was left says nothing about now
LINE = re.compile(r"^vllm:(\w+?)(?:\{[^}]*\})? ([-+.\deE]+)(?: \d+)?$", re.MULTILINE)


@dataclass(frozen=True)
class Figures:
    """What a server has counted since it started: requests now, tokens in all, seconds to first tokens in all."""

    running: int = 0
    waiting: int = 0
    read: int = 0
    written: int = 0
    first_seconds: float = 0.0
    firsts: int = 0


@dataclass(frozen=True)
class Health:
    """How a server does. `at`, `since` and `asked_at` are seconds since the epoch; adapters are names and folders.

    `per_second` is tokens written, and `first_token` seconds to the first one, both over the last minute; None when
    nothing was asked in it.
    """

    state: str = STARTING
    at: float = 0.0
    since: float = 0.0
    asked_at: float = 0.0
    restarts: int = 0
    running: int = 0
    waiting: int = 0
    read: int = 0
    written: int = 0
    per_second: float | None = None
    first_token: float | None = None
    adapters: dict[str, str] = field(default_factory=dict)

    @property
    def fresh(self) -> bool:
        return time.time() - self.at < STALE


class Pulse:
    """What was counted at the last looks, and what that makes per second."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, Figures]] = deque()
        self._busy: deque[tuple[float, float]] = deque()  # when, and for how many seconds something was asked

    def take(self, now: float, figures: Figures) -> bool:
        """Add a look at `now`, in any clock's seconds; whether anything was asked since the one before."""
        before = self._looks[-1] if self._looks else None
        if before is not None and figures.read < before[1].read:
            self._looks.clear()  # another process: it counts from nothing
            self._busy.clear()
            before = None
        asked = bool(figures.running or figures.waiting or (before is not None and figures.read != before[1].read))
        if before is not None and (asked or figures.written != before[1].written):
            self._busy.append((now, now - before[0]))
        self._looks.append((now, figures))
        while self._looks[0][0] < now - WINDOW:
            self._looks.popleft()
        while self._busy and self._busy[0][0] <= self._looks[0][0]:
            self._busy.popleft()
        return asked

    @property
    def per_second(self) -> float | None:
        """Tokens written in a second, of those in which something was asked."""
        busy = sum(seconds for _, seconds in self._busy)
        return (self._looks[-1][1].written - self._looks[0][1].written) / busy if busy else None

    @property
    def first_token(self) -> float | None:
        """Mean seconds to the first token of an answer."""
        if not self._looks:
            return None
        first, last = self._looks[0][1], self._looks[-1][1]
        n = last.firsts - first.firsts
        return (last.first_seconds - first.first_seconds) / n if n else None


def figures(text: str) -> Figures:
    """What a `/metrics` page says, over all of its models; 0 for what it keeps to itself."""
    told: dict[str, float] = {}
    for name, value in LINE.findall(text):
        told[name] = told.get(name, 0.0) + float(value)
    return Figures(
        running=int(told.get("num_requests_running", 0)),
        waiting=int(told.get("num_requests_waiting", 0)),
        read=int(told.get("prompt_tokens_total", 0)),
        written=int(told.get("generation_tokens_total", 0)),
        first_seconds=told.get("time_to_first_token_seconds_sum", 0.0),
        firsts=int(told.get("time_to_first_token_seconds_count", 0)),
    )


def page(found: Figures) -> str:
    """The same figures as a `/metrics` page in vLLM's names."""
    told = {
        "num_requests_running": found.running,
        "num_requests_waiting": found.waiting,
        "prompt_tokens_total": found.read,
        "generation_tokens_total": found.written,
        "time_to_first_token_seconds_sum": found.first_seconds,
        "time_to_first_token_seconds_count": found.firsts,
    }
    return "".join(f"vllm:{name} {value}\n" for name, value in told.items())


def leave(folder: Path, health: Health) -> None:
    draft = folder / f".{FILE}"
    draft.write_text(json.dumps(asdict(health)))
    draft.rename(folder / FILE)


def found(folder: Path) -> Health:
    """What was left last; a server that has said nothing yet is starting."""
    path = folder / FILE
    return Health(**json.loads(path.read_text())) if path.exists() else Health()

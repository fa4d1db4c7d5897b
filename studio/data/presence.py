"""Presence: who has which example open right now. Held by the studio's process alone; a restart forgets it."""

import time
from threading import Lock

AWAY = 12.0  # seconds without a sign; an open page gives one every few seconds

_seen: dict[tuple[str, str, str, str], dict[str, float]] = {}
_lock = Lock()


def here(home: str, dataset: str, entry: str, member: str, seat: str) -> list[str]:
    """Say that `member` has it open, in the window `seat`; the other people who have, by name."""
    moment = time.monotonic()
    with _lock:
        open_by = _seen.setdefault((home, dataset, entry, ""), {})
        open_by[f"{member}\n{seat}"] = moment
        for who in [who for who, then in open_by.items() if moment - then > AWAY]:
            del open_by[who]
        return sorted({who.split("\n")[0] for who in open_by} - {member})


def gone(home: str, dataset: str, entry: str, member: str, seat: str) -> None:
    with _lock:
        _seen.get((home, dataset, entry, ""), {}).pop(f"{member}\n{seat}", None)

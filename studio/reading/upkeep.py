"""Upkeep: what the jobs of libraries have brought is taken over, by whoever looks first, once."""

import threading

from studio.reading import arrivals, drafted, indexes
from studio.store import Store

_one = threading.Lock()


def catch_up(store: Store, wait: bool = False) -> None:
    """Take over documents, then indexes, then proposed questions. Somebody else who is at it is waited for only on
    request: a page says that work goes on, a command has one answer."""
    if _one.acquire(blocking=wait):
        try:
            arrivals.catch_up(store)
            indexes.catch_up(store)
            drafted.catch_up(store)
        finally:
            _one.release()

"""Running: whether a studio has a home open, and how the command line of the same machine reaches it."""

import json
import os
from typing import Any

import psutil

from studio.folders import Home


def announce(home: Home, url: str, key: str) -> None:
    """Leave address and key of this process, readable by the owner alone."""
    me = psutil.Process()
    fresh = home.running.with_suffix(".fresh")
    fresh.unlink(missing_ok=True)  # an older file may be readable by others
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"url": url, "key": key, "pid": me.pid, "started": me.create_time()}, file)
    fresh.replace(home.running)  # in one step: whoever looks meanwhile reads all of it or nothing


def find(home: Home) -> dict[str, Any] | None:
    """{url, key, pid} of the studio that has this home open, or None."""
    if not home.running.exists():
        return None
    noted: dict[str, Any] = json.loads(home.running.read_text())
    try:
        same = abs(psutil.Process(noted["pid"]).create_time() - noted["started"]) < 1
    except psutil.NoSuchProcess:
        return None
    return noted if same else None

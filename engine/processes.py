"""Processes: which one runs a folder, whether it still lives, and how it is ended.

A folder remembers its process in `process.json` as pid and start time, because pids come back.
Every process noted here leads a group of its own, so that ending it ends its children too.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

FILE = "process.json"
TIDIES = "multiprocessing.resource_tracker"  # Python starts it beside whoever shares memory
PASSES = 50  # looks at a group that is killed: somebody may just have started another

# What every process of ours is told unless whoever starts it says otherwise. A thread that waits for another soon
# sleeps: by default it spins 300 times as long, which takes the cores from whoever has work, and a job runs beside the
# studio, its servers and other jobs. Not to spin at all costs more on a free machine (docs/training-speed.md).
WAITING = {"GOMP_SPINCOUNT": "1000"}
TOLD = {**WAITING, "PYTHONUNBUFFERED": "1", "TOKENIZERS_PARALLELISM": "false"}
OWN = "OMP_WAIT_POLICY"  # by which people say how threads wait; it would not be heard beside ours


def start(folder: Path, module: str) -> psutil.Process:
    """Run `python -m module folder` in a group of its own, which outlives whoever started it.

    What it prints is added to `log.txt`.
    """
    begun = time.time()
    with (folder / "log.txt").open("ab") as out:
        child = subprocess.Popen(
            [sys.executable, "-m", module, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=_environment(),
        )
    return remember(folder, child.pid, begun=begun)  # it may have ended by now: what it said is said since


def _environment() -> dict[str, str]:
    ours = {name: value for name, value in TOLD.items() if not (name in WAITING and OWN in os.environ)}
    return {**ours, **os.environ}


def remember(folder: Path, pid: int, file: str = FILE, begun: float = 0.0) -> psutil.Process:
    """Note which process runs a folder, since `begun` or now; one that it has besides goes by another `file`."""
    process = psutil.Process(pid)
    draft = folder / f".{file}.{os.getpid()}"  # the process itself may note the same at this moment
    draft.write_text(json.dumps({"pid": pid, "started": process.create_time(), "noted": begun or time.time()}))
    draft.rename(folder / file)
    return process


def find(folder: Path, file: str = FILE) -> psutil.Process | None:
    """The living process of a folder. A pid alone proves nothing: it may have come back as somebody else."""
    path = folder / file
    if not path.exists():
        return None
    noted = json.loads(path.read_text())
    try:
        process = psutil.Process(noted["pid"])
        same = abs(process.create_time() - noted["started"]) < 1
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def noted_at(folder: Path) -> float | None:
    """When the folder's latest process was noted, in seconds since the epoch; None if none ever was.

    It stands in the file, as a file's own time is lost when a home is copied.
    """
    path = folder / FILE
    return float(json.loads(path.read_text()).get("noted") or path.stat().st_mtime) if path.exists() else None


def end(folder: Path, grace: float = 10.0, file: str = FILE) -> None:
    """Ask the folder's process group to end, and insist after `grace` seconds."""
    process = find(folder, file)
    if process is None:
        return
    try:
        os.killpg(process.pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    if not _gone(process, grace):
        _kill(process.pid)
        _gone(process, 5.0)


def sweep(folder: Path, file: str = FILE) -> None:
    """End what a process that is gone left behind in its group; nothing while it lives, or when its pid came back."""
    path = folder / file
    if not path.exists():
        return
    pid = json.loads(path.read_text())["pid"]
    if not psutil.pid_exists(pid) or _is_zombie(pid):
        _kill(pid)


def log(folder: Path, lines: int = 200) -> str:
    """The last lines of what the folder's process printed."""
    path = folder / "log.txt"
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Only one process at a time is past this; the lock of one that dies is free again."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _kill(group: int) -> None:
    """Kill all of a process group but who tidies up: that one gives shared memory back once the others are gone, which
    would stay until the machine goes down, and then ends by itself."""
    for _ in range(PASSES):
        others = [one for one in psutil.process_iter() if _kills(one, group)]
        for one in others:
            with suppress(psutil.Error):
                one.kill()
        if not others:
            return
        time.sleep(0.02)


def _kills(process: psutil.Process, group: int) -> bool:
    """Whether it lives, is of the group and may be killed."""
    try:
        if os.getpgid(process.pid) != group or process.status() == psutil.STATUS_ZOMBIE:
            return False
        return TIDIES not in " ".join(process.cmdline())
    except (OSError, psutil.Error):
        return False


def _is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _gone(process: psutil.Process, patience: float) -> bool:
    until = time.monotonic() + patience
    while time.monotonic() < until:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False

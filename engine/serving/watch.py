"""`python -m engine.serving.watch FOLDER`: starts the server of a folder, sees to it that it lives, and ends it.

A server that dies, or gives no sign of life for long, is started anew at its address with the adapters that it had. A
watcher that dies itself leaves the server alone: the next one (engine.serving.servers) takes it over as it is.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import httpx

from engine import events, processes, specs
from engine.serving import adapters, health, scratch, vllms
from engine.serving.health import AWAY, SILENT, STARTING, UP, Figures, Health, Pulse
from engine.serving.servers import ADDRESS, CHILD, RESTART, WANTED
from engine.serving.settings import ServeSpec

LOOK = 1.0  # seconds between two looks
PAUSES = (0.0, 1.0, 3.0, 10.0)  # before it is started anew, after the first death, the second ...; in spec.pause
DEATHS, SPAN = len(PAUSES), 600.0  # more deaths than this within so many seconds, and it stays down
GRACE = 8.0  # seconds that the server has to end; less than whoever ends this process waits
DYING = 5.0  # seconds for what was killed to be gone
LOADING = 900.0  # seconds for a base to load
NOTHING = Figures()


class End(BaseException):
    """Raised when this process is asked to end; not an Exception, so that no handler swallows it."""


class Watch:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spec = specs.read(folder, ServeSpec)
        self.port = self.spec.port or _port(folder) or _free(self.spec.host)
        self.http = httpx.Client(timeout=httpx.Timeout(5.0, connect=2.0), trust_env=False)
        self.pulse = Pulse()
        self.since = self.heard = time.monotonic()  # when it was started, when it last gave a sign of life
        self.up = False
        self.seen: set[str] = set()  # the adapters that this server named at the last look
        self.began_at = time.time()
        self.asked_at = time.time()
        self.restarts = max(0, sum(event["kind"] == "started" for event in events.read(folder)[0]) - 1)
        self.popen: subprocess.Popen[bytes] | None = None
        self.child = processes.find(folder, CHILD)
        if self.child is not None:
            events.append(folder, "adopted", pid=self.child.pid)
            self.began_at = self.child.create_time()

    @property
    def url(self) -> str:
        return f"http://{self.spec.host}:{self.port}"

    def run(self) -> int:
        """Watch until the server has ended for good; 0 if that was as it should be."""
        if self.child is None:
            self.start()
        while True:
            if not self.lives():
                if not self.again():
                    return 1
            elif time.monotonic() - self.heard > (self.spec.patience if self.up else LOADING):
                self.kill("It gave no sign of life.")
            elif self.idle():
                print(f"nobody asked for {self.spec.idle_minutes:g} minutes; the server ends", flush=True)
                events.append(self.folder, "end", why="idle")
                return 0
            else:
                self.look()
            self.rest()

    def start(self) -> None:
        """Start the server with the adapters that it had."""
        (self.folder / RESTART).unlink(missing_ok=True)  # also a wish from a pause: the next death is no restart
        self.up, self.seen, self.began_at = False, set(), time.time()
        self.leave(STARTING)
        known = adapters.kept(self.folder)
        sound, lost = adapters.sorted_out(known)
        for name, why in lost.items():
            events.append(self.folder, "dropped", adapter=name, why=why)
        adapters.keep(self.folder, {}, gone=lost)
        if not _is_free(self.spec.host, self.port) and not self.spec.port:
            self.port = _free(self.spec.host)
        if self.spec.program:
            command = vllms.command(self.spec, self.port, sound)
            more = vllms.environment(scratch.made(self.folder))
        else:
            command = [sys.executable, "-m", "engine.serving.small", self.spec.module, str(self.folder), str(self.port)]
            more = {}
        # in a group of its own: it may outlive this process, and its workers end with it
        self.popen = subprocess.Popen(command, env={**os.environ, **more}, start_new_session=True)
        self.child = processes.remember(self.folder, self.popen.pid, CHILD)
        self.since = self.heard = time.monotonic()
        events.append(self.folder, "started", pid=self.child.pid, adapters=sorted(sound))

    def lives(self) -> bool:
        if self.popen is not None and self.popen.poll() is not None:
            return False
        return self.child is not None and processes.find(self.folder, CHILD) is not None

    def again(self) -> bool:
        """Start what has died anew, after a pause that grows. False when that has no sense any more."""
        processes.sweep(self.folder, CHILD)
        code = self.reaped()
        if not (self.folder / RESTART).exists():
            events.append(self.folder, "died", code=code)
            deaths = self.deaths()
            print(f"the server died (code {code}), {deaths} times in ten minutes", flush=True)
            if not (self.folder / ADDRESS).exists() or deaths > DEATHS:
                why = "It never answered." if deaths <= DEATHS else f"It died {deaths} times in ten minutes."
                events.append(self.folder, "end", why=why)
                return False
            self.leave(AWAY)
            time.sleep(PAUSES[deaths - 1] * self.spec.pause)
        self.restarts += 1
        self.start()
        return True

    def reaped(self) -> int | None:
        """The exit code of what has died, once all of it is gone: its last threads may hold its port for a moment."""
        if self.popen is not None:
            with suppress(subprocess.TimeoutExpired):
                self.popen.wait(DYING)
        until = time.monotonic() + DYING
        while not _is_free(self.spec.host, self.port) and time.monotonic() < until:
            time.sleep(0.05)
        return self.popen.returncode if self.popen is not None else None

    def deaths(self) -> int:
        told = events.read(self.folder)[0]
        return sum(event["kind"] == "died" and event["at"] > time.time() - SPAN for event in told)

    def end(self) -> None:
        """End the server and its workers."""
        if self.folder.exists():
            processes.end(self.folder, GRACE, CHILD)
            processes.sweep(self.folder, CHILD)
            scratch.remove(self.folder)
        if self.child is not None and self.child.is_running():  # its folder, or part of it, was taken away
            with suppress(ProcessLookupError):
                os.killpg(self.child.pid, signal.SIGKILL)

    def kill(self, why: str) -> None:
        events.append(self.folder, "killed", why=why)
        processes.end(self.folder, 0.5, CHILD)

    def look(self) -> None:
        """See how it does, and tell."""
        try:
            answers = self.http.get(f"{self.url}/health").is_success
        except httpx.HTTPError:
            answers = False
        if not answers:
            self.leave(SILENT if self.up else STARTING)
            return
        self.heard = time.monotonic()
        if not self.up:
            self.up = True
            _write(self.folder / ADDRESS, {"url": self.url})
            events.append(self.folder, "up", url=self.url, seconds=round(self.heard - self.since, 1))
        known = self.asked("/v1/models")
        if known is not None:
            now = adapters.listed(known.json())
            adapters.keep(self.folder, now, gone=self.seen - now.keys())  # others may be noted that come only now
            self.seen = set(now)
        told = self.asked("/metrics")
        if told is not None and self.pulse.take(self.heard, health.figures(told.text)):
            self.asked_at = time.time()
        self.leave(UP, health.figures(told.text) if told is not None else NOTHING)

    def asked(self, path: str) -> httpx.Response | None:
        try:
            response = self.http.get(f"{self.url}{path}")
        except httpx.HTTPError:
            return None
        return response if response.is_success else None

    def leave(self, state: str, now: Figures = NOTHING) -> None:
        found = Health(
            state=state,
            at=time.time(),
            since=self.began_at,
            asked_at=self.last_wanted(),
            restarts=self.restarts,
            running=now.running,
            waiting=now.waiting,
            read=now.read,
            written=now.written,
            per_second=self.pulse.per_second if state == UP else None,
            first_token=self.pulse.first_token if state == UP else None,
            adapters=adapters.folders(adapters.kept(self.folder)),
        )
        health.leave(self.folder, found)

    def last_wanted(self) -> float:
        """When somebody last asked it, or asked for it."""
        wanted = self.folder / WANTED
        return max(self.asked_at, wanted.stat().st_mtime if wanted.exists() else 0.0)

    def idle(self) -> bool:
        patience = self.spec.idle_minutes * 60
        return bool(patience) and self.up and time.time() - max(self.last_wanted(), self.began_at) > patience

    def rest(self) -> None:
        """Until the next look, or until it has died."""
        until = time.monotonic() + (LOOK if self.up else 0.1)
        while time.monotonic() < until and self.lives():
            time.sleep(0.1)


def main(folder: Path) -> int:
    signal.signal(signal.SIGTERM, _end)
    processes.remember(folder, os.getpid())
    watch = Watch(folder)
    try:
        return watch.run()
    except End:
        if events.last(folder, "end") is None:  # else whoever ends it has said why
            events.append(folder, "end", why="stopped")
        return 0
    except FileNotFoundError:
        if folder.exists():
            raise
        return 0  # its folder was taken away: nobody can ask for it any more
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        watch.end()


def _end(number: int, frame: FrameType | None) -> None:
    raise End


def _port(folder: Path) -> int:
    """The port that it had; 0 when it never had one."""
    path = folder / ADDRESS
    return int(json.loads(path.read_text())["url"].rsplit(":", 1)[1]) if path.exists() else 0


def _free(host: str) -> int:
    with socket.create_server((host, 0)) as found:
        return int(found.getsockname()[1])


def _is_free(host: str, port: int) -> bool:
    try:
        with socket.create_server((host, port)):
            return True
    except OSError:
        return False


def _write(path: Path, values: dict[str, Any]) -> None:
    draft = path.with_name(f".{path.name}")
    draft.write_text(json.dumps(values))
    draft.rename(path)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

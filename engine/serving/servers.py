"""Servers: which servers of models run here, and getting one for a base. A server is a folder with its own processes.

spec.json      what it serves (ServeSpec)
process.json   who watches it and starts it anew when it dies (engine.serving.watch)
child.json     the server itself
address.json   where it listens, from its first answer on; the same after a restart
adapters.json  what it answers for besides its base (engine.serving.adapters)
scratch        where a vLLM has its sockets (engine.serving.scratch)
health.json    how it did at the last look (engine.serving.health)
events.jsonl   started, up, died, killed, adopted, dropped (an adapter that could not come back), end
log.txt        whatever both printed
"""

import json
import os
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import psutil

from engine import events, jobs, processes, specs
from engine.problems import Problem
from engine.serving import adapters, health, holding, scratch
from engine.serving.asking import client
from engine.serving.asking.calls import Endpoint
from engine.serving.health import Health
from engine.serving.settings import ServeSpec

ADDRESS, CHILD = "address.json", "child.json"
WANTED, RESTART = "wanted", "restart"  # marks: somebody is about to ask; somebody wants it started anew
VLLM = "ATELIER_VLLM_PYTHON"  # the Python of an environment with vLLM in it; set, it serves in place of our own server
VLLM_PATIENCE = 900.0  # seconds; a large base takes minutes to load
KEPT = 7 * 24 * 3600  # seconds that the log of an ended server is kept


@dataclass(frozen=True)
class Server:
    id: str
    folder: Path
    spec: ServeSpec

    @property
    def alive(self) -> bool:
        """Whether it is watched: then it answers, or will again."""
        return processes.find(self.folder) is not None

    @property
    def ended(self) -> str:
        """Why it ended for good; '' as long as it should live."""
        end = events.last(self.folder, "end")
        return str(end["why"]) if end is not None else ""

    @property
    def endpoint(self) -> Endpoint | None:
        """Where it listens; None as long as it never did."""
        path = self.folder / ADDRESS
        return Endpoint(json.loads(path.read_text())["url"]) if path.exists() else None

    @property
    def health(self) -> Health:
        return health.found(self.folder)


def ensure(servers: Path, model: Path, patience: float = 180.0, idle_minutes: float = 30.0) -> Endpoint:
    """The server of the base in `model`: the one that there is, else a new one. Returns when it answers.

    Several processes may call this at once and get the same server. Problem when it dies, or is not up in
    `patience` seconds, with the end of its log; and when a run has the GPU that it needs (engine.serving.holding).
    """
    program = os.environ.get(VLLM, "")
    server = begin(servers, ServeSpec(model=str(model), idle_minutes=idle_minutes, program=program), patience)
    return ready(server, max(patience, VLLM_PATIENCE) if server.spec.program else patience)


def begin(servers: Path, wanted: ServeSpec, patience: float = 0.0) -> Server:
    """The server for what is wanted: one that there is, else a new one. It may not answer yet.

    One that was started by somebody for the same base will do, also when it is vLLM and none was wanted. `patience`
    is how many seconds to wait for a GPU that a run has, where the rules say to wait.
    """
    servers.mkdir(parents=True, exist_ok=True)
    model = Path(wanted.model).resolve()
    if not (model / "config.json").is_file():
        raise Problem(
            f"There is no model in {model}.", "It holds no config.json.", "Choose the folder of a base model."
        )
    specs.check(wanted)
    wanted = replace(wanted, model=str(model), version=version(model))
    with processes.locked(servers / ".lock"):
        found = _found(servers, wanted)
        if found is not None:
            return found
    if wanted.program:
        for run in holding.wait_for_gpu(servers.parent, wanted, patience):
            jobs.pause(jobs.get(run.parent, run.name))
    with processes.locked(servers / ".lock"):
        return _found(servers, wanted) or _started(servers, wanted)


def listed(servers: Path) -> list[Server]:
    """The servers that live, oldest first; also one whose watcher has died, since it still answers."""
    return [one for one in every(servers) if one.alive or processes.find(one.folder, CHILD) is not None]


def every(servers: Path) -> list[Server]:
    """Also those that have ended and whose log is still there, oldest first."""
    return [_read(path.parent) for path in sorted(servers.glob(f"[!.]*/{specs.FILE}"))]


def get(servers: Path, id: str) -> Server:
    """Problem when there is none."""
    if not (servers / id / specs.FILE).is_file():
        raise Problem(f"There is no server {id}.", do="Look at the page Serving for those that there are.")
    return _read(servers / id)


def keep(servers: Path) -> list[Server]:
    """Watch again what nobody watches though it should live, and say which; for whoever keeps the queue moving.

    A server that was idle when the machine went down stays down, unless it was to run until somebody ends it.
    """
    found = []
    for server in every(servers):
        if not server.alive and not server.ended:
            noted = processes.noted_at(server.folder) or 0.0
            if noted > psutil.boot_time() or not server.spec.idle_minutes:
                with processes.locked(servers / ".lock"):
                    if not server.alive:  # nobody was quicker
                        found.append(_watched(server))
    return found


def stop(server: Server, why: str = "stopped") -> None:
    """End it for good, and its process if nobody watches that."""
    alive = server.alive
    processes.end(server.folder)
    processes.end(server.folder, file=CHILD)
    processes.sweep(server.folder, CHILD)
    scratch.remove(server.folder)
    if not server.ended and (alive or server.endpoint is not None):
        events.append(server.folder, "end", why=why)


def load(servers: Path, endpoint: Endpoint, name: str, folder: Path) -> None:
    """Have the server at an address answer for the adapter in `folder` as `name`; nothing if it does already. One of
    ours comes back with it from then on."""
    client.load_adapter(endpoint, name, folder)
    for one in _at(servers, endpoint):
        adapters.keep(one, {name: str(folder)})


def unload(servers: Path, endpoint: Endpoint, name: str) -> None:
    """Have it forget an adapter."""
    client.unload_adapter(endpoint, name)
    for one in _at(servers, endpoint):
        adapters.keep(one, {}, gone=[name])


def restart(server: Server) -> None:
    """Have it start anew, at its address and with its adapters."""
    if not server.alive:
        raise Problem(f"The server {server.id} has ended.", do="Start a new one.")
    (server.folder / RESTART).touch()
    processes.end(server.folder, file=CHILD)


def ready(server: Server, patience: float = 180.0) -> Endpoint:
    """Its address once it answers. Problem when it ends before, or does not answer in `patience` seconds."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        endpoint = server.endpoint
        if endpoint is not None and _healthy(endpoint):
            return endpoint
        if not server.alive:
            raise Problem(
                f"The server for {server.spec.model} ended before it answered.",
                f"The end of its log:\n{processes.log(server.folder, 15)}",
            )
        time.sleep(0.1)
    raise Problem(
        f"The server for {server.spec.model} is not up after {patience:.0f} seconds.",
        f"The end of its log:\n{processes.log(server.folder, 15)}",
        "Wait a little and try again: it goes on loading.",
    )


def version(model: Path) -> str:
    """Changes when the files of a model do: a base that was trained anew is not answered for by the old one."""
    files = sorted(path for path in model.iterdir() if path.suffix in (".safetensors", ".json", ".jinja"))
    newest = max((path.stat().st_mtime_ns for path in files), default=0)
    return f"{newest}-{sum(path.stat().st_size for path in files)}"


def _found(servers: Path, wanted: ServeSpec) -> Server | None:
    """A server that will do, noted as wanted now, so that it does not end before a question comes."""
    for server in every(servers):
        if not server.ended and _will_do(server.spec, wanted):
            found = server if server.alive else _watched(server)
            (found.folder / WANTED).touch()
            return found
    return None


def _at(servers: Path, endpoint: Endpoint) -> list[Path]:
    """The folder of the server that is watched at an address; none where it is not ours."""
    known = {path.parent: Endpoint(json.loads(path.read_text())["url"]) for path in servers.glob(f"[!.]*/{ADDRESS}")}
    return [folder for folder, one in known.items() if one.api == endpoint.api and processes.find(folder) is not None]


def _will_do(one: ServeSpec, wanted: ServeSpec) -> bool:
    same = (one.model, one.version, one.module) == (wanted.model, wanted.version, wanted.module)
    return same and wanted.program in ("", one.program) and wanted.port in (0, one.port)


def _watched(server: Server) -> Server:
    """Have it watched again; it is taken over as it is, or started anew."""
    processes.start(server.folder, "engine.serving.watch")
    return server


def _started(servers: Path, spec: ServeSpec) -> Server:
    for old in every(servers):
        if not old.alive and time.time() - (old.folder / specs.FILE).stat().st_mtime > KEPT:
            scratch.remove(old.folder)
            shutil.rmtree(old.folder)
    folder = servers / jobs.new_id("server")
    draft = servers / f".{folder.name}"
    draft.mkdir()
    specs.write(draft, spec)
    draft.rename(folder)
    return _watched(_read(folder))


def _read(folder: Path) -> Server:
    return Server(folder.name, folder, specs.read(folder, ServeSpec))


def _healthy(endpoint: Endpoint) -> bool:
    """Whether it answers."""
    try:
        # without `verify` each look would read the machine's certificates, which an address here has no use for
        return httpx.get(f"{endpoint.api}/models", timeout=5.0, trust_env=False, verify=False).is_success
    except httpx.HTTPError:
        return False

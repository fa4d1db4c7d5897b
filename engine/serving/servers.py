"""Servers: which chat servers run here, and getting one for a base. A server is a folder with its own process.

spec.json     what it serves (ServeSpec)
process.json  the process (engine.processes)
address.json  where it listens, written by itself once it does
log.txt       whatever it printed
"""

import json
import os
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from engine import jobs, processes, specs
from engine.problems import Problem
from engine.serving.client import Endpoint

ADDRESS = "address.json"
VLLM = "ATELIER_VLLM_PYTHON"  # the Python of an environment with vLLM in it; set, it serves in place of our own server
VLLM_PATIENCE = 900.0  # seconds; a large base takes minutes to load
KEPT = 7 * 24 * 3600  # seconds that the log of an ended server is kept


@dataclass(frozen=True)
class ServeSpec:
    """One server: a base, and whatever adapters it is told to load."""

    model: str = field(metadata={"help": "Folder of the base model."})
    name: str = specs.setting("", "What the base answers to; empty for the folder's name.")
    host: str = specs.setting("127.0.0.1", "Address to listen on; the default is this machine only.")
    port: int = specs.setting(0, "Port to listen on; 0 for any free one.")
    max_batch: int = specs.setting(32, "Answers of one model that are written at the same time.")
    idle_minutes: float = specs.setting(30.0, "Minutes without a question after which the server ends; 0 for never.")
    version: str = specs.setting("", "Which state of the base's files it serves.")
    program: str = specs.setting("", "Python with vLLM in it; empty for the small server of our own.")

    @property
    def served_name(self) -> str:
        return self.name or Path(self.model).name


@dataclass(frozen=True)
class Server:
    id: str
    folder: Path
    spec: ServeSpec

    @property
    def alive(self) -> bool:
        return processes.find(self.folder) is not None

    @property
    def endpoint(self) -> Endpoint | None:
        """Where it listens; None as long as it does not."""
        path = self.folder / ADDRESS
        return Endpoint(json.loads(path.read_text())["url"]) if path.exists() else None


def ensure(servers: Path, model: Path, patience: float = 180.0, idle_minutes: float = 30.0) -> Endpoint:
    """The server of the base in `model`: the one that lives, else a new one. Returns when it answers.

    Several processes may call this at once and get the same server. Problem when it dies, or is not up in
    `patience` seconds, with the end of its log.
    """
    servers.mkdir(parents=True, exist_ok=True)
    model = model.resolve()
    if not (model / "config.json").is_file():
        raise Problem(
            f"There is no model in {model}.", "It holds no config.json.", "Choose the folder of a base model."
        )
    program = os.environ.get(VLLM, "")
    wanted = ServeSpec(model=str(model), idle_minutes=idle_minutes, version=version(model), program=program)
    with processes.locked(servers / ".lock"):
        found = next((one for one in listed(servers) if _same(one.spec, wanted)), None)
        server = found or _started(servers, wanted)
    return _ready(server, max(patience, VLLM_PATIENCE) if program else patience)


def listed(servers: Path) -> list[Server]:
    """The living servers, oldest first."""
    found = (_read(path.parent) for path in sorted(servers.glob(f"*/{specs.FILE}")))
    return [server for server in found if server.alive]


def stop(server: Server) -> None:
    processes.end(server.folder)


def version(model: Path) -> str:
    """Changes when the files of a model do: a base that was trained anew is not answered for by the old one."""
    files = sorted(path for path in model.iterdir() if path.suffix in (".safetensors", ".json", ".jinja"))
    newest = max((path.stat().st_mtime_ns for path in files), default=0)
    return f"{newest}-{sum(path.stat().st_size for path in files)}"


def _same(one: ServeSpec, other: ServeSpec) -> bool:
    return (one.model, one.version, one.program) == (other.model, other.version, other.program)


def _started(servers: Path, spec: ServeSpec) -> Server:
    for path in servers.glob(f"*/{specs.FILE}"):
        if not _read(path.parent).alive and time.time() - path.stat().st_mtime > KEPT:
            shutil.rmtree(path.parent)
    folder = servers / jobs.new_id("server")
    folder.mkdir()
    specs.write(folder, spec)
    processes.start(folder, "engine.serving.vllms" if spec.program else "engine.serving.serve")
    return _read(folder)


def _read(folder: Path) -> Server:
    return Server(folder.name, folder, specs.read(folder, ServeSpec))


def _ready(server: Server, patience: float) -> Endpoint:
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
        time.sleep(0.05)
    raise Problem(
        f"The server for {server.spec.model} is not up after {patience:.0f} seconds.",
        f"The end of its log:\n{processes.log(server.folder, 15)}",
        "Wait a little and try again: it goes on loading.",
    )


def _healthy(endpoint: Endpoint) -> bool:
    """Whether it answers. Asks for its models, which counts as use, so that it does not end before a question comes."""
    try:
        return httpx.get(f"{endpoint.api}/models", timeout=5.0, trust_env=False).is_success
    except httpx.HTTPError:
        return False

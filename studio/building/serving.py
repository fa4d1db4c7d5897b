"""Serving: the servers of models on this machine as people see them, and what they can do with one."""

import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from engine import events, processes
from engine.problems import Problem
from engine.scoring import candidates
from engine.serving import adapters, health, servers
from engine.serving.asking import calls, client
from engine.serving.asking.client import Answer, Decoding, Question
from engine.serving.health import Health
from engine.serving.servers import CHILD, Server
from engine.serving.settings import ServeSpec
from studio.building import models
from studio.building.models import Model
from studio.folders import CODE
from studio.store import Store

CHAT = "engine.serving.small.serve"
GREETING = "Good morning! Who are you?"  # what an endpoint is sent when it is tested
GPU = ["nvidia-smi", "--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"]
ANSWERS, LOADING, SILENT, AWAY, ENDED = "answers", "loading", "gives no sign", "starting anew", "ended"
STATES = {health.UP: ANSWERS, health.STARTING: LOADING, health.SILENT: SILENT, health.AWAY: AWAY}


@dataclass(frozen=True)
class Serving:
    """One server. `name` is its base's name in the studio; adapters go by the names of their models, where known."""

    server: Server
    name: str
    state: str
    health: Health
    adapters: dict[str, str]  # the name it answers to: the model's name here

    @property
    def id(self) -> str:
        return self.server.id

    @property
    def live(self) -> bool:
        return self.state != ENDED

    @property
    def kind(self) -> str:
        if self.server.spec.program:
            return "vLLM"
        return "our own server" if self.server.spec.module == CHAT else "embeddings"

    @property
    def chats(self) -> bool:
        return bool(self.server.spec.program) or self.server.spec.module == CHAT

    @property
    def log(self) -> str:
        return processes.log(self.server.folder)

    @property
    def fell(self) -> str:
        """What it died of, while it is being started anew; '' otherwise."""
        lately = events.read(self.server.folder)[0][-2:]
        died = [event for event in lately if event["kind"] == "died"]
        return _sentence(died[0]) if died and lately[-1]["kind"] in ("died", "started") else ""

    @property
    def history(self) -> list[str]:
        """What happened to it, newest first, in sentences."""
        return [said for _, said in self.happened]

    @property
    def happened(self) -> list[tuple[float, str]]:
        """The same with the moment of each, in seconds since the epoch."""
        return [(event["at"], _sentence(event)) for event in reversed(events.read(self.server.folder)[0])]


@dataclass(frozen=True)
class Memory:
    """Bytes: of the machine, shared pages counted once, and of the GPU; None where that cannot be told."""

    machine: int
    gpu: int | None


def listed(store: Store) -> list[Serving]:
    """Every server, those that live first, newest first."""
    known = models.listed(store)
    found = [_shown(server, known) for server in reversed(servers.every(store.home.servers))]
    return sorted(found, key=lambda one: not one.live)


def get(store: Store, id: str) -> Serving:
    return _shown(servers.get(store.home.servers, id), models.listed(store))


def of(store: Store, name: str) -> Serving:
    """The living server of a base, by the base's name or the server's id. Problem when there is none."""
    for one in listed(store):
        if one.live and name in (one.id, one.name):
            return one
    raise Problem(f"Nothing serves {name} now.", do="`atelier servers` lists what is served.")


def vllm() -> str:
    """The Python that has vLLM in it; '' when this machine has none."""
    told, here = os.environ.get(servers.VLLM, ""), CODE / ".venv-vllm" / "bin" / "python"
    return told or (str(here) if here.exists() else "")


def program(wanted: bool | None) -> str:
    """vLLM's Python if it is wanted, or set up for everything (None). Problem when it is wanted and not here."""
    if wanted and not vllm():
        raise Problem("vLLM is not installed here.", do="Install it with `make serving`, or set ATELIER_VLLM_PYTHON.")
    return vllm() if wanted else "" if wanted is False else os.environ.get(servers.VLLM, "")


def start(store: Store, name: str, by: str, *, program: str = "", port: int = 0, idle_minutes: float = 30.0) -> Serving:
    """Serve a base, or an adapter on its base; one that is served already is not started twice. It may still load.

    Problem when the model answers elsewhere, or when a run has the GPU that vLLM needs.
    """
    model = models.get(store, name)
    if model.kind == models.ENDPOINT:
        raise Problem(f"{name} answers elsewhere.", do="Choose a base, or what was tuned on one.")
    base = models.base_of(store, model)
    spec = ServeSpec(model=base.path, port=port, idle_minutes=idle_minutes, program=program)
    with store.write(by, "server.start", base.name, program=bool(program)):
        pass
    return get(store, servers.begin(store.home.servers, spec).id)


def stop(store: Store, serving: Serving, by: str) -> None:
    """End it for good; whoever needs its base next starts another."""
    _noted(store, by, "server.stop", serving)
    servers.stop(serving.server)


def restart(store: Store, serving: Serving, by: str) -> None:
    """Start it anew, at its address and with its adapters."""
    _noted(store, by, "server.restart", serving)
    servers.restart(serving.server)


def offered(store: Store, serving: Serving) -> list[Model]:
    """The tuned models that it could answer for besides, and does not yet."""
    loaded = serving.adapters.values()
    tuned = models.offered(store, models.ADAPTER)
    return [one for one in tuned if one.base == serving.name and one.name not in loaded]


def load(store: Store, serving: Serving, name: str, by: str) -> str:
    """Have it answer for an adapter too; the name that it answers to then."""
    model = models.get(store, name)
    if model.base != serving.name:
        raise Problem(f"{name} is not tuned on {serving.name}.", do="Load it into the server of its own base.")
    served = candidates.adapter_name(Path(model.path))
    servers.load(store.home.servers, servers.ready(serving.server), served, Path(model.path).resolve())
    with store.write(by, "server.load", serving.name, model=name):
        pass
    return served


def unload(store: Store, serving: Serving, served: str, by: str) -> None:
    """Have it forget an adapter; who asks for that next has it loaded again."""
    servers.unload(store.home.servers, servers.ready(serving.server), served)
    with store.write(by, "server.unload", serving.name, model=serving.adapters.get(served, served)):
        pass


def forget(store: Store, name: str, by: str) -> None:
    """Unload a tuned model wherever it is loaded. Problem when it is nowhere."""
    living = [one for one in listed(store) if one.live]
    found = [(one, served) for one in living for served, known in one.adapters.items() if known == name]
    if not found:
        raise Problem(f"{name} is not loaded anywhere.", do="`atelier servers` lists what is.")
    for one, served in found:
        unload(store, one, served, by)


def elsewhere(store: Store) -> list[Model]:
    """The models that answer at an address."""
    return models.offered(store, models.ENDPOINT)


def test(model: Model) -> Answer:
    """What an endpoint answers to a greeting. Nothing else is sent, and nothing is kept."""
    there = calls.keyed(model.path, model.key_from, model.name)
    messages = [{"role": "user", "content": GREETING}]
    asked = Question(messages, Decoding(max_tokens=60))
    stream = client.stream(there, model.served or model.name, asked)
    for _ in stream:
        pass
    return stream.answer


def memory(serving: Serving) -> Memory:
    """What it takes with all its workers now."""
    found = processes.find(serving.server.folder, CHILD)
    if found is None:
        return Memory(0, None)
    family = [found, *found.children(recursive=True)]
    return Memory(sum(map(_size, family)), _on_gpu([one.pid for one in family]))


def _size(process: psutil.Process) -> int:
    try:
        full = process.memory_full_info()
        return int(getattr(full, "pss", 0) or full.rss)  # shared pages counted once, where the system tells
    except psutil.Error:
        return 0


def _on_gpu(pids: Sequence[int]) -> int | None:
    try:
        told = subprocess.run(GPU, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    rows = [line.split(",") for line in told.splitlines() if line.count(",") == 1]
    return sum(int(used) << 20 for pid, used in rows if int(pid) in pids and used.strip().isdigit())


def _shown(server: Server, known: Sequence[Model]) -> Serving:
    bases = {str(Path(one.path).resolve()): one.name for one in known if one.kind == models.BASE}
    tuned = {str(Path(one.path).resolve()): one.name for one in known if one.kind == models.ADAPTER}
    found = server.health
    state = ENDED if server.ended or not server.alive else STATES[found.state]
    return Serving(
        server=server,
        name=bases.get(server.spec.model, server.spec.served_name),
        state=state,
        health=found,
        adapters={name: tuned.get(one.path, name) for name, one in adapters.kept(server.folder).items()},
    )


def _noted(store: Store, by: str, verb: str, serving: Serving) -> None:
    with store.write(by, verb, serving.name, server=serving.id):
        pass  # what follows may take seconds, and nobody else could write meanwhile


def _sentence(event: dict[str, object]) -> str:
    kinds = {
        "started": "Started.",
        "up": "It answers, after {seconds} s.",
        "died": "It died (code {code}).",
        "killed": "{why} It was ended to be started anew.",
        "adopted": "Its watcher had died; another one watches it now.",
        "dropped": "{adapter} did not come back. {why}",
        "end": "Ended: {why}",
    }
    words = kinds.get(str(event["kind"]), "{kind}")
    if event["kind"] == "died" and event.get("code") == -signal.SIGKILL:
        words = "It was killed from outside (signal 9), as happens when the memory of a machine runs out."
    return words.format_map({"why": "", "code": "", "seconds": "", **event})

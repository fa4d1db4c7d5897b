"""Alone: the API and the queue on a machine without a studio, from one process that listens on this machine only."""

import logging
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn

from engine import jobs
from engine.api import app, catalogue, keys
from engine.api.desk import Limits
from engine.checking.cost import Rate
from engine.problems import Problem
from engine.serving import servers
from engine.serving.asking.client import Endpoint

log = logging.getLogger("atelier.engine")
PORT = 8502


@dataclass(frozen=True)
class Setup:
    """How an engine is started. `aliases` let a name mean another model from now on."""

    host: str = "127.0.0.1"
    port: int = PORT
    aliases: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    rate: Rate = field(default_factory=Rate)


def serve(home: Path, setup: Setup, said: Callable[[str], None]) -> None:
    """Answer and keep the queue moving until it is interrupted. `said` hears what whoever starts it must know."""
    require_free(setup.host, setup.port)
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Problem(f"{home} cannot be the home folder.", f"{error}.", "Choose another with --home.") from error
    said(f"The engine listens at http://{setup.host}:{setup.port}/v1 (home {home}). Ctrl-C ends it.")
    set_aliases(home, setup.aliases)
    secret = first_key(home, setup.host)
    if secret:
        said(f"The key, shown this once: {secret}\nSet {keys.VARIABLE} to choose it yourself.")
    if not _loopback(setup.host):
        said(
            f"It listens on {setup.host}, beyond this machine: every call needs a key, and keys travel in the clear. "
            "Put a proxy with TLS before it (docs/api.md says how)."
        )
    ending = threading.Event()
    keeper = threading.Thread(target=_keep_going, args=(home, ending), name="queue", daemon=True)
    keeper.start()
    try:
        serving = app.alone(home, limits=setup.limits, rate=setup.rate)
        uvicorn.run(serving, host=setup.host, port=setup.port, log_level="warning", access_log=False)
    finally:
        ending.set()
        keeper.join(5)


def require_free(host: str, port: int) -> None:
    """Problem when nobody can listen there."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as who listens there later does
        try:
            door.bind((host, port))
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or f"{error}"
            raise Problem(f"Nothing can listen at {host}, port {port}.", f"{why}.", "Choose another --port.") from error


def first_key(home: Path, host: str) -> str:
    """The secret of a key that was made because there was none; '' when there is one.

    Problem when it would listen beyond this machine and nobody has settled who may ask.
    """
    if keys.any_there(home):
        return ""
    if not _loopback(host):
        raise Problem(
            f"On {host} others could reach this engine, and it has no key yet.",
            do=f"Set {keys.VARIABLE} to at least {keys.SHORTEST} characters, or start it once on 127.0.0.1 to get one.",
        )
    return keys.make(home, "first", ["admin"], "atelier engine")[1]


def set_aliases(home: Path, given: Mapping[str, str]) -> None:
    """Problem when a name would mean nothing. Folders are kept by their full path."""
    known = {one.id for one in catalogue.Catalogue(home).listed()} | {catalogue.EMBEDDING, ""}
    meant = {}
    for name, target in given.items():
        folder = Path(target).expanduser()
        if target not in known and not (folder / "config.json").is_file():
            raise Problem(
                f"The alias {name} means {target}, which is no model here.",
                do=f"Use the folder of a model, or one of {', '.join(sorted(known - {''}))}.",
            )
        meant[name] = target if target in known else str(folder.resolve())
    if meant:
        catalogue.set_aliases(home, meant)


def _keep_going(home: Path, ending: threading.Event, every: float = 1.0) -> None:
    """Watch the servers, start what waits. A failure is logged and tried again: the queue must not die of it."""
    while not ending.is_set():
        try:
            servers.keep(home / "servers")
            jobs.tick(home / "jobs")
        except Exception:
            log.exception("The queue stumbled and goes on.")
        ending.wait(every)


def _loopback(host: str) -> bool:
    return Endpoint(f"http://{host}").local

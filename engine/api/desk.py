"""Desk: what every call works with: the home folder, its limits, the models, and the way to their servers."""

import os
import secrets
import weakref
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from engine import hashes
from engine.api.catalogue import Catalogue, Known, Source
from engine.api.refusals import Refusal
from engine.checking.cost import Rate
from engine.problems import Problem
from engine.serving import servers
from engine.serving.asking import client
from engine.serving.asking.client import Endpoint


@dataclass(frozen=True)
class Limits:
    """What the engine takes at most, so that one client cannot fill the machine."""

    upload_bytes: int = 512 * 2**20
    jobs_waiting: int = 100
    chats: int = 64  # questions on their way at the same time


class Turn:
    """One question on its way. It is over when nobody holds it any more, however its answer ended."""


@dataclass
class Desk:
    home: Path
    limits: Limits = field(default_factory=Limits)
    more: Source | None = None
    rate: Rate = field(default_factory=Rate)  # what an hour of this machine costs, where somebody said
    turns: "weakref.WeakSet[Turn]" = field(default_factory=weakref.WeakSet)
    _pool: httpx.AsyncClient | None = None

    @property
    def jobs(self) -> Path:
        return self.home / "jobs"

    @property
    def catalogue(self) -> Catalogue:
        return Catalogue(self.home, self.more)

    @property
    def workspace(self) -> str:
        """Eight digits that tell this engine's models from another's."""
        return hashes.content(self.secret("workspace"))[:8]

    @property
    def pool(self) -> httpx.AsyncClient:
        """Connections to the servers of this machine. The answer to a chat may take as long as it takes."""
        if self._pool is None:
            self._pool = httpx.AsyncClient(timeout=httpx.Timeout(None, connect=5.0), trust_env=False)
        return self._pool

    def turn(self) -> Turn:
        """A place among those who are answered at the same time. Refused when all are taken."""
        if len(self.turns) >= self.limits.chats:
            most = f"{len(self.turns)} questions are being answered, the most at a time. Ask again."
            raise Refusal(429, most, wait=1)
        turn = Turn()
        self.turns.add(turn)
        return turn

    def secret(self, name: str) -> str:
        """A random word that only this home knows, the same after a restart."""
        path = self.home / "api" / f"{name}.secret"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}.{os.getpid()}")
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(secrets.token_hex(32))
            draft.rename(path)
        return path.read_text()

    def server(self, model: Known) -> tuple[Endpoint, str]:
        """Where a model answers, and what it is called there. Starts its server when none runs."""
        try:
            endpoint = servers.ensure(self.home / "servers", Path(model.base))
            if model.adapter is None:
                return endpoint, client.models(endpoint)[0]
            name = f"{model.id}@{_weights(model.adapter)}"
            servers.load(self.home / "servers", endpoint, name, model.adapter)
            return endpoint, name
        except Problem as problem:
            raise Refusal(503, str(problem), "model", wait=10) from problem


def _weights(adapter: Path) -> str:
    """Changes when an adapter is trained anew, so that it is never taken for the old one."""
    return hashes.files(*sorted(adapter.glob("*.safetensors")), *sorted(adapter.glob("adapter_config.json")))[:8]


def rate_from(text: str) -> Rate:
    """`1.2 EUR` as what an hour costs."""
    amount, _, currency = text.partition(" ")
    try:
        return Rate(per_hour=float(amount), currency=currency or "EUR")
    except ValueError as error:
        raise Problem(f"{text!r} is no price.", do="Write an amount and a currency, as 1.2 EUR.") from error

"""Engines: other machines that can train for this studio, known by address; the key stays in the environment."""

from dataclasses import dataclass
from datetime import datetime

from engine.problems import Problem
from engine.remote import far
from engine.serving.asking import calls, client
from engine.serving.asking.calls import Endpoint
from studio.building import addresses
from studio.store import Store, now

HERE = ""  # the engine of this machine


@dataclass(frozen=True)
class Engine:
    name: str
    kind: str  # atelier, mistral
    url: str
    key_from: str  # the environment variable that holds its key; the key itself is kept nowhere
    made_by: str
    made_at: datetime

    @property
    def endpoint(self) -> Endpoint:
        """Problem when its key is not in the environment."""
        return calls.keyed(self.url, self.key_from, self.name)

    @property
    def tunnelled(self) -> bool:
        """Whether its address is on this machine: then it is here too, or at the other end of a tunnel."""
        return Endpoint(self.url).local

    @property
    def announced(self) -> str:
        """Where what it is sent goes, in words: nobody can tell the end of a tunnel from here."""
        return "leaves this machine if that is a tunnel" if self.tunnelled else "leaves this machine"


def listed(store: Store) -> list[Engine]:
    return [Engine(**row) for row in store.rows("select * from engine order by made_at, name")]


def get(store: Store, name: str) -> Engine:
    row = store.row("select * from engine where name = ?", [name])
    if row is None:
        raise Problem(f"There is no engine {name}.", do="Choose one from the list of engines.")
    return Engine(**row)


def add(store: Store, name: str, kind: str, url: str, key_from: str, by: str) -> Engine:
    """Remember an engine that answers. It is asked for its models, nothing else is sent.

    Problem when its name is taken, when it does not answer, or when a key was given in place of its variable's name.
    """
    if not name.strip():
        raise Problem("The engine has no name.", do="Give it one, such as gpu-machine.")
    if kind not in far.KINDS:
        raise Problem(f"There is no kind of engine called {kind!r}.", do=f"Use {' or '.join(far.KINDS)}.")
    if store.row("select 1 from engine where name = ?", [name]) is not None:
        raise Problem(f"There is an engine called {name} already.", do="Choose another name.")
    addresses.check(url, key_from, like="http://gpu-machine:8600", variable="ATELIER_GPU_KEY")
    made = Engine(name, kind, url, key_from, by, now())
    models(made)
    with store.write(by, "engine.add", name, url=url, kind=kind) as cursor:
        cursor.execute("insert into engine values (?, ?, ?, ?, ?, ?)", [name, kind, url, key_from, by, made.made_at])
    return made


def remove(store: Store, name: str, by: str) -> None:
    """Forget an engine. Runs that it made stay; one that it still trains goes on there, but is heard no more."""
    get(store, name)
    with store.write(by, "engine.remove", name) as cursor:
        cursor.execute("delete from engine where name = ?", [name])


def models(engine: Engine) -> list[str]:
    """What can be trained or asked there. Problem when it does not answer."""
    return client.models(engine.endpoint)

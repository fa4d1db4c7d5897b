"""Models: what can be asked. A base, an adapter on a base, or an endpoint elsewhere."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from engine.problems import Problem
from engine.serving.asking.client import Endpoint
from studio.folders import STARTER
from studio.store import Store, now

BASE, ADAPTER, ENDPOINT = "base", "adapter", "endpoint"
STARTER_NAME = "starter"


@dataclass(frozen=True)
class Model:
    name: str
    kind: str
    base: str
    path: str
    run: str
    made_by: str
    made_at: datetime
    served: str  # what an endpoint calls it, '' when by its name
    key_from: str  # the environment variable that holds the endpoint's key; the key itself is kept nowhere
    tags: list[str] = field(default_factory=list)
    archived: bool = False

    @property
    def leaves(self) -> bool:
        """Whether what it is asked leaves this machine."""
        return self.kind == ENDPOINT and not Endpoint(self.path).local


def listed(store: Store, kind: str = "") -> list[Model]:
    """Every model, oldest first."""
    rows = store.rows("select * from model where ? in ('', kind) order by made_at, name", [kind])
    return [Model(**row) for row in rows]


def offered(store: Store, kind: str = "") -> list[Model]:
    """Those that are not archived."""
    return [model for model in listed(store, kind) if not model.archived]


def get(store: Store, name: str) -> Model:
    row = store.row("select * from model where name = ?", [name])
    if row is None:
        raise Problem(f"There is no model {name}.", do="Choose one from the list of models.")
    return Model(**row)


def free(store: Store, name: str) -> None:
    """Problem when a model is called so already."""
    if store.row("select 1 from model where name = ?", [name]) is not None:
        raise Problem(f"There is a model called {name} already.", do="Choose another name.")


def base_of(store: Store, model: Model) -> Model:
    """The model that must be loaded to ask this one."""
    return get(store, model.base) if model.kind == ADAPTER else model


def add(
    store: Store,
    name: str,
    kind: str,
    path: str,
    by: str,
    *,
    base: str = "",
    run: str = "",
    served: str = "",
    key_from: str = "",
) -> Model:
    """Register a model; one that stands here already stays as it is."""
    if store.row("select 1 from model where name = ?", [name]) is None:
        with store.write(by, "model.add", name, kind=kind) as cursor:
            cursor.execute(
                "insert into model values (?, ?, ?, ?, ?, ?, ?, ?, ?, [], false) on conflict do nothing",
                [name, kind, base, path, run, by, now(), served, key_from],
            )
    return get(store, name)


def add_starter(store: Store) -> Model:
    """The model that Atelier ships; its folder is looked up anew, since the code may have moved."""
    model = add(store, STARTER_NAME, BASE, str(STARTER), "atelier")
    if Path(model.path) != STARTER:
        with store.write("atelier", "model.move", STARTER_NAME, path=str(STARTER)) as cursor:
            cursor.execute("update model set path = ? where name = ?", [str(STARTER), STARTER_NAME])
    return get(store, STARTER_NAME)

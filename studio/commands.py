"""Commands: what the command line can do with a store, each a name, arguments and an answer that JSON can carry.

Each room knows its own. `run` gives a command to the studio that has the home open, or opens the home itself when
there is none, so that a command works the same either way.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import httpx

from engine.problems import Problem
from studio import running, sample
from studio.building import commands as of_building
from studio.data import commands as of_data
from studio.folders import Home
from studio.freezing import commands as of_freezing
from studio.judging import commands as of_judging
from studio.quality import commands as of_quality
from studio.reading import commands as of_reading
from studio.store import Store
from studio.writing import commands as of_writing

COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {
    **of_data.COMMANDS,
    **of_writing.COMMANDS,
    **of_quality.COMMANDS,
    **of_freezing.COMMANDS,
    **of_reading.COMMANDS,
    **of_building.COMMANDS,
    **of_judging.COMMANDS,
    "sample": sample.load,
}


def perform(store: Store, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Carry out a command on an open store."""
    if name not in COMMANDS:
        raise Problem(f"There is no command {name}.", do=f"Choose one of {', '.join(COMMANDS)}.")
    return COMMANDS[name](store, **arguments)


def run(home: Home, command: str, /, **arguments: Any) -> dict[str, Any]:
    """Carry out a command, in the running studio if there is one."""
    with session(home) as ask:
        return ask(command, **arguments)


@contextmanager
def session(home: Home) -> Iterator[Callable[..., dict[str, Any]]]:
    """For several commands in one studio: the running one, or one that is open for as long as this takes."""
    studio = running.find(home)
    if studio is not None:
        yield partial(_asked, studio)
        return
    store = Store(home)
    try:
        yield lambda command, /, **arguments: perform(store, command, arguments)
    finally:
        store.close()


def _asked(studio: dict[str, Any], command: str, /, **arguments: Any) -> dict[str, Any]:
    try:
        answer = httpx.post(
            f"{studio['url']}/commands/{command}",
            json=arguments,
            headers={"authorization": f"Bearer {studio['key']}"},
            timeout=httpx.Timeout(None, connect=5.0),  # a model may take a quarter of an hour to load
            trust_env=False,  # a proxy of the environment is not for this machine, and must not see the key
        )
    except httpx.TransportError as error:
        raise Problem(
            f"The studio at {studio['url']} has this home open and does not answer.",
            f"{type(error).__name__}: {error}",
            "Try again when it is up, or stop it.",
        ) from error
    found: dict[str, Any] = answer.json()
    if answer.status_code == 422:
        raise Problem(found["what"], found["why"], found["do"])
    answer.raise_for_status()
    return found

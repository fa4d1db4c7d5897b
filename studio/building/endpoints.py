"""Endpoints: models that answer elsewhere over the chat protocol, with what their tokens cost."""

from dataclasses import dataclass

from engine.problems import Problem
from engine.serving.asking import calls, client
from studio import prices
from studio.building import addresses, models
from studio.building.models import Model
from studio.store import Store

UNIT = "euros a million tokens"


@dataclass(frozen=True)
class Rates:
    """Euros for a million tokens, read and written; None where nobody has said."""

    read: float | None
    written: float | None


def add(store: Store, name: str, url: str, served: str, by: str, *, key_from: str = "") -> Model:
    """Register the model that `url` knows as `served`. It is asked for its models, nothing else is sent.

    Problem when it does not answer, does not know the model, or when the key was given instead of its variable's name.
    """
    if not name.strip():
        raise Problem("The model has no name.", do="Give it one, such as mistral-large.")
    models.free(store, name)
    addresses.check(url, key_from, like="https://api.mistral.ai/v1", variable="MISTRAL_API_KEY")
    there = calls.keyed(url, key_from, name)
    known = client.models(there)
    wanted = served or name
    if wanted not in known:
        some = ", ".join(sorted(known)[:8])
        raise Problem(f"{there} has no model called {wanted}.", do=f"It has {some or 'none at all'}.")
    return models.add(store, name, models.ENDPOINT, url, by, served=wanted, key_from=key_from)


def rate(store: Store, model: str, read: float, written: float, source: str, by: str) -> None:
    """Set what a model's tokens cost from now on, euros a million."""
    prices.set(store, f"{model}: tokens read", read, UNIT, source, by)
    prices.set(store, f"{model}: tokens written", written, UNIT, source, by)


def rates(store: Store, model: str) -> Rates:
    found = [prices.current(store, f"{model}: tokens {way}") for way in ("read", "written")]
    read, written = (price.amount if price else None for price in found)
    return Rates(read, written)

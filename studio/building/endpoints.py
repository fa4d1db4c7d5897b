"""Endpoints: models that answer elsewhere over the chat protocol, with what their tokens cost.

The studio keeps the name of the environment variable that holds the key, never the key.
"""

import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from engine.problems import Problem
from engine.serving.asking import client
from engine.serving.asking.client import Endpoint
from studio.building import models
from studio.building.models import Model
from studio.deciding import prices
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
    if store.row("select 1 from model where name = ?", [name]) is not None:
        raise Problem(f"There is a model called {name} already.", do="Choose another name.")
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise Problem(f"{url or 'Nothing'} is not an address.", do="Give one such as https://api.mistral.ai/v1.")
    if key_from and not re.fullmatch(r"[A-Z_][A-Z0-9_]*", key_from):
        what = "That is not the name of an environment variable."  # not repeated here: it may be the key itself
        raise Problem(what, "The key is never kept.", "Set a variable such as MISTRAL_API_KEY, and give its name.")
    if key_from and key_from not in os.environ:
        raise Problem(
            f"The environment of the studio has no {key_from}.", do=f"Start it with {key_from} set, and try again."
        )
    known = client.models(Endpoint(url, os.environ.get(key_from, "")))
    wanted = served or name
    if wanted not in known:
        some = ", ".join(sorted(known)[:8])
        raise Problem(f"{Endpoint(url)} has no model called {wanted}.", do=f"It has {some or 'none at all'}.")
    return models.add(store, name, models.ENDPOINT, url, by, served=wanted, key_from=key_from)


def rate(store: Store, model: str, read: float, written: float, source: str, by: str) -> None:
    """Set what a model's tokens cost from now on, euros a million."""
    prices.set(store, f"{model}: tokens read", read, UNIT, source, by)
    prices.set(store, f"{model}: tokens written", written, UNIT, source, by)


def rates(store: Store, model: str) -> Rates:
    found = [prices.current(store, f"{model}: tokens {way}") for way in ("read", "written")]
    read, written = (price.amount if price else None for price in found)
    return Rates(read, written)

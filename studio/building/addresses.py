"""Addresses: where models and engines answer elsewhere, as a person gives them.

A key is told by the environment variable that holds it, and kept nowhere.
"""

import os
import re
from urllib.parse import urlsplit

from engine.problems import Problem
from engine.serving.asking.calls import Endpoint


def check(url: str, key_from: str, *, like: str, variable: str) -> None:
    """Problem when that is no address, or when a key was given in place of its variable's name; `like` and `variable`
    are what could be given."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Problem(f"{url or 'Nothing'} is not an address.", do=f"Give one such as {like}.")
    if key_from and not re.fullmatch(r"[A-Z_][A-Z0-9_]*", key_from):
        what = "That is not the name of an environment variable."  # not repeated here: it may be the key itself
        raise Problem(what, "The key is never kept.", f"Set a variable such as {variable}, and give its name.")


def endpoint(url: str, key_from: str, whose: str) -> Endpoint:
    """The address with its key. Problem when that is not in the environment."""
    if key_from and not os.environ.get(key_from):
        raise Problem(
            f"The environment of the studio has no {key_from}, which holds the key of {whose}.",
            do=f"Start the studio with {key_from} set.",
        )
    return Endpoint(url, os.environ[key_from] if key_from else "")

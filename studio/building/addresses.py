"""Addresses: where models and engines answer elsewhere, as a person gives them.

A key is told by the environment variable that holds it, and kept nowhere.
"""

import re
from urllib.parse import urlsplit

from engine.problems import Problem


def check(url: str, key_from: str, *, like: str, variable: str) -> None:
    """Problem when that is no address, or when a key was given in place of its variable's name; `like` and `variable`
    are what could be given."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Problem(f"{url or 'Nothing'} is not an address.", do=f"Give one such as {like}.")
    if parts.username or parts.password or parts.query or parts.fragment:
        what = "That holds more than an address."  # not repeated here either
        raise Problem(what, "A name, password or key in it would be kept.", f"Give it as {like}, and where the key is.")
    if key_from and not re.fullmatch(r"[A-Z_][A-Z0-9_]*", key_from):
        what = "That is not the name of an environment variable."  # not repeated here: it may be the key itself
        raise Problem(what, "The key is never kept.", f"Set a variable such as {variable}, and give its name.")

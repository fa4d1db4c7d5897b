"""Doors: keys to this machine's API, made and revoked with a trace of who did it. The key itself is in no record."""

from collections.abc import Sequence

from engine.api import keys
from engine.api.keys import Key
from studio.store import Store


def make(store: Store, name: str, scopes: Sequence[str], by: str) -> tuple[Key, str]:
    """A new key and its secret, which is shown once and kept nowhere."""
    key, secret = keys.make(store.home.root, name, scopes, by)
    with store.write(by, "key.make", key.id, name=key.name, scopes=list(key.scopes)):
        pass
    return key, secret


def revoke(store: Store, id: str, by: str) -> Key:
    """Shut a key out from now on."""
    key = keys.revoke(store.home.root, id)
    with store.write(by, "key.revoke", id, name=key.name):
        pass
    return key

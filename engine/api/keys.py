"""Keys: who may ask what. A key is shown once, when it is made; only its hash is kept, in `keys.json`.

    key, secret = keys.make(home, "Ada's laptop", ["files", "train"], by="ada")
    keys.found(home, secret)     # the Key, or None when nobody knows it
    keys.revoke(home, key.id)

Keys are long and random, so a plain SHA-256 is all that their hash needs.
"""

import hashlib
import hmac
import json
import os
import secrets
import time
import uuid
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from engine import processes
from engine.problems import Problem

SCOPES = {
    "read": "see jobs, models and the names of files",
    "files": "upload, download and delete files",
    "train": "start and stop jobs; rename, archive and delete what they made",
    "chat": "ask models",
    "admin": "all of it",
}
FILE = "keys.json"
VARIABLE = "ATELIER_API_KEY"
PREFIX = "atl-"
USE_KEPT = 60.0  # seconds; the time of last use is written no more often
SHORTEST = 16  # characters of a key that somebody chose


@dataclass(frozen=True)
class Key:
    """Times are seconds since the epoch; None where it has not happened."""

    id: str
    name: str
    scopes: tuple[str, ...]
    hash: str
    made_by: str
    made_at: float
    revoked_at: float | None = None
    last_used: float | None = None

    def may(self, scope: str) -> bool:
        return "admin" in self.scopes or scope in self.scopes


def make(home: Path, name: str, scopes: Sequence[str], by: str) -> tuple[Key, str]:
    """A new key and its secret, which nobody can read again."""
    if not name.strip():
        raise Problem("The key has no name.", do="Name whoever or whatever will use it.")
    if unknown := sorted(set(scopes) - SCOPES.keys()):
        raise Problem(f"There is no scope {', '.join(unknown)}.", do=f"Choose from {', '.join(SCOPES)}.")
    if not scopes:
        raise Problem("A key without a scope opens nothing.", do=f"Choose from {', '.join(SCOPES)}.")
    secret = PREFIX + secrets.token_urlsafe(32)
    key = Key(uuid.uuid4().hex[:8], name.strip(), tuple(sorted(set(scopes))), _hash(secret), by, time.time())
    with _held(home):
        _write(home, [*_read(home), key])
    return key, secret


def revoke(home: Path, id: str) -> Key:
    """Shut a key out from now on. It stays in the list, so that one sees that it was there."""
    with _held(home):
        known = _read(home)
        if not any(key.id == id for key in known):
            raise Problem(f"There is no key {id}.", do="Choose one from the list of keys.")
        _write(home, [replace(key, revoked_at=key.revoked_at or time.time()) if key.id == id else key for key in known])
    return next(key for key in listed(home) if key.id == id)


def listed(home: Path) -> list[Key]:
    """Every key, oldest first, the revoked ones too."""
    return _read(home)


def found(home: Path, secret: str) -> Key | None:
    """Whose secret this is. All hashes are compared, in the same time, whichever fits."""
    given, match = _hash(secret), None
    for key in [*_from_environment(), *_read(home)]:
        if hmac.compare_digest(key.hash, given) and key.revoked_at is None:
            match = key
    if match is not None and match.made_by != VARIABLE and time.time() - (match.last_used or 0) > USE_KEPT:
        _used(home, match.id)
    return match


def any_there(home: Path) -> bool:
    """Whether somebody could ask at all."""
    return bool(_from_environment()) or any(key.revoked_at is None for key in _read(home))


def _from_environment() -> list[Key]:
    secret = os.environ.get(VARIABLE, "").strip()
    if not secret:
        return []
    if len(secret) < SHORTEST:
        raise Problem(
            f"The key in {VARIABLE} has {len(secret)} characters.",
            do=f"Use at least {SHORTEST}, for example what `openssl rand -hex 32` prints.",
        )
    return [Key("environment", f"from {VARIABLE}", ("admin",), _hash(secret), VARIABLE, 0.0)]


def _used(home: Path, id: str) -> None:
    with _held(home):
        _write(home, [replace(key, last_used=time.time()) if key.id == id else key for key in _read(home)])


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _held(home: Path) -> AbstractContextManager[None]:
    home.mkdir(parents=True, exist_ok=True)
    return processes.locked(home / ".keys")


def _read(home: Path) -> list[Key]:
    path = home / FILE
    kept = json.loads(path.read_text()) if path.is_file() else []
    return [Key(**{**one, "scopes": tuple(one["scopes"])}) for one in kept]


def _write(home: Path, keys: Iterable[Key]) -> None:
    """Readable by the owner alone, from the first byte on."""
    draft = home / f".{FILE}.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump([asdict(key) for key in keys], file, indent=1)
    draft.rename(home / FILE)

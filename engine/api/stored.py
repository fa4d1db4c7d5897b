"""Stored: the files that were uploaded, each a folder `api/files/<id>/` with its bytes and what is known of it."""

import json
import shutil
import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.api.refusals import Refusal

PURPOSES = ("fine-tune", "batch")
BYTES, KNOWN = "content", "file.json"


@dataclass(frozen=True)
class Stored:
    """`by` is the id of the key that uploaded it; `filename` is what they called it, and never a path here."""

    id: str
    filename: str
    purpose: str
    bytes: int
    lines: int
    mimetype: str
    sample_type: str
    sha256: str
    created_at: int
    by: str
    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / BYTES


def new_folder(home: Path) -> Path:
    """Where an upload is written. It is no file of anybody's until `keep` has named it."""
    folder = home / "api" / "files" / f".{uuid.uuid4()}"
    folder.mkdir(parents=True)
    return folder


def keep(draft: Path, **known: Any) -> Stored:
    """Make a file of what was written to `draft / BYTES`."""
    stored = Stored(id=draft.name[1:], created_at=int(time.time()), folder=draft.with_name(draft.name[1:]), **known)
    (draft / KNOWN).write_text(json.dumps({k: v for k, v in asdict(stored).items() if k != "folder"}))
    draft.rename(stored.folder)
    return stored


def get(home: Path, id: str) -> Stored:
    folder = home / "api" / "files" / _plain(id)
    if not (folder / KNOWN).is_file():
        raise Refusal(404, f"There is no file {id}. GET /v1/files lists those that are here.", "file_id")
    return _read(folder)


def listed(home: Path) -> list[Stored]:
    """Every file, newest first."""
    found = [_read(path.parent) for path in (home / "api" / "files").glob(f"[!.]*/{KNOWN}")]
    return sorted(found, key=lambda one: (-one.created_at, one.id))


def remove(home: Path, id: str) -> None:
    """Forget a file. Jobs that were made from it have their own copy of what they learn from."""
    folder = get(home, id).folder
    gone = folder.with_name(f".gone-{folder.name}")
    folder.rename(gone)
    shutil.rmtree(gone)


def _read(folder: Path) -> Stored:
    return Stored(**json.loads((folder / KNOWN).read_text()), folder=folder)


def _plain(id: str) -> str:
    """An id as we make them, or one that is nobody's: it becomes part of a path."""
    try:
        return str(uuid.UUID(id))
    except ValueError:
        return "-"

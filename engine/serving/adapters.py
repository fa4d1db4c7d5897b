"""Adapters: those that a server answers for, kept in its folder so that it has them again after a restart.

Whoever loads one notes it (`engine.serving.servers.load`), and the watcher notes what was loaded by others.
"""

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine import processes

FILE = "adapters.json"
WEIGHTS = "adapter_model.safetensors"


@dataclass(frozen=True)
class Kept:
    """An adapter's folder, and which state of its weights was loaded."""

    path: str
    version: str


def version(folder: Path) -> str:
    """Changes when the weights in the folder do; '' when there are none."""
    try:
        stat = (folder / WEIGHTS).stat()
    except OSError:
        return ""
    return f"{stat.st_mtime_ns}-{stat.st_size}"


def listed(models: dict[str, Any]) -> dict[str, str]:
    """Names and folders of the adapters in an answer to `/v1/models`."""
    return {one["id"]: one["root"] for one in models["data"] if one.get("parent")}


def keep(folder: Path, known: Mapping[str, str], gone: Collection[str] = ()) -> None:
    """Note adapters that a server answers for, names and folders, beside those that are noted already, and strike those
    that are gone. One that was noted before keeps the version that was loaded."""
    with processes.locked(folder / f".{FILE}.lock"):
        before = kept(folder)
        now = {name: one for name, one in before.items() if name not in gone}
        for name, path in known.items():
            if name not in now or now[name].path != path:
                now[name] = Kept(path, version(Path(path)))
        if now != before:
            draft = folder / f".{FILE}.{os.getpid()}"
            draft.write_text(json.dumps({name: asdict(one) for name, one in now.items()}))
            draft.rename(folder / FILE)


def kept(folder: Path) -> dict[str, Kept]:
    path = folder / FILE
    return {name: Kept(**one) for name, one in json.loads(path.read_text()).items()} if path.exists() else {}


def folders(known: dict[str, Kept]) -> dict[str, str]:
    return {name: one.path for name, one in known.items()}


def sorted_out(known: dict[str, Kept]) -> tuple[dict[str, Kept], dict[str, str]]:
    """Those that can be loaded as they were, and why the others cannot: a name must go on meaning the same weights."""
    lost = {}
    for name, one in known.items():
        now = version(Path(one.path))
        if now != one.version:
            lost[name] = "Its weights have changed since." if now else "Its folder is gone."
    return {name: one for name, one in known.items() if name not in lost}, lost

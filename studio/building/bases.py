"""Bases: models to start from, brought in by folder or hub id, looked at before anything of them is used."""

import re
import shutil
from pathlib import Path

from engine.problems import Problem
from engine.training.bases import families, weights
from studio.building import models
from studio.building.models import Model
from studio.store import Store

NAME = r"[\w.:@+-]{1,80}"


def register(store: Store, name: str, where: str, by: str) -> Model:
    """Add a base: a folder, a zip or tar of one, or a hub id.

    Problem, with what would help, when its name is taken or it cannot or must not be trained here.
    """
    name, where = name.strip(), where.strip()
    if not where:
        raise Problem("There is no folder and no hub id.", do="Give one, such as mistralai/Mistral-7B-Instruct-v0.3.")
    name = name or suggested(where)
    if not re.fullmatch(NAME, name):
        raise Problem(f"{name!r} cannot be a name.", do="Use letters, digits, dots and dashes, without spaces.")
    models.free(store, name)
    here = Path(where).expanduser().resolve()
    packed = here.is_file()
    if packed:
        here = weights.unpack(here, store.home.root / "models" / name)
    path = str(here) if here.is_dir() else where
    try:
        families.examine(path)
        weights.check_base(path)
    except Problem:
        if packed:
            shutil.rmtree(here, ignore_errors=True)
        raise
    return models.add(store, name, models.BASE, path, by)


def suggested(where: str) -> str:
    """The last part of a folder or hub id, as a name."""
    return re.sub(r"[^\w.-]+", "-", where.rstrip("/").rpartition("/")[2]).strip("-").lower()


def on_disk(model: Model) -> int | None:
    """Bytes of a model's own files; None when they are not on this machine."""
    folder = Path(model.path)
    if model.kind == models.ENDPOINT or not folder.is_dir():
        return None
    return weights.size(folder)

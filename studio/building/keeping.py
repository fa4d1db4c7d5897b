"""Keeping: what is done with a model after its run. Tags, archive, delete; merged, as GGUF, and pushed, as jobs."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import events, jobs, specs
from engine.jobs import Job
from engine.problems import Problem
from engine.training.after import pushing
from engine.training.after.errands import HUB, ConvertSpec, MergeSpec, PushSpec
from engine.training.bases import weights
from studio.building import lineage, models
from studio.building.models import Model
from studio.store import Store

MERGE, CONVERT, PUSH = "merge", "convert", "push"


@dataclass(frozen=True)
class Artefact:
    """A folder that a model can leave as: its own, merged, or GGUF."""

    kind: str  # adapter, base, merge, convert
    folder: str
    bytes: int
    job: str = ""


@dataclass(frozen=True)
class Deed:
    """A job on a model, and how it is."""

    job: Job
    kind: str
    end: dict[str, Any]


def tag(store: Store, name: str, tags: Sequence[str], by: str) -> Model:
    """Give a model these tags, and no others."""
    model = models.get(store, name)
    wanted = sorted({one.strip() for one in tags if one.strip()})
    if wanted != sorted(model.tags):
        with store.write(by, "model.tag", name, tags=", ".join(wanted) or "none") as cursor:
            cursor.execute("update model set tags = ? where name = ?", [wanted, name])
    return models.get(store, name)


def archive(store: Store, name: str, by: str, *, archived: bool = True) -> Model:
    """Offer a model no more, or again. Its files, and all that it has answered, stay."""
    if models.get(store, name).archived != archived:
        with store.write(by, "model.archive" if archived else "model.restore", name) as cursor:
            cursor.execute("update model set archived = ? where name = ?", [archived, name])
    return models.get(store, name)


def depends(store: Store, name: str) -> dict[str, int]:
    """What was made with a model and how many of each: {candidates, answers, adapters}."""
    row = store.row(
        """
        select (select count(*) from candidate where model = $name) as candidates,
               (select count(*) from response r join candidate c on c.id = r.candidate where c.model = $name)
                   as answers,
               (select count(*) from model where base = $name) as adapters
        """,
        {"name": name},
    )
    assert row is not None
    return dict(row)


def delete(store: Store, name: str, by: str) -> list[Path]:
    """Take a model away, row and files; the folders that are gone. Files outside of the home are not ours to delete.

    Candidates and evaluations that asked it keep what they were told. Problem when adapters stand on it, or work on
    it goes on.
    """
    model = models.get(store, name)
    if name == models.STARTER_NAME:
        raise Problem("The starter comes with Atelier and cannot be deleted.", do="Archive it; then it is not offered.")
    above = [row["name"] for row in store.rows("select name from model where base = ? order by name", [name])]
    if above:
        raise Problem(f"{name} is the base of {', '.join(above)}.", "They do nothing without it.", "Delete them first.")
    if busy := [deed for deed in deeds(store, model) if deed.job.live]:
        raise Problem(f"{name} is being worked on: {busy[0].job.kind}.", do="Wait for it, or stop it.")
    gone = [Path(found.folder) for found in artefacts(store, model)]
    gone = [folder for folder in gone if folder.is_dir() and folder.resolve().is_relative_to(store.home.root.resolve())]
    with store.write(by, "model.delete", name, run=model.run, kind=model.kind) as cursor:
        cursor.execute("delete from model where name = ?", [name])
    for folder in gone:
        shutil.rmtree(folder)
    return gone


def merge(store: Store, name: str, by: str) -> Job:
    """Put an adapter into its base for good, as a job."""
    model = _adapter(store, name)
    card = lineage.card(store, model)
    spec = MergeSpec(model=name, base=models.base_of(store, model).path, adapter=model.path, card=card)
    return _submit(store, MERGE, spec, model, by)


def convert(store: Store, name: str, by: str, type: str = "bf16") -> Job:
    """Write a model as one GGUF file, as a job."""
    model = _with_files(store, name)
    adapter = model.path if model.kind == models.ADAPTER else ""
    base, card = models.base_of(store, model).path, lineage.card(store, model)
    spec = ConvertSpec(model=name, base=base, adapter=adapter, type=type, card=card)
    return _submit(store, CONVERT, spec, model, by)


def push(store: Store, name: str, artefact: Artefact, target: str, by: str) -> Job:
    """Copy an artefact to a folder, or to a hub, with the card as its README. Problem when that cannot work."""
    model = models.get(store, name)
    pushing.ready(artefact.folder, target)
    spec = PushSpec(model=name, source=artefact.folder, target=target, card=lineage.card(store, model))
    return _submit(store, PUSH, spec, model, by, where=target, leaves=target.startswith(HUB))


def artefacts(store: Store, model: Model) -> list[Artefact]:
    """What there is of a model: its own folder, then what was made of it, oldest first."""
    if model.kind == models.ENDPOINT:
        return []
    own = [Artefact(model.kind, model.path, weights.size(Path(model.path)))] if Path(model.path).is_dir() else []
    made = [deed for deed in deeds(store, model) if deed.kind in (MERGE, CONVERT) and deed.job.state == jobs.DONE]
    found = [Artefact(deed.kind, deed.end["path"], deed.end["bytes"], deed.job.id) for deed in made]
    return own + [artefact for artefact in found if Path(artefact.folder).is_dir()]


def deeds(store: Store, model: Model) -> list[Deed]:
    """The jobs that worked on a model, oldest first."""
    found = []
    for kind in (MERGE, CONVERT, PUSH):
        for path in store.home.jobs.glob(f"{kind}-*/job.json"):
            if _about(path.parent) == model.name:
                job = jobs.get(store.home.jobs, path.parent.name)
                found.append(Deed(job, kind, events.last(job.folder, "end") or {}))
    return sorted(found, key=lambda deed: deed.job.made_at)


def _submit(store: Store, kind: str, spec: Any, model: Model, by: str, **detail: Any) -> Job:
    """Record it and put it in the queue."""
    id = jobs.new_id(kind)
    with store.write(by, f"model.{kind}", model.name, job=id, **detail):
        return jobs.submit(store.home.jobs, kind, spec, by, id)


def _adapter(store: Store, name: str) -> Model:
    model = models.get(store, name)
    if model.kind != models.ADAPTER:
        raise Problem(f"{name} is a whole model already.", do="Merging is for adapters.")
    return _with_files(store, name)


def _with_files(store: Store, name: str) -> Model:
    model = models.get(store, name)
    if not Path(model.path).is_dir():
        raise Problem(f"The files of {name} are not on this machine.", f"It stands at {model.path}.")
    return model


def _about(folder: Path) -> str:
    return str(json.loads((folder / specs.FILE).read_text()).get("model", ""))

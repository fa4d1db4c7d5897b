"""Catalogue: which names mean which model here. Aliases, bases, what jobs made, and what a studio adds; all of it found
in files anew at every question, so that a restart loses nothing.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from engine.api import tunings
from engine.api.refusals import Refusal

STARTER = Path(__file__).resolve().parents[2] / "starter"
EMBEDDING = "atelier-embed"  # answers /v1/embeddings, and no chat
PICKLED = (".bin", ".pt", ".pth", ".pkl", ".ckpt")


@dataclass(frozen=True)
class Known:
    """A model that has a name here. `base` is the folder (or hub id) to load; `adapter` what is added to it, if any.

    `root` is the name of the base; `job` is '' for what no job of this engine made. `closed` says in a sentence why it
    cannot be asked now.
    """

    id: str
    base: str
    adapter: Path | None = None
    root: str = ""
    job: str = ""
    created: int = 0
    name: str = ""
    description: str = ""
    archived: bool = False
    closed: str = ""
    aliases: list[str] = field(default_factory=list)

    @property
    def tuned(self) -> bool:
        return bool(self.job or self.adapter)

    @property
    def context(self) -> int:
        """Tokens that it reads at most; what Mistral's clients suppose where its files do not say."""
        config = Path(self.base) / "config.json"
        found = json.loads(config.read_text()).get("max_position_embeddings") if config.is_file() else None
        return int(found or 32768)


class Source(Protocol):
    """Where more models come from: a studio that runs in the same process."""

    def models(self) -> list[Known]: ...


class Catalogue:
    def __init__(self, home: Path, more: Source | None = None) -> None:
        self.home, self.more = home, more

    def listed(self) -> list[Known]:
        """Every model that is here: bases, what jobs made and the studio's. None stands in it twice."""
        found = {one.id: one for one in [*self._tuned(), *(self.more.models() if self.more else [])]}
        bases = {"starter": Known("starter", str(STARTER), created=_made(STARTER))}
        aliases = read_aliases(self.home)
        for alias, target in aliases.items():
            if target not in bases and target not in found and target != EMBEDDING:
                bases[alias] = Known(alias, target, created=_made(Path(target)))
        everything = {**bases, **found}
        for alias, target in aliases.items():
            if target in everything:
                everything[target].aliases.append(alias)
        return list(everything.values())

    def get(self, name: str) -> Known:
        """The model that a name or an alias means. Refused, with what there is, when it means none."""
        models = self.listed()
        for model in models:
            if name == model.id or name in model.aliases:
                return model
        if name in tunings.deleted(self.home):
            raise Refusal(404, f"The model {name} was deleted.", "model")
        known = ", ".join([*(model.id for model in models), *read_aliases(self.home)][:12])
        raise Refusal(
            404,
            f"There is no model {name} here; {known} can be asked. To let this name mean one of them, start the engine "
            f"with --alias {name}=starter.",
            "model",
        )

    def askable(self, name: str) -> Known:
        """The same, if it can answer now and nothing but its weights is loaded."""
        model = self.get(name)
        if model.closed:
            raise Refusal(409, model.closed, "model")
        if model.archived:
            raise Refusal(
                409,
                f"The model {name} is archived. DELETE /v1/fine_tuning/models/{model.id}/archive brings it back.",
                "model",
            )
        check_safe(Path(model.base), name)
        if model.adapter is not None:
            check_safe(model.adapter, name)
        return model

    def base(self, name: str) -> Known:
        """A model that a job can start from."""
        model = self.askable(name)
        if model.adapter is not None:
            raise Refusal(
                422,
                f"{name} is an adapter on {model.root or model.base}; a job starts from a whole model.",
                "model",
            )
        return model

    def _tuned(self) -> list[Known]:
        return [
            Known(
                id=one.name,
                base=one.base if one.adapter else str(one.made),
                adapter=one.made if one.adapter else None,
                root=one.model,
                job=one.id,
                created=one.created_at,
                name=one.title,
                description=one.description,
                archived=one.archived,
                closed=one.closed,
            )
            for one in tunings.listed(self.home)
            if not one.deleted_at and not one.lost
        ]


def check_safe(folder: Path, name: str) -> None:
    """Refused when loading the folder would run code that came with it: pickled weights, or code of its own."""
    if not folder.is_dir():
        return  # a hub id: the loader itself takes safetensors alone and runs no code
    config = folder / "config.json"
    if config.is_file() and "auto_map" in json.loads(config.read_text()):
        raise Refusal(
            422,
            f"The model {name} brings code of its own (auto_map in its config.json, trust_remote_code). This engine "
            "never runs such code; use a model of an architecture that transformers knows.",
            "model",
        )
    if any(folder.glob("*.safetensors")):
        return
    if pickled := sorted(path.name for path in folder.iterdir() if path.suffix in PICKLED):
        raise Refusal(
            422,
            f"The weights of {name} are pickled ({pickled[0]}), and opening them could run anything. Save them as "
            "safetensors: model.save_pretrained(folder, safe_serialization=True).",
            "model",
        )


def read_aliases(home: Path) -> dict[str, str]:
    path = _aliases(home)
    return dict(json.loads(path.read_text())) if path.is_file() else {}


def set_aliases(home: Path, given: Mapping[str, str]) -> None:
    """Let names mean models from now on; an empty target forgets a name."""
    path = _aliases(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    left = {name: target for name, target in {**read_aliases(home), **given}.items() if target}
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(left, indent=1))
    draft.rename(path)


def _aliases(home: Path) -> Path:
    return home / "api" / "aliases.json"


def _made(folder: Path) -> int:
    return int(folder.stat().st_mtime) if folder.exists() else 0

"""Pushing: a model's files go to another folder or to a hub, with its card. A job, since they may be large.

What leaves is the folder that was asked for and nothing else: no probes, no examples, no log. The token for a hub is
read from the environment of the job and kept nowhere.
"""

import os
import re
import shutil
from pathlib import Path
from typing import Any

from engine import specs
from engine.problems import Problem
from engine.training.after.errands import HUB, PushSpec
from engine.training.bases import weights

TOKEN = "HF_TOKEN"
LEAVES = {".safetensors", ".json", ".jinja", ".model", ".txt", ".md", ".gguf"}


def run(folder: Path) -> dict[str, Any]:
    """Push as `folder/spec.json` says."""
    spec = specs.read(folder, PushSpec)
    ready(spec.source, spec.target)
    draft = folder / "leaving"
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(spec.source, draft, ignore=_kept)
    if spec.card:
        (draft / "README.md").write_text(spec.card)
    names = sorted(path.name for path in draft.iterdir())
    where = _upload(draft, spec.target) if spec.target.startswith(HUB) else _place(draft, Path(spec.target))
    shutil.rmtree(draft, ignore_errors=True)
    return {"where": where, "files": names}


def ready(source: str, target: str) -> None:
    """Problem when this push cannot work: told before anything is copied."""
    if not Path(source).is_dir():
        raise Problem(f"There is nothing in {source} to push.")
    if not any(path.suffix == ".gguf" for path in Path(source).iterdir()):
        weights.check(Path(source))
    if not target.startswith(HUB):
        if not Path(target).is_absolute():
            raise Problem(
                f"{target or 'Nothing'} is no place to push to.",
                do=f"Give a whole path such as /models/tone, or {HUB}team/tone.",
            )
        if Path(target).exists():
            raise Problem(f"There is something at {target} already.", do="Choose a folder that does not exist yet.")
        return
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", target.removeprefix(HUB)):
        raise Problem(f"{target} names no repository.", do=f"Give one such as {HUB}team/tone.")
    if not os.environ.get(TOKEN):
        raise Problem(
            f"The environment has no {TOKEN}.",
            "A hub takes models only from whom it knows, and Atelier keeps no keys.",
            f"Start the studio with {TOKEN} set to a token that may write.",
        )


def _kept(folder: str, names: list[str]) -> set[str]:
    """What stays here: folders, and files that are no part of a model."""
    return {name for name in names if Path(folder, name).is_dir() or Path(name).suffix not in LEAVES}


def _place(draft: Path, target: Path) -> str:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        near = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.copytree(draft, near)  # perhaps another disk, where a rename alone cannot go
        near.rename(target)
    except OSError as error:
        raise Problem(f"{target} cannot be written.", f"The system says: {error.strerror}.") from error
    return str(target)


def _upload(draft: Path, target: str) -> str:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    repository = target.removeprefix(HUB)
    hub = HfApi(token=os.environ[TOKEN])
    try:
        made = hub.create_repo(repository, private=True, exist_ok=True)
        hub.upload_folder(repo_id=repository, folder_path=draft, commit_message="A model from Atelier")
    except (HfHubHTTPError, OfflineModeIsEnabled, OSError) as error:
        said = str(error).splitlines()[0].replace(os.environ[TOKEN], "(the token)")
        raise Problem(f"The hub did not take {repository}.", f"It says: {said}", "Check the token's rights.") from error
    return str(made)

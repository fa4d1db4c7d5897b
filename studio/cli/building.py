"""Commands that make models."""

import getpass
from pathlib import Path
from typing import Annotated, Any

import typer

from engine import jobs, specs
from engine.problems import Problem
from engine.training.settings import TrainSpec
from studio import progress
from studio.cli.shell import HomeOption, Json, app, console, home_of, run, say


@app.command()
def train(
    snapshot: str,
    name: Annotated[str, typer.Option(help="Name of the run and of the model that it makes.")],
    base: Annotated[str, typer.Option(help="Model to start from.")] = "starter",
    set_: Annotated[list[str] | None, typer.Option("--set", help="A setting, as rank=32; may be repeated.")] = None,
    home: HomeOption = None,
    as_json: Json = False,
) -> None:
    """Fine-tune a model on a snapshot and wait for it."""
    place = home_of(home)
    found = run(
        place, "train", name=name, base=base, snapshot=snapshot, by=getpass.getuser(), settings=_settings(set_ or [])
    )
    typer.echo(found["personal_data"], err=True)
    with progress.bars() as bars:
        progress.watch(jobs.get(place.jobs, found["run"]), f"train {name}", bars)
    run(place, "runs")
    say(found, as_json, "{name} is ready; the run is {run}.")


@app.command()
def pretrain(
    out: Annotated[Path, typer.Option(help="Folder for the finished model.")],
    home: HomeOption = None,
) -> None:
    """Pretrain the starter model from scratch, with the recipe of the one that is shipped."""
    import shutil

    from engine.pretraining.settings import PretrainSpec

    place = home_of(home)
    job = jobs.submit(place.jobs, "pretrain", PretrainSpec(), getpass.getuser())
    with progress.bars() as bars:
        progress.watch(job, "pretrain", bars)
    shutil.copytree(job.folder / "model", out, dirs_exist_ok=True)
    console.print(f"The model is in {out}.")


def _settings(given: list[str]) -> dict[str, Any]:
    """`rank=32` as {"rank": 32}, in the type that the setting has."""
    kinds = {name: type(default) for name, default in specs.defaults(TrainSpec).items()}
    found: dict[str, Any] = {}
    for pair in given:
        name, _, value = pair.partition("=")
        if name not in kinds:
            raise Problem(f"There is no setting {name!r}.", do=f"Choose one of {', '.join(kinds)}.")
        try:
            found[name] = kinds[name](value)
        except ValueError as error:
            raise Problem(f"{value!r} is no value for {name}, which is a {kinds[name].__name__}.") from error
    return found

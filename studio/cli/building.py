"""Commands that make models."""

import getpass
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from engine import jobs
from engine.problems import Problem
from studio import progress
from studio.cli import show
from studio.cli.shell import HomeOption, Json, app, console, home_of, run, say
from studio.folders import Home

Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for it, with a progress bar.")]
RunName = Annotated[str, typer.Argument(help="Name or id of the run.")]


@app.command()
def train(
    snapshot: Annotated[str, typer.Argument(help="Snapshot or corpus to learn from: its id, or the beginning of it.")],
    name: Annotated[str, typer.Option(help="Name of the run and of the model that it makes.")],
    base: Annotated[str, typer.Option(help="Model to start from.")] = "starter",
    method: Annotated[str, typer.Option(help="sft, cpt, dpo, orpo, kto or grpo.")] = "sft",
    tuning: Annotated[str, typer.Option(help="lora, rslora, dora, qlora or full.")] = "lora",
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="A setting, as rank=32; rank=8,16 is a run for each. Repeatable.")
    ] = None,
    reward: Annotated[str, typer.Option(help="grpo: the saved reward that says what an answer is paid for.")] = "",
    seeds: Annotated[int, typer.Option(help="Run it with so many seeds and show the spread.")] = 1,
    trackers: Annotated[str, typer.Option(help="Show the figures there too: wandb, mlflow, trackio.")] = "",
    tonight: Annotated[bool, typer.Option("--tonight", help="Start in the night hours.")] = False,
    at: Annotated[str, typer.Option(help="Start not before 20:00, or 2026-11-23 20:00.")] = "",
    priority: Annotated[str, typer.Option(help="high, normal or low.")] = "normal",
    engine: Annotated[str, typer.Option(help="Train on this engine, by its name on the page Engines & keys.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would take, and start nothing.")] = False,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes", help="Train on personal data that was found, or send examples elsewhere, without asking."
        ),
    ] = False,
    wait: Wait = True,
    home: HomeOption = None,
    as_json: Json = False,
) -> None:
    """Fine-tune a model on what was frozen, and wait for it. Several values or seeds make several runs."""
    place = home_of(home)
    asked: dict[str, Any] = {"name": name, "base": base, "snapshot": snapshot, "pairs": set_ or [], "reward": reward}
    asked |= {"settings": {"method": method, "tuning": tuning, "trackers": trackers}, "seeds": seeds}
    asked |= {"priority": priority, "at": at, "tonight": tonight, "by": getpass.getuser(), "engine": engine}
    ahead = run(place, "forecast", **asked)
    if dry_run:
        show.forecast(ahead, as_json)
        raise typer.Exit(0 if ahead["ready"] else 1)
    show.stops(ahead)
    typer.echo(ahead["personal_data"], err=True)
    if (ahead["personal"] or engine) and not yes:
        _ask_first(ahead)
    found = run(place, "train", **asked)
    if not wait or tonight or at:
        say(found, as_json, "{name} is in the queue. {waits} The studio or `atelier engine` must be open then.")
        return
    _follow(place, found["runs"], f"train {name}")
    say(found, as_json, "{name} is ready; the run is {run}.")
    if found["sweep"]:
        show.outcome(run(place, "outcome", sweep=found["sweep"]))


@app.command()
def resume(name: RunName, wait: Wait = True, home: HomeOption = None, as_json: Json = False) -> None:
    """Have a paused, stopped or failed run go on from its last checkpoint."""
    place = home_of(home)
    found = run(place, "resume", run=name, by=getpass.getuser())
    if wait:
        _follow(place, [found["run"]], f"train {name}")
    say(found, as_json, f"{name} is ready." if wait else f"{name} goes on. {{says}}")


@app.command()
def pause(name: RunName, home: HomeOption = None, as_json: Json = False) -> None:
    """Have a run save where it is and give up its place, until it is resumed."""
    found = run(home_of(home), "pause", run=name, by=getpass.getuser())
    say(found, as_json, f"{name} is {{state}}.")


@app.command()
def stop(name: RunName, home: HomeOption = None, as_json: Json = False) -> None:
    """End a run; what it has learned up to its last checkpoint stays."""
    found = run(home_of(home), "stop", run=name, by=getpass.getuser())
    say(found, as_json, f"{name} is {{state}}.")


@app.command()
def queue(
    first: Annotated[str, typer.Option(help="Put this waiting run first.")] = "",
    pause: Annotated[bool | None, typer.Option("--pause/--go-on", help="Start nothing new, or go on.")] = None,
    night: Annotated[str, typer.Option(help="The night hours, as 20:00-06:00.")] = "",
    server_has_gpu: Annotated[
        str, typer.Option(help="What a run does when a server has the GPU: wait, stop (the server) or refuse.")
    ] = "",
    run_has_gpu: Annotated[
        str, typer.Option(help="What a server does when a run has the GPU: wait, stop (pause the run) or refuse.")
    ] = "",
    home: HomeOption = None,
    as_json: Json = False,
) -> None:
    """Say what runs and what waits, in the order in which it starts; change the order, pause it, set the night."""
    ways = {"server_has_gpu": server_has_gpu, "run_has_gpu": run_has_gpu}
    found = run(home_of(home), "queue", by=getpass.getuser(), first=first, pause=pause, night=night, **ways)
    show.queue(found, as_json)


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


def _ask_first(ahead: dict[str, Any]) -> None:
    """Problem unless somebody who was told what is in the data, and where it goes, wants to go on."""
    if not sys.stdin.isatty():
        what = f"send the examples to {ahead['address']}" if "address" in ahead else "train on personal data"
        raise Problem(f"Nobody was asked whether to {what}.", ahead["personal_data"], "Add --yes.")
    if not typer.confirm("Go on with them as they are?", err=True):
        raise typer.Exit(1)


def _follow(place: Home, ids: list[str], what: str) -> None:
    """Wait for runs, one bar each; their models are registered then."""
    with progress.bars() as bars:
        for number, id in enumerate(ids, 1):
            progress.watch(jobs.get(place.jobs, id), what if len(ids) == 1 else f"{what}-{number}", bars)
    run(place, "runs")

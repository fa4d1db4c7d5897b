"""Commands that ask candidates and say what their answers are worth."""

import getpass
import json
from typing import Annotated, Any

import typer
from rich.table import Table

from engine import jobs
from engine.problems import Problem
from studio import progress
from studio.cli.shell import HomeOption, Json, app, console, home_of, run


@app.command()
def evaluate(
    snapshot: Annotated[str, typer.Argument(help="Snapshot to ask: its id, or the beginning of it.")] = "",
    asked: Annotated[
        list[str] | None, typer.Option("--candidate", help="A candidate, or a model as it is. Repeatable.")
    ] = None,
    metric: Annotated[list[str] | None, typer.Option(help="What to score by; what fits otherwise. Repeatable.")] = None,
    split: Annotated[str, typer.Option(help="test or validation.")] = "test",
    n: Annotated[int, typer.Option("-n", help="So many items, the same ones each time; 0 for all.", min=0)] = 0,
    judge: Annotated[str, typer.Option(help="The model that judges, for the metrics that need one.")] = "",
    repeats: Annotated[int, typer.Option(help="Answers drawn to each item.")] = 1,
    budget: Annotated[float, typer.Option(help="Euros that are not to be exceeded; 0 for no such limit.")] = 0.0,
    anew: Annotated[bool, typer.Option("--anew", help="Ask again what was answered in earlier evaluations.")] = False,
    name: Annotated[str, typer.Option(help="Name of the evaluation.")] = "",
    resume: Annotated[str, typer.Option(help="Have this evaluation ask what is still open.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would take, and start nothing.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for it, with a progress bar.")] = True,
    home: HomeOption = None,
    as_json: Json = False,
) -> None:
    """Ask candidates the same items, score the answers, and say what they are worth; what it takes is said first."""
    place, by = home_of(home), getpass.getuser()
    if resume:
        begun = run(place, "evaluation-resume", evaluation=resume, by=by)
    else:
        if not snapshot or not asked:
            raise Problem("Nobody said what to ask whom.", do="Give a snapshot and at least one --candidate.")
        what: dict[str, Any] = {"snapshot": snapshot, "asked": asked, "by": by, "name": name, "split": split, "n": n}
        what |= {"metrics": metric or [], "judge": judge, "repeats": repeats, "budget": budget, "reuse": not anew}
        ahead = run(place, "evaluation-forecast", **what)
        if dry_run or not as_json:
            _foretell(ahead, as_json)
        if dry_run:
            return
        begun = run(place, "evaluate", **what)
    if not wait:
        print(json.dumps(begun)) if as_json else console.print(
            f"{begun['name']} is in the queue: {begun['evaluation']}."
        )
        return
    with progress.bars() as bars:
        progress.watch(jobs.get(place.jobs, begun["evaluation"]), f"evaluate {begun['name']}", bars)
    _tell(run(place, "evaluation-outcome", evaluation=begun["evaluation"]), as_json)


def _foretell(ahead: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(ahead, ensure_ascii=False))
        return
    table = Table("asked", "requests", "kept", "tokens in", "tokens out", "euros", "minutes", "known from")
    for line in ahead["lines"]:
        minutes = None if line["seconds"] is None else line["seconds"] / 60
        cells = [line["requests"], line["kept"], line["tokens_in"], line["tokens_out"]]
        told = ["unknown" if cell is None else f"{cell:,}" for cell in cells]
        money, time = ("unknown" if one is None else f"{one:.2g}" for one in (line["euros"], minutes))
        table.add_row(line["name"], *told, money, time, line["basis"])
    console.print(ahead["says"], markup=False, highlight=False)
    console.print(table)


def _tell(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, ensure_ascii=False, default=str))
        return
    table = Table("candidate", "metric", "figure")
    for line in found["figures"]:
        table.add_row(line["candidate"], line["metric"], line["says"])
    console.print(table)
    for one in found["failed"]:
        console.print(f"failed: {one['candidate']}, {one['item']}: {one['error']}", markup=False, highlight=False)

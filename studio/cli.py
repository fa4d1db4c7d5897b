"""The command line, `atelier`. It works while the studio runs, by talking to it, and while it doesn't."""

import getpass
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from engine import jobs, specs
from engine.problems import Problem
from engine.specs import TrainSpec
from studio import commands, imports, progress
from studio.folders import Home
from studio.imports import Reject

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
console = Console()

HomeOption = Annotated[Path | None, typer.Option("--home", help="Home folder; ATELIER_HOME or ~/.atelier otherwise.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def _home(given: Path | None) -> Home:
    return Home(given.expanduser().resolve()) if given else Home.default()


@app.command()
def studio(
    home: HomeOption = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 127.0.0.1 stays on this machine.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8501,
) -> None:
    """Open the studio: pages at /, the engine's API at /v1."""
    from studio import server  # Streamlit takes a second to load; other commands need none of it

    console.print(f"Atelier is open at [bold]http://{host}:{port}[/] (home {_home(home).root}). Ctrl-C closes it.")
    server.serve(_home(home), host, port)


@app.command()
def demo(
    home: HomeOption = None,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End with the report instead of the studio.")] = False,
    port: Annotated[int, typer.Option(help="Port of the studio.")] = 8501,
) -> None:
    """Run the whole loop on the sample project and open the studio on its result. Again: resume, not repeat."""
    from studio import demo as loop

    place = _home(home)
    report = loop.run(place, serve=not no_serve)
    loop.show(report, place, console)
    if not no_serve:
        console.print(f"\nThe studio opens on it at [bold]http://127.0.0.1:{port}/dashboard[/]. Ctrl-C closes it.")
        from studio import server

        server.serve(place, port=port)


@app.command()
def check(file: Path, as_json: Json = False) -> None:
    """Check a JSONL file line by line. Exit status 0: all valid; 1: some aren't; 2: it cannot be read."""
    try:
        found = list(imports.read(file))
    except Problem as problem:
        _fail(problem, 2)
    rejects = [row for row in found if isinstance(row, Reject)]
    result = {
        "rows": len(found),
        "valid": len(found) - len(rejects),
        "rejected": len(rejects),
        "problems": [{"line": reject.line, "code": reject.code, "message": reject.why} for reject in rejects],
    }
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        for reject in rejects:
            console.print(str(reject), markup=False, highlight=False)
        console.print(f"{result['valid']:,} of {result['rows']:,} rows are valid.")
    raise typer.Exit(1 if rejects else 0)


@app.command("import")
def import_file(
    file: Path,
    dataset: Annotated[str, typer.Option(help="Dataset to add to; made if it does not exist.")],
    split: Annotated[str, typer.Option(help="train, validation or test, if the whole file belongs there.")] = "",
    home: HomeOption = None,
    as_json: Json = False,
) -> None:
    """Import a JSONL file into a dataset; every rejected line is named."""
    arguments = {"file": str(file.resolve()), "dataset": dataset, "by": getpass.getuser(), "split": split}
    with progress.console.status(f"Importing {file.name}"):
        found = commands.run(_home(home), "import", **arguments)
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    for reject in found["rejects"]:
        console.print(f"Line {reject['line']}: {reject['why']}", markup=False, highlight=False)
    console.print(f"{found['added']:,} added to {dataset}, {found['known']:,} known, {found['rejected']:,} rejected.")


@app.command()
def freeze(dataset: str, home: HomeOption = None, as_json: Json = False) -> None:
    """Freeze a dataset into a hashed snapshot with its split."""
    found = commands.run(_home(home), "freeze", dataset=dataset, by=getpass.getuser())
    _print(found, as_json, "Snapshot {snapshot}: {train:,} train, {validation:,} validation, {test:,} test.")


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
    place = _home(home)
    found = commands.run(
        place, "train", name=name, base=base, snapshot=snapshot, by=getpass.getuser(), settings=_settings(set_ or [])
    )
    with progress.bars() as bars:
        progress.watch(jobs.get(place.jobs, found["run"]), f"train {name}", bars)
    commands.run(place, "runs")
    _print(found, as_json, "{name} is ready; the run is {run}.")


@app.command()
def pretrain(
    out: Annotated[Path, typer.Option(help="Folder for the finished model.")],
    home: HomeOption = None,
) -> None:
    """Pretrain the starter model from scratch, with the recipe of the one that is shipped."""
    import shutil

    from engine.specs import PretrainSpec

    place = _home(home)
    job = jobs.submit(place.jobs, "pretrain", PretrainSpec(), getpass.getuser())
    with progress.bars() as bars:
        progress.watch(job, "pretrain", bars)
    shutil.copytree(job.folder / "model", out, dirs_exist_ok=True)
    console.print(f"The model is in {out}.")


@app.command()
def engine(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8502,
    home: HomeOption = None,
) -> None:
    """Run the API and the queue alone, on a machine without a studio."""
    import threading
    import time

    import uvicorn
    from starlette.applications import Starlette
    from starlette.routing import Mount

    from engine import api

    place = _home(home)

    def keep_going() -> None:
        while True:
            jobs.tick(place.jobs)
            time.sleep(1)

    threading.Thread(target=keep_going, daemon=True).start()
    console.print(f"The engine listens at [bold]http://{host}:{port}/v1[/] (home {place.root}). Ctrl-C ends it.")
    uvicorn.run(Starlette(routes=[Mount("/v1", app=api.app(place.root))]), host=host, port=port, log_level="warning")


@app.command()
def doctor(home: HomeOption = None, as_json: Json = False) -> None:
    """Say what this machine has and what stands in the way."""
    from studio import diagnosis

    found = diagnosis.look(_home(home))
    if as_json:
        print(json.dumps(found))
        return
    table = Table(show_header=False, box=None)
    for name, value in found.items():
        table.add_row(name, str(value))
    console.print(table)


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


def _print(found: dict[str, Any], as_json: bool, sentence: str) -> None:
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        console.print(sentence.format(**found))


def _fail(problem: Problem, status: int) -> None:
    progress.console.print(str(problem), style="red", markup=False, highlight=False)
    raise typer.Exit(status)


def main() -> None:
    """A Problem is one clear sentence and exit status 1; anything else is a bug and keeps its traceback."""
    try:
        app()
    except Problem as problem:
        progress.console.print(str(problem), style="red", markup=False, highlight=False)
        sys.exit(1)


if __name__ == "__main__":
    main()

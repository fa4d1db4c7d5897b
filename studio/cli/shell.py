"""Shell: what the commands share. The app they hang on, the options they have in common, and how they speak."""

import json
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from engine.problems import Problem
from studio import progress
from studio.folders import Home

ABOUT = """The command line, `atelier`. It works while the studio runs, by talking to it, and while it doesn't."""

app = typer.Typer(no_args_is_help=True, add_completion=False, help=ABOUT, pretty_exceptions_enable=False)
console = Console()

HomeOption = Annotated[Path | None, typer.Option("--home", help="Home folder; ATELIER_HOME or ~/.atelier otherwise.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def run(home: Home, command: str, /, **arguments: Any) -> dict[str, Any]:
    """Carry out a command on the store, in the running studio if there is one."""
    from studio import commands  # two seconds of imports, which `check` is spared

    return commands.run(home, command, **arguments)


def home_of(given: Path | None) -> Home:
    return Home(given.expanduser().resolve()) if given else Home.default()


def say(found: dict[str, Any], as_json: bool, sentence: str) -> None:
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        console.print(sentence.format(**found))


def fail(problem: Problem, status: int) -> NoReturn:
    progress.console.print(str(problem), style="red", markup=False, highlight=False)
    raise typer.Exit(status)

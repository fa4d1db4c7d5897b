"""The command line, `atelier`."""

import sys

from engine.problems import Problem
from studio import progress
from studio.cli import building, judging, machines, places, reading, serving, writing
from studio.cli.shell import app

__all__ = ["app", "building", "judging", "machines", "main", "places", "reading", "serving", "writing"]


def main() -> None:
    """A Problem is one clear sentence and exit status 1; anything else is a bug and keeps its traceback."""
    try:
        app()
    except Problem as problem:
        progress.console.print(str(problem), style="red", markup=False, highlight=False)
        sys.exit(1)

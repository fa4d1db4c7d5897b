"""Commands for more machines than one."""

import sys
from typing import Annotated

import typer

from engine.problems import Problem
from engine.scaling import cluster as clusters
from studio.cli.shell import HomeOption, Json, app, home_of, say


@app.command()
def cluster(
    address: Annotated[str, typer.Argument(help="Address of Ray's dashboard, such as http://head:8265.")] = "",
    slots: Annotated[int, typer.Option(help="Heavy jobs that run at once.", min=1)] = 1,
    gpus: Annotated[float, typer.Option(help="GPUs kept for a job; one over several workers asks for its own.")] = 0,
    python: Annotated[str, typer.Option(help="Python on the nodes that has Atelier; this one's path by default.")] = "",
    off: Annotated[bool, typer.Option("--off", help="Run jobs on this machine again.")] = False,
    home: HomeOption = None,
    as_json: Json = False,
) -> None:
    """Send heavy jobs to a Ray cluster whose nodes see the home folder, or say which one is in use."""
    place = home_of(home).jobs
    place.mkdir(parents=True, exist_ok=True)
    if off:
        clusters.leave(place)
    elif address:
        clusters.use(place, clusters.Cluster(address, slots, gpus=gpus, python=python or sys.executable))
    elif slots > 1 or gpus or python:
        raise Problem("Which cluster?", do="Give the address of Ray's dashboard, such as http://head:8265.")
    found = clusters.read(place)
    if found is None:
        say({"address": None}, as_json, "Jobs run on this machine.")
    else:
        say(vars(found), as_json, "Heavy jobs go to {address}, {slots} at once.")

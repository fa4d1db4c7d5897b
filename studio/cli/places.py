"""Commands that open something: the studio, the engine alone, the demo; and what this machine has."""

import json
from typing import Annotated

import typer
from rich.table import Table

from engine import waking
from engine.problems import Problem
from studio.cli.shell import HomeOption, Json, app, console, home_of


@app.command()
def studio(
    home: HomeOption = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 127.0.0.1 stays on this machine.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8501,
) -> None:
    """Open the studio: pages at /, the engine's API at /v1."""
    with waking.modules():
        from studio import server  # Streamlit takes a second to load; other commands need none of it

    place = home_of(home)
    words = f"Atelier is open at [bold]http://{host}:{port}[/] (home {place.root}). Ctrl-C closes it."
    server.serve(place, host, port, lambda: console.print(words, soft_wrap=True))


@app.command()
def demo(
    home: HomeOption = None,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End with the report instead of the studio.")] = False,
    port: Annotated[int, typer.Option(help="Port of the studio.")] = 8501,
) -> None:
    """Run the whole loop on the sample project and open the studio on its result. Again: resume, not repeat."""
    from studio import demo as loop

    place = home_of(home)
    report = loop.run(place, serve=not no_serve)
    loop.show(report, place, console)
    if not no_serve:
        console.print(f"\nThe studio opens on it at [bold]http://127.0.0.1:{port}/dashboard[/]. Ctrl-C closes it.")
        with waking.modules():
            from studio import server

        server.serve(place, port=port)


@app.command()
def engine(
    host: Annotated[str, typer.Option(help="Address to listen on; 127.0.0.1 stays on this machine.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8502,
    home: HomeOption = None,
    alias: Annotated[
        list[str] | None,
        typer.Option("--alias", help="Let a name mean a model here, as open-mistral-7b=starter. Repeatable; kept."),
    ] = None,
    upload_limit: Annotated[int, typer.Option(help="Largest file that is taken, in MB.")] = 512,
    hour_price: Annotated[
        str, typer.Option(help="What an hour of this machine costs, as '1.20 EUR', for the cost in dry runs.")
    ] = "",
) -> None:
    """Run the API and the queue alone, on a machine without a studio. docs/api.md tells the rest."""
    from engine.api import alone, desk
    from engine.checking.cost import Rate

    place = home_of(home)
    setup = alone.Setup(
        host=host,
        port=port,
        aliases=_aliases(alias or []),
        limits=desk.Limits(upload_bytes=upload_limit * 2**20),
        rate=desk.rate_from(hour_price) if hour_price else Rate(),
    )
    alone.serve(place.root, setup, lambda words: console.print(words, markup=False, highlight=False, soft_wrap=True))


def _aliases(given: list[str]) -> dict[str, str]:
    """`a=b` as {"a": "b"}; an empty b forgets the name."""
    found = dict(one.partition("=")[::2] for one in given)
    if odd := [one for one in given if "=" not in one or one.startswith("=")]:
        raise Problem(f"{odd[0]!r} is no alias.", do="Write it as open-mistral-7b=starter.")
    return found


@app.command()
def doctor(home: HomeOption = None, as_json: Json = False) -> None:
    """Say what this machine has and what stands in the way."""
    from studio import diagnosis

    found = diagnosis.look(home_of(home))
    if as_json:
        print(json.dumps(found))
        return
    table = Table(show_header=False, box=None)
    for name, value in found.items():
        table.add_row(name, str(value))
    console.print(table)

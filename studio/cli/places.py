"""Commands that open something: the studio, the engine alone, the demo; and what this machine has."""

import json
import time
from typing import Annotated

import typer
from rich.table import Table

from engine import jobs
from studio.cli.shell import HomeOption, Json, app, console, home_of


@app.command()
def studio(
    home: HomeOption = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 127.0.0.1 stays on this machine.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8501,
) -> None:
    """Open the studio: pages at /, the engine's API at /v1."""
    from studio import server  # Streamlit takes a second to load; other commands need none of it

    console.print(f"Atelier is open at [bold]http://{host}:{port}[/] (home {home_of(home).root}). Ctrl-C closes it.")
    server.serve(home_of(home), host, port)


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
        from studio import server

        server.serve(place, port=port)


@app.command()
def engine(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8502,
    home: HomeOption = None,
) -> None:
    """Run the API and the queue alone, on a machine without a studio."""
    import threading

    import uvicorn
    from starlette.applications import Starlette
    from starlette.routing import Mount

    from engine import api

    place = home_of(home)

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

    found = diagnosis.look(home_of(home))
    if as_json:
        print(json.dumps(found))
        return
    table = Table(show_header=False, box=None)
    for name, value in found.items():
        table.add_row(name, str(value))
    console.print(table)

"""Commands that have models answer."""

import getpass
import json
from typing import Annotated, Any

import typer

from studio import progress
from studio.cli.shell import HomeOption, Json, app, console, home_of, run, say

LOADING = 900.0  # seconds


@app.command()
def serve(
    model: Annotated[str, typer.Argument(help="A base, or a model tuned on one; its base is served with it.")],
    port: Annotated[int, typer.Option(help="Port on this machine; any free one by default.", min=0)] = 0,
    vllm: Annotated[
        bool | None, typer.Option("--vllm/--small", help="With vLLM, or with our own server; vLLM where it is set up.")
    ] = None,
    idle: Annotated[float, typer.Option(help="Minutes without a question after which it ends; 0 for never.")] = 0.0,
    home: HomeOption = None,
    as_json: Json = False,
) -> None:
    """Serve a model over the chat protocol of OpenAI and Mistral, watched and started anew when it dies."""
    place = home_of(home)
    with progress.console.status(f"Loading {model}"):
        found = run(place, "serve", model=model, by=getpass.getuser(), port=port, vllm=vllm, idle=idle, wait=LOADING)
    say(found, as_json, "{model} answers at {url} as {served}. `atelier servers --stop {server}` ends it.")


@app.command()
def servers(
    stop: Annotated[str, typer.Option(help="End this server, by its id or its base.")] = "",
    restart: Annotated[str, typer.Option(help="Start this server anew, at its address and with its adapters.")] = "",
    load: Annotated[str, typer.Option(help="Have the server of its base answer for this tuned model too.")] = "",
    unload: Annotated[str, typer.Option(help="Have the server of its base forget this tuned model.")] = "",
    home: HomeOption = None,
    as_json: Json = False,
) -> None:
    """Say which models answer now, how they do and who has the GPU; stop or restart one, load or unload an adapter."""
    asked = {"stop": stop, "restart": restart, "load": load, "unload": unload}
    found = run(home_of(home), "servers", by=getpass.getuser(), **asked)
    if as_json:
        print(json.dumps(found))
        return
    for one in found["servers"]:
        # never wrapped or cut: ids and addresses are there to be copied
        console.print(_told(one), markup=False, highlight=False, soft_wrap=True)
    if not found["servers"]:
        console.print("Nothing is served now.")
    if found["gpu"]:
        console.print(found["gpu"], markup=False, highlight=False)


def _told(one: dict[str, Any]) -> str:
    """A server on two lines, whatever the width: what it is and where, then how it does."""
    pace = [] if one["per_second"] is None else [f"{one['per_second']:,.0f} tokens/s"]
    tuned = [f"tuned models: {', '.join(one['adapters'])}"] if one["adapters"] else []
    does = "; ".join([one["kind"], *pace, *([one["memory"]] if one["memory"] else []), *tuned])
    return f"{one['model']} {one['state']}: {one['url']}  {one['server']}\n   {does}"

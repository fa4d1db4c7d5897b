"""The server: one ASGI process that alone opens the database.

Pages at `/`, the engine's API at `/v1`, and `/commands/<name>` for the command line of the same machine. Beside them
one thread keeps the queue moving and brings in what jobs have written.
"""

import asyncio
import atexit
import gc
import hmac
import logging
import os
import secrets
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from streamlit.web.server.starlette.starlette_app import App

from engine import jobs
from engine.api import alone
from engine.api import app as api
from engine.problems import Problem
from engine.serving import servers
from studio import commands, folders, running
from studio.building import models, runs
from studio.building.served import Served
from studio.data import search
from studio.deciding import grids
from studio.folders import Home
from studio.judging import evaluations
from studio.quality import scans
from studio.reading import upkeep
from studio.store import Store, close_all, opened
from studio.writing import makings

log = logging.getLogger("atelier")
PORT = 8501
BROUGHT = (  # what jobs have left is taken over by those who know it
    runs.catch_up,
    evaluations.catch_up,
    grids.catch_up,
    scans.catch_up,
    scans.keep_up,
    makings.catch_up,
    upkeep.catch_up,
)


def serve(home: Home, host: str = "127.0.0.1", port: int = PORT, greet: Callable[[], None] = lambda: None) -> None:
    """Run the studio until it is interrupted; `greet` once nothing stands in its way. Problem when another one has the
    folder or the port."""
    os.environ["ATELIER_HOME"] = str(home.root)  # pages ask for the default home
    atexit.register(gc.unfreeze)  # what `waking` froze DuckDB would tell as leaked, a screenful, when the process ends
    alone.require_free(host, port)
    store = opened(home)
    greet()
    key = secrets.token_urlsafe(32)
    command = Route("/commands/{name}", _command(home, key), methods=["POST"])
    app = App(
        folders.CODE / "studio" / "ui" / "app.py",
        routes=[Mount("/v1", app=api.app(home.root, Served(store))), command],
        lifespan=_lifespan(home, host, port, key),
    )
    try:
        uvicorn.run(app, host=host, port=port, log_level="warning", ws_max_size=256 * 1024 * 1024)
    finally:
        home.running.unlink(missing_ok=True)
        close_all()


def _lifespan(home: Home, host: str, port: int, key: str) -> Any:
    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[dict[str, Any]]:
        running.announce(home, f"http://{host}:{port}", key)
        ending = threading.Event()
        keeper = threading.Thread(target=_keep_going, args=(opened(home), ending), name="queue", daemon=True)
        keeper.start()
        yield {}
        ending.set()
        await asyncio.to_thread(keeper.join, 5)

    return lifespan


def _keep_going(store: Store, ending: threading.Event, every: float = 1.0) -> None:
    """Watch the servers, start what waits, bring in what is new."""
    models.add_starter(store)
    while not ending.is_set():
        _tried(servers.keep, store.home.servers)
        _tried(jobs.tick, store.home.jobs)
        for bring_in in BROUGHT:
            _tried(bring_in, store)
        behind = _tried(search.catch_up, store, seconds=2.0)  # a million new examples take a minute: not in one go
        ending.wait(0.05 if behind else every)


def _tried(step: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """A failure is logged, and tried again in the next round: neither the queue nor the other steps must die of it."""
    try:
        return step(*arguments, **named)
    except Exception:
        log.exception("%s stumbled; it is tried again.", step.__module__)
        return None


def _command(home: Home, key: str) -> Any:
    async def perform(request: Request) -> JSONResponse:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given, key):
            return JSONResponse({"what": "The key is wrong."}, status_code=401)
        arguments = await request.json()
        try:
            found = await asyncio.to_thread(commands.perform, opened(home), request.path_params["name"], arguments)
        except Problem as problem:
            return JSONResponse({"what": problem.what, "why": problem.why, "do": problem.do}, status_code=422)
        return JSONResponse(found)

    return perform

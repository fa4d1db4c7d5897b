"""The app: every call behind its key, every refusal in Mistral's shape."""

import inspect
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from engine.api import keys, page
from engine.api.calls import chat, extras, files, jobs, models
from engine.api.catalogue import Source
from engine.api.desk import Desk, Limits
from engine.api.keys import Key
from engine.api.refusals import Refusal, answered
from engine.api.routing import Asked, Call, read_query
from engine.checking.cost import Rate
from engine.problems import Problem

log = logging.getLogger("atelier.api")
CALLS: list[Call] = [*files.CALLS, *jobs.CALLS, *models.CALLS, *chat.CALLS, *extras.CALLS]


def app(home: Path, more: Source | None = None, limits: Limits | None = None, rate: Rate | None = None) -> Starlette:
    """The routes below `/v1` for a home folder; `more` names models that stand elsewhere."""
    desk = Desk(home, limits or Limits(), more, rate or Rate())
    routes = [Route(call.path, _endpoint(desk, call), methods=[call.method]) for call in CALLS]
    described = [Route("/openapi.json", page.openapi(CALLS)), Route("/docs", page.shown(CALLS))]
    handlers: dict[Any, Any] = {HTTPException: _no_route, Exception: _broken}
    return Starlette(routes=[*routes, *described], exception_handlers=handlers)


def alone(home: Path, **options: Any) -> Starlette:
    """The same for a machine without a studio: nothing but `/v1`."""
    routes = [Route("/", lambda request: RedirectResponse("/v1/docs")), Mount("/v1", app=app(home, **options))]
    return Starlette(routes=routes, exception_handlers={HTTPException: _no_route})  # type: ignore[dict-item]


def _endpoint(desk: Desk, call: Call) -> Callable[[Request], Awaitable[Response]]:
    waits = inspect.iscoroutinefunction(call.run)

    async def endpoint(request: Request) -> Response:
        try:
            key = await run_in_threadpool(_key, desk.home, call, request)
            asked = Asked(desk, request, key, dict(request.path_params), read_query(call, request))
            found = await call.run(asked) if waits else await run_in_threadpool(call.run, asked)
        except Refusal as refusal:
            return answered(refusal)
        except Problem as problem:
            return answered(Refusal(422, str(problem)))
        return found if isinstance(found, Response) else JSONResponse(found)

    return endpoint


def _key(home: Path, call: Call, request: Request) -> Key | None:
    """Who asks. Refused without a key, with one that nobody knows, and with one that may not do this."""
    given = request.headers.get("authorization", "")
    secret = given[7:].strip() if given[:7].lower() == "bearer " else ""
    if not secret:
        if not call.scope:
            return None
        raise Refusal(401, "No key came with this call. Send it as `Authorization: Bearer ...`.")
    key = keys.found(home, secret)
    if key is None:
        raise Refusal(401, "This key is unknown, or it was revoked. Ask whoever runs this engine for one.")
    if call.scope and not key.may(call.scope):
        raise Refusal(
            403,
            f"The key {key.name} may not {keys.SCOPES[call.scope]}: it has the scopes {', '.join(key.scopes)} and this "
            f"call needs {call.scope}.",
        )
    return key


def _no_route(request: Request, problem: HTTPException) -> Response:
    path = request.scope.get("root_path", "") + request.url.path.removeprefix(request.scope.get("root_path", ""))
    asked = f"{request.method} {path[:200]}"
    here = "GET /v1/docs shows all calls; /v1/health says whether the engine is well."
    if problem.status_code == 405:
        return answered(Refusal(405, f"{asked}: this path takes other methods. {here}"))
    if problem.status_code == 404:
        return answered(Refusal(404, f"{asked} is not something this engine can do. {here}"))
    return answered(Refusal(problem.status_code, str(problem.detail)))


def _broken(request: Request, error: Exception) -> Response:
    """A bug: its traceback is logged here and shown to nobody."""
    return answered(
        Refusal(500, f"Something broke inside the engine ({type(error).__name__}). Its log says more; ask again.")
    )

"""Replies: what servers of ours have in common: listening, reading a body, and refusing in the protocol's shape."""

import socket
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.problems import Problem
from engine.serving.small import protocol
from engine.serving.small.protocol import Refused


def listening(host: str, port: int) -> socket.socket:
    """Where a server hears its requests."""
    found = socket.create_server((host, port), backlog=2048)
    # else the end of each answer waits 40 ms for a sign that its beginning has come
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return found


async def body(request: Request) -> dict[str, Any]:
    """The JSON object of a request. Refused when it is none."""
    try:
        found = await request.json()
    except ValueError as error:
        raise Refused(f"The body is not JSON: {error}.") from error
    if not isinstance(found, dict):
        raise Refused("The body must be a JSON object.")
    return found


def sentence(error: Exception) -> str:
    return str(error) if isinstance(error, Problem) else f"The server failed: {type(error).__name__}: {error}."


def _refused(request: Request, refused: Exception) -> Response:
    assert isinstance(refused, Refused)
    return JSONResponse(protocol.error(str(refused), refused.kind, refused.status), refused.status)


def _not_a_route(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    message = f"{request.method} {request.url.path} is nothing that this server does."
    return JSONResponse(protocol.error(message, "NotFoundError", problem.status_code), problem.status_code)


def _broken(request: Request, error: Exception) -> Response:
    return JSONResponse(protocol.error(sentence(error), "InternalServerError", 500), 500)


HANDLERS: dict[Any, Any] = {Refused: _refused, HTTPException: _not_a_route, Exception: _broken}

"""The engine's API at `/v1`. So far it says that it is well; everything else is refused in Mistral's error shape."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from engine import jobs


def error(message: str, kind: str, status: int) -> JSONResponse:
    """A refusal as Mistral's clients expect it."""
    return JSONResponse(
        {"object": "error", "message": message, "type": kind, "param": None, "code": status}, status_code=status
    )


def app(home: Path) -> Starlette:
    """The routes below `/v1` for the jobs in `home/jobs`."""

    def health(request: Request) -> JSONResponse:
        found = [job.state for job in jobs.listed(home / "jobs")]
        return JSONResponse(
            {"status": "ok", "jobs": {state: found.count(state) for state in (jobs.QUEUED, jobs.RUNNING)}}
        )

    def refused(request: Request, problem: Exception) -> JSONResponse:
        status = problem.status_code if isinstance(problem, HTTPException) else 500
        message = f"{request.method} {request.url.path} is not something this engine can do yet; /v1/health is."
        return error(message, "invalid_request_error", status)

    return Starlette(routes=[Route("/health", health)], exception_handlers={404: refused, 405: refused})

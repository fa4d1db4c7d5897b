"""Calls: one HTTP call to a server of models, tried again where that helps, its failure told as a Problem.

Connections that fail, 429 and 5xx are tried again with growing pauses. Knows nothing of what is said in a call.
"""

import asyncio
import json
import re
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import httpx

from engine.problems import Problem

PAUSES = (0.3, 1.0, 3.0)  # seconds before another try
LONGEST_PAUSE = 30.0  # seconds; a server that asks for more is not waited for
TIMEOUT = httpx.Timeout(300.0, connect=5.0)  # a request may queue behind many others


@dataclass(frozen=True)
class Endpoint:
    """Where models answer. `url` with or without its `/v1`; `key` goes out as a bearer and appears nowhere else."""

    url: str
    key: str = field(default="", repr=False)

    @property
    def api(self) -> str:
        return self.url.rstrip("/").removesuffix("/v1") + "/v1"

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def local(self) -> bool:
        """Whether what is sent there stays on this machine."""
        return _local(self.host)

    def __str__(self) -> str:
        return urlsplit(self.url).netloc


def pool(endpoint: Endpoint, size: int) -> httpx.AsyncClient:
    """Connections for up to `size` questions at once, for `asend`."""
    limits = httpx.Limits(max_connections=size, max_keepalive_connections=size)
    return httpx.AsyncClient(timeout=TIMEOUT, limits=limits, trust_env=not _local(endpoint.host))


class Refused(Problem):
    """A server said no. `status` is HTTP's, `why` its own sentence."""

    def __init__(self, endpoint: Endpoint, status: int, why: str, do: str) -> None:
        super().__init__(f"{endpoint} refused with {status}.", why, do)
        self.status, self.why = status, why


def send(
    endpoint: Endpoint,
    method: str,
    path: str,
    body: Any = None,
    stream: bool = False,
    *,
    form: dict[str, str] | None = None,
    file: tuple[str, BinaryIO] | None = None,
    once: bool = False,
) -> httpx.Response:
    """The response, tried for again where that may help. Problem unless it is a success, Refused if it says why.

    `body` goes out as JSON; `form` and `file` (its name and itself), in place of it, as a browser sends them. `once` is
    for what must not happen twice; a file that was half read cannot be sent again either.
    """
    client = _client(_local(endpoint.host))
    request = client.build_request(
        method,
        f"{endpoint.api}/{path}",
        json=body,
        data=form,
        files={"file": file} if file else None,
        headers=_headers(endpoint),
    )
    for pause in (None,) if once or file else (*PAUSES, None):
        outcome: httpx.Response | httpx.HTTPError
        try:
            outcome = client.send(request, stream=stream)
            if outcome.is_error:
                outcome.read()
        except httpx.HTTPError as error:
            outcome = error
        wait = _wait(outcome, pause)
        if wait is None:
            break
        time.sleep(wait)
    return _checked(endpoint, outcome)


async def asend(endpoint: Endpoint, path: str, body: Any, pool: httpx.AsyncClient) -> httpx.Response:
    """The response to a POST, as `send` gets it, while others are sent."""
    for pause in (*PAUSES, None):
        outcome: httpx.Response | httpx.HTTPError
        try:
            outcome = await pool.post(f"{endpoint.api}/{path}", json=body, headers=_headers(endpoint))
        except httpx.HTTPError as error:
            outcome = error
        wait = _wait(outcome, pause)
        if wait is None:
            break
        await asyncio.sleep(wait)
    return _checked(endpoint, outcome)


def _wait(outcome: httpx.Response | httpx.HTTPError, pause: float | None) -> float | None:
    """Seconds to wait before another try; None when the outcome stands."""
    if pause is None:
        return None
    if isinstance(outcome, httpx.Response):
        if outcome.status_code != 429 and outcome.status_code < 500:
            return None
        asked = outcome.headers.get("retry-after", "")
        wait = float(asked) if re.fullmatch(r"\d+(\.\d+)?", asked) else pause
        return wait if wait <= LONGEST_PAUSE else None
    # not a timeout of the answer itself: the server may still be at it
    passing = (httpx.ConnectError, httpx.ConnectTimeout, httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
    return pause if isinstance(outcome, passing) else None


def _checked(endpoint: Endpoint, outcome: httpx.Response | httpx.HTTPError) -> httpx.Response:
    if isinstance(outcome, httpx.HTTPError):
        raise lost(endpoint, outcome) from outcome
    if outcome.is_success:
        return outcome
    try:
        why = said(outcome.json())
    except ValueError:
        why = outcome.text[:300]
    if endpoint.key:
        why = why.replace(endpoint.key, "(the key)")
    advice = {401: "Check the key.", 403: "Check what the key may do.", 429: "Wait, or ask fewer at once."}
    raise Refused(endpoint, outcome.status_code, why, advice.get(outcome.status_code, ""))


def lost(endpoint: Endpoint, error: httpx.HTTPError) -> Problem:
    if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
        return Problem(f"{endpoint} did not answer in {TIMEOUT.read:.0f} seconds.", do="Ask fewer at once.")
    return Problem(
        f"{endpoint} cannot be reached.", f"{error or type(error).__name__}.", "See whether the server runs."
    )


def strange(text: str) -> Problem:
    return Problem("What came back is not in the chat protocol.", f"It begins: {text[:200]}", "Check the address.")


def said(body: Any) -> str:
    """The sentence in an error body, in any of the shapes in use."""
    found = body
    while isinstance(found, dict) and (inner := found.get("error") or found.get("message") or found.get("detail")):
        found = inner
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)[:300]


def _headers(endpoint: Endpoint) -> dict[str, str]:
    return {"authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}


def _local(host: str) -> bool:
    return host in ("127.0.0.1", "localhost", "::1")


@lru_cache(maxsize=2)
def _client(local: bool) -> httpx.Client:
    """Shared by all threads. A proxy of the environment is not for this machine's own servers."""
    return httpx.Client(timeout=TIMEOUT, trust_env=not local)

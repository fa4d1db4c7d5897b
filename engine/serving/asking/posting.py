"""Posting: one POST to a server of models among many at once. Made once: its failure is told, with its kind.

aiohttp carries it: for small answers it takes a tenth of the processor time of httpx, which the rest of us is asked by.
"""

from collections.abc import AsyncIterator

import aiohttp

from engine.serving.asking import calls
from engine.serving.asking.calls import Endpoint, Failure

TIMEOUT = 300.0  # seconds without a byte; a question may queue behind many others
CONNECT = 5.0  # seconds
UNSENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)  # raised before anything went out
JSON = {"content-type": "application/json"}

Pool = aiohttp.ClientSession


def pool(endpoint: Endpoint, size: int, timeout: float = TIMEOUT) -> Pool:
    """Connections for up to `size` questions at once. Opened and closed inside the loop that uses them."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=size),
        timeout=aiohttp.ClientTimeout(sock_connect=CONNECT, sock_read=timeout),
        headers=JSON | calls.headers(endpoint),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=not endpoint.local,  # a proxy of the environment is not for this machine's own servers
    )


async def post(endpoint: Endpoint, path: str, data: bytes, pool: Pool) -> bytes:
    """The body of a success. Failure otherwise."""
    try:
        async with pool.post(_url(endpoint, path), data=data, allow_redirects=False) as response:
            return await _checked(endpoint, response)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise _failure(endpoint, error, pool) from error


async def lines(endpoint: Endpoint, path: str, data: bytes, pool: Pool) -> AsyncIterator[bytes]:
    """The lines of a success, as they come. Failure otherwise."""
    try:
        async with pool.post(_url(endpoint, path), data=data, allow_redirects=False) as response:
            if response.status != 200:
                await _checked(endpoint, response)
            rest = b""
            async for part in response.content.iter_any():
                *whole, rest = (rest + part).split(b"\n")
                for line in whole:
                    yield line
            if rest:
                yield rest
    except (aiohttp.ClientError, TimeoutError) as error:
        raise _failure(endpoint, error, pool) from error


def _url(endpoint: Endpoint, path: str) -> str:
    """`chat/completions` is below /v1; what begins with a slash, as /tokenize does, is not."""
    return endpoint.api.removesuffix("/v1") + path if path.startswith("/") else f"{endpoint.api}/{path}"


async def _checked(endpoint: Endpoint, response: aiohttp.ClientResponse) -> bytes:
    said = await response.read()
    if response.status != 200:
        raise calls.refusal(endpoint, response.status, said, response.headers)
    return said


def _failure(endpoint: Endpoint, error: Exception, pool: Pool) -> Failure:
    """What aiohttp raises, with its kind."""
    if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ConnectionTimeoutError):
        return calls.late(endpoint, pool.timeout.sock_read or 0.0)
    if isinstance(error, aiohttp.ClientPayloadError):
        return calls.broken_off(str(endpoint))
    if isinstance(error, aiohttp.ClientResponseError):  # no HTTP
        return calls.strange(endpoint, error.message)
    return calls.unreachable(endpoint, error, sent=not isinstance(error, UNSENT))

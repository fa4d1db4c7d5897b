"""Calls: one HTTP call to a server of models, tried again where that helps, its failure told as a Problem.

Connections that fail, 429 and 5xx are tried again with growing pauses. Knows nothing of what is said in a call. Many
calls at once are the matter of `posting`, which makes each once, and of `asker`, which knows when to try again.
"""

import html
import json
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import httpx

from engine.problems import Problem

PAUSES = (0.3, 1.0, 3.0)  # seconds before another try
LONGEST_PAUSE = 30.0  # seconds; a server that asks for more is not waited for
TIMEOUT = httpx.Timeout(300.0, connect=5.0)  # a request may queue behind many others

# kinds of failure, by the code that is kept with an answer that never came
UNREACHABLE, TIMED_OUT, RATE_LIMIT, SERVER_ERROR = "unreachable", "timeout", "rate limit", "server error"
BROKEN, CUT, REFUSED, WRONG_MODEL = "broken JSON", "cut stream", "refused", "wrong model"


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

    def discreet(self, text: str) -> str:
        """What somebody there said, without the key."""
        return text.replace(self.key, "(the key)") if self.key else text

    def __str__(self) -> str:
        return urlsplit(self.url).netloc.rpartition("@")[2]


def keyed(url: str, key_from: str, whose: str = "") -> Endpoint:
    """An address with the key that the environment holds under the name `key_from`; '' for none.

    Problem when it holds none, or one that cannot be sent. What stands around a key, as the end of the line in the file
    that it was read from, is no part of it.
    """
    key = os.environ.get(key_from, "").strip() if key_from else ""
    there = Endpoint(url, key)
    if key_from and not key:
        what = f"The environment has no {key_from}, which holds the key of {whose or there}."
        raise Problem(what, do="Set it where the studio, or this command, is started.")
    if not (key.isascii() and key.isprintable()):
        why = "It has signs in it that no key has, as a typographic quotation mark or a line end."
        raise Problem(f"What {key_from} holds cannot be a key.", why, f"Copy the key of {whose or there} anew.")
    return there


@dataclass(frozen=True)
class Use:
    """What a call took: tokens read and written, None where the server keeps them to itself, and seconds."""

    tokens_in: int | None
    tokens_out: int | None
    seconds: float


NOTHING = Use(0, 0, 0.0)


class Failure(Problem):
    """A call that brought no answer. `code` is its kind; `wait` the seconds that the server asked to be left alone.

    `use` is what it took all the same; None when nobody knows, since the server was at work and did not say.
    """

    def __init__(
        self, code: str, what: str, why: str = "", do: str = "", wait: float | None = None, use: Use | None = None
    ) -> None:
        super().__init__(what, why, do)
        self.code, self.wait, self.use = code, wait, use


class Refused(Failure):
    """A server said no, which costs nothing. `status` is HTTP's, `why` its own sentence."""

    def __init__(self, endpoint: Endpoint, status: int, why: str, do: str, wait: float | None = None) -> None:
        code = RATE_LIMIT if status == 429 else SERVER_ERROR if status >= 500 else REFUSED
        super().__init__(code, f"{endpoint} refused with {status}.", why, do, wait, NOTHING)
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
        headers=headers(endpoint),
    )
    for pause in (None,) if once or file else (*PAUSES, None):
        outcome: httpx.Response | httpx.HTTPError
        try:
            outcome = client.send(request, stream=stream)
            if not outcome.is_success:
                outcome.read()
        except httpx.HTTPError as error:
            outcome = error
        wait = _wait(outcome, pause)
        if wait is None:
            break
        time.sleep(wait)
    return _checked(endpoint, outcome)


def _wait(outcome: httpx.Response | httpx.HTTPError, pause: float | None) -> float | None:
    """Seconds to wait before another try; None when the outcome stands."""
    if pause is None:
        return None
    if isinstance(outcome, httpx.Response):
        if outcome.status_code != 429 and outcome.status_code < 500:
            return None
        asked = asked_to_wait(outcome.headers.get("retry-after", ""))
        wait = pause if asked is None else asked
        return wait if wait <= LONGEST_PAUSE else None
    # not a timeout of the answer itself: the server may still be at it
    passing = (httpx.ConnectError, httpx.ConnectTimeout, httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
    return pause if isinstance(outcome, passing) else None


def _checked(endpoint: Endpoint, outcome: httpx.Response | httpx.HTTPError) -> httpx.Response:
    if isinstance(outcome, httpx.HTTPError):
        raise lost(endpoint, outcome) from outcome
    if outcome.is_success:
        return outcome
    raise refusal(endpoint, outcome.status_code, outcome.content, outcome.headers)


def refusal(endpoint: Endpoint, status: int, data: bytes, headers: Mapping[str, str]) -> Refused:
    """What an answer that is no success says, without the key."""
    try:
        why = said(json.loads(data))
    except ValueError:
        why = _readable(data.decode(errors="replace"))[:300]
    wait = asked_to_wait(headers.get("retry-after", ""))
    advice = {
        401: "Check the key.",
        403: "Check what the key may do.",
        404: "Check the address, and what the model is called there.",
        429: f"Wait {wait:,.0f} seconds, or ask fewer at once." if wait else "Wait, or ask fewer at once.",
    }
    if 300 <= status < 400:  # the key goes to nobody but who was named
        to = urlsplit(headers.get("location", ""))
        why, advice[status] = f"It sends whoever asks to {to.netloc}{to.path}.", "Check the address."
    return Refused(endpoint, status, endpoint.discreet(_sentence(why)), advice.get(status, ""), wait)


def asked_to_wait(retry_after: str) -> float | None:
    """Seconds in a header `retry-after`, which may also be a date; None when it says nothing that can be read."""
    if re.fullmatch(r"\d+(\.\d+)?", retry_after):
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def lost(endpoint: Endpoint, error: httpx.HTTPError) -> Failure:
    if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
        return late(endpoint, TIMEOUT.read or 0.0)
    return unreachable(endpoint, error, sent=not isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)))


def late(endpoint: Endpoint, seconds: float) -> Failure:
    return Failure(TIMED_OUT, f"{endpoint} did not answer in {seconds:.3g} seconds.", do="Ask fewer at once.")


def unreachable(endpoint: Endpoint, error: Exception, sent: bool) -> Failure:
    """`sent`: whether the server may have heard the question before it was lost."""
    why, use = f"{error or type(error).__name__}.", None if sent else NOTHING
    return Failure(UNREACHABLE, f"{endpoint} cannot be reached.", why, "See whether the server runs.", use=use)


def broken_off(who: str) -> Failure:
    return Failure(CUT, f"The answer of {who} broke off.", do="Ask again.")


def strange(endpoint: Endpoint, text: str, use: Use | None = None) -> Failure:
    what, why = f"What came back from {endpoint} is not in the chat protocol.", _readable(text)
    why = _sentence(why) if why != text else f"It begins: {text[:200]}"
    return Failure(BROKEN, what, endpoint.discreet(why), "Check the address.", use=use)


def said(body: Any) -> str:
    """The sentence in an error body, in any of the shapes in use."""
    found = body
    while isinstance(found, dict) and (inner := found.get("error") or found.get("message") or found.get("detail")):
        found = inner
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)[:300]


def _readable(text: str) -> str:
    """A page for people by its title; anything else as it is."""
    if not re.search(r"<(!doctype\s+html|html|head|body)\b", text[:1000], re.IGNORECASE):
        return text
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    named = " ".join(html.unescape(title[1]).split())[:200] if title else ""
    return f"It is a web page called “{named}”" if named else "It is a web page"


def _sentence(text: str) -> str:
    text = text.strip()
    return f"{text}." if text[-1:].isalnum() or text.endswith(("”", ")")) else text


def headers(endpoint: Endpoint) -> dict[str, str]:
    return {"authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}


def _local(host: str) -> bool:
    return host in ("127.0.0.1", "localhost", "::1")


@lru_cache(maxsize=2)
def _client(local: bool) -> httpx.Client:
    """Shared by all threads. A proxy of the environment is not for this machine's own servers."""
    return httpx.Client(timeout=TIMEOUT, trust_env=not local)

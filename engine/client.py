"""Client: asks whoever speaks the chat protocol: our own servers, vLLM, Mistral's and OpenAI's hosted models.

Connections that fail, 429 and 5xx are tried again with growing pauses; what fails for good is a Problem. An answer
by another model than the one asked is a failure too, so that no comparison is between a model and itself.
"""

import asyncio
import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from engine.problems import Problem

PAUSES = (0.3, 1.0, 3.0)  # seconds before another try
LONGEST_PAUSE = 30.0  # seconds; a server that asks for more is not waited for
TIMEOUT = httpx.Timeout(300.0, connect=5.0)  # a request may queue behind many others
Messages = Sequence[dict[str, str]]


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

    def __str__(self) -> str:
        return urlsplit(self.url).netloc


@dataclass(frozen=True)
class Decoding:
    """How an answer is drawn. Temperature 0 takes the likeliest token each time; the seed matters above it."""

    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 96
    seed: int = 0


@dataclass(frozen=True)
class Answer:
    """Token counts are None when the server keeps them to itself, `first_token_seconds` when not streamed."""

    text: str
    model: str
    tokens_in: int | None
    tokens_out: int | None
    seconds: float
    first_token_seconds: float | None
    finish: str


def chat(endpoint: Endpoint, model: str, messages: Messages, decoding: Decoding = Decoding()) -> Answer:
    """One whole answer."""
    began = time.monotonic()
    response = _post(endpoint, "chat/completions", _body(endpoint, model, messages, decoding))
    return _answer(response, model, time.monotonic() - began)


async def achat(
    endpoint: Endpoint, model: str, messages: Messages, decoding: Decoding, pool: httpx.AsyncClient
) -> Answer:
    """One whole answer, while others are asked for. `seconds` includes the wait for the server's turn."""
    body = _body(endpoint, model, messages, decoding)
    began = time.monotonic()
    for pause in (*PAUSES, None):
        outcome: httpx.Response | httpx.HTTPError
        try:
            outcome = await pool.post(f"{endpoint.api}/chat/completions", json=body, headers=_headers(endpoint))
        except httpx.HTTPError as error:
            outcome = error
        wait = _wait(outcome, pause)
        if wait is None:
            break
        await asyncio.sleep(wait)
    return _answer(_checked(endpoint, outcome), model, time.monotonic() - began)


def pool(endpoint: Endpoint, size: int) -> httpx.AsyncClient:
    """Connections for up to `size` questions at once, for `achat`."""
    limits = httpx.Limits(max_connections=size, max_keepalive_connections=size)
    return httpx.AsyncClient(timeout=TIMEOUT, limits=limits, trust_env=not _local(endpoint.host))


class Stream:
    """An answer as it comes: iterate once over the pieces of its text, then read `answer`."""

    def __init__(self, endpoint: Endpoint, model: str, messages: Messages, decoding: Decoding = Decoding()) -> None:
        self.endpoint, self.model = endpoint, model
        self._body = _body(endpoint, model, messages, decoding) | {"stream": True}
        if not _is_mistral(endpoint):  # Mistral's API sends the usage unasked and refuses the question
            self._body["stream_options"] = {"include_usage": True}
        self._so_far = Answer("", "", None, None, 0.0, None, "")

    @property
    def answer(self) -> Answer:
        if not self._so_far.finish:
            raise Problem(f"{self.model} has not finished its answer.", do="Read the whole stream first.")
        return self._so_far

    def __iter__(self) -> Iterator[str]:
        began = time.monotonic()
        response = _post(self.endpoint, "chat/completions", self._body, stream=True)
        try:
            for line in response.iter_lines():
                if not line.startswith("data:") or line.removeprefix("data:").strip() == "[DONE]":
                    continue
                text = self._take(json.loads(line.removeprefix("data:")), time.monotonic() - began)
                if text:
                    yield text
        except httpx.HTTPError as error:
            raise _lost(self.endpoint, error) from error
        finally:
            response.close()
        if not self._so_far.finish:
            raise Problem(f"The answer of {self.model} broke off.", do="Ask again.")

    def _take(self, event: dict[str, Any], seconds: float) -> str:
        """Add an event to the answer; the text that it brings."""
        if "choices" not in event:
            raise Problem(f"{self.model} could not finish its answer.", _said(event))
        _same(self.model, str(event.get("model", "")))
        choice = event["choices"][0] if event["choices"] else {}
        text = (choice.get("delta") or {}).get("content") or ""
        usage = event.get("usage") or {}
        first = self._so_far.first_token_seconds
        self._so_far = replace(
            self._so_far,
            text=self._so_far.text + text,
            model=event["model"],
            tokens_in=usage.get("prompt_tokens", self._so_far.tokens_in),
            tokens_out=usage.get("completion_tokens", self._so_far.tokens_out),
            seconds=seconds,
            first_token_seconds=seconds if first is None and text else first,
            finish=choice.get("finish_reason") or self._so_far.finish,
        )
        return text


def stream(endpoint: Endpoint, model: str, messages: Messages, decoding: Decoding = Decoding()) -> Stream:
    return Stream(endpoint, model, messages, decoding)


def models(endpoint: Endpoint) -> list[str]:
    """The names that can be asked there."""
    response = _sent(endpoint, "GET", "models", None)
    return [str(model["id"]) for model in response.json()["data"]]


def load_adapter(endpoint: Endpoint, name: str, folder: Path) -> None:
    """Make the adapter in `folder`, a path on the server's machine, answer as `name`; nothing if it does already."""
    if name not in models(endpoint):
        try:
            _post(endpoint, "load_lora_adapter", {"lora_name": name, "lora_path": str(folder)})
        except Problem:
            if name not in models(endpoint):  # else somebody else was quicker
                raise


def unload_adapter(endpoint: Endpoint, name: str) -> None:
    _post(endpoint, "unload_lora_adapter", {"lora_name": name})


def _body(endpoint: Endpoint, model: str, messages: Messages, decoding: Decoding) -> dict[str, Any]:
    return {
        "model": model,
        "messages": list(messages),
        "temperature": decoding.temperature,
        "top_p": decoding.top_p if decoding.temperature > 0 else 1.0,  # hosted Mistral refuses others with it
        "max_tokens": decoding.max_tokens,
        "random_seed" if _is_mistral(endpoint) else "seed": decoding.seed,
    }


def _answer(response: httpx.Response, asked: str, seconds: float) -> Answer:
    body = response.json()
    _same(asked, str(body.get("model", "")))
    choice, usage = body["choices"][0], body.get("usage") or {}
    return Answer(
        text=choice["message"]["content"] or "",
        model=body["model"],
        tokens_in=usage.get("prompt_tokens"),
        tokens_out=usage.get("completion_tokens"),
        seconds=seconds,
        first_token_seconds=None,
        finish=choice["finish_reason"] or "",
    )


def _same(asked: str, answered: str) -> None:
    """Hosted models may answer by the dated name of what was asked; anything else is another model."""
    stem = re.escape(asked.removesuffix("-latest"))
    if answered != asked and not re.fullmatch(rf"{stem}-(\d{{4}}|\d{{8}}|\d{{4}}-\d\d-\d\d)", answered):
        raise Problem(f"Asked {asked}, but {answered or 'somebody without a name'} answered.", do="Check the endpoint.")


def _post(endpoint: Endpoint, path: str, body: dict[str, Any], stream: bool = False) -> httpx.Response:
    return _sent(endpoint, "POST", path, body, stream)


def _sent(endpoint: Endpoint, method: str, path: str, body: Any, stream: bool = False) -> httpx.Response:
    """The response, tried for again where that may help. Problem unless it is a success."""
    client = _client(_local(endpoint.host))
    request = client.build_request(method, f"{endpoint.api}/{path}", json=body, headers=_headers(endpoint))
    for pause in (*PAUSES, None):
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
        raise _lost(endpoint, outcome) from outcome
    if outcome.is_success:
        return outcome
    try:
        said = _said(outcome.json())
    except ValueError:
        said = outcome.text[:300]
    if endpoint.key:
        said = said.replace(endpoint.key, "(the key)")
    advice = {401: "Check the key.", 403: "Check what the key may do.", 429: "Wait, or ask fewer at once."}
    raise Problem(f"{endpoint} refused with {outcome.status_code}.", said, advice.get(outcome.status_code, ""))


def _lost(endpoint: Endpoint, error: httpx.HTTPError) -> Problem:
    if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
        return Problem(f"{endpoint} did not answer in {TIMEOUT.read:.0f} seconds.", do="Ask fewer at once.")
    return Problem(
        f"{endpoint} cannot be reached.", f"{error or type(error).__name__}.", "See whether the server runs."
    )


def _said(body: Any) -> str:
    """The sentence in an error body, in any of the shapes in use."""
    found = body
    while isinstance(found, dict) and (inner := found.get("error") or found.get("message") or found.get("detail")):
        found = inner
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)[:300]


def _headers(endpoint: Endpoint) -> dict[str, str]:
    return {"authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}


def _is_mistral(endpoint: Endpoint) -> bool:
    return endpoint.host.endswith("mistral.ai")


def _local(host: str) -> bool:
    return host in ("127.0.0.1", "localhost", "::1")


@lru_cache(maxsize=2)
def _client(local: bool) -> httpx.Client:
    """Shared by all threads. A proxy of the environment is not for this machine's own servers."""
    return httpx.Client(timeout=TIMEOUT, trust_env=not local)

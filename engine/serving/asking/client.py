"""Client: asks whoever speaks the chat protocol: our own servers, vLLM, Mistral's and OpenAI's hosted models.

An answer by another model than the one asked is a Problem, so that no comparison is between a model and itself.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import msgspec

from engine.problems import Problem
from engine.serving.asking import answers, calls, posting
from engine.serving.asking.answers import Answer
from engine.serving.asking.calls import Endpoint, Failure
from engine.serving.asking.posting import Pool, pool

__all__ = [
    "Answer",
    "Decoding",
    "Endpoint",
    "Pool",
    "achat",
    "apost",
    "chat",
    "load_adapter",
    "models",
    "pool",
    "request",
    "stream",
    "unload_adapter",
]

Messages = Sequence[Mapping[str, Any]]
Tools = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Decoding:
    """How an answer is drawn. Temperature 0 takes the likeliest token each time; the seed matters above it.

    `schema` is a JSON schema that the answer must follow; None lets it be any text.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 96
    seed: int = 0
    schema: dict[str, Any] | None = None


def chat(
    endpoint: Endpoint,
    model: str,
    messages: Messages,
    decoding: Decoding = Decoding(),
    *,
    tools: Tools = (),
    more: Mapping[str, Any] | None = None,
) -> Answer:
    """One whole answer. `more` are further fields of the protocol, such as `stop`, `logprobs` or `tool_choice`."""
    began = time.monotonic()
    response = calls.send(endpoint, "POST", "chat/completions", _body(endpoint, model, messages, decoding, tools, more))
    return answers.read(response.content, model, time.monotonic() - began)


async def achat(
    endpoint: Endpoint,
    model: str,
    messages: Messages,
    decoding: Decoding,
    pool: Pool,
    *,
    tools: Tools = (),
    more: Mapping[str, Any] | None = None,
) -> Answer:
    """One whole answer, while others are asked for, asked for once. `seconds` includes the wait for its turn."""
    return await apost(endpoint, model, request(endpoint, model, messages, decoding, tools=tools, more=more), pool)


def request(
    endpoint: Endpoint,
    model: str,
    messages: Messages,
    decoding: Decoding,
    *,
    tools: Tools | None = None,
    more: Mapping[str, Any] | None = None,
    stream: bool = False,
) -> bytes:
    """What is sent to ask this; the same question is the same bytes."""
    body = _body(endpoint, model, messages, decoding, tools, more)
    return msgspec.json.encode(body | _streaming(endpoint) if stream else body)


async def apost(endpoint: Endpoint, model: str, data: bytes, pool: Pool, *, stream: bool = False) -> Answer:
    """The answer to a `request`, streamed if it asks for that. Failure when none comes."""
    began = time.monotonic()
    if not stream:
        said = await posting.post(endpoint, "chat/completions", data, pool)
        return answers.read(said, model, time.monotonic() - began)
    so_far, plain = Stream(endpoint, model, []), b""
    async for line in posting.lines(endpoint, "chat/completions", data, pool):
        so_far.hear(line.decode(), time.monotonic() - began)
        plain += line
    if plain.startswith(b"{"):  # a server that cannot stream sends all of it at once
        return answers.read(plain, model, time.monotonic() - began)
    if not so_far.ended:
        raise calls.broken_off(model)
    return so_far.answer


class Stream:
    """An answer as it comes: iterate once over the pieces of its text, then read `answer`."""

    def __init__(
        self,
        endpoint: Endpoint,
        model: str,
        messages: Messages,
        decoding: Decoding = Decoding(),
        *,
        tools: Tools = (),
        more: Mapping[str, Any] | None = None,
    ) -> None:
        self.endpoint, self.model = endpoint, model
        self._body = _body(endpoint, model, messages, decoding, tools, more) | _streaming(endpoint)
        self._so_far = Answer("", "", None, None, 0.0, None, "")

    @property
    def answer(self) -> Answer:
        if not self.ended:
            raise Problem(f"{self.model} has not finished its answer.", do="Read the whole stream first.")
        return self._so_far

    @property
    def ended(self) -> bool:
        return bool(self._so_far.finish)

    def __iter__(self) -> Iterator[str]:
        began = time.monotonic()
        response = calls.send(self.endpoint, "POST", "chat/completions", self._body, stream=True)
        try:
            for line in response.iter_lines():
                if text := self.hear(line, time.monotonic() - began):
                    yield text
        except httpx.HTTPError as error:
            raise calls.lost(self.endpoint, error) from error
        finally:
            response.close()
        if not self.ended:
            raise calls.broken_off(self.model)

    def hear(self, line: str, seconds: float) -> str:
        """Add a line of the stream, heard after so many seconds, to the answer; the text that it brings."""
        if not line.startswith("data:") or line.removeprefix("data:").strip() == "[DONE]":
            return ""
        try:
            return self._take(json.loads(line.removeprefix("data:")), seconds)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise calls.strange(line) from error

    def _take(self, event: dict[str, Any], seconds: float) -> str:
        """Add an event to the answer; the text that it brings."""
        if "choices" not in event:
            raise Failure(calls.SERVER_ERROR, f"{self.model} could not finish its answer.", calls.said(event))
        answers.check_name(self.model, str(event.get("model", "")))
        choice = event["choices"][0] if event["choices"] else {}
        delta = choice.get("delta") or {}
        text = delta.get("content") or ""
        called = delta.get("tool_calls") or []
        usage = event.get("usage") or {}
        first = self._so_far.first_token_seconds
        self._so_far = replace(
            self._so_far,
            text=self._so_far.text + text,
            model=event["model"],
            tokens_in=usage.get("prompt_tokens", self._so_far.tokens_in),
            tokens_out=usage.get("completion_tokens", self._so_far.tokens_out),
            seconds=seconds,
            first_token_seconds=seconds if first is None and (text or called) else first,
            finish=choice.get("finish_reason") or self._so_far.finish,
            calls=answers.grown(self._so_far.calls, called) if called else self._so_far.calls,
            logprobs=self._so_far.logprobs + answers.logprobs(choice),
            tokens_cached=answers.cached(usage) if usage else self._so_far.tokens_cached,
        )
        return text


def stream(
    endpoint: Endpoint,
    model: str,
    messages: Messages,
    decoding: Decoding = Decoding(),
    *,
    tools: Tools = (),
    more: Mapping[str, Any] | None = None,
) -> Stream:
    return Stream(endpoint, model, messages, decoding, tools=tools, more=more)


def models(endpoint: Endpoint) -> list[str]:
    """The names that can be asked there."""
    response = calls.send(endpoint, "GET", "models")
    try:
        return [str(model["id"]) for model in response.json()["data"]]
    except (ValueError, LookupError, TypeError) as error:
        raise calls.strange(response.text) from error


def load_adapter(endpoint: Endpoint, name: str, folder: Path) -> None:
    """Make the adapter in `folder`, a path on the server's machine, answer as `name`; nothing if it does already."""
    if name not in models(endpoint):
        try:
            calls.send(endpoint, "POST", "load_lora_adapter", {"lora_name": name, "lora_path": str(folder)})
        except Problem:
            if name not in models(endpoint):  # else somebody else was quicker
                raise


def unload_adapter(endpoint: Endpoint, name: str) -> None:
    calls.send(endpoint, "POST", "unload_lora_adapter", {"lora_name": name})


def _body(
    endpoint: Endpoint,
    model: str,
    messages: Messages,
    decoding: Decoding,
    tools: Tools | None = None,
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    body = {
        "model": model,
        "messages": list(messages),
        "temperature": decoding.temperature,
        "top_p": decoding.top_p if decoding.temperature > 0 else 1.0,  # hosted Mistral refuses others with it
        "max_tokens": decoding.max_tokens,
        "random_seed" if _is_mistral(endpoint) else "seed": decoding.seed,
    }
    if decoding.schema is not None:
        shape = {"name": "answer", "schema": decoding.schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": shape}
    if tools:
        body["tools"] = list(tools)
    body |= more or {}
    if body.get("tool_choice") in ("any", "required"):  # one word for it at Mistral's, another elsewhere
        body["tool_choice"] = "any" if _is_mistral(endpoint) else "required"
    return body


def _streaming(endpoint: Endpoint) -> dict[str, Any]:
    # Mistral's API sends the usage unasked and refuses the question
    return {"stream": True} | ({} if _is_mistral(endpoint) else {"stream_options": {"include_usage": True}})


def _is_mistral(endpoint: Endpoint) -> bool:
    return endpoint.host.endswith("mistral.ai")

"""Client: asks whoever speaks the chat protocol: our own servers, vLLM, Mistral's and OpenAI's hosted models.

An answer by another model than the one asked is a Problem, so that no comparison is between a model and itself.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from engine.problems import Problem
from engine.serving.asking import answers, calls, posting
from engine.serving.asking.answers import Answer
from engine.serving.asking.calls import Endpoint, Failure, Use
from engine.serving.asking.posting import Pool, pool
from engine.serving.asking.question import Decoding, Question, body, request

__all__ = [
    "Answer",
    "Decoding",
    "Endpoint",
    "Pool",
    "Question",
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


def chat(endpoint: Endpoint, model: str, question: Question) -> Answer:
    """One whole answer."""
    began = time.monotonic()
    response = calls.send(endpoint, "POST", "chat/completions", body(endpoint, model, question))
    return answers.read(endpoint, response.content, model, time.monotonic() - began)


async def achat(endpoint: Endpoint, model: str, question: Question, pool: Pool) -> Answer:
    """One whole answer, while others are asked for, asked for once. `seconds` includes the wait for its turn."""
    return await apost(endpoint, model, request(endpoint, model, question), pool)


async def apost(endpoint: Endpoint, model: str, data: bytes, pool: Pool, *, stream: bool = False) -> Answer:
    """The answer to a `request`, streamed if it asks for that. Failure when none comes."""
    began = time.monotonic()
    if not stream:
        said = await posting.post(endpoint, "chat/completions", data, pool)
        return answers.read(endpoint, said, model, time.monotonic() - began)
    so_far = Stream(endpoint, model)
    with so_far.counted():
        async for line in posting.lines(endpoint, "chat/completions", data, pool):
            so_far.hear(line.decode(errors="replace"), time.monotonic() - began)
        so_far.end(time.monotonic() - began)
    return so_far.answer


def stream(endpoint: Endpoint, model: str, question: Question) -> "Stream":
    return Stream(endpoint, model, body(endpoint, model, question, stream=True))


BESIDE = (":", "event:", "id:", "retry:")  # what else a line of server-sent events begins with


class Stream:
    """An answer as it comes: iterate once over the pieces of its text, then read `answer`."""

    def __init__(self, endpoint: Endpoint, model: str, asked: dict[str, Any] | None = None) -> None:
        self.endpoint, self.model, self.asked = endpoint, model, asked
        self._so_far = Answer("", "", None, None, 0.0, None, "")
        self._told: Use | None = None
        self._plain: list[str] = []  # lines that are no part of a stream
        self._whole = False  # whether the answer came as one of these

    @property
    def answer(self) -> Answer:
        if not self.ended:
            raise Problem(f"{self.model} has not finished its answer.", do="Read the whole stream first.")
        return self._so_far

    @property
    def ended(self) -> bool:
        return bool(self._so_far.finish) or self._whole

    def __iter__(self) -> Iterator[str]:
        began = time.monotonic()
        with self.counted():
            response = calls.send(self.endpoint, "POST", "chat/completions", self.asked, stream=True)
            try:
                for line in response.iter_lines():
                    if text := self.hear(line, time.monotonic() - began):
                        yield text
            except httpx.HTTPError as error:
                raise calls.lost(self.endpoint, error) from error
            finally:
                response.close()
            if text := self.end(time.monotonic() - began):
                yield text

    @contextmanager
    def counted(self) -> Iterator[None]:
        """A failure inside says what the server had told of tokens until then."""
        try:
            yield
        except Failure as failure:
            failure.use = self._told or failure.use
            raise

    def hear(self, line: str, seconds: float) -> str:
        """Add a line of the stream, heard after so many seconds, to the answer; the text that it brings."""
        if not line.startswith("data:"):
            self._plain += [] if line.startswith(BESIDE) or not line.strip() else [line]
            return ""
        if line.removeprefix("data:").strip() == "[DONE]":
            return ""
        try:
            return self._take(json.loads(line.removeprefix("data:")), seconds)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise calls.strange(self.endpoint, line) from error

    def end(self, seconds: float) -> str:
        """Nothing more comes; the text that was not heard yet. Failure when that is no whole answer."""
        if self.ended:
            return ""
        plain = "\n".join(self._plain)
        if plain.startswith("{"):  # a server that cannot stream sends all of it at once
            self._so_far = answers.read(self.endpoint, plain.encode(), self.model, seconds)
            self._whole = True
            return self._so_far.text
        raise calls.strange(self.endpoint, plain) if plain and not self._so_far.model else calls.broken_off(self.model)

    def _take(self, event: dict[str, Any], seconds: float) -> str:
        """Add an event to the answer; the text that it brings."""
        usage = event.get("usage") or {}
        if usage:
            self._told = answers.used(event, seconds)
        if "choices" not in event:
            why = self.endpoint.discreet(calls.said(event))
            raise Failure(calls.SERVER_ERROR, f"{self.model} could not finish its answer.", why)
        name = str(event.get("model") or "")
        if name or event["choices"]:  # one without words may come without a name, as what Azure says of the question
            answers.check_name(self.model, name)
        choice = event["choices"][0] if event["choices"] else {}
        delta = choice.get("delta") or {}
        text = answers.text(delta.get("content"))
        called = delta.get("tool_calls") or []
        first = self._so_far.first_token_seconds
        self._so_far = replace(
            self._so_far,
            text=self._so_far.text + text,
            model=name or self._so_far.model,
            tokens_in=self._told.tokens_in if self._told else None,
            tokens_out=self._told.tokens_out if self._told else None,
            seconds=seconds,
            first_token_seconds=seconds if first is None and (text or called) else first,
            finish=choice.get("finish_reason") or self._so_far.finish,
            calls=answers.grown(self._so_far.calls, called) if called else self._so_far.calls,
            logprobs=self._so_far.logprobs + answers.logprobs(choice),
            tokens_cached=answers.cached(usage) if usage else self._so_far.tokens_cached,
        )
        return text


def models(endpoint: Endpoint) -> list[str]:
    """The names that can be asked there."""
    response = calls.send(endpoint, "GET", "models")
    try:
        return [str(model["id"]) for model in response.json()["data"]]
    except (ValueError, LookupError, TypeError) as error:
        raise calls.strange(endpoint, response.text) from error


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

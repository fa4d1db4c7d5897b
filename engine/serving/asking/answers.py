"""Answers: what a server of models says in the chat protocol, read from its body or from the events of a stream."""

import re
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.serving.asking import calls
from engine.serving.asking.calls import Endpoint, Failure, Use


@dataclass(frozen=True)
class Answer:
    """Token counts are None when the server keeps them to itself, `first_token_seconds` when not streamed.

    `tokens_cached` of those that were read were known from another question. `calls` and `logprobs` are as the protocol
    has them: what the model calls its tools with, and one entry for each token when `more` asked for `logprobs`.
    """

    text: str
    model: str
    tokens_in: int | None
    tokens_out: int | None
    seconds: float
    first_token_seconds: float | None
    finish: str
    calls: list[dict[str, Any]] = field(default_factory=list)
    logprobs: list[dict[str, Any]] = field(default_factory=list)
    tokens_cached: int | None = None
    kept: bool = False  # given to the same request earlier; what it took is what it took then

    @property
    def use(self) -> Use:
        return Use(self.tokens_in, self.tokens_out, self.seconds)


def read(endpoint: Endpoint, data: bytes, asked: str, seconds: float) -> Answer:
    use = None
    try:
        body = msgspec.json.decode(data)
        use = used(body, seconds)
        choice = body["choices"][0]
        message = choice["message"]
        answer = Answer(
            text=text(message.get("content")),
            model=str(body["model"] or ""),
            tokens_in=use.tokens_in,
            tokens_out=use.tokens_out,
            seconds=seconds,
            first_token_seconds=None,
            finish=choice["finish_reason"] or "",
            calls=message.get("tool_calls") or [],
            logprobs=logprobs(choice),
            tokens_cached=cached(body.get("usage") or {}),
        )
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise calls.strange(endpoint, data.decode(errors="replace"), use) from error
    check_name(asked, answer.model, use)
    return answer


def decoded(endpoint: Endpoint, data: bytes) -> Any:
    """An answer of another call than chat. Failure when it is no JSON."""
    try:
        return msgspec.json.decode(data)
    except ValueError as error:
        raise calls.strange(endpoint, data.decode(errors="replace")) from error


def used(body: Any, seconds: float) -> Use:
    """What an answer, or an event of a stream, says that it took."""
    usage = body.get("usage") if isinstance(body, dict) else None
    told = usage if isinstance(usage, dict) else {}
    return Use(counted(told.get("prompt_tokens")), counted(told.get("completion_tokens")), seconds)


def counted(value: Any) -> int | None:
    """A number of tokens; None where a server says anything else."""
    return value if isinstance(value, int) else None


def text(content: Any) -> str:
    """What is said in a message, or in a piece of it. A model that thinks aloud sends parts: a thought is no answer."""
    if isinstance(content, list):
        return "".join(text(part["text"]) for part in content if part["type"] == "text")
    if not isinstance(content, str | None):
        raise TypeError(f"{content!r} is no text")
    return content or ""


def logprobs(choice: dict[str, Any]) -> list[dict[str, Any]]:
    return (choice.get("logprobs") or {}).get("content") or []


def cached(usage: dict[str, Any]) -> int | None:
    return counted((usage.get("prompt_tokens_details") or {}).get("cached_tokens"))


def grown(known: list[dict[str, Any]], pieces: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The calls of tools so far, with what an event of a stream adds: a new call, or more of an argument."""
    grown = {n: {**call, "function": dict(call["function"])} for n, call in enumerate(known)}
    for piece in pieces:
        more = piece.get("function") or {}
        call = grown.setdefault(
            piece.get("index", len(grown)), {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
        )
        call["id"] = piece.get("id") or call["id"]
        call["function"]["name"] += more.get("name") or ""
        call["function"]["arguments"] += more.get("arguments") or ""
    return list(grown.values())


def check_name(asked: str, answered: str, use: Use | None = None) -> None:
    """Hosted models may answer by the dated name of what was asked; anything else is another model."""
    stem = re.escape(asked.removesuffix("-latest"))
    if answered != asked and not re.fullmatch(rf"{stem}-(\d{{4}}|\d{{8}}|\d{{4}}-\d\d-\d\d)", answered):
        what = f"Asked {asked}, but {answered or 'somebody without a name'} answered."
        raise Failure(calls.WRONG_MODEL, what, do="Check the endpoint.", use=use)

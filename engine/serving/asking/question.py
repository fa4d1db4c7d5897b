"""Question: what a model is asked, and how that is sent: the chat protocol in the dialect of whoever answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.serving.asking.calls import Endpoint


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


@dataclass(frozen=True)
class Question:
    """`more` are further fields of the protocol, such as `stop`, `logprobs` or `tool_choice`."""

    messages: Sequence[Mapping[str, Any]]
    decoding: Decoding = Decoding()
    tools: Sequence[Mapping[str, Any]] = ()
    more: Mapping[str, Any] = field(default_factory=dict)


def request(endpoint: Endpoint, model: str, question: Question, *, stream: bool = False) -> bytes:
    """What is sent to ask this; the same question is the same bytes."""
    return msgspec.json.encode(body(endpoint, model, question, stream=stream))


def body(endpoint: Endpoint, model: str, question: Question, *, stream: bool = False) -> dict[str, Any]:
    decoding, mistral = question.decoding, endpoint.host.endswith("mistral.ai")
    said = {
        "model": model,
        "messages": list(question.messages),
        "temperature": decoding.temperature,
        "top_p": decoding.top_p if decoding.temperature > 0 else 1.0,  # hosted Mistral refuses others with it
        "max_tokens": decoding.max_tokens,
        "random_seed" if mistral else "seed": decoding.seed,
    }
    if decoding.schema is not None:
        shape = {"name": "answer", "schema": decoding.schema, "strict": True}
        said["response_format"] = {"type": "json_schema", "json_schema": shape}
    if question.tools:
        said["tools"] = list(question.tools)
    said |= question.more
    if said.get("tool_choice") in ("any", "required"):  # one word for it at Mistral's, another elsewhere
        said["tool_choice"] = "any" if mistral else "required"
    if stream:
        said["stream"] = True
        if not mistral:  # which sends the usage unasked, and refuses to be asked for it
            said["stream_options"] = {"include_usage": True}
    return said

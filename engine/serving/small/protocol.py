"""Protocol: the chat protocol that OpenAI, Mistral and vLLM share, as a server reads and writes it. No HTTP here.

A field that would change the answer and that we cannot honour is refused by name, never ignored.
"""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.serving.small import tools
from engine.serving.small.fields import Refused, either, number, text, whole

ROLES = ("system", "user", "assistant", "tool")
MOST_TOKENS = 1024  # when the request does not say
MOST_CHANCES = 20  # likeliest tokens that are named at each place, as OpenAI and vLLM have it

# what may be there without changing the answer: always, or at this value
IDLE = {"user", "metadata", "stream_options", "prompt_mode", "store"}
NEUTRAL: dict[str, Any] = {
    "n": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "safe_prompt": False,
}


@dataclass(frozen=True)
class Ask:
    """A chat request. `limit` is None when it does not say how many tokens it wants, `seed` when any will do."""

    model: str
    messages: list[dict[str, Any]]
    limit: int | None = None
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    stops: tuple[str, ...] = ()
    stream: bool = False
    chances: int | None = None  # how many of the likeliest tokens to name at each place; None for no chances at all
    show_ids: bool = False  # send the token ids of prompt and answer too
    schema: dict[str, Any] | None = None  # JSON schema that the answer must follow; None for any text
    offer: tools.Offer | None = None  # the tools that may be called
    name_ids: bool = False  # call tokens by their ids, "token_id:17", since a text may stand for several
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    at: int = field(default_factory=lambda: int(time.time()))

    @property
    def hears(self) -> bool:
        """Whether calls are read out of the answer."""
        return self.offer is not None and self.offer.choice != tools.NONE


def read(body: Any) -> Ask:
    """The request in a body. Refused, with a sentence that names the field, when it cannot be honoured."""
    if not isinstance(body, dict):
        raise Refused("The body must be a JSON object.")
    given = {key: value for key, value in body.items() if value is not None and key not in IDLE}
    for key, harmless in NEUTRAL.items():
        if given.pop(key, harmless) != harmless:
            raise Refused(f"This server cannot honour {key}={body[key]!r}; leave it out.")
    ask = Ask(
        model=text(given.pop("model", None), "model"),
        messages=_messages(given.pop("messages", None)),
        limit=whole(either(given, "max_completion_tokens", "max_tokens"), "max_tokens", least=1),
        temperature=number(given.pop("temperature", 1.0), "temperature", 0, 2),
        top_p=number(given.pop("top_p", 1.0), "top_p", 0, 1),
        seed=whole(either(given, "seed", "random_seed"), "seed", least=0),
        stops=_stops(given.pop("stop", [])),
        stream=bool(given.pop("stream", False)),
        chances=_chances(given.pop("logprobs", False), given.pop("top_logprobs", None)),
        schema=_schema(given.pop("response_format", None)),
        offer=tools.offer(*(given.pop(key, None) for key in ("tools", "tool_choice", "parallel_tool_calls"))),
        show_ids=bool(given.pop("return_token_ids", False)),
        name_ids=bool(given.pop("return_tokens_as_token_ids", False)),
    )
    if ask.stream and (ask.chances is not None or ask.show_ids):
        raise Refused("This server gives logprobs and token ids with whole answers only; leave stream out.")
    if ask.schema is not None and ask.hears:
        raise Refused("An answer here follows response_format or calls tools, not both; leave one of them out.")
    if ask.top_p == 0:
        raise Refused("top_p must be above 0; for the likeliest token each time, set temperature to 0.")
    if given:
        raise Refused(f"This server does not know {', '.join(sorted(given))}.")
    return ask


def answer(
    ask: Ask,
    said: str,
    finish: str,
    prompt: Sequence[int],
    ids: Sequence[int],
    places: Sequence[dict[str, Any]] = (),
    calls: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """A whole answer. `prompt` and `ids` are token ids; `places` one `chance(...)` for each token, when asked for."""
    message: dict[str, Any] = {"role": "assistant", "content": said}
    if calls:
        message |= {"content": said or None, "tool_calls": list(calls)}
    logprobs = {"content": list(places)} if ask.chances is not None else None
    choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": finish, "logprobs": logprobs}
    body = {**_head(ask, "chat.completion"), "choices": [choice], "usage": usage(len(prompt), len(ids))}
    if ask.show_ids:  # named as vLLM names them
        choice["token_ids"] = list(ids)
        body["prompt_token_ids"] = list(prompt)
    return body


def chance(ask: Ask, token: int, written: str, logprob: float) -> dict[str, Any]:
    """One token and how likely it was, in nats."""
    name = f"token_id:{token}" if ask.name_ids else written
    return {"token": name, "logprob": logprob, "bytes": list(name.encode())}


def piece(ask: Ask, delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    """One event of a streamed answer; the last one carries `finish` and the usage."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    return {**_head(ask, "chat.completion.chunk"), "choices": [choice], **more}


def usage(tokens_in: int, tokens_out: int) -> dict[str, int]:
    return {"prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": tokens_in + tokens_out}


def error(message: str, kind: str, status: int) -> dict[str, Any]:
    return {"object": "error", "message": message, "type": kind, "param": None, "code": status}


def _head(ask: Ask, object: str) -> dict[str, Any]:
    return {"id": ask.id, "object": object, "created": ask.at, "model": ask.model}


def _messages(given: Any) -> list[dict[str, Any]]:
    if not isinstance(given, list) or not given:
        raise Refused("messages must be a list with at least one message.")
    return [_message(one, n) for n, one in enumerate(given)]


def _message(given: Any, n: int) -> dict[str, Any]:
    if not isinstance(given, dict) or given.get("role") not in ROLES:
        raise Refused(f"messages[{n}] must have a role, one of {', '.join(ROLES)}.")
    message = {"role": given["role"]}
    for key in ("tool_call_id", "name") if given["role"] == "tool" else ():
        if given.get(key) is not None:
            message[key] = text(given[key], f"messages[{n}].{key}")
    if calls := given.get("tool_calls"):
        if given["role"] != "assistant":
            raise Refused(f"messages[{n}] has tool_calls, which only the assistant can have.")
        message["tool_calls"] = tools.called(calls, f"messages[{n}].tool_calls")
    content = given.get("content")
    if isinstance(content, list):
        if not all(isinstance(part, dict) and part.get("type") == "text" for part in content):
            raise Refused(f"messages[{n}] holds more than text; this server knows text only.")
        content = "".join(text(part.get("text"), f"messages[{n}].content") for part in content)
    if content or not calls:  # a message that only calls says nothing, as where it was learned
        message["content"] = text(content, f"messages[{n}].content")
    return message


def _stops(given: Any) -> tuple[str, ...]:
    stops = [given] if isinstance(given, str) else given
    if not isinstance(stops, list) or not all(isinstance(stop, str) and stop for stop in stops):
        raise Refused(f"stop must be a text or a list of texts, not {given!r}.")
    return tuple(stops)


def _chances(wanted: Any, most: Any) -> int | None:
    """How many likeliest tokens to name; None when no chances are asked for."""
    if not isinstance(wanted, bool):
        raise Refused(f"logprobs must be true or false, not {wanted!r}.")
    if most is not None and not wanted:
        raise Refused("top_logprobs needs logprobs to be true.")
    count = whole(most, "top_logprobs", least=0) or 0
    if count > MOST_CHANCES:
        raise Refused(f"top_logprobs may be at most {MOST_CHANCES}, not {count}.")
    return count if wanted else None


def _schema(given: Any) -> dict[str, Any] | None:
    """The schema in a `response_format`, as OpenAI, Mistral and vLLM write it."""
    kind = given.get("type") if isinstance(given, dict) else None
    if given is None or kind == "text":
        return None
    if kind == "json_object":
        return {"type": "object"}
    shape = given.get("json_schema") if kind == "json_schema" else None
    schema = shape.get("schema") if isinstance(shape, dict) else None
    if not isinstance(schema, dict):
        raise Refused('response_format must be {"type": "json_schema", "json_schema": {"name": ..., "schema": {...}}}.')
    return schema

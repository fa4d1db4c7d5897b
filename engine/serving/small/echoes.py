"""Echoes: texts that a server is given to read: vLLM's ways of asking for their tokens and for how likely these are.

The second is a completion with nothing to complete: `echo` and no token to write. No HTTP here, and no model.
"""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.serving.small.protocol import Refused, usage
from engine.serving.small.protocol import read as read_chat

MOST_TEXTS = 1024  # in one request, as vLLM has it
ONLY = {"max_tokens": 0, "echo": True, "prompt_logprobs": 0}  # what is needed to be read and not continued
IDLE = {"temperature": 0, "n": 1, "stream": False}  # what may be said of that, and changes nothing


@dataclass(frozen=True)
class Spelling:
    """A conversation to be written in tokens; with `prompt`, up to where the assistant is to speak."""

    model: str
    messages: list[dict[str, Any]]
    prompt: bool
    tools: list[dict[str, Any]] | None


@dataclass(frozen=True)
class Texts:
    """Texts in tokens, to be told how likely each is."""

    model: str
    rows: list[list[int]]


def spelling(body: dict[str, Any]) -> Spelling:
    """What `/tokenize` is asked. Refused, with a sentence, when it cannot be honoured."""
    given = {**body}
    prompt = given.pop("add_generation_prompt", True)
    for key in ("add_special_tokens", "continue_final_message", "return_token_strs"):
        if given.pop(key, False):
            raise Refused(f"This server cannot honour {key}; leave it out.")
    if "messages" not in given:
        raise Refused("messages must be given; this server knows conversations only.")
    asked = read_chat(given)
    return Spelling(asked.model, asked.messages, bool(prompt), asked.offer.tools if asked.offer else None)


def spelled(ids: Sequence[int], context: int | None) -> dict[str, Any]:
    return {"count": len(ids), "max_model_len": context, "tokens": list(ids), "token_strs": None}


def texts(body: dict[str, Any]) -> Texts:
    """What `/v1/completions` is asked, if it is no more than how likely the tokens in `prompt` are. Refused else."""
    given = {key: value for key, value in body.items() if value is not None}
    for key, value in ONLY.items():
        if given.pop(key, None) != value:
            wanted = ", ".join(f"{name}={wish!r}" for name, wish in ONLY.items())
            raise Refused(f"This server completes nothing: it tells how likely given tokens are, with {wanted}.")
    for key, value in IDLE.items():
        if given.pop(key, value) != value:
            raise Refused(f"{key} means nothing where no token is written; leave it out.")
    model, rows = given.pop("model", None), given.pop("prompt", None)
    if given:
        raise Refused(f"This server does not know {', '.join(sorted(given))} here.")
    if not isinstance(model, str):
        raise Refused(f"model must be a text, not {model!r}.")
    return Texts(model, _rows(rows))


def likely(asked: Texts, logprobs: Sequence[Sequence[float]]) -> dict[str, Any]:
    """For each text a list over its tokens, as vLLM has it: nothing for the first, else the token's id and its chance
    in nats. `logprobs` begin with the second token."""
    places = [
        [None, *({str(token): {"logprob": value}} for token, value in zip(row[1:], line, strict=True))]
        for row, line in zip(asked.rows, logprobs, strict=True)
    ]
    choices = [{"index": n, "text": "", "finish_reason": "length", "prompt_logprobs": p} for n, p in enumerate(places)]
    head = {"id": f"cmpl-{uuid.uuid4().hex}", "object": "text_completion", "created": int(time.time())}
    return {**head, "model": asked.model, "choices": choices, "usage": usage(sum(map(len, asked.rows)), 0)}


def _rows(given: Any) -> list[list[int]]:
    """One text or several. Tokens only: how a text becomes tokens is asked first, and then it is known."""
    rows = [given] if isinstance(given, list) and given and _token(given[0]) else given
    if not isinstance(rows, list) or not rows:
        raise Refused("prompt must be a list of token ids, or a list of such lists.")
    if len(rows) > MOST_TEXTS:
        raise Refused(f"prompt may hold at most {MOST_TEXTS} texts, not {len(rows)}.")
    for n, row in enumerate(rows):
        if not isinstance(row, list) or len(row) < 2 or not all(map(_token, row)):
            raise Refused(f"prompt[{n}] must be a list of at least two token ids.")
    return rows


def _token(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0

"""Chat and embeddings: a question goes to the server of its model, and its answer comes back under the name that was
asked. Fields that are not ours to read (tools, response_format, stop words ...) are passed on as they are.
"""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
from starlette.responses import StreamingResponse

from engine.api import embedding, refusals, shapes
from engine.api.desk import Desk, Turn
from engine.api.refusals import Refusal
from engine.api.routing import Asked, Call, read_body
from engine.serving.asking.calls import said
from engine.serving.asking.client import Endpoint

TAG = "Chat and embeddings"


async def complete(asked: Asked) -> Any:
    body = await read_body(asked.request)
    name = body.get("model")
    if not isinstance(name, str) or not name:
        raise Refusal(422, "The question names no model. GET /v1/models lists those that can be asked.", "model")
    desk = asked.desk
    turn = desk.turn()
    endpoint, served = await asyncio.to_thread(lambda: desk.server(desk.catalogue.askable(name)))
    response = await _sent(desk, endpoint, {**body, "model": served})
    if body.get("stream"):
        return StreamingResponse(_pieces(response, name, turn), media_type="text/event-stream")
    try:
        await response.aread()
        return {**response.json(), "model": name}
    except (httpx.HTTPError, ValueError) as error:
        raise _gone(error) from error


async def embed(asked: Asked) -> dict[str, Any]:
    body = await read_body(asked.request)
    texts, model = embedding.read(body, asked.desk.home)
    vectors = await asyncio.to_thread(embedding.encode, texts)
    tokens = sum(len(text.split()) for text in texts)
    return {
        "id": uuid.uuid4().hex,
        "object": "list",
        "model": model,
        "data": [{"object": "embedding", "index": n, "embedding": vector} for n, vector in enumerate(vectors)],
        "usage": {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens},
    }


async def _sent(desk: Desk, endpoint: Endpoint, body: dict[str, Any]) -> httpx.Response:
    """The answer of a model's server, its head at least. Refused as that server refused."""
    request = desk.pool.build_request("POST", f"{endpoint.api}/chat/completions", json=body)
    try:
        response = await desk.pool.send(request, stream=True)
        if response.is_success:
            return response
        await response.aread()
    except httpx.HTTPError as error:
        raise _gone(error) from error
    try:
        why = said(response.json())
    except ValueError:
        why = response.text[:300]
    status = response.status_code if response.status_code in refusals.KINDS else 502
    raise Refusal(status, why)


def _gone(error: Exception) -> Refusal:
    return Refusal(502, f"The model's server went away: {error or type(error).__name__}. Ask again.")


async def _pieces(response: httpx.Response, name: str, turn: Turn) -> AsyncIterator[str]:
    """Server-sent events with the name that was asked in place of the one that is served; `turn` is held meanwhile."""
    try:
        async for line in response.aiter_lines():
            if not line.startswith("data:"):
                continue
            data = line.removeprefix("data:").strip()
            if data != "[DONE]":
                event = json.loads(data)
                data = json.dumps({**event, "model": name} if "choices" in event else event, ensure_ascii=False)
            yield f"data: {data}\n\n"
    except (httpx.HTTPError, ValueError) as error:
        broken = Refusal(502, f"The answer broke off: {error or type(error).__name__}. Ask again.")
        yield f"data: {json.dumps(refusals.body(broken))}\n\ndata: [DONE]\n\n"
    finally:
        await response.aclose()


CALLS: list[Call] = [
    Call(
        "POST",
        "/chat/completions",
        "chat",
        complete,
        "Ask a model; with stream, its answer comes in pieces (server-sent events).",
        takes=shapes.CHAT,
        gives=shapes.ANSWER,
        tag=TAG,
    ),
    Call(
        "POST",
        "/embeddings",
        "chat",
        embed,
        "Texts as points. The only model, atelier-embed, finds shared words and parts of words, not meaning.",
        takes=shapes.EMBED,
        gives=shapes.VECTORS,
        tag=TAG,
    ),
]

"""`python -m engine.serving.small engine.serving.small.serve FOLDER PORT`: a server for small models on the CPU.

One base and its adapters. It speaks what vLLM speaks (chat completions plain and streamed, models, loading and
unloading of adapters, health), so that vLLM takes its place where a GPU is. Questions that arrive together are
answered together (`worker`).
Started, watched and ended by engine.serving.watch.
"""

import asyncio
import json
import secrets
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from engine import specs
from engine.problems import Problem
from engine.serving import adapters, health
from engine.serving.settings import ServeSpec
from engine.serving.small import echoes, generation, grammar, protocol, replies, tools, worker
from engine.serving.small.generation import Generated
from engine.serving.small.protocol import Ask, Refused
from engine.training.bases import template


class Service:
    """The routes for one worker. Reads and writes the protocol; touches no model."""

    def __init__(self, spec: ServeSpec, crew: worker.Worker, prompts: template.Template) -> None:
        self.spec, self.crew, self.prompts = spec, crew, prompts
        self.tongue = tools.Tongue(prompts)
        self.adapters: dict[str, str] = {}  # name: folder
        self.since = int(time.time())

    def app(self) -> Starlette:
        routes = [
            Route("/health", self.health),
            Route("/metrics", self.metrics),
            Route("/v1/models", self.models),
            Route("/v1/chat/completions", self.chat, methods=["POST"]),
            Route("/v1/completions", self.weigh, methods=["POST"]),
            Route("/tokenize", self.spell, methods=["POST"]),
            Route("/v1/load_lora_adapter", self.load, methods=["POST"]),
            Route("/v1/unload_lora_adapter", self.unload, methods=["POST"]),
        ]
        return Starlette(routes=routes, exception_handlers=replies.HANDLERS)

    async def health(self, request: Request) -> Response:
        return Response(status_code=200 if self.crew.is_alive() else 500)

    async def metrics(self, request: Request) -> Response:
        return PlainTextResponse(health.page(self.crew.figures))

    async def models(self, request: Request) -> Response:
        base = self._model(self.spec.served_name, self.spec.model, None, loaded=True)
        here = self.crew.shelf.merged
        tuned = [
            self._model(name, folder, self.spec.served_name, loaded=name in here)
            for name, folder in self.adapters.items()
        ]
        return JSONResponse({"object": "list", "data": [base, *tuned]})

    async def chat(self, request: Request) -> Response:
        ask = protocol.read(await replies.body(request))
        self._known(ask.model)
        asked = self._request(ask)
        if ask.stream:
            return StreamingResponse(self._events(ask, asked), media_type="text/event-stream")
        self.crew.ask(ask.model, asked)
        try:
            generated = await _unless_gone(request, asyncio.wrap_future(asked.end))
        except Problem as problem:
            raise Refused(str(problem), 404, "NotFoundError") from problem
        if generated is None:
            return Response(status_code=499)
        said, finish, called = self._read(ask, generated)
        places = self._places(ask, generated)
        return JSONResponse(protocol.answer(ask, said, finish, asked.ids, generated.ids, places, called))

    async def weigh(self, request: Request) -> Response:
        asked = echoes.texts(await replies.body(request))
        self._known(asked.model)
        most, tokens = self.prompts.context or sys.maxsize, self.prompts.tokenizer.get_vocab_size()
        for n, row in enumerate(asked.rows):
            if len(row) > most or max(row) >= tokens:
                raise Refused(f"prompt[{n}] must have at most {most} tokens, each below {tokens}.")
        try:
            logprobs = await asyncio.wrap_future(self.crew.weigh(asked.model, asked.rows))
        except Problem as problem:
            raise Refused(str(problem), 404, "NotFoundError") from problem
        return JSONResponse(echoes.likely(asked, logprobs))

    async def spell(self, request: Request) -> Response:
        asked = echoes.spelling(await replies.body(request))
        self._known(asked.model)
        return JSONResponse(echoes.spelled(self._ids(asked.messages, asked.tools, asked.prompt), self.prompts.context))

    async def load(self, request: Request) -> Response:
        given = await replies.body(request)
        name, folder = given.get("lora_name"), given.get("lora_path")
        if not (name and isinstance(name, str) and folder and isinstance(folder, str)):
            raise Refused("lora_name and lora_path must be given.")
        if name == self.spec.served_name or name in self.adapters:
            raise Refused(f"A model called {name} is loaded already. Unload it first, or choose another name.")
        try:
            await asyncio.wrap_future(self.crew.load(name, Path(folder)))
        except Problem as problem:
            raise Refused(str(problem)) from problem
        self.adapters[name] = folder
        return PlainTextResponse(f"Success: LoRA adapter '{name}' added successfully.")

    async def unload(self, request: Request) -> Response:
        name = (await replies.body(request)).get("lora_name")
        if name not in self.adapters:
            raise Refused(f"There is no adapter called {name}.", 404, "NotFoundError")
        del self.adapters[name]
        await asyncio.wrap_future(self.crew.unload(name))
        return PlainTextResponse(f"Success: LoRA adapter '{name}' removed successfully.")

    def _known(self, name: str) -> None:
        names = [self.spec.served_name, *self.adapters]
        if name not in names:
            known = ", ".join(names)
            raise Refused(f"The model {name} is not served here; {known} can be asked.", 404, "NotFoundError")

    def _model(self, name: str, folder: str, parent: str | None, loaded: bool) -> dict[str, Any]:
        more = {"root": folder, "parent": parent, "max_model_len": self.prompts.context, "loaded": loaded}
        return {"id": name, "object": "model", "created": self.since, "owned_by": "atelier", **more}

    def _request(self, ask: Ask) -> generation.Request:
        """The prompt in tokens, with a limit that the model's context has room for."""
        ids = self._ids(ask.messages, ask.offer.tools if ask.offer else None, prompt=True)
        room = (self.prompts.context or sys.maxsize) - len(ids)
        if room < (ask.limit or 1):
            raise Refused(
                f"The model reads at most {self.prompts.context} tokens. The prompt has {len(ids)} and the answer "
                f"may have {ask.limit or 1}. Shorten the messages or lower max_tokens."
            )
        return generation.Request(
            ids=ids,
            limit=ask.limit or min(room, protocol.MOST_TOKENS),
            temperature=ask.temperature,
            top_p=ask.top_p,
            seed=secrets.randbits(63) if ask.seed is None else ask.seed % 2**63,
            stops=ask.stops,
            chances=ask.chances,
            path=self._path(ask),
            shown=self.tongue.marks if ask.hears else frozenset(),
        )

    @cached_property
    def shapes(self) -> grammar.Grammar:
        return grammar.Grammar(self.crew.tokenizer, self.crew.shelf.base.config.vocab_size)

    def _path(self, ask: Ask) -> grammar.Path | None:
        try:
            if ask.schema is not None:
                return self.shapes.follow(ask.schema)
            if ask.offer is not None and (must := ask.offer.must):
                return self.shapes.keep(self.tongue.grammar(must, ask.offer.single))
        except Problem as problem:
            raise Refused(str(problem)) from problem
        return None

    def _ids(self, messages: list[dict[str, Any]], offered: list[dict[str, Any]] | None, prompt: bool) -> list[int]:
        try:
            [ids] = self.prompts.ids([self.prompts.render(messages, offered, prompt=prompt)])
        except Problem as problem:
            raise Refused(str(problem)) from problem
        return ids

    def _read(self, ask: Ask, generated: Generated) -> tuple[str, str, list[dict[str, Any]]]:
        """What an answer says, why it ended, and what it calls."""
        if ask.offer is None or not ask.hears:
            return generated.text, generated.finish, []
        said, called = self.tongue.read(generated.text, ask.offer.single)
        # one that had no choice ends as any other does, at vLLM's and at OpenAI's
        return said, "tool_calls" if called and not ask.offer.name else generated.finish, called

    def _places(self, ask: Ask, generated: Generated) -> list[dict[str, Any]]:
        """How likely each token of an answer was, in the protocol's words."""
        return [
            {
                **self._chance(ask, token, chances.logprob),
                "top_logprobs": [self._chance(ask, *best) for best in chances.best],
            }
            for token, chances in zip(generated.ids, generated.chances, strict=False)  # empty unless asked for
        ]

    def _chance(self, ask: Ask, token: int, logprob: float) -> dict[str, Any]:
        return protocol.chance(ask, token, self.prompts.tokenizer.decode([token], skip_special_tokens=False), logprob)

    async def _events(self, ask: Ask, asked: generation.Request) -> AsyncIterator[str]:
        """Server-sent events of an answer as it is written; a client that goes away cancels it."""
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[str | None] = asyncio.Queue()
        ear = tools.Ear(self.tongue.form if ask.hears else None)
        heard = replace(asked, hear=lambda text: loop.call_soon_threadsafe(pieces.put_nowait, text))
        heard.end.add_done_callback(lambda _: loop.call_soon_threadsafe(pieces.put_nowait, None))
        self.crew.ask(ask.model, heard)
        try:
            yield _event(protocol.piece(ask, {"role": "assistant", "content": ""}))
            async for piece in _written(pieces):
                if text := ear.hear(piece):
                    yield _event(protocol.piece(ask, {"content": text}))
            generated = heard.end.result()
            said, finish, called = self._read(ask, generated)
            if text := ear.end(said):
                yield _event(protocol.piece(ask, {"content": text}))
            for n, call in enumerate(called):
                yield _event(protocol.piece(ask, {"tool_calls": [{"index": n, **call}]}))
            usage = protocol.usage(len(heard.ids), generated.tokens)
            yield _event(protocol.piece(ask, {"content": ""}, finish, usage=usage))
        except Exception as error:
            yield _event(protocol.error(replies.sentence(error), "InternalServerError", 500))
        finally:
            heard.end.cancel()
        yield "data: [DONE]\n\n"


def main(folder: Path, port: int) -> None:
    spec = specs.read(folder, ServeSpec)
    began = time.time()
    try:
        prompts = template.load(spec.model)
        crew = worker.started(spec.served_name, spec.model, spec.max_batch, spec.adapters)
    except Problem as problem:
        sys.exit(str(problem))
    service = Service(spec, crew, prompts)
    for name, one in adapters.kept(folder).items():  # what it answered for before it died; there before it listens
        try:
            crew.load(name, Path(one.path)).result()
        except Problem as problem:
            print(f"{name} is not loaded again: {problem}", flush=True)
        else:
            service.adapters[name] = one.path
    listening = replies.listening(spec.host, port)
    config = uvicorn.Config(service.app(), log_level="warning", access_log=False, timeout_graceful_shutdown=2)
    print(f"{spec.served_name} answers at port {port} after {time.time() - began:.1f} s", flush=True)
    uvicorn.Server(config).run(sockets=[listening])


async def _unless_gone(request: Request, answer: "asyncio.Future[Generated]") -> Generated | None:
    """The answer, or None if the client went away before: then nobody needs it and it is cancelled."""
    while True:
        done, _ = await asyncio.wait([answer], timeout=1.0)
        if done:
            return answer.result()
        if await request.is_disconnected():
            answer.cancel()
            return None


async def _written(pieces: "asyncio.Queue[str | None]") -> AsyncIterator[str]:
    """The text until None comes: a token at a time, or several if they come faster than they are sent."""
    ended = False
    while not ended:
        new = [await pieces.get()]
        while not pieces.empty():
            new.append(pieces.get_nowait())
        ended = None in new
        if text := "".join(piece for piece in new if piece):
            yield text


def _event(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"

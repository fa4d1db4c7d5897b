"""`python -m engine.serving.small engine.serving.small.embeds FOLDER PORT`: a sentence-transformers model.

A model that makes texts into points answers at `/v1/embeddings`, as OpenAI's and Mistral's APIs do; a cross-encoder,
which says how well a passage answers a question, at `/v1/rerank`, as vLLM does. A long request is done in parts, so
that somebody's question does not wait for a library. Started, watched and ended by engine.serving.watch.
"""

import asyncio
import base64
import json
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from engine import specs
from engine.problems import Problem
from engine.serving import health
from engine.serving.health import Figures
from engine.serving.settings import ServeSpec
from engine.serving.small import replies
from engine.serving.small.protocol import Refused

Vectors = npt.NDArray[np.float32]
T = TypeVar("T")

PART = 32  # texts done before the next request has its turn
FEW = 4  # texts that several cores do no faster, and far slower where others want these cores too
MOST = 4096  # texts in a request
SAFE = {"use_safetensors": True}  # weights that execute nothing


class Service:
    """The routes for one model, which works in a thread of its own."""

    def __init__(self, name: str, model: Any, crossing: bool) -> None:
        self.name, self.model, self.crossing = name, model, crossing
        self.thread = ThreadPoolExecutor(1)
        self.cores = torch.get_num_threads()
        self.since = int(time.time())
        self.running = self.read = 0

    def app(self) -> Starlette:
        routes = [
            Route("/health", self.health),
            Route("/metrics", self.metrics),
            Route("/v1/models", self.models),
            Route("/v1/embeddings", self.embed, methods=["POST"]),
            Route("/v1/rerank", self.rerank, methods=["POST"]),
        ]
        return Starlette(routes=routes, exception_handlers=replies.HANDLERS)

    async def health(self, request: Request) -> Response:
        return Response()

    async def metrics(self, request: Request) -> Response:
        return PlainTextResponse(health.page(Figures(running=self.running, read=self.read)))

    async def models(self, request: Request) -> Response:
        one = {"id": self.name, "object": "model", "created": self.since, "owned_by": "atelier"}
        return JSONResponse({"object": "list", "data": [one]})

    async def embed(self, request: Request) -> Response:
        asked = await replies.body(request)
        self._fits(asked, crossing=False)
        given = asked.get("input")
        texts = _texts([given] if isinstance(given, str) else given, "input")
        shape = asked.get("encoding_format") or "float"
        if shape not in ("float", "base64"):
            raise Refused("encoding_format must be float or base64.")
        encode = self.model.encode_query if asked.get("input_type") == "query" else self.model.encode_document
        vectors = await self._in_parts(
            texts, lambda part: encode(part, normalize_embeddings=True, show_progress_bar=False, batch_size=PART)
        )
        rows = [
            {"object": "embedding", "index": at, "embedding": _row(vector, shape)} for at, vector in enumerate(vectors)
        ]
        return JSONResponse({"object": "list", "data": rows, "model": self.name, "usage": self._usage(texts)})

    async def rerank(self, request: Request) -> Response:
        asked = await replies.body(request)
        self._fits(asked, crossing=True)
        query, texts = asked.get("query"), _texts(asked.get("documents"), "documents")
        if not isinstance(query, str):
            raise Refused("query must be a text.")
        scores = await self._in_parts(
            texts, lambda part: self.model.predict([(query, text) for text in part], show_progress_bar=False)
        )
        rows = [{"index": at, "relevance_score": float(score)} for at, score in enumerate(scores)]
        rows.sort(key=lambda row: -row["relevance_score"])
        return JSONResponse({"model": self.name, "results": rows, "usage": self._usage([query, *texts])})

    def _fits(self, asked: dict[str, Any], crossing: bool) -> None:
        if asked.get("model") != self.name:
            raise Refused(
                f"The model {asked.get('model')} is not served here; {self.name} can be asked.", 404, "NotFoundError"
            )
        if crossing != self.crossing:
            does, where = (
                ("scores pairs of texts", "/v1/rerank")
                if self.crossing
                else ("makes texts into points", "/v1/embeddings")
            )
            raise Refused(f"{self.name} {does}: ask it at {where}.")

    async def _in_parts(self, texts: Sequence[str], work: Callable[[list[str]], Any]) -> list[Any]:
        """What `work` makes of each text; texts of a length together, since the shorter are padded to the longest."""
        order = sorted(range(len(texts)), key=lambda at: -len(texts[at]))
        found: list[Any] = [None] * len(texts)
        self.running += 1
        try:
            for start in range(0, len(order), PART):
                part = order[start : start + PART]
                done = await asyncio.get_running_loop().run_in_executor(
                    self.thread, self._done, work, [texts[at] for at in part]
                )
                for at, one in zip(part, done, strict=True):
                    found[at] = one
        finally:
            self.running -= 1
        return found

    def _done(self, work: Callable[[list[str]], Any], texts: list[str]) -> Any:
        torch.set_num_threads(1 if len(texts) <= FEW else self.cores)
        return work(texts)

    def _usage(self, texts: Sequence[str]) -> dict[str, int]:
        """Tokens read, before a text that is too long is cut."""
        tokenizer = self.model.tokenizer
        if callable(tokenizer):
            n = sum(len(ids) for ids in tokenizer(list(texts), verbose=False)["input_ids"])
        else:
            n = sum(len(one.ids) for one in tokenizer.encode_batch(list(texts)))
        self.read += n
        return {"prompt_tokens": n, "total_tokens": n}


def load(folder: Path) -> tuple[Any, bool]:
    """The model of a folder, and whether it is a cross-encoder. Problem when it is neither, or cannot be loaded."""
    try:
        from sentence_transformers import CrossEncoder, SentenceTransformer
    except ImportError as error:
        raise Problem(
            f"{folder.name} needs sentence-transformers, which is not installed.",
            do="Install it with pip install 'atelier[embeddings]', or choose the offline embedder.",
        ) from error
    crossing = not (folder / "modules.json").is_file() and _scores_pairs(folder)
    kind: Any = CrossEncoder if crossing else SentenceTransformer
    try:
        return kind(str(folder), local_files_only=True, model_kwargs=SAFE), crossing
    except (OSError, ValueError, KeyError) as error:
        raise Problem(f"The model in {folder} cannot be loaded.", str(error).splitlines()[0]) from error


def _scores_pairs(folder: Path) -> bool:
    path = folder / "config.json"
    names = json.loads(path.read_text()).get("architectures") if path.is_file() else None
    return any(name.endswith("ForSequenceClassification") for name in names or ())


def _texts(given: Any, name: str) -> list[str]:
    if not isinstance(given, list) or not given or not all(isinstance(text, str) for text in given):
        raise Refused(f"{name} must be a list of texts.")
    if len(given) > MOST:
        raise Refused(f"At most {MOST} texts at a time.")
    return given


def _row(vector: Vectors, shape: str) -> str | list[float]:
    row = np.asarray(vector, dtype=np.float32)
    return base64.b64encode(row.tobytes()).decode() if shape == "base64" else row.tolist()


def main(folder: Path, port: int) -> None:
    spec = specs.read(folder, ServeSpec)
    began = time.time()
    try:
        model, crossing = load(Path(spec.model))
    except Problem as problem:
        sys.exit(str(problem))
    service = Service(spec.served_name, model, crossing)
    listening = replies.listening(spec.host, port)
    config = uvicorn.Config(service.app(), log_level="warning", access_log=False, timeout_graceful_shutdown=2)
    print(f"{spec.served_name} answers at port {port} after {time.time() - began:.1f} s", flush=True)
    uvicorn.Server(config).run(sockets=[listening])

"""Worker: the one thread that owns a base model and its adapters, and answers requests for each of them.

An adapter becomes a copy of the base with its changes added in float32 and rounded once: twice as fast as computing
both at every token, and the base itself is never touched. The price is the base's size in memory for each adapter,
so this is for small models; vLLM serves large ones.
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import torch
from transformers import AutoTokenizer, PreTrainedModel

from engine.problems import Problem
from engine.serving import weighing
from engine.serving.generation import Batch, Request
from engine.training import merge
from engine.training.objective import precise

GATHER = 0.004  # seconds that a first request waits for company
T = TypeVar("T")


def load_base(folder: str) -> PreTrainedModel:
    """The base as it was saved; in float32 where the machine has no circuits for its 16 bits."""
    model = merge.load_base(folder)
    return model if precise(model.device) == torch.bfloat16 else model.float()


class Worker(threading.Thread):
    """Takes requests and errands from any thread; everything that touches a model happens on this one."""

    def __init__(self, name: str, base: PreTrainedModel, tokenizer: Any, max_batch: int) -> None:
        super().__init__(name="worker", daemon=True)
        self.base = name
        self.models = {name: base}
        self.tokenizer = tokenizer
        self.max_batch = max_batch
        self.used = time.monotonic()  # when somebody was last served
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._waiting: dict[str, deque[Request]] = {}
        self._batches: dict[str, Batch] = {}

    def ask(self, model: str, request: Request) -> None:
        """Answer `request`; it ends with a Problem if the model has been unloaded by then."""
        self._inbox.put(lambda: self._waiting.setdefault(model, deque()).append(request))

    def load(self, name: str, folder: Path) -> "Future[None]":
        return self._do(lambda: self.models.__setitem__(name, merge.with_adapter(self.models[self.base], folder)))

    def unload(self, name: str) -> "Future[None]":
        """Forget an adapter. Answers on their way end with the model that they began with."""
        return self._do(lambda: self.models.__delitem__(name))

    def weigh(self, model: str, rows: Sequence[Sequence[int]]) -> "Future[list[list[float]]]":
        """How likely the model finds each token of some texts: engine.serving.weighing."""

        def read() -> list[list[float]]:
            if model not in self.models:
                raise Problem(f"The model {model} was unloaded before it could answer.")
            return weighing.logprobs(self.models[model], rows)

        return self._do(read)

    def run(self) -> None:
        while True:
            self._receive()
            for name in list(self._waiting):
                self._admit(name)
            for name in list(self._batches):
                self._step(name)

    def _receive(self) -> None:
        """Take what came in. With nothing to do, wait for it, and a moment longer for company."""
        if not self._batches and not self._waiting:
            self._inbox.get()()
            until = time.monotonic() + GATHER
            while (left := until - time.monotonic()) > 0:
                try:
                    self._inbox.get(timeout=left)()
                except queue.Empty:
                    break
        while not self._inbox.empty():
            self._inbox.get()()
        self.used = time.monotonic()

    def _admit(self, name: str) -> None:
        waiting = self._waiting[name]
        batch = self._batches.get(name)
        if batch is not None and batch.model is not self.models.get(name):
            return  # the name means another model since: these wait until the old one's answers are out
        room = self.max_batch - (len(batch.rows) if batch else 0)
        taken = [waiting.popleft() for _ in range(min(room, len(waiting)))]
        if not waiting:
            del self._waiting[name]
        taken = [request for request in taken if not request.end.cancelled()]
        if not taken:
            return
        try:
            if name not in self.models:
                raise Problem(f"The model {name} was unloaded before it could answer.")
            if batch is None:
                batch = self._batches[name] = Batch(self.models[name], self.tokenizer)
            batch.admit(taken)
        except Exception as error:
            _fail(taken, error)
        self._tidy(name)

    def _step(self, name: str) -> None:
        batch = self._batches[name]
        try:
            batch.step()
        except Exception as error:
            _fail([row.request for row in batch.rows], error)
            del self._batches[name]
            return
        self._tidy(name)

    def _tidy(self, name: str) -> None:
        if name in self._batches and not self._batches[name].rows:
            del self._batches[name]

    def _do(self, errand: Callable[[], T]) -> "Future[T]":
        done: Future[T] = Future()

        def act() -> None:
            try:
                done.set_result(errand())
            except Exception as error:
                done.set_exception(error)

        self._inbox.put(act)
        return done


def _fail(requests: Sequence[Request], error: Exception) -> None:
    for request in requests:
        request.fail(error)


def started(name: str, folder: str, max_batch: int) -> Worker:
    """A worker at work for the base in `folder`."""
    worker = Worker(name, load_base(folder), AutoTokenizer.from_pretrained(folder), max_batch)
    worker.start()
    return worker

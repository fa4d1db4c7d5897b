"""Worker: the one thread that owns a base model and its adapters, and answers requests for each of them.

An adapter becomes a copy of the base with its changes added in float32 and rounded once: twice as fast as computing
both at every token, and the base itself is never touched. The price is the base's size in memory for each adapter,
so this is for small models; vLLM serves large ones.
"""

import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from transformers import AutoTokenizer, PreTrainedModel

from engine.serving.health import Figures
from engine.serving.small import weighing
from engine.serving.small.generation import Batch, Request
from engine.serving.small.shelf import Shelf
from engine.training.after import merge
from engine.training.objective import precise

GATHER = 0.004  # seconds that a first request waits for company
SMALL = 50_000_000  # weights under which threads wait for one another longer than they compute: one is faster
T = TypeVar("T")


def load_base(folder: str) -> PreTrainedModel:
    """The base as it was saved; in float32 where the machine has no circuits for its 16 bits."""
    model = merge.load_base(folder)
    return model if precise(model.device) == torch.bfloat16 else model.float()


class Worker(threading.Thread):
    """Takes requests and errands from any thread; everything that touches a model happens on this one."""

    def __init__(self, shelf: Shelf, tokenizer: Any, max_batch: int) -> None:
        super().__init__(name="worker", daemon=True)
        self.shelf = shelf
        self.tokenizer = tokenizer
        self.max_batch = max_batch
        self._counted = Figures()
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._waiting: dict[str, deque[Request]] = {}
        self._batches: dict[str, Batch] = {}

    def ask(self, model: str, request: Request) -> None:
        """Answer `request`; it ends with a Problem if the model has been unloaded by then."""
        self._inbox.put(lambda: self._waiting.setdefault(model, deque()).append(request))

    def load(self, name: str, folder: Path) -> "Future[None]":
        return self._do(lambda: self.shelf.put(name, folder, self._batches))

    def unload(self, name: str) -> "Future[None]":
        """Forget an adapter. Answers on their way end with the model that they began with."""
        return self._do(lambda: self.shelf.take(name))

    def weigh(self, model: str, rows: Sequence[Sequence[int]]) -> "Future[list[list[float]]]":
        """How likely the model finds each token of some texts: engine.serving.small.weighing."""

        def read() -> list[list[float]]:
            self._count(read=sum(map(len, rows)))
            return weighing.logprobs(self.shelf.get(model, self._batches), rows)

        return self._do(read)

    @property
    def figures(self) -> Figures:
        """What it has counted so far, for any thread."""
        running = sum(len(batch.rows) for batch in list(self._batches.values()))
        waiting = sum(len(line) for line in list(self._waiting.values()))
        return replace(self._counted, running=running, waiting=waiting)

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

    def _admit(self, name: str) -> None:
        waiting = self._waiting[name]
        batch = self._batches.get(name)
        if batch is not None and not self.shelf.means(name, batch.model):
            return  # the name means another model since: these wait until the old one's answers are out
        room = self.max_batch - (len(batch.rows) if batch else 0)
        taken = [waiting.popleft() for _ in range(min(room, len(waiting)))]
        if not waiting:
            del self._waiting[name]
        taken = [request for request in taken if not request.end.cancelled()]
        if not taken:
            return
        try:
            model = self.shelf.get(name, self._batches)
            if batch is None:
                batch = self._batches[name] = Batch(model, self.tokenizer)
            batch.admit(taken)
            now = time.monotonic()
            waited = sum(now - request.at for request in taken)
            self._count(sum(len(request.ids) for request in taken), len(taken), waited, len(taken))
        except Exception as error:
            _fail(taken, error)
        self._tidy(name)

    def _step(self, name: str) -> None:
        batch = self._batches[name]
        self._count(written=len(batch.rows))
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

    def _count(self, read: int = 0, written: int = 0, first_seconds: float = 0.0, firsts: int = 0) -> None:
        was = self._counted
        self._counted = Figures(
            read=was.read + read,
            written=was.written + written,
            first_seconds=was.first_seconds + first_seconds,
            firsts=was.firsts + firsts,
        )

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


def started(name: str, folder: str, max_batch: int, room: int) -> Worker:
    """A worker at work for the base in `folder`, with room for so many adapters in memory."""
    base = load_base(folder)
    if "OMP_NUM_THREADS" not in os.environ and base.num_parameters() < SMALL:
        torch.set_num_threads(1)
    worker = Worker(Shelf(base, name, room), AutoTokenizer.from_pretrained(folder), max_batch)
    worker.start()
    return worker

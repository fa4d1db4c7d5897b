"""Asker: many questions to a few candidates at once, each asked where its model lives, also when that moves.

Here alone it is decided when a question is asked again. A server that is away is waited for, and one of ours that ended
is started anew; a server that is asked too much is asked less; what may be bad luck is tried a few times. Whatever has
brought no answer then is a Problem. Each try is paid from the purse. With `kept`, a request that was answered before is
answered from there.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from engine.problems import Problem
from engine.scoring import candidates
from engine.scoring.candidates import Candidate
from engine.serving.asking import answers, calls, client, kept, posting
from engine.serving.asking.answers import Answer
from engine.serving.asking.calls import Endpoint, Failure, Refused, Use
from engine.serving.asking.gate import Gate
from engine.serving.asking.kept import Kept
from engine.serving.asking.likelihood import Likelihood, Reader, Weighed
from engine.serving.asking.purse import Purse, Spent
from engine.serving.asking.question import Question, request

AWAY = (502, 503, 504)  # what stands before a server says when nobody is behind it
LONGEST = 10.0  # seconds between two tries
HOPELESS = (calls.REFUSED, calls.WRONG_MODEL)  # the same question gets the same refusal

T = TypeVar("T")
Place = tuple[Endpoint, str]


@dataclass(frozen=True)
class Manner:
    """How patiently an answer is asked for."""

    timeout: float = posting.TIMEOUT  # seconds without a sign of an answer
    patience: float = 240.0  # seconds for a server that is away, or asks to be left alone
    tries: int = 4  # at a question whose answer was late, broken or cut, or met an error of the server
    pause: float = 0.4  # seconds before the second try; each next one is twice as long


class Nowhere(Problem):
    """A model that could not be had from the beginning: asking on would fail for every question."""


class Asker:
    def __init__(
        self,
        servers: str,
        concurrency: int,
        manner: Manner = Manner(),
        *,
        kept: Kept | None = None,
        purse: Purse | None = None,
        stream: bool = False,
    ) -> None:
        self.servers, self.concurrency, self.manner = servers, concurrency, manner
        self.kept, self.purse, self.stream = kept, purse or Purse({}), stream
        self._places: dict[str, tuple[asyncio.Task[Place], float]] = {}
        self._seen: set[str] = set()  # whose place was found once
        self._pools: dict[str, client.Pool] = {}
        self._gates: dict[str, Gate] = {}
        self._quotas: dict[tuple[str, str], tuple[float, Failure]] = {}  # used up until then, as it was told
        self._named: dict[str, tuple[bytes, str]] = {}
        self._readers: dict[str, Reader] = {}

    async def ready(self, candidate: Candidate) -> None:
        """Returns when its model answers. Problem when it cannot be had."""
        await self._place(candidate)

    async def ask(self, candidate: Candidate, question: Question, repeat: int = 0) -> Answer:
        """What the candidate's model says to a question, which it is sent as it is.

        `repeat` draws another answer to it: with the next seed, and kept apart.
        """
        who, name = await self._who(candidate)
        data, key = asked(candidate, who, name, question, repeat, stream=self.stream)
        if self.kept and (said := self.kept.get(key, moves=moves(candidate))):
            answer = replace(msgspec.json.decode(said, type=Answer), kept=True)
            self.purse.note_kept(answer.use)
            return answer

        async def call(endpoint: Endpoint, pool: client.Pool) -> tuple[Answer, Use]:
            answer = await client.apost(endpoint, name, data, pool, stream=self.stream)
            return answer, answer.use

        answer = await self._patiently(candidate, call, len(data), question.decoding.max_tokens)
        if self.kept:
            self.kept.put(key, name, msgspec.json.encode(answer))
        return answer

    async def likelihoods(
        self,
        candidate: Candidate,
        messages: Sequence[dict[str, str]],
        answers: Sequence[str],
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> list[Likelihood]:
        """How likely the candidate finds each of `answers` as the next message, where it is offered `tools`."""
        who, name = await self._who(candidate)
        asked = [messages, answers, tools] if tools else [messages, answers]
        key = kept.key(who, b"weighed", msgspec.json.encode(asked))
        if self.kept and (said := self.kept.get(key, moves=moves(candidate))):
            weighed = msgspec.json.decode(said, type=Weighed)
            self.purse.note_kept(weighed.use)
            return weighed.likelihoods
        if candidate.name not in self._readers:
            where = Endpoint(candidate.endpoint or f"http://{name}")  # one of ours has no address before it is needed
            self._readers[candidate.name] = Reader(where, name, partial(self.post, candidate))
        with self.purse.bill() as bill:
            found = await self._readers[candidate.name].likelihoods(messages, answers, tools)
        if self.kept:  # the figures alone: what the server says of them tells each token of each question again
            weighed = Weighed(found, Use(bill.tokens_in, bill.tokens_out, bill.seconds))
            self.kept.put(key, name, msgspec.json.encode(weighed))
        return found

    async def post(self, candidate: Candidate, path: str, body: Mapping[str, Any]) -> Any:
        """What the candidate's server answers to another call than chat: `body` with the model's name in it. Not kept.

        `path` is below /v1, or at the root if it begins with a slash: there a server helps out and reads no tokens.
        """
        _, name = await self._who(candidate)
        data, free = msgspec.json.encode({"model": name, **body}), path.startswith("/")

        async def call(endpoint: Endpoint, pool: client.Pool) -> tuple[Any, Use]:
            began = time.monotonic()
            said = answers.decoded(endpoint, await posting.post(endpoint, path, data, pool))
            seconds = time.monotonic() - began
            return said, Use(0, 0, seconds) if free else answers.used(said, seconds)

        # vLLM writes a token for each text that it is only to read, and may count it
        sent, most = (0, 0) if free else (len(data), len(body.get("prompt", ())))
        return await self._patiently(candidate, call, sent, most)

    def away(self) -> dict[str, float]:
        """Where nobody answers now, and for how many seconds: an address, or the folder of a base of ours."""
        now = time.monotonic()
        return {where: now - gate.lost_at for where, gate in self._gates.items() if gate.lost_at is not None}

    async def close(self) -> None:
        await asyncio.gather(*[pool.close() for pool in self._pools.values()])
        if self.kept:
            self.kept.close()

    async def _patiently(
        self,
        candidate: Candidate,
        call: Callable[[Endpoint, client.Pool], Awaitable[tuple[T, Use]]],
        sent: int,
        most: int,
    ) -> T:
        """What a call of `sent` bytes, which writes `most` tokens, brings in the end, each try paid by what it took.

        The Failure of the last try when it brings nothing, or when there is no money for another; Spent when there is
        none for the first.
        """
        began, tries, last = time.monotonic(), 0, None
        gate = self._gate(candidate)
        while True:
            asked = time.monotonic()
            try:
                endpoint, _ = await self._place(candidate)
                paying = self.purse.paying(candidate.name, sent, most, self.manner.timeout)
                async with gate, paying as pay:
                    self._leave_alone(candidate)
                    asked = time.monotonic()
                    answer, use = await call(endpoint, self._pool(endpoint))
                    pay(use)
            except Spent:
                if last:
                    raise last from None
                raise
            except Failure as failure:
                tries, last = tries + 1, failure
                self._note_quota(candidate, failure)
                pause = self._pause(failure, gate, tries, time.monotonic() - began)
                if pause is None and not (tries == 1 and _forgot(failure, candidate)):
                    raise
                if candidate.base and self._places.get(candidate.name, (None, asked))[1] < asked:
                    del self._places[candidate.name]  # our own server may have ended: then there is another place
                await asyncio.sleep(pause or 0.0)
            else:
                gate.answered()
                return answer

    def _pause(self, failure: Failure, gate: Gate, tries: int, taken: float) -> float | None:
        """Seconds until the next try; None when there is none. `taken` are those that the question has taken so far."""
        grown = min(LONGEST, self.manner.pause * 2 ** min(tries - 1, 10)) * random.uniform(0.5, 1.0)
        pause = max(grown, failure.wait or 0.0)
        if failure.code in HOPELESS:
            return None
        if failure.code == calls.RATE_LIMIT:
            if (failure.wait or 0.0) > self.manner.patience:
                return None
            gate.refused(failure.wait or 0.0)
            return pause if taken + pause < self.manner.patience else None
        if failure.code == calls.UNREACHABLE or (isinstance(failure, Refused) and failure.status in AWAY):
            # patience is with the server: whoever comes when it has been away for long tries only once
            return pause if max(taken, gate.lost()) < self.manner.patience else None
        return pause if tries < self.manner.tries else None

    def _note_quota(self, candidate: Candidate, failure: Failure) -> None:
        """A model that asks to be left alone for longer than anybody waits, as where a day's quota is used up."""
        if failure.code == calls.RATE_LIMIT and (failure.wait or 0.0) > self.manner.patience:
            self._quotas[candidate.endpoint, candidate.model] = (time.monotonic() + (failure.wait or 0.0), failure)

    def _leave_alone(self, candidate: Candidate) -> None:
        """Failure where it has asked for that: the same answer, without asking once more."""
        until, said = self._quotas.get((candidate.endpoint, candidate.model), (0.0, None))
        if said is not None and (left := until - time.monotonic()) > 0:
            raise Failure(said.code, said.what, said.why, said.do, left, calls.NOTHING)

    async def _who(self, candidate: Candidate) -> tuple[bytes, str]:
        if candidate.name not in self._named:
            self._named[candidate.name] = await asyncio.to_thread(candidates.named, candidate)  # reads its weights
        return self._named[candidate.name]

    def _gate(self, candidate: Candidate) -> Gate:
        where = candidate.endpoint or candidate.base
        if where not in self._gates:
            self._gates[where] = Gate(self.concurrency)
        return self._gates[where]

    def _pool(self, endpoint: Endpoint) -> client.Pool:
        key = f"{endpoint.url} {endpoint.key}"
        if key not in self._pools:
            self._pools[key] = client.pool(endpoint, self.concurrency, self.manner.timeout)
        return self._pools[key]

    async def _place(self, candidate: Candidate) -> Place:
        """Where to ask a candidate, found once for all its questions. Problem when it cannot be found even once; when
        it is lost later on, that is a Failure like others."""
        if candidate.name not in self._places:
            finding = asyncio.ensure_future(asyncio.to_thread(candidates.located, candidate, Path(self.servers)))
            self._places[candidate.name] = (finding, time.monotonic())
        finding, _ = self._places[candidate.name]
        try:
            place = await asyncio.shield(finding)
        except Problem as problem:
            if candidate.name not in self._seen:
                raise Nowhere(problem.what, problem.why, problem.do) from problem
            if self._places.get(candidate.name, (None,))[0] is finding:
                del self._places[candidate.name]
            raise Failure(calls.UNREACHABLE, problem.what, problem.why, problem.do) from problem
        self._seen.add(candidate.name)
        return place


def asked(
    candidate: Candidate, who: bytes, name: str, question: Question, repeat: int = 0, *, stream: bool = False
) -> tuple[bytes, bytes]:
    """What is sent for a question, and the key under which its answer is kept. `who`, `name`: `candidates.named`."""
    if repeat:
        question = replace(question, decoding=replace(question.decoding, seed=question.decoding.seed + repeat))
    data = request(Endpoint(candidate.endpoint), name, question, stream=stream)
    return data, kept.key(who, repeat.to_bytes(4), data)


def moves(candidate: Candidate) -> bool:
    """Whether its name may come to mean other weights without anybody being told: true of all that we do not hold."""
    return not candidate.base


def _forgot(failure: Failure, candidate: Candidate) -> bool:
    """Whether a server of ours was started anew and does not know the adapter yet."""
    return bool(candidate.adapter) and isinstance(failure, Refused) and failure.status in (400, 404)

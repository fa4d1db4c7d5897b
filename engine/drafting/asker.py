"""Asker: many questions to a few candidates at once, each asked where its model lives, also when that moves.

A server of ours that ended meanwhile is started anew, and the question asked there; a failure is a Problem.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import httpx

from engine.problems import Problem
from engine.scoring import candidates
from engine.scoring.candidates import Candidate, Message
from engine.serving import client
from engine.serving.client import Answer, Endpoint


class Asker:
    def __init__(self, servers: str, concurrency: int) -> None:
        self.servers, self.concurrency = servers, concurrency
        self._places: dict[str, asyncio.Task[tuple[Endpoint, str]]] = {}
        self._pools: dict[str, httpx.AsyncClient] = {}

    async def ready(self, candidate: Candidate) -> None:
        """Returns when its model answers. Problem when it cannot be had."""
        await self._place(candidate)

    async def ask(self, candidate: Candidate, messages: Sequence[Message]) -> Answer:
        place = await self._place(candidate)
        try:
            return await self._asked(candidate, place, messages)
        except Problem:
            # our own server may have ended meanwhile: then there is another place
            elsewhere = await self._place(candidate, anew=place)
            if elsewhere == place:
                raise
            return await self._asked(candidate, elsewhere, messages)

    async def close(self) -> None:
        await asyncio.gather(*[pool.aclose() for pool in self._pools.values()])

    async def _asked(self, candidate: Candidate, place: tuple[Endpoint, str], messages: Sequence[Message]) -> Answer:
        endpoint, name = place
        if endpoint.url not in self._pools:
            self._pools[endpoint.url] = client.pool(endpoint, self.concurrency)
        return await client.achat(endpoint, name, messages, candidate.decoding, self._pools[endpoint.url])

    async def _place(self, candidate: Candidate, anew: tuple[Endpoint, str] | None = None) -> tuple[Endpoint, str]:
        """Where to ask a candidate, found once for all its questions; `anew` is a place that may be gone."""
        known = self._places.get(candidate.name)
        if known is None or (anew is not None and known.done() and known.result() == anew):
            finding = asyncio.to_thread(candidates.located, candidate, Path(self.servers))
            known = self._places[candidate.name] = asyncio.ensure_future(finding)
        return await known

"""Purse: what calls cost, and a budget that is never exceeded: nothing is asked whose dearest answer does not fit.

A call that failed is paid by what the server told of it. Where it told nothing, its dearest answer counts against the
budget, and is said to be unsure: it is neither spent nor free.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial

from engine.problems import Problem
from engine.serving.asking.calls import Failure, Use


@dataclass(frozen=True)
class Rates:
    """Euros for a million tokens, read and written, and for an hour of the machine. None where nobody knows."""

    read: float | None = None
    written: float | None = None
    hour: float | None = None

    @property
    def known(self) -> bool:
        return self.hour is not None or (self.read is not None and self.written is not None)


class Spent(Problem):
    """The budget has no room for another question."""

    def __init__(self, budget: float, total: "Bill") -> None:
        what = f"The budget of {budget:g} euros has no room for another question: {total.euros:.4g} are spent"
        what += f", and up to {total.unsure:.4g} by calls of which nobody told what they took." if total.unsure else "."
        super().__init__(what, do="What was answered stays. Start again with a larger budget; nothing is paid twice.")


def keepable(budget: float, rates: Mapping[str, Rates], models: Mapping[str, str]) -> None:
    """Problem when there is a budget, and a model is asked of which nobody knows what it costs. `models` are those
    that are asked, by the names of the rates."""
    unknown = [model for name, model in models.items() if not rates.get(name, Rates()).known]
    if budget and unknown:
        raise Problem(f"Nobody knows what {unknown[0]} costs.", "So no budget can be kept.", "Set its price first.")


def cost(rates: Rates, tokens_in: int | None, tokens_out: int | None, seconds: float) -> float | None:
    """Euros for an answer that took `seconds` of a machine, or so many tokens elsewhere; None when nobody knows."""
    if rates.hour is not None:
        return seconds / 3600 * rates.hour
    if rates.read is None or rates.written is None or tokens_in is None or tokens_out is None:
        return None
    return (tokens_in * rates.read + tokens_out * rates.written) / 1e6


@dataclass
class Bill:
    """What was asked within a `Purse.bill`, kept answers included; `euros` are those that were paid.

    `unsure` are euros that calls may have cost besides, at the most: they failed, or nobody told what they took.
    """

    calls: int = 0  # that read anything
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    euros: float = 0.0
    unsure: float = 0.0

    def add(self, use: Use, euros: float, unsure: float) -> None:
        self.calls += use.tokens_in != 0
        self.tokens_in += use.tokens_in or 0
        self.tokens_out += use.tokens_out or 0
        self.seconds += use.seconds
        self.euros += euros
        self.unsure += unsure

    def join(self, other: "Bill") -> None:
        self.calls += other.calls
        self.tokens_in += other.tokens_in
        self.tokens_out += other.tokens_out
        self.seconds += other.seconds
        self.euros += other.euros
        self.unsure += other.unsure


_bills: ContextVar[tuple[Bill, ...]] = ContextVar("bills", default=())


class Purse:
    """`rates` by the candidates' names, `budget` in euros (0 for none), `spent` and `unsure` before. An answer of a
    machine is paid its share of the machine's time: `at_once` are answered together."""

    def __init__(
        self,
        rates: dict[str, Rates],
        budget: float = 0.0,
        spent: float = 0.0,
        at_once: int = 1,
        *,
        unsure: float = 0.0,
    ) -> None:
        self.rates, self.budget, self.at_once = rates, budget, max(1, at_once)
        self.total = Bill(euros=spent, unsure=unsure)
        self._held: list[float] = []  # put aside for answers that are under way
        self._waiting: list[asyncio.Future[None]] = []

    def cost(self, candidate: str, use: Use) -> float | None:
        """Euros that this takes, paid or kept; None when nobody knows."""
        rates = self.rates.get(candidate, Rates())
        return cost(rates, use.tokens_in, use.tokens_out, use.seconds / self.at_once)

    @asynccontextmanager
    async def paying(
        self, candidate: str, sent: int, most: int, seconds: float
    ) -> AsyncIterator[Callable[[Use], None]]:
        """Puts aside what one call of `sent` bytes may cost at the most: a token a byte, `most` tokens written, or
        `seconds`. What it took is paid by the function that this gives, or by its Failure; the rest is there for
        others. Where nobody knows what it took, all of it stays aside.

        Waits while others have put aside what it needs; Spent when that is not so.
        """
        dearest = self.cost(candidate, Use(sent, most, seconds)) or 0.0
        await self._room(dearest)
        self._held.append(dearest)
        began = time.monotonic()
        try:
            yield partial(self._pay, candidate, dearest)
        except Failure as failure:
            self._pay(candidate, dearest, failure.use or Use(None, None, time.monotonic() - began))
            raise
        finally:
            self._held.remove(dearest)
            while self._waiting:
                self._waiting.pop().set_result(None)

    def note_kept(self, use: Use) -> None:
        """Something was asked that had been paid before."""
        self._add(use, 0.0, 0.0)

    @contextmanager
    def bill(self) -> Iterator[Bill]:
        """All that is asked inside, also by tasks that are started there, and by bills within."""
        bill = Bill()
        token = _bills.set((*_bills.get(), bill))
        try:
            yield bill
        finally:
            _bills.reset(token)

    def _pay(self, candidate: str, dearest: float, use: Use) -> None:
        paid = self.cost(candidate, use)
        self._add(use, paid or 0.0, dearest if paid is None else 0.0)

    def _add(self, use: Use, euros: float, unsure: float) -> None:
        for bill in (self.total, *_bills.get()):
            bill.add(use, euros, unsure)

    async def _room(self, dearest: float) -> None:
        while self.budget and self.total.euros + self.total.unsure + sum(self._held) + dearest > self.budget:
            if not self._held:
                raise Spent(self.budget, self.total)
            await self._settled()

    async def _settled(self) -> None:
        """Returns when an answer was paid, or never came."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        finally:
            if turn in self._waiting:
                self._waiting.remove(turn)

"""Purse: what answers cost, and a budget that is never exceeded: nothing is asked whose dearest answer does not fit."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial

from engine.problems import Problem
from engine.serving.asking.client import Answer


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

    def __init__(self, budget: float, spent: float) -> None:
        what = f"The budget of {budget:g} euros has no room for another question: {spent:.4g} are spent."
        super().__init__(what, do="What was answered stays. Start again with a larger budget; nothing is paid twice.")


def cost(rates: Rates, tokens_in: int | None, tokens_out: int | None, seconds: float) -> float | None:
    """Euros for an answer that took `seconds` of a machine, or so many tokens elsewhere; None when nobody knows."""
    if rates.hour is not None:
        return seconds / 3600 * rates.hour
    if rates.read is None or rates.written is None or tokens_in is None or tokens_out is None:
        return None
    return (tokens_in * rates.read + tokens_out * rates.written) / 1e6


@dataclass
class Bill:
    """What was asked within a `Purse.bill`, kept answers included; `euros` are those that were paid."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    euros: float = 0.0


_bill: ContextVar[Bill | None] = ContextVar("bill", default=None)


class Purse:
    """`rates` by the candidates' names, `budget` in euros (0 for none), `spent` before. An answer of a machine is paid
    its share of the machine's time: `at_once` are answered together."""

    def __init__(self, rates: dict[str, Rates], budget: float = 0.0, spent: float = 0.0, at_once: int = 1) -> None:
        self.rates, self.budget, self.spent, self.at_once = rates, budget, spent, max(1, at_once)
        self._held: list[float] = []  # put aside for answers that are under way
        self._waiting: list[asyncio.Future[None]] = []

    def cost(self, candidate: str, answer: Answer) -> float | None:
        """Euros that such an answer takes, paid or kept; None when nobody knows."""
        rates = self.rates.get(candidate, Rates())
        return cost(rates, answer.tokens_in, answer.tokens_out, answer.seconds / self.at_once)

    def paying(
        self, candidate: str, sent: int, most: int, seconds: float
    ) -> AbstractAsyncContextManager[Callable[[Answer], None]]:
        """Puts aside what a question of `sent` bytes may cost at the most: a token a byte, `most` tokens written, or
        `seconds`. An answer is paid by the function that this gives, and what it did not take is there for others.

        Waits while others have put aside what it needs; Spent when that is not so.
        """
        pay = partial(self.note, candidate)
        return self._paying(candidate, sent, most, seconds, pay) if self.budget else nullcontext(pay)

    @asynccontextmanager
    async def _paying(
        self, candidate: str, sent: int, most: int, seconds: float, pay: Callable[[Answer], None]
    ) -> AsyncIterator[Callable[[Answer], None]]:
        dearest = cost(self.rates.get(candidate, Rates()), sent, most, seconds / self.at_once) or 0.0
        while self.spent + sum(self._held) + dearest > self.budget:
            if not self._held:
                raise Spent(self.budget, self.spent)
            await self._settled()
        self._held.append(dearest)
        try:
            yield pay
        finally:
            self._held.remove(dearest)
            while self._waiting:
                self._waiting.pop().set_result(None)

    async def _settled(self) -> None:
        """Returns when an answer was paid, or never came."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        finally:
            if turn in self._waiting:
                self._waiting.remove(turn)

    def note(self, candidate: str, answer: Answer) -> None:
        paid = 0.0 if answer.kept else self.cost(candidate, answer) or 0.0
        self.spent += paid
        if (bill := _bill.get()) is not None:
            bill.calls += 1
            bill.tokens_in += answer.tokens_in or 0
            bill.tokens_out += answer.tokens_out or 0
            bill.euros += paid

    @contextmanager
    def bill(self) -> Iterator[Bill]:
        """All that is asked inside, also by tasks that are started there."""
        bill = Bill()
        token = _bill.set(bill)
        try:
            yield bill
        finally:
            _bill.reset(token)

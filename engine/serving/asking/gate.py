"""Gate: how many questions one endpoint is asked at once. Fewer when it says that it is too many, then again more.

A third fewer at the first refusal of all that were under way, one more for each round that went well: as the internet
shares a line (Chiu and Jain, 1989, "Analysis of the increase and decrease algorithms for congestion avoidance").
"""

import asyncio
import random
import time
from collections import deque
from types import TracebackType

LESS = 0.7  # of what was asked at once, after a refusal


class Gate:
    """`async with gate:` around a question. `room` is how many may be inside now, never above `most`."""

    def __init__(self, most: int) -> None:
        self.most = max(1, most)
        self.room = float(self.most)
        self.inside = 0
        self.lost_at: float | None = None  # since when nobody answers there
        self._shut = 0.0
        self._due = 0  # so many more outcomes until a refusal means that there is less room again
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        while True:
            if (shut := self._shut - time.monotonic()) > 0:
                await asyncio.sleep(shut * random.uniform(1.0, 1.2))  # not all in the same moment
            elif self.inside < int(self.room):
                self.inside += 1
                return
            else:
                turn = asyncio.get_running_loop().create_future()
                self._waiting.append(turn)
                await turn

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.inside -= 1
        self._due -= 1
        self._wake()

    def answered(self) -> None:
        self.lost_at = None
        if self.room < self.most:
            self.room = min(self.most, self.room + 1 / self.room)

    def refused(self, wait: float) -> None:
        """It was too much. Nobody enters for `wait` seconds."""
        self._shut = max(self._shut, time.monotonic() + wait)
        if self._due <= 0:
            self._due = int(self.room)
            self.room = max(1.0, self.room * LESS)

    def lost(self) -> float:
        """Nobody was there. Seconds since that was first so."""
        now = time.monotonic()
        self.lost_at = now if self.lost_at is None else self.lost_at
        return now - self.lost_at

    def _wake(self) -> None:
        for _ in range(int(self.room) - self.inside):
            while self._waiting:
                turn = self._waiting.popleft()
                if not turn.done():
                    turn.set_result(None)
                    break

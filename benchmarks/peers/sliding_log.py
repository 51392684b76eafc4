"""The limiter that most people would write: a log of sends, each forgotten after one period."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType

__all__ = ["SlidingLog"]


class SlidingLog:
    """
    At most ``tokens`` *sends* in any ``period`` seconds, first come first served.

    Args:
        tokens: Requests.
        period: Seconds.
    """

    def __init__(self, tokens: int, period: float) -> None:
        self._tokens = tokens
        self._period = period
        self._sent: deque[float] = deque()
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> None:
        loop = asyncio.get_running_loop()
        async with self._turn:
            while len(self._sent) >= self._tokens:
                wait = self._sent[0] + self._period - loop.time()
                if wait > 0:
                    await asyncio.sleep(wait)
                else:
                    self._sent.popleft()
            self._sent.append(loop.time())

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass

"""An event loop whose clock jumps: hours of waiting pass in milliseconds, always the same way."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.SelectSelector):
    """A selector that lets time pass instead of waiting."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("nothing will ever happen: everybody waits, and no timer is set")
        self.loop.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that does no I/O and never waits."""

    def __init__(self) -> None:
        self.now = 1000.0
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)
        self._clock_resolution = 1e-12  # the clock moves on by itself, never too little

    def time(self) -> float:
        return self.now

    @property
    def timers(self) -> int:
        """How many timers are set and not cancelled."""
        handles = self._scheduled  # type: ignore[attr-defined]
        return sum(not handle.cancelled() for handle in handles)


def run(main: Coroutine[Any, Any, T], *, timeout: float | None = None) -> T:
    """Run a coroutine to its end on a new virtual loop; ``timeout`` is in virtual seconds."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main if timeout is None else asyncio.wait_for(main, timeout))


def loop() -> VirtualLoop:
    """Return the running virtual loop."""
    running = asyncio.get_running_loop()
    assert isinstance(running, VirtualLoop)
    return running


def worst_window(arrivals: list[float], period: float) -> int:
    """Count the most arrivals in any half-open interval of ``period`` seconds."""
    arrivals = sorted(arrivals)
    worst = first = 0
    for last, arrival in enumerate(arrivals):
        while arrival - arrivals[first] >= period:
            first += 1
        worst = max(worst, last - first + 1)
    return worst

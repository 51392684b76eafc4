"""
The agenda of a governor: what is to be looked at when, and one timer for the earliest of it.

The timer is set only while there is something on the agenda. What is due at one moment is done in
bounded turns, so that thousands of callers who may go at once do not stall the event loop.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Final

from bingx_async.bucket import Bucket, Waiter

__all__ = ["Agenda"]

_MOST_A_TURN: Final = 100
_EARLY: Final = 0.001

Act = Callable[[Bucket | Waiter, float, int], int]
"""Deal with what is due: given it, the time and how many may be woken; returns how many were."""

_Entry = tuple[float, bool, int, Bucket | Waiter]
"""When, whether it is a deadline, a number that makes the entry unique, and what."""


class Agenda:
    """
    A heap of times, and one timer.

    Args:
        act: Deals with what is due.
    """

    def __init__(self, act: Act) -> None:
        self._act = act
        self._entries: list[_Entry] = []
        self._numbers = count()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf  # uvloop's handles do not tell it for what is due at once
        self._running = False
        self.now: Callable[[], float] = time.monotonic

    def __len__(self) -> int:
        return len(self._entries)

    def bind(self) -> None:
        """
        Belong to the running event loop, and take the time from it.

        Raises:
            RuntimeError: The agenda belongs to another event loop.
        """
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
            # uvloop's time() stands still within one turn of the loop and counts whole
            # milliseconds, so that a response would seem to be read before it came.
            if isinstance(loop, asyncio.BaseEventLoop):
                self.now = loop.time
        elif self._loop is not loop:
            raise RuntimeError(
                "this Governor belongs to another event loop: make one in each loop, or use"
                " Governor.current()"
            )

    def note(self, when: float, item: Bucket | Waiter, *, live: int) -> None:
        """
        Put something on the agenda.

        Args:
            when: Its time, by ``now()``.
            item: A bucket that may have a token then, or a waiter that will wait no longer.
            live: How many entries there may be that still mean something; with many more than
                that the others are swept out.
        """
        entries = self._entries
        if len(entries) > 2 * live + 64:
            entries[:] = [entry for entry in entries if entry[3].is_due_at(entry[0])]
            heapify(entries)
        # What is due at one moment: grants before deadlines.
        heappush(entries, (when, isinstance(item, Waiter), next(self._numbers), item))
        if not self._running and (self._timer is None or when < self._timer_at):
            self._set_timer(when)

    def rest(self) -> None:
        """Forget everything: nobody waits, so no timer is left behind."""
        for entry in self._entries:
            entry[3].forget()
        self._entries.clear()
        self._cancel_timer()

    def _set_timer(self, when: float) -> None:
        self._cancel_timer()
        self._timer_at = when
        self._timer = asyncio.get_running_loop().call_at(when, self._run)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _run(self) -> None:
        """Do what is due, and set the timer for the next."""
        self._timer = None
        now = self.now()
        if now < self._timer_at:  # a loop with coarse timers
            self._set_timer(now + _EARLY)
            return
        entries = self._entries
        left = _MOST_A_TURN
        self._running = True
        try:
            while entries and entries[0][0] <= now and left > 0:
                when, _, _, item = heappop(entries)
                if item.is_due_at(when):
                    left -= self._act(item, now, left)
        finally:
            self._running = False
            while entries and not entries[0][3].is_due_at(entries[0][0]):
                heappop(entries)
            if entries:
                self._set_timer(entries[0][0])

"""
How time is measured: side by side, in turns, as ratios.

A machine gets faster and slower by itself while a benchmark runs. So contestants take turns within
one run, every second round in the reverse order, and what counts is the median over the rounds of
the ratio within a round. Time is processor time of this process, unless something else is said.
"""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

__all__ = ["Times", "in_turns", "of_async", "of_sync"]


class Times:
    """What the rounds took, in seconds, by contestant."""

    def __init__(self, seconds: Mapping[str, list[float]]) -> None:
        self._seconds = seconds

    def median(self, name: str) -> float:
        """Return the median of a contestant's rounds."""
        return statistics.median(self._seconds[name])

    def least(self, name: str) -> float:
        """Return a contestant's best round."""
        return min(self._seconds[name])

    def ratio(self, name: str, to: str, *, less: str | None = None) -> float:
        """
        Return the median over the rounds of ``name`` divided by ``to``.

        Args:
            name: A contestant.
            to: Another.
            less: A third, whose time both have in them and which is taken off first.
        """
        base = self._seconds[less] if less is not None else [0.0] * len(self._seconds[to])
        return statistics.median(
            (ours - off) / (theirs - off)
            for ours, theirs, off in zip(self._seconds[name], self._seconds[to], base, strict=True)
        )


def in_turns(contestants: Mapping[str, Callable[[], float]], rounds: int) -> Times:
    """
    Let contestants take turns.

    Args:
        contestants: By name; each does its work once and returns the seconds that it took.
        rounds: How often; one more goes before, which does not count.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for round_ in range(-1, rounds):
        names = list(contestants)
        for name in names if round_ % 2 else reversed(names):
            gc.collect()
            took = contestants[name]()
            if round_ >= 0:
                seconds[name].append(took)
    return Times(seconds)


def resident() -> float:
    """Return the resident memory of this process in MB, or 0 where nobody tells."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def of_sync(work: Callable[[], object]) -> float:
    """Return the processor time of a call, in seconds."""
    started = time.process_time()
    work()
    return time.process_time() - started


async def of_async(work: Awaitable[object]) -> float:
    """Return the processor time that the process needs until ``work`` is done, in seconds."""
    started = time.process_time()
    await work
    return time.process_time() - started

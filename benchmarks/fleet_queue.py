"""Many processes ask for one bucket at known moments: who goes before whom?"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from attrs import frozen

from benchmarks.fleet_crew import Crew
from benchmarks.fleet_worker import Ask, Asks
from bingx_async.shared import SharedGovernor

__all__ = ["Queue", "stand_in_line"]

PERIOD: Final = 0.02
"""Seconds between two grants, so that it is seen which came first."""
GAP: Final = 0.001
"""Seconds between two asks, on average."""
EAGER: Final = 0.2
"""The share of those with a higher priority."""


@frozen
class Queue:
    """
    Who asked, and who was granted.

    Attributes:
        asks: Everybody, in the order in which they asked.
        round_trips: Seconds that a command took to Redis and back meanwhile, ascending.
    """

    asks: list[Ask]
    round_trips: list[float]

    @property
    def overtakings(self) -> list[float]:
        """By how many seconds somebody asked later, who went before another of their priority."""
        return [
            later.at - earlier.at
            for place, earlier in enumerate(self.asks)
            for later in self.asks[place + 1 :]
            if later.priority == earlier.priority and later.granted < earlier.granted
        ]

    def preferred(self, margin: float) -> int:
        """Count pairs in which a lower priority went first, ``margin`` after a higher one asked."""
        return sum(
            high.at + margin < low.granted < high.granted
            for high in self.asks
            for low in self.asks
            if low.priority < high.priority
        )

    @property
    def least_distance(self) -> float:
        """The shortest time between two grants, in seconds."""
        granted = sorted(ask.granted for ask in self.asks)
        return min(later - earlier for earlier, later in pairwise(granted))


async def stand_in_line(redis: str, *, processes: int, asks: int, seed: int) -> Queue:
    """
    Let processes ask, each ask from a process that is drawn.

    Args:
        redis: Where they share the quota.
        processes: How many.
        asks: Of all together.
        seed: Of the moments.
    """
    namespace = "queue"
    draw = random.Random(seed)
    plan: list[list[Ask]] = [[] for _ in range(processes)]
    moment = 0.0
    for _ in range(asks):
        moment += draw.uniform(0.25 * GAP, 1.75 * GAP)
        draw.choice(plan).append(Ask(moment, priority=int(draw.random() < EAGER)))
    async with SharedGovernor(redis, namespace=namespace) as governor:
        await governor.declare_idle()
    jobs = [Asks(redis, namespace, PERIOD, part) for part in plan]
    async with Crew(jobs) as crew:
        crew.begin(after=0.5)
        outcomes = await crew.finish(early=False)
    return Queue(
        sorted((ask for each in outcomes for ask in each.asks), key=lambda ask: ask.at),
        sorted(seconds for each in outcomes for seconds in each.round_trips),
    )


def quantile(values: Sequence[float], share: float) -> float:
    """Return what a share of ascending values does not exceed."""
    return values[min(len(values) - 1, int(share * len(values)))]

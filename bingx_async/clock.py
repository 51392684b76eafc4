"""The exchange's clock, as seen from here."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Final
from weakref import WeakValueDictionary

from attrs import frozen

from bingx_async.signing import milliseconds

__all__ = ["Clock", "Sighting"]


@frozen
class Sighting:
    """
    One look at the exchange's clock.

    Attributes:
        offset: Milliseconds by which it is ahead of this computer's; negative if it is behind.
        error: Milliseconds by which ``offset`` may be wrong: half the round trip.
    """

    offset: float
    error: float

    @classmethod
    def of(cls, asked: float, answered: float, shown: datetime) -> Sighting:
        """
        Make one from an answer that was under way while both clocks went on.

        Args:
            asked: This computer's time when the question left, in milliseconds since 1970 UTC.
            answered: The same when the answer was read.
            shown: The time that the exchange showed.
        """
        error = (answered - asked) / 2
        return cls(milliseconds(shown) - (asked + error), error)


class Clock:
    """
    Tells the exchange's time for timestamps.

    It starts as this computer's own clock. After :meth:`set` it is off by what was measured, until
    the next time that somebody measures. All clients of a host in this process share one.

    Attributes:
        offset: Milliseconds by which the exchange's clock is ahead of this computer's.
        error: Milliseconds by which ``offset`` may be wrong; ``None`` as long as nobody measured.
        times_set: How often it was set, so that many calls that were refused for one reason
            measure it once.
    """

    __slots__ = ("__weakref__", "error", "offset", "times_set")

    def __init__(self) -> None:
        self.offset = 0
        self.error: float | None = None
        self.times_set = 0

    @staticmethod
    def of(host: str) -> Clock:
        """Return the clock of a host, such as ``https://open-api.bingx.com``."""
        clock = _clocks.get(host)
        if clock is None:
            clock = _clocks[host] = Clock()
        return clock

    def now(self) -> int:
        """Tell the exchange's time, in milliseconds since 1970 UTC."""
        return time.time_ns() // 1_000_000 + self.offset

    def set(self, sightings: list[Sighting]) -> None:
        """Go by the best of several looks, which is the one with the shortest round trip."""
        best = min(sightings, key=lambda sighting: sighting.error)
        self.offset, self.error = round(best.offset), best.error
        self.times_set += 1


_clocks: Final[WeakValueDictionary[str, Clock]] = WeakValueDictionary()

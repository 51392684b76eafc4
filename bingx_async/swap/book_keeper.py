"""
What an order book is made of: a snapshot, and increments that are numbered without holes.

A book that has seen each of them is the exchange's own. Nothing here knows of a network or a clock.

* A snapshot (``ALL``) replaces the book, and is the only way in.
* The increment that follows is applied; one that was seen before is ignored.
* One from further ahead is held until those before it have come. With more than three held, one is
  lost: that is a gap.
* Best bid at or above best ask: something was missed that no number tells of, a gap as well. So is
  a snapshot older than the book. It came late, or the exchange began to number anew; only a fresh
  one tells which.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Final, NamedTuple

from bingx_async.swap.models.events import DepthAction, DepthUpdateEvent
from bingx_async.swap.models.market import Level

__all__ = ["MAX_HELD", "Best", "BookKeeper", "Outcome", "Top"]

MAX_HELD: Final = 3
"""How many increments wait for one that is missing."""


class Best(NamedTuple):
    """
    The best level of each side.

    Attributes:
        bid: The highest bid; ``None`` where nobody bids.
        ask: The lowest ask; ``None`` where nobody asks.
    """

    bid: Level | None
    ask: Level | None


class Top(NamedTuple):
    """
    The best levels of each side.

    Attributes:
        bids: What is bid, highest price first.
        asks: What is asked, lowest price first.
    """

    bids: list[Level]
    asks: list[Level]


class Outcome(Enum):
    """What became of an update."""

    APPLIED = "applied"
    """The book has changed; held increments that follow are applied with it."""
    HELD = "held"
    """It waits for the snapshot, or for an increment before it."""
    IGNORED = "ignored"
    """The book has it already, or will have it with the snapshot."""
    GAP = "gap"
    """The book cannot be right; it is emptied and waits for a snapshot."""


class _Side:
    """
    The levels of one side.

    A dict of levels by price, and the prices sorted beside it. Most changes are new quantities,
    which only the dict sees. A price that comes or goes is found by bisection; that the tail of a
    list of 1000 pointers moves costs less than one comparison of two prices. For messages of 30
    changes to a thousand levels or two, two parallel lists without a dict take 1.7 times as long,
    and a dict alone, searched for its best price after each message, three times - and whoever
    reads it has to sort it.
    """

    __slots__ = ("_levels", "_prices")

    def __init__(self) -> None:
        self._levels: dict[Decimal, Level] = {}
        self._prices: list[Decimal] = []

    def replace(self, levels: Iterable[Level]) -> None:
        self._levels = {level.price: level for level in levels if level.quantity}
        self._prices = sorted(self._levels)

    def change(self, changes: Iterable[Level]) -> None:
        levels, prices = self._levels, self._prices
        for level in changes:
            price, quantity = level
            if quantity:
                if price not in levels:
                    insort(prices, price)
                levels[price] = level
            elif levels.pop(price, None) is not None:
                del prices[bisect_left(prices, price)]

    def lowest(self, count: int | None = None) -> list[Level]:
        levels = self._levels
        return [levels[price] for price in self._prices[:count]]

    def highest(self, count: int | None = None) -> list[Level]:
        levels = self._levels
        stop = None if count is None else -count - 1
        return [levels[price] for price in self._prices[:stop:-1]]

    @property
    def min(self) -> Level | None:
        return self._levels[self._prices[0]] if self._prices else None

    @property
    def max(self) -> Level | None:
        return self._levels[self._prices[-1]] if self._prices else None


class BookKeeper:
    """
    A book made of a snapshot and the increments that follow; see above for the rules.

    Attributes:
        last_update_id: The number of the last update in the book; ``None`` before the snapshot.
        time: When the exchange sent it.
        gap: What was wrong at the last gap, for messages.
    """

    def __init__(self) -> None:
        self.last_update_id: int | None = None
        self.time: datetime | None = None
        self.gap = ""
        self._bids = _Side()
        self._asks = _Side()
        self._held: dict[int, DepthUpdateEvent] = {}

    @property
    def is_in_step(self) -> bool:
        """Whether there is a book, and no increment is known to be missing."""
        return self.last_update_id is not None and not self._held

    @property
    def best(self) -> Best:
        """The best level of each side."""
        return Best(self._bids.max, self._asks.min)

    def bids(self, count: int | None = None) -> list[Level]:
        """Return so many bids, all by default; highest price first."""
        return self._bids.highest(count)

    def asks(self, count: int | None = None) -> list[Level]:
        """Return so many asks, all by default; lowest price first."""
        return self._asks.lowest(count)

    def apply(self, update: DepthUpdateEvent) -> Outcome:
        """Take an update in, and tell what became of it."""
        number, last = update.last_update_id, self.last_update_id
        if update.action is DepthAction.ALL:
            if last is not None and number < last:
                return self._lose(f"a snapshot {number} came after {last}")
            self._bids.replace(update.bids)
            self._asks.replace(update.asks)
        elif update.action is not DepthAction.UPDATE:
            return self._lose(f"nobody knows what {str(update.action)!r} means")
        elif last is None or number > last + 1:
            return self._hold(update)
        elif number <= last:
            return Outcome.IGNORED
        else:
            self._change(update)
        self.last_update_id, self.time = number, update.time
        return self._catch_up(number)

    def reset(self) -> None:
        """Forget everything, and wait for a snapshot."""
        self.last_update_id = self.time = None
        self._bids.replace(())
        self._asks.replace(())
        self._held.clear()

    def _change(self, update: DepthUpdateEvent) -> None:
        self._bids.change(update.bids)
        self._asks.change(update.asks)

    def _hold(self, update: DepthUpdateEvent) -> Outcome:
        number = update.last_update_id
        if number in self._held:
            return Outcome.IGNORED
        self._held[number] = update
        if len(self._held) <= MAX_HELD:
            return Outcome.HELD
        if self.last_update_id is not None:
            return self._lose(f"{self.last_update_id + 1} did not come")
        # No gap: until the exchange has subscribed anew, any number of the old ones may come.
        oldest = min(self._held)
        del self._held[oldest]
        return Outcome.IGNORED if oldest == number else Outcome.HELD

    def _catch_up(self, last: int) -> Outcome:
        """Apply what is held and follows."""
        while not self._is_crossed():
            update = self._held.pop(last + 1, None)
            if update is None:
                for number in [number for number in self._held if number <= last]:
                    del self._held[number]
                return Outcome.APPLIED
            self._change(update)
            last = self.last_update_id = update.last_update_id
            self.time = update.time
        return self._lose(f"best bid and ask cross at {last}")

    def _is_crossed(self) -> bool:
        bid, ask = self.best
        return bid is not None and ask is not None and bid.price >= ask.price

    def _lose(self, reason: str) -> Outcome:
        self.gap = reason
        self.reset()
        return Outcome.GAP

"""
What can be traded against in one contract: resting orders, and the market's own liquidity.

Within a price the orders of accounts go before the market, and among each other by the time at
which they came to rest. Of each level of the market its quantity can be had once a tick.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from bingx_async.emulator.engine.feed import DEPTH, Market
from bingx_async.emulator.engine.orders import OrderRecord
from bingx_async.swap.models.common import OrderSide
from bingx_async.swap.models.market import Level

__all__ = ["Book", "Resting"]

ZERO: Final = Decimal(0)


class Resting(NamedTuple):
    """The place of an order in its side of the book; ranks are never equal."""

    key: Decimal
    rank: int
    order: OrderRecord


def _place(order: OrderRecord) -> Resting:
    assert order.price is not None
    key = -order.price if order.side == OrderSide.BUY else order.price
    return Resting(key, order.rank, order)


class Book:
    """
    The book of one contract.

    Args:
        market: Where the liquidity comes from.
        symbol: Trading pair with a hyphen.

    Attributes:
        contract: Its rules.
        waiting: The orders that wait for their trigger, by number, oldest first.
        tick: The tick in which the market's liquidity was last touched.
        eaten: What was had of it in that tick, by direction of the taker and price.
    """

    def __init__(self, market: Market, symbol: str) -> None:
        self.symbol = symbol
        self.contract = market.contract(symbol)
        self.waiting: dict[int, OrderRecord] = {}
        self.tick: datetime | None = None
        self.eaten: dict[OrderSide, dict[Decimal, Decimal]] = _nothing()
        self._market = market
        self._resting: dict[OrderSide, list[Resting]] = {OrderSide.BUY: [], OrderSide.SELL: []}
        self._seen: tuple[datetime, Sequence[Level], Sequence[Level]] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether time can pass without anything happening here."""
        return not (self.waiting or self._resting[OrderSide.BUY] or self._resting[OrderSide.SELL])

    def resting(self, side: OrderSide) -> Sequence[Resting]:
        """List the orders of a side that rest, best first."""
        return self._resting[side]

    def rest(self, order: OrderRecord) -> None:
        """Put an order that has its rank into the book."""
        insort(self._resting[order.side], _place(order))

    def take_out(self, order: OrderRecord) -> None:
        """Remove an order, wherever it is."""
        self.waiting.pop(order.order_id, None)
        if order.rank:
            side = self._resting[order.side]
            del side[bisect_left(side, _place(order))]
            order.rank = 0

    def opposite(self, order: OrderRecord) -> Iterator[OrderRecord]:
        """List the orders of other accounts that an order could trade with, best first."""
        against = OrderSide.SELL if order.side == OrderSide.BUY else OrderSide.BUY
        for _, _, other in self._resting[against]:
            assert other.price is not None
            if not order.accepts(other.price):
                return
            if other.uid != order.uid:
                yield other

    def offered(self, side: OrderSide, at: datetime) -> Iterator[Level]:
        """List what the market still has for a taker in this tick, best first."""
        eaten = self.eaten[side] if self.tick == at else {}
        for level in self._levels(side, at):
            left = level.quantity - eaten.get(level.price, ZERO)
            if left > 0:
                yield Level(level.price, left)

    def eat(self, side: OrderSide, price: Decimal, quantity: Decimal, at: datetime) -> None:
        """Note that a taker has had some of the market's liquidity."""
        if self.tick != at:
            self.tick = at
            self.eaten = _nothing()
        eaten = self.eaten[side]
        eaten[price] = eaten.get(price, ZERO) + quantity

    def crossed(self, at: datetime) -> bool:
        """Tell whether the market reaches any order that rests."""
        buys, sells = self._resting[OrderSide.BUY], self._resting[OrderSide.SELL]
        if not buys and not sells:
            return False
        bids, asks = self._market.levels(self.symbol, at, 1)
        return bool(
            (buys and asks and asks[0].price <= -buys[0].key)
            or (sells and bids and bids[0].price >= sells[0].key)
        )

    def _levels(self, side: OrderSide, at: datetime) -> Sequence[Level]:
        if self._seen is None or self._seen[0] != at:
            bids, asks = self._market.levels(self.symbol, at, DEPTH)
            self._seen = (at, bids, asks)
        return self._seen[2] if side == OrderSide.BUY else self._seen[1]


def _nothing() -> dict[OrderSide, dict[Decimal, Decimal]]:
    return {OrderSide.BUY: {}, OrderSide.SELL: {}}

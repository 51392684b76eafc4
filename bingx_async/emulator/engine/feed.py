"""What the engine asks of the market data that it trades against."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, Protocol

from bingx_async.swap.models.common import WorkingType
from bingx_async.swap.models.market import Contract, Level

__all__ = ["DEPTH", "Market", "latest", "whole", "working_price"]

DEPTH: Final = 50
"""Levels of synthetic liquidity that one tick has on each side, at most."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Market(Protocol):
    """
    Prices and liquidity, as functions of time.

    Everything stands still within a tick: the engine asks for whole ticks since 1970 only.
    """

    @property
    def tick(self) -> timedelta:
        """How long a price stands."""
        ...

    def contract(self, symbol: str) -> Contract:
        """Find a contract; raises ``InvalidRequest`` if there is none."""
        ...

    def price(self, symbol: str, at: datetime) -> Decimal:
        """Tell the price of the last trade."""
        ...

    def mark_price(self, symbol: str, at: datetime) -> Decimal:
        """Tell the mark price."""
        ...

    def index_price(self, symbol: str, at: datetime) -> Decimal:
        """Tell the index price."""
        ...

    def levels(
        self, symbol: str, at: datetime, depth: int
    ) -> tuple[Sequence[Level], Sequence[Level]]:
        """List the bids and the asks of a tick, best first."""
        ...

    def funding_rate(self, symbol: str, at: datetime) -> Decimal:
        """Tell the rate that is charged at a funding time, as a fraction."""
        ...

    def funding_times(self, after: datetime, until: datetime) -> Sequence[datetime]:
        """List the funding times in ``(after, until]``."""
        ...


def latest(moment: datetime, tick: timedelta) -> datetime:
    """Tell the last whole tick at or before a moment."""
    return moment - (moment - _EPOCH) % tick


def whole(moment: datetime) -> datetime:
    """Tell a moment in UTC and in whole milliseconds, as the exchange counts them."""
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def working_price(market: Market, symbol: str, working_type: WorkingType, at: datetime) -> Decimal:
    """Tell the price that triggers an order of this working type, at a whole tick."""
    if working_type == WorkingType.CONTRACT_PRICE:
        return market.price(symbol, at)
    if working_type == WorkingType.INDEX_PRICE:
        return market.index_price(symbol, at)
    return market.mark_price(symbol, at)

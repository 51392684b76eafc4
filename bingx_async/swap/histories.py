"""
Histories of USDT-M perpetual futures, as long as they may be.

What one request covers and holds is limited (seven days, 1000 rows). These methods make as many
requests as it takes, and yield row by row; ``bingx_async.paging`` says how no row is lost and
none comes twice.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Hashable
from datetime import datetime, timedelta
from typing import Any, Final

from attrs import astuple

from bingx_async.paging import History
from bingx_async.swap.account import Account
from bingx_async.swap.market import Market
from bingx_async.swap.models.account import Income, IncomeType
from bingx_async.swap.models.market import Interval, Kline
from bingx_async.swap.models.orders import Fill, Order
from bingx_async.swap.models.positions import ClosedPosition
from bingx_async.swap.order_queries import OrderQueries
from bingx_async.swap.positions import Positions
from bingx_async.wire import Moment

__all__ = ["Histories"]

# "The query range is more than seven days" (80014). Where nothing is documented, seven are safe.
_WEEK: Final = timedelta(days=7)
# "Three months" are 89 days at the least.
_THREE_MONTHS: Final = timedelta(days=89)
_SHORTEST_MONTH: Final = timedelta(days=28)

_MOST: Final = 1000
_MOST_POSITIONS: Final = 100
_MOST_KLINES: Final = 1440


class Histories(OrderQueries, Market, Positions, Account):
    """Orders, fills, funds, positions and klines between two moments, however far apart."""

    def orders_between(
        self, symbol: str | None, start: Moment, end: Moment | None = None
    ) -> AsyncGenerator[Order, None]:
        """
        Read all orders that were placed between two moments, whatever became of them.

        Calls ``full_orders``.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``; ``None`` for all pairs.
            start: The first moment; orders of this very millisecond are included.
            end: The moment after the last; orders of this very millisecond are not included, so
                that one span can be joined to the next. ``None`` is now, by the exchange's clock.

        Returns:
            The orders, oldest first, for ``async for``. The next request is sent when the next
            order is wanted and not before. Which time the exchange goes by is not documented;
            here it is ``time``, when the order was placed.

        Raises:
            InvalidRequest: ``start`` is later than ``end``, or one has no timezone; raised at the
                call. There is no such pair; raised on the way, as all others.
            BingXError: 1000 orders or more within a millisecond; else see
                :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """

        async def ask(first: int, last: int) -> list[Order]:
            return await self.full_orders(
                symbol=symbol, start_time=first, end_time=last, limit=_MOST
            )

        orders = History(
            ask=ask, longest=_WEEK, most=_MOST, moment=_placed, key=_number, now=self._now
        )
        return orders.between(start, end)

    def fills_between(
        self, symbol: str, start: Moment, end: Moment | None = None
    ) -> AsyncGenerator[Fill, None]:
        """
        Read all trades of orders between two moments.

        Calls ``fill_history``. The documentation says that the exchange looks back seven days
        there; of what is older, it answers as if there was nothing. ``fill_orders`` looks back
        thirty days and tells less.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.
            start: The first moment; trades of this very millisecond are included.
            end: The moment after the last; trades of this very millisecond are not included, so
                that one span can be joined to the next. ``None`` is now, by the exchange's clock.

        Returns:
            The trades by ``filled_time``, oldest first, for ``async for``. The next request is
            sent when the next trade is wanted and not before.

        Raises:
            InvalidRequest: ``start`` is later than ``end``, or one has no timezone; raised at the
                call. There is no such pair; raised on the way, as all others.
            BingXError: 1000 trades or more within a millisecond; else see
                :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """

        async def ask(first: int, last: int) -> list[Fill]:
            page = await self.fill_history(symbol, first, last, page_size=_MOST)
            return page.fills

        fills = History(
            ask=ask, longest=_WEEK, most=_MOST, moment=_filled, key=_all_of_it, now=self._now
        )
        return fills.between(start, end)

    def income_between(
        self,
        start: Moment,
        end: Moment | None = None,
        *,
        symbol: str | None = None,
        income_type: IncomeType | None = None,
    ) -> AsyncGenerator[Income, None]:
        """
        Read all that moved the funds of the account between two moments.

        Calls ``income``. The exchange keeps three months of it.

        Args:
            start: The first moment; movements of this very millisecond are included.
            end: The moment after the last; movements of this very millisecond are not included,
                so that one span can be joined to the next. ``None`` is now, by the exchange's
                clock.
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``; all pairs without it.
            income_type: One kind of movement; all kinds without it.

        Returns:
            The movements by ``time``, oldest first, for ``async for``. The next request is sent
            when the next movement is wanted and not before.

        Raises:
            InvalidRequest: ``start`` is later than ``end``, or one has no timezone; raised at the
                call. There is no such pair; raised on the way, as all others.
            BingXError: 1000 movements or more within a millisecond; else see
                :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Account)
        """

        async def ask(first: int, last: int) -> list[Income]:
            return await self.income(
                symbol=symbol,
                income_type=income_type,
                start_time=first,
                end_time=last,
                limit=_MOST,
            )

        income = History(
            ask=ask, longest=_WEEK, most=_MOST, moment=_time, key=_all_of_it, now=self._now
        )
        return income.between(start, end)

    def positions_between(
        self, symbol: str, start: Moment, end: Moment | None = None
    ) -> AsyncGenerator[ClosedPosition, None]:
        """
        Read all positions that were closed between two moments.

        Calls ``position_history``.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.
            start: The first moment; positions of this very millisecond are included.
            end: The moment after the last; positions of this very millisecond are not included,
                so that one span can be joined to the next. ``None`` is now, by the exchange's
                clock.

        Returns:
            The positions, oldest first, for ``async for``. The next request is sent when the next
            position is wanted and not before. Which time the exchange goes by is not documented;
            here it is ``close_time``, or ``update_time`` where the exchange leaves it out.

        Raises:
            InvalidRequest: ``start`` is later than ``end``, or one has no timezone; raised at the
                call. There is no such pair; raised on the way, as all others.
            BingXError: 100 positions or more within a millisecond; else see
                :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """

        async def ask(first: int, last: int) -> list[ClosedPosition]:
            return await self.position_history(
                symbol, start_ts=first, end_ts=last, page_size=_MOST_POSITIONS
            )

        positions = History(
            ask=ask,
            longest=_THREE_MONTHS,
            most=_MOST_POSITIONS,
            moment=_closed,
            key=_all_of_it,
            now=self._now,
        )
        return positions.between(start, end)

    def klines_between(
        self, symbol: str, interval: Interval, start: Moment, end: Moment | None = None
    ) -> AsyncGenerator[Kline, None]:
        """
        Read all klines whose intervals start between two moments.

        Calls ``klines``; no key is needed.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.
            interval: The time that one kline spans.
            start: The first moment; a kline that starts in this very millisecond is included.
            end: The moment after the last; a kline that starts in this very millisecond is not
                included, so that one span can be joined to the next. ``None`` is now, by the
                exchange's clock; the last kline is then not over yet.

        Returns:
            The klines by ``time``, oldest first, for ``async for``. The next request is sent when
            the next kline is wanted and not before.

        Raises:
            InvalidRequest: ``start`` is later than ``end``, or one has no timezone; raised at the
                call. There is no such pair; raised on the way, as all others.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Market Data)
        """

        async def ask(first: int, last: int) -> list[Kline]:
            return await self.klines(
                symbol, interval, start_time=first, end_time=last, limit=_MOST_KLINES
            )

        # One kline more than there are intervals, and still one less than would be full.
        longest = (_MOST_KLINES - 2) * (interval.duration or _SHORTEST_MONTH)
        klines = History(
            ask=ask, longest=longest, most=_MOST_KLINES, moment=_time, key=_time, now=self._now
        )
        return klines.between(start, end)

    async def _now(self) -> datetime:
        return (await self.server_time()).server_time


def _time(row: Income | Kline) -> datetime:
    return row.time


def _placed(order: Order) -> datetime | None:
    return order.time or order.update_time


def _filled(fill: Fill) -> datetime:
    return fill.filled_time


def _closed(position: ClosedPosition) -> datetime:
    return position.close_time or position.update_time or position.open_time


def _number(order: Order) -> int:
    """Tell an order from all others, also if it changes between two answers."""
    return order.order_id


def _all_of_it(row: Any) -> Hashable:
    """Tell a row without a number of its own from all others; it never changes."""
    return astuple(row, recurse=False)

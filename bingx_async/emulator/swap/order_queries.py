"""Orders and their fills, as the emulator lets them be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Final, TypeVar

from bingx_async.emulator import engine, shown
from bingx_async.emulator.call import Bodies, invalid
from bingx_async.emulator.paging import choose, page, sized, window
from bingx_async.errors import InvalidRequest
from bingx_async.swap import order_queries as declared
from bingx_async.swap.models.common import AutoCloseType, OrderType, TradingUnit
from bingx_async.swap.models.orders import Fill, FillPage, Order
from bingx_async.wire import Moment

__all__ = ["OrderQueries"]

_WEEK: Final = timedelta(days=7)

Row = TypeVar("Row", engine.OrderRecord, engine.Fill)


class OrderQueries(Bodies, declared.OrderQueries):
    """Orders and their fills, as they are and were."""

    async def order(
        self, symbol: str, order_id: int | None = None, client_order_id: str | None = None
    ) -> Order:
        return shown.order(self._find(symbol, order_id, client_order_id))

    async def open_order(
        self, symbol: str, order_id: int | None = None, client_order_id: str | None = None
    ) -> Order:
        found = self._find(symbol, order_id, client_order_id)
        if not found.is_open:
            raise InvalidRequest("order not exist", code=109421)
        return shown.order(found)

    async def open_orders(
        self,
        symbol: str | None = None,
        type: OrderType | None = None,  # noqa: A002
    ) -> list[Order]:
        found = self._of(self._account.open_orders.values(), symbol)
        return [shown.order(each) for each in found if type in {None, each.type}]

    async def all_orders(
        self,
        *,
        symbol: str | None = None,
        currency: str | None = None,
        order_id: int | None = None,
        start_time: Moment | None = None,
        end_time: Moment | None = None,
        limit: int = 500,
    ) -> list[Order]:
        start, end = window(start_time, end_time, self._now, usual=_WEEK)
        return self._history(
            lambda each: not each.is_open and start <= each.time <= end,
            symbol,
            currency,
            order_id,
            limit,
            from_start=start_time is not None,
        )

    async def full_orders(
        self,
        *,
        symbol: str | None = None,
        order_id: int | None = None,
        start_time: Moment | None = None,
        end_time: Moment | None = None,
        limit: int = 500,
    ) -> list[Order]:
        start, end = window(start_time, end_time, self._now)
        return self._history(
            lambda each: start <= each.time <= end,
            symbol,
            None,
            order_id,
            limit,
            from_start=start_time is not None,
        )

    async def force_orders(
        self,
        *,
        symbol: str | None = None,
        currency: str | None = None,
        auto_close_type: AutoCloseType | None = None,
        start_time: Moment | None = None,
        end_time: Moment | None = None,
        limit: int = 50,
    ) -> list[Order]:
        self._check_symbol(symbol)
        window(start_time, end_time, self._now)
        sized("limit", limit, usual=50, most=100)
        return []  # nothing is liquidated here

    async def fill_orders(
        self,
        trading_unit: TradingUnit,
        start_ts: Moment,
        end_ts: Moment,
        *,
        symbol: str | None = None,
        currency: str | None = None,
        order_id: int | None = None,
    ) -> list[Fill]:
        found = self._fills(symbol, currency, order_id, start_ts, end_ts)
        fills = [shown.fill(each, self._engine.orders[each.order_id]) for each in found]
        for fill in fills:
            fill.trade_id = fill.role = None
            if trading_unit == TradingUnit.CONT:  # one contract is the smallest quantity
                fill.qty //= self._market.contract(fill.symbol).trade_min_quantity
        return fills

    async def fill_history(
        self,
        symbol: str,
        start_ts: Moment,
        end_ts: Moment,
        *,
        currency: str | None = None,
        order_id: int | None = None,
        last_fill_id: str | None = None,
        page_index: int = 1,
        page_size: int = 50,
    ) -> FillPage:
        after = last_fill_id or "0"
        if not after.isdecimal():
            raise invalid(f"lastFillId is a number, not {last_fill_id}")
        found = [
            each
            for each in self._fills(symbol, currency, order_id, start_ts, end_ts, kept=_WEEK)
            if each.trade_id > int(after)
        ]
        rows = page(found, page_index, page_size, usual=50, most=1000)
        fills = [shown.fill(each, self._engine.orders[each.order_id]) for each in rows]
        return FillPage(fills, rows.total)

    # --- what several of them need ----------------------------------------------------------

    def _check_symbol(self, symbol: str | None) -> None:
        if symbol is not None:
            self._market.contract(symbol)

    def _find(
        self, symbol: str, order_id: int | None, client_order_id: str | None
    ) -> engine.OrderRecord:
        self._check_symbol(symbol)
        return self._engine.find(
            self._uid, symbol=symbol, order_id=order_id, client_order_id=client_order_id
        )

    def _of(
        self, rows: Iterable[Row], symbol: str | None, currency: str | None = None
    ) -> list[Row]:
        """Take those of a pair, and those that are margined in a currency."""
        self._check_symbol(symbol)
        return [
            row
            for row in rows
            if symbol in {None, row.symbol}
            and currency in {None, self._market.contract(row.symbol).currency}
        ]

    def _history(
        self,
        wanted: Callable[[engine.OrderRecord], bool],
        symbol: str | None,
        currency: str | None,
        order_id: int | None,
        limit: int,
        *,
        from_start: bool,
    ) -> list[Order]:
        """Read orders, oldest first; those after a number where one is given."""
        count = sized("limit", limit, usual=500, most=1000)
        found = [
            each
            for each in self._of(self._account.orders, symbol, currency)
            if each.order_id > (order_id or 0) and wanted(each)
        ]
        chosen = choose(found, count, from_start=from_start or bool(order_id))
        return [shown.order(each) for each in chosen]

    def _fills(
        self,
        symbol: str | None,
        currency: str | None,
        order_id: int | None,
        start: Moment,
        end: Moment,
        *,
        kept: timedelta | None = None,
    ) -> list[engine.Fill]:
        first, last = window(start, end, self._now, kept=kept)
        return [
            each
            for each in self._of(self._account.fills, symbol, currency)
            if order_id in {None, each.order_id} and first <= each.time <= last
        ]

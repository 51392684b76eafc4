"""Time-weighted orders, as the emulator plays them."""

from __future__ import annotations

from decimal import Decimal

from bingx_async.emulator import engine, shown
from bingx_async.emulator.call import Bodies
from bingx_async.emulator.paging import Page, page, window
from bingx_async.errors import InvalidRequest
from bingx_async.swap import twap as declared
from bingx_async.swap.models.common import OrderSide, PositionSide
from bingx_async.swap.models.twap import TwapOrder, TwapOrderId, TwapPriceType
from bingx_async.wire import Moment

__all__ = ["Twap"]


class Twap(Bodies, declared.Twap):
    """Time-weighted orders."""

    async def place_twap_order(
        self,
        symbol: str,
        side: OrderSide,
        position_side: PositionSide,
        *,
        price_type: TwapPriceType,
        price_variance: Decimal,
        trigger_price: Decimal,
        interval: int,
        amount_per_order: Decimal,
        total_amount: Decimal,
    ) -> TwapOrderId:
        placed = self._engine.place_twap(
            self._uid,
            symbol,
            side,
            position_side,
            self._now,
            price_type=price_type,
            price_variance=price_variance,
            trigger_price=trigger_price,
            interval=interval,
            amount_per_order=amount_per_order,
            total_amount=total_amount,
        )
        return TwapOrderId(str(placed.main_order_id))

    async def cancel_twap_order(self, main_order_id: str) -> TwapOrder:
        number = self._find_twap(main_order_id).main_order_id
        return self._shown(self._engine.cancel_twap(self._uid, number, self._now))

    async def twap_order(self, main_order_id: str) -> TwapOrder:
        return self._shown(self._find_twap(main_order_id))

    async def open_twap_orders(self, symbol: str | None = None) -> list[TwapOrder]:
        found = [each for each in self._twaps(symbol) if each.is_open]
        return Page([self._shown(each) for each in found], len(found))

    async def twap_order_history(
        self,
        *,
        page_index: int,
        page_size: int,
        start_time: Moment,
        end_time: Moment,
        symbol: str | None = None,
    ) -> list[TwapOrder]:
        start, end = window(start_time, end_time, self._now)
        found = [
            self._shown(each)
            for each in reversed(self._twaps(symbol))
            if not each.is_open and start <= each.time <= end
        ]
        return page(found, page_index, page_size, usual=1000, most=1000)

    def _twaps(self, symbol: str | None) -> list[engine.TwapRecord]:
        if symbol is not None:
            self._market.contract(symbol)
        return [each for each in self._account.twaps if symbol in {None, each.symbol}]

    def _find_twap(self, main_order_id: str) -> engine.TwapRecord:
        if not main_order_id.isdecimal():
            raise InvalidRequest(f"there is no TWAP order {main_order_id}", code=109421)
        return self._engine.find_twap(self._uid, int(main_order_id))

    def _shown(self, record: engine.TwapRecord) -> TwapOrder:
        return shown.twap(record, self._engine)

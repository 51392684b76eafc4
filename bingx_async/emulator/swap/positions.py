"""Positions, as the emulator plays them."""

from __future__ import annotations

from datetime import timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final

import attrs

from bingx_async.emulator import engine, shown
from bingx_async.emulator.call import Bodies, invalid
from bingx_async.emulator.paging import page, window
from bingx_async.errors import Rejected
from bingx_async.swap import positions as declared
from bingx_async.swap.models.common import PositionSide, WorkingType
from bingx_async.swap.models.orders import Order
from bingx_async.swap.models.positions import (
    AssetMode,
    AssetModeSetting,
    AutoAddMargin,
    ClosedPosition,
    ClosingOrders,
    Leverage,
    LeverageBySide,
    MaintenanceMarginTier,
    MarginAdjustment,
    MarginChange,
    MarginDirection,
    MarginType,
    MarginTypeSetting,
    Position,
    PositionMode,
    ReversedPosition,
    ReverseType,
)
from bingx_async.wire import Moment

__all__ = ["Positions"]

_MONTH: Final = timedelta(days=30)
_QUARTER: Final = timedelta(days=90)


class Positions(Bodies, declared.Positions):
    """Positions, their leverage and margin."""

    async def positions(self, symbol: str | None = None) -> list[Position]:
        if symbol is not None:
            self._market.contract(symbol)
        held = self._engine.positions(self._uid, self._now, symbol=symbol)
        return [shown.position(each, self._account, self._engine) for each in held]

    async def close_position(self, position_id: int) -> Order:
        order = self._engine.close_position(self._uid, position_id, self._now)
        return Order(
            symbol=order.symbol,
            order_id=order.order_id,
            side=order.side,
            position_side=order.position_side,
            type=order.type,
            orig_qty=order.quantity,
            position_id=position_id,
        )

    async def close_all_positions(self, symbol: str | None = None) -> ClosingOrders:
        if symbol is not None:
            self._market.contract(symbol)
        orders = self._engine.close_all(self._uid, self._now, symbol=symbol)
        return ClosingOrders([order.order_id for order in orders])

    async def reverse_position(
        self,
        type: ReverseType,  # noqa: A002 - its name on the wire
        symbol: str,
        *,
        trigger_price: Decimal | None = None,
        working_type: WorkingType | None = None,
        position_id: int | None = None,
    ) -> ReversedPosition:
        if type != ReverseType.AT_ONCE:
            raise invalid(f"type {type} is not emulated, only {ReverseType.AT_ONCE}")
        self._market.contract(symbol)
        side = None if position_id is None else self._held(position_id).side
        done = self._engine.reverse(self._uid, symbol, self._now, position_side=side)
        if done.position is None:
            raise Rejected("the position was closed, but nothing could be opened", code=110203)
        opened = shown.position(done.position, self._account, self._engine)
        told: dict[str, Any] = attrs.asdict(opened, recurse=False)
        told["position_id"] = done.position_id
        return ReversedPosition(**told, type=type, new_position_id=opened.position_id)

    async def position_history(
        self,
        symbol: str,
        *,
        currency: str | None = None,
        position_id: int | None = None,
        start_ts: Moment | None = None,
        end_ts: Moment | None = None,
        page_index: int = 1,
        page_size: int | None = None,
    ) -> list[ClosedPosition]:
        self._market.contract(symbol)
        start, end = window(start_ts, end_ts, self._now, usual=_QUARTER)
        found = [
            shown.closed(each)
            for each in reversed(self._account.closed)
            if each.symbol == symbol
            and currency in {None, each.currency}
            and position_id in {None, each.position_id}
            and start <= each.close_time <= end
        ]
        return page(found, page_index, page_size, usual=100, most=100)

    async def adjust_position_margin(
        self,
        symbol: str,
        amount: Decimal,
        type: MarginDirection,  # noqa: A002 - its name on the wire
        *,
        position_side: PositionSide | None = None,
        position_id: int | None = None,
    ) -> MarginAdjustment:
        self._market.contract(symbol)
        if not type.is_known or amount <= 0:
            raise invalid("type must be 1 or 2, and amount above 0")
        held = self._engine.adjust_margin(
            self._uid,
            symbol,
            amount if type == MarginDirection.INCREASE else -amount,
            self._now,
            position_side=position_side,
            position_id=position_id,
        )
        return MarginAdjustment(amount, type, held.position_id)

    async def position_margin_history(
        self,
        symbol: str,
        position_id: int,
        *,
        start_time: Moment,
        end_time: Moment,
        page_index: int,
        page_size: int,
    ) -> list[MarginChange]:
        self._market.contract(symbol)
        start, end = window(start_time, end_time, self._now, kept=_MONTH)
        found = [
            shown.margin_change(each)
            for each in reversed(self._account.margin_changes)
            if each.symbol == symbol
            and each.position_id == position_id
            and start <= each.time <= end
        ]
        return page(found, page_index, page_size, usual=100, most=100)

    async def set_auto_add_margin(
        self,
        symbol: str,
        position_id: int,
        function_switch: bool,
        *,
        amount: Decimal | None = None,
    ) -> AutoAddMargin:
        self._market.contract(symbol)
        self._engine.set_auto_add_margin(self._uid, position_id, function_switch, self._now)
        return AutoAddMargin(symbol, position_id, function_switch, amount)

    async def margin_type(self, symbol: str) -> MarginTypeSetting:
        self._market.contract(symbol)
        return MarginTypeSetting(MarginType(self._account.margin_type(symbol)))

    async def set_margin_type(self, symbol: str, margin_type: MarginType) -> None:
        self._engine.set_margin_type(self._uid, symbol, margin_type, self._now)

    async def leverage(self, symbol: str) -> LeverageBySide:
        contract = self._market.contract(symbol)
        hedge = self._account.hedge
        long = self._engine.leverage(
            self._uid, symbol, PositionSide.LONG if hedge else PositionSide.BOTH
        )
        short = self._engine.leverage(
            self._uid, symbol, PositionSide.SHORT if hedge else PositionSide.BOTH
        )
        long_vol, long_val = self._room(symbol, long)
        short_vol, short_val = self._room(symbol, short)
        return LeverageBySide(
            long_leverage=long,
            short_leverage=short,
            max_long_leverage=contract.max_long_leverage,
            max_short_leverage=contract.max_short_leverage,
            available_long_vol=long_vol,
            available_short_vol=short_vol,
            available_long_val=long_val,
            available_short_val=short_val,
        )

    async def set_leverage(self, symbol: str, side: PositionSide, leverage: int) -> Leverage:
        self._engine.set_leverage(self._uid, symbol, side, leverage, self._now)
        quantity, value = self._room(symbol, leverage)
        return Leverage(leverage, symbol, quantity, quantity, value, value)

    async def position_mode(self) -> PositionMode:
        return PositionMode(self._account.hedge)

    async def set_position_mode(self, dual_side_position: bool) -> PositionMode:
        self._engine.set_hedge(self._uid, dual_side_position, self._now)
        return PositionMode(dual_side_position)

    async def asset_mode(self) -> AssetModeSetting:
        return AssetModeSetting(AssetMode(self._account.asset_mode))

    async def set_asset_mode(self, asset_mode: AssetMode) -> AssetModeSetting:
        self._engine.set_asset_mode(self._uid, asset_mode, self._now)
        return AssetModeSetting(asset_mode)

    async def maintenance_margin_ratios(self, symbol: str) -> list[MaintenanceMarginTier]:
        return list(shown.tiers(symbol))

    # --- what several of them need ----------------------------------------------------------

    def _held(self, position_id: int) -> engine.Position:
        for held in self._account.positions.values():
            if held.position_id == position_id:
                return held
        raise Rejected(f"there is no open position {position_id}", code=109420)

    def _room(self, symbol: str, leverage: int) -> tuple[Decimal, Decimal]:
        """Tell the quantity and the value that can still be opened."""
        contract = self._market.contract(symbol)
        available = self._engine.funds(self._uid, self._now, currency=contract.currency).available
        value = max(Decimal(0), available) * leverage
        quantity = value / self._market.price(symbol, self._now)
        return quantity.quantize(contract.trade_min_quantity, ROUND_DOWN), value

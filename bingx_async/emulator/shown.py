"""What the engine keeps, as the endpoints show it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from bingx_async.emulator import engine
from bingx_async.emulator.listings import listing
from bingx_async.swap.models.account import Income, IncomeType
from bingx_async.swap.models.common import FillRole, PositionSide
from bingx_async.swap.models.orders import Fill, Order
from bingx_async.swap.models.positions import (
    ClosedPosition,
    MaintenanceMarginTier,
    MarginChange,
    MarginChangeReason,
    Position,
)
from bingx_async.swap.models.twap import TwapOrder, TwapOrderStatus, TwapPriceType

__all__ = [
    "acknowledged",
    "closed",
    "fill",
    "income",
    "margin_change",
    "order",
    "position",
    "tiers",
    "twap",
]

_ZERO: Final = Decimal(0)
_RATIO_PLACES: Final = Decimal("0.0001")

_FIRST_TIER: Final = Decimal(200_000)
_STEEPER: Final = (1, 2, 4, 10, 20)
"""How much more margin each tier asks for than the first one; each is five times as large."""

_REMARKS: Final = {
    engine.IncomeType.TRANSFER: "Transfer",
    engine.IncomeType.REALIZED_PNL: "Realized PNL",
    engine.IncomeType.FUNDING_FEE: "Funding Fee",
    engine.IncomeType.TRADING_FEE: "Trading Fee",
}


def order(record: engine.OrderRecord) -> Order:
    """Show an order as the endpoints that read orders do."""
    made = record.model()
    made.avg_price = _price(record.symbol, record.average)
    return made


def acknowledged(record: engine.OrderRecord) -> Order:
    """Show an order as the endpoints that place orders do."""
    return Order(
        symbol=record.symbol,
        order_id=record.order_id,
        side=record.side,
        position_side=record.position_side,
        type=record.type,
        client_order_id=record.client_order_id,
        status=record.status,
        executed_qty=record.executed,
        avg_price=_price(record.symbol, record.average),
        working_type=record.working_type,
        reduce_only=record.reduce_only,
        stop_guaranteed=record.stop_guaranteed,
    )


def fill(record: engine.Fill, of: engine.OrderRecord) -> Fill:
    """Show a trade of an order."""
    return Fill(
        symbol=record.symbol,
        order_id=record.order_id,
        price=record.price,
        qty=record.quantity,
        filled_time=record.time,
        quote_qty=record.quote,
        commission=-record.fee,
        commission_asset=record.currency,
        side=record.side,
        position_side=record.position_side,
        role=FillRole(record.role),
        trade_id=str(record.trade_id),
        type=record.type,
        working_type=of.working_type,
        client_order_id=record.client_order_id,
        only_one_position=not of.hedge,
    )


def position(held: engine.Position, account: engine.Account, engine_: engine.Engine) -> Position:
    """Show an open position at the mark price."""
    mark = engine_.state.mark_price(held.symbol)
    size, gain = abs(held.quantity), held.unrealised(mark)
    margin = (held.margin if held.isolated else held.initial_margin) + gain
    equity = margin if held.isolated else engine_.funds(account.uid, engine_.now).equity
    maintenance = _maintenance(held.symbol, size * mark)
    return Position(
        symbol=held.symbol,
        position_id=held.position_id,
        position_side=_long_or_short(is_long=held.is_long),
        isolated=held.isolated,
        position_amt=size,
        available_amt=account.closable(held.symbol, held.side, held.closing_side),
        avg_price=_price(held.symbol, held.average),
        leverage=held.leverage,
        initial_margin=held.initial_margin,
        unrealized_profit=gain,
        realised_profit=held.profit - held.fee + held.funding,
        margin=margin,
        liquidation_price=_ZERO,
        mark_price=mark,
        position_value=size * mark,
        risk_rate=(maintenance / equity).quantize(_RATIO_PLACES) if equity > 0 else Decimal(1),
        pnl_ratio=(gain / held.initial_margin).quantize(_RATIO_PLACES) + 0  # not -0
        if held.initial_margin
        else _ZERO,
        max_margin_reduction=max(_ZERO, held.margin - held.initial_margin),
        currency=held.currency,
        update_time=held.update_time,
    )


def closed(record: engine.ClosedPosition) -> ClosedPosition:
    """Show a position of the past."""
    return ClosedPosition(
        symbol=record.symbol,
        position_id=record.position_id,
        position_side=_long_or_short(is_long=record.is_long),
        isolated=record.isolated,
        leverage=record.leverage,
        position_amt=record.quantity,
        close_position_amt=record.quantity,
        avg_price=_price(record.symbol, record.average),
        avg_close_price=_price(record.symbol, record.close_average),
        realised_profit=record.profit,
        net_profit=record.net,
        open_time=record.open_time,
        position_commission=-record.fee,
        total_funding=record.funding,
        close_all_positions=True,
        close_time=record.close_time,
        update_time=record.close_time,
    )


def margin_change(record: engine.MarginChange) -> MarginChange:
    """Show a change of an isolated margin."""
    return MarginChange(
        symbol=record.symbol,
        position_id=record.position_id,
        change_reason=MarginChangeReason(record.reason),
        margin_change=record.change,
        margin_after_change=record.after,
        time=record.time,
    )


def income(record: engine.Income) -> Income:
    """Show a movement of funds."""
    return Income(
        income_type=IncomeType(record.type),
        income=record.amount,
        asset=record.currency,
        time=record.time,
        symbol=record.symbol or None,
        info=_REMARKS[record.type],
        tran_id=str(record.income_id),
        trade_id=str(record.trade_id) if record.trade_id else None,
    )


def twap(record: engine.TwapRecord, engine_: engine.Engine) -> TwapOrder:
    """Show a TWAP order."""
    until = engine_.now if record.is_open else record.update_time
    return TwapOrder(
        symbol=record.symbol,
        side=record.side,
        position_side=record.position_side,
        price_type=TwapPriceType(record.price_type),
        price_variance=record.price_variance,
        trigger_price=record.trigger_price,
        interval=record.interval,
        amount_per_order=record.amount_per_order,
        total_amount=record.total_amount,
        order_status=TwapOrderStatus(record.status),
        main_order_id=str(record.main_order_id),
        executed_qty=record.executed,
        duration=int((until - record.time).total_seconds()),
        max_duration=record.max_duration,
        created_time=record.time,
        update_time=record.update_time,
    )


def tiers(symbol: str) -> Iterator[MaintenanceMarginTier]:
    """List the margins that positions must keep: of the first tier half the initial margin."""
    most = listing(symbol).contract.max_long_leverage or 1
    below, ratio, amount = _ZERO, _ZERO, _ZERO
    for number, steeper in enumerate(_STEEPER, 1):
        upto, before = _FIRST_TIER * 5 ** (number - 1), ratio
        ratio = (Decimal(steeper) / (2 * most)).quantize(Decimal("1e-6"))
        amount += below * (ratio - before)
        yield MaintenanceMarginTier(below, upto, ratio, amount, symbol, f"Tier {number}")
        below = upto


def _maintenance(symbol: str, value: Decimal) -> Decimal:
    return max(value * tier.maint_margin_ratio - tier.maint_amount for tier in tiers(symbol))


def _long_or_short(*, is_long: bool) -> PositionSide:
    return PositionSide.LONG if is_long else PositionSide.SHORT


def _price(symbol: str, average: Decimal) -> Decimal:
    """Round a mean to the places of a price."""
    return average.quantize(Decimal(1).scaleb(-listing(symbol).contract.price_precision))

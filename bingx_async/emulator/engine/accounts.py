"""Accounts of the engine: what they own, what they have set, and what they have done."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from attrs import define, field, frozen

from bingx_async.emulator.engine.orders import Fill, OrderRecord
from bingx_async.emulator.engine.positions import (
    ClosedPosition,
    MarginChange,
    Position,
    position_key,
)
from bingx_async.emulator.engine.twaps import TwapRecord
from bingx_async.swap.models.common import OrderSide, PositionSide

__all__ = ["CROSSED", "ISOLATED", "UNTOUCHED", "Account", "Income", "IncomeType"]

ZERO: Final = Decimal(0)

CROSSED: Final = "CROSSED"
ISOLATED: Final = "ISOLATED"

UNTOUCHED: Final = 10
"""Leverage of a contract that nobody has set yet."""


class IncomeType(StrEnum):
    """Why money came or went."""

    TRANSFER = "TRANSFER"
    REALIZED_PNL = "REALIZED_PNL"
    FUNDING_FEE = "FUNDING_FEE"
    TRADING_FEE = "TRADING_FEE"


@frozen
class Income:
    """
    A change of a balance.

    Attributes:
        income_id: Its number.
        symbol: Trading pair with a hyphen; ``""`` for transfers.
        type: Why.
        amount: How much, in ``currency``; negative if it went.
        currency: Of which balance.
        time: When.
        trade_id: The trade that it comes from; ``None`` if there is none.
    """

    income_id: int
    symbol: str
    type: IncomeType
    amount: Decimal
    currency: str
    time: datetime
    trade_id: int | None = None


@define(eq=False)
class Account:
    """
    One account; the engine changes it in place.

    All lists are in the order of time, and their ids increase.

    Attributes:
        uid: Its number.
        hedge: True in hedge mode, false in one-way mode.
        asset_mode: ``singleAssetMode`` or ``multiAssetsMode``; kept, without effect.
        balances: Money by currency: deposits, realised profit and funding, less fees. Margins are
            set aside within it.
        leverages: Leverage that was set, by ``position_key``.
        margin_types: ``CROSSED`` or ``ISOLATED`` where it was set, by symbol.
        positions: Open positions, by ``position_key``.
        orders: All orders that were ever accepted.
        fills: All trades.
        income: All changes of the balances.
        closed: All positions that have ended.
        margin_changes: All changes of the margins of isolated positions.
        twaps: All TWAP orders.
        cancel_at: When the kill switch cancels all orders; ``None`` if it is off.
        open_orders: The orders that can still change, by number.
        client_ids: All orders that have a client id, by it.
    """

    uid: str
    hedge: bool = True
    asset_mode: str = "singleAssetMode"
    balances: dict[str, Decimal] = field(factory=dict[str, Decimal])
    leverages: dict[str, int] = field(factory=dict[str, int])
    margin_types: dict[str, str] = field(factory=dict[str, str])
    positions: dict[str, Position] = field(factory=dict[str, Position])
    orders: list[OrderRecord] = field(factory=list[OrderRecord])
    fills: list[Fill] = field(factory=list[Fill])
    income: list[Income] = field(factory=list[Income])
    closed: list[ClosedPosition] = field(factory=list[ClosedPosition])
    margin_changes: list[MarginChange] = field(factory=list[MarginChange])
    twaps: list[TwapRecord] = field(factory=list[TwapRecord])
    cancel_at: datetime | None = None
    open_orders: dict[int, OrderRecord] = field(factory=dict[int, OrderRecord], init=False)
    client_ids: dict[str, OrderRecord] = field(factory=dict[str, OrderRecord], init=False)
    open_twaps: dict[int, TwapRecord] = field(factory=dict[int, TwapRecord], init=False)

    def __attrs_post_init__(self) -> None:
        for order in self.orders:
            self._index(order)
        self.open_twaps.update({it.main_order_id: it for it in self.twaps if it.is_open})

    def add(self, order: OrderRecord) -> None:
        """Keep an order that was accepted."""
        self.orders.append(order)
        self._index(order)

    def _index(self, order: OrderRecord) -> None:
        if order.is_open:
            self.open_orders[order.order_id] = order
        if order.client_order_id is not None:
            self.client_ids[order.client_order_id] = order

    def balance(self, currency: str = "USDT") -> Decimal:
        """Tell what there is of a currency."""
        return self.balances.get(currency, ZERO)

    def leverage(self, symbol: str, side: PositionSide) -> int:
        """Tell the leverage of a position side."""
        return self.leverages.get(position_key(symbol, side), UNTOUCHED)

    def margin_type(self, symbol: str) -> str:
        """Tell how the positions of a contract are margined."""
        return self.margin_types.get(symbol, CROSSED)

    def position(self, symbol: str, side: PositionSide) -> Position | None:
        """Find an open position."""
        return self.positions.get(position_key(symbol, side))

    def reducible(self, symbol: str, position_side: PositionSide, side: OrderSide) -> Decimal:
        """Tell how much an order in a direction can take away from a position."""
        position = self.position(symbol, position_side)
        return ZERO if position is None else position.reducible(side)

    def closable(self, symbol: str, position_side: PositionSide, side: OrderSide) -> Decimal:
        """Tell how much of a position no resting order is about to close yet."""
        claimed = sum(
            (
                order.remaining
                for order in self.open_orders.values()
                if order.reducing
                and not order.waiting
                and order.symbol == symbol
                and order.position_side == position_side
            ),
            ZERO,
        )
        return max(ZERO, self.reducible(symbol, position_side, side) - claimed)

"""Orders and fills, as the engine keeps them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from attrs import define, field, frozen

from bingx_async.swap.models.common import (
    OrderSide,
    OrderStatus,
    OrderType,
    PositionSide,
    StopGuaranteed,
    TimeInForce,
    WorkingType,
)
from bingx_async.swap.models.orders import AttachedOrder, Order

__all__ = ["LIMITED", "TRAILING", "TRIGGERED", "Fill", "OrderRecord", "Role", "signed"]

ZERO: Final = Decimal(0)

TRAILING: Final = frozenset({OrderType.TRAILING_STOP_MARKET, OrderType.TRAILING_TP_SL})
"""Types whose trigger follows the price."""

TRIGGERED: Final = TRAILING | {
    OrderType.STOP_MARKET,
    OrderType.TAKE_PROFIT_MARKET,
    OrderType.STOP,
    OrderType.TAKE_PROFIT,
    OrderType.TRIGGER_LIMIT,
    OrderType.TRIGGER_MARKET,
}
"""Types that wait for a trigger before they trade."""

LIMITED: Final = frozenset(
    {OrderType.LIMIT, OrderType.STOP, OrderType.TAKE_PROFIT, OrderType.TRIGGER_LIMIT}
)
"""Types that trade at their limit price or better."""


class Role(StrEnum):
    """Whether a fill rested in the book or came to it."""

    MAKER = "maker"
    TAKER = "taker"


def signed(side: OrderSide, quantity: Decimal) -> Decimal:
    """Count what is bought as positive and what is sold as negative."""
    return quantity if side == OrderSide.BUY else -quantity


@frozen
class Fill:
    """
    One trade of an order.

    Attributes:
        trade_id: Its number; both sides of a trade between accounts have the same one.
        order_id: The order.
        symbol: Trading pair with a hyphen.
        side: Direction of the order.
        position_side: The side of the position that it changed.
        type: Kind of the order.
        price: The price.
        quantity: How much, in the traded asset.
        quote: Its value, in the margin currency.
        fee: The fee paid, in the margin currency; positive.
        profit: What it realised, in the margin currency, before the fee.
        role: Maker or taker.
        level: Price of the market's level that it ate from; ``None`` if the other side was an
            account.
        time: When.
        client_order_id: The order's client id.
        position_id: The position that it changed, or closed.
        currency: The margin currency.
    """

    trade_id: int
    order_id: int
    symbol: str
    side: OrderSide
    position_side: PositionSide
    type: OrderType
    price: Decimal
    quantity: Decimal
    quote: Decimal
    fee: Decimal
    profit: Decimal
    role: Role
    level: Decimal | None
    time: datetime
    client_order_id: str | None
    position_id: int
    currency: str


@define(eq=False)
class OrderRecord:
    """
    An order from its acceptance on; the engine changes it in place.

    Attributes:
        order_id: Its number.
        uid: Whose it is.
        symbol: Trading pair with a hyphen.
        side: Direction.
        position_side: The side of the position that it changes.
        type: Kind of order; stays after it has triggered.
        quantity: Quantity asked for; 0 for ``close_position`` until it has triggered.
        time: When it was placed.
        update_time: When it last changed.
        time_in_force: How long it stands.
        working_type: Which price triggers it.
        leverage: Leverage of its position.
        hedge: Whether the account was in hedge mode.
        price: Limit price; for trailing orders the distance.
        stop_price: The price that triggers it.
        price_rate: Callback rate of a trailing order, as a fraction.
        activation_price: The price from which on a trailing order trails.
        reduce_only: As asked for.
        close_position: As asked for.
        reducing: Whether it may only make its position smaller, for whatever reason.
        client_order_id: The caller's own id, in lower case.
        stop_loss: The attached stop loss.
        take_profit: The attached take profit.
        stop_guaranteed: As asked for; without effect.
        status: Where it stands.
        executed: Quantity filled so far.
        quote: Value of what is filled.
        fee: Fees paid so far; positive.
        profit: Profit realised so far, before fees.
        position_id: The position that it is to close, or that it changed last.
        parent_id: The order that it was attached to.
        main_order_id: The TWAP order of which it is a slice.
        above: Whether it triggers at and above its stop price, or at and below it.
        waiting: Whether it waits for its trigger.
        extreme: The best price since a trailing order is active; ``None`` while it is not.
        rank: Its place in time among the orders that rest in a book; 0 outside of it.
        children: The orders that were attached to it and have come to life.
        reason: Why it ended without being filled, in words.
    """

    order_id: int
    uid: str
    symbol: str
    side: OrderSide
    position_side: PositionSide
    type: OrderType
    quantity: Decimal
    time: datetime
    update_time: datetime
    time_in_force: TimeInForce
    working_type: WorkingType
    leverage: int
    hedge: bool
    price: Decimal | None = None
    stop_price: Decimal | None = None
    price_rate: Decimal | None = None
    activation_price: Decimal | None = None
    reduce_only: bool = False
    close_position: bool = False
    reducing: bool = False
    client_order_id: str | None = None
    stop_loss: AttachedOrder | None = None
    take_profit: AttachedOrder | None = None
    stop_guaranteed: StopGuaranteed | None = None
    status: OrderStatus = OrderStatus.NEW
    executed: Decimal = ZERO
    quote: Decimal = ZERO
    fee: Decimal = ZERO
    profit: Decimal = ZERO
    position_id: int | None = None
    parent_id: int | None = None
    main_order_id: int | None = None
    above: bool = False
    waiting: bool = False
    extreme: Decimal | None = None
    rank: int = 0
    children: list[int] = field(factory=list[int])
    reason: str = ""

    @property
    def remaining(self) -> Decimal:
        """What is not filled yet."""
        return self.quantity - self.executed

    @property
    def limit(self) -> Decimal | None:
        """The worst price that it may trade at; ``None`` for any price."""
        return self.price if self.type in LIMITED else None

    @property
    def average(self) -> Decimal:
        """The mean price of what is filled; 0 before the first fill."""
        return self.quote / self.executed if self.executed else ZERO

    @property
    def is_open(self) -> bool:
        """Whether it can still change."""
        return not self.status.is_final

    def accepts(self, price: Decimal) -> bool:
        """Tell whether a price lies within the limit."""
        limit = self.limit
        if limit is None:
            return True
        return price <= limit if self.side == OrderSide.BUY else price >= limit

    def model(self) -> Order:
        """Make the order of the wire's models."""
        trailing = self.type in TRAILING
        return Order(
            symbol=self.symbol,
            order_id=self.order_id,
            side=self.side,
            position_side=self.position_side,
            type=self.type,
            client_order_id=self.client_order_id,
            status=self.status,
            price=self.price,
            orig_qty=self.quantity,
            executed_qty=self.executed,
            avg_price=self.average,
            cum_quote=self.quote,
            stop_price=self.stop_price,
            profit=self.profit,
            commission=-self.fee,
            leverage=self.leverage,
            working_type=self.working_type,
            time=self.time,
            update_time=self.update_time,
            reduce_only=self.reduce_only,
            close_position=self.close_position,
            time_in_force=self.time_in_force,
            post_only=self.time_in_force == TimeInForce.POST_ONLY,
            take_profit=self.take_profit,
            stop_loss=self.stop_loss,
            price_rate=self.price_rate,
            activation_price=self.activation_price,
            trailing_stop_rate=self.price_rate if trailing else None,
            trailing_stop_distance=self.price if trailing else None,
            stop_guaranteed=self.stop_guaranteed,
            position_id=self.position_id,
            trigger_order_id=self.parent_id,
            main_order_id=None if self.main_order_id is None else str(self.main_order_id),
            is_twap=self.main_order_id is not None,
            only_one_position=not self.hedge,
        )

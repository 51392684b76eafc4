"""Orders of USDT-M perpetual futures."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from attrs import define

from bingx_async.swap.models.common import (
    OrderSide,
    OrderStatus,
    OrderType,
    PositionSide,
    StopGuaranteed,
    TimeInForce,
    WorkingType,
)
from bingx_async.wire import wire

__all__ = ["AttachedOrder", "NewOrder", "Order"]


@define
class AttachedOrder:
    """
    The take profit or the stop loss of an order, which comes to life when the order is filled.

    Attributes:
        type: ``TAKE_PROFIT_MARKET`` or ``TAKE_PROFIT`` for a take profit, ``STOP_MARKET`` or
            ``STOP`` for a stop loss.
        stop_price: The price that triggers it.
        price: Its limit price, for ``TAKE_PROFIT`` and ``STOP``.
        quantity: How much of the position it closes; all of the order's without it.
        working_type: Which price triggers it.
        stop_guaranteed: Whether it is guaranteed to trade at its price.
    """

    type: OrderType
    stop_price: Decimal
    price: Decimal | None = None
    quantity: Decimal | None = None
    working_type: WorkingType | None = None
    stop_guaranteed: StopGuaranteed | None = None


@define
class Order:
    """
    An order, as every endpoint that answers with one describes it.

    Attributes:
        symbol: Trading pair with a hyphen.
        order_id: The exchange's number of the order.
        side: Direction.
        position_side: The side of the position that it changes.
        type: Kind of order.
        client_order_id: The caller's own id, in lower case.
        status: Where it stands; ``None`` in the answers that only acknowledge it.
        price: Limit price; for trailing orders the distance.
        orig_qty: Quantity asked for, in the traded asset.
        executed_qty: Quantity filled so far, in the traded asset.
        avg_price: Mean price of what is filled.
        cum_quote: Value of what is filled, in the margin currency.
        stop_price: The price that triggers it.
        profit: Realised profit, in the margin currency.
        commission: Fees, in the margin currency; negative where they were paid.
        leverage: Leverage of its position, a multiple.
        working_type: Which price triggers it.
        time: When it was placed.
        update_time: When it last changed.
        reduce_only: Whether it can only make a position smaller.
        close_position: Whether it closes the whole position when triggered.
        time_in_force: How long it stands.
        post_only: Whether it may only rest.
        take_profit: Its attached take profit.
        stop_loss: Its attached stop loss.
        price_rate: Callback rate of a trailing order, as a fraction.
        activation_price: The price from which on a trailing order trails.
        trailing_stop_rate: Callback rate of a trailing order, as a fraction.
        trailing_stop_distance: Callback distance of a trailing order, as a price.
        stop_guaranteed: Whether a stop is guaranteed to trade at its price.
        position_id: The position that it belongs to.
        trigger_order_id: The order that triggered this one.
        main_order_id: The TWAP order of which this one is a part.
        is_twap: Whether it is a part of a TWAP order.
        only_one_position: Whether the account was in one-way mode.
        order_type: An additional kind that the exchange does not explain.
        advance_attr: A number that the exchange does not explain.
        take_profit_entrust_price: Limit price of an attached take profit, in older answers.
        stop_loss_entrust_price: Limit price of an attached stop loss, in older answers.
    """

    symbol: str
    order_id: int
    side: OrderSide
    position_side: PositionSide
    type: OrderType
    client_order_id: str | None = None
    status: OrderStatus | None = None
    price: Decimal | None = None
    orig_qty: Decimal | None = None
    executed_qty: Decimal | None = None
    avg_price: Decimal | None = None
    cum_quote: Decimal | None = None
    stop_price: Decimal | None = None
    profit: Decimal | None = None
    commission: Decimal | None = None
    leverage: int | None = None
    working_type: WorkingType | None = None
    time: datetime | None = None
    update_time: datetime | None = None
    reduce_only: bool | None = None
    close_position: bool | None = None
    time_in_force: TimeInForce | None = None
    post_only: bool | None = None
    take_profit: AttachedOrder | None = None
    stop_loss: AttachedOrder | None = None
    price_rate: Decimal | None = None
    activation_price: Decimal | None = None
    trailing_stop_rate: Decimal | None = None
    trailing_stop_distance: Decimal | None = None
    stop_guaranteed: StopGuaranteed | None = None
    position_id: int | None = None
    trigger_order_id: int | None = None
    main_order_id: str | None = None
    is_twap: bool | None = None
    only_one_position: bool | None = None
    order_type: str | None = None
    advance_attr: int | None = None
    take_profit_entrust_price: Decimal | None = None
    stop_loss_entrust_price: Decimal | None = None


@define(kw_only=True)
class NewOrder:
    """
    One order of a batch; what it must hold depends on ``type``, as for ``place_order``.

    Attributes:
        symbol: Trading pair with a hyphen, such as ``BTC-USDT``.
        side: Direction.
        type: Kind of order.
        position_side: ``LONG`` or ``SHORT`` in hedge mode, ``BOTH`` in one-way mode.
        quantity: How much, in the traded asset.
        quote_order_qty: How much, in the margin currency; ``quantity`` goes before it.
        price: Limit price; for trailing orders the distance.
        stop_price: The price that triggers it.
        price_rate: Callback rate of a trailing order, a fraction of at most 1.
        activation_price: The price from which on a trailing order trails.
        working_type: Which price triggers it; the mark price by default.
        time_in_force: How long it stands.
        reduce_only: True if it may only make a position smaller; one-way mode only.
        close_position: True if it closes the whole position when triggered; without a quantity.
        stop_loss: A stop loss to attach.
        take_profit: A take profit to attach.
        client_order_id: The caller's own id, 1 to 40 characters; the exchange turns it into lower
            case.
        stop_guaranteed: Whether a stop is guaranteed to trade at its price.
        position_id: The position to close, in the mode of separate isolated margin.
    """

    symbol: str
    side: OrderSide
    type: OrderType
    position_side: PositionSide | None = None
    quantity: Decimal | None = None
    quote_order_qty: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    price_rate: Decimal | None = None
    activation_price: Decimal | None = None
    working_type: WorkingType | None = None
    time_in_force: TimeInForce | None = None
    reduce_only: bool | None = None
    close_position: bool | None = None
    stop_loss: Annotated[AttachedOrder | None, wire(text=True)] = None
    take_profit: Annotated[AttachedOrder | None, wire(text=True)] = None
    client_order_id: str | None = None
    stop_guaranteed: StopGuaranteed | None = None
    position_id: int | None = None

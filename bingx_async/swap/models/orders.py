"""Orders of USDT-M perpetual futures, and what became of them."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, cast

from attrs import define, field

from bingx_async.converter import converter
from bingx_async.errors import ApiError, Rejected, api_error
from bingx_async.swap.models.common import (
    CancelReplaceMode,
    CancelRestrictions,
    CountdownStatus,
    FillRole,
    OrderSide,
    OrderStatus,
    OrderType,
    PositionSide,
    StopGuaranteed,
    TimeInForce,
    WorkingType,
)
from bingx_async.wire import wire

__all__ = [
    "AmendedOrder",
    "AttachedOrder",
    "CancelledOrders",
    "Countdown",
    "FailedOrder",
    "Fill",
    "FillPage",
    "NewOrder",
    "NewReplacement",
    "Order",
    "PlacedOrders",
    "Replacement",
]


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


@define(kw_only=True)
class NewReplacement(NewOrder):
    """
    One order of a batch and the one that it replaces, which is named by one of its two ids.

    Attributes:
        cancel_replace_mode: What becomes of the new order if the old one cannot be cancelled.
        cancel_order_id: The exchange's number of the old order; goes before the other id.
        cancel_client_order_id: The caller's own id of the old order.
        cancel_restrictions: Where the old order must stand to be cancelled; anywhere without it.
    """

    cancel_replace_mode: CancelReplaceMode
    cancel_order_id: int | None = None
    cancel_client_order_id: str | None = None
    cancel_restrictions: CancelRestrictions | None = None


@define
class FailedOrder:
    """
    An order of a batch with which the exchange did not do what was asked.

    Attributes:
        error_code: The exchange's code.
        error_message: The exchange's own words.
        order_id: The exchange's number of the order; ``None`` or 0 if it was not placed.
        client_order_id: The caller's own id, in lower case.
        symbol: Trading pair with a hyphen, where the exchange repeats it.
        side: Direction, where the exchange repeats it.
        position_side: The side of the position, where the exchange repeats it.
        type: Kind of order, where the exchange repeats it.
    """

    error_code: int | None = None
    error_message: str | None = None
    order_id: int | None = None
    client_order_id: str | None = None
    symbol: str | None = None
    side: OrderSide | None = None
    position_side: PositionSide | None = None
    type: OrderType | None = None

    @property
    def error(self) -> ApiError:
        """The error that the same refusal of a single order would have raised."""
        if self.error_code is None:
            return Rejected(self.error_message or "no message")
        return api_error(self.error_code, self.error_message or "")


@define
class PlacedOrders:
    """
    What became of a batch of new orders.

    Attributes:
        orders: Those that were placed; not always in the order in which they were sent.
        errors: Those that were refused, and why.
    """

    orders: list[Order] = field(factory=list[Order])
    errors: list[FailedOrder] = field(factory=list[FailedOrder])


@define
class CancelledOrders:
    """
    What became of orders that were to be cancelled.

    Attributes:
        success: Those that are cancelled.
        failed: Those that are not, and why.
    """

    success: list[Order] = field(factory=list[Order])
    failed: list[FailedOrder] = field(factory=list[FailedOrder])


@define
class Replacement:
    """
    What became of an order that was to be replaced, and of the new one.

    Attributes:
        cancel_result: Whether the old order was cancelled.
        cancel_msg: Why it was not.
        cancel_response: The old order; ``None`` if it was not cancelled.
        replace_result: Whether the new order was placed.
        replace_msg: Why it was not.
        new_order_response: The new order; ``None`` if it was not placed.
    """

    cancel_result: bool
    cancel_msg: str | None = None
    cancel_response: Order | None = None
    replace_result: bool | None = None
    replace_msg: str | None = None
    new_order_response: Order | None = None


@define
class AmendedOrder:
    """
    An order whose quantity was changed.

    Attributes:
        order_id: The exchange's number of the order.
        symbol: Trading pair with a hyphen.
        quantity: Quantity as it is now, in the traded asset.
        client_order_id: The caller's own id, in lower case.
    """

    order_id: int
    symbol: str
    quantity: Decimal
    client_order_id: str | None = None


@define
class Countdown:
    """
    The countdown that ends in the cancelling of all orders.

    Attributes:
        status: Where it stands.
        trigger_time: When it ends, to the second; ``None`` if it does not run.
        note: The exchange's explanation.
    """

    status: CountdownStatus
    trigger_time: datetime | None = None
    note: str | None = None


@define
class Fill:
    """
    A trade of an order, as both endpoints that answer with fills describe it.

    Attributes:
        symbol: Trading pair with a hyphen.
        order_id: The order that was filled.
        price: The price of the trade.
        qty: Quantity, in the unit asked for; of ``fill_history`` always in the traded asset.
        quote_qty: Value, in the margin currency.
        filled_time: When it happened.
        commission: Fee, in ``commission_asset``; negative where it was paid.
        commission_asset: The currency of the fee.
        side: Direction.
        position_side: The side of the position that it changed.
        role: Whether the order rested in the book.
        trade_id: The exchange's number of the trade.
        type: Kind of order.
        working_type: Which price triggered the order.
        client_order_id: The caller's own id of the order, in lower case.
        liquidated_price: Estimated liquidation price, of liquidations.
        liquidated_margin_ratio: Margin ratio at the liquidation.
        only_one_position: Whether the account was in one-way mode.
        filled_tm: When it happened, on a clock in UTC+8, though the text says that it is UTC.
    """

    symbol: str
    order_id: int
    price: Decimal
    # Where both are told, ``qty`` is the value in the documented example, by price and fee.
    qty: Annotated[Decimal, wire("volume")]
    filled_time: datetime
    quote_qty: Decimal | None = None
    commission: Decimal | None = None
    commission_asset: str | None = None
    side: OrderSide | None = None
    position_side: PositionSide | None = None
    role: FillRole | None = None
    trade_id: str | None = None
    type: OrderType | None = None
    working_type: WorkingType | None = None
    client_order_id: str | None = None
    liquidated_price: Decimal | None = None
    liquidated_margin_ratio: Decimal | None = None
    only_one_position: bool | None = None
    filled_tm: str | None = None


@define
class FillPage:
    """
    One page of fills.

    Attributes:
        fills: The fills, oldest first.
        total: How many there are on all pages.
    """

    fills: Annotated[list[Fill], wire("fill_history_orders")] = field(factory=list[Fill])
    total: int = 0


@define
class _Rows:
    """What the exchange answers to a batch of new orders."""

    orders: list[Order | FailedOrder] = field(factory=list[Order | FailedOrder])
    errors: list[FailedOrder] = field(factory=list[FailedOrder])


def _read_row(row: Any, _: Any) -> Order | FailedOrder:
    failed = converter.structure(row, FailedOrder)
    placed = failed.order_id and not failed.error_code
    return converter.structure(row, Order) if placed else failed


def _read_placed(answer: Any, _: Any) -> PlacedOrders:
    """
    Tell the orders that were placed from those that were refused.

    Where the refused ones stand is not documented well. An answer that could not be read because
    of one of them would hide that the others were placed, so they are found in either list.
    """
    wrapped = {"orders": cast("object", answer)} if isinstance(answer, list) else answer
    rows = converter.structure(wrapped, _Rows)
    placed = [row for row in rows.orders if isinstance(row, Order)]
    refused = [row for row in rows.orders if isinstance(row, FailedOrder)]
    return PlacedOrders(orders=placed, errors=refused + rows.errors)


converter.register_structure_hook(Order | FailedOrder, _read_row)
converter.register_structure_hook(PlacedOrders, _read_placed)

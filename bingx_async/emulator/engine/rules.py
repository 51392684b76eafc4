"""
What an order must look like to be accepted.

The checks that depend on the contract, on the account's mode and on its positions; money is looked
at in ``margin.py``. A stop order to sell lies below the price and one to buy above it, a take
profit the other way round, whatever position it is for; a trigger order lies where it likes.
"""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from typing import Final

from bingx_async.emulator.engine.accounts import Account
from bingx_async.emulator.engine.feed import working_price
from bingx_async.emulator.engine.orders import LIMITED, TRAILING, TRIGGERED, OrderRecord
from bingx_async.emulator.engine.state import State, refuse
from bingx_async.swap.models.common import (
    OrderSide,
    OrderType,
    PositionSide,
    TimeInForce,
    WorkingType,
)
from bingx_async.swap.models.market import Contract, ContractStatus
from bingx_async.swap.models.orders import AttachedOrder, NewOrder

__all__ = ["check_amount", "check_price", "check_side", "check_size", "draft"]

ZERO: Final = Decimal(0)
_STOPS: Final = frozenset({OrderType.STOP, OrderType.STOP_MARKET})
_PROFITS: Final = frozenset({OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_MARKET})
_LONGEST_ID: Final = 40


def draft(state: State, account: Account, new: NewOrder, *, minimums: bool = True) -> OrderRecord:
    """
    Make the record of an order that may be accepted, without a number yet.

    Args:
        state: All that the engine knows.
        account: Who orders.
        new: The order.
        minimums: Whether the contract's smallest quantity and value hold.

    Raises:
        InvalidRequest: The order is not one that could ever be accepted.
        Rejected: It cannot be accepted as things stand.
    """
    book = state.book(new.symbol)
    side = check_side(account, new.position_side)
    _check_words(account, new, book.contract)
    working_type = new.working_type or WorkingType.MARK_PRICE
    now_at = working_price(state.market, new.symbol, working_type, state.tick)
    order = OrderRecord(
        order_id=0,
        uid=account.uid,
        symbol=new.symbol,
        side=new.side,
        position_side=side,
        type=new.type,
        quantity=_quantity(state, new, book.contract),
        time=state.now,
        update_time=state.now,
        time_in_force=new.time_in_force or TimeInForce.GTC,
        working_type=working_type,
        leverage=account.leverage(new.symbol, side),
        hedge=account.hedge,
        price=new.price,
        stop_price=new.stop_price,
        price_rate=new.price_rate,
        activation_price=new.activation_price,
        reduce_only=bool(new.reduce_only),
        close_position=bool(new.close_position),
        reducing=bool(new.reduce_only or new.close_position)
        or (account.hedge and (new.side == OrderSide.BUY) == (side == PositionSide.SHORT)),
        client_order_id=_client_id(account, new),
        stop_loss=new.stop_loss,
        take_profit=new.take_profit,
        stop_guaranteed=new.stop_guaranteed,
        position_id=new.position_id,
        waiting=new.type in TRIGGERED,
    )
    _check_prices(order, book.contract)
    if not order.close_position and minimums:
        reference = order.limit or order.stop_price or state.market.price(new.symbol, state.tick)
        check_size(order.quantity, reference, book.contract, closing=order.reducing)
    if order.waiting:
        _check_trigger(order, now_at)
    if order.reducing:
        _check_closing(account, order)
    _check_attached(state, order, book.contract)
    return order


def check_side(account: Account, side: PositionSide | None) -> PositionSide:
    """
    Tell the position side of a request, which depends on the account's mode.

    Raises:
        InvalidRequest: It is not one of this mode.
    """
    if not account.hedge:
        if side not in {None, PositionSide.BOTH}:
            raise refuse(
                109400, "In the One-way mode, the 'PositionSide' field can only be set to BOTH."
            )
        return PositionSide.BOTH
    if side is None:
        return PositionSide.LONG
    if side not in {PositionSide.LONG, PositionSide.SHORT}:
        raise refuse(
            109400, "In the Hedge mode, the 'PositionSide' field can only be set to LONG or SHORT."
        )
    return side


def check_amount(quantity: Decimal, contract: Contract) -> None:
    """
    Check that a quantity is positive and fits the contract's step.

    Raises:
        InvalidRequest: It does not.
    """
    if quantity <= 0:
        raise refuse(109400, f"quantity must be above 0, not {quantity}")
    if _too_fine(quantity, contract.quantity_precision):
        raise refuse(
            110425,
            f"quantity {quantity} has more than the {contract.quantity_precision} decimal places"
            f" of {contract.symbol}",
        )


def check_price(name: str, price: Decimal | None, contract: Contract) -> None:
    """
    Check that a price, if there is one, is positive and fits the contract's step.

    Raises:
        InvalidRequest: It does not.
    """
    if price is None:
        return
    if price <= 0:
        raise refuse(109400, f"{name} must be above 0, not {price}")
    if _too_fine(price, contract.price_precision):
        raise refuse(
            110425,
            f"{name} {price} has more than the {contract.price_precision} decimal places"
            f" of {contract.symbol}",
        )


def check_size(quantity: Decimal, price: Decimal, contract: Contract, *, closing: bool) -> None:
    """
    Check a quantity against the contract's smallest quantity and value.

    Raises:
        InvalidRequest: It is too small; what closes a position may have any value.
    """
    if quantity < contract.trade_min_quantity:
        if closing:
            raise refuse(101485, f"The closing size is below {contract.trade_min_quantity}")
        raise refuse(
            110422,
            f"The minimum order amount is {contract.trade_min_quantity} {contract.asset}",
        )
    if not closing and quantity * price < contract.trade_min_usdt:
        raise refuse(
            101400,
            "Please ensure that the minimum nominal value of the order placed must be greater"
            f" than {contract.trade_min_usdt}u",
        )


def _too_fine(number: Decimal, places: int) -> bool:
    return number != number.quantize(Decimal(1).scaleb(-places), ROUND_DOWN)


def _quantity(state: State, new: NewOrder, contract: Contract) -> Decimal:
    if new.close_position:
        return ZERO
    if new.quantity is None and new.quote_order_qty is not None:
        if new.quote_order_qty <= 0:
            raise refuse(109400, f"quoteOrderQty must be above 0, not {new.quote_order_qty}")
        price = new.price if new.type in LIMITED and new.price else None
        price = price or state.market.price(new.symbol, state.tick)
        step = Decimal(1).scaleb(-contract.quantity_precision)
        return (new.quote_order_qty / price).quantize(step, ROUND_DOWN)
    if new.quantity is None:
        raise refuse(109400, "quantity is missing")
    check_amount(new.quantity, contract)
    return new.quantity


def _client_id(account: Account, new: NewOrder) -> str | None:
    if not new.client_order_id:
        return None
    if len(new.client_order_id) > _LONGEST_ID:
        raise refuse(109400, "clientOrderID must have 1 to 40 characters")
    found = new.client_order_id.lower()
    if found in account.client_ids:
        raise refuse(101481, "clientOrderID cannot be repeated")
    return found


def _check_words(account: Account, new: NewOrder, contract: Contract) -> None:
    if contract.status != ContractStatus.ONLINE:
        raise refuse(101415, f"{contract.symbol} is suspended for trading")
    for word in (new.side, new.type, new.time_in_force, new.working_type):
        if word is not None and not word.is_known:
            raise refuse(109400, f"{word} is not one of {[*type(word).__members__]}")
    if new.reduce_only and account.hedge:
        raise refuse(109400, "In the Hedge mode, the 'ReduceOnly' field can not be filled.")
    if new.close_position:
        if new.type not in {OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET}:
            raise refuse(109400, "closePosition goes with STOP_MARKET and TAKE_PROFIT_MARKET only")
        if new.quantity is not None or new.reduce_only:
            raise refuse(109400, "closePosition goes with neither quantity nor reduceOnly")


def _check_prices(order: OrderRecord, contract: Contract) -> None:
    trailing = order.type in TRAILING
    if order.type in LIMITED and order.price is None:
        raise refuse(109400, f"{order.type} needs a price")
    if order.type in TRIGGERED and not trailing and order.stop_price is None:
        raise refuse(109400, f"{order.type} needs a stopPrice")
    if trailing:
        if (order.price is None) == (order.price_rate is None):
            raise refuse(109400, f"{order.type} needs either price, the distance, or priceRate")
        if order.price_rate is not None and not 0 < order.price_rate <= 1:
            raise refuse(109400, "priceRate must lie above 0 and be at most 1")
    check_price("price", order.price, contract)
    check_price("stopPrice", order.stop_price, contract)
    check_price("activationPrice", order.activation_price, contract)


def _check_trigger(order: OrderRecord, now_at: Decimal) -> None:
    """Check that a trigger lies on its side of the price, and note which side that is."""
    if order.type in TRAILING:
        _check_trailing(order, now_at)
        return
    assert order.stop_price is not None
    if order.type in _STOPS:
        order.above = order.side == OrderSide.BUY
        _check_beyond(order.stop_price, now_at, above=order.above, stop=True)
    elif order.type in _PROFITS:
        order.above = order.side == OrderSide.SELL
        _check_beyond(order.stop_price, now_at, above=order.above, stop=False)
    else:
        order.above = order.stop_price >= now_at


def _check_beyond(stop_price: Decimal, price: Decimal, *, above: bool, stop: bool) -> None:
    if stop_price > price if above else stop_price < price:
        return
    what = "Stop Loss" if stop else "Take Profit"
    codes = {(True, False): 110411, (True, True): 110412, (False, True): 110413}
    raise refuse(
        codes.get((stop, above), 110414),
        f"{what} price should be {'greater' if above else 'lower'} than the current price",
    )


def _check_trailing(order: OrderRecord, now_at: Decimal) -> None:
    start = order.activation_price
    if start is None:
        order.extreme = now_at
    elif order.side == OrderSide.SELL and start < now_at:
        raise refuse(110419, "The activation price should be greater than the current price")
    elif order.side == OrderSide.BUY and start > now_at:
        raise refuse(110420, "The activation price should be lower than the current price")


def _check_closing(account: Account, order: OrderRecord) -> None:
    """Check that there is something to close that no other resting order is about to close."""
    if not account.reducible(order.symbol, order.position_side, order.side):
        if order.reduce_only:
            raise refuse(
                101290,
                "The Reduce Only order can only decrease the position and not be used to open a"
                " position. Please check your positions and open orders.",
            )
        raise refuse(101205, "No position to close")
    if order.waiting:
        return
    closable = account.closable(order.symbol, order.position_side, order.side)
    if order.reduce_only:
        if not closable:
            raise refuse(
                101290, "The Reduce Only order can only decrease the position; other orders do"
            )
    elif order.quantity > closable:
        raise refuse(110424, f"The order size must be less than the available amount of {closable}")


def _check_attached(state: State, order: OrderRecord, contract: Contract) -> None:
    for attached, types in ((order.stop_loss, _STOPS), (order.take_profit, _PROFITS)):
        if attached is None:
            continue
        if order.reducing:
            raise refuse(109400, "stopLoss and takeProfit go with orders that open a position")
        _check_attachment(attached, types, contract)
        start = order.limit or order.stop_price or state.market.price(order.symbol, state.tick)
        stop = types is _STOPS
        _check_beyond(
            attached.stop_price, start, above=stop != (order.side == OrderSide.BUY), stop=stop
        )


def _check_attachment(
    attached: AttachedOrder, types: frozenset[OrderType], contract: Contract
) -> None:
    if attached.type not in types:
        raise refuse(109400, f"{attached.type} cannot be attached here, only {sorted(types)}")
    if attached.type in LIMITED and attached.price is None:
        raise refuse(109400, f"an attached {attached.type} needs a price")
    check_price("stopPrice", attached.stop_price, contract)
    check_price("price", attached.price, contract)
    if attached.quantity is not None:
        check_amount(attached.quantity, contract)

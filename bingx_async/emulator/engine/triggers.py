"""Orders that wait for a price, and what happens when it comes."""

from __future__ import annotations

from decimal import Decimal

from bingx_async.emulator.engine.book import Book
from bingx_async.emulator.engine.feed import working_price
from bingx_async.emulator.engine.margin import afford
from bingx_async.emulator.engine.matching import enter
from bingx_async.emulator.engine.orders import TRAILING, OrderRecord
from bingx_async.emulator.engine.state import State
from bingx_async.errors import ApiError
from bingx_async.swap.models.common import OrderSide, OrderStatus

__all__ = ["watch"]


def watch(state: State, book: Book) -> None:
    """Trigger the orders of one contract that the prices of this tick trigger, oldest first."""
    for order in list(book.waiting.values()):
        price = working_price(state.market, book.symbol, order.working_type, state.tick)
        if order.waiting and _due(order, price):
            _fire(state, book, order)


def _due(order: OrderRecord, price: Decimal) -> bool:
    """
    Tell whether a price triggers an order; a trailing order takes note of the price.

    Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
    """
    if order.type not in TRAILING:
        assert order.stop_price is not None
        return price >= order.stop_price if order.above else price <= order.stop_price
    selling = order.side == OrderSide.SELL
    if order.extreme is None:
        assert order.activation_price is not None
        if price >= order.activation_price if selling else price <= order.activation_price:
            order.extreme = price
        return False
    order.extreme = max(order.extreme, price) if selling else min(order.extreme, price)
    distance = order.price
    if distance is None:
        assert order.price_rate is not None
        distance = order.extreme * order.price_rate
    return price <= order.extreme - distance if selling else price >= order.extreme + distance


def _fire(state: State, book: Book, order: OrderRecord) -> None:
    """Let a triggered order come to the book, as large as what it is to close."""
    account = state.accounts[order.uid]
    order.waiting = False
    book.take_out(order)
    if order.parent_id is not None:
        for number in state.orders[order.parent_id].children:
            if number != order.order_id and state.orders[number].waiting:
                state.finish(state.orders[number], OrderStatus.CANCELLED, "the other one triggered")
    if order.reducing:
        held = account.reducible(order.symbol, order.position_side, order.side)
        if not held:
            state.finish(order, OrderStatus.CANCELLED, "there is nothing to close")
            return
        order.quantity = held if order.close_position else min(order.quantity, held)
    try:
        afford(state, account, order, order.limit or state.market.price(order.symbol, state.tick))
    except ApiError as refusal:
        state.finish(order, OrderStatus.FAILED, refusal.message)
        return
    enter(state, order)

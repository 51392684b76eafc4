"""How an order is accepted."""

from __future__ import annotations

from bingx_async.emulator.engine.accounts import Account
from bingx_async.emulator.engine.margin import afford
from bingx_async.emulator.engine.matching import enter, would_take
from bingx_async.emulator.engine.orders import OrderRecord
from bingx_async.emulator.engine.rules import draft
from bingx_async.emulator.engine.state import State, refuse
from bingx_async.swap.models.common import OrderStatus, TimeInForce
from bingx_async.swap.models.orders import NewOrder

__all__ = ["accept", "check"]


def check(state: State, account: Account, new: NewOrder, *, minimums: bool = True) -> OrderRecord:
    """
    Make the record of an order that would be accepted now; nothing is changed.

    Raises:
        ApiError: It would be refused.
    """
    order = draft(state, account, new, minimums=minimums)
    if not order.waiting:
        price = order.limit or state.market.price(order.symbol, state.tick)
        afford(state, account, order, price)
        if order.time_in_force == TimeInForce.POST_ONLY and would_take(state, order):
            raise refuse(
                101215,
                "The Maker (Post Only) order ensures that the user always acts as a maker. If the"
                " order would immediately match with available orders in the market, it will be"
                " canceled.",
            )
    return order


def accept(state: State, account: Account, order: OrderRecord) -> OrderRecord:
    """Give a checked order its number, and let it come to the book or wait for its trigger."""
    order.order_id = state.next_id()
    account.add(order)
    state.orders[order.order_id] = order
    if order.waiting:
        order.status = OrderStatus.PENDING
        state.book(order.symbol).waiting[order.order_id] = order
        state.changed(order)
    else:
        state.changed(order)
        enter(state, order)
    return order

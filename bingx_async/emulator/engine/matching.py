"""
Who trades with whom.

An order that comes to the book takes the best price first: resting orders of other accounts at the
price of the resting order, the market's levels at theirs. It never trades with an order of its own
account; such an order is passed over and stays. When a tick's liquidity reaches an order that
rests, the order is filled as a maker at its own limit, as if the market had come to it.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Final, NamedTuple

from bingx_async.emulator.engine.book import Book
from bingx_async.emulator.engine.orders import LIMITED, OrderRecord, Role
from bingx_async.emulator.engine.settling import Trade, settle
from bingx_async.emulator.engine.state import State
from bingx_async.swap.models.common import OrderSide, OrderStatus, TimeInForce

__all__ = ["cross", "enter", "fillable", "would_take"]

ZERO: Final = Decimal(0)


class _Offer(NamedTuple):
    """What an order can trade with; the market if there is no maker."""

    price: Decimal
    quantity: Decimal
    maker: OrderRecord | None


def enter(state: State, order: OrderRecord) -> None:
    """Let an order come to the book: it takes what it may, and rests or ends with the rest."""
    book = state.book(order.symbol)
    if order.time_in_force == TimeInForce.FOK and not fillable(state, order):
        state.finish(order, OrderStatus.CANCELLED, "not all of it can be filled at once")
        return
    if order.time_in_force == TimeInForce.POST_ONLY and would_take(state, order):
        state.finish(order, OrderStatus.CANCELLED, "it would have been filled at once")
        return
    while order.is_open and (offer := _best(state, book, order)) is not None:
        _trade(state, book, order, offer)
    if not order.is_open:
        return
    if order.type in LIMITED and order.time_in_force in {TimeInForce.GTC, TimeInForce.POST_ONLY}:
        order.rank = state.next_rank()
        book.rest(order)
        if not order.executed:
            order.status = OrderStatus.PENDING
        state.changed(order)
    else:
        state.finish(order, OrderStatus.CANCELLED, "nothing more could be filled at once")


def would_take(state: State, order: OrderRecord) -> bool:
    """Tell whether an order would be filled at once, at least in part."""
    return _best(state, state.book(order.symbol), order) is not None


def fillable(state: State, order: OrderRecord) -> bool:
    """Tell whether all of an order would be filled at once."""
    book = state.book(order.symbol)
    wanted = order.remaining
    if _room(state, order) < wanted:
        return False
    for level in book.offered(order.side, state.tick):
        if not order.accepts(level.price):
            break
        wanted -= level.quantity
    # The trades of one account with this order all move its position in one direction.
    moved: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for maker in book.opposite(order):
        key = (maker.uid, maker.position_side)
        quantity = maker.remaining
        if maker.reducing:
            quantity = max(ZERO, min(quantity, _room(state, maker) - moved[key]))
        moved[key] += quantity
        wanted -= quantity
    return wanted <= 0


def cross(state: State, book: Book) -> None:
    """Fill the orders that rest and that the market of this tick reaches."""
    if not book.crossed(state.tick):
        return
    for side in (OrderSide.BUY, OrderSide.SELL):
        for _, _, order in list(book.resting(side)):
            if not _come_to(state, book, order):
                break


def _come_to(state: State, book: Book, order: OrderRecord) -> bool:
    """Fill an order that rests from the market; tell whether the market reached it."""
    at = state.tick
    while (level := next(book.offered(order.side, at), None)) and order.accepts(level.price):
        quantity = min(level.quantity, _room(state, order)) if order.rank else ZERO
        if not quantity:
            return True
        assert order.price is not None
        book.eat(order.side, level.price, quantity, at)
        settle(state, order, Trade(state.next_id(), order.price, quantity, Role.MAKER, level.price))
    return False


def _room(state: State, order: OrderRecord) -> Decimal:
    """Tell how much of an order can trade, as far as it depends on the order itself."""
    if not order.reducing:
        return order.remaining
    account = state.accounts[order.uid]
    held = account.reducible(order.symbol, order.position_side, order.side)
    return min(order.remaining, held)


def _best(state: State, book: Book, order: OrderRecord) -> _Offer | None:
    room = _room(state, order)
    if not room:
        return None
    level = next(book.offered(order.side, state.tick), None)
    for maker in book.opposite(order):
        assert maker.price is not None
        if level is not None and _better(order.side, level.price, maker.price):
            break
        if quantity := min(room, _room(state, maker)):
            return _Offer(maker.price, quantity, maker)
    if level is None or not order.accepts(level.price):
        return None
    return _Offer(level.price, min(room, level.quantity), None)


def _better(side: OrderSide, price: Decimal, other: Decimal) -> bool:
    return price < other if side == OrderSide.BUY else price > other


def _trade(state: State, book: Book, order: OrderRecord, offer: _Offer) -> None:
    trade_id = state.next_id()
    price, quantity, maker = offer
    if maker is None:
        book.eat(order.side, price, quantity, state.tick)
        settle(state, order, Trade(trade_id, price, quantity, Role.TAKER, price))
    else:
        settle(state, maker, Trade(trade_id, price, quantity, Role.MAKER, None))
        settle(state, order, Trade(trade_id, price, quantity, Role.TAKER, None))

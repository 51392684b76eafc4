"""Orders of the engine: placed, cancelled, amended and replaced; positions closed."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from attrs import frozen

from bingx_async.emulator.engine.accounts import Account
from bingx_async.emulator.engine.core import Core
from bingx_async.emulator.engine.margin import afford
from bingx_async.emulator.engine.orders import OrderRecord
from bingx_async.emulator.engine.placing import accept, check
from bingx_async.emulator.engine.positions import Position
from bingx_async.emulator.engine.rules import check_amount, check_size
from bingx_async.emulator.engine.state import refuse
from bingx_async.errors import ApiError
from bingx_async.swap.models.common import (
    OrderStatus,
    OrderType,
    PositionSide,
    TimeInForce,
    WorkingType,
)
from bingx_async.swap.models.orders import NewOrder

__all__ = ["Replaced", "Reversed", "Trading"]

ZERO: Final = Decimal(0)
_ONLY: Final = {
    "ONLY_NEW": OrderStatus.NEW,
    "ONLY_PENDING": OrderStatus.PENDING,
    "ONLY_PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED,
}


@frozen
class Replaced:
    """
    What became of a cancellation and of the order in its place.

    Attributes:
        cancelled: The order that was cancelled; ``None`` if it was not.
        cancel_error: Why it was not.
        placed: The new order; ``None`` if it was not accepted.
        place_error: Why it was not; ``None`` also if it was not tried.
    """

    cancelled: OrderRecord | None
    cancel_error: ApiError | None
    placed: OrderRecord | None
    place_error: ApiError | None


@frozen
class Reversed:
    """
    A position that was turned around.

    Attributes:
        position_id: The position that was closed.
        orders: The orders that did it: one that closes, one that opens.
        position: What is open now; ``None`` if nothing could be opened.
    """

    position_id: int
    orders: tuple[OrderRecord, OrderRecord]
    position: Position | None


class Trading(Core):
    """Orders and closing."""

    def place(self, uid: str, new: NewOrder, now: datetime) -> OrderRecord:
        """
        Accept an order.

        Returns:
            Its record, which the engine goes on changing.

        Raises:
            InvalidRequest: It can never be accepted as it is.
            Rejected: It cannot be accepted as things stand.
        """
        self.advance(now)
        account = self.account(uid)
        return accept(self.state, account, check(self.state, account, new))

    def check(self, uid: str, new: NewOrder, now: datetime) -> OrderRecord:
        """Make the record of an order that would be accepted; its number is 0, nothing changes."""
        self.advance(now)
        return check(self.state, self.account(uid), new)

    def find(
        self,
        uid: str,
        *,
        symbol: str | None = None,
        order_id: int | None = None,
        client_order_id: str | None = None,
    ) -> OrderRecord:
        """
        Find an order of any state by its number, or else by its client id.

        Raises:
            InvalidRequest: There is none, or of another symbol.
        """
        found = None
        if order_id is not None:
            found = self.state.orders.get(order_id)
        elif client_order_id is not None:
            found = self.account(uid).client_ids.get(client_order_id.lower())
        else:
            raise refuse(109400, "orderId or clientOrderId is needed")
        if found is None or found.uid != uid or symbol not in {None, found.symbol}:
            raise refuse(109421, "order not exist")
        return found

    def cancel(
        self,
        uid: str,
        now: datetime,
        *,
        symbol: str | None = None,
        order_id: int | None = None,
        client_order_id: str | None = None,
    ) -> OrderRecord:
        """
        Cancel an order.

        Raises:
            InvalidRequest: There is no such order.
            Rejected: It has ended already.
        """
        self.advance(now)
        order = self._open(uid, symbol, order_id, client_order_id)
        self.state.finish(order, OrderStatus.CANCELLED, "as asked for")
        return order

    def cancel_all(
        self,
        uid: str,
        now: datetime,
        *,
        symbol: str | None = None,
        order_type: OrderType | None = None,
    ) -> list[OrderRecord]:
        """Cancel all open orders, or those of a symbol, a type."""
        self.advance(now)
        found = [
            order
            for order in self.account(uid).open_orders.values()
            if symbol in {None, order.symbol} and order_type in {None, order.type}
        ]
        for order in found:
            self.state.finish(order, OrderStatus.CANCELLED, "as asked for")
        return found

    def cancel_all_after(self, uid: str, seconds: int | None, now: datetime) -> datetime | None:
        """
        Set the kill switch, or turn it off.

        Args:
            uid: Whose.
            seconds: From ``now`` until all open orders are cancelled; ``None`` turns it off.
            now: What time it is.

        Returns:
            When it acts; ``None`` if it is off.
        """
        at = self.advance(now)
        account = self.account(uid)
        account.cancel_at = None if seconds is None else at + timedelta(seconds=seconds)
        return account.cancel_at

    def amend(
        self,
        uid: str,
        quantity: Decimal,
        now: datetime,
        *,
        symbol: str | None = None,
        order_id: int | None = None,
        client_order_id: str | None = None,
    ) -> OrderRecord:
        """
        Change the quantity of an open order; a greater one loses its place in the book.

        Raises:
            InvalidRequest: There is no such order, or the quantity is none for it.
            Rejected: It has ended, or there is too little margin or position for the quantity.
        """
        self.advance(now)
        order = self._open(uid, symbol, order_id, client_order_id)
        account, book = self.account(uid), self.state.book(order.symbol)
        check_amount(quantity, book.contract)
        if order.close_position or quantity <= order.executed:
            raise refuse(109400, f"the quantity must be above the executed {order.executed}")
        reference = (
            order.limit or order.stop_price or self.market.price(order.symbol, self.state.tick)
        )
        check_size(quantity, reference, book.contract, closing=order.reducing)
        before = order.quantity
        if quantity > before and not order.waiting:
            self._check_more(account, order, quantity)
            book.take_out(order)
            order.rank = self.state.next_rank()
            order.quantity = quantity
            book.rest(order)
        order.quantity = quantity
        self.state.changed(order)
        return order

    def replace(
        self,
        uid: str,
        new: NewOrder,
        now: datetime,
        *,
        allow_failure: bool = False,
        order_id: int | None = None,
        client_order_id: str | None = None,
        restriction: str | None = None,
    ) -> Replaced:
        """
        Cancel an order and place another.

        Args:
            uid: Whose.
            new: The order to place.
            now: What time it is.
            allow_failure: Whether it is placed even if the cancellation fails.
            order_id: The order to cancel.
            client_order_id: The order to cancel, without ``order_id``.
            restriction: ``ONLY_NEW``, ``ONLY_PENDING`` or ``ONLY_PARTIALLY_FILLED``: the only
                status in which it is cancelled.
        """
        self.advance(now)
        cancelled = cancel_error = placed = place_error = None
        try:
            order = self._open(uid, new.symbol, order_id, client_order_id)
            if restriction is not None and order.status != _ONLY.get(restriction):
                raise refuse(109422, f"the order is {order.status}, not as {restriction} wants it")
            self.state.finish(order, OrderStatus.CANCELLED, "replaced")
            cancelled = order
        except ApiError as exc:
            cancel_error = exc
        if cancel_error is None or allow_failure:
            try:
                placed = self.place(uid, new, now)
            except ApiError as exc:
                place_error = exc
        return Replaced(cancelled, cancel_error, placed, place_error)

    def close_position(self, uid: str, position_id: int, now: datetime) -> OrderRecord:
        """
        Close a position at the market, whatever orders rest to close it.

        Raises:
            Rejected: There is no such position.
        """
        self.advance(now)
        account = self.account(uid)
        return self._close(account, self._held(account, position_id))

    def close_all(self, uid: str, now: datetime, *, symbol: str | None = None) -> list[OrderRecord]:
        """Close all positions, or those of a symbol, at the market."""
        self.advance(now)
        account = self.account(uid)
        return [
            self._close(account, position)
            for position in list(account.positions.values())
            if symbol in {None, position.symbol}
        ]

    def reverse(
        self, uid: str, symbol: str, now: datetime, *, position_side: PositionSide | None = None
    ) -> Reversed:
        """
        Close a position and open one of the same size in the other direction, at the market.

        Args:
            uid: Whose.
            symbol: Trading pair with a hyphen.
            now: What time it is.
            position_side: Which one, where a long and a short one are open in hedge mode.

        Raises:
            Rejected: There is no such position, or two; or it was closed, but only in part, or the
                margin is insufficient for the new one.
        """
        self.advance(now)
        account = self.account(uid)
        held = [
            it
            for it in account.positions.values()
            if it.symbol == symbol and position_side in {None, it.side}
        ]
        if len(held) != 1:
            raise refuse(109420, f"there is no one position of {symbol} to reverse")
        (position,) = held
        quantity, side = abs(position.quantity), position.closing_side
        other = PositionSide.BOTH
        if account.hedge:
            other = PositionSide.SHORT if position.is_long else PositionSide.LONG
        closing = self._close(account, position)
        if position.quantity:
            raise refuse(110203, "the position could not be closed as a whole")
        new = NewOrder(
            symbol=symbol,
            side=side,
            type=OrderType.MARKET,
            position_side=other,
            quantity=quantity,
        )
        opening = accept(self.state, account, check(self.state, account, new, minimums=False))
        return Reversed(position.position_id, (closing, opening), account.position(symbol, other))

    def _close(self, account: Account, position: Position) -> OrderRecord:
        order = OrderRecord(
            order_id=0,
            uid=account.uid,
            symbol=position.symbol,
            side=position.closing_side,
            position_side=position.side,
            type=OrderType.MARKET,
            quantity=abs(position.quantity),
            time=self.now,
            update_time=self.now,
            time_in_force=TimeInForce.GTC,
            working_type=WorkingType.MARK_PRICE,
            leverage=position.leverage,
            hedge=account.hedge,
            reduce_only=not account.hedge,
            reducing=True,
            position_id=position.position_id,
        )
        return accept(self.state, account, order)

    def _open(
        self, uid: str, symbol: str | None, order_id: int | None, client_order_id: str | None
    ) -> OrderRecord:
        order = self.find(uid, symbol=symbol, order_id=order_id, client_order_id=client_order_id)
        if not order.is_open:
            raise refuse(109422, f"the order is {order.status} already")
        return order

    def _check_more(self, account: Account, order: OrderRecord, quantity: Decimal) -> None:
        """Check that there is enough margin, or position, for more of an order that rests."""
        before, more = order.quantity, quantity - order.quantity
        if order.reducing:
            closable = account.closable(order.symbol, order.position_side, order.side)
            if more > closable:
                raise refuse(110424, f"The order size must be less than {before + closable}")
            return
        rank, order.rank = order.rank, 0  # what it has set aside already counts as available
        order.quantity = quantity
        try:
            afford(self.state, account, order, order.price or ZERO)
        finally:
            order.rank, order.quantity = rank, before

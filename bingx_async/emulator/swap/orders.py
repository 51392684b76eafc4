"""Orders, as the emulator takes them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import attrs

from bingx_async.emulator import engine, shown
from bingx_async.emulator.call import invalid
from bingx_async.emulator.swap.order_queries import OrderQueries
from bingx_async.errors import ApiError
from bingx_async.swap import orders as declared
from bingx_async.swap.models.common import (
    CancelReplaceMode,
    CountdownAction,
    CountdownStatus,
    OrderSide,
    OrderType,
    PositionSide,
)
from bingx_async.swap.models.orders import (
    AmendedOrder,
    CancelledOrders,
    Countdown,
    FailedOrder,
    NewOrder,
    NewReplacement,
    Order,
    PlacedOrders,
    Replacement,
)

__all__ = ["Orders"]

_NEW: Final = tuple(field.name for field in attrs.fields(NewOrder))


class Orders(OrderQueries, declared.Orders):
    """Placing, cancelling and replacing orders."""

    # What the orders are like is not looked at here, so it travels through as it comes.

    async def place_order(
        self,
        symbol: str,
        side: OrderSide,
        type: OrderType,  # noqa: A002 - the exchange's name for it
        **given: Any,
    ) -> Order:
        new = NewOrder(symbol=symbol, side=side, type=type, **given)
        return shown.acknowledged(self._engine.place(self._uid, new, self._now))

    async def test_order(
        self,
        symbol: str,
        side: OrderSide,
        type: OrderType,  # noqa: A002
        **given: Any,
    ) -> Order:
        new = NewOrder(symbol=symbol, side=side, type=type, **given)
        return shown.acknowledged(self._engine.check(self._uid, new, self._now))

    async def place_orders(self, batch_orders: list[NewOrder]) -> PlacedOrders:
        placed = PlacedOrders()
        for new in batch_orders:
            try:
                made = self._engine.place(self._uid, new, self._now)
                placed.orders.append(shown.acknowledged(made))
            except ApiError as refusal:
                failed = _failed(refusal, None, new.client_order_id)
                failed.symbol, failed.side, failed.type = new.symbol, new.side, new.type
                failed.position_side = new.position_side
                placed.errors.append(failed)
        return placed

    async def cancel_order(
        self, symbol: str, order_id: int | None = None, client_order_id: str | None = None
    ) -> Order:
        return shown.order(self._cancel(symbol, order_id, client_order_id))

    async def cancel_orders(
        self,
        symbol: str,
        order_id_list: list[int] | None = None,
        client_order_id_list: list[str] | None = None,
    ) -> CancelledOrders:
        named: list[tuple[int | None, str | None]]
        named = [(number, None) for number in order_id_list or ()]
        named = named or [(None, own) for own in client_order_id_list or ()]
        cancelled = CancelledOrders()
        for number, own in named:
            try:
                cancelled.success.append(shown.order(self._cancel(symbol, number, own)))
            except ApiError as refusal:
                cancelled.failed.append(_failed(refusal, number, own))
        return cancelled

    async def cancel_all_orders(
        self,
        symbol: str | None = None,
        type: OrderType | None = None,  # noqa: A002
    ) -> CancelledOrders:
        self._check_symbol(symbol)
        found = self._engine.cancel_all(self._uid, self._now, symbol=symbol, order_type=type)
        return CancelledOrders([shown.order(each) for each in found])

    async def cancel_all_after(
        self,
        type: CountdownAction,  # noqa: A002
        time_out: int,
    ) -> Countdown:
        if not type.is_known:
            raise invalid(f"type {type} is neither ACTIVATE nor CLOSE")
        seconds = time_out if type == CountdownAction.ACTIVATE else None
        at = self._engine.cancel_all_after(self._uid, seconds, self._now)
        if at is None:
            return Countdown(CountdownStatus.CLOSED, None, "The countdown does not run")
        return Countdown(
            CountdownStatus.ACTIVATED, at, f"All open orders will be cancelled at {at:%F %T} UTC"
        )

    async def replace_order(
        self,
        cancel_replace_mode: CancelReplaceMode,
        symbol: str,
        side: OrderSide,
        type: OrderType,  # noqa: A002
        position_side: PositionSide,
        **given: Any,
    ) -> Replacement:
        return self._replace(
            NewReplacement(
                cancel_replace_mode=cancel_replace_mode,
                symbol=symbol,
                side=side,
                type=type,
                position_side=position_side,
                **given,
            )
        )

    async def replace_orders(self, batch_orders: list[NewReplacement]) -> list[Replacement]:
        return [self._replace(new) for new in batch_orders]

    async def amend_order(
        self,
        symbol: str,
        quantity: Decimal,
        *,
        order_id: int | None = None,
        client_order_id: str | None = None,
    ) -> AmendedOrder:
        self._check_symbol(symbol)
        amended = self._engine.amend(
            self._uid,
            quantity,
            self._now,
            symbol=symbol,
            order_id=order_id,
            client_order_id=client_order_id,
        )
        return AmendedOrder(
            amended.order_id, amended.symbol, amended.quantity, amended.client_order_id
        )

    # --- what several of them need ----------------------------------------------------------

    def _cancel(
        self, symbol: str, order_id: int | None, client_order_id: str | None
    ) -> engine.OrderRecord:
        self._check_symbol(symbol)
        return self._engine.cancel(
            self._uid, self._now, symbol=symbol, order_id=order_id, client_order_id=client_order_id
        )

    def _replace(self, new: NewReplacement) -> Replacement:
        done = self._engine.replace(
            self._uid,
            NewOrder(**{name: getattr(new, name) for name in _NEW}),
            self._now,
            allow_failure=new.cancel_replace_mode == CancelReplaceMode.ALLOW_FAILURE,
            order_id=new.cancel_order_id,
            client_order_id=new.cancel_client_order_id,
            restriction=new.cancel_restrictions,
        )
        return Replacement(
            cancel_result=done.cancelled is not None,
            cancel_msg=done.cancel_error.message if done.cancel_error else "",
            cancel_response=shown.order(done.cancelled) if done.cancelled else None,
            replace_result=done.placed is not None,
            replace_msg=done.place_error.message if done.place_error else "",
            new_order_response=shown.order(done.placed) if done.placed else None,
        )


def _failed(refusal: ApiError, order_id: int | None, client_order_id: str | None) -> FailedOrder:
    return FailedOrder(refusal.code, refusal.message, order_id, client_order_id)

"""
Orders that are placed exactly once, whatever the network does.

A write whose outcome is unknown must not be repeated blindly: the first one may have been executed.
It can be repeated if it carries an id of the caller's own, since the exchange takes each of them
once. So every order here carries one, and after an unknown outcome the exchange is asked for it:

- it has an order of this id: that is the order, and it was placed once;
- it has none: the order is sent again, with the same id. Should the first request have been under
  way all the time and arrive now, one of the two is refused as a duplicate, and the id leads to the
  other.

The ids are also what is left after a crash. Who writes them down before placing can call with the
same orders again afterwards, and gets those that were placed before as they are.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Sequence
from typing import Any, Final

from attrs import asdict, define, evolve

from bingx_async.backoff import pause_before
from bingx_async.errors import (
    ApiError,
    BingXError,
    DecodeError,
    InvalidRequest,
    NotSent,
    OutcomeUnknown,
    Unavailable,
)
from bingx_async.swap.models.common import OrderType
from bingx_async.swap.models.orders import NewOrder, Order, PlacedOrders
from bingx_async.swap.orders import Orders

__all__ = ["ExactlyOnce"]

_log: Final = logging.getLogger("bingx_async")

# The exchange takes an id of the caller's own with these only.
_WITH_ID: Final = frozenset({OrderType.LIMIT, OrderType.MARKET})
# "clientOrderID already used", and "submitted twice within a second".
_DUPLICATE: Final = frozenset({101481, 109201})
_NO_SUCH_ORDER: Final = frozenset({80016, 109421})
_BATCH: Final = 5
# A request older than the client's ``recv_window`` is not executed any more (its default, in
# seconds). As long as an earlier one may arrive, a refusal of a later one is not the last word.
_IN_FLIGHT: Final = 5.0
# An order may show a little later than it was accepted, so absence is believed at the second look.
_LOOKS: Final = 2
# After these the next question may be answered.
_PASSING: Final = (OutcomeUnknown, Unavailable, DecodeError, NotSent)


class ExactlyOnce(Orders):
    """Orders that are placed exactly once; a key is needed."""

    async def place_order_once(
        self, order: NewOrder, *, is_new: bool = False, patience: float = 60.0
    ) -> Order:
        """
        Place an order exactly once, whatever the network does.

        Args:
            order: A LIMIT or MARKET order; the exchange takes ids with no others. Without a
                ``client_order_id`` it is given a new one. With one the exchange is asked first
                whether it has the order already, so that calling again after a crash is safe.
            is_new: True if no order was ever sent with this ``client_order_id``, which saves the
                first question.
            patience: Seconds to keep asking after an unknown outcome. It bounds the time for which
                the exchange may be out of reach, not the wait for permits.

        Returns:
            The order. If it had been placed before, it comes as it stands now.

        Raises:
            InvalidRequest: It is of another type, or its id belongs to another order.
            OutcomeUnknown: The exchange could not be asked for as long as ``patience``; the
                message names the id, with which this method can be called again.
            BingXError: The order certainly was not placed; see :mod:`bingx_async.errors`.
        """
        (placed,) = await self.place_orders_once([order], is_new=is_new, patience=patience)
        if isinstance(placed, BingXError):
            raise placed
        return placed

    async def place_orders_once(
        self, orders: Sequence[NewOrder], *, is_new: bool = False, patience: float = 60.0
    ) -> list[Order | BingXError]:
        """
        Place any number of orders, each exactly once, whatever the network does.

        They are sent in batches of five, one batch after the other, and a single one by itself.

        Args:
            orders: As for :meth:`place_order_once`.
            is_new: As for :meth:`place_order_once`, for all of them.
            patience: As for :meth:`place_order_once`, for each batch.

        Returns:
            For each order, in the same order, what was placed, or the error that
            :meth:`place_order_once` would have raised.

        Raises:
            InvalidRequest: One is of a type that takes no id, or two have the same; nothing was
                sent.
        """
        pending = [_Pending.of(order, is_new=is_new) for order in orders]
        if len({one.id for one in pending}) < len(pending):
            raise InvalidRequest("two orders have the same client_order_id")
        for start in range(0, len(pending), _BATCH):
            await self._settle(pending[start : start + _BATCH], patience)
        return [one.outcome for one in pending if one.outcome is not None]

    async def _settle(self, batch: list[_Pending], patience: float) -> None:
        """Give every order of a batch its outcome."""
        waits = {one.id: _Waits(patience) for one in batch}

        async def look(those: list[_Pending], looks: int) -> None:
            await asyncio.gather(*(self._look(one, waits[one.id], looks=looks) for one in those))

        await look([one for one in batch if one.look_first], 1)
        while open_ := [one for one in batch if one.outcome is None]:
            await self._send(open_)
            await look([one for one in open_ if one.outcome is None], _LOOKS)
            if again := [one for one in open_ if one.outcome is None]:
                await waits[again[0].id].pause()

    async def _send(self, batch: list[_Pending]) -> None:
        """Send orders once, and note what is certain about each."""
        try:
            if len(batch) == 1:
                batch[0].outcome = await self.place_order(**batch[0].arguments)
                return
            answer = await self.place_orders([one.order for one in batch])
        except (OutcomeUnknown, Unavailable, DecodeError) as exc:
            _log.warning("%s; looking for %s", exc, ", ".join(one.id for one in batch))
            for one in batch:
                one.doubt()
        except BingXError as exc:
            for one in batch:
                one.refuse(exc)
        else:
            _note(batch, answer)

    async def _look(self, one: _Pending, waits: _Waits, *, looks: int) -> None:
        """Ask for an order until it is known whether the exchange has it."""
        while looks or one.may_still_arrive:
            try:
                found = await self.order(one.order.symbol, client_order_id=one.id)
            except BingXError as exc:
                if isinstance(exc, InvalidRequest) and exc.code in _NO_SUCH_ORDER:
                    looks = max(0, looks - 1)
                    waits.begin_anew()
                elif waits.are_over or not isinstance(exc, _PASSING):
                    one.outcome = one.unknown(exc) if one.is_in_doubt else exc
                    return
            else:
                one.outcome = one.as_found(found)
                return
            if looks or one.may_still_arrive:
                await waits.pause()
        one.outcome = one.refusal
        if one.outcome is None and waits.are_over:
            one.outcome = one.unknown(None)


@define(eq=False)
class _Pending:
    """
    An order that has no outcome yet.

    Attributes:
        order: The order, with its id.
        look_first: Whether an order of this id may have been placed before.
        doubted_at: When it was sent last without anybody knowing what became of it, on the clock
            of the event loop; ``None`` if that is known of every sending.
        refusal: Why the exchange refused it last.
        outcome: What is certain in the end.
    """

    order: NewOrder
    look_first: bool
    doubted_at: float | None = None
    refusal: BingXError | None = None
    outcome: Order | BingXError | None = None

    @classmethod
    def of(cls, order: NewOrder, *, is_new: bool) -> _Pending:
        """Give an order an id, if it has none."""
        if order.type.is_known and order.type not in _WITH_ID:
            raise InvalidRequest(
                f"type {order.type} cannot be placed exactly once: the exchange takes a"
                " client_order_id with LIMIT and MARKET orders only"
            )
        if order.client_order_id is None:
            return cls(evolve(order, client_order_id=uuid.uuid4().hex), look_first=False)
        return cls(order, look_first=not is_new)

    @property
    def id(self) -> str:
        """The id as the exchange keeps it."""
        return (self.order.client_order_id or "").lower()

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of ``place_order``."""
        given = asdict(self.order, recurse=False)
        return {name: value for name, value in given.items() if value is not None}

    @property
    def is_in_doubt(self) -> bool:
        """Whether it was sent, and nobody knows what became of it."""
        return self.doubted_at is not None

    @property
    def may_still_arrive(self) -> bool:
        """Whether a refusal may be due to an earlier sending that is under way."""
        if self.refusal is None or self.doubted_at is None:
            return False
        return _now() < self.doubted_at + _IN_FLIGHT

    def doubt(self) -> None:
        """Note that nobody knows what became of the last attempt."""
        self.doubted_at = _now()

    def refuse(self, refusal: BingXError) -> None:
        """Note that the exchange, or this package, said no to the last attempt."""
        if isinstance(refusal, ApiError) and refusal.code in _DUPLICATE:
            self.doubt()  # an earlier attempt arrived, or another order has this id
        elif self.is_in_doubt:
            self.refusal = refusal  # perhaps because an earlier attempt arrived
        else:
            self.outcome = refusal

    def as_found(self, found: Order) -> Order | BingXError:
        """Return the order that the exchange has under this id, unless it is another one."""
        wanted = self.order
        pairs = {
            "symbol": (wanted.symbol, found.symbol),
            "side": (wanted.side, found.side),
            "type": (wanted.type, found.type),
            "position_side": (wanted.position_side, found.position_side),
            "quantity": (wanted.quantity, found.orig_qty),
            "price": (wanted.price, found.price if wanted.type == OrderType.LIMIT else None),
        }
        for name, (asked, has) in pairs.items():
            if asked is not None and has is not None and asked != has:
                return InvalidRequest(
                    f"client_order_id {self.id!r} belongs to another order, number"
                    f" {found.order_id}: its {name} is {has}, not {asked}"
                )
        return found

    def unknown(self, cause: BingXError | None) -> OutcomeUnknown:
        """Make the error that says that nobody knows."""
        reason = f"it cannot be asked for ({cause})" if cause else "the exchange does not show it"
        return OutcomeUnknown(
            f"the order with the client_order_id {self.id!r} may be on the book, but {reason};"
            " call again with the same id later",
            endpoint="swap.place_order",
        )


def _now() -> float:
    return asyncio.get_running_loop().time()


def _note(batch: list[_Pending], answer: PlacedOrders) -> None:
    """Note what the answer to a batch says of each order."""
    by_id = {one.id: one for one in batch}
    for placed in answer.orders:
        if one := by_id.get((placed.client_order_id or "").lower()):
            one.outcome = placed
    for refused in answer.errors:
        if one := by_id.get((refused.client_order_id or "").lower()):
            one.refuse(refused.error)
    for one in batch:
        if one.outcome is None and one.refusal is None:  # the answer says nothing of it
            one.doubt()


class _Waits:
    """Pauses that grow while the exchange cannot be asked, and an end to them."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._started: float | None = None
        self._pauses = 0

    @property
    def are_over(self) -> bool:
        """Whether there was enough waiting."""
        if self._started is None:
            self._started = _now()
        return _now() - self._started >= self._patience

    def begin_anew(self) -> None:
        """Let the pauses be short again, because the exchange answers."""
        self._pauses = 0

    async def pause(self) -> None:
        """Wait a moment; how long is random up to a limit that doubles."""
        await asyncio.sleep(pause_before(self._pauses))
        self._pauses += 1

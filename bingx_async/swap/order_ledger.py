"""
What was told of one order, and what is still to be told; no network, no clock.

The stream and the histories describe the same trades in two ways, and neither alone tells whether
all of them were seen. The stream counts what an order has filled so far, but does not say how much
one trade was. The histories list the trades, but do not count. So a ledger holds three things:

* the trades that were told, by number. Nothing says that both sides count trades alike; a trade
  that matches in all else (count or quantity, and moment) is the same one with another number.
* up to which quantity everything is told (``whole``). If an order has filled more than that, a
  trade is missing, and was made after ``whole_at``.
* what the stream said last (``latest``), from which the next trade's quantity is worked out. The
  mean price proves that nothing lies in between: the value of all fills less the value before must
  be the value of the trade.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from attrs import define, evolve, field, frozen

from bingx_async.swap.models.common import OrderSide, OrderStatus, OrderType, StopGuaranteed
from bingx_async.swap.models.events import ExecutionType, OrderEvent
from bingx_async.swap.models.orders import Fill, Order

__all__ = ["Mark", "OrderLedger", "Reckoning", "Told", "event_of_fill", "event_of_order"]

ZERO: Final = Decimal(0)

# A mean price may be rounded to the contract's step, however many digits are sent.
_ROUNDING: Final = Decimal("0.00002")
# A price that is not known better than to a basis point is not known.
_VAGUE: Final = Decimal("0.0001")
_EIGHT_PLACES: Final = Decimal("1e-8")

_END: Final = {
    OrderStatus.CANCELLED: ExecutionType.CANCELLED,
    OrderStatus.EXPIRED: ExecutionType.EXPIRED,
    OrderStatus.FAILED: ExecutionType.EXPIRED,
}

_NO_TRADE: Final[dict[str, Any]] = dict.fromkeys(
    (
        "commission",
        "commission_asset",
        "realised_profit",
        "trade_id",
        "quote_qty",
        "last_qty",
        "last_price",
    )
)


@frozen
class Mark:
    """
    How far an order was filled.

    Attributes:
        qty: The quantity, in the traded asset.
        value: Its value; ``None`` if it is not known.
        slack: By how much the value may be off, because a mean price was rounded.
    """

    qty: Decimal = ZERO
    value: Decimal | None = ZERO
    slack: Decimal = ZERO

    @classmethod
    def of(cls, qty: Decimal | None, avg_price: Decimal | None) -> Mark:
        """Make a mark of a quantity and the mean price of it."""
        if not qty:
            return cls()
        if not avg_price:
            return cls(qty, None)
        return cls(qty, qty * avg_price, qty * _half(avg_price))

    def plus(self, qty: Decimal, price: Decimal | None) -> Mark:
        """Tell how far it is filled after one more trade."""
        if self.value is None or price is None:
            return Mark(self.qty + qty, None)
        return Mark(self.qty + qty, self.value + qty * price, self.slack)


@define(eq=False)
class Told:
    """
    A trade that was told.

    Attributes:
        number: The exchange's number.
        time: When it was made.
        qty: How much; ``None`` if it is not known.
        value: Its value, as far as the stream tells it.
        mark: How far the order was filled afterwards; ``None`` if it is not known.
        recovered: Whether a history told of it, not the stream.
    """

    number: int | None
    time: datetime
    qty: Decimal | None
    value: Decimal | None
    mark: Mark | None
    recovered: bool

    def resembles(self, fill: Fill) -> bool:
        """Tell whether a trade of the history is of the same size."""
        if self.qty is not None or not self.value:
            return self.qty in {None, fill.qty}
        return abs(self.value - fill.qty * fill.price) <= 2 * _half(self.value)


class Reckoning(NamedTuple):
    """
    What the history of trades says of an order.

    Attributes:
        untold: The trades to tell, oldest first, and how far each filled the order.
        total: How far it is filled by all that is known.
    """

    untold: list[tuple[Fill, Mark]]
    total: Mark


@define(eq=False, kw_only=True)
class OrderLedger:
    """
    The ledger of one order.

    Attributes:
        base: What was told of the order last, or how it stood.
        placed: When it was placed, if that is known.
        whole: Up to here all trades are told, or were made before anybody listened.
        whole_at: When that was so.
        latest: The farthest that the stream, or a history, has told of.
        reached: How far the exchange says that it is filled.
        is_over: Whether it has ended, and that was told.
        fills: The trades that were told lately.
        has_waited: Whether missing trades were waited for in vain.
    """

    base: OrderEvent
    placed: datetime | None = None
    whole: Mark = field(factory=Mark)
    whole_at: datetime
    latest: Mark = field(factory=Mark)
    reached: Decimal = ZERO
    is_over: bool = False
    fills: OrderedDict[Hashable, Told] = field(factory=OrderedDict[Hashable, Told])
    has_waited: bool = False
    _last: Hashable = None  # the last change that was told, with its time
    _recovered: Hashable = None  # the last one that a history told of, and until when it counts
    _recovered_until: datetime | None = None

    @classmethod
    def of(cls, row: Order, at: datetime) -> OrderLedger:
        """Open the ledger of an order that was there before anybody listened."""
        filled = Mark.of(row.executed_qty, row.avg_price)
        return cls(
            base=event_of_order(row),
            placed=row.time,
            whole=filled,
            whole_at=at,
            latest=filled,
            reached=filled.qty,
        )

    @property
    def has_ended(self) -> bool:
        """Whether it is known how it ended; an order that vanished is over all the same."""
        return self.is_over and self.base.status.is_final

    @property
    def is_whole(self) -> bool:
        """Whether all trades that the exchange speaks of are told."""
        return self.reached <= self.whole.qty

    # --- what the stream says -----------------------------------------------------------------

    def take_fill(self, event: OrderEvent, when: datetime) -> OrderEvent | None:
        """Complete a trade that came on the stream; ``None`` if it was told."""
        number, mark = event.trade_id or None, None
        if event.executed_qty is not None:
            mark = Mark.of(event.executed_qty, event.avg_price)
        if self._has(number, mark, when):
            return None
        qty = price = None
        if mark is not None:
            before = self._before(mark, event)
            if before is not None:
                qty, price = mark.qty - before.qty, _price(event, mark, before)
            self.reached = max(self.reached, mark.qty)
        self._note(Told(number, when, qty, event.quote_qty, mark, recovered=False))
        status = event.status
        if self.has_ended:  # it comes late, and must not bring the order back to life
            status = self.base.status
        elif not self.is_over:
            self.base, self.is_over = event, status.is_final
        return evolve(event, status=status, last_qty=qty, last_price=price)

    def take_change(self, event: OrderEvent, when: datetime) -> OrderEvent | None:
        """Take a change that is no trade; ``None`` if it was told, or is behind what was told."""
        filled, ends = event.executed_qty, event.status.is_final
        if self.is_over or (filled is not None and filled < self.latest.qty and not ends):
            return None
        change = _change(event)
        if self._last == (change, when):
            return None
        if self._recovered == change and self._recovered_until is not None:
            if when <= self._recovered_until:
                return None
            self._recovered = None
        self._last = change, when
        self.base, self.is_over = event, ends
        self.reached = max(self.reached, filled or ZERO)
        return event

    def forget(self, seen: datetime, kept: timedelta) -> None:
        """Forget trades of which nobody can ask any more if they were told."""
        horizon = min(seen, self.whole_at) - kept
        while self.fills:
            key, told = next(iter(self.fills.items()))
            if told.time >= horizon:
                return
            del self.fills[key]

    def _has(self, number: int | None, mark: Mark | None, when: datetime) -> bool:
        if number is not None and number in self.fills:
            return True
        return mark is not None and any(
            told.mark is not None
            and told.mark.qty == mark.qty
            and (
                None in {number, told.number}
                or (told.recovered and _is_same_moment(told.time, when))
            )
            for told in self.fills.values()
        )

    def _before(self, mark: Mark, event: OrderEvent) -> Mark | None:
        """Find out how far the order was filled before a trade."""
        for before in (self.latest, Mark()):
            if before.qty < mark.qty and self._is_next(before, mark, event.quote_qty):
                return before
        return None

    def _is_next(self, before: Mark, mark: Mark, value: Decimal | None) -> bool:
        if not value or mark.value is None or before.value is None:
            return before is self.latest  # nothing speaks against it
        slack = mark.slack + before.slack + _half(value) + mark.value * _ROUNDING
        return abs(mark.value - before.value - value) <= slack

    def _note(self, told: Told) -> None:
        key: Hashable = told.number
        if key is None:
            key = object() if told.mark is None else (told.mark.qty,)
        self.fills[key] = told
        if told.mark is not None and told.mark.qty > self.latest.qty:
            self.latest = told.mark
        self._join()

    def _join(self) -> None:
        """Let the whole grow as far as trade follows on trade."""
        follows: Told | None = None
        while self.whole.qty < self.latest.qty:
            for told in reversed(self.fills.values()):
                if (
                    told.qty
                    and told.mark is not None
                    and told.mark.qty - told.qty == self.whole.qty
                ):
                    follows = told
                    break
            else:
                return
            assert follows is not None
            assert follows.mark is not None
            self.whole = follows.mark
            self.whole_at = max(self.whole_at, follows.time)

    # --- what the histories say ---------------------------------------------------------------

    def reckon(self, fills: Iterable[Fill], *, begun: datetime) -> Reckoning:
        """
        Find the trades that are to be told.

        Args:
            fills: All trades of the order since ``whole_at``; older ones may be among them as long
                as those that were told of them are not forgotten.
            begun: Trades made earlier are nobody's business, unless the order was placed later.
        """
        is_ours = self.placed is not None and self.placed >= begun
        found: list[tuple[datetime, int, Decimal, Decimal | None, Fill | None]] = []
        pairs, left = self._pair(list(fills))
        for fill, told in pairs:
            if told is None:
                if is_ours or fill.filled_time >= begun:
                    number = _number(fill) or 0
                    found.append((fill.filled_time, number, fill.qty, fill.price, fill))
            elif self._is_beyond(told):
                found.append((fill.filled_time, told.number or 0, fill.qty, fill.price, None))
        found += [
            (told.time, told.number or 0, told.qty, None, None)
            for told in left
            if told.qty and self._is_beyond(told)
        ]
        at, untold = self.whole, list[tuple[Fill, Mark]]()
        for _, _, qty, price, unheard in sorted(found, key=lambda one: one[:2]):
            at = at.plus(qty, price)
            if unheard is not None:
                untold.append((unheard, at))
        return Reckoning(untold, at)

    def rebase(self, untold: Decimal) -> None:
        """Note that so much of what was thought to be told is not."""
        self.whole = self.latest = Mark(max(self.whole.qty - untold, ZERO), None)

    def recover(
        self, reckoning: Reckoning, row: Order | None, now: datetime, *, is_new: bool
    ) -> list[OrderEvent]:
        """
        Make the events that were missed, in the order in which they happened.

        Args:
            reckoning: What :meth:`reckon` has found.
            row: How the order stands, if that was asked for.
            now: When that was asked, by the exchange's clock; all up to then is told now.
            is_new: Whether the order was placed meanwhile.
        """
        before, was_over = self.base, self.is_over
        status = None if row is None else row.status
        is_final = status is not None and status.is_final
        if row is not None and (is_final or not was_over):
            self.base = event_of_order(row)
            self.reached = max(self.reached, row.executed_qty or ZERO)
        events: list[OrderEvent] = []
        if is_new and row is not None:
            stood = evolve(self.base, status=OrderStatus.NEW, executed_qty=ZERO, avg_price=ZERO)
            events.append(_changed(stood, ExecutionType.NEW, row.time or now))
        events += self._tell_trades(reckoning, is_filled=status == OrderStatus.FILLED)
        if row is not None and not was_over:
            execution = None if status is None else _END.get(status)
            if not (is_final or is_new) and _is_amended(before, self.base):
                execution = ExecutionType.NEW
            if execution is not None:
                events.append(_changed(self.base, execution, row.update_time or now))
            self._expect(events, max(now, row.update_time or now))
        self.is_over |= is_final
        if reckoning.total.qty >= self.reached:
            self._settle(reckoning.total, now)
        return events

    def _tell_trades(self, reckoning: Reckoning, *, is_filled: bool) -> list[OrderEvent]:
        """Make the events of trades, and note them."""
        is_whole = reckoning.total.qty >= self.reached
        events: list[OrderEvent] = []
        for fill, mark in reckoning.untold:
            ends = is_filled and is_whole and mark is reckoning.total
            events.append(self._trade_event(fill, mark, ends=ends))
            told = Told(
                number=_number(fill),
                time=fill.filled_time,
                qty=fill.qty,
                value=None,
                mark=mark if is_whole else None,  # which of them are missing, nobody knows
                recovered=True,
            )
            self._note(told)
        if events and not self.is_over and events[-1].status == OrderStatus.FILLED:
            self.base, self.is_over = events[-1], True  # since it was asked how the order stands
        return events

    def _expect(self, events: list[OrderEvent], until: datetime) -> None:
        """Note the change that was told last; the stream may be about to tell of it, too."""
        for event in events:
            if event.execution_type != ExecutionType.TRADE:
                self._recovered, self._recovered_until = _change(event), until

    def _settle(self, total: Mark, now: datetime) -> None:
        """Note that all is told."""
        self.whole, self.whole_at = total, max(self.whole_at, now)
        if total.qty > self.latest.qty or total.value is not None:
            self.latest = total
        self.has_waited = False
        for told in self.fills.values():
            if told.mark is None:
                told.mark = total

    def _is_beyond(self, told: Told) -> bool:
        return told.mark is None or told.mark.qty > self.whole.qty

    def _pair(self, fills: list[Fill]) -> tuple[list[tuple[Fill, Told | None]], list[Told]]:
        """Find for each trade of a history the one that was told; return the rest of these too."""
        pairs = [(fill, self.fills.get(_number(fill))) for fill in fills]
        listed = {id(told) for _, told in pairs}
        left = [told for told in self.fills.values() if id(told) not in listed]
        for place, (fill, found) in enumerate(pairs):
            if found is not None:
                continue
            for told in left:
                if told.recovered and None not in {told.number, _number(fill)}:
                    continue  # both numbers are the history's own
                if _is_same_moment(fill.filled_time, told.time) and told.resembles(fill):
                    pairs[place] = fill, told
                    left.remove(told)
                    break
        return pairs, left

    # --- events -------------------------------------------------------------------------------

    def _trade_event(self, fill: Fill, mark: Mark, *, ends: bool) -> OrderEvent:
        status = OrderStatus.PARTIALLY_FILLED
        if self.has_ended:
            status = self.base.status
        elif ends or mark.qty == self.base.orig_qty:
            status = OrderStatus.FILLED
        mean = self.base.avg_price
        if mark.qty != self.base.executed_qty:
            mean = mark.value and (mark.value / mark.qty).quantize(_EIGHT_PLACES)
        return evolve(
            self.base,
            execution_type=ExecutionType.TRADE,
            status=status,
            executed_qty=mark.qty,
            avg_price=mean,
            commission=fill.commission,
            commission_asset=fill.commission_asset,
            realised_profit=None,
            trade_id=_number(fill),
            quote_qty=fill.quote_qty,
            time=fill.filled_time,
            last_qty=fill.qty,
            last_price=fill.price,
            recovered=True,
        )


def event_of_order(row: Order) -> OrderEvent:
    """Describe an order as the stream does; what happened to it is for the caller to say."""
    status = row.status or OrderStatus.NEW
    guaranteed = row.stop_guaranteed
    return OrderEvent(
        symbol=row.symbol,
        order_id=row.order_id,
        side=row.side,
        type=row.type,
        execution_type=ExecutionType.NEW,
        status=OrderStatus.NEW if status == OrderStatus.PENDING else status,
        position_side=row.position_side,
        client_order_id=row.client_order_id,
        orig_qty=row.orig_qty,
        price=row.price,
        stop_price=row.stop_price,
        avg_price=row.avg_price,
        executed_qty=row.executed_qty,
        working_type=row.working_type,
        stop_guaranteed=None if guaranteed is None else guaranteed != StopGuaranteed.FALSE,
        trigger_order_id=row.trigger_order_id,
        reduce_only=row.reduce_only,
        time=row.update_time or row.time,
    )


def event_of_fill(fill: Fill) -> OrderEvent:
    """Describe an order of which nothing but a trade is known."""
    return OrderEvent(
        symbol=fill.symbol,
        order_id=fill.order_id,
        side=fill.side or OrderSide("UNKNOWN"),
        type=fill.type or OrderType("UNKNOWN"),
        execution_type=ExecutionType.TRADE,
        status=OrderStatus.PARTIALLY_FILLED,
        position_side=fill.position_side,
        client_order_id=fill.client_order_id,
        working_type=fill.working_type,
    )


def _changed(stood: OrderEvent, execution: ExecutionType, time: datetime) -> OrderEvent:
    """Tell that an order changed, without a trade."""
    return evolve(stood, **_NO_TRADE, execution_type=execution, time=time, recovered=True)


def _change(event: OrderEvent) -> Hashable:
    """Tell a change of an order from all others, but for its time."""
    return event.execution_type, event.status, event.executed_qty or ZERO, event.orig_qty


def _is_amended(before: OrderEvent, now: OrderEvent) -> bool:
    quantities = before.orig_qty, now.orig_qty
    return None not in quantities and before.orig_qty != now.orig_qty


def _number(fill: Fill) -> int | None:
    """Turn the number of a trade into what the stream makes of it."""
    text = fill.trade_id or ""
    return int(text) or None if text.isdecimal() else None


def _is_same_moment(listed: datetime, told: datetime) -> bool:
    return listed in {told, told.replace(microsecond=0)}  # some answers are to the second


def _half(number: Decimal) -> Decimal:
    """Tell how far a number may be off that was rounded to the digits that it has."""
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return Decimal(5).scaleb(min(exponent, 0) - 1)


def _price(event: OrderEvent, mark: Mark, before: Mark) -> Decimal | None:
    """Work out the price of a trade, with the digits that are certain."""
    mean, value, qty = event.avg_price, event.quote_qty, mark.qty - before.qty
    # A mean equals its limit only if all of it does.
    if mean and (not before.qty or (event.type == OrderType.LIMIT and mean == event.price)):
        return mean
    found: list[tuple[Decimal, Decimal]] = []
    if value:
        found.append((_half(value) / qty, value / qty))
    if mark.value is not None and before.value is not None:
        found.append(((mark.slack + before.slack) / qty, (mark.value - before.value) / qty))
    error, price = min(found, default=(ZERO, ZERO))
    if error >= price * _VAGUE:
        return None
    return price.quantize(Decimal(1).scaleb(min(error.adjusted() + 1, 0)))

"""
What the stream of an account has missed, fetched afterwards.

After a gap, the exchange is asked how things stand: which orders are open, which were placed since,
what has become of those that were open and are not any more, positions and balances. An order that
has filled more than was told of it, and a position that has changed, say of which contracts the
trades are to be fetched; in quiet times that is none. What makes it exact:

* The clock is the exchange's. What is asked for begins a minute before the last event that was
  seen, because events come out of order; what was told is remembered for longer, and is known by
  the trade's number, wherever it comes from.
* What an order has filled must be the sum of its trades (:mod:`bingx_async.swap.order_ledger`).
  If it is more, the history lags behind: it is asked again after a moment, and, if that does not
  help, after the next gap, for a week at most.
* An order of which nobody could know, because the list of orders lagged behind as well, is found
  after the next gap: the last minute before the gap before is then read once more.
* Nothing is noted before everything is fetched. If the connection falls meanwhile, or a request
  fails, all of it is fetched again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from attrs import define, evolve, field, frozen

from bingx_async.errors import InvalidRequest
from bingx_async.swap import Swap
from bingx_async.swap.models.account import Balance
from bingx_async.swap.models.common import PositionSide
from bingx_async.swap.models.events import (
    AccountEvent,
    AccountReason,
    BalanceUpdate,
    ExecutionType,
    OrderEvent,
    PositionUpdate,
)
from bingx_async.swap.models.orders import Fill, Order
from bingx_async.swap.models.positions import MarginType, Position
from bingx_async.swap.order_ledger import OrderLedger, Reckoning, event_of_fill

__all__ = ["OVERLAP", "Recovery"]

_log: Final = logging.getLogger("bingx_async")

OVERLAP: Final = timedelta(seconds=60)
"""How far what is asked for reaches back behind what is certain."""

_MILLISECOND: Final = timedelta(milliseconds=1)
# What was told is remembered for twice as long as it can be asked for again.
_REMEMBERED: Final = 2 * OVERLAP
# The exchange's history of trades looks back no further.
_WEEK: Final = timedelta(days=7)
# Seconds after which a history that lags behind is asked again.
_PAUSES: Final = (0.25, 0.5, 1.0)
_MOST_OWED: Final = 1000

_ZERO: Final = Decimal(0)
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)

Holding = tuple[str, PositionSide]


@frozen
class _Account:
    """Positions and balances, as the exchange tells them when it is asked."""

    positions: dict[Holding, list[Position]]
    balances: dict[str, Decimal]

    @classmethod
    def of(cls, positions: list[Position], balances: list[Balance]) -> _Account:
        found: defaultdict[Holding, list[Position]] = defaultdict(list)
        for row in positions:
            if row.position_amt:
                found[_holding(row)].append(row)
        return cls(
            dict(found), {row.asset: row.balance for row in balances if row.balance is not None}
        )


@define
class _Found:
    """
    What the exchange has answered.

    Attributes:
        now: When it was asked, by its own clock.
        start: From when on.
        account: Positions and balances.
        rows: How orders stand, by number.
        new: The ledgers of orders of which nothing was known.
        vanished: Orders that it does not know any more.
        trades: By contract.
    """

    now: datetime
    start: datetime
    account: _Account
    rows: dict[int, Order] = field(factory=dict[int, Order])
    new: dict[int, OrderLedger] = field(factory=dict[int, OrderLedger])
    vanished: set[int] = field(factory=set[int])
    trades: dict[str, list[Fill]] = field(factory=dict[str, list[Fill]])

    def reached(self, order_id: int, ledger: OrderLedger) -> Decimal:
        """Tell how far an order is filled, as far as anybody says."""
        row = self.rows.get(order_id)
        return max(ledger.reached, (row and row.executed_qty) or _ZERO)


class Recovery:
    """
    See :class:`~bingx_async.account_feed.Recovery`.

    Args:
        swap: Carries out the requests.
    """

    def __init__(self, swap: Swap) -> None:
        self._swap = swap
        self._begun = _NEVER
        self._checked = _NEVER  # when it was asked last, by the exchange's clock
        self._seen = _NEVER  # the time of the last event, or of the last asking
        self._orders: dict[int, OrderLedger] = {}
        self._ended: deque[tuple[datetime, int]] = deque()
        self._owed: dict[int, datetime] = {}  # ended, but with trades that nobody has seen
        self._looked: set[int] = set()  # orders that were known when it was asked last
        self._positions: dict[Holding, PositionUpdate] = {}
        self._balances: dict[str, Decimal] = {}
        self._account_at = _NEVER

    # --- the protocol -------------------------------------------------------------------------

    async def begin(self) -> None:
        """
        Note how things stand; nothing is told of what was before.

        Raises:
            BingXError: The exchange cannot be asked.
        """
        begun = await self._now()
        orders, positions, balances = await asyncio.gather(
            self._swap.open_orders(), self._swap.positions(), self._swap.balances()
        )
        self._begun = self._checked = self._seen = begun
        # What was placed a moment ago is told by the stream, from the beginning.
        old = [row for row in orders if row.time is None or row.time < begun]
        self._orders = {row.order_id: OrderLedger.of(row, begun) for row in old}
        self._ended.clear()
        self._owed.clear()
        self._looked = set()
        self._positions.clear()
        self._balances.clear()
        self._account_at = _NEVER
        self._note_account(_Account.of(positions, balances))

    def take(self, event: Any) -> Any | None:
        """Complete an event that came on the stream; ``None`` if it was told already."""
        if isinstance(event, OrderEvent):
            return self._take_order(event)
        if isinstance(event, AccountEvent):
            self._take_account(event)
        self._see(event.event_time)
        return event

    async def catch_up(self) -> list[Any]:
        """
        Fetch what was missed since the last event, oldest first and marked as recovered.

        Raises:
            BingXError: The exchange cannot be asked; nothing is changed.
        """
        now = await self._now()
        start = min(self._seen, now) - OVERLAP
        open_, placed, positions, balances = await asyncio.gather(
            self._swap.open_orders(),
            self._placed(start, now),
            self._swap.positions(),
            self._swap.balances(),
        )
        found = _Found(now, start, _Account.of(positions, balances))
        for row in (*placed, *open_):
            if row.order_id in self._orders or self._is_news(row, start):
                self._add(found, row)
        await self._follow(found, {row.order_id for row in open_})
        await self._fetch(found)
        return self._commit(found)

    # --- events of the stream -----------------------------------------------------------------

    def _take_order(self, event: OrderEvent) -> OrderEvent | None:
        when = event.time or self._seen
        is_trade = event.is_fill or event.execution_type == ExecutionType.TRADE
        ledger = self._orders.get(event.order_id)
        if ledger is None:
            placed = when if event.execution_type == ExecutionType.NEW else None
            ledger = OrderLedger(base=event, placed=placed, whole_at=placed or self._checked)
            self._orders[event.order_id] = ledger
            if when <= self._checked + OVERLAP:
                self._looked.add(event.order_id)
        elif is_trade and when < self._begun and (event.executed_qty or _ZERO) <= ledger.whole.qty:
            return None  # from before the beginning
        was_over = ledger.is_over
        told = ledger.take_fill(event, when) if is_trade else ledger.take_change(event, when)
        self._see(event.time)
        if ledger.is_over and not was_over:
            self._ended.append((self._seen, event.order_id))
        ledger.forget(self._seen, _REMEMBERED)
        self._forget()
        return told

    def _take_account(self, event: AccountEvent) -> None:
        for balance in event.balances:
            self._balances[balance.asset] = balance.wallet_balance
        for update in event.positions:
            if update.position_amt:
                self._positions[_holding(update)] = update
            elif update.position_side == PositionSide.BOTH:
                for side in (PositionSide.LONG, PositionSide.SHORT):
                    self._positions.pop((update.symbol, side), None)
            else:
                self._positions.pop(_holding(update), None)
        self._account_at = max(self._account_at, event.event_time or self._seen)

    def _see(self, time: datetime | None) -> None:
        if time is not None and time > self._seen:
            self._seen = time

    def _forget(self) -> None:
        """Forget the orders that have ended, but for those with trades that are missing."""
        while self._ended and self._ended[0][0] < self._seen - _REMEMBERED:
            time, order_id = self._ended.popleft()
            if self._orders[order_id].is_whole:
                del self._orders[order_id]
                continue
            self._owed[order_id] = time
            if len(self._owed) > _MOST_OWED:
                oldest = next(iter(self._owed))
                del self._owed[oldest], self._orders[oldest]

    # --- what is asked ------------------------------------------------------------------------

    async def _now(self) -> datetime:
        return (await self._swap.server_time()).server_time

    async def _placed(self, start: datetime, now: datetime) -> list[Order]:
        """Read the orders that were placed lately, and those of the minute before the last time."""
        spans = [(start, now + _MILLISECOND)]
        if self._checked > self._begun:
            again = self._checked - OVERLAP
            if start <= self._checked:
                spans = [(min(again, start), now + _MILLISECOND)]
            else:
                spans.append((again, self._checked + _MILLISECOND))
        return [
            row
            for first, last in spans
            async for row in self._swap.orders_between(None, first, last)
        ]

    def _is_news(self, row: Order, start: datetime) -> bool:
        """Tell whether an unknown order is one of which something is to be told."""
        placed, touched = row.time or self._begun, row.update_time or row.time or self._begun
        if placed >= start:
            return touched >= self._begun
        is_late = row.order_id not in self._looked and touched <= self._checked + OVERLAP
        return placed >= self._begun and (is_late or not _is_final(row))

    def _add(self, found: _Found, row: Order) -> None:
        """Note how an order stands; the answer in which it is further is the later one."""
        known = found.rows.get(row.order_id)
        if known is None or _progress(row) >= _progress(known):
            found.rows[row.order_id] = row
        if row.order_id not in self._orders and row.order_id not in found.new:
            ledger = OrderLedger.of(row, self._begun)
            if row.time is not None and row.time >= self._begun:
                ledger = OrderLedger(base=ledger.base, placed=row.time, whole_at=row.time)
            found.new[row.order_id] = ledger

    async def _follow(self, found: _Found, is_open: Container[int]) -> None:
        """Ask what has become of the orders that were open."""
        gone = [
            (ledger.base.symbol, order_id)
            for order_id, ledger in self._orders.items()
            if not ledger.is_over and order_id not in is_open and not _is_final_in(found, order_id)
        ]
        rows = await asyncio.gather(*(self._order(*each) for each in gone))
        for (_, order_id), row in zip(gone, rows, strict=True):
            if row is None:
                found.vanished.add(order_id)
            else:
                self._add(found, row)

    async def _order(self, symbol: str, order_id: int) -> Order | None:
        try:
            return await self._swap.order(symbol, order_id)
        except InvalidRequest as exc:
            _log.warning("swap account: the order %d of %s is gone (%s)", order_id, symbol, exc)
            return None

    async def _fetch(self, found: _Found) -> None:
        """Fetch the trades of all contracts of which something is missing."""
        wanted = self._wanted(found)
        for pause in (0.0, *_PAUSES):
            if not wanted:
                return
            await asyncio.sleep(pause)
            await self._read(found, wanted)
            await self._meet(found)
            lacking = {
                ledger.base.symbol
                for order_id, ledger in self._all(found)
                if not ledger.has_waited and self._lacks(found, order_id, ledger)
            }
            wanted = {symbol: since for symbol, since in wanted.items() if symbol in lacking}

    async def _read(self, found: _Found, wanted: Mapping[str, datetime]) -> None:
        until = await self._now() + _MILLISECOND
        pages = await asyncio.gather(
            *(
                self._trades(symbol, max(since, until - _WEEK), until)
                for symbol, since in wanted.items()
            )
        )
        found.trades.update(zip(wanted, pages, strict=True))

    async def _trades(self, symbol: str, start: datetime, end: datetime) -> list[Fill]:
        return [fill async for fill in self._swap.fills_between(symbol, start, end)]

    def _wanted(self, found: _Found) -> dict[str, datetime]:
        """Tell from when on the trades of which contracts are to be fetched."""
        changed = self._differences(found.account)[1]
        wanted = {update.symbol: found.start for update in changed}
        for order_id, ledger in self._all(found):
            if order_id in found.vanished or found.reached(order_id, ledger) > ledger.whole.qty:
                since = ledger.whole_at - OVERLAP
            elif order_id in found.new and ledger.whole.qty:
                since = self._begun  # it was placed before, and has ended when it was begun
            else:
                continue
            symbol = ledger.base.symbol
            wanted[symbol] = min(since, wanted.get(symbol, since))
        return wanted

    async def _meet(self, found: _Found) -> None:
        """Ask about orders of which nothing is known but their trades, such as liquidations."""
        since = max(found.start, self._begun)
        strangers = {
            fill.order_id: fill
            for trades in found.trades.values()
            for fill in trades
            if fill.filled_time >= since
            and fill.order_id not in self._orders
            and fill.order_id not in found.new
        }
        rows = await asyncio.gather(
            *(self._order(fill.symbol, fill.order_id) for fill in strangers.values())
        )
        for fill, row in zip(strangers.values(), rows, strict=True):
            if row is not None:
                self._add(found, row)
            else:
                found.new[fill.order_id] = OrderLedger(base=event_of_fill(fill), whole_at=since)
                found.vanished.add(fill.order_id)

    # --- what is made of it -------------------------------------------------------------------

    def _all(self, found: _Found) -> Iterator[tuple[int, OrderLedger]]:
        yield from self._orders.items()
        for order_id, ledger in found.new.items():
            if order_id not in self._orders:
                yield order_id, ledger

    def _reckon(self, found: _Found, order_id: int, ledger: OrderLedger) -> Reckoning:
        since = min(self._seen, ledger.whole_at) - OVERLAP
        return ledger.reckon(
            (
                fill
                for fill in found.trades.get(ledger.base.symbol, ())
                if fill.order_id == order_id and fill.filled_time >= since
            ),
            begun=self._begun,
        )

    def _lacks(self, found: _Found, order_id: int, ledger: OrderLedger) -> bool:
        reached = found.reached(order_id, ledger)
        return reached > ledger.whole.qty and (
            self._reckon(found, order_id, ledger).total.qty < reached
        )

    def _commit(self, found: _Found) -> list[Any]:
        """Make the events, and note that they are told; nothing can come in between."""
        timed: list[tuple[datetime, Any]] = []
        lacking: list[int] = []
        for order_id, ledger in list(self._all(found)):
            is_new = order_id not in self._orders
            self._orders[order_id] = ledger
            was_over, at = ledger.is_over, _NEVER
            reckoning = self._reckon(found, order_id, ledger)
            is_news = is_new and ledger.placed is not None and ledger.placed >= self._begun
            if is_new and not is_news and reckoning.untold:  # what is told now is no beginning
                ledger.rebase(sum((fill.qty for fill, _ in reckoning.untold), _ZERO))
                reckoning = self._reckon(found, order_id, ledger)
            for event in ledger.recover(
                reckoning, found.rows.get(order_id), found.now, is_new=is_news
            ):
                at = max(at, event.time or found.now)  # in their order, though not all to the ms
                timed.append((at, event))
            ledger.is_over |= order_id in found.vanished
            if ledger.is_over and not was_over:
                self._ended.append((found.now, order_id))
            if not ledger.is_whole:
                ledger.has_waited = True
                lacking.append(order_id)
        if lacking:
            _log.warning(
                "swap account: the history lacks trades of the orders %s; it will be read again"
                " after the next gap",
                lacking,
            )
        told: list[Any] = [event for _, event in sorted(timed, key=lambda pair: pair[0])]
        balances, positions = self._differences(found.account)
        if (balances or positions) and self._account_at <= found.now:
            told.append(
                AccountEvent(AccountReason.SNAPSHOT, balances, positions, found.now, recovered=True)
            )
            self._note_account(found.account)
        self._seen = self._checked = found.now
        self._looked = set(self._orders)
        for order_id, ended in list(self._owed.items()):
            if self._orders[order_id].is_whole or ended < found.now - _WEEK:
                del self._owed[order_id], self._orders[order_id]
        self._forget()
        return told

    def _note_account(self, account: _Account) -> None:
        self._balances = dict(account.balances)
        self._positions = {
            holding: evolve(_update(rows[0]), position_amt=_size(rows))
            for holding, rows in account.positions.items()
        }

    def _differences(self, account: _Account) -> tuple[list[BalanceUpdate], list[PositionUpdate]]:
        """Tell which balances and positions are not as they were told last."""
        balances = [
            BalanceUpdate(asset, balance)
            for asset, balance in account.balances.items()
            if not _is_same(balance, self._balances.get(asset))
        ]
        positions: list[PositionUpdate] = []
        for holding, rows in account.positions.items():
            known = self._positions.get(holding)
            if (
                known is None
                or not _is_same(_size(rows), abs(known.position_amt))
                or not (len(rows) > 1 or _is_same(rows[0].avg_price, known.avg_price))
            ):
                positions += map(_update, rows)
        positions += [
            PositionUpdate(known.symbol, known.position_side, _ZERO)
            for holding, known in self._positions.items()
            if holding not in account.positions
        ]
        return balances, positions


def _is_final(row: Order) -> bool:
    return row.status is not None and row.status.is_final


def _is_final_in(found: _Found, order_id: int) -> bool:
    return order_id in found.rows and _is_final(found.rows[order_id])


def _progress(row: Order) -> tuple[bool, Decimal, datetime]:
    return _is_final(row), row.executed_qty or _ZERO, row.update_time or _NEVER


def _holding(row: Position | PositionUpdate) -> Holding:
    """Name a position by contract and side; in one-way mode its sign tells the side."""
    side = row.position_side
    if side not in {PositionSide.LONG, PositionSide.SHORT}:
        side = PositionSide.SHORT if row.position_amt < 0 else PositionSide.LONG
    return row.symbol, side


def _size(rows: Iterable[Position]) -> Decimal:
    return sum((abs(row.position_amt) for row in rows), _ZERO)


def _update(row: Position) -> PositionUpdate:
    return PositionUpdate(
        symbol=row.symbol,
        position_side=row.position_side,
        position_amt=row.position_amt,
        avg_price=row.avg_price,
        unrealized_profit=row.unrealized_profit,
        margin_type=MarginType.ISOLATED if row.isolated else MarginType.CROSSED,
        isolated_margin=row.margin if row.isolated else None,
        realised_profit=row.realised_profit,
    )


def _is_same(one: Decimal, other: Decimal | None) -> bool:
    """Tell whether two numbers are the same, but for the digits that one of them lacks."""
    if other is None:
        return False
    exponents = one.as_tuple().exponent, other.as_tuple().exponent
    places = max(each for each in exponents if isinstance(each, int))
    return abs(one - other) < Decimal(1).scaleb(min(places, 0))

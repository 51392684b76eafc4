"""All that the engine knows, and how it is saved."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import cattrs
from attrs import define, field

from bingx_async.emulator.engine.accounts import Account, Income, IncomeType
from bingx_async.emulator.engine.book import Book
from bingx_async.emulator.engine.events import BalanceChanged, Event, Listener, OrderChanged
from bingx_async.emulator.engine.feed import Market, latest
from bingx_async.emulator.engine.orders import OrderRecord
from bingx_async.emulator.engine.positions import Position
from bingx_async.errors import api_error
from bingx_async.swap.models.common import OrderSide, OrderStatus
from bingx_async.wire import OpenEnum

__all__ = ["State", "refuse"]

_FIRST: Final = 1_900_000_000_000_000_000
"""The numbers of orders, trades and positions lie above; no float tells two of them apart."""


def refuse(code: int, message: str) -> Exception:
    """Make the refusal that the exchange would answer with."""
    return api_error(code, message)


@define
class _Eaten:
    """The market's liquidity that is gone, in one contract."""

    symbol: str
    tick: datetime
    buys: dict[Decimal, Decimal]
    sells: dict[Decimal, Decimal]


@define
class _Saved:
    """What is written down; the rest follows from it."""

    now: datetime
    serial: int
    rank: int
    accounts: list[Account]
    eaten: list[_Eaten]


@define(eq=False)
class State:
    """
    All that the engine knows.

    Attributes:
        market: What is traded against.
        now: How far time has passed.
        serial: How many numbers were given out.
        rank: How many orders have come to rest.
        accounts: By uid.
        orders: All orders, by number.
        books: By symbol.
        listeners: Who is told.
    """

    market: Market
    now: datetime
    serial: int = 0
    rank: int = 0
    accounts: dict[str, Account] = field(factory=dict[str, Account])
    orders: dict[int, OrderRecord] = field(factory=dict[int, OrderRecord])
    books: dict[str, Book] = field(factory=dict[str, Book])
    listeners: list[Listener] = field(factory=list[Listener])

    @property
    def tick(self) -> datetime:
        """The last whole tick, at which the market is asked."""
        return latest(self.now, self.market.tick)

    def next_id(self) -> int:
        """Give out the next number."""
        self.serial += 1
        return _FIRST + self.serial

    def next_rank(self) -> int:
        """Give out the next place in time."""
        self.rank += 1
        return self.rank

    def book(self, symbol: str) -> Book:
        """
        Find the book of a contract.

        Raises:
            InvalidRequest: There is no such contract.
        """
        if (found := self.books.get(symbol)) is None:
            found = self.books[symbol] = Book(self.market, symbol)
        return found

    def mark_price(self, symbol: str) -> Decimal:
        """Tell the mark price of this tick."""
        return self.market.mark_price(symbol, self.tick)

    def emit(self, event: Event) -> None:
        """Tell those who listen."""
        for listener in self.listeners:
            listener(event)

    def changed(self, order: OrderRecord) -> None:
        """Note that an order has just changed, and tell."""
        order.update_time = self.now
        self.emit(OrderChanged(order.uid, order, self.now))

    def finish(self, order: OrderRecord, status: OrderStatus, reason: str = "") -> None:
        """End an order that is open."""
        order.status, order.reason = status, reason
        order.waiting = False
        self.book(order.symbol).take_out(order)
        self.accounts[order.uid].open_orders.pop(order.order_id, None)
        self.changed(order)

    def post(  # one entry of the ledger has as many columns
        self,
        account: Account,
        type_: IncomeType,
        amount: Decimal,
        currency: str,
        *,
        symbol: str = "",
        trade_id: int | None = None,
    ) -> None:
        """Change a balance, and keep the record of it."""
        after = account.balances[currency] = account.balance(currency) + amount
        account.income.append(
            Income(self.next_id(), symbol, type_, amount, currency, self.now, trade_id)
        )
        self.emit(BalanceChanged(account.uid, currency, after, amount, type_, self.now))

    def positions(self) -> Iterable[tuple[Account, Position]]:
        """List all open positions."""
        for account in self.accounts.values():
            for position in account.positions.values():
                yield account, position

    def dump(self) -> dict[str, Any]:
        """Write all down in types of JSON."""
        saved = _Saved(
            self.now,
            self.serial,
            self.rank,
            list(self.accounts.values()),
            [
                _Eaten(it.symbol, it.tick, it.eaten[OrderSide.BUY], it.eaten[OrderSide.SELL])
                for it in sorted(self.books.values(), key=lambda book: book.symbol)
                if it.tick is not None
            ],
        )
        written: dict[str, Any] = _converter.unstructure(saved)
        return written

    @classmethod
    def load(cls, written: dict[str, Any], market: Market) -> State:
        """Read what :meth:`dump` wrote."""
        saved = _converter.structure(written, _Saved)
        state = cls(market, saved.now, saved.serial, saved.rank)
        state.accounts = {account.uid: account for account in saved.accounts}
        orders = [order for account in saved.accounts for order in account.orders]
        for order in sorted(orders, key=lambda order: order.order_id):
            state.orders[order.order_id] = order
            if order.waiting:
                state.book(order.symbol).waiting[order.order_id] = order
            elif order.rank:
                state.book(order.symbol).rest(order)
        for eaten in saved.eaten:
            book = state.book(eaten.symbol)
            book.tick = eaten.tick
            book.eaten = {OrderSide.BUY: eaten.buys, OrderSide.SELL: eaten.sells}
        return state


def _is_word(type_: Any) -> bool:
    return isinstance(type_, type) and issubclass(type_, OpenEnum)


def _make_converter() -> cattrs.Converter:
    made = cattrs.Converter(omit_if_default=True, detailed_validation=False)
    for type_, read, write in (
        (Decimal, Decimal, str),
        (datetime, datetime.fromisoformat, datetime.isoformat),
    ):
        made.register_structure_hook(type_, lambda value, _, read=read: read(value))
        made.register_unstructure_hook(type_, write)
    made.register_structure_hook_func(_is_word, lambda value, type_: type_(value))
    return made


_converter: Final = _make_converter()

"""The ground of the engine: time, accounts, money, and saving."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Self

from bingx_async.emulator.engine.accounts import Account, IncomeType
from bingx_async.emulator.engine.events import Listener
from bingx_async.emulator.engine.feed import Market, whole
from bingx_async.emulator.engine.margin import Funds, funds
from bingx_async.emulator.engine.orders import OrderRecord
from bingx_async.emulator.engine.passing import advance
from bingx_async.emulator.engine.positions import Position
from bingx_async.emulator.engine.state import State, refuse

__all__ = ["Core"]


class Core:
    """
    Time, accounts and money.

    Args:
        market: What is traded against.
        now: When the exchange opens; funding is charged and orders are filled from then on.

    Attributes:
        state: All that it knows, to be read only.
    """

    def __init__(self, market: Market, now: datetime) -> None:
        self.state = State(market, whole(now))

    @property
    def now(self) -> datetime:
        """How far time has passed, in UTC."""
        return self.state.now

    @property
    def market(self) -> Market:
        """What is traded against."""
        return self.state.market

    @property
    def accounts(self) -> Mapping[str, Account]:
        """All accounts by uid, to be read only."""
        return MappingProxyType(self.state.accounts)

    @property
    def orders(self) -> Mapping[int, OrderRecord]:
        """All orders of all accounts by number, oldest first, to be read only."""
        return MappingProxyType(self.state.orders)

    def advance(self, now: datetime) -> datetime:
        """
        Let time pass up to a moment; every method that is told the time does it first.

        However many steps it is done in, the outcome is the same.

        Args:
            now: Timezone-aware; one that has passed already changes nothing.

        Returns:
            The moment that it is now.
        """
        return advance(self.state, now)

    def account(self, uid: str) -> Account:
        """Find an account, which is opened without money if there is none; to be read only."""
        if (found := self.state.accounts.get(uid)) is None:
            found = self.state.accounts[uid] = Account(uid)
        return found

    def transfer(
        self, uid: str, amount: Decimal, now: datetime, *, currency: str = "USDT"
    ) -> Decimal:
        """
        Pay in, or out where ``amount`` is negative.

        Returns:
            The balance afterwards.

        Raises:
            Rejected: More would be paid out than is available.
        """
        self.advance(now)
        account = self.account(uid)
        if amount < 0 and -amount > funds(self.state, account, currency).available:
            raise refuse(101206, "Insufficient available balance")
        self.state.post(account, IncomeType.TRANSFER, amount, currency)
        return account.balance(currency)

    def funds(self, uid: str, now: datetime, *, currency: str = "USDT") -> Funds:
        """Work out an account's balance, equity, margins and available money."""
        self.advance(now)
        return funds(self.state, self.account(uid), currency)

    def positions(self, uid: str, now: datetime, *, symbol: str | None = None) -> list[Position]:
        """List an account's open positions, to be read only."""
        self.advance(now)
        held = self.account(uid).positions.values()
        return [it for it in held if symbol is None or it.symbol == symbol]

    def subscribe(self, listener: Listener) -> None:
        """Have every change told; a listener may read the engine, and change nothing."""
        self.state.listeners.append(listener)

    def unsubscribe(self, listener: Listener) -> None:
        """Tell a listener nothing more."""
        self.state.listeners.remove(listener)

    def dump(self) -> dict[str, Any]:
        """Write all down in types of JSON, numbers with every digit as text."""
        return self.state.dump()

    @classmethod
    def load(cls, written: Mapping[str, Any], market: Market) -> Self:
        """
        Go on from what :meth:`dump` wrote; listeners have to subscribe anew.

        Args:
            written: What was written, also after a way through JSON.
            market: The same market as before, or one that goes on like it.
        """
        engine = cls.__new__(cls)
        engine.state = State.load(dict(written), market)
        return engine

    def _held(self, account: Account, position_id: int) -> Position:
        for position in account.positions.values():
            if position.position_id == position_id:
                return position
        raise refuse(109420, f"there is no open position {position_id}")

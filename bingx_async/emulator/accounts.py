"""Accounts of the emulator, as a test sees them: keys, money, orders and settings."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from attrs import define, field, frozen

from bingx_async.emulator import engine, shown
from bingx_async.endpoint import Needs
from bingx_async.swap.models.account import Income
from bingx_async.swap.models.orders import Fill, Order
from bingx_async.swap.models.positions import ClosedPosition, Position

__all__ = ["Account", "ApiKey"]

_EVERYTHING: tuple[Needs, ...] = ("read", "trade")


@frozen
class ApiKey:
    """
    A key of an emulated account; worth nothing anywhere else.

    Attributes:
        api_key: Goes into the header ``X-BX-APIKEY``.
        secret_key: Signs.
        permissions: What it may be used for.
    """

    api_key: str
    secret_key: str = field(repr=False)
    permissions: frozenset[Needs]


@define
class Account:
    """
    An account of the emulated exchange.

    What it owns and has done is worked out anew whenever it is read: time passes first.

    Attributes:
        name: The name by which it was asked for.
        uid: Its number.
        keys: Its keys, the first one first.
    """

    name: str
    uid: str
    keys: list[ApiKey]
    _engine: engine.Engine = field(eq=False, repr=False)
    _now: Callable[[], datetime] = field(eq=False, repr=False)

    @classmethod
    def named(cls, name: str, engine_: engine.Engine, now: Callable[[], datetime]) -> Self:
        """Make an account whose UID and first key depend on its name alone."""
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:6]) % 10**12
        account = cls(name, f"{10**12 + number}", [], engine_, now)
        account.add_key()
        return account

    @classmethod
    def load(
        cls, saved: Mapping[str, Any], engine_: engine.Engine, now: Callable[[], datetime]
    ) -> Self:
        """Make the account that :meth:`save` wrote down."""
        account = cls.named(saved["name"], engine_, now)
        account.keys.clear()
        for permissions in saved["keys"]:
            account.add_key(permissions)
        return account

    def save(self) -> dict[str, Any]:
        """Write name and keys down in types of JSON."""
        return {"name": self.name, "keys": [sorted(key.permissions) for key in self.keys]}

    @property
    def api_key(self) -> str:
        """The API key of the first key."""
        return self.keys[0].api_key

    @property
    def secret_key(self) -> str:
        """The secret of the first key."""
        return self.keys[0].secret_key

    def add_key(self, permissions: Iterable[Needs] = _EVERYTHING) -> ApiKey:
        """
        Give the account one more key; its quotas stay those of the one UID.

        Args:
            permissions: What the key may be used for: ``"read"``, ``"trade"``.
        """
        seed = f"{self.name}/{len(self.keys)}"
        api_key, secret_key = (
            hashlib.sha512(f"{part} of {seed}".encode()).hexdigest()[:64]
            for part in ("key", "secret")
        )
        key = ApiKey(api_key, secret_key, frozenset(permissions))
        self.keys.append(key)
        return key

    # --- money ------------------------------------------------------------------------------

    @property
    def balance(self) -> Decimal:
        """What it owns, in USDT: deposits, realised profit and funding, less fees."""
        return self._kept.balance()

    @balance.setter
    def balance(self, amount: Decimal | int) -> None:
        now = self._now()
        self._engine.advance(now)
        if change := Decimal(amount) - self.balance:
            self._engine.transfer(self.uid, change, now)

    @property
    def equity(self) -> Decimal:
        """The balance with the unrealised profit at the mark prices, in USDT."""
        return self._engine.funds(self.uid, self._now()).equity

    @property
    def income(self) -> list[Income]:
        """All that ever changed the balance, oldest first."""
        return [shown.income(each) for each in self._kept.income]

    # --- orders and positions ---------------------------------------------------------------

    @property
    def orders(self) -> list[Order]:
        """All orders that were ever accepted, oldest first."""
        return [shown.order(each) for each in self._kept.orders]

    @property
    def open_orders(self) -> list[Order]:
        """The orders that rest or wait, oldest first."""
        return [shown.order(each) for each in self._kept.open_orders.values()]

    @property
    def fills(self) -> list[Fill]:
        """All trades of the orders, oldest first."""
        kept = self._kept
        return [shown.fill(each, self._engine.orders[each.order_id]) for each in kept.fills]

    @property
    def positions(self) -> list[Position]:
        """The open positions."""
        kept = self._kept
        return [shown.position(each, kept, self._engine) for each in kept.positions.values()]

    @property
    def closed_positions(self) -> list[ClosedPosition]:
        """The positions that have ended, oldest first."""
        return [shown.closed(each) for each in self._kept.closed]

    # --- settings ---------------------------------------------------------------------------

    @property
    def dual_side_position(self) -> bool:
        """True in hedge mode, false in one-way mode; can be set while nothing is open."""
        return self._kept.hedge

    @dual_side_position.setter
    def dual_side_position(self, is_hedge: bool) -> None:
        self._engine.set_hedge(self.uid, is_hedge, self._now())

    @property
    def leverage(self) -> dict[tuple[str, str], int]:
        """What was set, by symbol and side."""
        found: dict[tuple[str, str], int] = {}
        for key, leverage in self._kept.leverages.items():
            symbol, _, side = key.partition("/")
            found[symbol, side] = leverage
        return found

    @property
    def _kept(self) -> engine.Account:
        self._engine.advance(self._now())
        return self._engine.account(self.uid)

"""The emulated exchange without its counter: time, prices, accounts, and a later run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from bingx_async.emulator import engine
from bingx_async.emulator.accounts import Account
from bingx_async.emulator.listen_keys import ListenKeys
from bingx_async.emulator.market import TICK, Market

__all__ = ["Exchange"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DEPOSIT: Final = Decimal(10_000)


class Exchange:
    """
    What goes on in an exchange, however it is asked.

    Args:
        seed: Of the prices.
        time: What time it is on the exchange now, timezone-aware; by default what this computer's
            clock says.
        state: What :meth:`save` returned.
        clock_offset: Seconds by which the exchange's clock is ahead of this computer's.

    Attributes:
        clock_offset: As given.
        market: Prices and liquidity.
        engine: Who trades; to be looked at only.
        listen_keys: The keys of the account streams.
    """

    def __init__(
        self,
        *,
        seed: int,
        time: datetime | None,
        state: Mapping[str, Any] | None,
        clock_offset: float,
    ) -> None:
        self.clock_offset = clock_offset
        self._accounts: dict[str, Account] = {}
        if time is None and state is not None:
            time = datetime.fromisoformat(state["time"])
        self._passed = timedelta() if time is None else time - self.wall()
        if state is None:
            self.market = Market(seed)
            self.engine = engine.Engine(self.market, self.now())
            self.listen_keys = ListenKeys()
        else:
            self.market = Market.load(state["market"])
            self.engine = engine.Engine.load(state["engine"], self.market)
            self.listen_keys = ListenKeys.load(state["listen_keys"])
            for saved in state["accounts"]:
                found = Account.load(saved, self.engine, self.now)
                self._accounts[found.name] = found

    def account(self, name: str, *, balance: Decimal | int = _DEPOSIT) -> Account:
        """
        Return the account of this name, and open it first if there is none.

        Its UID and key depend on the name alone, so that another process knows them too. Only
        accounts that were opened here are let in.

        Args:
            name: Of the account.
            balance: What is paid in when it is opened, in USDT.
        """
        if name not in self._accounts:
            opened = self._accounts[name] = Account.named(name, self.engine, self.now)
            if balance:
                self.engine.transfer(opened.uid, Decimal(balance), self.now())
        return self._accounts[name]

    def now(self) -> datetime:
        """Read the exchange's clock."""
        return self.wall() + self._passed

    @property
    def passed(self) -> timedelta:
        """How much time a test has let pass, and how far the clock was set apart at first."""
        return self._passed

    def pass_time(self, seconds: float) -> datetime:
        """
        Put the exchange's clock forward, and let happen what happens meanwhile.

        Prices move, orders are filled, funding is charged, as if a test had waited. Quotas and
        penalties do not notice, as they are measured in real time. A client whose clock stays
        behind is let in all the same: a timestamp is judged by the clock before or after.

        Args:
            seconds: By how much.

        Returns:
            What time it is on the exchange.

        Raises:
            ValueError: Time does not run backwards.
        """
        if seconds < 0:
            raise ValueError(f"time cannot pass by {seconds} s")
        self._passed += timedelta(seconds=seconds)
        return self.engine.advance(self.now())

    def set_price(self, symbol: str, price: Decimal | int | str) -> None:
        """
        Pin a price, and let happen what it makes happen: orders are filled, stops are triggered.

        Last, mark and index price stand still from then on. The best bid lies one step below, the
        best ask one step above. The exchange's clock is put forward to the next full second, as
        prices change by the second; see :meth:`pass_time`.

        Args:
            symbol: Trading pair with a hyphen.
            price: The price; it must fit the contract's step.

        Raises:
            InvalidRequest: There is no such pair.
            ValueError: The price is not positive, or does not fit.
        """
        at = self._next_tick()
        self.market.set_price(symbol, price, at)
        self._go_on(at)

    def release_price(self, symbol: str) -> None:
        """
        Let a pinned price move again, from where it is.

        Args:
            symbol: Trading pair with a hyphen; nothing happens if its price is not pinned.

        Raises:
            InvalidRequest: There is no such pair.
        """
        at = self._next_tick()
        self.market.release_price(symbol, at)
        self._go_on(at)

    def save(self) -> dict[str, Any]:
        """
        Write down the exchange as it stands: clock, prices, accounts, orders and positions.

        Quotas, penalties, the ledger and the faults are not part of it.

        Returns:
            What ``Emulator(state=...)`` goes on from, in types of JSON.
        """
        now = self.engine.advance(self.now())
        return {
            "time": now.isoformat(),
            "market": self.market.save(),
            "engine": self.engine.dump(),
            "accounts": [each.save() for each in self._accounts.values()],
            "listen_keys": self.listen_keys.save(),
        }

    def wall(self) -> datetime:
        """Read the exchange's clock without the time that a test let pass."""
        return datetime.now(UTC) + timedelta(seconds=self.clock_offset)

    def _next_tick(self) -> datetime:
        now = self.now()
        return now - (now - _EPOCH) % TICK + TICK

    def _go_on(self, at: datetime) -> None:
        self._passed += max(timedelta(), at - self.now())
        self.engine.advance(at)

"""Accounts of the emulator: keys, permissions and settings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from decimal import Decimal

from attrs import define, field, frozen

from bingx_async.endpoint import Needs

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

    Attributes:
        name: The name by which it was asked for.
        uid: Its number.
        keys: Its keys, the first one first.
        balance: What it owns, in USDT.
        dual_side_position: True in hedge mode, false in one-way mode.
        leverage: What was set, by symbol and side.
    """

    name: str
    uid: str
    keys: list[ApiKey]
    balance: Decimal = Decimal(10_000)
    dual_side_position: bool = True
    leverage: dict[tuple[str, str], int] = field(factory=dict[tuple[str, str], int])

    @classmethod
    def named(cls, name: str) -> Account:
        """Make an account whose UID and first key depend on its name alone."""
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:6]) % 10**12
        account = cls(name, f"{10**12 + number}", [])
        account.add_key()
        return account

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

"""USDT-M perpetual futures, as the emulator plays them."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

from bingx_async import swap
from bingx_async.emulator.accounts import Account
from bingx_async.emulator.market import LISTED, Listing, listing
from bingx_async.errors import InvalidRequest
from bingx_async.swap import (
    Contract,
    Leverage,
    LeverageBySide,
    PositionMode,
    PositionSide,
    ServerTime,
)

__all__ = ["Swap"]

_UNTOUCHED = 10
"""Leverage of a contract that nobody has set yet."""

_HEDGE = ("LONG", "SHORT")
_ONE_WAY = ("BOTH",)


class _Room(NamedTuple):
    """How much can be opened."""

    quantity: Decimal
    value: Decimal


class Swap(swap.Swap):
    """
    The declared endpoints, with bodies.

    Args:
        account: Who calls; public endpoints do not look at it.
        now: The exchange's clock.
    """

    def __init__(self, account: Account, now: datetime) -> None:
        self._account = account
        self._now = now

    # What the methods do is in the docstrings of the declarations.

    async def server_time(self) -> ServerTime:
        return ServerTime(self._now)

    async def contracts(self, symbol: str | None = None) -> list[Contract]:
        if symbol is not None:
            return [listing(symbol).contract]
        return [found.contract for found in LISTED.values()]

    async def leverage(self, symbol: str) -> LeverageBySide:
        found = listing(symbol)
        one_way = not self._account.dual_side_position
        long = self._leverage_of(symbol, "BOTH" if one_way else "LONG")
        short = self._leverage_of(symbol, "BOTH" if one_way else "SHORT")
        long_room, short_room = self._room(found, long), self._room(found, short)
        return LeverageBySide(
            long_leverage=long,
            short_leverage=short,
            max_long_leverage=found.contract.max_long_leverage,
            max_short_leverage=found.contract.max_short_leverage,
            available_long_vol=long_room.quantity,
            available_short_vol=short_room.quantity,
            available_long_val=long_room.value,
            available_short_val=short_room.value,
        )

    async def set_leverage(self, symbol: str, side: PositionSide, leverage: int) -> Leverage:
        found = listing(symbol)
        if self._account.dual_side_position and side not in _HEDGE:
            raise InvalidRequest(
                "In the Hedge mode, the 'Side' field can only be set to LONG or SHORT.",
                code=109400,
            )
        if not self._account.dual_side_position and side not in _ONE_WAY:
            raise InvalidRequest(
                "In the One-way mode, the 'Side' field can only be set to BOTH.", code=109400
            )
        most = (
            found.contract.max_short_leverage
            if side == PositionSide.SHORT
            else found.contract.max_long_leverage
        )
        if leverage < 1:
            raise InvalidRequest(f"leverage must be 1 or more, not {leverage}", code=109400)
        if most is not None and leverage > most:
            raise InvalidRequest(
                f"leverage {leverage} is above the maximum of {symbol}, which is {most}",
                code=101414,
            )
        self._account.leverage[symbol, side] = leverage
        room = self._room(found, leverage)
        return Leverage(
            leverage=leverage,
            symbol=symbol,
            available_long_vol=room.quantity,
            available_short_vol=room.quantity,
            available_long_val=room.value,
            available_short_val=room.value,
        )

    async def position_mode(self) -> PositionMode:
        return PositionMode(self._account.dual_side_position)

    async def set_position_mode(self, dual_side_position: bool) -> PositionMode:
        self._account.dual_side_position = dual_side_position
        return PositionMode(dual_side_position)

    def _leverage_of(self, symbol: str, side: str) -> int:
        return self._account.leverage.get((symbol, side), _UNTOUCHED)

    def _room(self, found: Listing, leverage: int) -> _Room:
        value = self._account.balance * leverage
        step = Decimal(1).scaleb(-found.contract.quantity_precision)
        return _Room((value / found.price).quantize(step, ROUND_DOWN), value)

"""USDT-M perpetual futures, as the emulator plays them."""

from __future__ import annotations

from bingx_async.emulator.swap.account import Account
from bingx_async.emulator.swap.market import Market
from bingx_async.emulator.swap.orders import Orders
from bingx_async.emulator.swap.positions import Positions
from bingx_async.emulator.swap.twap import Twap

__all__ = ["Swap"]


class Swap(Market, Orders, Positions, Twap, Account):
    """The declared endpoints, with bodies."""

"""USDT-M perpetual futures."""

from __future__ import annotations

from bingx_async.swap.market import Market
from bingx_async.swap.models import (
    Contract,
    ContractStatus,
    Leverage,
    LeverageBySide,
    PositionMode,
    PositionSide,
    ServerTime,
)
from bingx_async.swap.trade import Trade

__all__ = [
    "Contract",
    "ContractStatus",
    "Leverage",
    "LeverageBySide",
    "PositionMode",
    "PositionSide",
    "ServerTime",
    "Swap",
]


class Swap(Market, Trade):
    """USDT-M perpetual futures: contracts, leverage and position mode."""

"""USDT-M perpetual futures."""

from __future__ import annotations

from bingx_async.swap.account import Account
from bingx_async.swap.market import Market
from bingx_async.swap.models.common import (
    OrderSide,
    OrderStatus,
    OrderType,
    PositionSide,
    StopGuaranteed,
    TimeInForce,
    WorkingType,
)
from bingx_async.swap.models.market import Contract, ContractStatus, ServerTime
from bingx_async.swap.models.orders import AttachedOrder, NewOrder, Order
from bingx_async.swap.models.positions import Leverage, LeverageBySide, PositionMode
from bingx_async.swap.orders import Orders
from bingx_async.swap.positions import Positions
from bingx_async.swap.twap import Twap

__all__ = [
    "AttachedOrder",
    "Contract",
    "ContractStatus",
    "Leverage",
    "LeverageBySide",
    "NewOrder",
    "Order",
    "OrderSide",
    "OrderStatus",
    "OrderType",
    "PositionMode",
    "PositionSide",
    "ServerTime",
    "StopGuaranteed",
    "Swap",
    "TimeInForce",
    "WorkingType",
]


class Swap(Market, Orders, Positions, Twap, Account):
    """USDT-M perpetual futures: market data, orders, positions and the account."""

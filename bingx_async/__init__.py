"""
An asyncio SDK for the BingX exchange that keeps every published quota by construction.

.. code-block:: python

    async with BingX(api_key, secret_key) as bingx:
        await bingx.swap.set_leverage("BTC-USDT", PositionSide.LONG, 10)
"""

from __future__ import annotations

import importlib
import typing

from bingx_async.client import BingX
from bingx_async.endpoint import Endpoint
from bingx_async.errors import (
    ApiError,
    AuthError,
    BingXError,
    DecodeError,
    GovernorUnavailable,
    InvalidRequest,
    NotSent,
    OutcomeUnknown,
    QuotaTimeout,
    RateLimited,
    Rejected,
    TransportError,
    Unavailable,
)
from bingx_async.governor import Governor
from bingx_async.limits import BucketKey, BucketState
from bingx_async.observer import Observer
from bingx_async.permit import AnyGovernor, Permit
from bingx_async.plan import Plan
from bingx_async.quota import IP_GROUPS, IpGroup, Quota, Scope

if typing.TYPE_CHECKING:
    from bingx_async.swap import (
        AttachedOrder,
        Contract,
        ContractStatus,
        Interval,
        Leverage,
        LeverageBySide,
        NewOrder,
        Order,
        OrderSide,
        OrderStatus,
        OrderType,
        Position,
        PositionMode,
        PositionSide,
        ServerTime,
        TimeInForce,
    )

__all__ = [
    "IP_GROUPS",
    "AnyGovernor",
    "ApiError",
    "AttachedOrder",
    "AuthError",
    "BingX",
    "BingXError",
    "BucketKey",
    "BucketState",
    "Contract",
    "ContractStatus",
    "DecodeError",
    "Endpoint",
    "Governor",
    "GovernorUnavailable",
    "Interval",
    "InvalidRequest",
    "IpGroup",
    "Leverage",
    "LeverageBySide",
    "NewOrder",
    "NotSent",
    "Observer",
    "Order",
    "OrderSide",
    "OrderStatus",
    "OrderType",
    "OutcomeUnknown",
    "Permit",
    "Plan",
    "Position",
    "PositionMode",
    "PositionSide",
    "Quota",
    "QuotaTimeout",
    "RateLimited",
    "Rejected",
    "Scope",
    "ServerTime",
    "TimeInForce",
    "TransportError",
    "Unavailable",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Import what belongs to a product when it is first asked for, as the client does."""
    if name in __all__:
        value = globals()[name] = getattr(importlib.import_module("bingx_async.swap"), name)
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

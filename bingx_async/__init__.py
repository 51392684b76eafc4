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
    StreamOverflow,
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
    from bingx_async.channel import Channel
    from bingx_async.stream import Resumed, Stream
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
    "Channel",
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
    "Resumed",
    "Scope",
    "ServerTime",
    "Stream",
    "StreamOverflow",
    "TimeInForce",
    "TransportError",
    "Unavailable",
]

__version__ = "0.1.0"

_STREAMS: typing.Final = {
    "Channel": "bingx_async.channel",
    "Resumed": "bingx_async.stream",
    "Stream": "bingx_async.stream",
}


def __getattr__(name: str) -> object:
    """Import what belongs to a product, or to streams, when it is first asked for."""
    if name in __all__:
        module = importlib.import_module(_STREAMS.get(name, "bingx_async.swap"))
        value = globals()[name] = getattr(module, name)
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""
An asyncio SDK for the BingX exchange that keeps every published quota by construction.

.. code-block:: python

    async with BingX(api_key, secret_key) as bingx:
        await bingx.swap.set_leverage("BTC-USDT", PositionSide.LONG, 10)
"""

from __future__ import annotations

from bingx_async.bucket import BucketKey, BucketState
from bingx_async.client import BingX
from bingx_async.endpoint import Endpoint
from bingx_async.errors import (
    ApiError,
    AuthError,
    BingXError,
    DecodeError,
    InvalidRequest,
    NotSent,
    OutcomeUnknown,
    QuotaTimeout,
    RateLimited,
    Rejected,
    TransportError,
    Unavailable,
)
from bingx_async.governor import Governor, Permit
from bingx_async.quota import IP_GROUPS, IpGroup, Quota
from bingx_async.swap import (
    Contract,
    ContractStatus,
    Leverage,
    LeverageBySide,
    PositionMode,
    PositionSide,
    ServerTime,
)

__all__ = [
    "IP_GROUPS",
    "ApiError",
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
    "InvalidRequest",
    "IpGroup",
    "Leverage",
    "LeverageBySide",
    "NotSent",
    "OutcomeUnknown",
    "Permit",
    "PositionMode",
    "PositionSide",
    "Quota",
    "QuotaTimeout",
    "RateLimited",
    "Rejected",
    "ServerTime",
    "TransportError",
    "Unavailable",
]

__version__ = "0.1.0"

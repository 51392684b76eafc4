"""
An exchange on loopback that checks and counts as published, for testing bots.

.. code-block:: python

    async with Emulator() as exchange:
        bingx = exchange.client("alice")
        await bingx.swap.set_leverage("BTC-USDT", PositionSide.LONG, 10)
"""

from __future__ import annotations

from bingx_async.emulator.accounts import Account, ApiKey
from bingx_async.emulator.faults import Faults, constant, lognormal, spikes, uniform
from bingx_async.emulator.limits import Arrival
from bingx_async.emulator.server import Emulator

__all__ = [
    "Account",
    "ApiKey",
    "Arrival",
    "Emulator",
    "Faults",
    "constant",
    "lognormal",
    "spikes",
    "uniform",
]

"""
An exchange on loopback that trades, checks and counts as published, for testing bots.

.. code-block:: python

    async with Emulator() as exchange:
        exchange.set_price("BTC-USDT", 100_000)
        await run_bot(exchange.client("alice"))
        assert exchange.account("alice").positions == []
"""

from __future__ import annotations

from bingx_async.emulator.accounts import Account, ApiKey
from bingx_async.emulator.faults import (
    Faults,
    StreamFaults,
    constant,
    lognormal,
    spikes,
    uniform,
)
from bingx_async.emulator.limits import Arrival
from bingx_async.emulator.market import Candle, Market
from bingx_async.emulator.server import Emulator
from bingx_async.emulator.streams import Sent, StreamRules

__all__ = [
    "Account",
    "ApiKey",
    "Arrival",
    "Candle",
    "Emulator",
    "Faults",
    "Market",
    "Sent",
    "StreamFaults",
    "StreamRules",
    "constant",
    "lognormal",
    "spikes",
    "uniform",
]

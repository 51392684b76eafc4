"""
The websockets of the emulated exchange, as strict as the real ones.

``ws://host:port/swap-market`` carries the market, ``...?listenKey=<key>`` an account's events as
well. All that the server says is compressed; clients say text.

Refused with an HTTP status at the upgrade are an unknown or ended listen key (401), a websocket too
many for the address (403), and what :class:`~bingx_async.emulator.StreamFaults` refuses (503).
Refused with a code in the acknowledgement are topics that do not exist (80014), topics too many for
the websocket (80403), a topic that is subscribed to already (100205), the end of a subscription
that there is not (100204), requests that come too often (100410), and what is no request (100400).
"""

from __future__ import annotations

from bingx_async.emulator.streams.ledger import Kind, Sent
from bingx_async.emulator.streams.rules import StreamRules
from bingx_async.emulator.streams.server import PATH, StreamServer

__all__ = ["PATH", "Kind", "Sent", "StreamRules", "StreamServer"]

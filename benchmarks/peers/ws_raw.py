"""
The same streams by hand: aiohttp, zlib and msgspec, and nothing that watches over the connection.

As in ``structs.py`` there are two honest readings: ``Plain`` classes take what JSON gives, with
``Decimal`` where a number is meant; ``Same`` classes come to the very values of this package's
events, with times in UTC and a book whose best levels come first.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar

import aiohttp
import msgspec

from bingx_async.swap.models.market import Level

__all__ = ["DEPTH", "PLAIN", "SAME", "TICKER", "TRADES", "Decoder", "rows"]

T = TypeVar("T")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class Message(msgspec.Struct, Generic[T], rename={"data_type": "dataType"}):
    """What is around every event."""

    code: int
    data: T
    data_type: str
    ts: int = 0


class PlainTrade(msgspec.Struct):
    """One trade; its time is a number of milliseconds."""

    symbol: str = msgspec.field(name="s")
    price: Decimal = msgspec.field(name="p")
    qty: Decimal = msgspec.field(name="q")
    time: int = msgspec.field(name="T")
    is_buyer_maker: bool = msgspec.field(name="m")


class SameTrade(msgspec.Struct):
    """One trade, with the values that the package's own event has."""

    symbol: str = msgspec.field(name="s")
    price: Decimal = msgspec.field(name="p")
    qty: Decimal = msgspec.field(name="q")
    time: int | datetime = msgspec.field(name="T")
    is_buyer_maker: bool = msgspec.field(name="m")

    def __post_init__(self) -> None:
        self.time = _EPOCH + _MILLISECOND * self.time  # type: ignore[operator]


class PlainDepth(msgspec.Struct):
    """The best levels, in the order in which they come."""

    bids: list[Level]
    asks: list[Level]


class SameDepth(msgspec.Struct):
    """The best levels, best first, with what only the message around them says."""

    bids: list[Level]
    asks: list[Level]
    data_type: str = ""
    time: datetime | None = None

    def __post_init__(self) -> None:
        self.bids.sort(reverse=True)
        self.asks.sort()


class PlainTicker(msgspec.Struct):
    """A ticker; its times are numbers of milliseconds."""

    symbol: str = msgspec.field(name="s")
    last_price: Decimal = msgspec.field(name="c")
    open_price: Decimal = msgspec.field(name="o")
    high_price: Decimal = msgspec.field(name="h")
    low_price: Decimal = msgspec.field(name="l")
    price_change: Decimal = msgspec.field(name="p")
    price_change_percent: Decimal = msgspec.field(name="P")
    volume: Decimal = msgspec.field(name="v")
    quote_volume: Decimal = msgspec.field(name="q")
    last_qty: Decimal = msgspec.field(name="L")
    open_time: int = msgspec.field(name="O")
    close_time: int = msgspec.field(name="C")
    bid_price: Decimal = msgspec.field(name="B")
    bid_qty: Decimal = msgspec.field(name="b")
    ask_price: Decimal = msgspec.field(name="A")
    ask_qty: Decimal = msgspec.field(name="a")
    event_time: int = msgspec.field(name="E")


class SameTicker(msgspec.Struct):
    """A ticker, with the values that the package's own event has."""

    symbol: str = msgspec.field(name="s")
    last_price: Decimal = msgspec.field(name="c")
    open_price: Decimal = msgspec.field(name="o")
    high_price: Decimal = msgspec.field(name="h")
    low_price: Decimal = msgspec.field(name="l")
    price_change: Decimal = msgspec.field(name="p")
    price_change_percent: Decimal = msgspec.field(name="P")
    volume: Decimal = msgspec.field(name="v")
    quote_volume: Decimal = msgspec.field(name="q")
    last_qty: Decimal | None = msgspec.field(name="L", default=None)
    open_time: int | datetime | None = msgspec.field(name="O", default=None)
    close_time: int | datetime | None = msgspec.field(name="C", default=None)
    bid_price: Any = msgspec.field(name="B", default=None)  # may be an empty text
    bid_qty: Any = msgspec.field(name="b", default=None)
    ask_price: Any = msgspec.field(name="A", default=None)
    ask_qty: Any = msgspec.field(name="a", default=None)
    event_time: int | datetime | None = msgspec.field(name="E", default=None)

    def __post_init__(self) -> None:
        self.open_time = _time(self.open_time)
        self.close_time = _time(self.close_time)
        self.event_time = _time(self.event_time)
        self.bid_price = Decimal(self.bid_price) if self.bid_price else None
        self.bid_qty = Decimal(self.bid_qty) if self.bid_qty else None
        self.ask_price = Decimal(self.ask_price) if self.ask_price else None
        self.ask_qty = Decimal(self.ask_qty) if self.ask_qty else None


def _time(value: int | datetime | None) -> datetime | None:
    return _EPOCH + _MILLISECOND * value if value and isinstance(value, int) else None


Decoder = msgspec.json.Decoder[Message[Any]]

TRADES: Final = "trades"
DEPTH: Final = "depth20"
TICKER: Final = "ticker"

PLAIN: Final[dict[str, Decoder]] = {
    TRADES: msgspec.json.Decoder(Message[list[PlainTrade]]),
    DEPTH: msgspec.json.Decoder(Message[PlainDepth]),
    TICKER: msgspec.json.Decoder(Message[PlainTicker]),
}
SAME: Final[dict[str, Decoder]] = {
    TRADES: msgspec.json.Decoder(Message[list[SameTrade]]),
    DEPTH: msgspec.json.Decoder(Message[SameDepth]),
    TICKER: msgspec.json.Decoder(Message[SameTicker]),
}


async def rows(
    http: aiohttp.ClientSession, url: str, topic: str, decoder: Decoder
) -> AsyncGenerator[Any]:
    """Subscribe to a topic and give its events one by one."""
    async with http.ws_connect(url) as socket:
        await socket.send_json({"id": "1", "reqType": "sub", "dataType": topic})
        acknowledged = zlib.decompress((await socket.receive()).data, 31)
        if msgspec.json.decode(acknowledged)["code"]:
            raise RuntimeError(acknowledged)
        async for frame in socket:
            text = zlib.decompress(frame.data, 31)
            if text == b"Ping":
                await socket.send_str("Pong")
                continue
            message = decoder.decode(text)
            data = message.data
            if data.__class__ is list:
                for row in data:
                    yield row
            else:
                if data.__class__ is SameDepth:
                    data.data_type, data.time = message.data_type, _time(message.ts)
                yield data

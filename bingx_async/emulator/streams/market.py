"""What the topics of the market tell, from one push to the next."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from bingx_async.emulator.intervals import number_of, start_of
from bingx_async.emulator.market import Market
from bingx_async.emulator.streams.topics import Topic
from bingx_async.signing import milliseconds
from bingx_async.swap.models.market import Interval, Level

__all__ = ["Book", "Message", "Teller", "teller"]

Row = dict[str, Any]

_DAY: Final = timedelta(days=1)
_AT_ONCE: Final = 100
"""So many trades go into a message."""
_MOST_TRADES: Final = 10_000
"""So many are told of, where a test lets more time pass than they fill."""
_CENT: Final = Decimal("0.01")


class Message(NamedTuple):
    """
    A message about one contract.

    Attributes:
        data: What it tells.
        beside: What stands beside it.
        number: What it is known by; ``None`` if it has no number.
    """

    data: Row | list[Row]
    beside: Mapping[str, Any] = {}
    number: int | None = None


class Teller(ABC):
    """
    One topic, as far as it is about one contract.

    Args:
        topic: The topic.
        symbol: The contract.
        market: Prices and liquidity.
        now: What time it is on the exchange.
    """

    def __init__(self, topic: Topic, symbol: str, market: Market, now: datetime) -> None:
        self._topic = topic
        self._symbol = symbol
        self._market = market
        self._begin(now)

    def _begin(self, now: datetime) -> None:  # noqa: B027 - most have nothing to note
        """Note how things stand at first."""

    @abstractmethod
    def messages(self, now: datetime) -> Iterator[Message]:
        """Tell what there is to tell."""


class _Trades(Teller):
    """Each trade once."""

    def _begin(self, now: datetime) -> None:
        self._last = self._market.last_trade(now)

    def messages(self, now: datetime) -> Iterator[Message]:
        last = self._market.last_trade(now)
        first = max(self._last, last - _MOST_TRADES) + 1
        self._last = max(last, self._last)
        for number in range(first, last + 1, _AT_ONCE):
            trades = self._market.trades(self._symbol, number, _AT_ONCE, now)
            rows: list[Row] = [
                {
                    "q": f"{trade.qty:f}",
                    "p": f"{trade.price:f}",
                    "T": milliseconds(trade.time),
                    "m": trade.is_buyer_maker,
                    "s": self._symbol,
                }
                for trade in trades
            ]
            yield Message(rows, number=number + len(rows) - 1)


class _Klines(Teller):
    """The kline that runs; when it is over, how it ended first."""

    _number: int | None = None

    def messages(self, now: datetime) -> Iterator[Message]:
        assert self._topic.interval is not None
        interval = self._topic.interval
        number = number_of(interval, now)
        if self._number is not None and self._number < number:
            yield self._kline(interval, self._number, start_of(interval, self._number + 1))
        self._number = number
        yield self._kline(interval, number, now)

    def _kline(self, interval: Interval, number: int, until: datetime) -> Message:
        start = start_of(interval, number)
        candle = self._market.candle(self._symbol, start, until)
        row: Row = {
            "c": f"{candle.close:f}",
            "o": f"{candle.open:f}",
            "h": f"{candle.high:f}",
            "l": f"{candle.low:f}",
            "v": f"{candle.volume:f}",
            "T": milliseconds(start),
        }
        return Message([row], {"s": self._symbol})


class _Depth(Teller):
    """The best levels of the book."""

    def messages(self, now: datetime) -> Iterator[Message]:
        bids, asks = self._market.levels(self._symbol, now, self._topic.level)
        data = {"bids": _written(bids), "asks": _written(asks[::-1])}
        yield Message(data, {"ts": milliseconds(now)})


class _Ticker(Teller):
    """The last 24 hours."""

    def messages(self, now: datetime) -> Iterator[Message]:
        market, symbol = self._market, self._symbol
        day = market.candle(symbol, now - _DAY, now)
        (last,) = market.trades(symbol, market.last_trade(now), 1, now)
        change = day.close - day.open
        mean = (day.open + day.high + day.low + day.close) / 4
        bids, asks = _written_best(market, symbol, now)
        yield Message(
            {
                "e": "24hTicker",
                "E": milliseconds(now),
                "s": symbol,
                "p": f"{change:f}",
                "P": f"{(change / day.open * 100).quantize(_CENT):f}",
                "c": f"{day.close:f}",
                "L": f"{last.qty:f}",
                "h": f"{day.high:f}",
                "l": f"{day.low:f}",
                "v": f"{day.volume:f}",
                "q": f"{(day.volume * mean).quantize(_CENT):f}",
                "o": f"{day.open:f}",
                "O": milliseconds(now - _DAY),
                "C": milliseconds(last.time),
                "A": asks[0],
                "a": asks[1],
                "B": bids[0],
                "b": bids[1],
            }
        )


class _BookTicker(Teller):
    """The best levels of the book, one a side."""

    def messages(self, now: datetime) -> Iterator[Message]:
        bids, asks = _written_best(self._market, self._symbol, now)
        number, time = self._market.last_trade(now), milliseconds(now)
        data = {
            "e": "bookTicker",
            "u": number,
            "E": time,
            "T": time,
            "s": self._symbol,
            "b": bids[0],
            "B": bids[1],
            "a": asks[0],
            "A": asks[1],
        }
        yield Message(data, number=number)


class _LastPrice(Teller):
    """The price of the last trade."""

    def messages(self, now: datetime) -> Iterator[Message]:
        price = self._market.price(self._symbol, now)
        event, time = "lastPriceUpdate", milliseconds(now)
        yield Message({"e": event, "E": time, "s": self._symbol, "c": f"{price:f}"})


class _MarkPrice(Teller):
    """The mark price."""

    def messages(self, now: datetime) -> Iterator[Message]:
        price = self._market.mark_price(self._symbol, now)
        event, time = "markPriceUpdate", milliseconds(now)
        yield Message({"e": event, "E": time, "s": self._symbol, "p": f"{price:f}"})


class Book(Teller):
    """
    The changes of the book; :meth:`whole` is what they are changes of.

    Each change has a number, one more than the one before. They go on as long as anybody reads.
    """

    def _begin(self, now: datetime) -> None:
        self._number = self._market.last_trade(now)
        self._seen = self._number
        self._sides = self._read(now)

    def messages(self, now: datetime) -> Iterator[Message]:
        """Tell what has changed since the last time, if anything has."""
        if (second := self._market.last_trade(now)) == self._seen:  # within it nothing moves
            return
        before, self._seen, self._sides = self._sides, second, self._read(now)
        if before != self._sides:
            self._number += 1
            changed = [_changes(*sides) for sides in zip(before, self._sides, strict=True)]
            yield self._message("update", now, *changed)

    def whole(self, now: datetime) -> Message:
        """Tell the whole book, as of the last change."""
        bids, asks = (list(side.items()) for side in self._sides)
        return self._message("all", now, bids, asks[::-1])

    def _read(self, now: datetime) -> tuple[dict[str, str], dict[str, str]]:
        bids, asks = self._market.levels(self._symbol, now, self._topic.level)
        return dict(_written(bids)), dict(_written(asks))

    def _message(
        self, action: str, now: datetime, bids: list[tuple[str, str]], asks: list[tuple[str, str]]
    ) -> Message:
        time = milliseconds(now)
        data = {"action": action, "lastUpdateId": self._number, "time": time}
        return Message({**data, "bids": bids, "asks": asks}, number=self._number)


_KINDS: Final[Mapping[str, Callable[[Topic, str, Market, datetime], Teller]]] = {
    "trade": _Trades,
    "kline": _Klines,
    "depth": _Depth,
    "incrDepth": Book,
    "ticker": _Ticker,
    "bookTicker": _BookTicker,
    "lastPrice": _LastPrice,
    "markPrice": _MarkPrice,
}


def teller(topic: Topic, symbol: str, market: Market, now: datetime) -> Teller:
    """Make what tells of a topic, from now on."""
    return _KINDS[topic.kind](topic, symbol, market, now)


def _written(levels: list[Level]) -> list[tuple[str, str]]:
    return [(f"{price:f}", f"{quantity:f}") for price, quantity in levels]


def _written_best(
    market: Market, symbol: str, now: datetime
) -> tuple[tuple[str, str], tuple[str, str]]:
    bids, asks = market.levels(symbol, now, 1)
    (bid, ask) = ((_written(side) or [("", "")])[0] for side in (bids, asks))
    return bid, ask


def _changes(before: dict[str, str], after: dict[str, str]) -> list[tuple[str, str]]:
    """List the levels that are not what they were, highest first; those that are gone hold 0."""
    changed = dict(after.items() - before.items())
    for price, quantity in before.items():
        if price not in after:
            changed[price] = f"{Decimal(quantity) * 0:f}"
    return sorted(changed.items(), key=lambda level: Decimal(level[0]), reverse=True)

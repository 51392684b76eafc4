"""What can be subscribed to."""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen

from bingx_async.emulator.listings import LISTED
from bingx_async.errors import InvalidRequest
from bingx_async.swap.models.market import Interval

__all__ = ["UNKNOWN", "Topic", "parse"]

UNKNOWN: Final = 80014
"""The code of the refusal of a topic that does not exist."""

_LEVELS: Final = frozenset({5, 10, 20, 50, 100})
_BUSY: Final = frozenset({"BTC-USDT", "ETH-USDT"})
"""The contracts whose books are told of more often."""
_ALL: Final = "all"
_OF_ALL: Final = frozenset({"ticker", "kline", "depth"})

# Seconds from one push to the next; 0 where each change of the market is told of at once.
_EVERY: Final = {
    "trade": 0.0,
    "kline": 0.0,
    "lastPrice": 0.0,
    "markPrice": 0.0,
    "ticker": 1.0,
    "bookTicker": 0.2,
}
_PACES: Final = {"200ms": 0.2, "500ms": 0.5}
_DEPTH: Final = re.compile(r"depth(\d{1,3})@(200ms|500ms)")


@frozen
class Topic:
    """
    One topic.

    Attributes:
        name: What the exchange calls it.
        kind: What it tells of: ``trade``, ``depth``, ``incrDepth``, ``kline``, ``ticker``,
            ``lastPrice``, ``markPrice`` or ``bookTicker``.
        symbols: Of which contracts.
        every: Seconds from one push to the next; 0 where each change is told of at once.
        level: How many levels of the book; 0 without one.
        interval: What a kline spans; ``None`` without one.
    """

    name: str
    kind: str
    symbols: tuple[str, ...]
    every: float
    level: int = 0
    interval: Interval | None = None

    def data_type(self, symbol: str) -> str:
        """
        Tell what the messages about a contract say that they are.

        How those of all contracts are called is documented nowhere. Here they bear the name of the
        topic, but for books, which name their contract nowhere else.
        """
        if self.kind == "depth":
            return f"{symbol}@{self.name.partition('@')[2]}"
        return self.name


def parse(name: str) -> Topic:
    """
    Understand a topic.

    Raises:
        InvalidRequest: There is no such topic.
    """
    symbol, _, what = name.partition("@")
    if symbol != _ALL and symbol not in LISTED:
        raise _unknown(f"{symbol},symbol not exist")
    symbols = tuple(LISTED) if symbol == _ALL else (symbol,)
    topic = _parse(name, what, symbols)
    if symbol == _ALL and topic.kind not in _OF_ALL:
        raise _unknown(f"dataType not exist: {name}")
    return topic


def _parse(name: str, what: str, symbols: tuple[str, ...]) -> Topic:
    kind, _, word = what.partition("_")
    if kind == "kline":
        interval = Interval(word)
        if not interval.is_known or interval != word:
            raise _unknown(f"interval {word} of {name} is not supported")
        return Topic(name, kind, symbols, _EVERY[kind], interval=interval)
    if (found := _DEPTH.fullmatch(what)) is not None:
        level, pace = int(found[1]), found[2]
        if level not in _LEVELS:
            raise _unknown(f"level {level} of {name} is not supported")
        if pace == "200ms" and not _BUSY.issuperset(symbols):
            raise _unknown(f"{pace} of {name} is not supported")
        return Topic(name, "depth", symbols, _PACES[pace], level=level)
    if what == "incrDepth":
        return Topic(name, what, symbols, 0.2 if _BUSY.issuperset(symbols) else 0.8, level=100)
    if what not in _EVERY:
        raise _unknown(f"dataType not exist: {name}")
    return Topic(name, what, symbols, _EVERY[what])


def _unknown(message: str) -> InvalidRequest:
    return InvalidRequest(message, code=UNKNOWN)

"""Messages of streams as the exchange documents them, with texts that vary as prices do."""

from __future__ import annotations

import gzip
import random
from typing import Any, Final

import msgspec

__all__ = ["TOPICS", "frame", "messages", "packed"]

TOPICS: Final = {"trades": "@trade", "depth20": "@depth20@500ms", "ticker": "@ticker"}
"""What comes after the symbol, by kind."""

_TIME: Final = 1_790_000_000_000
_LEVELS: Final = 20


def _trades(draw: random.Random, symbol: str, number: int) -> dict[str, Any]:
    rows = [
        {
            "q": f"{draw.randint(1, 99_999) / 10_000:.4f}",
            "p": f"{100_000 + draw.randint(-5_000, 5_000) / 10:.1f}",
            "T": _TIME + 100 * number + row,
            "m": draw.random() < 1 / 2,
            "s": symbol,
        }
        for row in range(3)
    ]
    return {"data": rows}


def _depth(draw: random.Random, _: str, number: int) -> dict[str, Any]:
    bid = ask = 1_000_000 + draw.randint(-5_000, 5_000)
    bids: list[tuple[str, str]] = []
    asks: list[tuple[str, str]] = []
    for _level in range(_LEVELS):
        bid, ask = bid - draw.randint(1, 20), ask + draw.randint(1, 20)
        bids.append((f"{bid / 10:.1f}", f"{draw.randint(1, 99_999) / 10_000:.4f}"))
        asks.append((f"{ask / 10:.1f}", f"{draw.randint(1, 99_999) / 10_000:.4f}"))
    return {"data": {"bids": bids, "asks": asks[::-1]}, "ts": _TIME + 500 * number}


def _ticker(draw: random.Random, symbol: str, number: int) -> dict[str, Any]:
    last, change = 100_000 + draw.randint(-5_000, 5_000) / 10, draw.randint(-20_000, 20_000) / 10
    now = _TIME + 1_000 * number
    row = {
        "e": "24hTicker",
        "E": now,
        "s": symbol,
        "p": f"{change:.1f}",
        "P": f"{change / last * 100:.2f}",
        "c": f"{last:.1f}",
        "L": f"{draw.randint(1, 99_999) / 10_000:.4f}",
        "h": f"{last + 2_500:.1f}",
        "l": f"{last - 2_500:.1f}",
        "v": f"{draw.randint(10_000_000, 99_999_999) / 10_000:.4f}",
        "q": f"{draw.randint(10**10, 10**11) / 100:.2f}",
        "o": f"{last - change:.1f}",
        "O": now - 86_400_000,
        "C": now - 137,
        "A": f"{last + 0.1:.1f}",
        "a": f"{draw.randint(1, 99_999) / 10_000:.4f}",
        "B": f"{last - 0.1:.1f}",
        "b": f"{draw.randint(1, 99_999) / 10_000:.4f}",
    }
    return {"data": row}


_MAKERS: Final = {"@trade": _trades, "@depth20@500ms": _depth, "@ticker": _ticker}


def messages(topic: str, count: int, *, seed: int = 0) -> list[dict[str, Any]]:
    """Make so many messages of a topic."""
    symbol, _, kind = topic.partition("@")
    make, draw = _MAKERS[f"@{kind}"], random.Random(seed)
    return [{"code": 0, "dataType": topic, **make(draw, symbol, number)} for number in range(count)]


def packed(message: dict[str, Any]) -> bytes:
    """Print and compress a message, as the exchange does."""
    return gzip.compress(msgspec.json.encode(message), 6, mtime=0)


def frame(content: bytes) -> bytes:
    """Make the binary frame of a websocket's server."""
    size = len(content)
    if size < 126:
        return bytes((0x82, size)) + content
    return bytes((0x82, 126)) + size.to_bytes(2) + content

"""
Made-up prices that are the same in every run, and known at every moment of past and future.

A path is a function of time without memory. The price at the start of each day is a sum of smooth
noises over one day to several months. A day then has an open, a high, a low, a close and a volume,
and is split into pieces of two hours, each of these into quarters of an hour, minutes and seconds,
by draws that depend on the seed and the place alone. Pieces keep within the whole: they connect,
one of them reaches its high, one its low, and their volumes add up to its own. So a kline of any
span is made of a few large pieces, and agrees to the last digit with the klines it is made of.

Prices are whole numbers of the contract's smallest step, and so are quantities; nothing is ever
rounded twice, and no float is involved.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from decimal import Context, Decimal
from hashlib import shake_128
from itertools import accumulate
from math import isqrt
from struct import unpack
from typing import Final, NamedTuple

__all__ = ["Path", "Piece", "Span", "draw"]

_DAY: Final = 86_400
_SIZES: Final = (_DAY, 7_200, 900, 60, 1)
"""Seconds that a piece of each level spans; each is a multiple of the next."""

_HALF: Final = 1 << 31
_MILLION: Final = 1_000_000

# How far a noise moves the logarithm of the price, in millionths, and over how many days.
_NOISES: Final = ((12_000, 1), (20_000, 4), (40_000, 16), (80_000, 64), (120_000, 256))
_WIDEST: Final = 20_000
"""How far a day may reach beyond its open and its close, in millionths."""

_EXACT: Final = Context(prec=28)


def draw(key: str, count: int) -> tuple[int, ...]:
    """Draw numbers from 0 to 2**32 - 1; the first ones do not depend on how many are drawn."""
    return unpack(f"<{count}I", shake_128(key.encode()).digest(4 * count))


class Piece(NamedTuple):
    """What happens in a piece of time; the close is the price at its end, the next one's open."""

    open: int
    high: int
    low: int
    close: int
    volume: int


class Span(NamedTuple):
    """Highest and lowest price from one second to another, and the volume up to that one."""

    high: int
    low: int
    volume: int


class Path:
    """
    The path of one price.

    Args:
        key: What all draws depend on.
        level: The price around which it moves, in steps.
        volume: What is traded in a day on average, in steps.
    """

    def __init__(self, key: str, level: int, volume: int) -> None:
        self._key = key
        self._level = level
        self._volume = volume
        self._day = functools.lru_cache(maxsize=4096)(self._make_day)
        self._start = functools.lru_cache(maxsize=4096)(self._make_start)
        self._lattice = functools.lru_cache(maxsize=4096)(self._make_lattice)
        self._split = functools.lru_cache(maxsize=4096)(self._make_split)

    def price(self, second: int) -> int:
        """Tell the price in a second since 1970."""
        level = 0
        while second % _SIZES[level]:  # the larger the piece, the less is to be made for it
            level += 1
        return self._piece(level, second // _SIZES[level]).open

    def volume(self, second: int) -> int:
        """Tell how much is traded in a second since 1970; more than nothing."""
        return self._piece(len(_SIZES) - 1, second).volume

    def span(self, first: int, last: int) -> Span:
        """Tell what happens from one second since 1970 to another."""
        high = low = self.price(last)
        volume = 0
        while first < last:
            level = 0
            while first % _SIZES[level] or first + _SIZES[level] > last:
                level += 1
            piece = self._piece(level, first // _SIZES[level])
            high, low = max(high, piece.high), min(low, piece.low)
            volume += piece.volume
            first += _SIZES[level]
        return Span(high, low, volume)

    def _piece(self, level: int, number: int) -> Piece:
        if level == 0:
            return self._day(number)
        fan = _SIZES[level - 1] // _SIZES[level]
        return self._split(level - 1, number // fan)[number % fan]

    def _make_day(self, day: int) -> Piece:
        opened, closed = self._start(day), self._start(day + 1)
        up, down, busy = draw(f"{self._key}/{day}", 3)
        high = max(opened, closed) * (_MILLION + up * _WIDEST // 2**32) // _MILLION
        low = min(opened, closed) * (_MILLION - down * _WIDEST // 2**32) // _MILLION
        volume = max(_DAY, self._volume * (_HALF + busy) // 2**32)
        return Piece(opened, high, max(1, low), closed, volume)

    def _make_start(self, day: int) -> int:
        """Tell the price at the start of a day."""
        moved = sum(size * self._noise(day, days) // _HALF for size, days in _NOISES)
        factor = _EXACT.exp(Decimal(moved).scaleb(-6))
        return max(1, int(_EXACT.multiply(factor, self._level)))

    def _noise(self, day: int, days: int) -> int:
        """Tell a noise at a day: draws every so many days, and a smooth curve between them."""
        number, into = divmod(day, days)
        before, after = self._lattice(days, number), self._lattice(days, number + 1)
        return before + (after - before) * into * into * (3 * days - 2 * into) // days**3

    def _make_lattice(self, days: int, number: int) -> int:
        (drawn,) = draw(f"{self._key}/{days}/{number}", 1)
        return drawn - _HALF

    def _make_split(self, level: int, number: int) -> Sequence[Piece]:
        whole = self._piece(level, number)
        size = _SIZES[level + 1]
        fan = _SIZES[level] // size
        draws = draw(f"{self._key}/{level}/{number}", 4 * fan)
        points = _walk(whole, draws[:fan])
        if size == 1:
            _reach(points, whole)
            highs, lows = points, points
        else:
            highs = _beyond(points, whole, draws[fan : 2 * fan], 1)
            lows = _beyond(points, whole, draws[2 * fan : 3 * fan], -1)
        volumes = _share(whole.volume - fan * size, draws[3 * fan :])
        return [
            Piece(points[n], highs[n], lows[n], points[n + 1], size + volumes[n])
            for n in range(fan)
        ]


def _walk(whole: Piece, draws: Sequence[int]) -> list[int]:
    """Walk at random from the open to the close, within high and low."""
    room, fan = whole.high - whole.low, len(draws)
    if not room:
        return [whole.open] * (fan + 1)
    walked = list(accumulate((step - _HALF for step in draws), initial=0))
    wide = 5 * isqrt(fan) * _HALF
    points = [whole.open]
    for n in range(1, fan):
        straight = whole.open + (whole.close - whole.open) * n // fan
        aside = (walked[n] - walked[fan] * n // fan) * room * 6 // wide
        # What would leave the room is turned back at its wall.
        place = (straight + aside - whole.low) % (2 * room)
        points.append(whole.low + min(place, 2 * room - place))
    points.append(whole.close)
    return points


def _reach(points: list[int], whole: Piece) -> None:
    """Let the points reach high and low."""
    inner = range(1, len(points) - 1)
    top = max(inner, key=points.__getitem__)
    if whole.high > max(points[0], points[-1]):
        points[top] = whole.high
    if whole.low < min(points[0], points[-1]):
        points[min((n for n in inner if n != top), key=points.__getitem__)] = whole.low


def _beyond(points: list[int], whole: Piece, draws: Sequence[int], sign: int) -> list[int]:
    """Draw how far each piece goes beyond its ends; the farthest goes all the way."""
    room, wall = whole.high - whole.low, whole.high if sign > 0 else whole.low
    narrow = 2 * isqrt(len(draws)) << 32
    ends = [
        min(wall * sign, max(points[n] * sign, points[n + 1] * sign) + far * room // narrow)
        for n, far in enumerate(draws)
    ]
    ends[max(range(len(ends)), key=ends.__getitem__)] = wall * sign
    return [end * sign for end in ends]


def _share(total: int, weights: Sequence[int]) -> list[int]:
    """Share a total out by weight, so that nothing is left."""
    sums = list(accumulate(weights))
    cuts = [total * part // sums[-1] for part in sums]
    return [cut - before for cut, before in zip(cuts, [0, *cuts], strict=False)]

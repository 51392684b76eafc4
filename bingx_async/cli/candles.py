"""
A candle chart for the terminal, drawn with characters.

A column is a candle, and each cell is split into an upper and a lower half, so that bodies and
wicks end on half a cell. Where there are no colours, rising candles have thin bodies and falling
ones thick bodies. To the right stand prices, below stand times.

.. code-block:: text

              ╽ ▄     ├ 98000
          ╷ ╷ ┃ █ ▄   │
          ┃ █ ┃ ╵ █   │
      ╽ ▄ ┃ ▀ ╹   █   ├ 97800
      ┃ █ ┃       █ ╽ ├◂97700
      ┃ │         █ ┃ │
    ╽ ┃           ╵ │ ├ 97600
    ┃               ╵ │
    ┬───────────┬─────╯
    12:00       18:00
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from itertools import chain, pairwise
from typing import Final

from attrs import frozen
from rich.console import Console
from rich.text import Text

from bingx_async.cli.output import DOWN, UP
from bingx_async.swap.models.market import Kline

__all__ = ["paint", "visible"]

# What fills the upper and the lower half of a cell. No character has a block in one half and a
# line in the other, so such a half of a block is narrow, or leaves no room for the line.
_NOTHING, _WICK, _BODY = range(3)
_COLOURED: Final = (" ╷▄", "╵│╽", "▀╿█")
_RISING: Final = (" ╷╻", "╵│╽", "╹╿┃")
_FALLING: Final = (" ╷▄", "╵│▄", "▀▀█")

_FOOT: Final = 2  # rows below the candles
_TICK_ROWS: Final = 3  # at least so many from one price to the next
_TICK_COLUMNS: Final = 10  # and so many columns from one time to the next
_AXIS: Final = "dim"
_LATEST: Final = "bold"

_EPOCH: Final = datetime(1970, 1, 5, tzinfo=UTC)  # a Monday
_SPANS: Final = tuple(
    timedelta(minutes=minutes)
    for minutes in (5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440, 2880, 10080)
)
_DAY: Final = timedelta(days=1)
_MONTHS: Final = (1, 2, 3, 6, 12, 24, 60, 120)
_MONTH: Final = timedelta(days=30)

_ASCII: Final = str.maketrans("╷╻╵│╽╹╿┃▄▀█├◂┬─╯", ".H'|H\"HH###+<+-'")


def visible(klines: Iterable[Kline], width: int, *, airy: bool = False) -> list[Kline]:
    """
    Tell which klines a chart shows: the latest ones, if they are more than fit.

    Args:
        klines: In any order.
        width: Columns that there are.
        airy: Whether there must be a gap between candles, even if that shows fewer of them.

    Returns:
        Those that fit, oldest first.
    """
    candles = sorted(klines, key=lambda kline: kline.time)
    columns = _columns(candles, width)
    return candles[-((columns + 1) // 2 if airy else columns) :]


def paint(candles: Sequence[Kline], out: Console, *, height: int) -> Text:
    """
    Draw klines.

    Args:
        candles: One at least, from :func:`visible`.
        out: Where they will be printed; its width, colours and characters decide how.
        height: Rows that there are.

    Returns:
        The rows, separated by line breaks.
    """
    gap = 1 if 2 * len(candles) - 1 <= _columns(candles, out.width) else 0
    unit = _unit(candles)
    plain = out.no_color or not out.color_system
    pane = _Pane.of(candles, max(2, height - _FOOT), unit, plain=plain)
    prices = _price_labels(pane, candles[-1].close, unit)
    styles = [UP if _rises(kline) else DOWN for kline in candles]
    drawn = Text(no_wrap=True)
    for row, glyphs in enumerate(zip(*map(pane.column, candles), strict=True)):
        for place, (glyph, style) in enumerate(zip(glyphs, styles, strict=True)):
            drawn.append(" " * gap if place else "")
            drawn.append(glyph, "" if glyph == " " else style)
        drawn.append_text(prices.get(row, Text(" │", _AXIS)))
        drawn.append("\n")
    drawn.append_text(_time_axis(candles, gap, out.width))
    if out.options.ascii_only:
        drawn.plain = drawn.plain.translate(_ASCII)
    return drawn


def _columns(candles: Sequence[Kline], width: int) -> int:
    """Tell how many columns the prices leave to the candles."""
    unit = _unit(candles)
    prices = max((len(_price(each.high, unit)) for each in candles), default=0)
    return max(1, width - prices - len(" ├◂"))


def _unit(candles: Iterable[Kline]) -> Decimal:
    """Tell the finest step of all prices."""
    prices = ((each.open, each.high, each.low, each.close) for each in candles)
    exponents = (int(price.as_tuple().exponent) for price in chain(*prices))
    return Decimal(1).scaleb(min(exponents, default=0))


def _price(price: Decimal, unit: Decimal) -> str:
    return f"{price.quantize(unit):f}"


def _rises(kline: Kline) -> bool:
    return kline.close >= kline.open


@frozen
class _Pane:
    """
    Where the candles are drawn.

    Attributes:
        low: The price at the lower edge.
        high: The price at the upper edge.
        rows: How many rows it has.
        plain: Whether there are no colours to tell rising from falling.
    """

    low: Decimal
    high: Decimal
    rows: int
    plain: bool

    @classmethod
    def of(cls, candles: Sequence[Kline], rows: int, unit: Decimal, *, plain: bool) -> _Pane:
        """Make the one that the candles fill."""
        low, high = min(each.low for each in candles), max(each.high for each in candles)
        if low == high:  # the line runs through the middle
            low, high = low - unit / 2, high + unit / 2
        return cls(low, high, rows, plain)

    def row(self, price: Decimal) -> int:
        """Tell in which row a price lies, counted from above."""
        lowest, _ = self._halves(price, price)
        return self.rows - 1 - lowest // 2

    def column(self, kline: Kline) -> str:
        """Choose the characters of a candle, from above."""
        body = self._halves(*sorted((kline.open, kline.close)))
        wick = self._halves(kline.low, kline.high)
        halves = [
            _BODY
            if body[0] <= half <= body[1]
            else _WICK
            if wick[0] <= half <= wick[1]
            else _NOTHING
            for half in reversed(range(2 * self.rows))
        ]
        glyphs = _COLOURED
        if self.plain:
            glyphs = _RISING if _rises(kline) else _FALLING
        return "".join(
            glyphs[upper][lower] for upper, lower in zip(halves[::2], halves[1::2], strict=True)
        )

    def _halves(self, low: Decimal, high: Decimal) -> tuple[int, int]:
        """Tell the lowest and the highest half of a cell that is filled between two prices."""
        halves, height = 2 * self.rows, self.high - self.low
        lowest = min(halves - 1, math.floor((low - self.low) * halves / height))
        return lowest, max(lowest, math.ceil((high - self.low) * halves / height) - 1)


def _price_labels(pane: _Pane, latest: Decimal, unit: Decimal) -> dict[int, Text]:
    """Write round prices at their rows, and the latest price at its own."""
    step = max(unit, _round_up((pane.high - pane.low) * _TICK_ROWS / pane.rows))
    price = (pane.low / step).to_integral_value(ROUND_CEILING) * step
    labels: dict[int, Text] = {}
    while price <= pane.high:
        labels[pane.row(price)] = Text(f" ├ {_price(price, unit)}", _AXIS)
        price += step
    labels[pane.row(latest)] = Text.assemble((" ├", _AXIS), (f"◂{_price(latest, unit)}", _LATEST))
    return labels


def _round_up(step: Decimal) -> Decimal:
    """Tell the next number that is 1, 2 or 5 times a power of ten."""
    unit = Decimal(1).scaleb(step.adjusted())
    return next(unit * times for times in (1, 2, 5, 10) if unit * times >= step)


def _time_axis(candles: Sequence[Kline], gap: int, width: int) -> Text:
    line = ["─"] * ((1 + gap) * len(candles) - gap)
    labels = ""
    for place, label in _time_labels([kline.time for kline in candles], 1 + gap):
        if len(labels) <= place and place + len(label) <= width:
            labels = f"{labels:<{place}}{label} "
            line[place] = "┬"
    return Text.assemble(("".join(line) + "─╯\n", _AXIS), (labels.rstrip(), _AXIS))


def _time_labels(times: Sequence[datetime], step: int) -> Iterator[tuple[int, str]]:
    """Find the columns where an hour, a day or a month begins, and what to write there."""
    shortest = min((later - time for time, later in pairwise(times)), default=_SPANS[0])
    columns = shortest / step  # time that a column stands for
    span = next((span for span in _SPANS if span >= _TICK_COLUMNS * columns), None)
    months = next((n for n in _MONTHS if n * _MONTH >= _TICK_COLUMNS * columns), _MONTHS[-1])

    def number_of(time: datetime) -> int:
        return (time - _EPOCH) // span if span else (12 * time.year + time.month - 1) // months

    write = _write_month if span is None else _write_day if span >= _DAY else _write_hour
    for place, (before, time) in enumerate(pairwise([times[0] - shortest, *times])):
        if number_of(before) != number_of(time):
            yield place * step, write(time)


def _write_hour(time: datetime) -> str:
    return f"{time:%H:%M}" if time.hour or time.minute else _write_day(time)


def _write_day(time: datetime) -> str:
    return f"{time:%d %b}"


def _write_month(time: datetime) -> str:
    return f"{time:%Y}" if time.month == 1 else f"{time:%b}"

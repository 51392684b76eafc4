"""The command that shows a market as it moves: its order book, its trades and its prices."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

import click
from attrs import Factory, define
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from bingx_async import BingX, Resumed
from bingx_async.cli.following import (
    clock_time,
    follow,
    print_event,
    print_events,
    seconds_option,
    side_by,
)
from bingx_async.cli.options import Target, at_exchange
from bingx_async.cli.output import DOWN, UP, console, number, percent, table
from bingx_async.swap import (
    LastPriceEvent,
    Level,
    LocalOrderBook,
    MarkPriceEvent,
    TickerEvent,
    TradeEvent,
)

__all__ = ["watch"]

_INTERVAL: Final = 0.5
_MOST: Final = 100
_AROUND: Final = 9  # rows that the book leaves to what stands above and below it, and to the shell
_PRICES: Final = 60
_WIDE: Final = 1000
_QUIET: Final = 3.0  # seconds without a change that are told of
_BARS: Final = (24, 16, 8)  # columns
_TRADES_AT_ONCE: Final = 1000

_HEIGHTS: Final = "▁▂▃▄▅▆▇█"
_WIDTHS: Final = "▏▎▍▌▋▊▉█"
_ASCII: Final = str.maketrans(_HEIGHTS[:-1] + _WIDTHS, "__..--'" + "   #####")


@click.command
@click.argument("symbol")
@click.option(
    "--levels",
    type=click.IntRange(1, _MOST),
    default=10,
    show_default=True,
    help="How many levels of each side of the book.",
)
@click.option(
    "--trades",
    type=click.IntRange(0, _MOST),
    default=10,
    show_default=True,
    help="How many trades are shown; lines of JSON have all.",
)
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    default=_INTERVAL,
    show_default=True,
    metavar="SECONDS",
    help="How often the picture is drawn, or at most the book printed as JSON.",
)
@seconds_option
@at_exchange(key=False)
async def watch(
    target: Target,
    symbol: str,
    *,
    levels: int,
    trades: int,
    interval: float,
    seconds: float | None,
    as_json: bool,
) -> None:
    """
    Watch a contract: its order book, its trades and its prices.

    Bids are green and asks are red, and so are trades whose taker bought or sold. Times are in UTC.
    Where there is no terminal, each event is a line of JSON.
    """
    out = console()
    if as_json or not out.is_terminal:
        await _print(target, symbol, levels, interval, seconds)
    else:
        title = f"{symbol} ({target.label})"
        picture = _Picture(out, title, target.bingx.swap.book(symbol), levels, trades)
        with Live(console=out, auto_refresh=False, vertical_overflow="crop") as live:
            await side_by(
                *_readers(target.bingx, symbol, picture),
                _draw(live, picture, interval),
                seconds=seconds,
            )


# --- lines of JSON --------------------------------------------------------------------------------


async def _print(
    target: Target, symbol: str, levels: int, interval: float, seconds: float | None
) -> None:
    swap = target.bingx.swap
    await side_by(
        _print_book(target, swap.book(symbol), levels, interval),
        print_events(target, "trade", swap.trades_stream(symbol)),
        print_events(target, "ticker", swap.ticker_stream(symbol)),
        seconds=seconds,
    )


async def _print_book(target: Target, book: LocalOrderBook, levels: int, interval: float) -> None:
    """Print the best levels when they have changed, and when they are not known any more."""
    loop, printed = asyncio.get_running_loop(), None
    async with book:
        while True:
            top = book.top(levels)
            if (state := (book.is_live, top)) != printed:
                printed = state
                print_event(
                    target,
                    "book",
                    symbol=book.symbol,
                    isLive=book.is_live,
                    resyncs=book.resyncs,
                    lastUpdateId=book.last_update_id,
                    bids=[_written(level) for level in top.bids],
                    asks=[_written(level) for level in top.asks],
                )
            earliest = loop.time() + interval
            await book.changed()
            await asyncio.sleep(earliest - loop.time())


def _written(level: Level) -> list[str]:
    return [number(level.price), number(level.quantity)]


# --- the picture ----------------------------------------------------------------------------------


def _readers(bingx: BingX, symbol: str, picture: _Picture) -> Iterator[Coroutine[Any, Any, None]]:
    swap = bingx.swap
    # Who looks at the latest trades does not miss those that were too many to be shown.
    trades = swap.trades_stream(symbol).buffered(_TRADES_AT_ONCE, overflow="drop")
    yield follow(trades, picture.take, gap=picture.resumed)
    yield _keep(picture)
    for stream in (swap.last_price_stream, swap.mark_price_stream, swap.ticker_stream):
        yield follow(stream(symbol), picture.take)


async def _keep(picture: _Picture) -> None:
    async with picture.book as book:
        while True:
            picture.changed_at = time.monotonic()
            await book.changed()


async def _draw(live: Live, picture: _Picture, interval: float) -> None:
    while True:
        live.update(picture.draw(), refresh=True)
        await asyncio.sleep(interval)


@define
class _Picture:
    """
    What is known of a contract, and how it is drawn.

    Attributes:
        out: Where.
        title: What stands above it.
        book: The order book.
        levels: How many levels of each side are shown.
        most_trades: How many trades are shown.
        day: How the price moved in the last 24 hours.
        last: The last price.
        mark: The mark price.
        prices: The last prices, oldest first.
        trades: The trades, latest first.
        gaps: How often the connection was lost.
        latest_gap: The last time that it was, in words.
        changed_at: When the book changed last, in seconds of the monotonic clock.
    """

    out: Console
    title: str
    book: LocalOrderBook
    levels: int
    most_trades: int
    day: TickerEvent | None = None
    last: Decimal | None = None
    mark: Decimal | None = None
    prices: deque[Decimal] = Factory(lambda: deque[Decimal](maxlen=_PRICES))
    trades: deque[TradeEvent] = Factory(lambda: deque[TradeEvent](maxlen=_MOST))
    gaps: int = 0
    latest_gap: str = ""
    changed_at: float = 0.0

    def take(self, event: TradeEvent | TickerEvent | MarkPriceEvent | LastPriceEvent) -> None:
        """Take an event in."""
        if isinstance(event, TradeEvent):
            self.trades.appendleft(event)
        elif isinstance(event, TickerEvent):
            self.day = event
        elif isinstance(event, MarkPriceEvent):
            self.mark = event.price
        else:
            self.last = event.price
            self.prices.append(event.price)

    def resumed(self, gap: Resumed) -> None:
        """Note that trades may be missing."""
        self.gaps += 1
        self.latest_gap = f"{gap.lost_for:.1f} s until {clock_time()}"

    def draw(self) -> RenderableType:
        """Draw as much as the terminal has room for."""
        return Group(
            _line(Text(self.title, "bold")),
            _line(self._prices()),
            _line(Text(self._written(_sparkline(list(self.prices)[-self.out.width :])), "dim")),
            Text(),
            self._body(),
            Text(),
            _line(self._state()),
        )

    def _prices(self) -> Text:
        shown = Text.assemble((number(self.last), "bold"), f"  mark {number(self.mark)}")
        if (day := self.day) is not None:
            shown.append("  ")
            shown.append_text(percent(day.price_change_percent))
            shown.append(f"  high {number(day.high_price)}  low {number(day.low_price)}")
            shown.append(f"  volume {day.volume:,.0f}")
        return shown

    def _body(self) -> Table:
        """Make the book, and the trades beside it if there is room for both."""
        levels = max(1, min(self.levels, (self.out.height - _AROUND) // 2))
        trades = list(self.trades)[: min(self.most_trades, 2 * levels + 1)]
        made: Table | None = None
        for width in _BARS if trades else ():
            made = Table.grid(padding=(0, 3, 0, 0))
            made.add_row(self._book(levels, width), _trades(trades))
            if self._fits(made):
                return made
        return self._book(levels, _BARS[-1] if trades else _BARS[0])

    def _fits(self, made: Table) -> bool:
        wide = self.out.options.update(width=_WIDE)
        return Measurement.get(self.out, wide, made).maximum <= self.out.width

    def _book(self, levels: int, width: int) -> Table:
        """Draw the book: asks above, bids below, the best of both in the middle."""
        top, best = self.book.top(levels), self.book.best
        most = max((level.quantity for level in (*top.bids, *top.asks)), default=Decimal(1))
        made = table(">Price", ">Quantity", f"{'':<{width}}")

        def add(level: Level, style: str) -> None:
            bar = self._written(_bar(level.quantity / most, width))
            made.add_row(Text(number(level.price), style), number(level.quantity), Text(bar, style))

        for _ in range(levels - len(top.asks)):
            made.add_row()
        for level in reversed(top.asks):
            add(level, DOWN)
        if best.bid and best.ask:
            made.add_row(
                "", Text(number(best.ask.price - best.bid.price), "dim"), Text("spread", "dim")
            )
        else:
            made.add_row()
        for level in top.bids:
            add(level, UP)
        for _ in range(levels - len(top.bids)):
            made.add_row()
        return made

    def _state(self) -> Text:
        """Tell whether what is shown is true, and how often it was not."""
        book = self.book
        if book.is_live:
            shown = Text(f"in step at {book.last_update_id}", "dim")
            if (age := time.monotonic() - self.changed_at) >= _QUIET:
                shown.append(f", no change for {age:.0f} s", DOWN)
        else:
            shown = Text("not in step: waiting for the whole book", DOWN)
        shown.append(f", {_count(book.resyncs, 'resync')}", DOWN if book.resyncs else "dim")
        shown.append(f", {_count(self.gaps, 'gap')}", DOWN if self.gaps else "dim")
        if self.latest_gap:
            shown.append(f", the last of {self.latest_gap}", DOWN)
        return shown

    def _written(self, blocks: str) -> str:
        return blocks.translate(_ASCII) if self.out.options.ascii_only else blocks


def _line(text: Text) -> Text:
    """Let what does not fit be cut off."""
    text.no_wrap, text.overflow = True, "crop"
    return text


def _sparkline(prices: Sequence[Decimal]) -> str:
    """Draw prices as a row of blocks."""
    low, high = min(prices, default=Decimal()), max(prices, default=Decimal())
    steps = len(_HEIGHTS) - 1
    return "".join(
        _HEIGHTS[int((price - low) * steps / (high - low)) if high > low else steps // 2]
        for price in prices
    )


def _bar(share: Decimal, width: int) -> str:
    """Draw a share of a width, to the eighth of a column."""
    full, rest = divmod(max(1, round(share * width * 8)), 8)
    return _WIDTHS[-1] * full + (_WIDTHS[rest - 1] if rest else "")


def _trades(trades: Iterable[TradeEvent]) -> Table:
    made = table("Time", ">Price", ">Quantity", "Taker")
    for trade in trades:
        taker, style = ("sells", DOWN) if trade.is_buyer_maker else ("buys", UP)
        made.add_row(
            Text(clock_time(trade.time), "dim"),
            Text(number(trade.price), style),
            number(trade.qty),
            Text(taker, style),
        )
    return made


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"

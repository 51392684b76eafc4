"""The commands that show the market: prices of the last day, and candles."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import click
from rich.console import Console
from rich.text import Text

from bingx_async.cli.candles import paint, visible
from bingx_async.cli.options import Target, at_exchange
from bingx_async.cli.output import (
    console,
    number,
    percent,
    print_heading,
    print_json,
    print_table,
    table_of,
    to_json,
)
from bingx_async.swap.models.market import Interval, Kline

__all__ = ["klines", "ticker"]

_MOST: Final = 1440
_LARGE: Final = 1000
_AROUND: Final = 5  # rows that a chart leaves to its heading and to the shell


@click.command
@click.argument("symbol", required=False)
@at_exchange(key=False)
async def ticker(target: Target, symbol: str | None, as_json: bool) -> None:
    """
    Show the prices of the last 24 hours.

    Of one contract, or of all of them, those first of which most was traded.
    """
    found = await target.bingx.swap.tickers(symbol)
    found.sort(key=lambda each: each.quote_volume, reverse=True)
    if as_json:
        rows = [to_json(each) for each in found]
        print_json({"environment": target.environment, "tickers": rows})
        return
    heads = ("Symbol", ">Last", ">Change", ">High", ">Low", ">Bid", ">Ask", ">Volume", ">Turnover")
    cells = [
        (
            each.symbol,
            number(each.last_price),
            percent(each.price_change_percent),
            number(each.high_price),
            number(each.low_price),
            number(each.bid_price),
            number(each.ask_price),
            _volume(each.volume),
            _volume(each.quote_volume),
        )
        for each in found
    ]
    print_heading(f"The last 24 hours ({target.label})")
    print_table(table_of(heads, cells), table_of(heads, cells, without={">Bid", ">Ask"}))


@click.command
@click.argument("symbol")
@click.option(
    "--interval",
    type=click.Choice([each.value for each in Interval]),
    default=Interval.HOUR_1.value,
    show_default=True,
    help="Time that a candle spans; 1m is a minute, 1M a month.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, _MOST),
    help="How many candles; as many as fit without it, 500 with --json.",
)
@at_exchange(key=False)
async def klines(
    target: Target, symbol: str, interval: str, limit: int | None, as_json: bool
) -> None:
    """
    Draw the candles of a contract.

    Without colours, thick bodies fall and thin ones rise. Times are in UTC.
    """
    out = console()
    airy = limit is None
    if limit is None and not as_json:
        limit = min(_MOST, out.width // 2)
    found = await target.bingx.swap.klines(symbol, Interval(interval), limit=limit)
    if as_json:
        rows = [to_json(each) for each in found]
        asked = {"environment": target.environment, "symbol": symbol, "interval": interval}
        print_json({**asked, "klines": rows})
        return
    if not found:
        out.print(f"{symbol} has no candles ({target.label})")
        return
    candles = visible(found, out.width, airy=airy)
    _print_heading(out, f"{symbol} {interval} ({target.label})", candles)
    out.print(paint(candles, out, height=out.height - _AROUND))


def _print_heading(out: Console, title: str, candles: Sequence[Kline]) -> None:
    """Tell what the chart cannot: since which day, and the prices to the last digit."""
    first, last = candles[0], candles[-1]
    since = f"  since {first.time:%Y-%m-%d %H:%M} UTC\n"
    high, low = max(each.high for each in candles), min(each.low for each in candles)
    volume = sum((each.volume for each in candles), Decimal())
    out.print(
        Text.assemble(
            (title, "bold"),
            (since, "dim"),
            f"{number(last.close)}  ",
            percent(100 * (last.close - first.open) / first.open),
            f"  high {number(high)}  low {number(low)}  volume {_volume(volume)}\n",
        )
    )


def _volume(value: Decimal) -> str:
    """Write how much was traded; of a large number nobody reads the end."""
    return f"{value:,.0f}" if value >= _LARGE else number(value)

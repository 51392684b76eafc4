"""The commands that show an account: balances, positions, leverage."""

from __future__ import annotations

import click
from rich.text import Text

from bingx_async import PositionSide
from bingx_async.cli.options import Target, at_exchange
from bingx_async.cli.output import (
    DOWN,
    UP,
    money,
    number,
    percent,
    print_heading,
    print_json,
    print_table,
    signed,
    table,
    table_of,
    to_json,
)
from bingx_async.swap.models.positions import Position

__all__ = ["balance", "leverage", "positions"]


@click.command
@at_exchange()
async def balance(target: Target, as_json: bool) -> None:
    """Show what the account holds, one line a margin currency."""
    found = await target.bingx.swap.balances()
    if as_json:
        rows = [to_json(each) for each in found]
        print_json({"environment": target.environment, "balances": rows})
        return
    heads = (
        *("Asset", ">Balance", ">Equity", ">Unrealised", ">Realised"),
        *(">Available", ">Used", ">Orders"),
    )
    cells = [
        (
            each.asset,
            money(each.balance),
            money(each.equity),
            signed(each.unrealized_profit),
            signed(each.realised_profit),
            money(each.available_margin),
            money(each.used_margin),
            money(each.freezed_margin),
        )
        for each in found
    ]
    print_heading(f"Balance ({target.label})")
    print_table(table_of(heads, cells), table_of(heads, cells, without={">Realised", ">Orders"}))


@click.command
@click.option("--symbol", help="Only those of this pair, such as BTC-USDT.")
@at_exchange()
async def positions(target: Target, symbol: str | None, as_json: bool) -> None:
    """Show the open positions."""
    found = await target.bingx.swap.positions(symbol)
    if as_json:
        rows = [to_json(each) for each in found]
        print_json({"environment": target.environment, "positions": rows})
        return
    if not found:
        click.echo(f"No open positions ({target.label})")
        return
    heads = (
        *("Symbol", "Side", ">Size", ">Entry", ">Mark", ">Liquidation"),
        *(">Leverage", ">Margin", ">Unrealised", ">"),
    )
    cells = [
        (
            each.symbol,
            Text(each.position_side, _side_style(each)),
            number(each.position_amt),
            number(each.avg_price),
            number(each.mark_price),
            number(each.liquidation_price or None),
            f"{each.leverage}x {'isolated' if each.isolated else 'cross'}",
            money(each.margin or each.initial_margin),
            signed(each.unrealized_profit),
            percent(None if each.pnl_ratio is None else 100 * each.pnl_ratio),
        )
        for each in found
    ]
    print_heading(f"Positions ({target.label})")
    print_table(table_of(heads, cells), table_of(heads, cells, without={">Margin", ">Leverage"}))


def _side_style(position: Position) -> str:
    is_short = position.position_side == PositionSide.SHORT or position.position_amt < 0
    return DOWN if is_short else UP


@click.command
@click.argument("symbol")
@click.argument("side", type=click.Choice([*PositionSide.__members__]), required=False)
@click.argument("leverage", type=click.IntRange(min=1), required=False)
@at_exchange()
async def leverage(
    target: Target, symbol: str, side: str | None, leverage: int | None, as_json: bool
) -> None:
    """
    Show the leverage of a contract, or set that of one side.

    The side is LONG or SHORT in hedge mode, and BOTH in one-way mode.
    """
    if side is None:
        await _show_leverage(target, symbol, as_json)
    elif leverage is None:
        raise click.UsageError(f"{side} of {symbol} needs a leverage too, such as 10")
    else:
        await _set_leverage(target, symbol, PositionSide(side), leverage, as_json)


async def _show_leverage(target: Target, symbol: str, as_json: bool) -> None:
    found = await target.bingx.swap.leverage(symbol)
    if as_json:
        print_json({"environment": target.environment, "symbol": symbol, **to_json(found)})
        return
    shown = table("Side", ">Leverage", ">Maximum", ">Can be opened", ">Worth")
    sides = {
        "LONG": (
            found.long_leverage,
            found.max_long_leverage,
            found.available_long_vol,
            found.available_long_val,
        ),
        "SHORT": (
            found.short_leverage,
            found.max_short_leverage,
            found.available_short_vol,
            found.available_short_val,
        ),
    }
    for side, cells in sides.items():
        shown.add_row(side, *map(number, cells))
    print_heading(f"{symbol} ({target.label})")
    print_table(shown)


async def _set_leverage(
    target: Target, symbol: str, side: PositionSide, leverage: int, as_json: bool
) -> None:
    answer = await target.bingx.swap.set_leverage(symbol, side, leverage)
    if as_json:
        print_json({"environment": target.environment, "side": side, **to_json(answer)})
    else:
        click.echo(f"{symbol} {side} has leverage {answer.leverage} now ({target.label})")

"""The commands that place, cancel and show orders."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar

import attrs
import click
from rich.table import Table
from rich.text import Text

from bingx_async.cli.options import Target, at_exchange
from bingx_async.cli.output import (
    DOWN,
    UP,
    number,
    print_heading,
    print_json,
    print_table,
    table,
    time_of,
    to_json,
)
from bingx_async.errors import InvalidRequest
from bingx_async.swap.models.common import OrderSide, OrderType, PositionSide, TimeInForce
from bingx_async.swap.models.orders import AttachedOrder, NewOrder, Order
from bingx_async.wire import OpenEnum

__all__ = ["order", "orders"]

Command = TypeVar("Command", bound=Callable[..., Any])

# Those that carry an id of the caller's own, and so can be placed exactly once.
_ONCE: Final = (OrderType.LIMIT, OrderType.MARKET)
_TYPES: Final = (
    *_ONCE,
    OrderType.STOP_MARKET,
    OrderType.TAKE_PROFIT_MARKET,
    OrderType.STOP,
    OrderType.TAKE_PROFIT,
    OrderType.TRIGGER_LIMIT,
    OrderType.TRIGGER_MARKET,
)


def _number(_: click.Context, __: click.Parameter, text: str | None) -> Decimal | None:
    """Read a number above 0, with all its digits."""
    if text is None:
        return None
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal("NaN")
    if not (found.is_finite() and found > 0):
        raise click.BadParameter(f"{text!r} is not a number above 0")
    return found


def _number_option(name: str, text: str) -> Callable[[Command], Command]:
    return click.option(name, callback=_number, metavar="NUMBER", help=text)


def _choice(*words: OpenEnum) -> dict[str, Any]:
    """Describe a parameter that is one of some words of the exchange."""

    def read(_: click.Context, __: click.Parameter, text: str | None) -> OpenEnum | None:
        return next((word for word in words if word == text), None)

    kinds = click.Choice([word.value for word in words], case_sensitive=False)
    return {"type": kinds, "callback": read, "metavar": "|".join(words)}


@click.command
@click.option("--symbol", help="Only those of this pair, such as BTC-USDT.")
@at_exchange()
async def orders(target: Target, symbol: str | None, as_json: bool) -> None:
    """Show the open orders."""
    found = await target.bingx.swap.open_orders(symbol)
    if as_json:
        rows = [to_json(each) for each in found]
        print_json({"environment": target.environment, "orders": rows})
        return
    if not found:
        click.echo(f"No open orders ({target.label})")
        return
    print_heading(f"Open orders ({target.label})")
    print_table(_orders(found), _orders_in_two_lines(found))


def _orders(found: Iterable[Order]) -> Table:
    shown = table(
        *("Symbol", "Side", "Type", ">Quantity", ">Filled", ">Price", ">Trigger"),
        *("Order id", "Client order id", "Placed (UTC)"),
    )
    for each in found:
        shown.add_row(
            each.symbol,
            _sides(each),
            each.type,
            number(each.orig_qty),
            number(each.executed_qty),
            number(each.price or None),
            number(each.stop_price or None),
            str(each.order_id),
            each.client_order_id or "-",
            time_of(each.time),
        )
    return shown


def _orders_in_two_lines(found: Iterable[Order]) -> Table:
    """Make the table for where there is little room; an id is never torn, so it can be copied."""
    shown = table("Symbol", "Order", ">Filled", ">Price", ">Trigger", "Order id", gap=1)
    shown.columns[-1].no_wrap = True
    for each in found:
        shown.add_row(
            each.symbol,
            Text.assemble(_sides(each), f"\n{each.type}"),
            f"{number(each.executed_qty)} of {number(each.orig_qty)}",
            number(each.price or None),
            number(each.stop_price or None),
            f"{each.order_id}\n{each.client_order_id or ''}",
        )
    return shown


@click.group
def order() -> None:
    """Place and cancel orders."""


@order.command
@click.argument("symbol")
@click.argument("side", **_choice(*OrderSide))
@click.argument("quantity", callback=_number)
@_number_option("--price", "Limit price; makes it a LIMIT order.")
@click.option(
    "--type",
    "kind",
    **_choice(*_TYPES),
    help="Kind of order; LIMIT with a price and MARKET without one by default.",
)
@_number_option("--stop-price", "The price that triggers it.")
@click.option(
    "--position-side",
    **_choice(*PositionSide),
    help="LONG (the exchange's default) or SHORT in hedge mode, BOTH in one-way mode.",
)
@_number_option("--take-profit", "Attach a take profit that triggers at this price.")
@_number_option("--stop-loss", "Attach a stop loss that triggers at this price.")
@click.option(
    "--client-order-id",
    help="Your own id, 1 to 40 characters; the same command again does not place it twice.",
)
@click.option("--reduce-only", is_flag=True, help="Only make a position smaller; one-way mode.")
@click.option(
    "--time-in-force",
    **_choice(*TimeInForce),
    help="How long it stands; GTC is the exchange's default.",
)
@at_exchange()
async def place(
    target: Target,
    *,
    kind: OrderType | None,
    price: Decimal | None,
    take_profit: Decimal | None,
    stop_loss: Decimal | None,
    reduce_only: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """
    Place an order of QUANTITY in the traded asset.

    LIMIT and MARKET orders are placed exactly once, whatever the network does. A command that was
    interrupted can be repeated if it has the same id of your own.
    """
    wanted = NewOrder(
        type=kind or (OrderType.LIMIT if price else OrderType.MARKET),
        price=price,
        take_profit=_attached(OrderType.TAKE_PROFIT_MARKET, take_profit),
        stop_loss=_attached(OrderType.STOP_MARKET, stop_loss),
        reduce_only=reduce_only or None,
        **given,
    )
    placed = await _place(target, wanted)
    if as_json:
        print_json({"environment": target.environment, **to_json(placed)})
        return
    # Exchanges acknowledge an order without repeating all of it.
    placed.orig_qty = placed.orig_qty or wanted.quantity
    placed.price = placed.price or wanted.price
    _print_order("Placed", placed, target)


def _attached(kind: OrderType, price: Decimal | None) -> AttachedOrder | None:
    return None if price is None else AttachedOrder(kind, price)


async def _place(target: Target, wanted: NewOrder) -> Order:
    """Place an order, exactly once if it is of a type that can be."""
    swap = target.bingx.swap
    if wanted.type not in _ONCE:
        if wanted.client_order_id is not None:
            raise click.UsageError("--client-order-id goes with LIMIT and MARKET orders only")
        given = attrs.asdict(wanted, recurse=False)
        return await swap.place_order(
            **{name: value for name, value in given.items() if value is not None}
        )
    is_new = wanted.client_order_id is None
    if is_new:
        wanted = attrs.evolve(wanted, client_order_id=secrets.token_hex(10))
    try:
        return await swap.place_order_once(wanted, is_new=is_new)
    except asyncio.CancelledError:
        # Whoever interrupts does not know whether it was sent, and has not seen this id yet.
        click.echo(
            "Interrupted: the order may have been placed. To be sure, repeat the command with"
            f" --client-order-id {wanted.client_order_id}",
            err=True,
        )
        raise


@order.command
@click.argument("symbol")
@click.argument("order_id", metavar="ORDER_ID_OR_CLIENT_ID")
@at_exchange()
async def cancel(target: Target, symbol: str, order_id: str, as_json: bool) -> None:
    """Cancel an open order, by the exchange's number or by your own id."""
    cancelled = await _cancel(target, symbol, order_id)
    if as_json:
        print_json({"environment": target.environment, **to_json(cancelled)})
        return
    _print_order("Cancelled", cancelled, target)


async def _cancel(target: Target, symbol: str, order_id: str) -> Order:
    """Cancel an order by its number if there is such a number, or else by the caller's own id."""
    swap = target.bingx.swap
    if not order_id.isdecimal():
        return await swap.cancel_order(symbol, client_order_id=order_id)
    try:
        return await swap.cancel_order(symbol, order_id=int(order_id))
    except InvalidRequest as no_such_number:
        # An id of the caller's own may consist of digits too.
        try:
            return await swap.cancel_order(symbol, client_order_id=order_id)
        except InvalidRequest:
            raise no_such_number from None


def _print_order(done: str, each: Order, target: Target) -> None:
    at = f" at {number(each.price)}" if each.price else ""
    what = f" {number(each.orig_qty)} {each.symbol}, {each.type}{at} ({target.label})"
    print_heading(Text.assemble(f"{done} ", _sides(each), what))
    shown = table("", "")
    shown.show_header = False
    rows = {
        "Order id": str(each.order_id),
        "Client order id": each.client_order_id,
        "Status": each.status,
        "Filled": _if_any(each.executed_qty),
        "Mean price": _if_any(each.avg_price),
        "Trigger": _if_any(each.stop_price),
        "Take profit": _if_any(each.take_profit.stop_price if each.take_profit else None),
        "Stop loss": _if_any(each.stop_loss.stop_price if each.stop_loss else None),
    }
    for name, value in rows.items():
        if value:
            shown.add_row(f"  {name}", value)
    print_table(shown)


def _if_any(value: Decimal | None) -> str | None:
    return number(value) if value else None


def _sides(each: Order) -> Text:
    return Text(f"{each.side} {each.position_side}", UP if each.side == OrderSide.BUY else DOWN)

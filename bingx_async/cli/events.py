"""The command that shows what happens to an account, as it happens."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any, Final

import click
from attrs import Factory, define
from rich.text import Text

from bingx_async import Resumed, Stream
from bingx_async.cli.following import (
    clock_time,
    follow,
    print_events,
    seconds_option,
    side_by,
)
from bingx_async.cli.options import Target, at_exchange
from bingx_async.cli.output import DOWN, console, money, number, signed
from bingx_async.swap import (
    AccountEvent,
    AccountReason,
    BalanceUpdate,
    LeverageEvent,
    OrderEvent,
    PositionUpdate,
)

__all__ = ["events"]

_KIND: Final = 8  # columns


@click.command
@seconds_option
@at_exchange()
async def events(target: Target, seconds: float | None, as_json: bool) -> None:
    """
    Follow the events of the account: orders, fills, balances, positions and leverages.

    The exchange repeats every few seconds how things stand; what says nothing new is left out, but
    not from JSON. What the stream missed and was fetched afterwards is marked as recovered. Times
    are in UTC.
    """
    swap = target.bingx.swap
    orders, account, leverage = swap.orders_stream(), swap.account_stream(), swap.leverage_stream()
    teller = _Teller(target)
    async with AsyncExitStack() as begun:
        # At once, since the exchange tells at the beginning how things stand.
        streams: tuple[Stream[Any], ...] = (orders, account, leverage)
        await asyncio.gather(*(begun.enter_async_context(stream) for stream in streams))
        if as_json:
            await side_by(
                print_events(target, "order", orders),
                print_events(target, "account", account),
                print_events(target, "leverage", leverage, gaps=False),
                seconds=seconds,
            )
            return
        teller.begin()
        await side_by(
            follow(orders, teller.order, gap=teller.gap),
            follow(account, teller.account),
            follow(leverage, teller.leverage),
            seconds=seconds,
        )


@define
class _Teller:
    """
    Tells people of events, a line each.

    Attributes:
        target: Where they come from.
        known: What was told of balances, positions and leverages last.
    """

    target: Target
    known: dict[tuple[str, ...], object] = Factory(dict[tuple[str, ...], object])

    def begin(self) -> None:
        """Say whose events follow."""
        self._print(Text(f"Events ({self.target.label})\n", "bold"))

    def gap(self, gap: Resumed) -> None:
        """Tell that the connection was lost."""
        text = f"the connection was lost for {gap.lost_for:.1f} s"
        self._print(Text(f"{clock_time()}  {'gap':<{_KIND}}  {text}", DOWN))

    def order(self, event: OrderEvent) -> None:
        """Tell of an order, or of a fill."""
        words = [event.symbol, event.side, event.position_side or ""]
        if event.is_fill:
            words += [_short(event.last_qty), f"at {_short(event.last_price)}:"]
            words += [f"{_short(event.executed_qty)} of {_short(event.orig_qty)} filled,"]
            fee = f"fee {_short(event.commission)} {event.commission_asset or ''}"
            words += [f"{fee.rstrip()},"]
            words += [f"profit {_short(event.realised_profit)},"] if event.realised_profit else []
        else:
            words += [event.type, _short(event.orig_qty)]
            words += [f"at {_short(event.price)}"] if event.price else []
            words += [f"when at {_short(event.stop_price)}"] if event.stop_price else []
            words[-1] += ":"
            words += [f"{event.status},"]
        words += [f"order {event.order_id}"]
        words += [f"({event.client_order_id})"] if event.client_order_id else []
        self._tell("fill" if event.is_fill else "order", event, " ".join(filter(None, words)))

    def account(self, event: AccountEvent) -> None:
        """Tell of balances and positions, if there is anything new."""
        news = [
            _balance(each)
            for each in event.balances
            if self._is_new("balance", each.asset, value=each.wallet_balance)
        ]
        news += [
            _position(each)
            for each in event.positions
            if self._is_new(each.symbol, str(each.position_side), value=each.position_amt)
        ]
        if news:
            reason = "" if event.reason == AccountReason.SNAPSHOT else f" ({event.reason})"
            self._tell("account", event, ", ".join(news) + reason)

    def leverage(self, event: LeverageEvent) -> None:
        """Tell of leverages, if they are new."""
        value = (event.long_leverage, event.short_leverage, event.margin_type)
        if self._is_new("leverage", event.symbol, value=value):
            long, short, margin = (each or "-" for each in value)
            self._tell("leverage", event, f"{event.symbol} LONG {long}x, SHORT {short}x, {margin}")

    def _is_new(self, *key: str, value: object) -> bool:
        before, self.known[key] = self.known.get(key), value
        return before != value

    def _tell(self, kind: str, event: OrderEvent | AccountEvent | LeverageEvent, text: str) -> None:
        time = event.time if isinstance(event, OrderEvent) else event.event_time
        line = Text(f"{clock_time(time)}  {kind:<{_KIND}}  {text}")
        if not isinstance(event, LeverageEvent) and event.recovered:
            line.append("  recovered", "yellow")
        self._print(line)

    def _print(self, line: Text) -> None:
        console().print(line, soft_wrap=True)


def _short(value: Decimal | None) -> str:
    """Write a number without the zeros at its end, of which events have many."""
    return number(value if value is None else value.normalize())


def _balance(balance: BalanceUpdate) -> str:
    return f"{balance.asset} {money(balance.wallet_balance)}"


def _position(position: PositionUpdate) -> str:
    name = f"{position.symbol} {position.position_side}"
    if not position.position_amt:
        return f"{name} closed"
    unrealised = signed(position.unrealized_profit).plain
    return (
        f"{name} {_short(position.position_amt)} from {_short(position.avg_price)}"
        f" unrealised {unrealised}"
    )

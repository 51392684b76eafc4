"""The commands, and what they print."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, Literal, TypeVar

import attrs
import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from bingx_async import IP_GROUPS, AuthError, BingX, BingXError, PositionSide, __version__, demo
from bingx_async.emulator import Emulator, Faults, uniform

__all__ = ["cli", "run"]

Command = TypeVar("Command", bound=Callable[..., Any])

# What the log would say of a refusal the commands say themselves.
logging.getLogger("bingx_async").addHandler(logging.NullHandler())

_KEYS: Final = ("BINGX_API_KEY", "BINGX_SECRET_KEY")
# Who sits at a terminal would rather be told of a limit than wait for five minutes.
_MAX_WAIT: Final = 10.0
_WIDE: Final = 1000
_LABEL: Final = 10  # columns before a picture
_MARGIN: Final = _LABEL + 5  # and what the last second written below it may need
_INTERRUPTED: Final = 128 + signal.SIGINT


def run(args: Sequence[str] | None = None) -> int:
    """
    Run the command line; whatever goes wrong becomes one line on the standard error.

    Args:
        args: The arguments; by default those of the process.

    Returns:
        The exit code: 0 if all went well, 2 for arguments that cannot be understood, 130 after
        Ctrl-C, 1 for everything else.
    """
    args = sys.argv[1:] if args is None else args
    try:
        return cli.main(list(args), prog_name="bingx-async", standalone_mode=False) or 0
    except click.Abort:
        return _INTERRUPTED
    except click.ClickException as exc:
        return _fail(exc, exc.format_message(), exc.exit_code, as_json="--json" in args)
    except OSError as exc:
        return _fail(exc, exc.strerror or str(exc), 1, as_json="--json" in args)
    except (BingXError, ValueError) as exc:
        return _fail(exc, str(exc), 1, as_json="--json" in args)


def _fail(exc: Exception, message: str, code: int, *, as_json: bool) -> int:
    message = " ".join(message.split())
    if as_json:
        message = json.dumps({"error": type(exc).__name__, "message": message})
    else:
        message = f"Error: {message}"
    click.echo(message, err=True)
    return code


def _print_json(value: object) -> None:
    """Print a value on one line; a ``Decimal`` or a time becomes a string."""
    click.echo(json.dumps(value, default=str))


def _json_option(command: Command) -> Command:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")(command)


def _console(*, quiet: bool = False) -> Console:
    return Console(highlight=False, markup=False, emoji=False, quiet=quiet)


def _table(*heads: str, gap: int = 1) -> Table:
    """Make a table; a head that begins with ``>`` stands above a column of numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold")
    for head in heads:
        justify: Literal["left", "right"] = "right" if head[:1] == ">" else "left"
        table.add_column(head.removeprefix(">"), justify=justify, overflow="fold")
    return table


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bingx-async")
@click.pass_context
def cli(context: click.Context) -> None:
    """The BingX exchange, and an emulator of it, from the command line."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@cli.command("endpoints")
@_json_option
def list_endpoints(as_json: bool) -> None:
    """List every endpoint with its quotas."""
    found = BingX.endpoints()
    if as_json:
        shown = [
            {
                "name": name,
                "method": endpoint.method,
                "path": endpoint.path,
                "uid_quota": endpoint.quota and attrs.asdict(endpoint.quota),
                "ip_group": endpoint.group,
                "needs": endpoint.needs,
                "body": endpoint.body,
            }
            for name, endpoint in found.items()
        ]
        groups = {number: attrs.asdict(group) for number, group in IP_GROUPS.items()}
        _print_json({"endpoints": shown, "ip_groups": groups})
        return
    table = _table("Endpoint", "HTTP", "Path", ">UID", ">Group", "Key")
    for name, endpoint in found.items():
        table.add_row(
            name,
            endpoint.method,
            endpoint.path,
            str(endpoint.quota or "-"),
            str(endpoint.group or "-"),
            endpoint.needs or "-",
        )
    console = _console()
    if not console.is_terminal:  # a line is an endpoint, however long
        console.width = _WIDE
    console.print(table)
    console.print("\nQuotas of an IP address:")
    for number, group in IP_GROUPS.items():
        each = "".join(f"; each endpoint {quota}" for quota in group.each)
        console.print(f"  group {number}  {' and '.join(map(str, group.total))}{each}")


@cli.command("leverage")
@click.argument("symbol")
@click.argument("side", type=click.Choice([*PositionSide.__members__]), required=False)
@click.argument("leverage", type=click.IntRange(min=1), required=False)
@click.option(
    "--environment",
    type=click.Choice(["emulator", "vst", "live"]),
    default="emulator",
    show_default=True,
    help=f"Where; vst and live take their keys from {' and '.join(_KEYS)}.",
)
@_json_option
def show_or_set_leverage(
    symbol: str, side: str | None, leverage: int | None, environment: str, as_json: bool
) -> None:
    """
    Show the leverage of a contract, or set that of one side.

    With --environment emulator, an exchange of its own is made for the command and thrown away.
    """
    if side is None:
        asyncio.run(_show_leverage(symbol, environment, as_json))
    elif leverage is None:
        raise click.UsageError(f"{side} of {symbol} needs a leverage too, such as 10")
    else:
        asyncio.run(_set_leverage(symbol, PositionSide(side), leverage, environment, as_json))


@asynccontextmanager
async def _client(environment: str) -> AsyncGenerator[BingX]:
    if environment == "emulator":
        async with Emulator() as exchange:
            yield exchange.client(demo.ACCOUNTS[0])
        return
    if missing := [variable for variable in _KEYS if not os.environ.get(variable)]:
        raise AuthError(
            f"{environment} needs {' and '.join(missing)}: keys are read from the environment only"
        )
    async with BingX.from_env(environment=environment, max_wait=_MAX_WAIT) as bingx:
        yield bingx


async def _show_leverage(symbol: str, environment: str, as_json: bool) -> None:
    async with _client(environment) as bingx:
        found = await bingx.swap.leverage(symbol)
    if as_json:
        _print_json({"environment": environment, "symbol": symbol, **attrs.asdict(found)})
        return
    table = _table("Side", ">Leverage", ">Maximum", ">Can be opened", ">Worth")
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
        table.add_row(side, *("-" if cell is None else str(cell) for cell in cells))
    click.echo(f"{symbol} ({environment})")
    _console().print(table)


async def _set_leverage(
    symbol: str, side: PositionSide, leverage: int, environment: str, as_json: bool
) -> None:
    async with _client(environment) as bingx:
        answer = await bingx.swap.set_leverage(symbol, side, leverage)
    if as_json:
        _print_json({"environment": environment, "side": side, **attrs.asdict(answer)})
    else:
        click.echo(f"{symbol} {side} has leverage {answer.leverage} now ({environment})")


@cli.command("emulator")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default=True,
    help="Port to listen on; 0 takes any that is free.",
)
@click.option(
    "--jitter",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    metavar="MS",
    help="Longest round trip in milliseconds; each takes anything up to it.",
)
@click.option("--seed", default=1, show_default=True, help="Of the round trips.")
@_json_option
def serve(port: int, jitter: float, seed: int, as_json: bool) -> None:
    """
    Run an exchange on loopback for other programs.

    It prints where it listens and the keys of its accounts, which are worth nothing elsewhere.
    It runs until Ctrl-C or SIGTERM.
    """
    one_way = uniform(0.0, jitter / 2000)
    faults = Faults(way_in=one_way, way_out=one_way)
    asyncio.run(_serve(Emulator(faults=faults, seed=seed, port=port), as_json))


async def _serve(exchange: Emulator, as_json: bool) -> None:
    async with exchange:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            # loop.add_signal_handler() is not there on Windows.
            signal.signal(number, lambda _number, _frame: loop.call_soon_threadsafe(stop.set))
        accounts = [exchange.account(name) for name in demo.ACCOUNTS]
        if as_json:
            keys = ("name", "uid", "api_key", "secret_key")
            _print_json(
                {
                    "url": exchange.url,
                    "accounts": [
                        {key: getattr(account, key) for key in keys} for account in accounts
                    ],
                }
            )
        else:
            click.echo(f"An exchange listens on {exchange.url}. Ctrl-C stops it.")
            for account in accounts:
                click.echo(f"\n{account.name}, UID {account.uid}")
                click.echo(f"  api_key     {account.api_key}")
                click.echo(f"  secret_key  {account.secret_key}")
        await stop.wait()
        if not as_json:
            refused = sum(not arrival.accepted for arrival in exchange.ledger)
            click.echo(f"\n{len(exchange.ledger)} requests came, {refused} were refused.")


@cli.command("demo")
@click.option("--seed", default=1, show_default=True, help="Of the leverages and the round trips.")
@click.option(
    "--contracts",
    type=click.IntRange(1, demo.CONTRACTS),
    default=demo.CONTRACTS,
    show_default=True,
    help="How many each account sets, both sides of them.",
)
@_json_option
def show_demo(seed: int, contracts: int, as_json: bool) -> int:
    """
    Set ninety leverages at once, with the governor and without it.

    The exchange is an emulator with jitter. The exit code is 0 only if the governor kept every
    quota, nothing was refused, and everything is set as asked.
    """
    changes = demo.plan(seed, contracts)
    calls = len(changes) // len(demo.ACCOUNTS)
    console = _console(quiet=as_json)
    console.print(
        f"{len(changes)} settings of leverage, all at once: {len(demo.ACCOUNTS)} accounts behind"
        f" one IP address, {contracts} contracts each, LONG and SHORT. The exchange is an emulator"
        f" on loopback. A round trip takes 0 to {demo.ROUND_TRIP * 2000:.0f} ms."
    )
    console.print("\nThrough one governor\n", style="bold")
    with _bars(console, calls) as watch:
        governed = asyncio.run(demo.run_governed(changes, seed=seed, watch=watch))
    as_asked = len(governed.found.intersection(changes))
    console.print("\nRead back from the exchange, LONG / SHORT:\n")
    console.print(_settings(governed))
    console.print(
        f"\n{as_asked} of {len(changes)} are as asked, {governed.refused} were refused."
        f" It took {governed.seconds:.2f} s.\n"
        f"The quota alone asks for {demo.ideal(calls):.2f} s: {calls} calls an account,"
        f" {demo.QUOTA.tokens} at once and {demo.QUOTA.tokens} more after each second. Certainty"
        f" costs the round trips, {demo.ROUND_TRIP * 1000:.0f} ms on average, and makes it"
        f" {demo.ideal(calls, demo.ROUND_TRIP):.2f} s."
    )
    _print_arrivals(console, governed)

    console.print("\nThrough an aiolimiter.AsyncLimiter(5, 1) for each account\n", style="bold")
    with _bars(console, calls) as watch:
        bare = asyncio.run(demo.run_bare(changes, seed=seed, watch=watch))
    console.print(
        f"\n{bare.accepted} of {len(changes)} were accepted, {bare.refused} were refused."
        f" It took {bare.seconds:.2f} s."
    )
    for name, until in bare.locked_until.items():
        console.print(f"{name} is shut out for {demo.PENALTY:.0f} s, until {until:%H:%M:%S} UTC.")
    _print_arrivals(console, bare)

    if as_json:
        _print_json(
            {
                "seed": seed,
                "asked": len(changes),
                "least_seconds": demo.ideal(calls),
                "least_seconds_with_round_trips": demo.ideal(calls, demo.ROUND_TRIP),
                "governed": {"as_asked": as_asked, **governed.summary()},
                "bare": bare.summary(),
            }
        )
    return 0 if governed.fulfils(changes) else 1


@contextmanager
def _bars(console: Console, calls: int) -> Generator[demo.Watch]:
    """Show a bar for each account; what is yielded moves them."""
    columns = (
        TextColumn("{task.description:<8}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", style="red"),
    )
    with Progress(*columns, console=console, disable=console.quiet) as progress:
        bars = {name: progress.add_task(name, total=calls, note="") for name in demo.ACCOUNTS}
        refused = dict.fromkeys(bars, 0)

        def watch(account: str, accepted: bool) -> None:
            if accepted:
                progress.advance(bars[account])
            else:
                refused[account] += 1
                progress.update(bars[account], note=f"{refused[account]} refused")

        yield watch


def _settings(run: demo.Run) -> Table:
    table = _table("", *(f">{name}" for name in demo.ACCOUNTS), gap=3)
    found = {(change.account, change.symbol, change.side): change.leverage for change in run.found}
    for symbol in sorted({change.symbol for change in run.found}):
        sides = [
            [found[name, symbol, side] for side in (PositionSide.LONG, PositionSide.SHORT)]
            for name in demo.ACCOUNTS
        ]
        table.add_row(symbol, *(f"{long} / {short:>3}" for long, short in sides))
    return table


def _print_arrivals(console: Console, run: demo.Run) -> None:
    """Show the worst windows, and a picture of the arrivals over time."""
    table = _table("Worst window, by the exchange's ledger", ">Arrivals", "")
    for window in run.windows:
        kept = window.worst <= window.quota.tokens
        table.add_row(
            f"{window.scope}, {window.quota}",
            f"{window.worst} of {window.quota.tokens}",
            "" if kept else "exceeded",
            style="" if kept else "red",
        )
    console.print()
    console.print(table)
    step = demo.step_for(run.seconds, console.width - _MARGIN)
    columns = int(run.seconds / step) + 1
    console.print(f"\nArrivals at the exchange, {step:g} s a column:\n")
    for name, marks in run.marks.items():
        accepted = demo.row((mark.time for mark in marks if mark.accepted), step, columns)
        refused = demo.row((mark.time for mark in marks if not mark.accepted), step, columns)
        console.print(f"{name:<{_LABEL}}{accepted}", style="green")
        if run.refused:
            console.print(f"{'  refused':<{_LABEL}}{refused}", style="red")
    console.print(f"{'':<{_LABEL}}{demo.axis(step, columns)}")

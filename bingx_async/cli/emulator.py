"""The command that runs an emulator for other programs."""

from __future__ import annotations

import asyncio
import signal

import click

from bingx_async import demo
from bingx_async.cli.options import URL_VARIABLE
from bingx_async.cli.output import json_option, print_json
from bingx_async.emulator import Emulator, Faults, uniform

__all__ = ["emulator"]


@click.command
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
@click.option("--seed", default=0, show_default=True, help="Of the prices and the round trips.")
@json_option
def emulator(port: int, jitter: float, seed: int, as_json: bool) -> None:
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
        _introduce(exchange, as_json)
        await stop.wait()
        if not as_json:
            refused = sum(not arrival.accepted for arrival in exchange.ledger)
            click.echo(f"\n{len(exchange.ledger)} requests came, {refused} were refused.")


def _introduce(exchange: Emulator, as_json: bool) -> None:
    accounts = [exchange.account(name) for name in demo.ACCOUNTS]
    if as_json:
        keys = ("name", "uid", "api_key", "secret_key")
        rows = [{key: getattr(account, key) for key in keys} for account in accounts]
        print_json({"url": exchange.url, "accounts": rows})
        return
    names = [account.name for account in accounts]
    click.echo(f"An exchange listens on {exchange.url}. Ctrl-C stops it.\n")
    click.echo("In another terminal, this sends the commands there:\n")
    click.echo(f"  export {URL_VARIABLE}={exchange.url}\n")
    click.echo(f"They act as {names[0]}; with --account {names[1]}, as {names[1]}. A bot needs the")
    click.echo("URL as its base_url, and the keys of an account:")
    for account in accounts:
        click.echo(f"\n{account.name}, UID {account.uid}")
        click.echo(f"  export BINGX_API_KEY={account.api_key}")
        click.echo(f"  export BINGX_SECRET_KEY={account.secret_key}")

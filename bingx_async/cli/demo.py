"""The command that shows what the governor is worth, and draws it."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from bingx_async import PositionSide
from bingx_async import demo as work
from bingx_async.cli.output import DOWN, UP, console, json_option, print_json, table

__all__ = ["demo"]

_LABEL: Final = 10  # columns before a picture
_MARGIN: Final = _LABEL + 5  # and what the last second written below it may need


@click.command
@click.option("--seed", default=1, show_default=True, help="Of the leverages and the round trips.")
@click.option(
    "--contracts",
    type=click.IntRange(1, work.CONTRACTS),
    default=work.CONTRACTS,
    show_default=True,
    help="How many each account sets, both sides of them.",
)
@json_option
def demo(seed: int, contracts: int, as_json: bool) -> int:
    """
    Set ninety leverages at once, with the governor and without it.

    The exchange is an emulator with jitter. The exit code is 0 only if the governor kept every
    quota, nothing was refused, and everything is set as asked.
    """
    changes = work.plan(seed, contracts)
    calls = len(changes) // len(work.ACCOUNTS)
    out = console(quiet=as_json)
    out.print(
        f"{len(changes)} settings of leverage, all at once: {len(work.ACCOUNTS)} accounts behind"
        f" one IP address, {contracts} contracts each, LONG and SHORT. The exchange is an emulator"
        f" on loopback. A round trip takes 0 to {work.ROUND_TRIP * 2000:.0f} ms."
    )
    out.print("\nThrough one governor\n", style="bold")
    with _bars(out, calls) as watch:
        governed = asyncio.run(work.run_governed(changes, seed=seed, watch=watch))
    as_asked = len(governed.found.intersection(changes))
    out.print("\nRead back from the exchange, LONG / SHORT:\n")
    out.print(_settings(governed))
    out.print(
        f"\n{as_asked} of {len(changes)} are as asked, {governed.refused} were refused."
        f" It took {governed.seconds:.2f} s.\n"
        f"The quota alone asks for {work.ideal(calls):.2f} s: {calls} calls an account,"
        f" {work.QUOTA.tokens} at once and {work.QUOTA.tokens} more after each second. Certainty"
        f" costs the round trips, {work.ROUND_TRIP * 1000:.0f} ms on average, and makes it"
        f" {work.ideal(calls, work.ROUND_TRIP):.2f} s."
    )
    _print_arrivals(out, governed)

    out.print("\nThrough an aiolimiter.AsyncLimiter(5, 1) for each account\n", style="bold")
    with _bars(out, calls) as watch:
        bare = asyncio.run(work.run_bare(changes, seed=seed, watch=watch))
    out.print(
        f"\n{bare.accepted} of {len(changes)} were accepted, {bare.refused} were refused."
        f" It took {bare.seconds:.2f} s."
    )
    for name, until in bare.locked_until.items():
        out.print(f"{name} is shut out for {work.PENALTY:.0f} s, until {until:%H:%M:%S} UTC.")
    _print_arrivals(out, bare)

    if as_json:
        print_json(
            {
                "seed": seed,
                "asked": len(changes),
                "least_seconds": work.ideal(calls),
                "least_seconds_with_round_trips": work.ideal(calls, work.ROUND_TRIP),
                "governed": {"as_asked": as_asked, **governed.summary()},
                "bare": bare.summary(),
            }
        )
    return 0 if governed.fulfils(changes) else 1


@contextmanager
def _bars(out: Console, calls: int) -> Generator[work.Watch]:
    """Show a bar for each account; what is yielded moves them."""
    columns = (
        TextColumn("{task.description:<8}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", style=DOWN),
    )
    with Progress(*columns, console=out, disable=out.quiet) as progress:
        bars = {name: progress.add_task(name, total=calls, note="") for name in work.ACCOUNTS}
        refused = dict.fromkeys(bars, 0)

        def watch(account: str, accepted: bool) -> None:
            if accepted:
                progress.advance(bars[account])
            else:
                refused[account] += 1
                progress.update(bars[account], note=f"{refused[account]} refused")

        yield watch


def _settings(run: work.Run) -> Table:
    shown = table("", *(f">{name}" for name in work.ACCOUNTS), gap=3)
    found = {(change.account, change.symbol, change.side): change.leverage for change in run.found}
    for symbol in sorted({change.symbol for change in run.found}):
        sides = [
            [found[name, symbol, side] for side in (PositionSide.LONG, PositionSide.SHORT)]
            for name in work.ACCOUNTS
        ]
        shown.add_row(symbol, *(f"{long} / {short:>3}" for long, short in sides))
    return shown


def _print_arrivals(out: Console, run: work.Run) -> None:
    """Show the worst windows, and a picture of the arrivals over time."""
    shown = table("Worst window, by the exchange's ledger", ">Arrivals", "")
    for window in run.windows:
        kept = window.worst <= window.quota.tokens
        shown.add_row(
            f"{window.scope}, {window.quota}",
            f"{window.worst} of {window.quota.tokens}",
            "" if kept else "exceeded",
            style="" if kept else DOWN,
        )
    out.print()
    out.print(shown)
    step = work.step_for(run.seconds, out.width - _MARGIN)
    columns = int(run.seconds / step) + 1
    out.print(f"\nArrivals at the exchange, {step:g} s a column:\n")
    for name, marks in run.marks.items():
        accepted = work.row((mark.time for mark in marks if mark.accepted), step, columns)
        refused = work.row((mark.time for mark in marks if not mark.accepted), step, columns)
        out.print(f"{name:<{_LABEL}}{accepted}", style=UP)
        if run.refused:
            out.print(f"{'  refused':<{_LABEL}}{refused}", style=DOWN)
    out.print(f"{'':<{_LABEL}}{work.axis(step, columns)}")

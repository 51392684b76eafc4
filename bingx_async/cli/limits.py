"""The command that shows what a fleet has left of its quotas, as Redis has it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Final

import attrs
import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.measure import Measurement
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bingx_async import BucketState
from bingx_async.cli.fleet import fleet_at, fleet_options
from bingx_async.cli.output import (
    DOWN,
    UP,
    console,
    json_option,
    print_heading,
    print_json,
    print_table,
    table,
)

__all__ = ["limits"]

_INTERVAL: Final = 1.0

_HEADS: Final = ("Quota", ">Free", "", ">Waiting", ">Next", ">Closed", ">Refused", ">Elsewhere")
_SHORT: Final = (
    *("Quota", ">Free", "", ">Wait-\ning", ">Next\nin", ">Closed\nfor"),
    *(">Re-\nfused", ">Else-\nwhere"),
)
_BAR: Final = 10
_SHORT_BAR: Final = 6
_WIDE: Final = 1000
_NOTHING: Final = "nothing is known; unused, or all tokens are free"
_AROUND: Final = 6  # rows that a live table leaves to its heads, its foot and the shell


@click.command
@fleet_options("The Redis that the fleet shares its quotas through.", required=True)
@click.option("--watch", is_flag=True, help="Look again and again, until Ctrl-C.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    metavar="SECONDS",
    help=f"How often to look with --watch; {_INTERVAL:g} by default.",
)
@json_option
def limits(url: str, namespace: str, interval: float | None, *, watch: bool, as_json: bool) -> None:
    """
    Show the quotas that a fleet shares through Redis.

    Each line is a quota that somebody uses or waits for: how many tokens are free, how many callers
    wait, and the seconds until a token comes back. What the exchange has closed is shown as well.
    It takes no token, and needs no key.
    """
    if interval is not None and not watch:
        raise click.UsageError("--interval goes with --watch only")
    asyncio.run(_show(url, namespace, (interval or _INTERVAL) if watch else None, as_json))


async def _show(url: str, namespace: str, interval: float | None, as_json: bool) -> None:
    async with fleet_at(url, namespace) as (governor, label):
        title = f"Quotas of {label}"
        out = console()
        if interval is None or as_json or not out.is_terminal:
            while True:
                states = await governor.snapshot()
                if as_json:
                    _print_json(namespace, states)
                else:
                    _print(title if interval is None else f"{title}, {_now()}", states)
                if interval is None:
                    return
                await asyncio.sleep(interval)
        with Live(console=out, auto_refresh=False, vertical_overflow="crop") as live:
            while True:
                states = await governor.snapshot()
                live.update(_screen(out, f"{title}, {_now()}", states), refresh=True)
                await asyncio.sleep(interval)


def _now() -> str:
    return f"{datetime.now(UTC):%H:%M:%S} UTC"


def _print_json(namespace: str, states: Iterable[BucketState]) -> None:
    rows = [
        {
            **state.key._asdict(),
            "quota": state.quota and attrs.asdict(state.quota),
            "free": state.free,
            "waiting": state.waiting,
            "next_return": state.next_return,
            "closed_for": state.closed_for,
            "refused": state.refused,
            "elsewhere": state.elsewhere,
        }
        for state in states
    ]
    print_json({"namespace": namespace, "time": round(time.time() * 1000), "buckets": rows})


def _print(title: str, states: Sequence[BucketState]) -> None:
    if not states:
        click.echo(f"{title}: {_NOTHING}")
        return
    print_heading(title)
    print_table(*_tables(states))


def _screen(out: Console, title: str, states: Sequence[BucketState]) -> RenderableType:
    """Make what a live display shows: as much as the terminal has room for."""
    if not states:
        return Text(f"{title}: {_NOTHING}")
    shown = _busiest(states, max(2, out.height - _AROUND))
    wide = out.options.update(width=_WIDE)
    tables = _tables(shown)
    made = next(
        (each for each in tables if Measurement.get(out, wide, each).maximum <= out.width),
        tables[-1],
    )
    left_out = len(states) - len(shown)
    foot = f"\n{left_out} less busy ones have no room here" if left_out else ""
    return Group(Text(f"{title}\n"), made, Text(foot, "dim"))


def _busiest(states: Sequence[BucketState], most: int) -> Sequence[BucketState]:
    """Choose what takes no more than so many rows, if each owner takes a row as well."""
    by_need = sorted(
        range(len(states)),
        key=lambda place: (
            -states[place].closed_for,
            -states[place].waiting,
            _share(states[place]),
        ),
    )
    chosen: list[int] = []
    owners: set[tuple[str, str]] = set()
    for place in by_need:
        owners.add(states[place].key[:2])
        if len(chosen) + 1 + len(owners) > most:
            break
        chosen.append(place)
    return [states[place] for place in sorted(chosen)]


def _share(state: BucketState) -> float:
    return state.free / state.quota.tokens if state.quota else 0.0


def _tables(states: Iterable[BucketState]) -> list[Table]:
    """Make tables for less and less room."""
    states = list(states)
    full = table("Scope", "Owner", "Subject", *_HEADS)
    for state in states:
        full.add_row(*state.key, *_cells(state, _BAR))
    is_quiet = not any(each.closed_for or each.refused or each.elsewhere for each in states)
    return [full, _short_table(states, _SHORT), *([_short_table(states, _SHORT[:-3])] * is_quiet)]


def _short_table(states: Iterable[BucketState], heads: Sequence[str]) -> Table:
    """Make a table in which owners stand above what is theirs."""
    made = table("Subject", *heads, gap=1)
    for owner, theirs in groupby(states, key=lambda state: state.key[:2]):
        made.add_row(Text(" ".join(owner), "bold"))
        for state in theirs:
            made.add_row(f"  {state.key.subject}", *_cells(state, _SHORT_BAR)[: len(heads)])
    return made


def _cells(state: BucketState, width: int) -> list[RenderableType]:
    quota, free = state.quota, state.free
    return [
        str(quota or "-"),
        Text(str(free), "" if free else DOWN),
        ProgressBar(quota.tokens, free, width, complete_style=UP, finished_style=UP)
        if quota
        else "",
        _count(state.waiting),
        _seconds(state.next_return),
        Text(_seconds(state.closed_for or None), DOWN),
        Text(_count(state.refused), DOWN if state.refused else ""),
        Text(_count(state.elsewhere), DOWN if state.elsewhere else ""),
    ]


def _count(number: int) -> str:
    return str(number or "-")


def _seconds(seconds: float | None) -> str:
    """Write how long it takes; the further off, the less exactly."""
    if seconds is None:
        return "-"
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds:.0f} s"  # noqa: PLR2004

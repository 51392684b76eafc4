"""The command that tells how long calls will take."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

import click

from bingx_async import BingX, BucketKey, Endpoint, Governor, Plan, Quota
from bingx_async.cli.fleet import fleet_at, fleet_options
from bingx_async.cli.output import (
    json_option,
    print_heading,
    print_json,
    print_table,
    table,
)

__all__ = ["find_endpoint", "plan"]

_MOST: Final = 1_000_000  # which take some seconds to plan
_DIGITS: Final = 6  # of seconds, after the point

Calls = tuple[Endpoint, int]


def find_endpoint(name: str, endpoints: Mapping[str, Endpoint]) -> Endpoint:
    """
    Find an endpoint by its dotted name, or by the part after the dot.

    Args:
        name: Such as ``swap.set_leverage`` or ``set_leverage``.
        endpoints: All endpoints by their dotted names.

    Raises:
        ValueError: There is no such endpoint, or more than one.
    """
    if name in endpoints:
        return endpoints[name]
    found = [full for full in endpoints if full.partition(".")[2] == name]
    if len(found) == 1:
        return endpoints[found[0]]
    if found:
        raise ValueError(f"{name!r} may be {' or '.join(found)}")
    by_name = {part: full for full in endpoints for part in (full, full.partition(".")[2])}
    near = dict.fromkeys(by_name[each] for each in get_close_matches(name, by_name))
    hint = f"near it are {', '.join(near)}" if near else "bingx-async endpoints lists them all"
    raise ValueError(f"no endpoint is called {name!r}; {hint}")


def _read_calls(
    _context: click.Context, _argument: click.Parameter, given: Sequence[str]
) -> list[Calls]:
    """Read each ``NAME=CALLS``."""
    endpoints = BingX.endpoints()
    calls: list[Calls] = []
    for text in given:
        name, _, number = text.partition("=")
        if not number.isdecimal() or int(number) > _MOST:
            raise click.BadParameter(f"{text!r} must be NAME=CALLS, with at most {_MOST} calls")
        try:
            calls.append((find_endpoint(name, endpoints), int(number)))
        except ValueError as exc:
            raise click.BadParameter(str(exc)) from exc
    return calls


@click.command
@click.argument("calls", nargs=-1, required=True, callback=_read_calls, metavar="NAME=CALLS...")
@click.option("--uid", default="default", show_default=True, help="Label of the account.")
@click.option("--ip", default="default", show_default=True, help="Label of the IP address.")
@click.option(
    "--round-trip",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    metavar="SECONDS",
    help="From sending a request until its answer is read.",
)
@fleet_options("A Redis from whose fleet's present state to plan.", required=False)
@json_option
def plan(
    calls: Sequence[Calls], url: str | None, namespace: str, as_json: bool, **options: Any
) -> None:
    """
    Tell how long calls will take, without sending anything.

    NAME is an endpoint, such as set_leverage or swap.set_leverage, and CALLS how often it is
    called. All are asked for at once, in the order given. What binds is the quota that lets the
    last call wait. All quotas are unused; with --redis they are as the fleet has left them, and
    those of it who wait go first.
    """
    found, label = asyncio.run(_plan(url, namespace, calls, **options))
    if as_json:
        print_json(_to_json(found) | ({"namespace": namespace} if url else {}))
        return
    if label:
        print_heading(f"As things are in {label}")
    rows = table("Endpoint", ">Calls", ">First", ">Last", "Bound by")
    for row in found.calls:
        rows.add_row(
            row.endpoint,
            str(row.count),
            f"{row.first:.1f} s",
            f"{row.last:.1f} s",
            f"{row.binds} ({row.quota or 'closed'})" if row.binds else "-",
        )
    print_table(rows)
    click.echo(f"\n{found}")


async def _plan(
    url: str | None, namespace: str, calls: Sequence[Calls], **options: Any
) -> tuple[Plan, str]:
    """Plan from the state of a fleet if there is one, and tell which; else from unused quotas."""
    if url is None:
        return await Governor().plan(calls, **options), ""
    async with fleet_at(url, namespace) as (governor, label):
        return await governor.plan(calls, **options), label


def _to_json(found: Plan) -> dict[str, Any]:
    return {
        "calls": found.count,
        "seconds": round(found.seconds, _DIGITS),
        "answered": round(found.answered, _DIGITS),
        "bound_by": _bound_by(found.binds, found.quota),
        "endpoints": [
            {
                "endpoint": row.endpoint,
                "calls": row.count,
                "first": round(row.first, _DIGITS),
                "last": round(row.last, _DIGITS),
                "bound_by": _bound_by(row.binds, row.quota),
            }
            for row in found.calls
        ],
    }


def _bound_by(key: BucketKey | None, quota: Quota | None) -> dict[str, Any] | None:
    if key is None:
        return None
    shown = quota and {"tokens": quota.tokens, "period": quota.period}
    return {**key._asdict(), "quota": shown}

"""
What does a call cost beyond what aiohttp needs for it?

``set_leverage`` against an exchange in a process of its own, measured in processor time of this
process: this package, with its governor (the quotas so high that nobody waits); the same by
hand (``peers/raw.py``: hmac, a JSON body, msgspec into a class with Decimals, no governor); and
aiohttp alone, unsigned and unread. One call at a time, and fifty at once; on asyncio's own event
loop, and on uvloop where it is installed.

Then the memory of a process that makes 100,000 calls.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from benchmarks import exchange
from benchmarks.measure import in_turns, of_async, resident
from benchmarks.peers import raw
from benchmarks.report import Report, options
from bingx_async import BingX, Governor, IpGroup, PositionSide, Quota

KEY: Final = "k" * 64
SECRET: Final = "s" * 64
PATH: Final = BingX.endpoints()["swap.set_leverage"].path
# So many tokens that nobody waits. They come back so soon that a bucket remembers no more of them
# at a time than it would in earnest, where the exchange's quotas allow at most 2000.
MOST: Final = Quota(10**9, 0.05)

OURS: Final = "bingx_async"
BY_HAND: Final = "aiohttp by hand"
PLAIN: Final = "aiohttp, unsigned, unread"

Call = Callable[[], Awaitable[object]]


def client(url: str) -> BingX:
    """Make a client whose governor does all its work, and never has to let a call wait."""
    governor = Governor(
        limits={"swap.set_leverage": MOST}, groups={2: IpGroup(total=(MOST,), each=(MOST,))}
    )
    return BingX(KEY, SECRET, base_url=url, governor=governor)


async def repeat(call: Call, calls: int, at_once: int) -> None:
    """Call so many times, so many at once."""

    async def worker() -> None:
        for _ in range(calls // at_once):
            await call()

    await asyncio.gather(*(worker() for _ in range(at_once)))


def compare(
    report: Report,
    url: str,
    *,
    make_loop: Callable[[], asyncio.AbstractEventLoop],
    calls: int,
    rounds: int,
) -> dict[int, float]:
    """Let the three take turns on one event loop; return the ratios by how many at once."""
    ratios: dict[int, float] = {}
    rows: list[list[str]] = []
    with asyncio.Runner(loop_factory=make_loop) as runner:

        async def open_all() -> dict[str, Call]:
            bingx, http = client(url), raw.session()
            closing.extend((bingx.close, http.close))
            set_leverage = bingx.swap.set_leverage
            return {
                OURS: lambda: set_leverage("BTC-USDT", PositionSide.LONG, 10),
                BY_HAND: partial(raw.set_leverage, http, url + PATH, KEY, SECRET.encode(), 10),
                PLAIN: partial(raw.unsigned, http, url + PATH),
            }

        closing: list[Callable[[], Awaitable[None]]] = []
        contestants = runner.run(open_all())

        def measured(call: Call, at_once: int) -> float:
            return runner.run(of_async(repeat(call, calls, at_once)))

        for at_once in (1, 50):
            times = in_turns(
                {name: partial(measured, call, at_once) for name, call in contestants.items()},
                rounds,
            )
            ratios[at_once] = times.ratio(OURS, BY_HAND)
            rows += [
                [
                    name,
                    str(at_once),
                    f"{times.median(name) / calls * 1e6:.0f}",
                    f"{times.ratio(name, BY_HAND):.2f}",
                    f"{times.ratio(name, PLAIN):.2f}",
                ]
                for name in contestants
            ]

        async def close_all() -> None:
            for close in closing:
                await close()

        runner.run(close_all())
    report.table(
        f"On {make_loop.__module__.partition('.')[0]}: {calls:,} calls a turn, {rounds} rounds",
        ["", "at once", "us a call", "of by hand", "of unsigned"],
        rows,
    )
    return ratios


# Memory: in a process of its own, which has done nothing else.

_STEPS: Final = (1_000, 10_000, 20_000, 100_000)


async def _remember(url: str, steps: list[int]) -> None:
    async with client(url) as bingx:
        done = 0
        print(f"0 {resident():.2f}")
        for step in steps:
            await repeat(
                lambda: bingx.swap.set_leverage("BTC-USDT", PositionSide.LONG, 10), step - done, 50
            )
            done = step
            print(f"{done} {resident():.2f}", flush=True)


def memory(report: Report, url: str, *, quick: bool) -> None:
    """Watch the memory of a process that makes calls, fifty at once."""
    steps = [step // 50 for step in _STEPS] if quick else list(_STEPS)
    lines = subprocess.run(  # noqa: S603 - this very file
        [sys.executable, "-m", "benchmarks.overhead", "--remember", url, *map(str, steps)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    after = {int(calls): float(megabytes) for calls, megabytes in map(str.split, lines)}
    report.table(
        "Resident memory",
        ["after calls", "MB"],
        [[f"{calls:,}", f"{megabytes:.1f}"] for calls, megabytes in after.items()],
        words=0,
    )
    report.at_most(
        f"growth from {steps[-2]:,} to {steps[-1]:,} calls, MB",
        after[steps[-1]] - after[steps[-2]],
        1.0,
    )


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--remember", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.remember:
        url, *steps = arguments.remember
        asyncio.run(_remember(url, [int(step) for step in steps]))
        return
    quick: bool = arguments.quick
    report = Report("overhead: processor time of the client for one set_leverage", quick=quick)
    calls, rounds = (200, 2) if quick else (2_000, 15)
    with exchange.running() as url:
        ratios = compare(report, url, make_loop=asyncio.new_event_loop, calls=calls, rounds=rounds)
        report.at_most("one at a time, of the same by hand", ratios[1], 1.15)
        report.at_most("fifty at once, of the same by hand", ratios[50], 1.10)
        try:
            import uvloop  # noqa: PLC0415 - an extra
        except ImportError:
            report.note("\nuvloop is not installed")
        else:
            compare(report, url, make_loop=uvloop.new_event_loop, calls=calls, rounds=rounds)
        memory(report, url, quick=quick)
    report.close()


if __name__ == "__main__":
    main()

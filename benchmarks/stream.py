"""
What does an event of a stream cost, and how soon is it there?

Trades (three to a message), the twenty best levels of a book, and tickers come from a server in a
process of its own, as fast as they are read: through this package, and by hand (``peers/ws_raw.py``
with aiohttp, zlib and msgspec into Structs; nothing watches over the connection). Like for like,
the Structs come to the very values of the package's events; plain ones leave times as they came.

Then, at two hundred messages a second, how long an event takes from the server's clock into the
loop that reads it.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from functools import partial
from typing import Any, Final

from benchmarks import stream_server
from benchmarks.measure import Times, in_turns, of_async
from benchmarks.peers import raw, ws_raw
from benchmarks.report import Report, options
from benchmarks.stream_messages import TOPICS
from benchmarks.wire import alike
from bingx_async import BingX, Governor
from bingx_async.stream import Stream

OURS: Final = "bingx_async"
SAME: Final = "by hand, same values"
PLAIN: Final = "by hand, plain"

ROWS: Final = {ws_raw.TRADES: 3, ws_raw.DEPTH: 1, ws_raw.TICKER: 1}
"""Events of a message."""
ROOM: Final = 100_000
"""So many events may wait: none is thrown away, and none replaced by the next."""

Reader = Callable[[AsyncIterator[Any]], Awaitable[None]]
Contestant = Callable[[Reader], Awaitable[None]]
"""Opens a stream and lets a reader read it."""


class Contest:
    """
    The contestants on one event loop, and their connections.

    Args:
        address: Of the server.
        count: How many messages it sends of each stream that is opened.
    """

    def __init__(self, address: str, count: int) -> None:
        self._address = f"{address}/{count}"
        self._closing = AsyncExitStack()

    async def open(self) -> None:
        """Make what lives as long as the contest."""
        self._bingx = BingX(base_url=f"http://{self._address}", governor=Governor(groups={0: None}))
        self._http = raw.session()
        await self._closing.enter_async_context(self._bingx)
        await self._closing.enter_async_context(self._http)

    async def close(self) -> None:
        """Disconnect."""
        await self._closing.aclose()

    def contestants(self, kind: str, symbol: str = stream_server.FAST) -> dict[str, Contestant]:
        """List who reads a kind of stream."""
        return {
            OURS: partial(self._ours, kind, symbol),
            SAME: partial(self._by_hand, ws_raw.SAME[kind], symbol + TOPICS[kind]),
            PLAIN: partial(self._by_hand, ws_raw.PLAIN[kind], symbol + TOPICS[kind]),
        }

    async def _ours(self, kind: str, symbol: str, read: Reader) -> None:
        swap = self._bingx.swap
        made: dict[str, Callable[[str], Stream[Any]]] = {
            ws_raw.TRADES: swap.trades_stream,
            ws_raw.DEPTH: swap.depth_stream,
            ws_raw.TICKER: swap.ticker_stream,
        }
        async with made[kind](symbol).buffered(ROOM, overflow="raise") as events:
            await read(events)

    async def _by_hand(self, decoder: ws_raw.Decoder, topic: str, read: Reader) -> None:
        url = f"ws://{self._address}/swap-market"
        async with aclosing(ws_raw.rows(self._http, url, topic, decoder)) as events:
            await read(events)


# How much


async def read_all(count: int, events: AsyncIterator[Any]) -> None:
    """Read so many events."""
    left = count
    async for _ in events:
        left -= 1
        if not left:
            return


def throughput(
    report: Report, address: str, *, make_loop: Callable[[], Any], count: int, rounds: int
) -> dict[str, Times]:
    """Let the contestants read as fast as they can; return what they took, by kind."""
    rows: list[list[str]] = []
    found: dict[str, Times] = {}
    with asyncio.Runner(loop_factory=make_loop) as runner:
        contest = Contest(address, count)
        runner.run(contest.open())
        for kind, each in ROWS.items():
            seconds: dict[str, list[float]] = defaultdict(list)  # by the wall clock

            def measured(
                name: str,
                contestant: Contestant,
                events: int = count * each,
                seconds: dict[str, list[float]] = seconds,
            ) -> float:
                began = time.perf_counter()
                took = runner.run(of_async(contestant(partial(read_all, events))))
                seconds[name].append(time.perf_counter() - began)
                return took

            contestants = contest.contestants(kind)
            times = found[kind] = in_turns(
                {name: partial(measured, name, it) for name, it in contestants.items()}, rounds
            )
            rows += [
                [
                    kind,
                    name,
                    f"{times.median(name) / count * 1e6:.1f}",
                    f"{times.least(name) / count * 1e6:.1f}",
                    f"{count / statistics.median(seconds[name]):,.0f}",
                    f"{times.ratio(name, SAME):.2f}",
                    f"{times.ratio(name, PLAIN):.2f}",
                ]
                for name in contestants
            ]
        runner.run(contest.close())
    report.table(
        f"On {make_loop.__module__.partition('.')[0]}: {count:,} messages a turn, {rounds} rounds",
        ["", "", "us a message", "least", "messages/s", "of same values", "of plain"],
        rows,
        words=2,
    )
    return found


# How soon


async def latencies(contest: Contest, name: str, count: int) -> list[float]:
    """Read so many events, and tell how long each took."""
    took: list[float] = []

    async def read(events: AsyncIterator[Any]) -> None:
        async for event in events:
            took.append(time.monotonic() - float(event.last_price))
            if len(took) == count:
                return

    contestants = contest.contestants(ws_raw.TICKER, stream_server.STEADY)
    await contestants[name](read)
    return took


async def delay(report: Report, address: str, *, count: int, rounds: int) -> None:
    """Let contestants take turns at a moderate rate."""
    took: dict[str, list[float]] = {OURS: [], SAME: []}
    contest = Contest(address, count)
    await contest.open()
    for round_ in range(rounds):
        for name in took if round_ % 2 else reversed(took):
            took[name] += await latencies(contest, name, count)
    await contest.close()
    rows: list[list[str]] = []
    for name, seconds in took.items():
        seconds.sort()
        shares = (seconds[int(len(seconds) * share)] for share in (0.5, 0.9, 0.99))
        rows.append([name, *(f"{each * 1e6:.0f}" for each in (*shares, seconds[-1]))])
    report.table(
        f"From the server's clock into the reader's loop, us; {stream_server.RATE:.0f} tickers a"
        f" second, {count * rounds:,} each",
        ["", "50 %", "90 %", "99 %", "longest"],
        rows,
    )


# What is the same


async def check(report: Report, address: str, count: int) -> None:
    """See that what is compared is the same."""
    contest = Contest(address, count)
    await contest.open()
    for kind in ROWS:
        found: dict[str, list[Any]] = {OURS: [], SAME: []}
        contestants = contest.contestants(kind)
        for name, events in found.items():

            async def read(stream: AsyncIterator[Any], into: list[Any] = events) -> None:
                while len(into) < count:
                    into.append(await anext(stream))

            await contestants[name](read)
        report.fact(f"{kind}: the values by hand are these", alike(found[OURS], found[SAME]))
    await contest.close()


def main() -> None:
    arguments = options(__doc__).parse_args()
    quick: bool = arguments.quick
    report = Report("stream: processor time of the reader for one message", quick=quick)
    count, rounds = (300, 2) if quick else (10_000, 15)
    with stream_server.running() as address:
        asyncio.run(check(report, address, 300))
        found = throughput(
            report, address, make_loop=asyncio.new_event_loop, count=count, rounds=rounds
        )
        for kind, times in found.items():
            report.at_most(f"{kind}, of the same by hand", times.ratio(OURS, SAME), 1.5)
        try:
            import uvloop  # noqa: PLC0415 - an extra
        except ImportError:
            report.note("\nuvloop is not installed")
        else:
            throughput(report, address, make_loop=uvloop.new_event_loop, count=count, rounds=rounds)
        count, rounds = (40, 1) if quick else (500, 8)
        asyncio.run(delay(report, address, count=count, rounds=rounds))
    report.close()


if __name__ == "__main__":
    main()

"""
How many requests arrive within one second, and how many could have?

Accounts ask for as much as they get, through a limiter of 5 requests a second each. An exchange
lets every request travel for a while, stamps its arrival, and lets the answer travel back. What
counts is the fullest half-open second of arrivals. All contestants and all profiles of delays run
at the same time, in real time, in one event loop, each account with the same delays for every
contestant. A shorter run goes over HTTP, against the emulator.

A scheme that promises a quota of N arrivals in W seconds without knowing the exchange's clock can
let at most N / (W + RTT) a second through, because a token cannot be sent again before its last
arrival is known to be W seconds old. That is the bound that throughput is compared with.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, closing, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Final

from aiolimiter import AsyncLimiter
from attrs import define, field, frozen

from benchmarks.peers.limiters import Pyrate
from benchmarks.peers.sliding_log import SlidingLog
from benchmarks.picture import Strip, draw
from benchmarks.report import Report, options
from bingx_async import BingX, Governor, PositionSide, Quota
from bingx_async.emulator import Emulator, Faults, constant, lognormal, spikes, uniform
from bingx_async.emulator.faults import Delay
from tests.virtual import worst_window

QUOTA: Final = Quota(5, 1.0)
ENDPOINT: Final = BingX.endpoints()["swap.set_leverage"]
OURS: Final = "bingx_async"
CALLERS: Final = 12
"""Of one account: the five that are under way, and enough others that wait."""
HTTP_ACCOUNTS: Final = 4
DRAWN: Final = "log-normal 20 ms, 50 ms"
"""The profile of the picture: the one most like a network."""

Enter = Callable[[], AbstractAsyncContextManager[object]]


@frozen
class Profile:
    """How long requests and answers travel."""

    jitter: str
    base: int
    way: Delay

    @property
    def name(self) -> str:
        """The jitter of each way, and the round trip without it."""
        return f"{self.jitter}, {self.base} ms"


def profiles() -> Iterator[Profile]:
    """Combine every jitter with every base round trip."""
    for base in (5, 50, 200):
        half = base / 2000
        yield Profile("uniform 0-80 ms", base, uniform(half, half + 0.08))
        yield Profile("log-normal 20 ms", base, _shifted(lognormal(0.02, 1.0), half))
        yield Profile("spikes of 200 ms", base, spikes(constant(half), size=0.2, share=0.05))


def _shifted(delay: Delay, seconds: float) -> Delay:
    return lambda draw: seconds + delay(draw)


def contestants(stack: ExitStack) -> dict[str, Callable[[str], Enter]]:
    """
    Make the limiters, by name: for an account's label, what its callers enter.

    Only the quota per UID is asked about here, so the addresses' are lifted.
    """
    governor = Governor(groups={2: None})

    def ours(account: str) -> Enter:
        return lambda: governor.permit(ENDPOINT, uid=account)

    def each(make: Callable[[], AbstractAsyncContextManager[object]]) -> Callable[[str], Enter]:
        def of_account(_: str) -> Enter:
            limiter = make()
            return lambda: limiter

        return of_account

    return {
        OURS: ours,
        "AsyncLimiter(5, 1)": each(lambda: AsyncLimiter(5, 1)),
        "AsyncLimiter(1, 0.2)": each(lambda: AsyncLimiter(1, 0.2)),
        "pyrate-limiter": each(lambda: stack.enter_context(closing(Pyrate(5)))),
        "sliding log": each(lambda: SlidingLog(5, 1.0)),
    }


@define
class Account:
    """One account of one contestant under one profile, and what became of its requests."""

    way: Delay
    draw: random.Random
    enter: Enter
    arrivals: list[float] = field(factory=list[float])
    round_trips: list[float] = field(factory=list[float])

    async def call(self) -> None:
        """Send requests for ever."""
        while True:
            async with self.enter():
                way_in, way_out = self.way(self.draw), self.way(self.draw)
                await asyncio.sleep(way_in)
                self.arrivals.append(time.monotonic())
                self.round_trips.append(way_in + way_out)
                await asyncio.sleep(way_out)

    def worst(self) -> int:
        """Count the arrivals in the fullest second."""
        return worst_window(self.arrivals, QUOTA.period)

    def beyond(self) -> int:
        """Count the arrivals that found the second before them full."""
        times = sorted(self.arrivals)
        return sum(
            later - earlier < QUOTA.period
            for earlier, later in zip(times, times[QUOTA.tokens :], strict=False)
        )

    def rate(self) -> float:
        """
        Return the arrivals a second in the steady state.

        The first two quotas' worth is left out, with the burst of the start; what is counted is
        a whole number of quotas, so that it does not matter where a burst is cut.
        """
        times = sorted(self.arrivals)
        first = 2 * QUOTA.tokens
        count = (len(times) - 1 - first) // QUOTA.tokens * QUOTA.tokens
        return count / (times[first + count] - times[first]) if count > 0 else 0.0

    def bound(self) -> float:
        """Return what the delays as they were drawn allow a strict scheme, in arrivals a second."""
        return QUOTA.tokens / (QUOTA.period + statistics.fmean(self.round_trips))


Cells = dict[tuple[str, str], list[Account]]


async def compete(seconds: float, accounts: int, seed: int) -> Cells:
    """Let all contestants run under all profiles; the result is by contestant and profile."""
    cells: Cells = {}
    with ExitStack() as stack:
        for contestant, of_account in contestants(stack).items():
            for profile in profiles():
                cells[contestant, profile.name] = [
                    Account(
                        profile.way,
                        random.Random(f"{seed}/{profile.name}/{number}"),
                        of_account(f"{profile.name}/{number}"),
                    )
                    for number in range(accounts)
                ]
        everybody = [account for cell in cells.values() for account in cell]
        await _for_a_while([account.call for account in everybody for _ in range(CALLERS)], seconds)
    return cells


async def _for_a_while(
    callers: list[Callable[[], Coroutine[Any, Any, None]]], seconds: float
) -> None:
    tasks = [asyncio.create_task(call()) for call in callers]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def over_http(limiter: str, seconds: float, seed: int) -> tuple[int, int]:
    """Run one limiter against the emulator; return all arrivals, and those of the worst window."""
    ours = limiter == OURS
    delay = uniform(0.0, 0.08)
    async with Emulator(
        faults=Faults(way_in=delay, way_out=delay),
        seed=seed,
        limits={} if ours else {ENDPOINT.name: None},  # others are counted, but not locked out
        groups={2: None},
    ) as exchange:

        async def call(client: BingX, enter: Enter) -> None:
            while True:
                async with enter():
                    await client.swap.set_leverage("BTC-USDT", PositionSide.LONG, 10)

        callers: list[Callable[[], Coroutine[Any, Any, None]]] = []
        for number in range(HTTP_ACCOUNTS):
            client = exchange.client(f"account {number}")
            peer = AsyncLimiter(5, 1)
            enter: Enter = nullcontext if ours else partial(_itself, peer)
            callers += [partial(call, client, enter)] * CALLERS
        await _for_a_while(callers, seconds)
        return len(exchange.ledger), exchange.worst(QUOTA)


def _itself(limiter: AsyncLimiter) -> AsyncLimiter:
    return limiter


def show(report: Report, cells: Cells, names: list[str]) -> None:
    """Print what came out, and judge it."""
    kinds = list(profiles())

    def cell(name: str, profile: Profile) -> list[Account]:
        return cells[name, profile.name]

    report.table(
        "Most arrivals in one second, of any account (the quota is 5)",
        ["each way, round trip without it", *names],
        [
            [kind.name, *(str(max(a.worst() for a in cell(name, kind))) for name in names)]
            for kind in kinds
        ],
    )
    rates: dict[tuple[str, str], float] = {
        (name, kind.name): statistics.fmean(account.rate() for account in cell(name, kind))
        for name in names
        for kind in kinds
    }
    bounds = {
        kind.name: statistics.fmean(account.bound() for account in cell(OURS, kind))
        for kind in kinds
    }
    report.table(
        "Arrivals a second in the steady state, and the bound 5 W / (W + mean RTT)",
        ["each way, round trip without it", "bound", *names],
        [
            [kind.name, f"{bounds[kind.name]:.2f}"]
            + [f"{rates[name, kind.name]:.2f}" for name in names]
            for kind in kinds
        ],
    )
    rows: list[list[str]] = []
    for name in names:
        everybody = [account for kind in kinds for account in cell(name, kind)]
        requests = sum(len(account.arrivals) for account in everybody)
        beyond = sum(account.beyond() for account in everybody)
        worst = max(account.worst() for account in everybody)
        rows.append([name, str(requests), str(beyond), f"{beyond / requests:.1%}", str(worst)])
    report.table(
        "All profiles together",
        ["", "requests", "above the quota", "share", "worst window"],
        rows,
    )
    worst = max(account.worst() for kind in kinds for account in cell(OURS, kind))
    report.fact("no window above the quota under any profile", worst <= QUOTA.tokens)
    share = min(rates[OURS, kind.name] / bounds[kind.name] for kind in kinds)
    report.at_least("throughput, of the bound, lowest profile", share, 0.97, form=".1%")


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--seconds", type=float, help="real time that the contest runs")
    parser.add_argument("--accounts", type=int, help="of each contestant under each profile")
    parser.add_argument("--svg", type=Path, help="where to draw the arrivals of one account")
    arguments = parser.parse_args()
    quick: bool = arguments.quick
    seconds: float = arguments.seconds or (2.5 if quick else 60.0)
    accounts: int = arguments.accounts or (1 if quick else 4)
    report = Report(
        f"strictness: arrivals at an exchange, {seconds:g} s of real time,"
        f" {accounts} accounts a profile",
        quick=quick,
    )
    cells = asyncio.run(compete(seconds, accounts, arguments.seed))
    names = list(dict.fromkeys(name for name, _ in cells))
    show(report, cells, names)

    rows: list[list[str]] = []
    for name in (OURS, "AsyncLimiter(5, 1)"):
        duration = 1.5 if quick else 12.0
        requests, worst = asyncio.run(over_http(name, duration, arguments.seed))
        rows.append([name, str(requests), str(worst)])
        if name == OURS:
            report.fact("no window above the quota over HTTP", worst <= QUOTA.tokens)
    report.table(
        f"Over HTTP against the emulator, uniform 0-80 ms each way, {HTTP_ACCOUNTS} accounts",
        ["", "requests", "worst window"],
        rows,
    )
    if arguments.svg is not None:
        strips = [Strip(name, sorted(cells[name, DRAWN][0].arrivals)) for name in names]
        jitter, base = DRAWN.split(", ")
        caption = f"{jitter} each way on top of a round trip of {base}"
        arguments.svg.write_text(draw(strips, QUOTA, seconds=8.0, caption=caption))
        report.note(f"\n{arguments.svg} shows the first account, {caption}")
    report.close()


if __name__ == "__main__":
    main()

"""
Does the promise hold over a million requests on a bad network?

Accounts behind several IP addresses call five endpoints as fast as they are let, on a virtual
clock. Round trips drift and jitter, some take seconds longer, the event loop stalls in the middle
of its work, answers never come, requests are cancelled at any point of their lives or never leave.
The arrival at the exchange is put anywhere between sending and the end of listening, and often at
the very edge of it, where it hurts most. Every quota is counted: UID and endpoint, IP and
endpoint, IP and group.

Then, on a network with nothing but jitter: accounts that could ask for far more than their IP
address may. Is the address's quota used to the full, or does being strict waste some of it?
"""

from __future__ import annotations

import asyncio
import math
import random
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from attrs import Factory, define, field, frozen

from benchmarks.report import Report, options
from bingx_async import BingX, Endpoint, Governor, IpGroup, Quota
from tests import virtual

ENDPOINTS: Final = BingX.endpoints()
CALLED: Final = (
    "swap.set_leverage",
    "swap.leverage",
    "swap.position_mode",
    "swap.set_position_mode",
    "swap.contracts",
)
GROUPS: Final = {
    1: IpGroup(total=(Quota(500, 10), Quota(1000, 60))),
    # As published, but for the total: four endpoints of 300 could not exhaust 2000.
    2: IpGroup(total=(Quota(1050, 10),), each=(Quota(300, 10),)),
}
ACCOUNTS: Final = (1, 2, 3, 5, 8, 13, 2, 5, 8, 13)
"""Accounts behind each address: few are held back by their own quotas, many by the address's."""
CALLERS: Final = 7
"""Of each account for each endpoint."""
TIMEOUT: Final = 3.0
ROUNDING: Final = 1e-9
"""Seconds; times are binary fractions, and so the sum of a time and a period is not exact."""

Scope = tuple[str, str, Quota]


@frozen
class Call:
    """What one request counts against."""

    endpoint: Endpoint
    uid: str
    ip: str

    def scopes(self) -> Iterator[Scope]:
        """List the quotas; found here anew, so that the governor's own finding is judged too."""
        group = self.endpoint.group
        if self.endpoint.quota is not None:
            yield f"uid {self.uid}", self.endpoint.name, self.endpoint.quota
        if group is not None:
            for quota in GROUPS[group].each:
                yield f"ip {self.ip}", self.endpoint.name, quota
            for quota in GROUPS[group].total:
                yield f"ip {self.ip}", f"group {group}", quota


@define
class Network:
    """The road to the exchange, and what happens on it."""

    draw: random.Random
    arrivals: defaultdict[Scope, list[float]] = Factory(lambda: defaultdict(list))
    fates: Counter[str] = field(factory=Counter[str])

    def round_trip(self) -> float:
        """Draw a round trip: a base that drifts, jitter, and now and then a spike."""
        drift = 0.1 + 0.08 * math.sin(virtual.loop().now / 47)
        seconds = drift + self.draw.expovariate(1 / 0.02)
        if self.draw.random() < 0.02:
            seconds += self.draw.uniform(0.2, 2.5)
        return seconds

    def stall(self) -> None:
        """Let the event loop stand still now and then: the clock goes on, nobody runs."""
        if self.draw.random() < 0.0002:
            self.fates["loop stalls"] += 1
            virtual.loop().now += self.draw.uniform(0.01, 0.8)

    def arrive(self, call: Call, sent: float, ended: float) -> None:
        """Put the arrival somewhere between sending and the end of listening, or at an edge."""
        share = self.draw.random() * 2 - 0.5
        moment = sent + (ended - sent) * min(max(share, 0.0), 1.0)
        for scope in call.scopes():
            self.arrivals[scope].append(moment)


async def request(governor: Governor, network: Network, call: Call) -> None:
    """Send one request, whatever may become of it."""
    draw, fates = network.draw, network.fates
    waits = True
    try:
        async with governor.permit(call.endpoint, uid=call.uid, ip=call.ip) as permit:
            waits = False
            if draw.random() < 0.005:
                fates["never left"] += 1
                permit.not_sent()
                return
            sent = virtual.loop().now
            try:
                network.stall()
                seconds = network.round_trip()
                if draw.random() < 0.01 or seconds > TIMEOUT:
                    fates["timed out"] += 1
                    seconds = TIMEOUT
                await asyncio.sleep(seconds)
                network.stall()
            finally:
                fates["arrived"] += 1
                network.arrive(call, sent, virtual.loop().now)
    except asyncio.CancelledError:
        fates["cancelled while waiting" if waits else "cancelled under way"] += 1
        raise


async def give_up(governor: Governor, network: Network, call: Call) -> None:
    """Begin a request and cancel it after a while, wherever it is by then."""
    task = asyncio.create_task(request(governor, network, call))
    await asyncio.sleep(network.draw.choice((0.0, network.draw.uniform(0, 2))))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def calls() -> Iterator[Call]:
    """List who calls what."""
    for ip, accounts in enumerate(ACCOUNTS):
        for account in range(accounts):
            for name in CALLED:
                yield Call(ENDPOINTS[name], f"{ip}.{account}", str(ip))


async def bad_network(requests: int, seed: int) -> tuple[Network, float]:
    """Send so many requests; return the network, and how long it took on the virtual clock."""
    network = Network(random.Random(seed))
    governor = Governor(groups=GROUPS)
    started = virtual.loop().now
    enough = asyncio.Event()

    async def caller(call: Call) -> None:
        while network.fates["arrived"] < requests:
            if network.draw.random() < 0.02:
                await give_up(governor, network, call)
            else:
                await request(governor, network, call)
        enough.set()

    tasks = [asyncio.create_task(caller(call)) for call in calls() for _ in range(CALLERS)]
    await enough.wait()
    passed = virtual.loop().now - started
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return network, passed


async def exhausted(group: IpGroup, seconds: float, seed: int) -> tuple[list[float], list[float]]:
    """Let sixty accounts exhaust one address; return arrivals and round trips."""
    draw = random.Random(seed)
    governor = Governor(groups={2: group})
    arrivals: list[float] = []
    round_trips: list[float] = []

    async def caller(uid: str) -> None:
        while True:
            async with governor.permit(ENDPOINTS["swap.set_leverage"], uid=uid):
                way_in, way_out = draw.uniform(0.01, 0.09), draw.uniform(0.01, 0.09)
                arrivals.append(virtual.loop().now + way_in)
                round_trips.append(way_in + way_out)
                await asyncio.sleep(way_in + way_out)

    tasks = [asyncio.create_task(caller(str(number % 60))) for number in range(600)]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return sorted(arrivals), round_trips


def throughput(arrivals: Sequence[float], tokens: int) -> float:
    """Return the arrivals a second of whole rounds of the tokens, without the first two rounds."""
    first = 2 * tokens
    count = (len(arrivals) - 1 - first) // tokens * tokens
    return count / (arrivals[first + count] - arrivals[first])


def judge(report: Report, network: Network) -> None:
    """Count every window of every quota."""
    kinds: defaultdict[tuple[str, str, Quota], list[list[float]]] = defaultdict(list)
    for (owner, subject, quota), times in network.arrivals.items():
        what = subject if subject.startswith("group") else "endpoint"
        kinds[owner.partition(" ")[0], what, quota].append(sorted(times))
    rows: list[list[str]] = []
    above = 0
    for (owner, what, quota), scopes in sorted(kinds.items()):
        period = quota.period - ROUNDING
        beyond = sum(
            later - earlier < period
            for times in scopes
            for earlier, later in zip(times, times[quota.tokens :], strict=False)
        )
        above += beyond
        worst = max(virtual.worst_window(times, period) for times in scopes)
        rows.append(
            [
                f"{owner.upper()} x {what}",
                str(quota),
                str(len(scopes)),
                f"{sum(map(len, scopes)):,}",
                str(worst),
                str(beyond),
            ]
        )
    report.table(
        "Every quota",
        ["", "quota", "buckets", "arrivals", "fullest window", "above"],
        rows,
        words=2,
    )
    report.fact("no window above any quota", above == 0)


def fill(report: Report, *, seconds: float, seed: int) -> None:
    """Exhaust the quotas of an address, one after the other."""
    rows: list[list[str]] = []
    shares: list[float] = []
    for name, group in (
        ("IP x endpoint", IpGroup(total=(), each=(Quota(300, 10),))),
        ("IP x group", IpGroup(total=(Quota(2000, 10),))),
    ):
        (quota,) = (*group.total, *group.each)
        arrivals, round_trips = virtual.run(exhausted(group, seconds, seed))
        worst = virtual.worst_window(arrivals, quota.period - ROUNDING)
        bound = quota.tokens / (quota.period + statistics.fmean(round_trips))
        rate = throughput(arrivals, quota.tokens)
        shares.append(rate / bound)
        rows.append(
            [
                name,
                str(quota),
                f"{len(arrivals):,}",
                f"{worst}",
                f"{rate:.2f}",
                f"{bound:.2f}",
                f"{shares[-1]:.1%}",
            ]
        )
        report.fact(f"the fullest window of {name} holds {quota.tokens}", worst == quota.tokens)
    report.table(
        "Sixty accounts exhaust one address",
        ["", "quota", "arrivals", "fullest window", "a second", "bound", "share"],
        rows,
        words=2,
    )
    report.at_least("throughput, of the bound, lowest", min(shares), 0.97, form=".1%")


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--requests", type=int, help="how many; by default a million")
    arguments = parser.parse_args()
    quick: bool = arguments.quick
    requests: int = arguments.requests or (10_000 if quick else 1_000_000)
    report = Report(
        f"simulation: {requests:,} requests on a bad network, seed {arguments.seed}", quick=quick
    )
    started = time.monotonic()
    network, passed = virtual.run(bad_network(requests, arguments.seed))
    report.note(
        f"\n  {passed:,.0f} s on the virtual clock in {time.monotonic() - started:.0f} s:"
        f" {sum(ACCOUNTS)} accounts behind {len(ACCOUNTS)} addresses"
    )
    report.table(
        "What became of the requests",
        ["", "count"],
        [[fate, f"{count:,}"] for fate, count in sorted(network.fates.items())],
    )
    judge(report, network)
    fill(report, seconds=60 if quick else 600, seed=arguments.seed)
    report.note(f"\n  {time.monotonic() - started:.0f} s in all")
    report.close()


if __name__ == "__main__":
    main()

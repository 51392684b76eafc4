"""An exchange that a fleet calls, what the fleet goes through meanwhile, and the verdict."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise
from typing import Final

from attrs import Factory, define, field, frozen

from benchmarks.fleet_crew import Crew, Hand
from benchmarks.fleet_worker import GROUPS, Account, Calls, Outcome
from bingx_async import BingX, Quota
from bingx_async.emulator import Emulator, Faults, uniform
from bingx_async.emulator.limits import Arrival
from bingx_async.shared import SharedGovernor
from tests.redis_server import RedisServer
from tests.virtual import worst_window

__all__ = ["Run", "Storm", "Windows", "judge", "side_by_side", "through_a_storm"]

NAMESPACE: Final = "fleet"
ACCOUNTS: Final = 3
TIMEOUT: Final = 1.5
"""Seconds; after a restart Redis waits until no request of before can be under way."""
STOPPED: Final = 3.0
"""Seconds for which a process is stopped."""


def _exchange(seed: int) -> Emulator:
    """Make an exchange that requests reach after 0 to 80 ms."""
    return Emulator(faults=Faults(way_in=uniform(0.0, 0.08)), seed=seed, groups=GROUPS)


def _calls(exchange: Emulator, redis: str | None, callers: int) -> Calls:
    accounts = [exchange.account(f"account {number}") for number in range(ACCOUNTS)]
    return Calls(
        exchange=exchange.url,
        redis=redis,
        namespace=NAMESPACE,
        accounts=[Account(each.api_key, each.secret_key, each.uid) for each in accounts],
        callers=callers,
        timeout=TIMEOUT,
    )


async def _begin_without_a_wait(redis: str) -> None:
    async with SharedGovernor(redis, namespace=NAMESPACE, groups=GROUPS) as governor:
        await governor.declare_idle()


# The verdict


@define
class Windows:
    """
    What became of one quota.

    Attributes:
        whose: What it counts.
        quota: The quota.
        buckets: The moments of arrival, by scope.
    """

    whose: str
    quota: Quota
    buckets: defaultdict[tuple[str, str], list[float]] = Factory(lambda: defaultdict(list))

    @property
    def worst(self) -> int:
        """The most arrivals in one window."""
        return max(worst_window(times, self.quota.period) for times in self.buckets.values())

    @property
    def above(self) -> int:
        """How many arrivals found their window full."""
        return sum(
            later - earlier < self.quota.period
            for times in self.buckets.values()
            for earlier, later in zip(times, times[self.quota.tokens :], strict=False)
        )


def judge(ledger: Iterable[Arrival]) -> list[Windows]:
    """Sort arrivals by the quotas that they count against, which are found here anew."""
    kinds: dict[tuple[str, Quota], Windows] = {}
    endpoints = BingX.endpoints()

    def count(whose: str, quota: Quota, owner: str, what: str, moment: float) -> None:
        kind = kinds.setdefault((whose, quota), Windows(whose, quota))
        kind.buckets[owner, what].append(moment)

    for each in ledger:
        endpoint = endpoints[each.endpoint]
        group = GROUPS[endpoint.group or 0]
        if endpoint.quota is not None:
            owner = each.uid or ""
            count("UID x endpoint", endpoint.quota, owner, endpoint.name, each.time)
        for quota in group.each:
            count("IP x endpoint", quota, each.ip, endpoint.name, each.time)
        for quota in group.total:
            count(f"IP x group {endpoint.group}", quota, each.ip, "", each.time)
    return [kinds[key] for key in sorted(kinds)]


@frozen
class Run:
    """
    What a fleet did.

    Attributes:
        ledger: What arrived at the exchange.
        outcomes: What the processes say that are there at the end.
        began: When they began, in seconds of the monotonic clock.
        seconds: For how long they ran.
    """

    ledger: list[Arrival]
    outcomes: list[Outcome]
    began: float
    seconds: float

    @property
    def refused(self) -> int:
        """How many requests the exchange refused."""
        return sum(not arrival.accepted for arrival in self.ledger)

    def rate(self, after: float) -> float:
        """Return the arrivals a second, without the first ``after`` seconds."""
        first, last = self.began + after, self.began + self.seconds
        return sum(first <= each.time < last for each in self.ledger) / (last - first)

    @property
    def least_share(self) -> float:
        """What the process that got least got, of its fair share."""
        done = [outcome.done for outcome in self.outcomes]
        return min(done) * len(done) / sum(done)

    @property
    def warnings(self) -> Counter[str]:
        """What the package logged as warnings, without the details."""
        return sum((Counter(outcome.warnings) for outcome in self.outcomes), Counter[str]())

    @property
    def failures(self) -> Counter[str]:
        """The calls that failed, by the name of the error."""
        return sum((Counter(outcome.failures) for outcome in self.outcomes), Counter[str]())

    def standstill(self, moment: float, within: float = 15.0) -> float:
        """Return the longest time without an arrival that began around a moment, in seconds."""
        times = [each.time for each in self.ledger if moment - 1 < each.time < moment + within]
        return max((later - earlier for earlier, later in pairwise(times)), default=within)


# What a fleet goes through


async def side_by_side(
    redis: str, *, processes: int, callers: int, seconds: float, seed: int
) -> tuple[Run, Run]:
    """
    Let a fleet and a process with a governor of its own do the same work at the same time.

    Each has an exchange to itself.

    Args:
        redis: Where the fleet shares its quotas.
        processes: Of the fleet.
        callers: In each process, of each account for each endpoint; the one alone has all of them.
        seconds: How long they run.
        seed: Of the travels.

    Returns:
        The fleet, and the one alone.
    """
    await _begin_without_a_wait(redis)
    async with _exchange(seed) as exchange, _exchange(seed) as other:
        fleet = Crew([_calls(exchange, redis, callers)] * processes)
        one = Crew([_calls(other, None, callers * processes)])
        async with fleet, one:
            fleet.begin()
            one.begin()
            await asyncio.sleep(seconds)
            outcomes = await asyncio.gather(fleet.finish(), one.finish())
        return (
            Run(exchange.ledger, outcomes[0], fleet.began, seconds),
            Run(other.ledger, outcomes[1], one.began, seconds),
        )


@define
class Storm:
    """
    Kills and stops processes of a fleet, and restarts its Redis.

    Attributes:
        crew: The fleet.
        redis: The server.
        draw: Decides whom it meets, and when.
        killed: How many processes were killed, and started again.
        stopped: How many were stopped for a while.
        restarts: When Redis was ended, in seconds of the monotonic clock, and how.
        accused: How many requests the governor believed to come from somebody else.
    """

    crew: Crew
    redis: RedisServer
    draw: random.Random
    killed: int = 0
    stopped: int = 0
    restarts: list[tuple[float, str]] = field(factory=list[tuple[float, str]])
    accused: int = 0
    _met: set[Hand] = field(factory=set[Hand])
    _over: asyncio.Event = field(factory=asyncio.Event)

    async def kill(self, pause: float) -> None:
        """Kill processes, ``pause`` seconds apart on average, and start each again at once."""
        while await self._goes_on(self.draw.expovariate(1 / pause)):
            hand = self._meet()
            await hand.kill()
            self.killed += 1
            await hand.start()
            hand.begin(time.monotonic())
            self._met.discard(hand)

    async def stop(self, pause: float) -> None:
        """Stop processes for a while, ``pause`` seconds apart."""
        while await self._goes_on(pause):
            hand = self._meet()
            hand.send(signal.SIGSTOP)
            self.stopped += 1
            try:
                await asyncio.sleep(STOPPED)
            finally:
                hand.send(signal.SIGCONT)
            self._met.discard(hand)

    async def restart(self, *, keeps_data: bool) -> None:
        """Restart Redis."""
        how = "with its data" if keeps_data else "without its data"
        self.restarts.append((time.monotonic(), how))
        await asyncio.to_thread(self.redis.stop, keeps_data=keeps_data)
        await asyncio.sleep(self.draw.uniform(0.0, 0.5))
        await asyncio.to_thread(self.redis.start)

    def end(self) -> None:
        """Let what has begun be the last."""
        self._over.set()

    async def _goes_on(self, pause: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), pause)
        return not self._over.is_set()

    def _meet(self) -> Hand:
        hand = self.draw.choice([hand for hand in self.crew.hands if hand not in self._met])
        self._met.add(hand)
        return hand


async def through_a_storm(
    redis: RedisServer,
    *,
    processes: int,
    callers: int,
    kills: float,
    stops: float,
    restarts: Iterable[tuple[float, bool]],
    rest: float,
    seed: int,
) -> tuple[Run, Storm]:
    """
    Let a fleet go through a storm.

    Args:
        redis: Where the fleet shares its quotas.
        processes: Of the fleet.
        callers: In each process, of each account for each endpoint.
        kills: Seconds between two kills, on average.
        stops: Seconds between two stops.
        restarts: For each restart of Redis the seconds before, and whether it keeps its data.
        rest: Seconds after the last.
        seed: Of all that is drawn.
    """
    await _begin_without_a_wait(redis.url)
    async with _exchange(seed) as exchange:
        async with Crew([_calls(exchange, redis.url, callers)] * processes) as crew:
            storm = Storm(crew, redis, random.Random(seed))
            crew.begin()
            async with asyncio.TaskGroup() as group:
                group.create_task(storm.kill(kills))
                group.create_task(storm.stop(stops))
                for pause, keeps_data in restarts:
                    await asyncio.sleep(pause)
                    await storm.restart(keeps_data=keeps_data)
                await asyncio.sleep(rest)
                storm.end()
            seconds = time.monotonic() - crew.began
            outcomes = await crew.finish()
        async with SharedGovernor(redis.url, namespace=NAMESPACE, groups=GROUPS) as governor:
            storm.accused = sum(state.elsewhere for state in await governor.snapshot())
        return Run(exchange.ledger, outcomes, crew.began, seconds), storm

"""What a permit costs Redis and its holder, and what it costs with other libraries."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from typing import Any, Final

from attrs import frozen
from redis import Redis

from benchmarks.fleet_crew import Crew
from benchmarks.fleet_worker import CONTESTANTS, COUNTED, LOCAL, OURS, Competes, Contestant
from benchmarks.measure import Times, in_turns
from benchmarks.peers.redis_limiters import pyrate, throttled
from bingx_async import Governor, IpGroup, Quota
from bingx_async.shared import SharedGovernor
from tests.redis_server import RedisServer
from tests.virtual import worst_window

__all__ = ["Contest", "Spent", "compete", "take_turns"]

UIDS: Final = [f"account {number}" for number in range(4)]
CALLERS: Final = 3
"""Of each account, in each process."""
MOST: Final = Quota(1_000_000, 1.0)


@frozen
class Spent:
    """
    What Redis did.

    Attributes:
        scripts: Scripts that it was asked to run, which is what its clients sent.
        commands: Commands that it executed, within scripts and without.
        bytes: What went in and came out.
        cpu: Seconds of its processor.
    """

    scripts: int
    commands: int
    bytes: int
    cpu: float

    @classmethod
    def read(cls, url: str) -> Spent:
        """Ask Redis what it did so far."""
        make: Any = Redis
        with make.from_url(url) as redis:
            info: dict[str, Any] = redis.info("everything")
        calls = [info.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("eval", "evalsha")]
        return cls(
            scripts=sum(calls),
            commands=info["total_commands_processed"],
            bytes=info["total_net_input_bytes"] + info["total_net_output_bytes"],
            cpu=info["used_cpu_user"] + info["used_cpu_sys"],
        )

    def since(self, before: Spent) -> Spent:
        """Return what it did since an earlier reading."""
        return Spent(
            self.scripts - before.scripts,
            self.commands - before.commands,
            self.bytes - before.bytes,
            self.cpu - before.cpu,
        )


# Contended


@frozen
class Contest:
    """
    What became of a contestant.

    Attributes:
        permits: How many were granted.
        rate: How many a second, after the burst of the beginning.
        worst: The most arrivals of one account within the quota's period.
        above: How many arrivals found their window full.
        spent: What it cost Redis; ``None`` for who does not ask it.
    """

    permits: int
    rate: float
    worst: int
    above: int
    spent: Spent | None


async def compete(*, processes: int, seconds: float, seed: int) -> dict[Contestant, Contest]:
    """
    Let all contestants hand out the same quotas at the same time, each through a Redis of its own.

    Args:
        processes: Of each contestant; the local governor has one, with as many callers.
        seconds: How long.
        seed: Of the travels.
    """
    with ExitStack() as stack:
        crews: dict[Contestant, Crew] = {}
        urls: dict[Contestant, str] = {}
        for name in CONTESTANTS:
            several = 1 if name == LOCAL else processes
            urls[name] = url = stack.enter_context(RedisServer()).url
            jobs = [
                Competes(name, url, UIDS, CALLERS * processes // several, seed + number)
                for number in range(several)
            ]
            crews[name] = Crew(jobs)
        async with SharedGovernor(urls[OURS]) as governor:
            await governor.declare_idle()
        results = await asyncio.gather(
            *(_one(crews[name], urls[name], seconds) for name in CONTESTANTS)
        )
    return dict(zip(CONTESTANTS, results, strict=True))


async def _one(crew: Crew, url: str, seconds: float) -> Contest:
    async with crew:
        before = Spent.read(url)
        crew.begin()
        await asyncio.sleep(seconds)
        outcomes = await crew.finish()
        spent = Spent.read(url).since(before)
    quota = COUNTED.quota
    assert quota is not None
    first, last = crew.began + seconds / 5, crew.began + seconds  # without the first burst
    accounts = [
        sorted(moment for each in outcomes for moment in each.arrivals[uid]) for uid in UIDS
    ]
    return Contest(
        permits=sum(map(len, accounts)),
        rate=sum(first <= moment < last for times in accounts for moment in times) / (last - first),
        worst=max(worst_window(times, quota.period) for times in accounts),
        above=sum(
            later - earlier < quota.period
            for times in accounts
            for earlier, later in zip(times, times[quota.tokens :], strict=False)
        ),
        spent=spent if spent.scripts else None,
    )


# Uncontended

Enter = Callable[[], AbstractAsyncContextManager[object]]


@asynccontextmanager
async def _ours(url: str, limits: Mapping[str, Quota]) -> AsyncGenerator[Enter]:
    groups = {2: IpGroup(total=(MOST,), each=(MOST,))}
    async with SharedGovernor(url, limits=limits, groups=groups) as governor:
        await governor.declare_idle()
        yield lambda: governor.permit(COUNTED, uid="one")


@asynccontextmanager
async def _local(_: str, limits: Mapping[str, Quota]) -> AsyncGenerator[Enter]:
    governor = Governor(limits=limits, groups={2: IpGroup(total=(MOST,), each=(MOST,))})
    yield lambda: governor.permit(COUNTED, uid="one")


@asynccontextmanager
async def _pyrate(url: str, limits: Mapping[str, Quota]) -> AsyncGenerator[Enter]:
    names = ["group", "endpoint", *limits]
    async with pyrate(url, dict.fromkeys(names, MOST)) as enter:
        yield lambda: enter(names)


@asynccontextmanager
async def _throttled(url: str, limits: Mapping[str, Quota]) -> AsyncGenerator[Enter]:
    names = ["group", "endpoint", *limits]
    async with throttled(url, dict.fromkeys(names, MOST)) as enter:
        yield lambda: enter(names)


_MAKE: Final = dict(zip(CONTESTANTS, (_ours, _local, _pyrate, _throttled), strict=True))


def take_turns(*, permits: int, at_once: int, rounds: int) -> tuple[Times, dict[Contestant, Spent]]:
    """
    Let contestants take turns in entering and leaving permits that are free.

    Args:
        permits: How many a turn.
        at_once: How many callers enter and leave one after the other.
        rounds: How many turns.

    Returns:
        The seconds of a turn, and what Redis did in the last.
    """
    spent: dict[Contestant, Spent] = {}

    async def turn(name: Contestant, url: str) -> float:
        async with _MAKE[name](url, {COUNTED.name: MOST}) as enter:

            async def caller(count: int) -> None:
                for _ in range(count):
                    async with enter():
                        pass

            await caller(2)
            before = Spent.read(url)
            started = time.perf_counter()
            await asyncio.gather(*(caller(permits // at_once) for _ in range(at_once)))
            took = time.perf_counter() - started
            if name != LOCAL:
                spent[name] = Spent.read(url).since(before)
        return took

    with RedisServer() as redis:
        times = in_turns(
            {
                name: lambda name=name: asyncio.run(turn(name, redis.url))  # type: ignore[misc]
                for name in CONTESTANTS
            },
            rounds,
        )
    return times, spent

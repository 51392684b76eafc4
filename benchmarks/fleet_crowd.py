"""Very many callers in one process: is every one accounted for, and does anything grow?"""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any, Final

from attrs import define, field
from redis.asyncio import Redis

from benchmarks.measure import resident
from bingx_async import (
    BingX,
    BucketKey,
    BucketState,
    Endpoint,
    Governor,
    IpGroup,
    Observer,
    Quota,
    QuotaTimeout,
)
from bingx_async.bucket import Waiter as LocalWaiter
from bingx_async.permit import AnyGovernor
from bingx_async.shared import SharedGovernor
from bingx_async.shared.lanes import Waiter as SharedWaiter

__all__ = ["Crowd", "Soak", "crowd", "keys", "local_governor", "shared_governor", "soak"]

NAMESPACE: Final = "crowd"
ENDPOINT: Final = BingX.endpoints()["swap.set_leverage"]
LIMITS: Final = {ENDPOINT.name: Quota(600, 0.1)}
GROUPS: Final = {2: IpGroup(total=(Quota(1500, 0.2),), each=(Quota(500, 0.1),))}
TIMEOUT: Final = 0.1
MOMENTS: Final = 1.5
"""Seconds within which callers give up."""
_LOOKS: Final = 25


class _Counting(Observer):
    """Counts what the governor says that it granted."""

    def __init__(self) -> None:
        self.grants = 0

    def on_wait(self, endpoint: Endpoint, uid: str | None, ip: str) -> None:
        pass

    def on_grant(self, endpoint: Endpoint, uid: str | None, ip: str, waited: float) -> None:
        self.grants += 1

    def on_refusal(
        self, endpoint: Endpoint, uid: str | None, ip: str, closed: BucketKey, seconds: float
    ) -> None:
        pass


@define
class Crowd:
    """
    What became of very many callers.

    Attributes:
        callers: How many there were.
        granted: How many got a permit.
        cancelled: How many were cancelled before.
        granted_by_the_governor: How many permits it says that it granted.
        states: The buckets, when everybody was gone and all windows were over.
        waiters: What the process still keeps of those who waited.
        seconds: How long it took until everybody was gone.
    """

    callers: int
    granted: int = 0
    cancelled: int = 0
    granted_by_the_governor: int = 0
    states: list[BucketState] = field(factory=list[BucketState])
    waiters: int = 0
    seconds: float = 0.0

    @property
    def is_accounted_for(self) -> bool:
        """Whether everybody was either granted or cancelled, and nobody both."""
        return (
            self.granted + self.cancelled == self.callers
            and self.granted == self.granted_by_the_governor
        )

    @property
    def is_gone(self) -> bool:
        """Whether nothing waits and all tokens are back."""
        return not self.waiters and all(
            not state.waiting and state.quota is not None and state.free == state.quota.tokens
            for state in self.states
        )


def local_governor(observer: Observer) -> Governor:
    """Make a governor of this process alone."""
    return Governor(limits=LIMITS, groups=GROUPS, observer=observer)


def shared_governor(redis: str, observer: Observer) -> SharedGovernor:
    """Make a governor that shares its quotas."""
    return SharedGovernor(
        redis, namespace=NAMESPACE, limits=LIMITS, groups=GROUPS, observer=observer
    )


async def crowd(redis: str | None, *, callers: int, seed: int) -> Crowd:
    """
    Let very many ask for a permit, of whom every second is cancelled at some moment.

    Args:
        redis: Where the quotas are shared; ``None`` for a governor of this process alone.
        callers: How many.
        seed: Of the moments.
    """
    observer = _Counting()
    if redis is None:
        return await _crowd(local_governor(observer), observer, callers, seed)
    async with shared_governor(redis, observer) as governor:
        await governor.declare_idle()
        return await _crowd(governor, observer, callers, seed)


def _is_waiter(each: object) -> bool:
    return isinstance(each, (LocalWaiter, SharedWaiter))


async def _crowd(governor: AnyGovernor, observer: _Counting, callers: int, seed: int) -> Crowd:
    result = Crowd(callers)
    draw = random.Random(seed)
    loop = asyncio.get_running_loop()

    async def caller() -> None:
        has_one = False
        try:
            async with governor.permit(ENDPOINT, uid="one", timeout=TIMEOUT):
                has_one = True
                result.granted += 1
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            result.cancelled += not has_one
            raise

    def give_up(tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            loop.call_later(draw.uniform(0.0, MOMENTS), task.cancel)

    started = time.monotonic()
    tasks = [asyncio.create_task(caller()) for _ in range(callers)]
    await asyncio.sleep(0)  # a task that has not begun would be gone without a trace
    give_up(tasks[::2])
    await asyncio.wait(tasks)
    result.seconds = time.monotonic() - started
    tasks.clear()
    for _ in range(_LOOKS):
        await asyncio.sleep(max(quota.period for quota in GROUPS[2].total))
        result.states = list(await governor.snapshot())
        gc.collect()
        result.waiters = sum(map(_is_waiter, gc.get_objects()))
        if result.is_gone:
            break
    result.granted_by_the_governor = observer.grants
    return result


async def keys(redis: str, namespace: str = NAMESPACE) -> Counter[str]:
    """Count the keys of a namespace by what they are for, such as ``queue``."""
    client: Any = Redis
    found: Counter[str] = Counter()
    async with client.from_url(redis, decode_responses=True) as connection:
        async for key in connection.scan_iter(match=f"{{{namespace}}}:*"):
            parts = str(key).split(":")[1:]
            found[parts[1] if parts[0].isdecimal() else parts[0]] += 1
    return found


# For a long time

SOAKED: Final = ("swap.set_leverage", "swap.leverage", "swap.full_orders")
UIDS: Final = 20
OF_EACH: Final = 7
"""Callers of each account for each endpoint."""
SAMPLES: Final = 240


@define
class Soak:
    """
    What grew.

    Attributes:
        permits: How many were granted.
        given_up: How many callers were cancelled, or found the wait too long.
        resident: Memory of this process, in MB, in the order of the samples.
        redis: Memory of Redis, in MB.
        keys: Keys in Redis.
        left: Keys that are left when everybody has gone, by what they are for.
    """

    permits: int = 0
    given_up: int = 0
    resident: list[float] = field(factory=list[float])
    redis: list[float] = field(factory=list[float])
    keys: list[int] = field(factory=list[int])
    left: Counter[str] = field(factory=Counter[str])

    @staticmethod
    def quarters(samples: Sequence[float]) -> list[float]:
        """Return the medians of the quarters."""
        size = len(samples) // 4
        return [median(samples[place * size : (place + 1) * size]) for place in range(4)]


async def soak(redis: str, *, minutes: float, seed: int) -> Soak:
    """
    Let many callers take permits for a long time, of whom some give up.

    Args:
        redis: Where the quotas are shared.
        minutes: How long.
        seed: Of what they do.
    """
    result = Soak()
    draw = random.Random(seed)
    client: Any = Redis
    groups = {2: IpGroup(total=(Quota(500, 2.0),), each=(Quota(250, 2.0),))}

    async def take(governor: SharedGovernor, endpoint: Endpoint, uid: str) -> None:
        max_wait = draw.uniform(0.0, 3.0) if draw.random() < 0.05 else None
        async with governor.permit(endpoint, uid=uid, max_wait=max_wait, timeout=1.0):
            result.permits += 1
            await asyncio.sleep(draw.uniform(0.0, 0.05))

    async def caller(governor: SharedGovernor, endpoint: Endpoint, uid: str) -> None:
        while True:
            patience = draw.uniform(0.0, 3.0) if draw.random() < 0.05 else None
            try:
                async with asyncio.timeout(patience):
                    await take(governor, endpoint, uid)
            except (TimeoutError, QuotaTimeout):
                result.given_up += 1
                await asyncio.sleep(0.1)

    async with client.from_url(redis) as connection:
        async with SharedGovernor(redis, namespace=NAMESPACE, groups=groups) as governor:
            await governor.declare_idle()
            tasks = [
                asyncio.create_task(caller(governor, BingX.endpoints()[name], f"account {number}"))
                for name in SOAKED
                for number in range(UIDS)
                for _ in range(OF_EACH)
            ]
            for _ in range(SAMPLES):
                await asyncio.sleep(minutes * 60 / SAMPLES)
                result.resident.append(resident())
                result.redis.append((await connection.info("memory"))["used_memory"] / 1e6)
                result.keys.append(await connection.dbsize())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(10)  # what is out comes back, and is forgotten
        result.left = await keys(redis)
    return result

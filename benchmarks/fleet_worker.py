"""
A process of a fleet: does the job on the first line of its input.

It says ``ready``, begins when it reads one more line, and prints what became of the job when its
input ends, or when the job is done.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, Final, Literal

import msgspec

from bingx_async import IP_GROUPS, BingX, BingXError, Governor, IpGroup, PositionSide, Quota
from bingx_async.permit import AnyGovernor
from bingx_async.shared import SharedGovernor

__all__ = [
    "CALLED",
    "CONTESTANTS",
    "COUNTED",
    "GROUPS",
    "LOCAL",
    "OURS",
    "Account",
    "Ask",
    "Asks",
    "Calls",
    "Competes",
    "Contestant",
    "Job",
    "Outcome",
]

# So tight that an address's quotas bind too: in group 1 that of all endpoints together, in group 2
# that of each endpoint. In group 3, and for the mode, it is the accounts' own that bind.
GROUPS: Final[Mapping[int, IpGroup]] = {
    1: IpGroup(total=(Quota(10, 1.0),)),
    2: IpGroup(total=(Quota(60, 2.0),), each=(Quota(20, 2.0),)),
    3: IpGroup(total=(Quota(100, 2.0),), each=(Quota(60, 2.0),)),
}
CALLED: Final[Mapping[str, Callable[[BingX], Awaitable[object]]]] = {
    "swap.set_leverage": lambda bingx: bingx.swap.set_leverage("BTC-USDT", PositionSide.LONG, 10),
    "swap.leverage": lambda bingx: bingx.swap.leverage("BTC-USDT"),
    "swap.position_mode": lambda bingx: bingx.swap.position_mode(),
    "swap.balances": lambda bingx: bingx.swap.balances(),
    "swap.open_orders": lambda bingx: bingx.swap.open_orders(),
    "swap.contracts": lambda bingx: bingx.swap.contracts(),
}

Contestant = Literal["bingx_async", "a local Governor", "pyrate-limiter", "throttled-py"]
OURS: Final[Contestant] = "bingx_async"
LOCAL: Final[Contestant] = "a local Governor"
CONTESTANTS: Final[tuple[Contestant, ...]] = (OURS, LOCAL, "pyrate-limiter", "throttled-py")
COUNTED: Final = BingX.endpoints()["swap.set_leverage"]
"""What the contestants ask for: 5/s per UID, 300 and 2000 in 10 s per address."""
JITTER: Final = 0.08


class Account(msgspec.Struct):
    """Who calls."""

    api_key: str
    secret_key: str
    uid: str


class Calls(msgspec.Struct, tag=True):
    """
    Call an exchange for as much as it gets.

    Attributes:
        exchange: Its address.
        redis: Where the quotas are shared; ``None`` for a governor of this process alone.
        namespace: Of the keys in Redis.
        accounts: Each calls every endpoint of ``CALLED``.
        callers: How many of each account ask for each endpoint at once.
        timeout: Seconds after which a request is given up.
    """

    exchange: str
    redis: str | None
    namespace: str
    accounts: list[Account]
    callers: int
    timeout: float


class Ask(msgspec.Struct):
    """
    One wish for a permit.

    Attributes:
        at: When; in an outcome in seconds of the monotonic clock, which all processes of a host
            share, in a job in seconds after the beginning.
        priority: Who goes first.
        granted: When it was granted, in seconds of the monotonic clock.
    """

    at: float
    priority: int = 0
    granted: float = 0.0


class Asks(msgspec.Struct, tag=True):
    """
    Ask for permits of one bucket at given moments.

    Attributes:
        redis: Where the quota is shared.
        namespace: Of the keys in Redis.
        period: Seconds in which there is one permit.
        asks: The moments.
    """

    redis: str
    namespace: str
    period: float
    asks: list[Ask]


class Competes(msgspec.Struct, tag=True):
    """
    Take permits for as much as one gets, and send nothing but a stamp after a moment's travel.

    Attributes:
        contestant: Who hands out the permits.
        redis: Where the quotas are shared.
        uids: The accounts.
        callers: How many of each ask at once.
        seed: Of the travels.
    """

    contestant: Contestant
    redis: str
    uids: list[str]
    callers: int
    seed: int


Job = Calls | Asks | Competes


class Outcome(msgspec.Struct):
    """
    What became of a job.

    Attributes:
        done: Calls that were answered, or permits.
        failures: Calls that were not, by the name of the error.
        warnings: What the package logged as warnings, without the details.
        commands: Scripts that were run in Redis.
        bytes: What they and their replies took.
        asks: When they were really asked, and granted.
        round_trips: Seconds that a free permit took, which is one round trip to Redis.
        arrivals: By account, in seconds of the monotonic clock.
    """

    done: int = 0
    failures: dict[str, int] = {}
    warnings: dict[str, int] = {}
    commands: int = 0
    bytes: int = 0
    asks: list[Ask] = []
    round_trips: list[float] = []
    arrivals: dict[str, list[float]] = {}


Begin = Callable[[], Awaitable[float]]
"""Says that it is ready, and returns when it begins."""
End = Callable[[], Awaitable[object]]
"""Waits until the job is to end."""


def _note_cost(governor: AnyGovernor, outcome: Outcome) -> None:
    if isinstance(governor, SharedGovernor):
        link = governor._courier.link  # noqa: SLF001 - looked at, not touched
        outcome.commands, outcome.bytes = link.commands, link.bytes


async def _until(end: End, work: Iterable[Coroutine[Any, Any, None]]) -> None:
    tasks = {asyncio.create_task(each) for each in work}
    await end()
    while tasks:  # a library may swallow a cancellation
        for task in tasks:
            task.cancel()
        done, tasks = await asyncio.wait(tasks, timeout=0.5)
        for task in done:
            if not task.cancelled():
                task.result()


async def call(job: Calls, begin: Begin, end: End) -> Outcome:
    """Do a job of calls."""
    outcome = Outcome()
    failures: Counter[str] = Counter()

    async def caller(bingx: BingX, ask: Callable[[BingX], Awaitable[object]]) -> None:
        while True:
            try:
                await ask(bingx)
            except BingXError as exc:
                failures[type(exc).__name__] += 1
            else:
                outcome.done += 1

    async with AsyncExitStack() as stack:
        governor: AnyGovernor = Governor(groups=GROUPS)
        if job.redis is not None:
            shared = SharedGovernor(
                job.redis,
                namespace=job.namespace,
                groups=GROUPS,
                longest_timeout=job.timeout,
            )
            governor = await stack.enter_async_context(shared)
        clients = [
            await stack.enter_async_context(
                BingX(
                    account.api_key,
                    account.secret_key,
                    base_url=job.exchange,
                    uid=account.uid,
                    governor=governor,
                    timeout=job.timeout,
                )
            )
            for account in job.accounts
        ]
        await begin()
        callers = (
            caller(bingx, ask)
            for bingx in clients
            for ask in CALLED.values()
            for _ in range(job.callers)
        )
        await _until(end, callers)
        outcome.failures = dict(failures)
        _note_cost(governor, outcome)
    return outcome


async def ask(job: Asks, begin: Begin) -> Outcome:
    """Do a job of asks."""
    outcome = Outcome(asks=job.asks)
    other = BingX.endpoints()["swap.leverage"]
    async with SharedGovernor(
        job.redis,
        namespace=job.namespace,
        limits={COUNTED.name: Quota(1, job.period), other.name: Quota(1_000_000, 1.0)},
        groups={2: None},
    ) as governor:

        async def wish(each: Ask, start: float) -> None:
            await asyncio.sleep(start + each.at - time.monotonic())
            each.at = time.monotonic()
            async with governor.permit(COUNTED, uid="one", priority=each.priority):
                each.granted = time.monotonic()
                outcome.done += 1

        async def measure() -> None:
            while True:
                started = time.monotonic()
                async with governor.permit(other, uid="another"):
                    outcome.round_trips.append(time.monotonic() - started)
                await asyncio.sleep(0.02)

        start = await begin()
        measuring = asyncio.create_task(measure())
        await asyncio.gather(*(wish(each, start) for each in job.asks))
        measuring.cancel()
        await asyncio.gather(measuring, return_exceptions=True)
        _note_cost(governor, outcome)
    return outcome


async def compete(job: Competes, begin: Begin, end: End) -> Outcome:
    """Do a job of a contest."""
    outcome = Outcome(arrivals={uid: [] for uid in job.uids})
    draw = random.Random(job.seed)

    async def caller(enter: Callable[[], AbstractAsyncContextManager[object]], uid: str) -> None:
        while True:
            async with enter():
                await asyncio.sleep(draw.uniform(0.0, JITTER))
                outcome.arrivals[uid].append(time.monotonic())
                await asyncio.sleep(draw.uniform(0.0, JITTER))
            outcome.done += 1

    async with _contestant(job) as (enter_of, governor):
        await begin()
        callers = (caller(enter_of(uid), uid) for uid in job.uids for _ in range(job.callers))
        await _until(end, callers)
        if governor is not None:
            _note_cost(governor, outcome)
    return outcome


Enter = Callable[[], AbstractAsyncContextManager[object]]


@asynccontextmanager
async def _contestant(
    job: Competes,
) -> AsyncGenerator[tuple[Callable[[str], Enter], AnyGovernor | None]]:
    """Make who hands out the permits: for an account, what its callers enter."""
    if job.contestant == OURS:
        async with SharedGovernor(job.redis) as shared:
            yield lambda uid: lambda: shared.permit(COUNTED, uid=uid, timeout=1.0), shared
        return
    if job.contestant == LOCAL:
        governor = Governor()
        yield lambda uid: lambda: governor.permit(COUNTED, uid=uid), governor
        return
    # They are imported here, since the other processes of a fleet need not have them.
    from benchmarks.peers import redis_limiters  # noqa: PLC0415

    group = IP_GROUPS[2]
    address = {"group": group.total[0], "endpoint": group.each[0]}
    assert COUNTED.quota is not None
    quotas = {**address, **dict.fromkeys(job.uids, COUNTED.quota)}
    peer = redis_limiters.pyrate if job.contestant == "pyrate-limiter" else redis_limiters.throttled
    async with peer(job.redis, quotas) as enter:
        yield lambda uid: lambda: enter([*address, uid]), None


class _Warnings(logging.Handler):
    """Counts warnings by their wording."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.counts: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        self.counts[str(record.msg)] += 1


async def main() -> None:
    warnings = _Warnings()
    log = logging.getLogger("bingx_async")
    log.addHandler(warnings)
    log.propagate = False
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader(limit=2**24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    job = msgspec.json.decode(await lines.readline(), type=Job)

    async def begin() -> float:
        print("ready", flush=True)
        return float(await lines.readline() or 0.0)

    if isinstance(job, Calls):
        outcome = await call(job, begin, lines.read)
    elif isinstance(job, Asks):
        outcome = await ask(job, begin)
    else:
        outcome = await compete(job, begin, lines.read)
    outcome.warnings = dict(warnings.counts)
    print(msgspec.json.encode(outcome).decode(), flush=True)


if __name__ == "__main__":
    asyncio.run(main())

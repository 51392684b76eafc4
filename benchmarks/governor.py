"""
What does the governor cost, when nobody waits and when very many do?

1. A permit that is free, entered and left: every bucket of ``set_leverage`` (UID and endpoint, IP
   and endpoint, IP and group), against four bare ``AsyncLimiter`` entered one inside the other: for
   the UID, the endpoint, the group and its pacing. The quotas are so high that nobody waits and
   their periods so short that every token comes back within the measurement. Once with all tokens
   there, once with a tenth of the group's out, when its pacing begins, and once with an observer
   that counts.
2. 30,000 callers behind 5,000 a second, in real time: processor time a caller, less that of the
   same tasks without any limiter; and, in passes of their own, for how long the event loop does
   not turn, while they come (with and without the passes of Python's garbage collector) and while
   they are served.
3. 10,000 and 100,000 callers that wait: does the time a grant takes grow? On a virtual clock, so
   that no time is spent idle; the making of the tasks is not counted.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from functools import partial
from types import TracebackType
from typing import Final, NamedTuple

from aiolimiter import AsyncLimiter

from benchmarks.measure import in_turns, of_async
from benchmarks.report import Report, options
from bingx_async import BingX, BucketKey, Endpoint, Governor, IpGroup, Observer, Quota
from tests import virtual

ENDPOINT: Final = BingX.endpoints()["swap.set_leverage"]
OURS: Final = "bingx_async"
THEIRS: Final = "AsyncLimiter"
QUEUE: Final = "a bare queue of futures"
BARE: Final = "tasks that do nothing"

MOST: Final = Quota(10**9, 0.1)
PACED: Final = Quota(100_000, 0.1)
"""Far more than one process can ask for, and still paced, once a tenth of it is out."""

Enter = Callable[[int], AbstractAsyncContextManager[object]]
"""What a caller enters, by its number."""


# 1. nobody waits


class _Counting(Observer):
    """The least that an observer does."""

    def __init__(self) -> None:
        self.waits = self.permits = self.refusals = 0

    def on_wait(self, endpoint: Endpoint, uid: str | None, ip: str) -> None:
        self.waits += 1

    def on_grant(self, endpoint: Endpoint, uid: str | None, ip: str, waited: float) -> None:
        self.permits += 1

    def on_refusal(
        self, endpoint: Endpoint, uid: str | None, ip: str, closed: BucketKey, seconds: float
    ) -> None:
        self.refusals += 1


async def _permits(
    calls: int, group: Quota, held: int = 0, observer: Observer | None = None
) -> float:
    """Enter and leave so many permits, while others hold some of the group's tokens."""
    governor = Governor(
        limits={ENDPOINT.name: MOST},
        groups={2: IpGroup(total=(group,), each=(MOST,))},
        observer=observer,
    )

    async def work() -> None:
        for _ in range(calls):
            async with governor.permit(ENDPOINT, uid="1001"):
                pass

    async with AsyncExitStack() as stack:
        for _ in range(held):
            await stack.enter_async_context(governor.permit(ENDPOINT, uid="1001"))
        return await of_async(work())


async def _nested(calls: int) -> float:
    of_uid, of_endpoint, of_group, pacing = (AsyncLimiter(10**9, 0.1) for _ in range(4))

    async def work() -> None:
        for _ in range(calls):
            async with of_uid, of_endpoint, of_group, pacing:
                pass

    return await of_async(work())


def uncontended(report: Report, *, calls: int, rounds: int) -> None:
    """Compare one free permit with four limiters."""
    paced = f"{OURS}, a tenth is out"
    watched = f"{OURS}, with an observer that counts"
    four = f"4 x {THEIRS}"
    times = in_turns(
        {
            OURS: lambda: asyncio.run(_permits(calls, MOST)),
            paced: lambda: asyncio.run(_permits(calls, PACED, PACED.tokens // 10)),
            watched: lambda: asyncio.run(_permits(calls, MOST, observer=_Counting())),
            four: lambda: asyncio.run(_nested(calls)),
        },
        rounds,
    )
    report.table(
        f"Enter and leave, nobody waits: {calls:,} times, {rounds} rounds",
        ["", "us each", "ratio"],
        [
            [name, f"{times.median(name) / calls * 1e6:.2f}", f"{times.ratio(name, four):.2f}"]
            for name in (OURS, paced, watched, four)
        ],
    )
    report.at_most("a free permit, of four bare limiters", times.ratio(OURS, four), 1.0)
    report.at_most("... and one that is paced", times.ratio(paced, four), 1.0)


# 2. thirty thousand wait


class _Queue:
    """
    The least that waiting can cost: a queue of futures, a hundred resolved in one turn.

    Args:
        seconds: From the first that comes until the first that goes.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._futures: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        loop = asyncio.get_running_loop()
        if not self._futures:
            loop.call_later(self._seconds, self._wake)
        self._futures.append(future := loop.create_future())
        await future

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass

    def _wake(self) -> None:
        for _ in range(min(100, len(self._futures))):
            self._futures.popleft().set_result(None)
        if self._futures:
            asyncio.get_running_loop().call_soon(self._wake)


def _limiters(quota: Quota) -> dict[str, Enter]:
    governor = Governor(limits={ENDPOINT.name: quota}, groups={2: None})
    peer = AsyncLimiter(quota.tokens, quota.period)
    queue = _Queue(quota.period)
    return {
        OURS: lambda _: governor.permit(ENDPOINT, uid="1001"),
        THEIRS: lambda _: peer,
        QUEUE: lambda _: queue,
        BARE: lambda _: nullcontext(),
    }


async def _come(enter: Enter, callers: int) -> list[asyncio.Task[None]]:
    """Let callers come, a hundred in one turn of the loop."""

    async def call(number: int) -> None:
        async with enter(number):
            pass

    tasks: list[asyncio.Task[None]] = []
    for number in range(callers):
        tasks.append(asyncio.create_task(call(number)))
        if number % 100 == 99:
            await asyncio.sleep(0)
    return tasks


async def _crowd(enter: Enter, callers: int) -> None:
    """Let callers come, and wait until all were served."""
    for task in await _come(enter, callers):
        await task


class Stalls(NamedTuple):
    """
    The longest times between two turns of the event loop, in seconds of the clock.

    Attributes:
        coming: While the callers come.
        coming_itself: The same, less what the garbage collector took in between.
        served: From when all wait until all were served.
    """

    coming: float
    coming_itself: float
    served: float


async def _stalls(enter: Enter, callers: int) -> Stalls:
    """Watch the event loop while callers come and are served."""
    collecting = collected = worst = worst_itself = 0.0

    def collector(phase: str, _: object) -> None:
        nonlocal collecting, collected
        if phase == "start":
            collecting = time.monotonic()
        else:
            collected += time.monotonic() - collecting

    async def beat() -> None:
        nonlocal worst, worst_itself
        while True:
            started, before = time.monotonic(), collected
            await asyncio.sleep(0.001)
            stall = time.monotonic() - started - 0.001
            worst = max(worst, stall)
            worst_itself = max(worst_itself, stall - (collected - before))

    gc.callbacks.append(collector)
    heart = asyncio.create_task(beat())
    tasks = await _come(enter, callers)
    await asyncio.sleep(0.01)
    coming, worst = worst, 0.0
    coming_itself = worst_itself
    for task in tasks:
        await task
    heart.cancel()
    await asyncio.gather(heart, return_exceptions=True)
    gc.callbacks.remove(collector)
    return Stalls(coming, coming_itself, worst)


def contended(report: Report, *, callers: int, quota: Quota, rounds: int) -> None:
    """Compare a crowd behind one quota."""

    def busy(name: str) -> float:
        async def run() -> float:
            return await of_async(_crowd(_limiters(quota)[name], callers))

        return asyncio.run(run())

    def stalls(name: str) -> Stalls:
        async def run() -> Stalls:
            return await _stalls(_limiters(quota)[name], callers)

        gc.collect()
        return asyncio.run(run())

    names = (OURS, THEIRS, QUEUE, BARE)
    times = in_turns({name: partial(busy, name) for name in names}, rounds)
    found = {name: [stalls(name) for _ in range(rounds)] for name in names}
    stall = {
        name: Stalls(*map(statistics.median, zip(*found[name], strict=True))) for name in names
    }
    report.table(
        f"{callers:,} callers behind {quota}, {rounds} rounds",
        ["", "us a caller", "ratio", "less tasks", "ratio", "stall coming", "less GC", "served"],
        [
            [
                name,
                f"{times.median(name) / callers * 1e6:.1f}",
                f"{times.ratio(name, THEIRS):.2f}",
                f"{(times.median(name) - times.median(BARE)) / callers * 1e6:.1f}",
                f"{times.ratio(name, THEIRS, less=BARE):.2f}",
                *(f"{seconds * 1e3:.1f} ms" for seconds in stall[name]),
            ]
            for name in names
        ],
    )
    report.note(
        f"""
  A full pass of Python's garbage collector over {callers:,} tasks that come is a stall by itself,
  whatever they wait for: see the bare queue."""
    )
    report.at_most(
        "a caller in a crowd, of AsyncLimiter's, tasks taken off",
        times.ratio(OURS, THEIRS, less=BARE),
        0.5,
    )
    report.at_most("... and with the tasks themselves", times.ratio(OURS, THEIRS), 0.5)
    report.at_most("longest stall while they wait and are served, ms", stall[OURS].served * 1e3, 25)
    report.at_most("... while they come, less GC, ms", stall[OURS].coming_itself * 1e3, 25)
    report.at_most(
        "... and with GC, of AsyncLimiter's", stall[OURS].coming / stall[THEIRS].coming, 1
    )


# 3. does it grow?


async def _grant(enter: Enter, callers: int) -> float:
    """Return the processor time a grant takes, in seconds, from when all callers wait."""

    async def call(number: int) -> None:
        async with enter(number):
            pass

    tasks = [asyncio.create_task(call(number)) for number in range(callers)]
    await asyncio.sleep(0)
    waiting = [task for task in tasks if not task.done()]

    async def rest() -> None:
        for task in waiting:
            await task

    return await of_async(rest()) / len(waiting)


def _one_lane() -> Enter:
    governor = Governor(limits={ENDPOINT.name: Quota(1000, 1.0)}, groups={2: None})
    return lambda _: governor.permit(ENDPOINT, uid="1001")


def _many_lanes() -> Enter:
    governor = Governor(limits={ENDPOINT.name: Quota(10, 1.0)}, groups={2: None})
    return lambda number: governor.permit(ENDPOINT, uid=str(number % 100))


def _many_lanes_one_address() -> Enter:
    governor = Governor(groups={2: IpGroup(total=(), each=(Quota(99, 1.0),))})
    return lambda number: governor.permit(ENDPOINT, uid=str(number % 100))


def _bare_queue() -> Enter:
    queue = _Queue(1.0)
    return lambda _: queue


CROWDS: Final[dict[str, Callable[[], Enter]]] = {
    "one lane": _one_lane,
    "100 lanes, a quota each": _many_lanes,
    "100 lanes, and one of their address": _many_lanes_one_address,
    QUEUE: _bare_queue,
}


def growing(report: Report, *, few: int, many: int, rounds: int) -> None:
    """Compare the time of a grant in a crowd with that in a crowd ten times as large."""

    def one(make: Callable[[], Enter], callers: int) -> float:
        async def run() -> float:
            return await _grant(make(), callers)

        return virtual.run(run())

    rows: list[list[str]] = []
    grew: dict[str, float] = {}
    for crowd, make in CROWDS.items():
        times = in_turns({"few": partial(one, make, few), "many": partial(one, make, many)}, rounds)
        grew[crowd] = times.ratio("many", "few")
        rows.append(
            [
                crowd,
                f"{times.median('few') * 1e6:.1f}",
                f"{times.median('many') * 1e6:.1f}",
                f"{grew[crowd]:.2f}",
            ]
        )
    report.table(
        f"Processor time of a grant, with so many that wait, {rounds} rounds",
        ["", f"{few:,}: us", f"{many:,}: us", "grows by"],
        rows,
    )
    for crowd in list(CROWDS)[:3]:
        report.at_most(f"growth of a grant, {crowd}", grew[crowd], 1.3)


def main() -> None:
    arguments = options(__doc__).parse_args()
    quick: bool = arguments.quick
    report = Report("governor: what permits cost", quick=quick)
    uncontended(report, calls=2_000 if quick else 50_000, rounds=3 if quick else 15)
    contended(
        report,
        callers=600 if quick else 30_000,
        quota=Quota(500, 0.2) if quick else Quota(5000, 1.0),
        rounds=1 if quick else 5,
    )
    growing(
        report,
        few=2_000 if quick else 10_000,
        many=10_000 if quick else 100_000,
        rounds=1 if quick else 5,
    )
    report.close()


if __name__ == "__main__":
    main()

"""
A governor for a fleet: any number of processes, on any number of hosts, share the quotas exactly.

The theory is that of :mod:`bingx_async.governor`, and so are the rules. What differs is who counts.

One script in Redis (``governor.lua``) takes all tokens of a request at once or none. Redis runs one
script at a time and has one clock, so that nobody's clock is compared with another's.

A token that is out carries a **lease**. It comes back one period after its response was reported.
If its holder is never heard of again, it comes back one period after the longest time for which the
request could have been under way: its timeout, and the moment between the permit and the sending. A
holder that was held up for longer than that moment, because its process was stopped or its host
busy, does not send, but asks again. So a killed process costs a little capacity for a while and
never a violation.

Those who wait stand in one queue for each lane, in Redis, whichever process they belong to. When
tokens come back, the bucket is looked at by one process only, the one whose caller is next. That
look serves whoever is next by then, and those of other processes hear of it over a channel of their
own. Nobody polls: a process that waits says once a second that it is alive, and whoever asks for
anything does what a process that died would have done.

What many callers of one process want within a turn of the event loop travels as one command.

Redis may lose what it remembers, or remember what is old, when it is restarted. So each life of the
server begins with an empty book, and the first permit of each bucket waits until everything that
was under way before has left its window.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Final, Literal, Self, get_args

from bingx_async.endpoint import Endpoint
from bingx_async.errors import BingXError, GovernorUnavailable, QuotaTimeout
from bingx_async.limits import BucketState, LaneKey, Limits
from bingx_async.observer import Guarded, Observer
from bingx_async.permit import AnyGovernor, Permit
from bingx_async.plan import Plan, Planner
from bingx_async.quota import IpGroup, Quota, Scope
from bingx_async.refusals import (
    LONGEST_PENALTY,
    PENALTY,
    warn_of_more_counted,
    warn_of_refusal,
)
from bingx_async.shared.courier import Courier, Operation, clock
from bingx_async.shared.lanes import MICROSECONDS, Lane, Waiter, key_of, state_of
from bingx_async.shared.link import Closures, News, Reply

__all__ = ["SharedGovernor"]

_log: Final = logging.getLogger("bingx_async")

OnOutage = Literal["wait", "raise"]

# Seconds from the permit to the sending; a process that takes longer asks again.
_HELD_UP: Final = 1.0
# A process that waits says so often that it is alive; three times that is dead (governor.lua).
_BEAT: Final = 1.0
# A bucket is looked at so much later than its token comes back, since timers are a little early.
_LATER: Final = 0.0002
_PRIORITIES: Final = 4000


class _Permit(Permit):
    """See :class:`~bingx_async.permit.Permit`."""

    __slots__ = ("_governor", "_held", "_lane", "_options", "_sent", "_told")

    def __init__(
        self, governor: SharedGovernor, lane: Lane, options: tuple[int, float | None, float]
    ) -> None:
        self._governor = governor
        self._lane = lane
        self._options = options
        self._held: Waiter | None = None
        self._sent = True
        self._told = (-1, -1)

    def not_sent(self) -> None:
        self._sent = False

    def refused(self, retry_in: float | None = None, *, scope: Scope = Scope.ENDPOINT) -> float:
        return self._governor._refused(self._lane, retry_in, scope)  # noqa: SLF001

    def told(self, remaining: int, expires_in: float | None = None) -> None:
        if not self._lane.is_of_uid:  # what is told of others is not documented
            return
        expires = -1 if expires_in is None else round(expires_in * MICROSECONDS)
        self._told = remaining, expires

    async def __aenter__(self) -> Self:
        if self._held is not None:
            raise RuntimeError("this permit is entered already: ask for one for each request")
        self._sent, self._told = True, (-1, -1)
        self._held = await self._governor._wait(self._lane, *self._options)  # noqa: SLF001
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        held, self._held = self._held, None
        if held is None:
            raise RuntimeError("this permit is not entered")
        self._governor._out -= 1  # noqa: SLF001
        courier = self._governor._courier  # noqa: SLF001
        if self._sent:
            # What another book has counted cannot be compared with what the exchange has.
            told = self._told if held.generation == courier.generation else (-1, -1)
            courier.post(Operation("done", held.lane, (held.id, held.returned, *told)))
        else:
            courier.post(Operation("unsent", held.lane, (held.id,)))


class SharedGovernor(AnyGovernor):
    """
    Hands out permits so that no quota is ever exceeded by all processes together.

    .. code-block:: python

        async with SharedGovernor("redis://localhost") as governor:
            async with BingX.from_env(governor=governor, uid="auto") as bingx:
                ...

    All processes of a fleet use one Redis, one namespace, the same limits, and labels (``uid=``,
    ``ip=``) that mean the same everywhere. It belongs to the event loop in which it is first used,
    connects then, and is closed by whoever made it. Priorities beyond 4000 count as 4000.

    Args:
        url: Where Redis (6.2 or newer) or Valkey is: ``redis://``, ``rediss://`` or ``unix://``.
        namespace: Begins the name of every key. Letters, digits and ``.:_-``.
        limits: As for :class:`~bingx_async.Governor`.
        groups: As for :class:`~bingx_async.Governor`.
        on_outage: What happens while Redis cannot be asked: ``"wait"`` grants nothing until it is
            back; ``"raise"`` raises :exc:`~bingx_async.GovernorUnavailable` at once.
        longest_timeout: For how many seconds, at the most, any process of the fleet waits for the
            answer to a request. After Redis has lost its data, nothing is granted until requests
            of that length are over. Processes with a longer timeout make it longer while they run.
        observer: As for :class:`~bingx_async.Governor`; it is told what concerns this process.

    Attributes:
        limits: The quotas per UID that differ, as given.
        groups: The quotas of every group of addresses.

    Raises:
        ValueError: ``url``, ``namespace``, ``on_outage`` or ``longest_timeout`` is not what it
            must be.
        TypeError: A limit is not a ``Quota`` or a group not an ``IpGroup``.
    """

    def __init__(
        self,
        url: str,
        *,
        namespace: str = "bingx",
        limits: Mapping[str, Quota | None] | None = None,
        groups: Mapping[int, IpGroup | None] | None = None,
        on_outage: OnOutage = "wait",
        longest_timeout: float = 10.0,
        observer: Observer | None = None,
    ) -> None:
        if on_outage not in get_args(OnOutage):
            raise ValueError(f"on_outage must be 'wait' or 'raise', not {on_outage!r}")
        if not namespace or not all(
            c.isascii() and (c.isalnum() or c in ".:_-") for c in namespace
        ):
            raise ValueError(
                f"namespace must consist of letters, digits and .:_-, not {namespace!r}"
            )
        if not 0 < longest_timeout < math.inf:
            raise ValueError(f"longest_timeout must be positive seconds, not {longest_timeout!r}")
        self._limits = Limits(limits, groups)
        self.limits = self._limits.by_name
        self.groups = self._limits.groups
        self._namespace = namespace
        self._observer = Guarded(observer) if observer is not None else None
        self._courier = Courier(
            url,
            namespace=namespace,
            raises=on_outage == "raise",
            governed=self,
        )
        self._lanes: dict[tuple[Endpoint, str | None, str], Lane] = {}
        self._waiters: dict[str, Waiter] = {}
        self._numbers = 0
        self._out = 0  # permits that callers have
        self._least_lease = _lease(longest_timeout)
        self._longest_lease = 0  # of a process that only looks on
        self._watches: dict[str, float] = {}  # buckets, and the loop's time to look at them
        self._timer: asyncio.TimerHandle | None = None
        self._closed_until: dict[str, float] = {}  # gates, by the loop's time
        self._is_closed = False

    # --- what is public ---------------------------------------------------------------------

    def permit(
        self,
        endpoint: Endpoint,
        *,
        uid: str | None = None,
        ip: str = "default",
        priority: int = 0,
        max_wait: float | None = None,
        timeout: float = 10.0,
    ) -> Permit:
        """Ask for leave to send one request; see :meth:`AnyGovernor.permit`."""
        key = (endpoint, uid, ip)
        if (lane := self._lanes.get(key)) is None:
            lane = self._lanes[key] = Lane(LaneKey(*key), self._limits)
        priority = max(-_PRIORITIES, min(priority, _PRIORITIES))
        return _Permit(self, lane, (priority, max_wait, timeout))

    async def snapshot(self) -> list[BucketState]:
        """
        Describe every bucket that any process of the fleet uses.

        Raises:
            GovernorUnavailable: Redis cannot be asked.
        """
        rows = await self._request("snapshot")
        return sorted((state_of(row) for row in rows), key=lambda state: (state.key, state.quota))

    async def plan(
        self,
        calls: Iterable[tuple[Endpoint, int]],
        *,
        uid: str | None = None,
        ip: str = "default",
        round_trip: float = 0.0,
    ) -> Plan:
        """
        Tell how long calls will take; see :meth:`AnyGovernor.plan`.

        Raises:
            GovernorUnavailable: Redis cannot be asked.
        """
        planner = Planner(self._limits, await self.snapshot())
        return planner.plan(calls, uid=uid, ip=ip, round_trip=round_trip)

    async def declare_idle(self) -> None:
        """
        Say that nobody has sent anything for longer than any window, so that all tokens are free.

        A namespace that Redis does not know begins with a wait, as nobody can tell a first start
        from lost data. This ends the wait; it is for the first start of a fleet, and for tests.

        Raises:
            GovernorUnavailable: Redis cannot be asked.
        """
        await self._request("idle")

    async def close(self) -> None:
        """Report what is over, and disconnect; who waits gets ``GovernorUnavailable``."""
        if self._is_closed:
            return
        self._is_closed = True
        for waiter in list(self._waiters.values()):
            self._leave(waiter)
            self._end(waiter, GovernorUnavailable("the governor was closed"))
        await self._courier.close()
        self.rested()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return (
            f"<SharedGovernor at {self._courier.link.address}, namespace {self._namespace!r},"
            f" {len(self._waiters)} waiting>"
        )

    # --- one caller ---------------------------------------------------------------------------

    async def _wait(
        self,
        lane: Lane,
        priority: int,
        max_wait: float | None,
        timeout: float,  # noqa: ASYNC109
    ) -> Waiter:
        """Wait for a permit; return who holds it."""
        loop = self._courier.bind()
        started = loop.time()
        deadline = started + max_wait if max_wait is not None else float("inf")
        lease = _lease(timeout)
        self._longest_lease = max(self._longest_lease, self._least_lease, lease)
        while True:
            if self._is_closed:
                raise GovernorUnavailable("the governor is closed", endpoint=lane.key.endpoint.name)
            self._check_closures(lane, max_wait, deadline)
            self._numbers += 1
            waiter = Waiter(
                lane=lane,
                id=f"{self._courier.link.process}:{self._numbers}:{lease}",
                number=self._numbers,
                lease=lease,
                priority=priority,
                future=loop.create_future(),
                max_wait=max_wait,
                deadline=deadline,
            )
            if max_wait is not None:
                waiter.timer = loop.call_at(deadline, self._run_out, waiter)
            self._waiters[waiter.id] = waiter
            self._courier.post(Operation("enter", lane, waiter=waiter))
            try:
                failure = await waiter.future
            except asyncio.CancelledError:
                self._leave(waiter)
                raise
            if failure is not None:
                raise failure
            if self._age(waiter) <= _HELD_UP:
                break
            _log.info("held up for too long after a permit was granted: asking again")
            self._courier.post(Operation("unsent", lane, (waiter.id,)))
        self._out += 1
        if self._observer is not None:
            waited = loop.time() - started if waiter.rank is not None else 0.0
            self._observer.on_grant(*lane.key, waited)
        return waiter

    def _age(self, waiter: Waiter) -> float:
        """Tell for how many seconds, at the most, somebody has had a permit."""
        asked, redis = self._courier.heard  # what Redis said was said after we asked
        return (redis - waiter.granted_at) / MICROSECONDS + clock() - asked

    def _check_closures(self, lane: Lane, max_wait: float | None, deadline: float) -> None:
        """Refuse at once a wait that is known to be too long, without asking."""
        for gate in lane.gates:
            until = self._closed_until.get(gate)
            if until is not None and until > deadline:
                now = asyncio.get_running_loop().time()
                raise self._timeout(lane, until - now, max_wait, str(key_of(gate)))

    @staticmethod
    def _timeout(lane: Lane, wait: float, max_wait: float | None, bucket: str) -> QuotaTimeout:
        return QuotaTimeout(
            endpoint=lane.key.endpoint.name, wait=wait, max_wait=max_wait or 0.0, bucket=bucket
        )

    def _run_out(self, waiter: Waiter) -> None:
        """End a wait that has become too long."""
        bucket = (
            f"Redis, which is away ({self._courier.outage})" if self._courier.outage else "its turn"
        )
        wait = waiter.max_wait or 0.0
        self._leave(waiter)
        self._end(waiter, self._timeout(waiter.lane, wait, waiter.max_wait, bucket))

    def _leave(self, waiter: Waiter) -> None:
        """Want a permit no longer."""
        self._forget(waiter)
        if waiter.asked:
            self._courier.post(Operation("leave", waiter.lane, (waiter.id,)))

    def _forget(self, waiter: Waiter) -> None:
        self._waiters.pop(waiter.id, None)
        if waiter.timer is not None:
            waiter.timer.cancel()

    def _end(self, waiter: Waiter, result: BingXError | None) -> None:
        self._forget(waiter)
        if not waiter.future.done():
            waiter.future.set_result(result)

    def _grant(self, waiter: Waiter, at: int, returned: int) -> None:
        waiter.granted_at, waiter.returned = at, returned
        waiter.generation = self._courier.generation
        self._end(waiter, None)

    def _refused(self, lane: Lane, retry_in: float | None, scope: Scope) -> float:
        given = -1 if retry_in is None else max(0, round(retry_in * MICROSECONDS))
        place = list(Scope).index(scope) + 1
        self._courier.post(Operation("refused", lane, (place, given)))
        return PENALTY if retry_in is None else min(given / MICROSECONDS, LONGEST_PENALTY)

    async def _request(self, name: str) -> Any:
        """Do something that is not about a lane, and return its result."""
        future = self._courier.bind().create_future()
        if self._is_closed:
            raise GovernorUnavailable("the governor is closed")
        self._courier.post(Operation(name, None, future=future))
        return await future

    # --- what the courier tells ---------------------------------------------------------------

    def needs_redis(self) -> bool:
        """See :class:`Governed`: who has a permit has a lease that Redis may have forgotten."""
        return bool(self._waiters) or self._out > 0

    def longest_lease(self) -> int:
        """See :class:`Governed`."""
        return self._longest_lease

    def connected(self) -> None:
        """See :class:`Governed`."""
        self._resume(self._waiters.values())

    def given_up(self, reason: str) -> None:
        """See :class:`Governed`."""
        for waiter in list(self._waiters.values()):
            name = waiter.lane.key.endpoint.name
            self._end(waiter, GovernorUnavailable(f"{reason}; nothing was sent", endpoint=name))

    def answered(self, batch: list[Operation], reply: Reply) -> None:
        """Tell everybody what came of it."""
        is_lost = reply.is_new or reply.generation != self._courier.generation
        self._courier.generation = reply.generation
        for operation, result in zip(batch, reply.results, strict=True):
            if operation.waiter is not None:
                self._answer(operation.waiter, result, reply.now)
            elif operation.future is not None:
                if not operation.future.done():
                    operation.future.set_result(result)
            elif result and operation.lane is not None:
                self._note(operation.name, operation.lane, result, reply.now)
        self.hear(News(reply.now, *reply.news))
        if is_lost:
            asked = {operation.waiter for operation in batch}
            self._resume(waiter for waiter in self._waiters.values() if waiter not in asked)

    def _answer(self, waiter: Waiter, result: list[Any], now: int) -> None:
        match result:
            case ["granted", str(), int(returned)]:
                self._grant(waiter, now, returned)
            case ["granted", str(), int(returned), int(at)]:  # while nobody could tell us
                self._grant(waiter, at, returned)
            case ["waits", int(rank)]:
                if waiter.rank is None and self._observer is not None:
                    self._observer.on_wait(*waiter.lane.key)
                waiter.rank = rank
            case ["late", wait, str(gate)]:
                seconds, bucket = wait / MICROSECONDS, str(key_of(gate))
                self._end(waiter, self._timeout(waiter.lane, seconds, waiter.max_wait, bucket))
            case _:
                raise AssertionError(result)  # pragma: no cover - the script is ours

    def _note(self, name: str, lane: Lane, result: list[Any], now: int) -> None:
        """Say what a report brought to light."""
        if name == "done":
            held, in_all = result
            if held == in_all:
                warn_of_more_counted(lane.key.gate(Scope.ENDPOINT))
        elif name == "refused":
            for gate, until, times in result:
                if times == 1:
                    warn_of_refusal(key_of(gate))
                if self._observer is not None:
                    seconds = (until - now) / MICROSECONDS
                    self._observer.on_refusal(*lane.key, key_of(gate), seconds)

    def hear(self, news: News | Closures) -> None:
        """Take in what others caused."""
        now = asyncio.get_running_loop().time()
        if isinstance(news, Closures):
            for gate, until, _ in news.closed:
                self._closed_until[gate] = now + (until - news.now) / MICROSECONDS
            self._end_what_is_shut(now)
            return
        for id_, returned in news.grants:
            if (waiter := self._waiters.get(id_)) is not None:
                self._grant(waiter, news.now, returned)
        for bucket, when in news.watches:
            self._watches[bucket] = now + max(0, when - news.now) / MICROSECONDS + _LATER
        if not self._courier.is_busy:
            self.rested()

    def _end_what_is_shut(self, now: float) -> None:
        """End the waits that a closure has made too long."""
        for gate, until in list(self._closed_until.items()):
            if until <= now:
                del self._closed_until[gate]
        for waiter in list(self._waiters.values()):
            until, gate = max(
                (self._closed_until.get(gate, 0.0), gate) for gate in waiter.lane.gates
            )
            if until > waiter.deadline:
                self._leave(waiter)
                bucket = str(key_of(gate))
                self._end(waiter, self._timeout(waiter.lane, until - now, waiter.max_wait, bucket))

    def _resume(self, waiters: Iterable[Waiter]) -> None:
        """Stand in the queues again, where Redis or a broken connection may have forgotten us."""
        for waiter in sorted(waiters, key=lambda each: each.number):
            if waiter.asked:
                self._courier.post(Operation("again", waiter.lane, waiter=waiter))

    # --- what happens by itself ---------------------------------------------------------------

    def rested(self) -> None:
        """Have one timer: for the next bucket to look at, or to say that we are alive."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._waiters:
            self._watches.clear()
        elif not self._is_closed:
            when = min([*self._watches.values(), self._courier.asked_at + _BEAT])
            self._timer = self._courier.bind().call_at(when, self._wake)

    def _wake(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        due = [bucket for bucket, when in self._watches.items() if when <= now]
        for bucket in due:
            del self._watches[bucket]
            self._courier.post(Operation("look", None, (bucket,)))
        if not due and now >= self._courier.asked_at + _BEAT:
            self._courier.call()
        elif not due:  # a loop with coarse timers
            self.rested()


def _lease(timeout: float) -> int:
    """Tell for how many microseconds a token is lent to a request with such a timeout."""
    return round((_HELD_UP + timeout) * MICROSECONDS)

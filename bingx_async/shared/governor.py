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
import random
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple, Self, get_args
from uuid import uuid4

import msgspec

from bingx_async.endpoint import Endpoint
from bingx_async.errors import BingXError, GovernorUnavailable, QuotaTimeout
from bingx_async.limits import BucketState, LaneKey, Limits
from bingx_async.observer import Guarded, Observer
from bingx_async.permit import AnyGovernor, Permit
from bingx_async.plan import Plan, Planner
from bingx_async.quota import IpGroup, Quota, Scope
from bingx_async.refusals import PENALTY
from bingx_async.shared.lanes import MICROSECONDS, Lane, Waiter, key_of, state_of
from bingx_async.shared.link import OUTAGES, Closures, Link, News, Reply, Unusable

__all__ = ["SharedGovernor"]

_log: Final = logging.getLogger("bingx_async")

OnOutage = Literal["wait", "raise"]

# Seconds from the permit to the sending; a process that takes longer asks again.
_HELD_UP: Final = 1.0
# A process that waits says so often that it is alive; three times that is dead (governor.lua).
_BEAT: Final = 1.0
# A bucket is looked at so much later than its token comes back, since timers are a little early.
_LATER: Final = 0.0002
_MOST_AT_ONCE: Final = 500
_MOST_KEPT: Final = 10_000
_LONGEST_PAUSE: Final = 1.0
_PRIORITIES: Final = 4000

# A clock that goes on while the computer sleeps, where there is one.
_clock: Final[Callable[[], float]] = (
    (lambda: time.clock_gettime(time.CLOCK_BOOTTIME))
    if hasattr(time, "CLOCK_BOOTTIME")
    else time.monotonic
)


class _Operation(NamedTuple):
    """
    One thing to do for the script.

    Attributes:
        name: Which of the script's operations.
        lane: Where.
        arguments: For the script; those of ``enter`` and ``again`` are made of the waiter.
        waiter: Who asks.
        future: Is given the result.
    """

    name: str
    lane: Lane | None
    arguments: tuple[Any, ...] = ()
    waiter: Waiter | None = None
    future: asyncio.Future[Any] | None = None


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
        if self._sent:
            told = (held.id, held.returned, *self._told)
            self._governor._post(_Operation("done", held.lane, told))  # noqa: SLF001
        else:
            self._governor._post(_Operation("unsent", held.lane, (held.id,)))  # noqa: SLF001


class SharedGovernor(AnyGovernor):
    """
    Hands out permits so that no quota is ever exceeded by all processes together.

    .. code-block:: python

        async with SharedGovernor("redis://localhost") as governor:
            async with BingX.from_env(governor=governor, uid="auto") as bingx:
                ...

    All processes of a fleet use one Redis, one namespace, the same limits, and labels (``uid=``,
    ``ip=``) that mean the same everywhere. It belongs to the event loop in which it is first used,
    connects then, and is closed by whoever made it.

    Args:
        url: Where Redis (6.2 or newer) or Valkey is: ``redis://``, ``rediss://`` or ``unix://``.
        namespace: Begins the name of every key. Letters, digits and ``.:_-``.
        limits: As for :class:`~bingx_async.Governor`.
        groups: As for :class:`~bingx_async.Governor`.
        on_outage: What happens while Redis cannot be asked: ``"wait"`` grants nothing until it is
            back; ``"raise"`` raises :exc:`~bingx_async.GovernorUnavailable` at once.
        observer: As for :class:`~bingx_async.Governor`; it is told what concerns this process.

    Attributes:
        limits: The quotas per UID that differ, as given.
        groups: The quotas of every group of addresses.

    Raises:
        ValueError: ``url``, ``namespace`` or ``on_outage`` is not what it must be.
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
        self._limits = Limits(limits, groups)
        self.limits = self._limits.by_name
        self.groups = self._limits.groups
        self._namespace = namespace
        self._raises = on_outage == "raise"
        self._observer = Guarded(observer) if observer is not None else None
        self._process = uuid4().hex[:12]
        self._link = Link(
            url,
            namespace=namespace,
            process=self._process,
            hear=self._hear,
            lost=self._lost,
        )
        self._lanes: dict[tuple[Endpoint, str | None, str], Lane] = {}
        self._waiters: dict[str, Waiter] = {}
        self._numbers = 0
        self._operations: list[_Operation] = []
        self._work: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watches: dict[str, float] = {}
        self._asked_at = 0.0  # the loop's time
        self._must_beat = False
        self._heard = (0.0, 0)  # our clock before a command was sent, and Redis' time in its reply
        self._generation = ""
        self._closed_until: dict[str, float] = {}
        self._outage: str | None = None
        self._pauses = 0
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
        if self._work is not None:
            await asyncio.gather(self._work, return_exceptions=True)
        self._set_timer()
        await self._link.close()

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
            f"<SharedGovernor at {self._link.address}, namespace {self._namespace!r},"
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
        self._bind()
        loop = asyncio.get_running_loop()
        started = loop.time()
        deadline = started + max_wait if max_wait is not None else float("inf")
        lease = round((_HELD_UP + timeout) * MICROSECONDS)
        while True:
            if self._is_closed:
                raise GovernorUnavailable("the governor is closed", endpoint=lane.key.endpoint.name)
            self._check_closures(lane, max_wait, deadline)
            self._numbers += 1
            waiter = Waiter(
                lane=lane,
                id=f"{self._process}:{self._numbers}:{lease}",
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
            self._post(_Operation("enter", lane, waiter=waiter))
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
            self._post(_Operation("unsent", lane, (waiter.id,)))
        if self._observer is not None:
            waited = loop.time() - started if waiter.rank is not None else 0.0
            self._observer.on_grant(*lane.key, waited)
        return waiter

    def _age(self, waiter: Waiter) -> float:
        """Tell for how many seconds, at the most, somebody has had a permit."""
        asked, redis = self._heard  # what Redis said was said after we asked
        return (redis - waiter.granted_at) / MICROSECONDS + _clock() - asked

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
        bucket = f"Redis, which is away ({self._outage})" if self._outage else "its turn"
        wait = waiter.max_wait or 0.0
        self._leave(waiter)
        self._end(waiter, self._timeout(waiter.lane, wait, waiter.max_wait, bucket))

    def _leave(self, waiter: Waiter) -> None:
        """Want a permit no longer."""
        self._forget(waiter)
        if waiter.asked:
            self._post(_Operation("leave", waiter.lane, (waiter.id,)))

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
        self._end(waiter, None)

    def _refused(self, lane: Lane, retry_in: float | None, scope: Scope) -> float:
        given = -1 if retry_in is None else max(0, round(retry_in * MICROSECONDS))
        place = list(Scope).index(scope) + 1
        self._post(_Operation("refused", lane, (place, given)))
        return PENALTY if retry_in is None else retry_in

    async def _request(self, name: str) -> Any:
        """Do something that is not about a lane, and return its result."""
        self._bind()
        future = asyncio.get_running_loop().create_future()
        self._post(_Operation(name, None, future=future))
        return await future

    # --- talking to Redis ---------------------------------------------------------------------

    def _bind(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise RuntimeError(
                "this SharedGovernor belongs to another event loop: make one in each"
            )

    def _post(self, operation: _Operation) -> None:
        """Have something done; all of one turn of the event loop travels together."""
        self._operations.append(operation)
        if self._work is None and self._loop is not None:
            self._work = self._loop.create_task(self._do_work())

    async def _do_work(self) -> None:
        """Run the script for as long as there is something to do."""
        try:
            while self._operations or self._must_beat:
                batch: list[_Operation] = []
                try:
                    if not self._link.is_open:
                        await self._link.open()
                        self._resume()
                    batch = self._next_batch()
                    await self._run(batch)
                except Unusable as exc:
                    self._fail(str(exc), batch)
                except OUTAGES as exc:
                    if not await self._is_worth_waiting(exc, batch):
                        break
        finally:
            self._work = None
            self._set_timer()

    def _next_batch(self) -> list[_Operation]:
        batch = [each for each in self._operations[:_MOST_AT_ONCE] if not _is_void(each)]
        del self._operations[:_MOST_AT_ONCE]
        return batch

    async def _run(self, batch: list[_Operation]) -> None:
        self._must_beat = False
        loop = asyncio.get_running_loop()
        payload = self._encode(batch, loop.time())
        asked = _clock()
        reply = await self._link.run(payload)
        self._asked_at = loop.time()
        self._heard = asked, reply.now
        self._pauses = 0
        if self._outage is not None:
            _log.warning("Redis at %s is back", self._link.address)
            self._outage = None
        self._apply(batch, reply)

    def _encode(self, batch: list[_Operation], now: float) -> bytes:
        lanes: dict[Lane, int] = {}
        operations: list[tuple[str, int, tuple[Any, ...]]] = []
        for name, lane, given, waiter, _ in batch:
            arguments = given
            if waiter is not None:
                waiter.asked = True
                arguments = _of_enter(waiter, now) if name == "enter" else _of_again(waiter)
            place = lanes.setdefault(lane, len(lanes) + 1) if lane is not None else 0
            operations.append((name, place, arguments))
        return msgspec.msgpack.encode(
            (
                self._process,
                self._link.run_id,
                self._generation,
                [lane.wire for lane in lanes],
                operations,
            )
        )

    def _apply(self, batch: list[_Operation], reply: Reply) -> None:
        """Tell everybody what came of it."""
        is_lost = reply.is_new or reply.generation != self._generation
        self._generation = reply.generation
        for operation, result in zip(batch, reply.results, strict=True):
            if operation.waiter is not None:
                self._answer(operation.waiter, result, reply.now)
            elif operation.future is not None:
                if not operation.future.done():
                    operation.future.set_result(result)
            elif result and operation.lane is not None:
                self._note(operation.name, operation.lane, result, reply.now)
        self._hear(News(reply.now, *reply.news))
        if is_lost:
            asked = {operation.waiter for operation in batch}
            self._resume({waiter for waiter in self._waiters.values() if waiter not in asked})

    def _answer(self, waiter: Waiter, result: list[Any], now: int) -> None:
        match result:
            case ["granted", str(), int(returned)]:
                self._grant(waiter, now, returned)
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
                _log.warning(
                    "the exchange counts more requests for %s than were sent from here: something"
                    " else spends this quota, such as a program that does not share it",
                    lane.key.gate(Scope.ENDPOINT),
                )
        elif name == "refused":
            for gate, until, times in result:
                if times == 1:
                    _log.warning(
                        "the exchange refuses %s, although its quota was kept here: something else"
                        " spends it, such as a program that does not share this governor, or"
                        " it is lower than declared (limits=)",
                        key_of(gate),
                    )
                if self._observer is not None:
                    seconds = (until - now) / MICROSECONDS
                    self._observer.on_refusal(*lane.key, key_of(gate), seconds)

    def _hear(self, news: News | Closures) -> None:
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
        if self._work is None:
            self._set_timer()

    def _end_what_is_shut(self, now: float) -> None:
        """End the waits that a closure has made too long."""
        for gate, until in list(self._closed_until.items()):
            if until <= now:
                del self._closed_until[gate]
        for waiter in list(self._waiters.values()):
            until = max(self._closed_until.get(gate, 0.0) for gate in waiter.lane.gates)
            if until > waiter.deadline:
                self._leave(waiter)
                wait = until - now
                self._end(waiter, self._timeout(waiter.lane, wait, waiter.max_wait, "what is shut"))

    # --- what happens by itself ---------------------------------------------------------------

    def _set_timer(self) -> None:
        """Have one timer: for the next bucket to look at, or to say that we are alive."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._is_closed or self._loop is None or self._loop.is_closed():
            return
        if not self._waiters:
            self._watches.clear()
        else:
            when = min([*self._watches.values(), self._asked_at + _BEAT])
            self._timer = self._loop.call_at(when, self._wake)

    def _wake(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        due = [bucket for bucket, when in self._watches.items() if when <= now]
        for bucket in due:
            del self._watches[bucket]
            self._post(_Operation("look", None, (bucket,)))
        if not due:
            self._must_beat = now >= self._asked_at + _BEAT
            if self._must_beat and self._work is None and self._loop is not None:
                self._work = self._loop.create_task(self._do_work())
            elif self._work is None:
                self._set_timer()

    # --- when Redis is away -------------------------------------------------------------------

    def _lost(self) -> None:
        """The connections broke while nothing was asked."""
        if self._waiters and not self._is_closed:
            self._must_beat = True
            if self._work is None and self._loop is not None:
                self._work = self._loop.create_task(self._do_work())

    def _resume(self, waiters: Iterable[Waiter] | None = None) -> None:
        """Stand in the queues again, where Redis or a broken connection may have forgotten us."""
        waiting = self._waiters.values() if waiters is None else waiters
        for waiter in sorted(waiting, key=lambda each: each.number):
            if waiter.asked:
                self._post(_Operation("again", waiter.lane, waiter=waiter))

    async def _is_worth_waiting(self, exc: Exception, batch: list[_Operation]) -> bool:
        """Keep what can be done later, and pause before Redis is asked again; false to give up."""
        reason = type(exc).__name__
        if self._outage is None:
            _log.warning(
                "Redis at %s is away (%s): %s",
                self._link.address,
                reason,
                "permits are refused" if self._raises else "nothing is granted until it is back",
            )
        self._outage = reason
        if self._raises or self._is_closed:
            self._fail(f"Redis at {self._link.address} is away ({reason})", batch)
            return False
        kept = [
            each
            for each in (*batch, *self._operations)
            if each.waiter is None or not each.waiter.asked
        ]
        for each in kept:
            if each.future is not None and not each.future.done():
                each.future.set_exception(
                    GovernorUnavailable(f"Redis at {self._link.address} is away ({reason})")
                )
        self._operations = [each for each in kept if each.future is None][-_MOST_KEPT:]
        self._must_beat = bool(self._waiters)
        if not self._waiters:
            return False
        pause = random.uniform(0.5, 1.0) * min(0.05 * 2**self._pauses, _LONGEST_PAUSE)  # noqa: S311
        self._pauses = min(self._pauses + 1, 10)
        await asyncio.sleep(pause)
        return bool(self._waiters)

    def _fail(self, reason: str, batch: list[_Operation]) -> None:
        """Tell all who wait that they wait in vain."""
        self._must_beat = False
        operations, self._operations = [*batch, *self._operations], []
        for operation in operations:
            if operation.future is not None and not operation.future.done():
                operation.future.set_exception(GovernorUnavailable(reason))
        self._operations = [
            each for each in operations if each.waiter is None and each.future is None
        ][-_MOST_KEPT:]
        for waiter in list(self._waiters.values()):
            name = waiter.lane.key.endpoint.name
            self._end(waiter, GovernorUnavailable(f"{reason}; nothing was sent", endpoint=name))


def _of_enter(waiter: Waiter, now: float) -> tuple[Any, ...]:
    patience = -1
    if waiter.max_wait is not None:
        patience = max(0, round((waiter.deadline - now) * MICROSECONDS))
    return waiter.number, waiter.priority, waiter.lease, patience


def _of_again(waiter: Waiter) -> tuple[Any, ...]:
    return waiter.id, False if waiter.rank is None else waiter.rank, waiter.priority


def _is_void(operation: _Operation) -> bool:
    """Tell whether the one who asked has gone."""
    return operation.waiter is not None and operation.waiter.future.done()

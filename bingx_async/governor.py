"""
The governor: no request leaves above its quota, by construction.

The theory
==========

A ``Quota(tokens, period)`` allows at most ``tokens`` *arrivals at the exchange* in any half-open
interval of ``period`` seconds. The client sees no arrivals. It sees when it sent a request and
when it has read the response, and the arrival lies somewhere between the two.

Limiters count sends, and so promise nothing: jitter bunches what was sent evenly, a token bucket
(GCRA too) lets twice its tokens through in one window, a guard time is right until a longer spike.
This one counts responses:

    **A token that a request took comes back one period after its response was read.**

Let a bucket have N tokens, and take any N + 1 arrivals. Two of them used the same token, say A
before B. Then ``arrival(A) <= response(A)`` and ``response(A) + period <= send(B) <= arrival(B)``,
so that they are at least a period apart and no half-open interval of a period holds both. No
clock is compared with another, only the lengths of seconds; no jitter is assumed. The price is
the round trip, ``period / (period + RTT)`` of the quota, and without knowledge of the exchange's
clock no strict scheme does better.

If the response never comes, the token comes back one period after we stopped listening. That
assumes that a request does not reach the exchange after its connection was closed.

A request takes *all* its tokens in one step or none: those of its UID and endpoint, its IP address
and endpoint, its IP address and group. (One limiter entered after another holds the first while
it waits for the second, and then sends its hoard in one go.) Requests that need the same buckets
wait in one **lane**, first come first served within a priority. A lane that has to wait is
parked at one bucket that blocks it and leaves all others alone, so that it holds up nobody. When
a bucket gets a token, the lane parked there whose head came first is asked; if another bucket
blocks it by now, it moves there, and the next lane is asked. A head that moved more often than it
has buckets stakes a **claim**: those who came later leave it the last token, for as long as all
the others that it needs have known times of return. So nobody starves between two busy buckets.

All waiting is one heap of times and one timer, the :mod:`~bingx_async.agenda`. Work per grant does
not depend on the number of callers waiting. At most a hundred are woken in one turn of the event
loop, so that the thousands after them do not stall it.

The IP group's quotas are **paced** on top: a tenth of the quota may go at once, half of it freely
and half through an ``aiolimiter.AsyncLimiter``, which lets the rest go at the steady rate, so that
one bot's burst does not leave the whole host waiting. Pacing is for smoothness; the promise rests
on the buckets alone.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from itertools import count
from types import TracebackType
from typing import Final, Self
from weakref import WeakKeyDictionary

from bingx_async.agenda import Agenda
from bingx_async.bucket import Bucket, Lane, Waiter
from bingx_async.endpoint import Endpoint
from bingx_async.errors import QuotaTimeout
from bingx_async.limits import BucketKey, LaneKey, Limits
from bingx_async.observer import Guarded, Observer
from bingx_async.permit import AnyGovernor, Permit, Snapshot
from bingx_async.plan import Plan, Planner
from bingx_async.quota import IpGroup, Quota, Scope
from bingx_async.refusals import Refusals, warn_of_more_counted, warn_of_refusal

__all__ = ["Governor", "uid_of_key"]

_SWEEP_FROM: Final = 256


class _Permit(Permit):
    """See :class:`~bingx_async.permit.Permit`."""

    __slots__ = ("_governor", "_key", "_lane", "_max_wait", "_priority", "_returned", "_sent")

    def __init__(
        self,
        governor: Governor,
        key: tuple[Endpoint, str | None, str],
        priority: int,
        max_wait: float | None,
    ) -> None:
        self._governor = governor
        self._key = key  # a LaneKey in all but name, which takes longer to make
        self._lane: Lane | None = None
        self._priority = priority
        self._max_wait = max_wait
        self._returned = 0
        self._sent = True

    def not_sent(self) -> None:
        self._sent = False

    def refused(self, retry_in: float | None = None, *, scope: Scope = Scope.ENDPOINT) -> float:
        return self._governor._refused(LaneKey(*self._key), retry_in, scope)  # noqa: SLF001

    def told(self, remaining: int, expires_in: float | None = None) -> None:
        if self._lane is None or not self._lane.buckets:
            return
        bucket = self._lane.buckets[0]
        if bucket.key.scope != "uid":  # what is told of others is not documented
            return
        if (foreign := bucket.foreign(remaining, self._returned)) > 0:
            self._governor._hold_back(bucket, foreign)  # noqa: SLF001
        if remaining == 0 and expires_in is not None and expires_in <= 2 * bucket.period:
            self._governor._close(bucket.key, expires_in)  # noqa: SLF001

    async def __aenter__(self) -> Self:
        if self._lane is not None:
            raise RuntimeError("this permit is entered already: ask for one for each request")
        self._sent = True
        governor = self._governor
        lane = governor._lanes.get(self._key)  # noqa: SLF001
        if lane is None:
            lane = governor._make_lane(LaneKey(*self._key))  # noqa: SLF001
        now = governor._now()  # noqa: SLF001
        observer = governor._observer  # noqa: SLF001
        if not lane.waiting and lane.is_free(now, self._priority):
            lane.take()
            if observer is not None:
                observer.on_grant(*self._key, 0.0)
        else:
            if observer is not None:
                observer.on_wait(*self._key)
            waiter = governor._queue(lane, now, self._priority, self._max_wait)  # noqa: SLF001
            try:
                refusal = await waiter.future
            except asyncio.CancelledError:
                governor._abandon(waiter)  # noqa: SLF001
                raise
            if refusal is not None:
                raise refusal
            if observer is not None:
                observer.on_grant(*self._key, governor._now() - now)  # noqa: SLF001
        self._lane = lane
        if lane.buckets:
            self._returned = lane.buckets[0].returned
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        lane, self._lane = self._lane, None
        if lane is None:
            raise RuntimeError("this permit is not entered")
        if self._sent:
            self._governor._settle(lane)  # noqa: SLF001
        else:
            self._governor._give_back(lane)  # noqa: SLF001


class Governor(AnyGovernor):
    """
    Hands out permits so that no quota is ever exceeded.

    One governor serves all accounts and clients of one event loop. Clients that are not given one
    share :meth:`current`.

    Args:
        limits: Quotas per UID that differ from the declared ones, by the endpoint's dotted name,
            such as ``{"swap.set_leverage": Quota(1, 1.0)}``; ``None`` lifts that quota.
        groups: Quotas per IP address that differ from :data:`~bingx_async.quota.IP_GROUPS`, by the
            number of the group; ``None`` lifts them.
        observer: Is told of waits, permits and refusals.

    Attributes:
        limits: The quotas per UID that differ, as given.
        groups: The quotas of every group of addresses, the published ones among them.

    Raises:
        TypeError: A limit is not a ``Quota`` or a group not an ``IpGroup``.

    Source: https://bingx-api.github.io/docs-v3/ (rate limits)
    """

    def __init__(
        self,
        *,
        limits: Mapping[str, Quota | None] | None = None,
        groups: Mapping[int, IpGroup | None] | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._limits = Limits(limits, groups)
        self.limits = self._limits.by_name
        self.groups = self._limits.groups
        self._observer = Guarded(observer) if observer is not None else None
        self._refusals = Refusals()
        self._lanes: dict[tuple[Endpoint, str | None, str], Lane] = {}
        self._buckets: dict[tuple[BucketKey, Quota | None], Bucket] = {}
        self._sweep_at = _SWEEP_FROM
        self._tickets = count(1)
        self._agenda = Agenda(self._act)
        self._now = self._agenda.now
        self._waiting = 0
        self._impatient = 0  # waiters that have a deadline

    @staticmethod
    def current() -> Governor:
        """
        Return the running event loop's own governor.

        Raises:
            RuntimeError: No event loop is running.
        """
        loop = asyncio.get_running_loop()
        if (governor := _governors.get(loop)) is None:
            governor = _governors[loop] = Governor()
        return governor

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
        return _Permit(self, (endpoint, uid, ip), priority, max_wait)

    def snapshot(self) -> Snapshot:
        """Describe every bucket that is known at this moment, in the order of their making."""
        now = self._now()
        waiting = dict.fromkeys(self._buckets.values(), 0)
        for lane in self._lanes.values():
            for bucket in lane.buckets:
                waiting[bucket] += lane.waiting
        return Snapshot(bucket.state(now, callers) for bucket, callers in waiting.items())

    async def plan(
        self,
        calls: Iterable[tuple[Endpoint, int]],
        *,
        uid: str | None = None,
        ip: str = "default",
        round_trip: float = 0.0,
    ) -> Plan:
        """Tell how long calls will take; see :meth:`AnyGovernor.plan`."""
        planner = Planner(self._limits, self.snapshot())
        return planner.plan(calls, uid=uid, ip=ip, round_trip=round_trip)

    def __repr__(self) -> str:
        return f"<Governor: {len(self._buckets)} buckets, {self._waiting} waiting>"

    # --- lanes and buckets ------------------------------------------------------------------

    def _make_lane(self, key: LaneKey) -> Lane:
        self._agenda.bind()
        self._now = self._agenda.now
        needs = list(self._limits.needs(key))
        if len(self._lanes) >= self._sweep_at:
            self._sweep()
        gates = [self._buckets.get((gate, None)) for gate in key.gates]
        lane = self._lanes[key] = Lane(
            key.endpoint,
            [self._bucket(*need) for need in needs] + [gate for gate in gates if gate is not None],
        )
        for bucket in lane.buckets:
            bucket.users += 1
        return lane

    def _bucket(self, key: BucketKey, quota: Quota | None, paced: bool) -> Bucket:
        if (bucket := self._buckets.get((key, quota))) is None:
            bucket = self._buckets[key, quota] = Bucket(key, quota, paced=paced)
        return bucket

    def _sweep(self) -> None:
        """Drop lanes that nobody uses and buckets that hold nothing worth remembering."""
        now = self._now()
        for key, lane in list(self._lanes.items()):
            if not lane.waiting and not lane.out:
                del self._lanes[key]
                for bucket in lane.buckets:
                    bucket.users -= 1
        for key_and_quota, bucket in list(self._buckets.items()):
            if bucket.is_idle(now):
                del self._buckets[key_and_quota]
        self._sweep_at = max(_SWEEP_FROM, 2 * len(self._lanes))

    # --- a permit's life ----------------------------------------------------------------------

    def _settle(self, lane: Lane) -> None:
        """Let a request's tokens come back one period from now."""
        now = self._now()
        lane.out -= 1
        for bucket in lane.buckets:
            bucket.returns.append(now + bucket.period)
            if bucket.lanes and bucket.due is None:
                self._look_again(bucket, now)

    def _give_back(self, lane: Lane) -> None:
        """Let the tokens of a request that never left come back now."""
        now = self._now()
        lane.out -= 1
        for bucket in lane.buckets:
            bucket.free += 1
            bucket.returned += 1
            if bucket.lanes:
                self._look_again(bucket, now)

    def _hold_back(self, bucket: Bucket, foreign: int) -> None:
        """Tighten the bucket of a UID that something else spends as well."""
        is_news = not bucket.elsewhere
        bucket.hold_back(foreign, self._now())
        if is_news and bucket.elsewhere:
            warn_of_more_counted(bucket.key)

    def _refused(self, key: LaneKey, retry_in: float | None, scope: Scope) -> float:
        """Close what the exchange has shut, and say so."""
        now = self._now()
        closed = self._refusals.judge(key, scope, retry_in, now)
        for gate, until in closed.items():
            for bucket in self._close(gate, until - now):
                bucket.refused += 1
                if bucket.refused == 1:
                    warn_of_refusal(gate)
            if self._observer is not None:
                self._observer.on_refusal(*key, gate, until - now)
        return max(closed.values()) - now

    def _close(self, gate: BucketKey, seconds: float) -> list[Bucket]:
        """Let nothing through a gate for so long; return the buckets that are closed."""
        now = self._now()
        until = now + seconds
        shut = [bucket for bucket in self._buckets.values() if bucket.key == gate]
        if not shut:
            shut = [self._bucket(gate, None, paced=False)]
            for other, lane in self._lanes.items():
                if gate in LaneKey(*other).gates:
                    lane.buckets.append(shut[0])
                    shut[0].users += 1
        for bucket in shut:
            bucket.closed_until = max(bucket.closed_until, until)
        for lane in self._lanes.values():
            if lane.waiting and not set(shut).isdisjoint(lane.buckets):
                for waiter in [w for queue in lane.queues.values() for w in queue]:
                    if waiter.claims:
                        self._release_claim(waiter, now)
                    if waiter.deadline < until:
                        self._give_up(waiter, now)
        return shut

    # --- waiting ------------------------------------------------------------------------------

    def _queue(self, lane: Lane, now: float, priority: int, max_wait: float | None) -> Waiter:
        """Stand in the lane; the waiter's future tells when the tokens have been taken for us."""
        future = asyncio.get_running_loop().create_future()
        waiter = Waiter(lane, (-priority, next(self._tickets)), future)
        if max_wait is not None:
            waiter.max_wait, waiter.deadline = max_wait, now + max_wait
            when, bucket = lane.earliest(now, lane.ahead(priority))
            if when > waiter.deadline:
                raise self._timeout(waiter, when - now, bucket)
        self._enter(waiter, now)
        return waiter

    def _abandon(self, waiter: Waiter) -> None:
        """Leave because the caller was cancelled, wherever that found it."""
        if not waiter.future.done() or waiter.future.cancelled():
            self._leave(waiter, self._now())
        elif waiter.future.result() is None:  # granted in the very turn of the loop
            self._give_back(waiter.lane)

    def _enter(self, waiter: Waiter, now: float) -> None:
        lane = waiter.lane
        self._waiting += 1
        if waiter.max_wait is not None:
            self._impatient += 1
            self._note(waiter.deadline, waiter)
        if not lane.add(waiter):
            return
        bucket = lane.parked_at or lane.blocker(now, waiter.rank)
        if bucket is None:  # all have tokens, and somebody waits for one of them already
            bucket = next((bucket for bucket in lane.buckets if bucket.lanes), lane.buckets[0])
        self._park(lane, bucket, now)

    def _park(self, lane: Lane, bucket: Bucket, now: float) -> None:
        """Let a lane's head wait for a token of this bucket."""
        if lane.head is None:
            raise AssertionError("an empty lane waits for nothing")  # pragma: no cover
        lane.parked_at = bucket
        bucket.lanes.add(lane)
        bucket.enter(lane.head)
        self._look_again(bucket, now)

    def _leave(self, waiter: Waiter, now: float) -> None:
        """Take a waiter out of its lane because it does not want to wait any more."""
        bucket = waiter.lane.parked_at
        if self._depart(waiter, now) and bucket is not None and bucket.lanes:
            self._look_again(bucket, now)
        if not self._waiting:
            self._agenda.rest()

    def _depart(self, waiter: Waiter, now: float) -> bool:
        """Take a waiter out of its lane, whatever the reason; false if it is out already."""
        lane, head = waiter.lane, waiter.lane.head
        if waiter not in lane.queues.get(waiter.rank[0], ()):
            return False
        if waiter.claims:
            self._release_claim(waiter, now)
        lane.remove(waiter)
        self._waiting -= 1
        self._impatient -= waiter.max_wait is not None
        bucket = lane.parked_at
        if head is waiter and bucket is not None:
            if lane.head is not None:
                bucket.enter(lane.head)
            else:
                lane.parked_at = None
                bucket.lanes.discard(lane)
        return True

    def _give_up(self, waiter: Waiter, now: float) -> None:
        """Tell a waiter that its wait would be longer than it wants."""
        lane = waiter.lane
        when, bucket = lane.earliest(now, 0)
        self._leave(waiter, now)
        if not waiter.future.done():
            longer = max(when - now, 0.0) + (waiter.max_wait or 0.0) - (waiter.deadline - now)
            waiter.future.set_result(self._timeout(waiter, longer, bucket))

    @staticmethod
    def _timeout(waiter: Waiter, wait: float, bucket: Bucket | None) -> QuotaTimeout:
        return QuotaTimeout(
            endpoint=waiter.lane.endpoint.name,
            wait=wait,
            max_wait=waiter.max_wait or 0.0,
            bucket=str(bucket.key) if bucket is not None else "its turn",
        )

    # --- granting -----------------------------------------------------------------------------

    def _serve(self, bucket: Bucket, now: float, grants: int) -> int:
        """Grant to those parked at a bucket while it has tokens; return how many were granted."""
        granted = 0
        while (waiter := bucket.senior()) is not None:
            if waiter.future.done():  # cancelled, and not yet awake to leave by itself
                self._depart(waiter, now)
                continue
            lane = waiter.lane
            blocker = lane.blocker(now, waiter.rank)
            if blocker is bucket or granted == grants:
                break
            if blocker is not None:
                bucket.lanes.discard(lane)
                lane.moves += 1
                if lane.moves > len(lane.buckets):
                    self._stake_claim(waiter, now)
                self._park(lane, blocker, now)
                continue
            lane.take()
            granted += 1
            waiter.future.set_result(None)
            self._depart(waiter, now)
        if bucket.lanes:
            self._look_again(bucket, now)
        if not self._waiting:
            self._agenda.rest()
        return granted

    def _stake_claim(self, waiter: Waiter, now: float) -> None:
        """Leave a waiter that was passed over the last token of every bucket that it needs."""
        buckets = waiter.lane.buckets
        others = {bucket.claim for bucket in buckets if bucket.claim is not None} - {waiter}
        if all(other.rank > waiter.rank for other in others):
            for other in others:
                self._release_claim(other, now)
            waiter.claims = True
            for bucket in buckets:
                bucket.claim = waiter

    def _release_claim(self, waiter: Waiter, now: float) -> None:
        waiter.claims = False
        for bucket in waiter.lane.buckets:
            if bucket.claim is waiter:
                bucket.claim = None
                if bucket.lanes:
                    self._look_again(bucket, now)

    def _look_again(self, bucket: Bucket, now: float) -> None:
        """Put a bucket on the agenda for the time when it may have a token."""
        when = bucket.next_token(now)
        if when is not None and (bucket.due is None or when < bucket.due):
            bucket.due = when
            self._note(when, bucket)

    def _note(self, when: float, item: Bucket | Waiter) -> None:
        self._agenda.note(when, item, live=len(self._buckets) + self._impatient)

    def _act(self, item: Bucket | Waiter, now: float, grants: int) -> int:
        """Deal with what the agenda has for this moment; return how many were woken."""
        if isinstance(item, Waiter):
            self._give_up(item, now)
            return 1
        item.forget()
        return self._serve(item, now, grants)


_governors: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, Governor]] = WeakKeyDictionary()


def uid_of_key(api_key: str) -> str:
    """
    Make a label for the account of an API key whose UID nobody told.

    Two keys of one account get two labels, and so twice the quota that the account has: pass
    ``uid=`` where an account uses several keys.
    """
    return hashlib.sha256(api_key.encode()).hexdigest()[:12]

"""
Buckets and lanes: the tokens of a quota, and the callers that wait for them.

Plain bookkeeping without a clock or an event loop: every method is told the time. Who wakes whom,
and when, is the business of :mod:`bingx_async.governor`, which explains the theory as well.
"""

from __future__ import annotations

import asyncio
import math
import sys
from collections import OrderedDict, deque
from heapq import heapify, heappop, heappush
from typing import Final

from aiolimiter import AsyncLimiter

from bingx_async.endpoint import Endpoint
from bingx_async.errors import QuotaTimeout
from bingx_async.limits import BucketKey, BucketState
from bingx_async.quota import Quota

__all__ = ["Bucket", "Lane", "Rank", "Waiter"]

_PACED_FROM: Final = 100
# A twentieth of the quota goes freely and a twentieth through the pacer at once, a tenth in all. A
# pacer that holds less would lose pace whenever nobody asks for a moment.
_SHARE: Final = 20

# More than that many are not held back one by one.
_MOST_HELD: Final = 1000

Rank = tuple[int, int]
"""Who goes first: the negated priority, then the order of arrival."""


class Waiter:
    """One caller in a lane."""

    __slots__ = ("claims", "deadline", "future", "lane", "max_wait", "rank")

    def __init__(self, lane: Lane, rank: Rank, future: asyncio.Future[QuotaTimeout | None]) -> None:
        self.lane = lane
        self.rank = rank
        self.future = future
        self.max_wait: float | None = None
        self.deadline = math.inf
        self.claims = False  # the last token of every bucket of its lane

    def is_due_at(self, _: float) -> bool:
        """Tell whether its deadline, on the agenda, still means something."""
        return not self.future.done()

    def forget(self) -> None:
        """Be taken off the agenda."""


class Bucket:
    """The tokens of one quota for one key, and the lanes that wait for one of them."""

    __slots__ = (
        "claim",
        "closed_until",
        "due",
        "elsewhere",
        "free",
        "key",
        "lanes",
        "paced_below",
        "pacer",
        "parked",
        "period",
        "quota",
        "refused",
        "returned",
        "returns",
        "users",
    )

    def __init__(self, key: BucketKey, quota: Quota | None, *, paced: bool = False) -> None:
        self.key = key
        self.quota = quota
        self.free: float = quota.tokens if quota else math.inf
        self.period: float = quota.period if quota else 0.0
        self.returns: deque[float] = deque()  # ascending: when tokens come back
        self.returned = 0  # tokens that have come back so far
        self.elsewhere = 0  # tokens held back so far for requests that others sent
        self.refused = 0  # requests that the exchange refused because of this scope
        self.closed_until = -math.inf
        self.pacer: AsyncLimiter | None = None
        self.paced_below: float = 0  # as long as more tokens are free, nobody is slowed down
        if paced and quota and quota.tokens >= _PACED_FROM:
            self.paced_below = quota.tokens - quota.tokens // _SHARE
            self.pacer = AsyncLimiter(quota.tokens / _SHARE, quota.period / _SHARE)
        self.lanes: set[Lane] = set()  # parked here
        self.parked: list[tuple[Rank, Waiter]] = []  # a heap of their heads, some outdated
        self.claim: Waiter | None = None
        self.due: float | None = None  # where this bucket stands on the agenda
        self.users = 0  # lanes that need this bucket

    def is_due_at(self, when: float) -> bool:
        """Tell whether an entry of the agenda for this time is the one that counts."""
        return self.due == when

    def forget(self) -> None:
        """Be taken off the agenda."""
        self.due = None

    def refresh(self, now: float) -> None:
        """Take in the tokens that have come back by now."""
        returns = self.returns
        while returns and returns[0] <= now:
            returns.popleft()
            self.free += 1
            self.returned += 1

    def foreign(self, remaining: int, returned: int) -> int:
        """
        Count the requests in the exchange's window that nobody sent from here; 0 or less if none.

        Whatever was sent from here and lies in that window was still out, or not taken yet, when
        the request left whose answer this is. A token that has come back by now and was not taken
        in yet makes no difference.

        Args:
            remaining: Requests that the exchange says it leaves.
            returned: What :attr:`returned` was when the request left.
        """
        return int(self.free) - remaining - (self.returned - returned) if self.quota else 0

    def hold_back(self, count: int, now: float) -> None:
        """Keep so many tokens for a period, in which foreign requests leave every window."""
        if count > _MOST_HELD:
            self.closed_until = max(self.closed_until, now + self.period)
            self.elsewhere += count
            return
        held = 0
        while held < count and (self.free or self.returns):
            if self.free:
                self.free -= 1
            else:  # one that would have come back sooner
                self.returns.popleft()
                self.returned += 1
            self.returns.append(now + self.period)
            held += 1
        self.elsewhere += held

    def has_token(self, now: float, rank: Rank) -> bool:
        """Tell whether somebody of this rank may take a token now."""
        self.refresh(now)
        if not self.free or self.closed_until > now:
            return False
        if self.claim is not None and self.is_claimed(now, rank):
            return False
        return self.free > self.paced_below or self.pacer is None or self.pacer.has_capacity()

    def is_claimed(self, now: float, rank: Rank) -> bool:
        """Tell whether the last token is left to somebody who came before this rank."""
        claim = self.claim
        if claim is None or claim.rank >= rank or self.free > 1:
            return False
        return all(
            bucket.closed_until <= now and (bucket.free or bucket.returns)
            for bucket in claim.lane.buckets
        )

    def next_token(self, now: float) -> float | None:
        """Tell when it is worth looking again; ``None`` if only an event can tell."""
        head = self.senior()
        if self.free and not (head and self.is_claimed(now, head.rank)):
            when = now
        elif self.returns:
            when = self.returns[0]
        else:
            return None
        if self.pacer and self.free <= self.paced_below and not self.pacer.has_capacity():
            # However full it is, one more fits after this time.
            when = max(when, now + self.pacer.time_period / self.pacer.max_rate)
        return max(when, self.closed_until)

    def earliest(self, now: float, ahead: int) -> float:
        """Tell the earliest time at which somebody with ``ahead`` others before them is served."""
        self.refresh(now)
        if self.quota is None:
            return max(now, self.closed_until)
        rounds, place = divmod(ahead, self.quota.tokens)
        place -= int(self.free)
        if place < 0:
            when = now
        elif place < len(self.returns):
            when = self.returns[place]
        else:  # under way: back a period from now at the earliest
            when = now + self.period
        return max(when, self.closed_until) + rounds * self.period

    def senior(self) -> Waiter | None:
        """Return the head that came first, of all the lanes parked here."""
        parked = self.parked
        while parked:
            waiter = parked[0][1]
            lane = waiter.lane
            if lane.parked_at is self and lane.head is waiter:
                return waiter
            heappop(parked)
        return None

    def enter(self, waiter: Waiter) -> None:
        """Put a lane's head among those parked here."""
        if len(self.parked) > 2 * len(self.lanes) + 16:
            heads = [lane.head for lane in self.lanes]
            self.parked = [(head.rank, head) for head in heads if head is not None]
            heapify(self.parked)
        heappush(self.parked, (waiter.rank, waiter))

    def is_idle(self, now: float) -> bool:
        """Tell whether a new bucket would be just the same."""
        self.refresh(now)
        full = self.quota is None or self.free == self.quota.tokens
        return full and not self.users and self.closed_until <= now

    def state(self, now: float, waiting: int) -> BucketState:
        """Describe the bucket; ``waiting`` callers need it."""
        self.refresh(now)
        closed_for = max(0.0, self.closed_until - now)
        free = 0 if closed_for or self.quota is None else int(self.free)
        back = self.returns[0] - now if self.returns else None
        return BucketState(
            key=self.key,
            quota=self.quota,
            free=free,
            waiting=waiting,
            next_return=max(back or 0.0, closed_for) if closed_for else back,
            closed_for=closed_for,
            returns=tuple(when - now for when in self.returns),
            elsewhere=self.elsewhere,
            refused=self.refused,
        )


class Lane:
    """The requests that need the same buckets."""

    __slots__ = (
        "buckets",
        "endpoint",
        "head",
        "moves",
        "out",
        "parked_at",
        "queues",
        "waiting",
    )

    def __init__(self, endpoint: Endpoint, buckets: list[Bucket]) -> None:
        self.endpoint = endpoint
        self.buckets = buckets
        self.queues: dict[int, OrderedDict[Waiter, None]] = {}  # by negated priority
        self.head: Waiter | None = None
        self.parked_at: Bucket | None = None
        self.waiting = 0
        self.moves = 0  # of the present head, from one blocking bucket to another
        self.out = 0  # permits that are held

    def blocker(self, now: float, rank: Rank) -> Bucket | None:
        """Return a bucket that has no token for this rank now, ``None`` if all have one."""
        for bucket in self.buckets:
            if not bucket.has_token(now, rank):
                return bucket
        return None

    def is_free(self, now: float, priority: int) -> bool:
        """Tell whether a newcomer may go at once: tokens everywhere, and nobody to overtake."""
        for bucket in self.buckets:
            returns = bucket.returns
            if returns and returns[0] <= now:
                bucket.refresh(now)
            if bucket.lanes:
                return False
            # Most buckets have tokens to spare, and then there is nothing else to ask.
            if (
                bucket.free <= bucket.paced_below
                or bucket.claim is not None
                or bucket.closed_until > now
            ) and not bucket.has_token(now, (-priority, sys.maxsize)):
                return False
        return True

    def take(self) -> None:
        """Take a token of every bucket, all of which have one."""
        self.out += 1
        for bucket in self.buckets:
            if bucket.free <= bucket.paced_below and bucket.pacer is not None:
                _acquire(bucket.pacer)
            bucket.free -= 1

    def ahead(self, priority: int) -> int:
        """Count the waiters that go before a newcomer of this priority."""
        return sum(len(queue) for rank, queue in self.queues.items() if rank <= -priority)

    def earliest(self, now: float, ahead: int) -> tuple[float, Bucket | None]:
        """Tell the earliest time at which somebody is served, and the bucket that binds."""
        times = [(bucket.earliest(now, ahead), bucket) for bucket in self.buckets]
        return max(times, key=lambda found: found[0], default=(now, None))

    def add(self, waiter: Waiter) -> bool:
        """Append a waiter; tell whether it is the head now."""
        queue = self.queues.get(waiter.rank[0])
        if queue is None:
            queue = self.queues[waiter.rank[0]] = OrderedDict()
        queue[waiter] = None
        self.waiting += 1
        if self.head is not None and self.head.rank < waiter.rank:
            return False
        self.head, self.moves = waiter, 0
        return True

    def remove(self, waiter: Waiter) -> None:
        """Take a waiter out; if it was the head, the next one is."""
        queue = self.queues[waiter.rank[0]]
        del queue[waiter]
        if not queue:
            del self.queues[waiter.rank[0]]
        self.waiting -= 1
        if self.head is waiter:
            self.moves = 0
            self.head = next(iter(self.queues[min(self.queues)])) if self.queues else None


def _acquire(pacer: AsyncLimiter) -> None:
    """Take from a pacer that has just said it has capacity, so that this does not suspend."""
    try:
        pacer.acquire().send(None)
    except StopIteration:
        return
    raise AssertionError("the pacer suspended")  # pragma: no cover

"""
The governor's rules on a virtual clock: who may go when, without sending anything.

What is played is what :mod:`bingx_async.governor` does: all tokens or none, a token that comes back
one period after the answer, lanes that are blocked and hold up no other, claims, pacing, closed
buckets. Time jumps from one moment at which a bucket may have a token to the next, so that a call
takes some microseconds to plan, however long it waits. There is no clock and no event loop here.

What the states of buckets do not tell is assumed:

- An answer that is not read yet comes a round trip from now.
- Who waits already is counted in each bucket that it needs, and is sorted by account and endpoint
  again. What is not known is the order among these, and which group an endpoint belongs to that is
  not planned itself; it is taken from where somebody waits.
- Nobody was slowed down by pacing lately. At most a twentieth of the quota goes too early by that.
- Nobody was passed over yet, so that there are no claims at the beginning.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Final

from bingx_async.endpoint import Endpoint
from bingx_async.limits import BucketKey, BucketState, LaneKey, Limits
from bingx_async.quota import Quota

__all__ = ["Rehearsal", "Row"]

# As in bucket.py, which counts by a clock.
_PACED_FROM: Final = 100
_SHARE: Final = 20

_GROUP: Final = "group "  # so begin the subjects of groups, and no endpoint's name
_EVERYTHING: Final = "everything"

_NOISE: Final = 1e-9  # of sums of seconds that are not whole, in tokens

_Place = tuple[BucketKey, Quota | None]
"""What tells buckets apart: a group may have two windows under one key, and a gate has no quota."""


class Row:
    """What has been found out so far about the calls of one endpoint."""

    __slots__ = ("binds", "count", "endpoint", "first", "last", "quota")

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.count = 0
        self.first = self.last = 0.0
        self.binds: BucketKey | None = None
        self.quota: Quota | None = None

    def note(self, now: float, lane: _Lane) -> None:
        """Count a call that goes now."""
        if not self.count:
            self.first = now
        self.count += 1
        self.last, self.binds, self.quota = now, lane.binds, lane.quota


class _Bucket:
    """The tokens of one quota for one key, and the lanes that wait for one; or a closed gate."""

    __slots__ = (
        "capacity",
        "claim",
        "closed_until",
        "due",
        "free",
        "key",
        "leaked_at",
        "level",
        "paced_below",
        "parked",
        "period",
        "quota",
        "returns",
        "step",
    )

    def __init__(self, key: BucketKey, quota: Quota | None, *, closed_until: float) -> None:
        self.key = key
        self.quota = quota
        self.closed_until = closed_until
        self.free: float = quota.tokens if quota else math.inf  # below 0 if more are out
        self.period = quota.period if quota else 0.0
        self.returns: deque[float] = deque()  # ascending: when tokens come back
        self.paced_below = -math.inf  # as long as more tokens are free, nobody is slowed down
        self.capacity = self.step = self.level = self.leaked_at = 0.0
        self.parked: list[tuple[int, _Lane]] = []  # a heap: lanes, by the rank of their heads
        self.claim: _Lane | None = None
        self.due: float | None = None  # when it is looked at next

    def pace(self, quota: Quota) -> None:
        """Slow down whoever comes while more than a share of the tokens is out."""
        self.paced_below = quota.tokens - quota.tokens // _SHARE
        self.capacity = quota.tokens / _SHARE
        self.step = quota.period / quota.tokens

    def recall(self, state: BucketState) -> None:
        """Take over which tokens are out."""
        self.returns.extend(state.returns)
        self.free -= len(state.returns) + _unread(state)

    def has_token(self, now: float, rank: int) -> bool:
        """Tell whether somebody of this rank may take a token now."""
        returns = self.returns
        while returns and returns[0] <= now:
            returns.popleft()
            self.free += 1
        if self.free < 1 or self.closed_until > now:
            return False
        if self.claim is not None and self.is_claimed(now, rank):
            return False
        return self.free > self.paced_below or self._has_room(now)

    def is_claimed(self, now: float, rank: int) -> bool:
        """Tell whether the last token is left to somebody who came before this rank."""
        claim = self.claim
        if claim is None or claim.runs[0].rank >= rank or self.free > 1:
            return False
        return all(
            bucket.closed_until <= now and (bucket.free or bucket.returns)
            for bucket in claim.buckets
        )

    def _has_room(self, now: float) -> bool:
        """Tell whether the leaky bucket that paces this one holds one more."""
        self.level = max(0.0, self.level - (now - self.leaked_at) / self.step)
        self.leaked_at = now
        return self.level + 1 <= self.capacity + _NOISE

    def take(self) -> None:
        """Take a token, which :meth:`has_token` has just said is there."""
        if self.free <= self.paced_below:
            self.level += 1
        self.free -= 1

    def next_token(self, now: float) -> float | None:
        """Tell when it is worth looking again; ``None`` if an answer must be read before."""
        if self.free > 0 and not self.is_claimed(now, self.parked[0][0]):
            when = now
        elif self.returns:
            when = self.returns[0]
        else:
            return None
        if self.free <= self.paced_below and not self._has_room(now):
            when = max(when, now + self.step)
        return max(when, self.closed_until)


def _unread(state: BucketState) -> int:
    """Count the tokens that are out and come back nobody knows when."""
    inside = state.quota.tokens - len(state.returns) if state.quota else 0
    # While a bucket is closed, its free tokens are not told.
    return 0 if state.closed_for and not state.free else max(0, inside - state.free)


class _Run:
    """Calls of one lane that came one right after another."""

    __slots__ = ("left", "rank", "row")

    def __init__(self, rank: int, left: int, row: Row | None) -> None:
        self.rank = rank
        self.left = left
        self.row = row  # none for those who wait already


class _Lane:
    """The calls that need the same buckets."""

    __slots__ = ("binds", "buckets", "claims", "counted", "moves", "quota", "runs")

    def __init__(self, buckets: Sequence[_Bucket]) -> None:
        self.buckets = buckets
        self.counted = [bucket for bucket in buckets if bucket.quota is not None]
        self.runs: deque[_Run] = deque()
        self.moves = 0  # of the present head, from one blocking bucket to another
        self.claims = False  # the last token of every bucket
        self.binds: BucketKey | None = None  # what was waited for last
        self.quota: Quota | None = None

    def send(self, now: float) -> _Bucket | None:
        """Let the foremost run go until it has to wait; return the bucket that it waits for."""
        run = self.runs[0]
        while run.left:
            for bucket in self.buckets:
                if not bucket.has_token(now, run.rank):
                    self.binds = bucket.key
                    self.quota = None if bucket.closed_until > now else bucket.quota
                    return bucket
            for bucket in self.counted:
                bucket.take()
            run.left -= 1
            self.moves = 0
            if run.row is not None:
                run.row.note(now, self)
        self.runs.popleft()
        return None


class _Sorter:
    """
    Sorts callers into lanes who are counted in each bucket that they need.

    Who needs the quota of an account needs those of the address as well. Who is left then needs
    those of the address alone, or leaves from another one.

    Args:
        limits: The quotas in force.
        ip: Label of the address.
        planned: The endpoints whose groups are known.
    """

    def __init__(self, limits: Limits, ip: str, planned: Iterable[Endpoint]) -> None:
        self._limits = limits
        self._ip = ip
        self._groups = {endpoint.name: endpoint.group for endpoint in planned}

    def sort(self, counts: Mapping[_Place, int]) -> Iterator[tuple[Sequence[_Place], int]]:
        """Tell who needs the same buckets: these, and how many callers they are."""
        left = {place: number for place, number in counts.items() if number}
        by_key: dict[BucketKey, list[_Place]] = {}
        accounts: dict[str, list[BucketKey]] = {}
        for place in left:
            key = place[0]
            by_key.setdefault(key, []).append(place)
            if key.scope == "uid":
                accounts.setdefault(key.subject, []).append(key)
            elif key.owner == self._ip and not key.subject.startswith((_GROUP, _EVERYTHING)):
                accounts.setdefault(key.subject, [])
        shut = by_key.get(self._key(_EVERYTHING), [])
        shared = {
            name: [
                *self._shared(name, left),
                *(place for place in by_key.get(self._key(name), ()) if place[1] is None),
                *shut,
            ]
            for name in accounts
        }
        for places in (
            *([*by_key[key], *shared[name]] for name, keys in accounts.items() for key in keys),
            *shared.values(),
            *([*places, *shut] if key.scope == "ip" else places for key, places in by_key.items()),
        ):
            lane = list(dict.fromkeys(places))
            number = min((left.get(place, 0) for place in lane), default=0)
            if number:
                left |= {place: left[place] - number for place in lane}
                yield lane, number

    def _key(self, subject: str) -> BucketKey:
        return BucketKey("ip", self._ip, subject)

    def _shared(self, name: str, counts: Mapping[_Place, int]) -> list[_Place]:
        """List the quotas of the address that an endpoint counts against."""
        if name in self._groups:
            return self._of_group(name, self._groups[name])
        # Of any other only the name is known; the group is one that has callers.
        has_each = any(key == self._key(name) and quota for key, quota in counts)
        for number, group in self._limits.groups.items():
            places = self._of_group(name, number)
            if group and has_each == bool(group.each) and all(map(counts.get, places)):
                return places
        return []

    def _of_group(self, name: str, number: int | None) -> list[_Place]:
        group = self._limits.groups.get(number or 0)
        if group is None:
            return []
        each, total = self._key(name), self._key(f"{_GROUP}{number}")
        return [
            *((each, quota) for quota in group.each),
            *((total, quota) for quota in group.total),
        ]


class Rehearsal:
    """
    Buckets and lanes behind one address, and the moments at which they are looked at.

    Args:
        limits: The quotas in force.
        states: The buckets as they are.
        ip: Label of the address.
        round_trip: Seconds from sending until the answer is read.
    """

    def __init__(
        self, limits: Limits, states: Sequence[BucketState], ip: str, round_trip: float
    ) -> None:
        self._limits = limits
        self._states = {(state.key, state.quota): state for state in states}
        self._ip = ip
        self._round_trip = round_trip
        self._closed: dict[BucketKey, float] = {}
        for state in states:
            if state.closed_for > self._closed.get(state.key, 0.0):
                self._closed[state.key] = state.closed_for
        self._buckets: dict[_Place, _Bucket] = {}
        self._lanes: dict[frozenset[_Place], _Lane] = {}
        self._ranks = count()
        self._left = 0
        self._looks: list[tuple[float, int, _Bucket]] = []
        self._looked = count()
        # When answers are read, of calls that have tokens of which buckets, and how many.
        self._answers: deque[tuple[float, Sequence[_Bucket], int]] = deque()
        self.last: Row | None = None  # whose call was the last to go
        self.now = 0.0

    # --- who needs what -----------------------------------------------------------------------

    def lane_of(self, key: LaneKey) -> _Lane:
        """Return the lane of an endpoint's calls, with what the exchange has shut for them."""
        places = [(key, quota) for key, quota, _ in self._limits.needs(key)]
        keys = {key for key, _ in places}
        gates = [gate for gate in key.gates if gate in self._closed and gate not in keys]
        return self._lane([*places, *((gate, None) for gate in gates)])

    def _lane(self, places: Sequence[_Place]) -> _Lane:
        """Return the lane of all who need these buckets."""
        key = frozenset(places)
        if (lane := self._lanes.get(key)) is None:
            lane = self._lanes[key] = _Lane([self._bucket(*place) for place in places])
        return lane

    def _bucket(self, key: BucketKey, quota: Quota | None) -> _Bucket:
        if (bucket := self._buckets.get((key, quota))) is None:
            bucket = _Bucket(key, quota, closed_until=self._closed.get(key, 0.0))
            self._buckets[key, quota] = bucket
            if quota is not None:
                if key.subject.startswith(_GROUP) and quota.tokens >= _PACED_FROM:
                    bucket.pace(quota)
                if (state := self._states.get((key, quota))) is not None:
                    bucket.recall(state)
        return bucket

    def ask(self, lane: _Lane, number: int, row: Row | None) -> None:
        """Stand in a lane, behind everybody who came before."""
        if number:
            lane.runs.append(_Run(next(self._ranks), number, row))
            self._left += number if row is not None else 0

    def recall(self, planned: Iterable[Endpoint]) -> None:
        """Let those who wait already stand in their lanes, and expect the answers not read yet."""
        sorter = _Sorter(self._limits, self._ip, planned)
        waiting = {
            place: state.waiting
            for place, state in self._states.items()
            if state.quota is not None or state.closed_for
        }
        for places, number in sorter.sort(waiting):
            if not self._buckets.keys().isdisjoint(places):
                self.ask(self._lane(places), number, None)
        unread = {place: _unread(state) for place, state in self._states.items()}
        for places, number in sorter.sort(unread):
            buckets = [self._buckets[place] for place in places if place in self._buckets]
            self._expect(number, buckets)

    # --- what comes to pass -------------------------------------------------------------------

    def play(self) -> None:
        """Let time pass until the last call has gone."""
        asking = [(lane.runs[0].rank, lane) for lane in self._lanes.values() if lane.runs]
        heapify(asking)
        self._serve(asking)
        looks, answers = self._looks, self._answers
        while self._left:
            if answers and (not looks or answers[0][0] < looks[0][0]):
                self.now, buckets, number = answers.popleft()
                self._settle(buckets, number)
                continue
            when, _, bucket = heappop(looks)
            if bucket.due == when:
                self.now, bucket.due = when, None
                self._serve(bucket.parked, bucket)

    def _serve(self, asking: list[tuple[int, _Lane]], bucket: _Bucket | None = None) -> None:
        """Let the lanes of a heap go; if they are parked at a bucket, while it has tokens."""
        while asking:
            lane = asking[0][1]
            blocker = self._send(lane)
            if bucket is not None and blocker is bucket:
                self._look_again(bucket)
                return
            heappop(asking)
            if blocker is not None:
                if bucket is not None:
                    lane.moves += 1
                    if lane.moves > len(lane.buckets):
                        self._stake_claim(lane)
                heappush(blocker.parked, (lane.runs[0].rank, lane))
                self._look_again(blocker)
            elif lane.runs:
                heappush(asking, (lane.runs[0].rank, lane))

    def _send(self, lane: _Lane) -> _Bucket | None:
        """Let calls of a lane go until they have to wait; return the bucket that they wait for."""
        run = lane.runs[0]
        before = run.left
        blocker = lane.send(self.now)
        sent = before - run.left
        self._expect(sent, lane.counted)
        if sent and lane.claims:
            self._release_claim(lane)
        if sent and run.row is not None:
            self._left -= sent
            self.last = run.row
        return blocker

    def _stake_claim(self, lane: _Lane) -> None:
        """Leave a lane that was passed over the last token of every bucket that it needs."""
        claims = {bucket.claim for bucket in lane.buckets} - {lane}
        others = [other for other in claims if other is not None]
        if all(other.runs[0].rank > lane.runs[0].rank for other in others):
            for other in others:
                self._release_claim(other)
            lane.claims = True
            for bucket in lane.buckets:
                bucket.claim = lane

    def _release_claim(self, lane: _Lane) -> None:
        lane.claims = False
        for bucket in lane.buckets:
            bucket.claim = None
            if bucket.parked:
                self._look_again(bucket)

    def _expect(self, number: int, buckets: Sequence[_Bucket]) -> None:
        """Have so many answers read a round trip from now."""
        if number:
            self._answers.append((self.now + self._round_trip, buckets, number))

    def _settle(self, buckets: Sequence[_Bucket], number: int) -> None:
        """Let the tokens of calls whose answers are read now come back a period from now."""
        for bucket in buckets:
            bucket.returns.extend([self.now + bucket.period] * number)
            if bucket.parked and bucket.due is None:
                self._look_again(bucket)

    def _look_again(self, bucket: _Bucket) -> None:
        """Look at a bucket when it may have a token."""
        when = bucket.next_token(self.now)
        if when is not None and (bucket.due is None or when < bucket.due):
            bucket.due = when
            heappush(self._looks, (when, next(self._looked), bucket))

"""How long calls will take, which a rehearsal finds out without sending anything."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from attrs import frozen

from bingx_async.endpoint import Endpoint
from bingx_async.limits import BucketKey, BucketState, LaneKey, Limits
from bingx_async.quota import Quota

if TYPE_CHECKING:
    from bingx_async.rehearsal import Row

__all__ = ["Plan", "PlannedCalls", "Planner"]


@frozen
class PlannedCalls:
    """
    When the calls of one endpoint can be sent.

    Attributes:
        endpoint: The endpoint's dotted name.
        count: How many they are.
        first: Seconds until the first of them has its permit; 0 if there are none.
        last: Seconds until the last of them has its permit; 0 if there are none.
        binds: Whose quota, or its pacing, the last of them waits for; ``None`` if it does not wait.
        quota: The quota of ``binds``; ``None`` if it is not used up, but closed by the exchange.
    """

    endpoint: str
    count: int
    first: float = 0.0
    last: float = 0.0
    binds: BucketKey | None = None
    quota: Quota | None = None


@frozen
class Plan:
    """
    How long calls will take.

    Attributes:
        seconds: Seconds until the last call has its permit, and can be sent.
        binds: Whose quota, or its pacing, the last call waits for; ``None`` if it does not wait.
        quota: The quota of ``binds``; ``None`` if it is not used up, but closed by the exchange.
        calls: The same for each endpoint, in the order in which they were given.
        round_trip: Seconds from sending until the answer is read, as given.
    """

    seconds: float
    binds: BucketKey | None = None
    quota: Quota | None = None
    calls: tuple[PlannedCalls, ...] = ()
    round_trip: float = 0.0

    @property
    def count(self) -> int:
        """How many calls were planned."""
        return sum(row.count for row in self.calls)

    @property
    def answered(self) -> float:
        """Seconds until the last answer is read; 0 without calls."""
        return self.seconds + self.round_trip if self.count else 0.0

    def __str__(self) -> str:
        text = f"1 call takes {self.seconds:.1f} s"
        if self.count != 1:
            text = f"{self.count} calls take {self.seconds:.1f} s"
        if self.round_trip and self.count:
            text += f", the last answer comes after {self.answered:.1f} s"
        if self.binds is None:
            return f"{text}; nothing waits"
        return f"{text}; bound by {self.binds} ({self.quota or 'closed by the exchange'})"


class Planner:
    """
    Plans calls from the states of a governor's buckets.

    Args:
        limits: The quotas in force.
        states: The buckets as they are now; what is not among them is full and open.
    """

    def __init__(self, limits: Limits, states: Iterable[BucketState]) -> None:
        self._limits = limits
        self._states = list(states)

    def plan(
        self,
        calls: Iterable[tuple[Endpoint, int]],
        *,
        uid: str | None = None,
        ip: str = "default",
        round_trip: float = 0.0,
    ) -> Plan:
        """
        Tell how long calls will take.

        Args:
            calls: Endpoints, and how often each is to be called. All are asked for at once, in
                this order, behind those that wait already.
            uid: Label of the account.
            ip: Label of the IP address.
            round_trip: Seconds from sending until the answer is read, for every call.

        Returns:
            The times, and what binds. It is made in some microseconds for each call.

        Raises:
            ValueError: A count is negative or not a whole number, ``round_trip`` is negative or
                not finite, or an endpoint has a quota per UID and ``uid`` is missing.
        """
        # Imported when it is first used, as few programs plan.
        from bingx_async.rehearsal import Rehearsal, Row  # noqa: PLC0415

        if not 0 <= round_trip < math.inf:
            raise ValueError(f"round_trip must be 0 or more seconds, not {round_trip!r}")
        asked = [(endpoint, _whole(number)) for endpoint, number in calls]
        rehearsal = Rehearsal(self._limits, self._states, ip, round_trip)
        rows = {endpoint: Row(endpoint.name) for endpoint, _ in asked}
        lanes = [rehearsal.lane_of(LaneKey(endpoint, uid, ip)) for endpoint, _ in asked]
        rehearsal.recall(rows)
        for (endpoint, number), lane in zip(asked, lanes, strict=True):
            rehearsal.ask(lane, number, rows[endpoint])
        rehearsal.play()
        last = rehearsal.last
        return Plan(
            seconds=rehearsal.now,
            binds=last.binds if last else None,
            quota=last.quota if last else None,
            calls=tuple(map(_shown, rows.values())),
            round_trip=round_trip,
        )


def _whole(number: object) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise ValueError(f"calls are counted in whole numbers from 0 up, not {number!r}")
    return number


def _shown(row: Row) -> PlannedCalls:
    return PlannedCalls(row.endpoint, row.count, row.first, row.last, row.binds, row.quota)

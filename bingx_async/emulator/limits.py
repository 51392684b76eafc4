"""
The emulator as judge: who arrived when, and was it too often.

Quotas are enforced as sliding windows on arrival. That is the strictest reading of "so many
requests in so many seconds": whoever passes it passes fixed windows of any phase. The judge finds
the quotas of a request by itself and shares no code with the governor that it judges.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Mapping
from typing import Final

from attrs import frozen

from bingx_async.endpoint import Endpoint
from bingx_async.quota import IP_GROUPS, IpGroup, Quota

__all__ = ["Arrival", "Judge", "Lock"]

_MOST_ARRIVALS: Final = 1_000_000
"""So many are kept in the ledger; an emulator that runs for days forgets the oldest."""


@frozen
class Arrival:
    """
    One line of the ledger.

    Attributes:
        time: When it arrived, in seconds of the monotonic clock.
        uid: The UID that its key belongs to; ``None`` without a known key.
        ip: The IP address that it came from.
        endpoint: Dotted name, or method and path of what does not exist.
        group: The IP group of the endpoint; ``None`` if it has none.
        refusal: Why it was refused; ``""`` if it was accepted.
    """

    time: float
    uid: str | None
    ip: str
    endpoint: str
    group: int | None
    refusal: str

    @property
    def accepted(self) -> bool:
        """Whether the request was carried out."""
        return not self.refusal


@frozen
class Lock:
    """A scope that is shut: ``until`` in seconds of the monotonic clock."""

    scope: tuple[str, ...]
    until: float


class Judge:
    """
    Counts arrivals, shuts scopes, keeps the ledger.

    Args:
        penalty: Seconds for which a scope is shut after its quota was exceeded.
        limits: Quotas per UID that differ from the declared ones, by dotted name; ``None`` lifts.
        groups: Quotas per IP address that differ from the published ones, by group.
    """

    def __init__(
        self,
        *,
        penalty: float,
        limits: Mapping[str, Quota | None] | None = None,
        groups: Mapping[int, IpGroup | None] | None = None,
    ) -> None:
        self.penalty = penalty
        self.ledger: deque[Arrival] = deque(maxlen=_MOST_ARRIVALS)
        self._limits = dict(limits or {})
        self._groups: dict[int, IpGroup | None] = {**IP_GROUPS, **(groups or {})}
        self._windows: defaultdict[tuple[tuple[str, ...], Quota], deque[float]]
        self._windows = defaultdict(deque)
        self._locks: dict[tuple[str, ...], float] = {}

    def quotas(
        self, endpoint: Endpoint, uid: str | None, ip: str
    ) -> list[tuple[tuple[str, ...], Quota]]:
        """List the quotas that a request falls under, each with its scope."""
        found: list[tuple[tuple[str, ...], Quota]] = []
        own = self._limits.get(endpoint.name, endpoint.quota)
        if uid is not None and own is not None:
            found.append((("uid", uid, endpoint.name), own))
        group = self._groups.get(endpoint.group) if endpoint.group is not None else None
        if group is not None:
            found += [(("ip", ip, endpoint.name), quota) for quota in group.each]
            found += [(("ip", ip, f"group {endpoint.group}"), quota) for quota in group.total]
        return found

    def arrive(self, endpoint: Endpoint, uid: str | None, ip: str, now: float) -> Lock | None:
        """Count a request; tell what keeps it out, if anything does."""
        shut: Lock | None = None
        for scope, quota in self.quotas(endpoint, uid, ip):
            window = self._windows[scope, quota]
            while window and now - window[0] >= quota.period:
                window.popleft()
            window.append(now)
            until = self._locks.get(scope, now)
            if until <= now and len(window) > quota.tokens:
                until = self._locks[scope] = now + self.penalty
            if until > now and (shut is None or until > shut.until):
                shut = Lock(scope, until)
        return shut

    def left(
        self, endpoint: Endpoint, uid: str | None, ip: str, now: float
    ) -> tuple[int, float] | None:
        """Tell how many requests the first quota leaves, and in how many seconds one is freed."""
        for scope, quota in self.quotas(endpoint, uid, ip):
            window = self._windows[scope, quota]
            ends = window[0] + quota.period - now if window else 0.0
            return max(0, quota.tokens - len(window)), max(0.0, ends)
        return None

    def worst(self, quota: Quota, by: Iterable[str]) -> int:
        """Count the most arrivals in any window of ``quota.period`` seconds, by scope."""
        names = tuple(by)
        times: defaultdict[tuple[Hashable, ...], list[float]] = defaultdict(list)
        for arrival in self.ledger:
            scope = tuple(getattr(arrival, name) for name in names)
            if None not in scope:
                times[scope].append(arrival.time)
        worst = 0
        for arrivals in times.values():
            arrivals.sort()
            first = 0
            for last, time in enumerate(arrivals):
                while time - arrivals[first] >= quota.period:
                    first += 1
                worst = max(worst, last - first + 1)
        return worst

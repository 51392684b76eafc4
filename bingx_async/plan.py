"""How long calls will take: the governor's rules on a virtual clock, without sending anything."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from bingx_async.endpoint import Endpoint
from bingx_async.limits import BucketKey, BucketState, Limits

__all__ = ["Plan", "Planner"]


@frozen
class Plan:
    """How long calls will take."""

    seconds: float
    binds: BucketKey | None


class Planner:
    """Plans calls from the states of a governor's buckets."""

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
        """Tell how long calls will take."""
        return Plan(0.0, None)

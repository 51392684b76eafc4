"""
What follows from the exchange's refusals: what is closed, and for how long.

An answer tells that a limit was exceeded, and does not tell which. So the narrowest scope is closed
first. When two accounts are refused at one endpoint of an address, it is the address's endpoint;
when two endpoints of a group are, it is the group. That closes too much now and then, and never too
little for long.
"""

from __future__ import annotations

import logging
from typing import Final

from bingx_async.limits import BucketKey, LaneKey
from bingx_async.quota import Scope

__all__ = [
    "LONGEST_PENALTY",
    "MEMORY",
    "PARENTS",
    "PENALTY",
    "Refusals",
    "warn_of_more_counted",
    "warn_of_refusal",
]

_log: Final = logging.getLogger("bingx_async")

PENALTY: Final = 300.0
"""Seconds that a refusal holds if the exchange names no time: "recovers after 5 minutes"."""

LONGEST_PENALTY: Final = 3600.0
"""Seconds for which a scope is closed at most, whatever the exchange says."""

MEMORY: Final = 600.0
"""Seconds after the end of a penalty in which another refusal counts as a repetition."""

PARENTS: Final = {Scope.ENDPOINT: Scope.ADDRESS_ENDPOINT, Scope.ADDRESS_ENDPOINT: Scope.GROUP}
"""What two refusals of different accounts, or at different endpoints, point to."""


class Refusals:
    """Remembers refusals, of one governor."""

    def __init__(self) -> None:
        self._repeated: dict[BucketKey, tuple[int, float]] = {}
        self._below: dict[BucketKey, dict[BucketKey, float]] = {}

    def judge(
        self, key: LaneKey, scope: Scope, seconds: float | None, now: float
    ) -> dict[BucketKey, float]:
        """
        Tell what to close, and until when.

        Args:
            key: Whose request was refused.
            scope: What the exchange shut, as far as its answer tells.
            seconds: For how long, if it said so.
            now: The time.
        """
        self._forget(now)
        gate = key.gate(scope)
        closed = {gate: now + self._seconds(gate, seconds, now)}
        while (parent := PARENTS.get(scope)) is not None:
            above = key.gate(parent)
            if above == gate:  # a public endpoint has no scope below the address's
                scope = parent
                continue
            below = self._below.setdefault(above, {})
            below[gate] = closed[gate]
            if sum(until > now for until in below.values()) < 2:  # noqa: PLR2004
                break
            closed[above] = max(below.values())
            gate, scope = above, parent
        return closed

    def _seconds(self, gate: BucketKey, seconds: float | None, now: float) -> float:
        if seconds is not None:
            return min(max(seconds, 0.0), LONGEST_PENALTY)
        times = self._repeated[gate][0] if gate in self._repeated else 0
        penalty = min(PENALTY * 2.0**times, LONGEST_PENALTY)
        self._repeated[gate] = times + 1, now + penalty
        return penalty

    def _forget(self, now: float) -> None:
        for gate, (_, until) in list(self._repeated.items()):
            if until + MEMORY <= now:
                del self._repeated[gate]
        for above, below in list(self._below.items()):
            for gate, until in list(below.items()):
                if until <= now:
                    del below[gate]
            if not below:
                del self._below[above]


def warn_of_refusal(gate: BucketKey) -> None:
    """Say that the exchange refused what a governor had let through."""
    _log.warning(
        "the exchange refuses %s, although its quota was kept here: something else spends it, such"
        " as a program that does not share this governor, or it is lower than declared (limits=)",
        gate,
    )


def warn_of_more_counted(gate: BucketKey) -> None:
    """Say that the exchange has counted more than a governor had let through."""
    _log.warning(
        "the exchange counts more requests for %s than were sent from here: something else spends"
        " this quota, such as another process with a key of the same account",
        gate,
    )

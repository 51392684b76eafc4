"""How buckets, gates and lanes are called in Redis, and who waits in a lane."""

from __future__ import annotations

import asyncio
from typing import Any, Final
from urllib.parse import quote, unquote

from attrs import define

from bingx_async.errors import BingXError
from bingx_async.limits import BucketKey, BucketState, LaneKey, Limits
from bingx_async.quota import Quota, Scope

__all__ = ["MICROSECONDS", "Lane", "Waiter", "gate_text", "key_of", "state_of"]

MICROSECONDS: Final = 1_000_000


def gate_text(key: BucketKey) -> str:
    """Write a bucket's key as text."""
    return "|".join(quote(part, safe=" .:-") for part in key)


def key_of(gate: str) -> BucketKey:
    """Read what :func:`gate_text` wrote."""
    return BucketKey(*map(unquote, gate.split("|")))


def state_of(row: list[Any]) -> BucketState:
    """Read what the script's ``snapshot`` tells of one bucket."""
    _, gate, tokens, period, waiting, free, returns, closed_for, refused, elsewhere = row
    back = tuple(sorted(when / MICROSECONDS for when in returns))
    closed = closed_for / MICROSECONDS
    next_return = back[0] if back else None
    return BucketState(
        key=key_of(gate),
        quota=Quota(tokens, period / MICROSECONDS) if tokens else None,
        free=0 if closed else free,
        waiting=waiting,
        next_return=max(next_return or 0.0, closed) if closed else next_return,
        closed_for=closed,
        returns=back,
        elsewhere=elsewhere,
        refused=refused,
    )


class Lane:
    """
    The requests that need the same buckets.

    Attributes:
        key: What they have in common.
        gates: What the exchange may shut, from the narrowest scope to the largest.
        is_of_uid: Whether its first bucket is that of an account.
        wire: The lane as the script reads it: its id, its buckets, its gates.
    """

    def __init__(self, key: LaneKey, limits: Limits) -> None:
        self.key = key
        self.gates = [gate_text(key.gate(scope)) for scope in Scope]
        buckets: list[list[Any]] = []
        for gate, quota, paced in limits.needs(key):
            period, name = round(quota.period * MICROSECONDS), gate_text(gate)
            buckets.append([f"{name}|{quota.tokens}/{period}", name, quota.tokens, period, paced])
        self.is_of_uid = bool(buckets) and buckets[0][1].startswith("uid|")
        own = {bucket[1] for bucket in buckets}
        buckets += [
            [gate, gate, 0, 0, False] for gate in dict.fromkeys(self.gates) if gate not in own
        ]
        name = "|".join(
            quote(part, safe=" .:-") for part in (key.endpoint.name, key.uid or "", key.ip)
        )
        self.wire = [name, buckets, self.gates]


@define(eq=False)
class Waiter:
    """
    One caller, from asking until its request is over.

    Attributes:
        lane: Where it stands.
        id: Names it in Redis: process, number, and for how many microseconds a token is lent.
        number: The number in it.
        lease: The microseconds in it.
        priority: Who goes first.
        future: Tells that it has a permit (``None``), or why it has not.
        max_wait: Seconds that it waits at most.
        deadline: The event loop's time until which it waits.
        timer: Ends its wait.
        asked: Whether Redis may know of it.
        rank: Its place among all who wait, once Redis has told.
        granted_at: Redis' time when it got its permit, in microseconds.
        returned: How many tokens of its first bucket had come back then.
        generation: Names the book in which its tokens were taken.
    """

    lane: Lane
    id: str
    number: int
    lease: int
    priority: int
    future: asyncio.Future[BingXError | None]
    max_wait: float | None
    deadline: float
    timer: asyncio.TimerHandle | None = None
    asked: bool = False
    rank: int | None = None
    granted_at: int = 0
    returned: int = 0
    generation: str = ""

    def entering(self, now: float) -> tuple[Any, ...]:
        """Make the arguments of ``enter``; ``now`` is the event loop's time."""
        patience = -1
        if self.max_wait is not None:
            patience = max(0, round((self.deadline - now) * MICROSECONDS))
        return self.number, self.priority, self.lease, patience

    def coming_back(self) -> tuple[Any, ...]:
        """Make the arguments of ``again``."""
        return self.id, False if self.rank is None else self.rank, self.priority

"""
The demonstration: one piece of work, done through the governor and done without it.

Three accounts behind one IP address set the leverage of many contracts, all at once, on an
emulated exchange whose round trips vary. What is told of it comes from the exchange's own ledger.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import aiohttp
from aiolimiter import AsyncLimiter
from attrs import asdict, evolve, field, frozen

from bingx_async.client import BingX
from bingx_async.emulator import Emulator, Faults, uniform
from bingx_async.emulator.market import LISTED
from bingx_async.errors import RateLimited
from bingx_async.governor import Governor
from bingx_async.quota import IP_GROUPS, Quota
from bingx_async.swap import PositionSide

__all__ = [
    "ACCOUNTS",
    "CONTRACTS",
    "PENALTY",
    "QUOTA",
    "ROUND_TRIP",
    "Change",
    "Mark",
    "Run",
    "Watch",
    "Window",
    "axis",
    "ideal",
    "plan",
    "row",
    "run_bare",
    "run_governed",
    "step_for",
]

_ENDPOINT: Final = BingX.endpoints()["swap.set_leverage"]
_SCOPES: Final = (
    ("UID and endpoint", ("uid", "endpoint")),
    ("IP address and endpoint", ("ip", "endpoint")),
    (f"IP address and group {_ENDPOINT.group}", ("ip", "group")),
)
_SIDES: Final = (PositionSide.LONG, PositionSide.SHORT)
_STEPS: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)

ACCOUNTS: Final = ("alice", "bob", "carol")
CONTRACTS: Final = len(LISTED)
QUOTA: Final = _ENDPOINT.quotas[0]
"""What one UID may ask of ``swap.set_leverage``."""
PENALTY: Final = 300.0
"""Seconds for which the exchange shuts out who exceeds a quota."""
ROUND_TRIP: Final = 0.04
"""Mean seconds of a round trip; it takes anything from nothing to twice as long."""

Watch = Callable[[str, bool], None]
"""Told after every answer: the account's name, and whether the exchange accepted."""


@frozen
class Change:
    """One setting to be made."""

    account: str
    symbol: str
    side: PositionSide
    leverage: int


@frozen
class Mark:
    """One arrival at the exchange, in seconds from the start."""

    time: float
    accepted: bool


@frozen
class Window:
    """The most arrivals that any window of a quota's period saw."""

    scope: str
    quota: Quota
    worst: int


@frozen
class Run:
    """
    What came of the work.

    Attributes:
        seconds: From the first call until the last answer.
        marks: Arrivals at the exchange in their order, by account.
        windows: The worst window of each quota.
        locked_until: When the exchange lets in again whom it shut out, by account.
        found: What the accounts show afterwards; empty if nobody looked.
    """

    seconds: float
    marks: Mapping[str, Sequence[Mark]]
    windows: Sequence[Window]
    locked_until: Mapping[str, datetime]
    found: frozenset[Change] = field(default=frozenset())

    @property
    def accepted(self) -> int:
        """How many calls the exchange accepted."""
        return sum(mark.accepted for mark in itertools.chain(*self.marks.values()))

    @property
    def refused(self) -> int:
        """How many calls the exchange refused."""
        return sum(not mark.accepted for mark in itertools.chain(*self.marks.values()))

    @property
    def keeps_quotas(self) -> bool:
        """Whether no window saw more arrivals than its quota allows."""
        return all(window.worst <= window.quota.tokens for window in self.windows)

    def fulfils(self, changes: Iterable[Change]) -> bool:
        """Whether everything is set as asked, nothing was refused, and every quota was kept."""
        return self.keeps_quotas and not self.refused and self.found.issuperset(changes)

    def summary(self) -> dict[str, Any]:
        """Return the figures as plain values, for JSON."""
        return {
            "seconds": round(self.seconds, 3),
            "accepted": self.accepted,
            "refused": self.refused,
            "worst": [
                {"scope": window.scope, **asdict(window.quota), "arrivals": window.worst}
                for window in self.windows
            ],
            "locked_until": {name: until.isoformat() for name, until in self.locked_until.items()},
            "arrivals": {
                name: [round(mark.time, 3) for mark in marks] for name, marks in self.marks.items()
            },
        }


def plan(seed: int, contracts: int = CONTRACTS) -> list[Change]:
    """
    Draw up the work: a leverage for both sides of each contract of each account.

    Args:
        seed: Of the leverages, so that they repeat.
        contracts: How many, from 1 to :data:`CONTRACTS`.
    """
    draw = random.Random(seed)  # noqa: S311 - it hides nothing
    listed = [listing.contract for listing in LISTED.values()][:contracts]
    return [
        Change(account, contract.symbol, side, draw.randint(1, contract.max_long_leverage or 1))
        for account in ACCOUNTS
        for contract in listed
        for side in _SIDES
    ]


def ideal(calls: int, round_trip: float = 0.0) -> float:
    """
    Tell the least time that one account's calls can take, in seconds.

    A quota's tokens are all used at once, and again after each period.

    Args:
        calls: How many.
        round_trip: Seconds by which a token is out for longer than its period. Without it the
            answer is the quota's own arithmetic, which nobody can beat.
    """
    rounds = math.ceil(calls / QUOTA.tokens)
    return (rounds - 1) * QUOTA.period + rounds * round_trip


async def run_governed(changes: Sequence[Change], *, seed: int, watch: Watch) -> Run:
    """
    Make the changes through one governor, and read back what the accounts show.

    Args:
        changes: The work, from :func:`plan`.
        seed: Of the round trips.
        watch: Is told after every answer.
    """
    async with _exchange(seed) as exchange:
        governor = Governor()
        # A refusal, which must not be, is told after a while and not waited out.
        clients = {
            name: exchange.client(name, governor=governor, max_wait=PENALTY / 10)
            for name in ACCOUNTS
        }

        async def send(change: Change) -> None:
            swap = clients[change.account].swap
            await swap.set_leverage(change.symbol, change.side, change.leverage)

        run = await _carry_out(exchange, changes, send, watch)
        found = await _read_back(clients, changes)
        return evolve(run, found=found, windows=_windows(exchange))


async def run_bare(changes: Sequence[Change], *, seed: int, watch: Watch) -> Run:
    """
    Make the changes with one ``aiolimiter.AsyncLimiter`` an account instead of the governor.

    Args:
        changes: The work, from :func:`plan`.
        seed: Of the round trips.
        watch: Is told after every answer.
    """
    async with _exchange(seed) as exchange, aiohttp.ClientSession() as http:
        limiters = {name: AsyncLimiter(QUOTA.tokens, QUOTA.period) for name in ACCOUNTS}

        async def send(change: Change) -> None:
            # A governor without quotas still remembers a refusal, and would hold back the next
            # call. So each call has one of its own.
            governor = Governor(limits={_ENDPOINT.name: None}, groups=dict.fromkeys(IP_GROUPS))
            swap = exchange.client(
                change.account, governor=governor, session=http, max_wait=0.0
            ).swap
            async with limiters[change.account]:
                await swap.set_leverage(change.symbol, change.side, change.leverage)

        return await _carry_out(exchange, changes, send, watch)


def _exchange(seed: int) -> Emulator:
    one_way = uniform(0.0, ROUND_TRIP)
    return Emulator(faults=Faults(way_in=one_way, way_out=one_way), seed=seed, penalty=PENALTY)


async def _carry_out(
    exchange: Emulator,
    changes: Sequence[Change],
    send: Callable[[Change], Awaitable[None]],
    watch: Watch,
) -> Run:
    """Make all changes at once."""
    locked_until: dict[str, datetime] = {}

    async def make(change: Change) -> None:
        try:
            await send(change)
        except RateLimited as refusal:
            if refusal.retry_at is not None:
                locked_until[change.account] = refusal.retry_at
            watch(change.account, False)
        else:
            watch(change.account, True)

    start = time.monotonic()
    await asyncio.gather(*map(make, changes))
    seconds = time.monotonic() - start
    return Run(
        seconds, _marks(exchange, start), _windows(exchange), dict(sorted(locked_until.items()))
    )


def _marks(exchange: Emulator, start: float) -> dict[str, list[Mark]]:
    return {
        name: [
            Mark(arrival.time - start, arrival.accepted)
            for arrival in exchange.ledger
            if arrival.uid == exchange.account(name).uid
        ]
        for name in ACCOUNTS
    }


def _windows(exchange: Emulator) -> list[Window]:
    return [
        Window(scope, quota, exchange.worst(quota, by))
        for quota, (scope, by) in zip(_ENDPOINT.quotas, _SCOPES, strict=True)
    ]


async def _read_back(clients: Mapping[str, BingX], changes: Iterable[Change]) -> frozenset[Change]:
    async def read(account: str, symbol: str) -> Iterator[Change]:
        now = await clients[account].swap.leverage(symbol)
        both = zip(_SIDES, (now.long_leverage, now.short_leverage), strict=True)
        return (Change(account, symbol, side, leverage) for side, leverage in both)

    places = dict.fromkeys((change.account, change.symbol) for change in changes)
    found = await asyncio.gather(*itertools.starmap(read, places))
    return frozenset(itertools.chain(*found))


def step_for(seconds: float, width: int) -> float:
    """
    Choose how much time one column of the picture stands for, in seconds.

    Args:
        seconds: How long the picture is to be.
        width: Columns that there are.
    """
    return next((step for step in _STEPS if seconds / step < width), _STEPS[-1])


def row(times: Iterable[float], step: float, columns: int) -> str:
    """
    Draw arrivals over time: a digit tells how many, a dot none, a plus sign more than nine.

    Args:
        times: In seconds from the start.
        step: Seconds a column.
        columns: Length of the row; what comes later is not drawn.
    """
    counts = [0] * columns
    for moment in times:
        if (column := int(moment / step)) < columns:
            counts[column] += 1
    return "".join("." if not count else str(count) if count < 10 else "+" for count in counts)  # noqa: PLR2004


def axis(step: float, columns: int) -> str:
    """Write the seconds below a picture's columns, from 0 on."""
    tick = max(1, math.ceil(5 * step))
    width = round(tick / step)
    marks = (f"{f'{number * tick} s':<{width}}" for number in range(math.ceil(columns / width)))
    return "".join(marks).rstrip()

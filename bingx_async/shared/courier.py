"""
Carries what a governor wants to Redis and brings back what came of it, whatever becomes of Redis.

What is wanted within one turn of the event loop, or while a command is under way, travels together.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol
from uuid import uuid4

import msgspec

from bingx_async.errors import GovernorUnavailable
from bingx_async.shared.lanes import Lane, Waiter
from bingx_async.shared.link import OUTAGES, Closures, Link, News, Reply, Unusable

__all__ = ["Courier", "Governed", "Operation", "clock"]

_log: Final = logging.getLogger("bingx_async")

_MOST_AT_ONCE: Final = 500
# While Redis is away, so many reports are kept for it; the leases of others run out.
_MOST_KEPT: Final = 10_000
_LONGEST_PAUSE: Final = 1.0

# A clock that goes on while the computer sleeps, where there is one.
clock: Final[Callable[[], float]] = (
    (lambda: time.clock_gettime(time.CLOCK_BOOTTIME))
    if hasattr(time, "CLOCK_BOOTTIME")
    else time.monotonic
)


class Operation(NamedTuple):
    """
    One thing for the script to do.

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

    @property
    def is_void(self) -> bool:
        """Whether the one who asked has gone."""
        return self.waiter is not None and self.waiter.future.done()

    @property
    def was_asked(self) -> bool:
        """Whether Redis may know of the waiter, who then asks again over new connections."""
        return self.waiter is not None and self.waiter.asked

    @property
    def is_report(self) -> bool:
        """Whether it is worth doing later, though nobody waits for it."""
        return self.waiter is None and self.future is None


class Governed(Protocol):
    """What a courier tells the governor for whom it goes."""

    def needs_redis(self) -> bool:
        """Tell whether somebody waits for Redis, or has what it must know of."""
        ...

    def longest_lease(self) -> int:
        """Tell for how many microseconds, at the most, tokens are lent."""
        ...

    def connected(self) -> None:
        """There are new connections; Redis may have forgotten who waits."""
        ...

    def answered(self, batch: list[Operation], reply: Reply) -> None:
        """Take in the results of a batch."""
        ...

    def hear(self, news: News | Closures) -> None:
        """Take in what other processes caused."""
        ...

    def rested(self) -> None:
        """There is nothing to carry for now."""
        ...

    def given_up(self, reason: str) -> None:
        """Nobody can be served."""
        ...


class Courier:
    """
    Goes between a governor and Redis.

    Args:
        url: Where Redis is.
        namespace: Begins every key.
        raises: Whether an outage is an error at once.
        governed: Whom it goes for.

    Attributes:
        link: The connections.
        outage: Why Redis cannot be asked, in a word; ``None`` as long as it can.
        asked_at: The event loop's time of the last reply.
        heard: Our :data:`clock` before the last command was sent, and Redis' time in its reply.
        generation: Names what Redis remembers.
    """

    def __init__(self, url: str, *, namespace: str, raises: bool, governed: Governed) -> None:
        self.link = Link(url, namespace=namespace, hear=governed.hear, lost=self._lost)
        self.outage: str | None = None
        self.asked_at = 0.0
        self.heard = (0.0, 0)
        self.generation = ""
        self._raises = raises
        self._governed = governed
        self._operations: list[Operation] = []
        self._must_call = False
        self._work: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pauses = 0
        self._is_closed = False

    def bind(self) -> asyncio.AbstractEventLoop:
        """
        Belong to the running event loop, and return it.

        Raises:
            RuntimeError: It belongs to another one.
        """
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
            self.link.process = uuid4().hex[:12]  # here, as a process may have been forked
        elif self._loop is not loop:
            raise RuntimeError(
                "this SharedGovernor belongs to another event loop: make one in each"
            )
        return loop

    @property
    def is_busy(self) -> bool:
        """Whether something is being carried."""
        return self._work is not None

    def post(self, operation: Operation) -> None:
        """Have something done; once this is closed, leases run out instead."""
        if self._is_closed and self._work is None:
            return
        self._operations.append(operation)
        self._go()

    def call(self) -> None:
        """Ask Redis, even if there is nothing to do: to say that this process is alive."""
        self._must_call = True
        self._go()

    async def close(self) -> None:
        """Carry what is left, unless Redis is away, and disconnect."""
        self._is_closed = True
        if self._work is not None:
            await asyncio.gather(self._work, return_exceptions=True)
        await self.link.close()

    def _go(self) -> None:
        if self._work is None and self._loop is not None:
            self._work = self._loop.create_task(self._do_work())

    async def _do_work(self) -> None:
        """Run the script for as long as there is something to do."""
        try:
            while self._operations or self._must_call:
                batch: list[Operation] = []
                was_open = self.link.is_open
                try:
                    if not self.link.is_open:
                        await self.link.open()
                        self._governed.connected()
                    batch = [each for each in self._operations[:_MOST_AT_ONCE] if not each.is_void]
                    del self._operations[:_MOST_AT_ONCE]
                    await self._run(batch)
                except Unusable as exc:
                    self._give_up(str(exc), batch)
                    break
                except OUTAGES as exc:
                    if was_open:  # the connection may have been cut while it was idle
                        self._keep(batch, None, lambda each: not each.was_asked)
                        self._must_call = self._governed.needs_redis()
                    elif not await self._is_worth_waiting(exc, batch):
                        break
                except Exception as exc:  # noqa: BLE001 - nobody may wait for ever
                    _log.exception("the governor cannot talk to Redis")
                    self._give_up(f"the governor failed ({type(exc).__name__})", batch)
                    self._operations.clear()
                    break
        finally:
            self._work = None
            self._governed.rested()

    async def _run(self, batch: list[Operation]) -> None:
        self._must_call = False
        loop = asyncio.get_running_loop()
        payload = self._encode(batch, loop.time())
        asked = clock()
        reply = await self.link.run(payload)
        self.asked_at = loop.time()
        self.heard = asked, reply.now
        self._pauses = 0
        if self.outage is not None:
            _log.warning("Redis at %s is back", self.link.address)
            self.outage = None
        self._governed.answered(batch, reply)

    def _encode(self, batch: list[Operation], now: float) -> bytes:
        lanes: dict[Lane, int] = {}
        operations: list[tuple[str, int, tuple[Any, ...]]] = []
        for operation in batch:
            lane, waiter, arguments = operation.lane, operation.waiter, operation.arguments
            if waiter is not None:
                waiter.asked = True
                is_first = operation.name == "enter"
                arguments = waiter.entering(now) if is_first else waiter.coming_back()
            place = lanes.setdefault(lane, len(lanes) + 1) if lane is not None else 0
            operations.append((operation.name, place, arguments))
        wires = [lane.wire for lane in lanes]
        lease = self._governed.longest_lease()
        return msgspec.msgpack.encode(
            (self.link.process, self.link.run_id, self.generation, lease, wires, operations)
        )

    # --- when Redis is away -------------------------------------------------------------------

    def _lost(self) -> None:
        """The connections broke while nothing was asked."""
        if self._governed.needs_redis() and not self._is_closed:
            self.call()

    async def _is_worth_waiting(self, exc: Exception, batch: list[Operation]) -> bool:
        """Keep what can be done later, and pause before Redis is asked again; false to give up."""
        if self.outage is None:
            _log.warning(
                "Redis at %s is away (%s): %s",
                self.link.address,
                type(exc).__name__,
                "permits are refused" if self._raises else "nothing is granted until it is back",
            )
        self.outage = type(exc).__name__
        reason = f"Redis at {self.link.address} is away ({self.outage})"
        if self._raises or self._is_closed:
            self._give_up(reason, batch)
            return False
        self._keep(batch, reason, lambda each: each.waiter is not None and not each.was_asked)
        self._must_call = self._governed.needs_redis()
        if self._must_call:
            share = random.uniform(0.5, 1.0)  # noqa: S311 - so that not all come at once
            await asyncio.sleep(share * min(0.05 * 2**self._pauses, _LONGEST_PAUSE))
            self._pauses = min(self._pauses + 1, 10)
        return self._governed.needs_redis() or any(not each.is_report for each in self._operations)

    def _give_up(self, reason: str, batch: list[Operation]) -> None:
        self._must_call = False
        self._keep(batch, reason, lambda _: False)
        self._governed.given_up(reason)

    def _keep(
        self, batch: list[Operation], reason: str | None, too: Callable[[Operation], bool]
    ) -> None:
        """Keep reports, and what else is chosen; give who waits for a result the reason."""
        operations = [*batch, *self._operations]
        for each in operations:
            if reason is not None and each.future is not None and not each.future.done():
                each.future.set_exception(GovernorUnavailable(reason))
        # Reports can be done without, as leases run out; who has yet to ask cannot be dropped.
        reports = [each for each in operations if each.is_report]
        dropped = {id(each) for each in reports[:-_MOST_KEPT]}
        self._operations = [
            each for each in operations if (each.is_report and id(each) not in dropped) or too(each)
        ]

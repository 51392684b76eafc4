"""
A stream as its consumer sees it: events one by one, and what becomes of them if nobody reads.

.. code-block:: python

    async for trade in bingx.swap.trades_stream("BTC-USDT"):
        ...

The connection may fall and be made again meanwhile; the loop does not see it, unless it asks with
:meth:`~bingx_async.Stream.with_gaps`. The subscription begins with the first event that is asked
for, or with ``async with``, and ends when the stream is closed or nobody holds it any more.

A consumer that is too slow never makes memory grow. What happens instead is its ``overflow``:

* ``"latest"`` keeps the newest event of each symbol. It is the default where an event makes those
  before it worthless: prices, tickers, the best levels of a book.
* ``"drop"`` throws the oldest ones away, and counts them.
* ``"raise"`` ends the stream with :exc:`~bingx_async.StreamOverflow`. It is the default where a
  missing event would be a lie: trades, changes of a book, events of an account.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Any, Final, Generic, Literal, Protocol, Self, TypeVar, get_args

from attrs import frozen

from bingx_async.errors import StreamOverflow

__all__ = ["Inbox", "Overflow", "Resumed", "Source", "Stream"]

Overflow = Literal["latest", "drop", "raise"]
T = TypeVar("T")
Event = TypeVar("Event")

_SIZE: Final = 10_000
"""How many events wait for a consumer, unless it says otherwise."""


@frozen
class Resumed:
    """
    A stream goes on after its connection was lost; what happened meanwhile was not told.

    Attributes:
        lost_for: Seconds from the last sign of the old connection to the first of the new one.
    """

    lost_for: float


class Inbox:
    """
    What waits for one consumer.

    Args:
        topic: What the exchange calls the stream.
        name: The stream's dotted name, for messages.
        overflow: What happens to a consumer that is too slow.

    Attributes:
        size: How many events wait at most.
        wants_gaps: Whether the consumer is told of gaps.
        dropped: How many events were thrown away.
        is_over: Whether nothing more will come.
        events: What waits, oldest first; empty where the latest of each symbol is kept.
        is_interrupted: Whether the connection is lost, as far as is known.
        on_interruption: Is called when it is lost.
    """

    def __init__(self, topic: str, *, name: str, overflow: Overflow) -> None:
        self.topic = topic
        self.name = name
        self.overflow: Overflow = overflow
        self.size = _SIZE
        self.wants_gaps = False
        self.dropped = 0
        self.is_over = False
        self.is_interrupted = False
        self.on_interruption: Callable[[], None] | None = None
        self.events: deque[Any] = deque()
        self._latest: dict[object, Any] = {}
        self._failure: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    def put(self, event: Any) -> None:
        """Take an event in."""
        if self.is_over:
            return
        if self.overflow == "latest":
            self._latest[event.symbol] = event
        elif len(self.events) < self.size:
            self.events.append(event)
        elif self.overflow == "drop":
            self.events.popleft()
            self.events.append(event)
            self.dropped += 1
        else:
            self.end(
                StreamOverflow(
                    f"{self.size} events of {self.topic} wait to be read: read faster, or choose"
                    ' a larger size or overflow="drop"',
                    endpoint=self.name,
                )
            )
        if (waiter := self._waiter) is not None and not waiter.done():
            waiter.set_result(None)

    def interrupt(self) -> None:
        """Take in that nothing comes for now."""
        self.is_interrupted = True
        if self.on_interruption is not None and not self.is_over:
            self.on_interruption()

    def gap(self, lost_for: float) -> None:
        """Take in that events may be missing from here on."""
        self.is_interrupted = False
        if not self.wants_gaps or self.is_over:
            return
        if self.overflow == "latest":
            earlier = self._latest.get(Resumed)
            self._latest[Resumed] = Resumed(lost_for + (earlier.lost_for if earlier else 0.0))
        else:
            self.events.append(Resumed(lost_for))
        self._wake()

    def end(self, failure: Exception | None = None) -> None:
        """Let nothing more come; what waits can still be read, and then the failure is raised."""
        if not self.is_over:
            self.is_over, self._failure = True, failure
            self._wake()

    async def get(self) -> Any:
        """
        Wait for the next event.

        Raises:
            StopAsyncIteration: There is none any more.
            BingXError: The stream failed.
            RuntimeError: Somebody else waits for it.
        """
        while not self.events and not self._latest:
            if self.is_over:
                if self._failure is not None:
                    raise self._failure
                raise StopAsyncIteration
            if self._waiter is not None:
                raise RuntimeError("two tasks read one stream: give each a stream of its own")
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        if self.events:
            return self.events.popleft()
        return self._latest.pop(next(iter(self._latest)))

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Source(Protocol):
    """Where the events of streams come from."""

    async def join(self, inbox: Inbox) -> None:
        """
        Let events of the inbox's topic come, from when this returns.

        Raises:
            BingXError: The exchange refused the subscription, or cannot be reached.
        """
        ...

    def leave(self, inbox: Inbox) -> None:
        """Let nothing more come; may be called at any time, and more than once."""
        ...

    async def resubscribe(self, inbox: Inbox) -> None:
        """Subscribe to the inbox's topic anew, so that its events begin from the beginning."""
        ...


class Stream(AsyncIterator[T], Generic[T]):
    """
    Events of one topic.

    Made by the methods of a section, such as ``bingx.swap.trades_stream("BTC-USDT")``. One task
    reads it; several streams of one topic share one subscription.
    """

    def __init__(self, source: Source, inbox: Inbox) -> None:
        self._source = source
        self._inbox = inbox
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def topic(self) -> str:
        """What the exchange calls it, such as ``BTC-USDT@trade``."""
        return self._inbox.topic

    @property
    def dropped(self) -> int:
        """How many events were thrown away because nobody read them in time."""
        return self._inbox.dropped

    @property
    def is_interrupted(self) -> bool:
        """Whether the connection is lost, as far as is known, and another one is being made."""
        return self._inbox.is_interrupted

    def when_interrupted(self, call: Callable[[], None]) -> None:
        """Have something called, without arguments, whenever the connection is lost."""
        self._inbox.on_interruption = call

    def buffered(self, size: int | None = None, *, overflow: Overflow | None = None) -> Self:
        """
        Choose what happens if the consumer is too slow; call it before the first event is read.

        Args:
            size: How many events wait at most; 10,000 by default. It means nothing for
                ``"latest"``, which keeps one for each symbol.
            overflow: ``"latest"``, ``"drop"`` or ``"raise"``; see :mod:`bingx_async.stream`.

        Returns:
            The same stream.

        Raises:
            ValueError: ``size`` is not positive, or there is no such ``overflow``.
            RuntimeError: The stream has begun.
        """
        if overflow is not None and overflow not in get_args(Overflow):
            raise ValueError(f"overflow must be one of {get_args(Overflow)}, not {overflow!r}")
        if size is not None and size < 1:
            raise ValueError(f"size must be at least 1, not {size!r}")
        if self._loop is not None:
            raise RuntimeError("the stream has begun: choose before the first event is read")
        self._inbox.overflow = overflow or self._inbox.overflow
        self._inbox.size = size or self._inbox.size
        return self

    def with_gaps(self) -> AsyncIterator[T | Resumed]:
        """
        Tell of gaps as well.

        Returns:
            What to iterate over instead. A :class:`Resumed` comes where events may be missing
            because the connection was lost.
        """
        self._inbox.wants_gaps = True
        return _WithGaps(self)

    async def resubscribe(self) -> None:
        """
        Begin anew, as if the connection had been lost; a depth stream sends the whole book again.

        All streams of the topic see it.

        Raises:
            BingXError: The exchange refused the subscription, or cannot be reached.
        """
        await self._source.resubscribe(self._inbox)

    async def close(self) -> None:
        """End the subscription, unless others share it; what waits is thrown away."""
        self._inbox.end()
        self._source.leave(self._inbox)

    async def _begin(self) -> None:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            try:
                await self._source.join(self._inbox)
            except BaseException:
                self._loop = None
                self._source.leave(self._inbox)
                raise

    async def _next(self) -> Any:
        if self._loop is None:
            await self._begin()
        return await self._inbox.get()

    async def __anext__(self) -> T:
        events = self._inbox.events  # which saves a call where many have come at once
        event: T = events.popleft() if events else await self._next()
        return event

    async def __aenter__(self) -> Self:
        await self._begin()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __del__(self) -> None:
        loop = getattr(self, "_loop", None)
        if loop is not None and not loop.is_closed():
            # Perhaps from another thread, or in the middle of something.
            loop.call_soon_threadsafe(self._source.leave, self._inbox)

    def __repr__(self) -> str:
        return f"<Stream {self.topic}>"


class _WithGaps(AsyncIterator[Event]):
    """See :meth:`Stream.with_gaps`."""

    def __init__(self, stream: Stream[Any]) -> None:
        self._stream = stream

    async def __anext__(self) -> Event:
        event: Event = await self._stream._next()  # noqa: SLF001
        return event

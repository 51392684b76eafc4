"""
The order book of one symbol, kept on this side from its snapshot and its increments.

.. code-block:: python

    async with bingx.swap.book("BTC-USDT") as book:
        while True:
            bid, ask = book.best
            ...
            await book.changed()

:mod:`bingx_async.swap.book_keeper` holds the rules. :class:`LocalOrderBook` feeds it from a stream
and mends gaps: it subscribes again, so that the exchange sends a snapshot.

**Nothing is shown of a book that is out of step.** From the first missing increment until the
book is whole again, ``is_live`` is false, the sides are empty and there is no best price. An order
priced by a book that is wrong costs money, while code that looks at a best price must cope with
there being none anyway: nobody may bid. Raising instead would turn what happens with every lost
connection into an exception at every place where a price is read.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import datetime
from types import TracebackType
from typing import Final, Self

from bingx_async.backoff import pause_before
from bingx_async.stream import Resumed, Stream
from bingx_async.swap.book_keeper import Best, BookKeeper, Outcome, Top
from bingx_async.swap.models.events import DepthUpdateEvent
from bingx_async.swap.models.market import Level

__all__ = ["LocalOrderBook"]

_log: Final = logging.getLogger("bingx_async")

# Seconds. Increments come at least every 0.8 s while there are changes, so one that is late by more
# is lost; without a limit, a market that falls quiet would leave the book waiting for long.
_MISSING: Final = 2.0
# A snapshot comes with a subscription, which may queue for a permit.
_SNAPSHOT: Final = 10.0
# A book that was in step for so long does not begin anew all the time.
_STEADY: Final = 10.0


class LocalOrderBook:
    """
    The order book of one symbol, kept up to date while it is open.

    While :attr:`is_live` is false, everything that is read is empty;
    :mod:`bingx_async.swap.book` says why. Quantities are in the traded asset.

    Any number of tasks may read one book, and should: a second book of the same symbol makes the
    exchange send the snapshot again, which the first one sees as a gap.

    Args:
        stream: The increments of the symbol; the book begins and closes it.

    Attributes:
        symbol: Trading pair with a hyphen.
        resyncs: How often the book was in step and had to begin anew.
    """

    def __init__(self, stream: Stream[DepthUpdateEvent]) -> None:
        self.symbol = stream.topic.partition("@")[0]
        self.resyncs = 0
        self._stream = stream
        self._keeper = BookKeeper()
        self._reader: asyncio.Task[None] | None = None
        self._over: Exception | None = None
        self._change = asyncio.Event()
        self._is_first = True  # what comes next, of all that comes
        self._is_mending = True  # a snapshot is needed, or asked for
        self._mended_at = 0.0
        self._is_interrupted = False  # by a lost connection, until the reader learns of its end
        self._attempts = 0  # to mend it, without a steady time between
        self._deadline: float | None = None  # for what is missing

    # --- what is read -------------------------------------------------------------------------

    @property
    def is_live(self) -> bool:
        """Whether the book is in step with the exchange, as far as is known."""
        return self._keeper.is_in_step and not self._is_interrupted

    @property
    def best(self) -> Best:
        """The best level of each side; ``None`` where there is none, or the book is not live."""
        return self._keeper.best if self.is_live else Best(None, None)

    @property
    def bids(self) -> list[Level]:
        """What is bid, highest price first; empty while the book is not live."""
        return self._keeper.bids() if self.is_live else []

    @property
    def asks(self) -> list[Level]:
        """What is asked, lowest price first; empty while the book is not live."""
        return self._keeper.asks() if self.is_live else []

    def top(self, count: int) -> Top:
        """
        Return the best levels of both sides at once; empty while the book is not live.

        Args:
            count: How many of each side, if there are so many.

        Raises:
            ValueError: ``count`` is not positive.
        """
        if count < 1:
            raise ValueError(f"count must be at least 1, not {count!r}")
        keeper = self._keeper
        return Top(keeper.bids(count), keeper.asks(count)) if self.is_live else Top([], [])

    @property
    def last_update_id(self) -> int | None:
        """The number of the last update in the book; ``None`` while the book is not live."""
        return self._keeper.last_update_id if self.is_live else None

    @property
    def time(self) -> datetime | None:
        """When the exchange sent that update."""
        return self._keeper.time if self.is_live else None

    async def changed(self) -> None:
        """
        Wait for the next change, from now on, of the levels or of ``is_live``.

        Raises:
            BingXError: The stream failed.
            RuntimeError: The book is closed, or was not opened.
        """
        self._check()
        await self._change.wait()
        self._check()

    async def live(self) -> None:
        """
        Wait until the book is in step; returns at once if it is.

        Raises:
            BingXError: The stream failed.
            RuntimeError: The book is closed, or was not opened.
        """
        self._check()
        while not self.is_live:
            await self.changed()

    # --- how it is kept -----------------------------------------------------------------------

    async def close(self) -> None:
        """Stop keeping the book, and close its stream."""
        self._end(RuntimeError(f"the book of {self.symbol} is closed"))
        reader, self._reader = self._reader, None
        try:
            if reader is not None:
                reader.cancel()
                await asyncio.gather(reader, return_exceptions=True)
        finally:
            await self._stream.close()

    async def _run(self, events: AsyncIterator[DepthUpdateEvent | Resumed]) -> None:
        try:
            self._expect_within(_SNAPSHOT)
            while True:
                event, before = await self._next(events), self.last_update_id
                is_beyond_repair = not self._take(event)
                if self.last_update_id != before:
                    self._notify()
                if is_beyond_repair:
                    await self._subscribe_again()
        except Exception as exc:  # noqa: BLE001 - raised again by whoever waits
            self._end(exc)

    async def _next(
        self, events: AsyncIterator[DepthUpdateEvent | Resumed]
    ) -> DepthUpdateEvent | Resumed | None:
        """Wait for an event; ``None`` if what is missing did not come in time."""
        try:
            async with asyncio.timeout_at(self._deadline):
                return await anext(events)
        except TimeoutError:
            return None
        except StopAsyncIteration:
            raise RuntimeError(f"the stream {self._stream.topic} is closed") from None

    def _take(self, event: DepthUpdateEvent | Resumed | None) -> bool:
        """Take in what came, and tell whether the book will be right without a new subscription."""
        is_first, self._is_first = self._is_first, False
        if event is None:
            last = self._keeper.last_update_id
            self._lose("no snapshot came" if last is None else f"{last + 1} did not come")
            return False
        if isinstance(event, Resumed):
            self._is_interrupted = self._stream.is_interrupted
            if self._is_mending:  # it was asked for, or interrupted once more
                self._keeper.reset()
            else:
                self._lose(f"the stream was interrupted for {event.lost_for:.1f} s")
            self._expect_within(_SNAPSHOT)
            return True
        outcome = self._keeper.apply(event)
        if outcome is Outcome.GAP:
            self._lose(self._keeper.gap)
            return False
        if outcome is Outcome.HELD:
            if self._deadline is None:
                self._expect_within(_MISSING)
            # A subscription begins with a snapshot, so this one is older, and others share it.
            return not is_first
        if outcome is Outcome.APPLIED:
            self._settle()
        return True

    def _settle(self) -> None:
        """Note that there is a book."""
        if not self.is_live:
            self._expect_within(_MISSING)
            return
        self._deadline = None
        if self._is_mending:
            self._is_mending, self._mended_at = False, asyncio.get_running_loop().time()

    def _lose(self, reason: str) -> None:
        """Begin anew."""
        _log.warning("%s: the book begins anew: %s", self.symbol, reason)
        self._keeper.reset()
        if not self._is_mending:
            self._is_mending = True
            self.resyncs += 1
            if asyncio.get_running_loop().time() - self._mended_at >= _STEADY:
                self._attempts = 0

    async def _subscribe_again(self) -> None:
        """Ask for a snapshot; the more often in a row, the slower."""
        if self._attempts:
            await asyncio.sleep(pause_before(self._attempts - 1))
        self._attempts += 1
        await self._stream.resubscribe()
        self._expect_within(_SNAPSHOT)

    def _expect_within(self, seconds: float) -> None:
        self._deadline = asyncio.get_running_loop().time() + seconds

    def _interrupted(self) -> None:
        """Show nothing while the connection is lost."""
        self._is_interrupted = True
        self._notify()

    def _end(self, failure: Exception) -> None:
        """Let the book be over."""
        if self._over is None:
            self._over = failure
            self._keeper.reset()
            self._notify()

    def _notify(self) -> None:
        self._change.set()
        self._change = asyncio.Event()

    def _check(self) -> None:
        if self._over is not None:
            raise self._over
        if self._reader is None:
            raise RuntimeError(f"the book of {self.symbol} is not open: use 'async with book:'")

    async def __aenter__(self) -> Self:
        if self._reader is not None or self._over is not None:
            raise RuntimeError(f"the book of {self.symbol} was opened before: make another")
        events = self._stream.with_gaps()  # before the first gap can come
        self._stream.when_interrupted(self._interrupted)
        try:
            await self._stream.__aenter__()
            self._reader = asyncio.create_task(self._run(events))
            await self.live()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        state = f"live at {self.last_update_id}" if self.is_live else "not live"
        return f"<LocalOrderBook {self.symbol} {state}>"

"""
The events of an account: one websocket, opened with a listen key, on which all of them come.

The key lives for an hour, so it is extended every half hour; when it is gone all the same, a new
one is made and the connection with it. All processes of an account are given the same key, so it is
never ended from here.

An event of an account that was missed is a fill that nobody knows of. So after each gap what
happened meanwhile is fetched, by a product's own :class:`Recovery`, and told before anything else.
What comes on the new connection waits until then, and what has been fetched already is not told
again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

from bingx_async.backoff import pause_before
from bingx_async.channel import Channel, stream_from
from bingx_async.errors import AuthError, BingXError, DecodeError, InvalidRequest
from bingx_async.stream import Inbox, Stream
from bingx_async.websocket import CLOSED, PATIENCE, Connection, Holder

__all__ = ["AccountFeed", "ListenKeys", "Recovery"]

_log: Final = logging.getLogger("bingx_async")

EXTEND: Final = 1800.0
"""Seconds after which a listen key is extended; it lives for 3600."""
EXTEND_AGAIN: Final = 60.0
"""Seconds after which it is tried again, if that failed."""
LATER: Final = 30.0
"""Seconds after a gap until it is asked once more what was missed, as histories may lag behind."""

_MOST_PENDING: Final = 10_000
_EXPIRED: Final = "listenKeyExpired"


class ListenKeys(Protocol):
    """Who makes listen keys."""

    async def create_listen_key(self) -> Any:
        """Make a key, or return the one that lives, as an object with ``listen_key``."""
        ...

    async def extend_listen_key(self, listen_key: str) -> None:
        """Let a key live for another hour; ``InvalidRequest`` if there is none such."""
        ...


class Recovery(Protocol):
    """What a product knows of its account's events: which were seen, and which were missed."""

    async def begin(self) -> None:
        """
        Note how things stand; the connection is open, and what comes on it waits.

        Raises:
            BingXError: The exchange cannot be asked.
        """
        ...

    def take(self, event: Any) -> Any | None:
        """Complete an event that came on the stream; ``None`` if it was told already."""
        ...

    async def catch_up(self) -> list[Any]:
        """
        Fetch what was missed, oldest first and marked as recovered; the connection is open again.

        Raises:
            BingXError: The exchange cannot be asked; it will be asked again.
        """
        ...


class AccountFeed:
    """
    All account streams of one product for one client.

    Args:
        address: Where the websockets are.
        connect: Makes a connection for a holder.
        keys: Makes listen keys.
        recovery: Fetches what was missed.
        channels: The kinds of events that there are; the recovery is told of all, as what nobody
            reads now may be asked for later.
        name: For messages, such as ``swap account``.
    """

    def __init__(
        self,
        address: str,
        *,
        connect: Callable[[Holder, str], Connection],
        keys: ListenKeys,
        recovery: Recovery,
        channels: Iterable[Channel],
        name: str,
    ) -> None:
        self._channels = {name: channel for channel in channels for name in channel.topics}
        self._address = address
        self._connect = connect
        self._keys = keys
        self._recovery = recovery
        self._name = name
        self._connection: Connection | None = None
        self._inboxes: dict[Inbox, Channel] = {}
        self._ready: asyncio.Future[None] | None = None
        self._pending: list[dict[str, Any]] = []
        self._catching: asyncio.Task[None] | None = None  # as long as it runs, messages wait
        self._lost_at: float | None = None
        self._key = ""
        self._timer: asyncio.TimerHandle | None = None  # to extend the key
        self._looking: asyncio.Task[None] | None = None  # for what was missed, once more
        self._work: set[asyncio.Task[None]] = set()

    def stream(self, channel: Channel, topic: str) -> Stream[Any]:
        """Make a stream of one kind of event."""
        return stream_from(self, channel, topic)

    async def join(self, inbox: Inbox, channel: Channel) -> None:
        """See :class:`~bingx_async.stream.Source`."""
        if self._connection is None or self._ready is None:
            connection = self._connect(self, self._name)
            connection.start()
            self._ready, self._connection = asyncio.get_running_loop().create_future(), connection
        self._inboxes[inbox] = channel
        await asyncio.shield(self._ready)

    def leave(self, inbox: Inbox) -> None:
        """See :class:`~bingx_async.stream.Source`."""
        if self._inboxes.pop(inbox, None) is not None and not self._inboxes:
            self._do(self._stop())

    async def resubscribe(self, inbox: Inbox) -> None:
        """See :class:`~bingx_async.stream.Source`."""
        if self._connection is not None:
            self._connection.renew("the stream is to begin anew")

    async def close(self) -> None:
        """End all streams."""
        for inbox in self._inboxes:
            inbox.end()
        self._inboxes.clear()
        await self._stop()
        await asyncio.gather(*self._work, return_exceptions=True)

    async def _stop(self) -> None:
        if self._inboxes:  # somebody came back
            return
        connection, self._connection, self._ready = self._connection, None, None
        if connection is not None:
            await connection.stop()

    # --- what the connection says -------------------------------------------------------------

    async def address(self) -> str:
        """See :class:`~bingx_async.websocket.Holder`."""
        self._key = (await self._keys.create_listen_key()).listen_key
        return f"{self._address}?listenKey={self._key}"

    def opened(self) -> None:
        """See :class:`~bingx_async.websocket.Holder`."""
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(EXTEND, lambda: self._do(self._extend()))
        self._catching = loop.create_task(self._catch_up())

    def heard(self, message: dict[str, Any]) -> None:
        """See :class:`~bingx_async.websocket.Holder`."""
        if message.get("e") == _EXPIRED:
            self._renew("the listen key has expired")
        elif self._catching is None:
            self._tell_of(message)
        elif len(self._pending) < _MOST_PENDING:
            self._pending.append(message)
        else:  # what is thrown away now is fetched later
            self._renew("too much came before what was missed could be fetched")

    def lost(self, reason: str) -> None:
        """See :class:`~bingx_async.websocket.Holder`."""
        for work in (self._timer, self._catching, self._looking):
            if work is not None:
                work.cancel()
        self._timer = self._catching = self._looking = None
        self._pending.clear()
        if reason != CLOSED and self._connection is not None:
            _log.warning("%s: the connection is lost (%s)", self._name, reason)
            if self._lost_at is None and self._ready is not None and self._ready.done():
                self._lost_at = self._connection.heard_at
                for inbox in self._inboxes:
                    inbox.interrupt()

    def failed(self, failure: BingXError) -> None:
        """See :class:`~bingx_async.websocket.Holder`."""
        if self._fail_first(failure) or isinstance(failure, AuthError):
            self._end(failure)

    def _fail_first(self, failure: BingXError) -> bool:
        """Fail those who wait for the first connection; tell whether there may be any."""
        if self._ready is None or self._ready.done():
            return False
        self._ready.set_exception(failure)
        self._ready.exception()  # whoever waited may have left
        return True

    def watch(self, now: float) -> None:
        """See :class:`~bingx_async.websocket.Holder`: nothing but heartbeats has to come."""

    # --- events -------------------------------------------------------------------------------

    async def _catch_up(self) -> None:
        """Fetch and tell what was missed, then what has come meanwhile."""
        try:
            await self._ask_what_was_missed()
        except Exception as exc:  # noqa: BLE001 - nobody may wait for ever
            _log.exception("%s: cannot go on", self._name)
            failure = BingXError(f"{self._name}: cannot go on ({type(exc).__name__})")
            self._fail_first(failure)
            self._end(failure)

    async def _ask_what_was_missed(self) -> None:
        assert self._ready is not None
        is_first, attempts = not self._ready.done(), 0
        while True:
            try:
                if is_first:
                    await self._recovery.begin()
                    missed: list[Any] = []
                else:
                    missed = await self._recovery.catch_up()
                break
            except BingXError as exc:
                attempts += 1
                _log.warning("%s: cannot fetch what was missed (%s)", self._name, exc)
                if isinstance(exc, AuthError) or (is_first and attempts == PATIENCE):
                    self.failed(exc)
                    return
                await asyncio.sleep(pause_before(attempts))
        self._resume(missed)
        if is_first:
            self._ready.set_result(None)
        else:
            self._looking = asyncio.get_running_loop().create_task(self._look_again())

    async def _look_again(self) -> None:
        """Fetch what the exchange's histories did not know yet, some time after a gap."""
        await asyncio.sleep(LATER)
        try:
            missed = await self._recovery.catch_up()
        except BingXError as exc:
            _log.warning("%s: cannot look again for what was missed (%s)", self._name, exc)
        else:
            for event in missed:
                self._tell(event)

    def _resume(self, missed: list[Any]) -> None:
        if self._lost_at is not None:
            lost_for = asyncio.get_running_loop().time() - self._lost_at
            self._lost_at = None
            _log.info("%s goes on after %.1f s", self._name, lost_for)
            for inbox in self._inboxes:
                inbox.gap(lost_for)
        for event in missed:
            self._tell(event)
        pending, self._pending = self._pending, []
        self._catching = None
        for message in pending:
            self._tell_of(message)

    def _tell_of(self, message: dict[str, Any]) -> None:
        name = message.get("e")
        channel = self._channels.get(name) if isinstance(name, str) else None
        if channel is None:
            _log.debug("%s: nobody knows of events %s", self._name, name)
            return
        try:
            events = channel.read(message)
        except DecodeError as exc:
            _log.warning("%s: %s", self._name, exc)
            self._end(exc, channel)
            return
        for event in events:
            if (told := self._recovery.take(event)) is not None:
                self._tell(told)

    def _tell(self, event: Any) -> None:
        for inbox, channel in list(self._inboxes.items()):
            if event.__class__ is channel.event:
                inbox.put(event)

    def _end(self, failure: BingXError, channel: Channel | None = None) -> None:
        """End streams that cannot go on: those of a channel, or all."""
        for inbox, its in list(self._inboxes.items()):
            if channel is None or its is channel:
                inbox.end(failure)
                self.leave(inbox)

    # --- the key ------------------------------------------------------------------------------

    async def _extend(self) -> None:
        """Let the key live on."""
        loop, pause = asyncio.get_running_loop(), EXTEND
        try:
            await self._keys.extend_listen_key(self._key)
        except InvalidRequest:
            self._renew("the listen key is gone")
            return
        except BingXError as exc:
            _log.warning("%s: cannot extend the listen key (%s)", self._name, exc)
            pause = EXTEND_AGAIN
        if self._timer is not None:
            self._timer = loop.call_later(pause, lambda: self._do(self._extend()))

    def _renew(self, reason: str) -> None:
        if self._connection is not None:
            self._connection.renew(reason)

    def _do(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

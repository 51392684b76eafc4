"""
Topics of the market, shared by those who read them and spread over as few websockets as possible.

What is subscribed to follows from who reads: a topic is wanted as long as it has an inbox. Whatever
happens, a connection brings what is subscribed to in line with what is wanted, a few topics at a
time. So a new connection subscribes to everything again by itself, and who comes and goes while
requests are under way does no harm.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from bingx_async.channel import Channel, stream_from
from bingx_async.errors import ApiError, BingXError, DecodeError, RateLimited
from bingx_async.stream import Inbox, Stream
from bingx_async.websocket import CLOSED, Connection, Holder, Lost

__all__ = ["Hub"]

_log: Final = logging.getLogger("bingx_async")

TOPICS: Final = 200
"""How many topics one websocket carries."""

_MOST_DOUBLINGS: Final = 6  # of the time after which a silent topic is subscribed to anew
_AT_ONCE: Final = 10  # requests; the governor lets no more go in a second


class _Topic:
    """One topic that is wanted."""

    def __init__(self, name: str, channel: Channel, now: float) -> None:
        self.name = name
        self.channel = channel
        self.inboxes: list[Inbox] = []
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.heard_at = now
        self.lost_at: float | None = None
        self.silences = 0  # how often it was too silent since it last spoke
        self.is_stale = False  # it is to be subscribed to anew

    def is_late(self, now: float) -> bool:
        """Tell whether it has been silent for too long."""
        silence = self.channel.silence
        if silence is None or not self.ready.done():
            return False
        return now - self.heard_at > silence * 2.0 ** min(self.silences, _MOST_DOUBLINGS)

    def resumed(self, now: float) -> None:
        """Tell of a gap that ends now."""
        self.heard_at = now
        if self.lost_at is not None:
            lost_for, self.lost_at = now - self.lost_at, None
            _log.info("%s goes on after %.1f s", self.name, lost_for)
            for inbox in self.inboxes:
                inbox.gap(lost_for)

    def lost(self, now: float) -> None:
        """Note that a gap begins."""
        if self.lost_at is None and self.ready.done():
            self.lost_at = now
            for inbox in self.inboxes:
                inbox.interrupt()

    def fail(self, failure: BingXError) -> None:
        """End all that reads it, or waits for it."""
        if not self.ready.done():
            self.ready.set_exception(failure)
            self.ready.exception()  # whoever waited may have left
        for inbox in self.inboxes:
            inbox.end(failure)


class _Carrier:
    """A websocket with its topics."""

    def __init__(self, hub: Hub, number: int) -> None:
        self.topics: dict[str, _Topic] = {}
        self.connection = hub.connection(self)
        self._hub = hub
        self._name = f"{hub.name} {number}"
        self._subscribed: set[str] = set()
        self._work: asyncio.Task[None] | None = None

    @property
    def load(self) -> int:
        """How many topics it carries, or still does."""
        return len(self._subscribed | self.topics.keys())

    # --- what the connection says -------------------------------------------------------------

    async def address(self) -> str:
        """See :class:`~bingx_async.websocket.Holder`."""
        return self._hub.address

    def opened(self) -> None:
        """See :class:`~bingx_async.websocket.Holder`."""
        self.align()

    def heard(self, message: dict[str, Any]) -> None:
        """See :class:`~bingx_async.websocket.Holder`."""
        name = message.get("dataType")
        topic = self.topics.get(name) or self._topic_of_all(name)  # type: ignore[arg-type]
        if topic is None:  # of one that was left
            return
        if topic.lost_at is not None:
            topic.resumed(self.connection.heard_at)
        topic.heard_at, topic.silences = self.connection.heard_at, 0
        try:
            events = topic.channel.read(message)
        except DecodeError as exc:
            self._drop(topic, exc)
            return
        for inbox in topic.inboxes:
            for event in events:
                inbox.put(event)

    def _topic_of_all(self, name: object) -> _Topic | None:
        """Find the topic of all symbols that a message of one symbol belongs to."""
        if not isinstance(name, str):
            return None
        return self.topics.get("all@" + name.partition("@")[2])

    def lost(self, reason: str) -> None:
        """See :class:`~bingx_async.websocket.Holder`."""
        self._subscribed.clear()
        if self._work is not None:
            self._work.cancel()
            self._work = None
        if reason != CLOSED:
            _log.warning("%s: the connection is lost (%s)", self._name, reason)
        for topic in self.topics.values():
            topic.is_stale = False
            topic.lost(self.connection.heard_at)

    def failed(self, failure: BingXError) -> None:
        """See :class:`~bingx_async.websocket.Holder`."""
        for topic in list(self.topics.values()):
            if not topic.ready.done():
                self._drop(topic, failure)

    def watch(self, now: float) -> None:
        """See :class:`~bingx_async.websocket.Holder`."""
        timed = [topic for topic in self.topics.values() if topic.channel.silence is not None]
        late = [topic for topic in timed if topic.is_late(now)]
        for topic in late:
            topic.silences += 1
        if late and all(topic.silences for topic in timed):
            self.connection.renew("nothing came but heartbeats")
        else:
            for topic in late:
                _log.warning("%s is silent: subscribing again", topic.name)
                self.renew(topic)

    # --- what is wanted, and what is subscribed to --------------------------------------------

    def renew(self, topic: _Topic) -> None:
        """Subscribe to a topic anew."""
        topic.lost(topic.heard_at)
        topic.heard_at = asyncio.get_running_loop().time()
        topic.is_stale = True
        self.align()

    def align(self) -> None:
        """Bring what is subscribed to in line with what is wanted."""
        if self._work is None and self.connection.is_open:
            self._work = asyncio.get_running_loop().create_task(self._align())

    async def stop(self) -> None:
        """Disconnect."""
        work, self._work = self._work, None
        if work is not None:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        await self.connection.stop()

    def _drop(self, topic: _Topic, failure: BingXError) -> None:
        """End a topic that cannot go on."""
        del self.topics[topic.name]
        topic.fail(failure)
        self._hub.dropped(self)

    def _changes(self) -> list[tuple[str, str]]:
        """List the requests that are needed, as far as they can be made at once."""
        for name, topic in self.topics.items():
            if name in self._subscribed and not topic.ready.done() and not topic.is_stale:
                self._take_over(topic)
        changes = [
            ("unsub", name)
            for name in self._subscribed
            if name not in self.topics or self.topics[name].is_stale
        ]
        for name, topic in self.topics.items():
            if name not in self._subscribed:
                topic.is_stale = False
                changes.append(("sub", name))
        return changes[:_AT_ONCE]

    def _take_over(self, topic: _Topic) -> None:
        """Deal with who came before the subscription of those who left had ended."""
        if topic.channel.snapshot:
            topic.is_stale = True
        else:
            topic.ready.set_result(None)

    async def _align(self) -> None:
        try:
            while changes := self._changes():
                done = await asyncio.gather(
                    *(self._change(*each) for each in changes), return_exceptions=True
                )
                for failure in done:
                    if isinstance(failure, Lost):  # which the connection says by itself
                        return
                    if failure is not None:
                        raise failure
        finally:
            if self._work is asyncio.current_task():
                self._work = None

    async def _change(self, kind: str, name: str) -> None:
        topic = self.topics.get(name)
        try:
            await self.connection.request(kind, name, name=topic.channel.name if topic else name)
        except BingXError as exc:
            self._refused(kind, name, topic, exc)
            return
        if kind == "unsub":
            self._subscribed.discard(name)
            return
        self._subscribed.add(name)
        if (topic := self.topics.get(name)) is not None:
            topic.resumed(asyncio.get_running_loop().time())
            if not topic.ready.done():
                topic.ready.set_result(None)

    def _refused(self, kind: str, name: str, topic: _Topic | None, exc: BingXError) -> None:
        """Deal with a request that was refused, or was given no permit."""
        is_wanted = topic is not None and self.topics.get(name) is topic
        if isinstance(exc, RateLimited):
            _log.warning("%s: %s; trying again", self._name, exc)
        elif kind == "unsub" and isinstance(exc, ApiError):
            _log.warning("%s: cannot end the subscription to %s: %s", self._name, name, exc)
            self._subscribed.discard(name)
        elif topic is not None and (isinstance(exc, ApiError) or not topic.ready.done()):
            if is_wanted:
                self._drop(topic, exc)
        else:  # no permit, for what had one before
            self.connection.renew(str(exc))
            raise Lost(str(exc))


class Hub:
    """
    All market streams of one product for one client.

    Args:
        address: Where the websockets are.
        connect: Makes a connection for a holder.
        name: For messages, such as ``swap streams``.
    """

    def __init__(
        self, address: str, *, connect: Callable[[Holder, str], Connection], name: str
    ) -> None:
        self.address = address
        self.name = name
        self._connect = connect
        self._carriers: list[_Carrier] = []
        self._places: dict[Inbox, tuple[_Carrier, _Topic]] = {}
        self._stopping: set[asyncio.Task[None]] = set()
        self._number = 0

    def stream(self, channel: Channel, topic: str) -> Stream[Any]:
        """Make a stream of a topic."""
        return stream_from(self, channel, topic)

    def connection(self, holder: Holder) -> Connection:
        """Make a connection."""
        return self._connect(holder, self.name)

    async def join(self, inbox: Inbox, channel: Channel) -> None:
        """See :class:`~bingx_async.stream.Source`."""
        carrier = self._carrier_for(inbox)
        topic = carrier.topics.get(inbox.topic)
        if topic is None:
            now = asyncio.get_running_loop().time()
            topic = carrier.topics[inbox.topic] = _Topic(inbox.topic, channel, now)
        elif channel.snapshot and topic.ready.done():
            carrier.renew(topic)
        topic.inboxes = [*topic.inboxes, inbox]  # a new one, as events may be handed out just now
        if topic.lost_at is not None:
            inbox.interrupt()
        self._places[inbox] = carrier, topic
        carrier.align()
        await asyncio.shield(topic.ready)

    def leave(self, inbox: Inbox) -> None:
        """See :class:`~bingx_async.stream.Source`."""
        carrier, topic = self._places.pop(inbox, (None, None))
        if carrier is None or topic is None:
            return
        topic.inboxes = [each for each in topic.inboxes if each is not inbox]
        if not topic.inboxes and carrier.topics.get(topic.name) is topic:
            del carrier.topics[topic.name]
            self.dropped(carrier)

    async def resubscribe(self, inbox: Inbox) -> None:
        """See :class:`~bingx_async.stream.Source`."""
        if (place := self._places.get(inbox)) is not None:
            carrier, topic = place
            carrier.renew(topic)

    def dropped(self, carrier: _Carrier) -> None:
        """A carrier has a topic less; without any it is not needed."""
        if carrier.topics:
            carrier.align()
        elif carrier in self._carriers:
            self._carriers.remove(carrier)
            task = asyncio.get_running_loop().create_task(carrier.stop())
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)

    async def close(self) -> None:
        """End all streams."""
        carriers, self._carriers = self._carriers, []
        for inbox in self._places:
            inbox.end()
        self._places.clear()
        await asyncio.gather(*(carrier.stop() for carrier in carriers), *self._stopping)

    def _carrier_for(self, inbox: Inbox) -> _Carrier:
        for carrier in self._carriers:
            if inbox.topic in carrier.topics:
                return carrier
        for carrier in self._carriers:
            if carrier.load < TOPICS:
                return carrier
        self._number += 1
        carrier = _Carrier(self, self._number)
        carrier.connection.start()
        self._carriers.append(carrier)
        return carrier

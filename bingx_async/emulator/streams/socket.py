"""
One websocket, as the exchange holds it.

Frames are handed to the connection at once, without a task in between, so that what happens in one
moment is sent in that moment. Only where the network is slow they wait for their time.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, NamedTuple, Self

from bingx_async.emulator.faults import StreamFaults
from bingx_async.emulator.streams.frames import closing, frame, pack
from bingx_async.emulator.streams.ledger import Kind, Sent
from bingx_async.emulator.streams.rules import StreamRules
from bingx_async.wire import encode

__all__ = ["Packet", "Road", "Socket"]

_UNANSWERED: Final = 3
"""So many heartbeats may be left without an answer."""
_NOT_JSON: Final = b"<html><body>Service temporarily busy</body></html>"
_NOT_GZIP: Final = b"\x00"
_ACCOUNT: Final = ""
"""The place in which events of the account wait for the next one."""


class Packet(NamedTuple):
    """
    A message, made once for all who get it.

    Attributes:
        topic: The topic, or the name of the event.
        frame: What is sent.
        number: What it is known by.
        place: Where it waits for the next one, if it is to be sent after that.
    """

    topic: str
    frame: bytes
    number: int | None = None
    place: str = _ACCOUNT

    @classmethod
    def of_topic(cls, topic: str, message: object, number: int | None = None) -> Self:
        """Make a message of a topic."""
        return cls(topic, pack(encode(message)), number, topic)

    @classmethod
    def of_account(cls, event: Mapping[str, object], number: int | None = None) -> Self:
        """Make an event of an account."""
        return cls(str(event["e"]), pack(encode(event)), number)


class Road:
    """
    What all websockets have in common: rules, faults, and the ledger.

    Args:
        rules: What is demanded.
        faults: What goes wrong; can be exchanged at any time.
        draw: Decides when.
        ledger: Takes note.
        now: What time it is on the exchange.
    """

    def __init__(
        self,
        rules: StreamRules,
        faults: StreamFaults,
        draw: random.Random,
        ledger: Callable[[Sent], None],
        now: Callable[[], datetime],
    ) -> None:
        self.rules = rules
        self.faults = faults
        self.draw = draw
        self.note = ledger
        self.now = now


class Socket:
    """
    One websocket.

    Args:
        number: Its number.
        ip: Where it comes from.
        transport: The connection.
        road: What it has in common with the others.
        uid: Whose events it carries; ``None`` for the market alone.
        key: The listen key that it is opened with; ``""`` without one.

    Attributes:
        uid: As given; ``None`` once the listen key has ended.
        topics: What it has subscribed to.
        snapshot_at: When it is told next how the account stands, in seconds of the loop's clock.
        gone: Is done once the connection has ended.
    """

    def __init__(
        self,
        number: int,
        ip: str,
        transport: asyncio.Transport,
        road: Road,
        *,
        uid: str | None = None,
        key: str = "",
    ) -> None:
        self.number = number
        self.ip = ip
        self.uid = uid
        self.key = key
        self.topics: set[str] = set()
        self.snapshot_at = 0.0
        self._transport = transport
        self._road = road
        self._loop = asyncio.get_running_loop()
        self.gone: asyncio.Future[None] = self._loop.create_future()
        self._silent_until = 0.0
        self._late: deque[tuple[float, Kind, Packet]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._held: dict[str, Packet] = {}
        self._unanswered = 0
        self._pings = 0
        self._is_cut = False
        self._beats = self._loop.call_later(road.rules.heartbeat, self._beat)
        self.note("opened")

    # --- sending ----------------------------------------------------------------------------

    def answer(self, packet: Packet, kind: Kind) -> None:
        """Send what is no message of a topic."""
        self._send(kind, packet)

    def push(self, packet: Packet) -> None:
        """Send a message, unless something goes wrong."""
        fate = self._road.faults.fate(self._road.draw)
        if fate == "dropped":
            self.cut("dropped", packet)
        elif fate == "lost":
            self.note("lost", packet)
        elif fate == "garbage":
            self._send("garbage", self._garbage(packet))
        elif fate == "reordered" and packet.place not in self._held:
            self._held[packet.place] = packet
        else:
            self._send("push", packet)
            if fate == "duplicated":
                self._send("push", packet)
            if self._held and (held := self._held.pop(packet.place, None)) is not None:
                self._send("push", held)

    def silence(self, seconds: float) -> None:
        """Send nothing for a while; what should have been sent meanwhile is lost."""
        self._silent_until = time.monotonic() + seconds

    @property
    def _is_silent(self) -> bool:
        return bool(self._silent_until) and time.monotonic() < self._silent_until

    def _send(self, kind: Kind, packet: Packet) -> None:
        delay = self._road.faults.delay(self._road.draw)
        if self._is_silent:
            self.note("lost", packet)
        elif delay > 0 or self._late:
            due = self._loop.time() + delay
            if self._late:
                due = max(due, self._late[-1][0])
            self._late.append((due, kind, packet))
            if self._timer is None:
                self._timer = self._loop.call_at(due, self._send_late)
        else:
            self._write(kind, packet)

    def _send_late(self) -> None:
        now = self._loop.time()
        self._timer = None
        while self._late and self._late[0][0] <= now:
            _, kind, packet = self._late.popleft()
            if self._is_silent:
                self.note("lost", packet)
            else:
                self._write(kind, packet)
        if self._late:
            self._timer = self._loop.call_at(self._late[0][0], self._send_late)

    def _write(self, kind: Kind, packet: Packet) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(packet.frame)
        self.note(kind, packet)
        if self._transport.get_write_buffer_size() > self._road.rules.most_waiting:
            self.cut()

    def _garbage(self, packet: Packet) -> Packet:
        draw = self._road.draw
        if draw.random() < 1 / 2:
            return packet._replace(frame=pack(_NOT_JSON))
        return packet._replace(frame=frame(_NOT_GZIP + draw.randbytes(31)))

    def note(self, kind: Kind, packet: Packet | None = None) -> None:
        """Take note of something in the ledger."""
        if packet is None:
            self._road.note(Sent(time.monotonic(), self.number, self.uid, kind))
            return
        topic, number, content = packet.topic, packet.number, packet.frame
        self._road.note(Sent(time.monotonic(), self.number, self.uid, kind, topic, number, content))

    # --- heartbeats -------------------------------------------------------------------------

    def _beat(self) -> None:
        if self._unanswered == _UNANSWERED:
            self.close(1008)
            return
        self._beats = self._loop.call_later(self._road.rules.heartbeat, self._beat)
        if self._is_silent:
            return
        self._unanswered += 1
        self._pings += 1
        text = b"Ping"
        if self._road.rules.json_pings:
            iso = self._road.now().isoformat(timespec="milliseconds")
            text = encode({"ping": self._ping, "time": iso})
        self._send("ping", Packet("", pack(text), self._pings))

    @property
    def _ping(self) -> str:
        """The id of the last heartbeat."""
        return f"{self.number}-{self._pings}"

    def ponged(self, answer: object = None) -> None:
        """Take the answer to a heartbeat: the text, or the id in JSON, which must be the last."""
        if answer is None or not self._road.rules.json_pings or answer == self._ping:
            self._unanswered = 0

    # --- the end ----------------------------------------------------------------------------

    def close(self, code: int) -> None:
        """Say farewell and end the connection."""
        if not self._transport.is_closing():
            self._transport.write(closing(code))
            self._transport.close()
        self._stop()

    def cut(self, kind: Kind = "cut", packet: Packet | None = None) -> None:
        """Abort the connection."""
        if not self._is_cut:
            self._is_cut = True
            self.note(kind, packet)
            self._transport.abort()
            self._stop()

    def ended(self) -> None:
        """The connection has ended, by itself or not."""
        self._stop()
        if not self._is_cut:
            self.note("closed")
        if not self.gone.done():
            self.gone.set_result(None)

    def _stop(self) -> None:
        self._beats.cancel()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._late.clear()
        self._held.clear()

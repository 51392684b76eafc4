"""
The websockets of the emulated exchange: who is connected, what they read, and when they are told.

While anybody is connected, one timer looks at the market and at the clock. Each topic is worked out
once, however many read it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, cast

import aiohttp
from aiohttp import web

from bingx_async.emulator.exchange import Exchange
from bingx_async.emulator.faults import StreamFaults
from bingx_async.emulator.streams.account import AccountTeller, Event, key_expired
from bingx_async.emulator.streams.frames import pack
from bingx_async.emulator.streams.ledger import Sent
from bingx_async.emulator.streams.market import Book, Message, Teller, teller
from bingx_async.emulator.streams.rules import StreamRules
from bingx_async.emulator.streams.socket import Packet, Road, Socket
from bingx_async.emulator.streams.topics import Topic, parse
from bingx_async.errors import InvalidRequest
from bingx_async.wire import WireError, decode, encode

__all__ = ["PATH", "StreamServer"]

PATH: Final = "/swap-market"

_MOST_LINES: Final = 100_000
"""So many are kept in the ledger, which hold what was sent."""
_GRACE: Final = 0.1
"""Seconds that a client has to take in what was sent before the exchange closes."""
_LARGEST: Final = 64 * 1024
"""Bytes of a message of a client, at most."""

_BAD, _TOO_OFTEN, _TOO_MANY, _TWICE, _NONE_SUCH = 100400, 100410, 80403, 100205, 100204


class _Subject:
    """A topic that somebody reads; those who have not been told the whole book yet are new."""

    def __init__(self, topic: Topic, tellers: dict[str, Teller]) -> None:
        self.topic = topic
        self.tellers = tellers
        self.readers: dict[Socket, None] = {}
        self.new: list[Socket] = []
        self.due = 0.0
        self.second = -1

    def is_due(self, now: float, second: int) -> bool:
        """Tell whether it is time to push, and note that it is done."""
        if not self.topic.every:
            is_due, self.second = second != self.second, second
            return is_due
        if now < self.due:
            return False
        self.due += self.topic.every
        if self.due <= now:
            self.due = now + self.topic.every
        return True


class StreamServer:
    """
    All websockets.

    Args:
        exchange: What is told of.
        rules: What is demanded of clients.
        faults: What goes wrong.
        seed: Of the faults.
    """

    def __init__(
        self, exchange: Exchange, *, rules: StreamRules, faults: StreamFaults, seed: int
    ) -> None:
        self.ledger: deque[Sent] = deque(maxlen=_MOST_LINES)
        self.road = Road(
            rules, faults, random.Random(f"streams/{seed}"), self.ledger.append, exchange.now
        )
        self.sockets: dict[int, Socket] = {}
        self._exchange = exchange
        self._subjects: dict[str, _Subject] = {}
        self._listeners: defaultdict[str, list[Socket]] = defaultdict(list)
        self._account = AccountTeller(
            exchange.engine, is_heard=self._listeners.__contains__, told=self._tell
        )
        self._made = 0
        self._from: Counter[str] = Counter()  # open websockets by address
        self._asked: defaultdict[str, deque[float]] = defaultdict(deque)
        self._hears = False
        self._timer: asyncio.TimerHandle | None = None
        self._passed = exchange.passed

    # --- connections ------------------------------------------------------------------------

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one websocket to its end."""
        response = web.WebSocketResponse(compress=False, max_msg_size=_LARGEST)
        if not response.can_prepare(request):
            return web.Response(status=400, text="this is a websocket")
        key, ip = request.query.get("listenKey"), request.remote or "unknown"
        uid = None
        if key is not None:
            uid = self._exchange.listen_keys.uid_of(key, self._exchange.now())
        status = 0
        if self.road.faults.refused and self.road.draw.random() < self.road.faults.refused:
            status = 503
        elif key is not None and uid is None:
            status = 401
        elif self._from[ip] >= self.road.rules.sockets_per_ip:
            status = 403
        if status:
            self.ledger.append(Sent(time.monotonic(), 0, uid, "refused", number=status))
            return web.Response(status=status)
        self._from[ip] += 1
        try:
            await response.prepare(request)
            if request.transport is not None:
                await self._serve(response, self._open(ip, request.transport, uid, key or ""))
        finally:
            self._from[ip] -= 1
        return response

    async def _serve(self, response: web.WebSocketResponse, socket: Socket) -> None:
        try:
            while True:
                message = await response.receive()
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._hear(socket, message.data)
                elif message.type is aiohttp.WSMsgType.BINARY:
                    self._answer(socket, "", _BAD, "messages are text", "")
                else:
                    return
        finally:
            self._leave(socket)

    def _open(self, ip: str, transport: asyncio.Transport, uid: str | None, key: str) -> Socket:
        self._made += 1
        socket = Socket(self._made, ip, transport, self.road, uid=uid, key=key)
        self.sockets[socket.number] = socket
        if self._timer is None:
            self._passed = self._exchange.passed
            self._timer = asyncio.get_running_loop().call_later(self.road.rules.tick, self._tick)
        if uid is not None:
            if not self._hears:
                self._hears = True
                self._exchange.engine.subscribe(self._account.hear)
            self._listeners[uid].append(socket)
            self._exchange.engine.advance(self._exchange.now())
            self._account.look(uid, self._exchange.now())
            self._snapshot(socket)
        return socket

    def _leave(self, socket: Socket) -> None:
        for name in list(socket.topics):
            self._unsubscribe(socket, name)
        self._unlisten(socket)
        if self._hears and not self._listeners:
            self._hears = False
            self._exchange.engine.unsubscribe(self._account.hear)
        del self.sockets[socket.number]
        if not self.sockets and self._timer is not None:
            self._timer.cancel()
            self._timer = None
        socket.ended()

    def _unlisten(self, socket: Socket) -> None:
        """Tell a websocket nothing more of its account."""
        if socket.uid is None or socket not in self._listeners.get(socket.uid, ()):
            return
        self._listeners[socket.uid].remove(socket)
        if not self._listeners[socket.uid]:
            del self._listeners[socket.uid]
            self._account.forget(socket.uid)

    async def close(self) -> None:
        """End all websockets."""
        sockets = list(self.sockets.values())
        for socket in sockets:
            socket.close(1001)
        if sockets:
            _, left = await asyncio.wait([socket.gone for socket in sockets], timeout=_GRACE)
            for socket in list(self.sockets.values()):
                socket.cut()
            if left:
                await asyncio.wait(left, timeout=_GRACE)

    # --- requests ---------------------------------------------------------------------------

    def _hear(self, socket: Socket, text: str) -> None:
        if text == "Pong":
            socket.ponged()
            return
        asked = _object(text)
        if "pong" in asked:
            socket.ponged(asked["pong"])
            return
        number, kind, name = (_text(asked.get(key)) for key in ("id", "reqType", "dataType"))
        code, message = 0, ""
        if self._is_too_often(socket.ip):
            most = self.road.rules.subscriptions_per_second
            code, message = _TOO_OFTEN, f"not more than {most} requests in a second"
        elif not (number and kind and name):
            code, message = _BAD, "id, reqType and dataType are needed, as text"
        elif kind == "sub":
            code, message = self._subscribe(socket, name)
        elif kind != "unsub":
            code, message = _BAD, f"reqType is sub or unsub, not {kind}"
        elif name in socket.topics:
            self._unsubscribe(socket, name)
        else:
            code, message = _NONE_SUCH, f"there is no subscription to {name}"
        self._answer(socket, number, code, message, name)

    def _answer(self, socket: Socket, number: str, code: int, message: str, topic: str) -> None:
        ack = {"id": number, "code": code, "msg": message, "dataType": "", "data": None}
        packet = Packet(topic, pack(encode(ack)), code)
        socket.answer(packet, "refused" if code else "ack")

    def _is_too_often(self, ip: str) -> bool:
        now, window = time.monotonic(), self._asked[ip]
        while window and now - window[0] >= 1:
            window.popleft()
        window.append(now)
        return len(window) > self.road.rules.subscriptions_per_second

    def _subscribe(self, socket: Socket, name: str) -> tuple[int, str]:
        if name in socket.topics:
            return _TWICE, f"there is a subscription to {name} already"
        try:
            topic = parse(name)
        except InvalidRequest as refusal:
            return refusal.code or _BAD, refusal.message
        if len(socket.topics) >= self.road.rules.topics_per_socket:
            return _TOO_MANY, f"not more than {self.road.rules.topics_per_socket} topics"
        if (subject := self._subjects.get(name)) is None:
            now = self._exchange.now()
            tellers = {
                symbol: teller(topic, symbol, self._exchange.market, now)
                for symbol in topic.symbols
            }
            subject = self._subjects[name] = _Subject(topic, tellers)
        socket.topics.add(name)
        if topic.kind == "incrDepth":
            subject.new.append(socket)
        else:
            subject.readers[socket] = None
        return 0, ""

    def _unsubscribe(self, socket: Socket, name: str) -> None:
        socket.topics.discard(name)
        subject = self._subjects[name]
        subject.readers.pop(socket, None)
        subject.new = [each for each in subject.new if each is not socket]
        if not subject.readers and not subject.new:
            del self._subjects[name]

    # --- pushes -----------------------------------------------------------------------------

    def push(self, topic: str, data: object, beside: dict[str, object]) -> int:
        """Send a message to all who read a topic, right now; tell to how many."""
        if (subject := self._subjects.get(topic)) is None:
            return 0
        readers = [*subject.readers, *subject.new]
        message = {"code": 0, "dataType": topic, **beside, "data": data}
        _push(readers, Packet.of_topic(topic, message))
        return len(readers)

    def cut(self, uid: str | None) -> int:
        """Abort all websockets, or those of one account; tell how many."""
        cut = [each for each in self.sockets.values() if uid in {None, each.uid}]
        for socket in cut:
            socket.cut()
        return len(cut)

    def silence(self, seconds: float) -> int:
        """Send nothing for a while on those that are open; tell how many they are."""
        for socket in self.sockets.values():
            socket.silence(seconds)
        return len(self.sockets)

    def look(self) -> None:
        """See whether a listen key has ended, or a setting of an account was changed."""
        if not self._listeners:
            return
        now = self._exchange.now()
        for uid in list(self._listeners):
            for socket in list(self._listeners[uid]):
                self._check_key(socket, now)
            if uid in self._listeners:
                self._account.look(uid, now)

    def _tick(self) -> None:
        loop, exchange = asyncio.get_running_loop(), self._exchange
        self._timer = loop.call_later(self.road.rules.tick, self._tick)
        at, now = loop.time(), exchange.now()
        if self._listeners:
            exchange.engine.advance(now)
            self.look()
            heard = [each for sockets in self._listeners.values() for each in sockets]
            for socket in heard:
                self._snapshot(socket)
        has_jumped = self._passed != exchange.passed  # a test has let time pass
        self._passed = exchange.passed
        second = exchange.market.last_trade(now)
        for subject in list(self._subjects.values()):
            if has_jumped:
                subject.due = 0.0
            if subject.is_due(at, second):
                self._tell_news(subject, now)
            if subject.new:
                self._tell_whole(subject)

    def _tell_news(self, subject: _Subject, now: datetime) -> None:
        readers = list(subject.readers)
        for symbol, each in subject.tellers.items():
            for message in each.messages(now):
                _push(readers, _packet(subject.topic, symbol, message))

    def _tell_whole(self, subject: _Subject) -> None:
        """Tell the whole book to those who have just subscribed to its changes."""
        new, subject.new = subject.new, []
        subject.readers.update(dict.fromkeys(new))
        for symbol, each in subject.tellers.items():
            if isinstance(each, Book):
                whole = each.whole(self._exchange.now())
                _push(new, _packet(subject.topic, symbol, whole))

    # --- accounts ---------------------------------------------------------------------------

    def _tell(self, uid: str, event: Event, number: int | None) -> None:
        """Send an event to all who listen to an account."""
        listening = [
            each
            for each in list(self._listeners.get(uid, ()))
            if self._check_key(each, self._exchange.engine.now)
        ]
        if listening:
            _push(listening, Packet.of_account(event, number))

    def _snapshot(self, socket: Socket) -> None:
        """Tell how the account stands, if it is time to."""
        now, at = self._exchange.now(), asyncio.get_running_loop().time()
        if socket.uid is None or at < socket.snapshot_at:
            return
        socket.snapshot_at = at + self.road.rules.account_snapshot_every
        for event in self._account.snapshot(socket.uid, now):
            socket.push(Packet.of_account(event))

    def _check_key(self, socket: Socket, now: datetime) -> bool:
        """Tell whether a websocket's listen key still lives; if not, say so on it, for the last."""
        if self._exchange.listen_keys.uid_of(socket.key, now) is not None:
            return True
        socket.answer(Packet.of_account(key_expired(socket.key, now)), "push")
        self._unlisten(socket)
        socket.uid = None
        return False


def _object(text: str) -> dict[str, Any]:
    """Read a request; what is none holds nothing."""
    try:
        found = decode(text)
    except WireError:
        found = None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _text(found: object) -> str:
    return found if isinstance(found, str) else ""


def _packet(topic: Topic, symbol: str, message: Message) -> Packet:
    written = {
        "code": 0,
        "dataType": topic.data_type(symbol),
        **message.beside,
        "data": message.data,
    }
    return Packet.of_topic(topic.name, written, message.number)


def _push(sockets: Iterable[Socket], packet: Packet) -> None:
    for socket in sockets:
        socket.push(packet)

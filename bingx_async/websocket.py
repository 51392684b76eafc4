"""
One websocket that is kept open: whatever ends it, it is made again.

Frames of the exchange are compressed with gzip, heartbeats and acknowledgements as well. A
heartbeat is answered in the form in which it came. A connection is lost when it is closed or
reset, when it says nothing for a while (the exchange sends a heartbeat every five seconds), and
when it says what cannot be read. It is made again after a pause of random length that grows with
each failure; whoever uses it is told, and says there again what it wants.

Requests carry an id, by which their acknowledgements are found. They are sent through the governor,
since the exchange limits how many an address may send in a second.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, Protocol
from uuid import uuid4
from weakref import WeakKeyDictionary

import aiohttp

from bingx_async.backoff import pause_before
from bingx_async.converter import converter
from bingx_async.endpoint import Endpoint
from bingx_async.errors import BingXError, InvalidRequest, NotSent, RateLimited, api_error
from bingx_async.permit import AnyGovernor
from bingx_async.quota import STREAMS
from bingx_async.signing import json_text
from bingx_async.wire import WireError, decode

__all__ = ["CLOSED", "Connection", "Holder", "Lost"]

_log: Final = logging.getLogger("bingx_async")

SILENCE: Final = 20.0
"""Seconds without a frame after which a connection is given up; heartbeats come every five."""
ACK: Final = 10.0
"""Seconds to wait for an acknowledgement."""
WATCH: Final = 1.0
"""How often, in seconds, it is looked whether something is too silent."""
SOCKETS: Final = 60
"""How many websockets an IP address may hold."""
CLOSED: Final = "closed"
"""The reason of a connection that nobody wants any more."""
PATIENCE: Final = 3
"""So many failures in a row fail those who wait for a first connection; others wait on."""

# Whoever is gone would not answer a close.
_NO_FAREWELL: Final = aiohttp.ClientWSTimeout(ws_close=0.0)  # pyright: ignore[reportCallIssue]
_held: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, Counter[str]]] = WeakKeyDictionary()
_GZIP: Final = 31  # zlib's word for it
# So many frames that have come already are read at a time. Then their readers get to run: what they
# have not taken yet fills their buffers, and is work for the garbage collector.
_IN_A_ROW: Final = 16
_MOST: Final = 16 * 1024 * 1024  # bytes of one frame


async def _subscribe() -> None:
    """Subscribe, or end a subscription."""


SUBSCRIBE: Final = Endpoint(
    name="streams.subscribe",
    method="WS",
    path="",
    quota=None,
    group=STREAMS,
    needs=None,
    body="json",
    stub=_subscribe,
)
"""What a governor knows requests on websockets as."""


class Lost(Exception):  # noqa: N818 - the connection is
    """The connection is of no use any more."""


class Holder(Protocol):
    """Who uses a connection."""

    async def address(self) -> str:
        """Tell where to connect to."""
        ...

    def opened(self) -> None:
        """A connection was made: say what you want."""
        ...

    def heard(self, message: dict[str, Any]) -> None:
        """Take in a message. What is raised as ``Lost`` ends the connection."""
        ...

    def lost(self, reason: str) -> None:
        """The connection is gone; another one will be made, unless nobody wants it."""
        ...

    def failed(self, failure: BingXError) -> None:
        """No connection could be made, again and again; nobody who is new should wait."""
        ...

    def watch(self, now: float) -> None:
        """Look whether something is too silent; ``now`` is the event loop's time."""
        ...


class Connection:
    """
    A websocket for as long as it is wanted.

    Args:
        holder: Who uses it.
        session: Returns the aiohttp session.
        governor: Returns who hands out permits.
        ip: Label of the IP address, under which requests are counted.
        name: For messages, such as ``swap streams``.

    Attributes:
        is_open: Whether it stands at the moment.
        heard_at: The event loop's time of the last frame.
    """

    def __init__(
        self,
        holder: Holder,
        *,
        session: Callable[[], aiohttp.ClientSession],
        governor: Callable[[], AnyGovernor],
        ip: str,
        name: str,
    ) -> None:
        self._holder = holder
        self._session = session
        self._governor = governor
        self._ip = ip
        self._name = name
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._acks: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._reader: asyncio.Task[None] | None = None
        self._broken = ""  # why the reader was told to stop
        self.heard_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether it stands at the moment."""
        return self._socket is not None

    def start(self) -> None:
        """
        Connect, and stay connected until :meth:`stop`.

        Raises:
            InvalidRequest: The address holds as many websockets as it may.
        """
        if self._task is None:
            loop, ip = asyncio.get_running_loop(), self._ip
            held = _held.setdefault(loop, Counter())
            if held[ip] >= SOCKETS:
                raise InvalidRequest(
                    f"an IP address may hold {SOCKETS} websockets, and {ip!r} does: leave a stream,"
                    " or use a client with another address and another ip="
                )
            held[ip] += 1
            self._task = loop.create_task(self._stay())
            self._task.add_done_callback(lambda _: held.subtract([ip]))

    async def stop(self) -> None:
        """Disconnect, and stay so."""
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def renew(self, reason: str) -> None:
        """Give this connection up and make another one."""
        if self._reader is not None and not self._reader.done():
            self._broken = reason
            self._reader.cancel()

    async def request(self, kind: str, topic: str, *, name: str) -> None:
        """
        Ask for something, and wait for the acknowledgement.

        Args:
            kind: ``sub`` or ``unsub``.
            topic: What is asked for.
            name: The stream's dotted name, for messages.

        Raises:
            ApiError: The exchange refuses.
            Lost: The connection was lost meanwhile.
        """
        loop = asyncio.get_running_loop()
        async with self._governor().permit(SUBSCRIBE, ip=self._ip, timeout=ACK) as permit:
            if self._socket is None:
                permit.not_sent()
                raise Lost("not connected")
            number = str(uuid4())
            ack = self._acks[number] = loop.create_future()
            try:
                text = json_text({"id": number, "reqType": kind, "dataType": topic})
                await self._socket.send_str(text)
                async with asyncio.timeout(ACK):
                    answer = await ack
            except TimeoutError:
                self.renew(f"no acknowledgement within {ACK:g} s")
                raise Lost("no acknowledgement") from None
            except (OSError, aiohttp.ClientError) as exc:
                raise Lost(type(exc).__name__) from None
            finally:
                self._acks.pop(number, None)
            code = converter.structure(answer["code"], int)
            if code:
                message = str(answer.get("msg") or "")
                refusal = api_error(code, message, status=None, endpoint=name)
                if isinstance(refusal, RateLimited):
                    permit.refused(1.0)
                raise refusal

    # --- the life of connections ------------------------------------------------------------

    async def _stay(self) -> None:
        failures = 0
        try:
            while True:
                try:
                    await self._connect()
                    failures = 0
                    await self._read_on()
                except (Lost, OSError, aiohttp.ClientError, BingXError) as exc:  # and TimeoutError
                    # aiohttp's messages may hold the address, and so the listen key.
                    is_ours = isinstance(exc, (Lost, BingXError))
                    reason = str(exc) if is_ours else type(exc).__name__
                    if not self.is_open:
                        failures += 1
                        self._complain(failures, exc, reason)
                    await self._end(reason)
                await asyncio.sleep(pause_before(failures))
        finally:
            await self._end(CLOSED)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(ACK):
            address = await self._holder.address()
            socket = await self._session().ws_connect(
                address,
                max_msg_size=_MOST,
                timeout=_NO_FAREWELL,
            )
        self._socket, self.heard_at = socket, loop.time()
        self._timer = loop.call_later(WATCH, self._watch)
        self._holder.opened()

    async def _read_on(self) -> None:
        """Read until the connection is lost, which another task may say as well."""
        self._reader = asyncio.create_task(self._read())
        try:
            await self._reader
        except asyncio.CancelledError:
            if not self._broken:  # it was us who were cancelled
                raise
            raise Lost(self._broken) from None
        finally:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
            self._reader, self._broken = None, ""

    def _complain(self, failures: int, exc: Exception, reason: str) -> None:
        _log.warning("%s: cannot connect (%s)", self._name, reason)
        if failures >= PATIENCE:
            self._holder.failed(
                exc
                if isinstance(exc, BingXError)
                else NotSent(f"{self._name}: cannot connect ({reason})")
            )

    async def _end(self, reason: str) -> None:
        socket, self._socket = self._socket, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for ack in self._acks.values():
            if not ack.done():
                ack.set_exception(Lost(reason))
        if socket is not None:
            self._holder.lost(reason)
            await socket.close()

    async def _read(self) -> None:
        socket = self._socket
        assert socket is not None
        loop, heard, in_a_row = asyncio.get_running_loop(), self._holder.heard, 0
        while True:
            if (in_a_row := in_a_row + 1) == _IN_A_ROW:
                in_a_row = 0
                await asyncio.sleep(0)
            frame = await socket.receive()
            self.heard_at = loop.time()
            data = frame.data
            if frame.type is aiohttp.WSMsgType.BINARY:
                try:
                    data = zlib.decompress(data, _GZIP)
                except zlib.error:
                    raise Lost("a frame that is no gzip") from None
            elif frame.type is not aiohttp.WSMsgType.TEXT:
                raise Lost("it was closed")
            if len(data) == 4 and data in {b"Ping", "Ping"}:  # noqa: PLR2004
                await socket.send_str("Pong")
                continue
            try:
                message = decode(data)
            except WireError:
                raise Lost("a frame that is no JSON") from None
            if message.__class__ is not dict:
                raise Lost("a frame that is no object")
            if message.get("dataType"):
                heard(message)
            else:
                await self._control(socket, message)

    async def _control(
        self, socket: aiohttp.ClientWebSocketResponse, message: dict[str, Any]
    ) -> None:
        """Deal with what is no event of a topic."""
        if "ping" in message:
            pong = {"pong": message["ping"], "time": message.get("time")}
            await socket.send_str(json_text(pong))
        elif "id" in message and "code" in message:
            ack = self._acks.get(str(message["id"]))
            if ack is not None and not ack.done():
                ack.set_result(message)
        else:
            self._holder.heard(message)

    def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._timer = loop.call_later(WATCH, self._watch)
        if now - self.heard_at > SILENCE:
            self.renew(f"nothing came for {SILENCE:g} s")
        else:
            self._holder.watch(now)

"""A websocket server on loopback that does what a test says, well or badly."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from aiohttp import WSMsgType, web

from bingx_async import BingX, Governor

__all__ = ["SocketServer", "until"]


async def until(holds: Callable[[], object]) -> None:
    """Wait for something that comes soon, or fail."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - nobody would set an event
            await asyncio.sleep(0.005)


class SocketServer:
    """
    Acknowledges subscriptions and pushes what it is told to.

    Attributes:
        sockets: The open websockets, oldest first.
        addresses: The path and query of each that was ever opened.
        requests: What clients asked for, in order: socket's number, kind, topic.
        pongs: What clients answered to heartbeats.
        codes: The code with which a topic is refused.
        answers: Whether requests are acknowledged.
        admits: Whether connections are accepted.
        keys: How many listen keys were made, and which were extended.
    """

    def __init__(self) -> None:
        self.sockets: list[web.WebSocketResponse] = []
        self.addresses: list[str] = []
        self.requests: list[tuple[int, str, str]] = []
        self.pongs: list[str] = []
        self.codes: dict[str, int] = {}
        self.answers = True
        self.admits = True
        self.keys: list[str] = []
        self.extended: list[str] = []
        self.url = ""
        self._runner: web.AppRunner | None = None

    def client(self, **options: Any) -> BingX:
        """Make a client with a key and a governor of its own."""
        options.setdefault("governor", Governor(groups={0: None}))
        return BingX("k" * 64, "s" * 64, base_url=self.url, **options)

    def topics(self) -> list[str]:
        """List what is subscribed to, in order."""
        found: list[str] = []
        for _, kind, topic in self.requests:
            found.append(topic) if kind == "sub" else found.remove(topic)
        return found

    async def push(self, topic: str, data: Any, **beside: Any) -> None:
        """Tell every client of a topic's event."""
        await self.send({"code": 0, "dataType": topic, "data": data, **beside})

    async def send(self, message: Any) -> None:
        """Send JSON to every client."""
        await self.raw(gzip.compress(json.dumps(message).encode()))

    async def raw(self, frame: bytes | str) -> None:
        """Send a frame to every client."""
        for socket in self.sockets:
            await (socket.send_str(frame) if isinstance(frame, str) else socket.send_bytes(frame))

    def cut(self) -> None:
        """Break all connections off."""
        sockets, self.sockets = self.sockets, []
        for socket in sockets:
            transport = socket._req.transport if socket._req is not None else None
            if transport is not None:
                transport.abort()

    async def opened(self, count: int) -> None:
        """Wait until so many connections were ever made."""
        await until(lambda: len(self.addresses) >= count)

    async def asked(self, count: int) -> None:
        """Wait until so many requests were ever made."""
        await until(lambda: len(self.requests) >= count)

    async def left(self) -> None:
        """Wait until nobody is connected."""
        await until(lambda: not self.sockets)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if not self.admits:
            return web.Response(status=503)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        number = len(self.addresses)
        self.addresses.append(str(request.rel_url))
        self.sockets.append(socket)
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            if not message.data.startswith("{") or "pong" in message.data:
                self.pongs.append(message.data)
                continue
            asked = json.loads(message.data)
            topic = asked["dataType"]
            self.requests.append((number, asked["reqType"], topic))
            if self.answers:
                code = self.codes.get(topic, 0)
                answer = {"id": asked["id"], "code": code, "msg": "no" if code else ""}
                answer |= {"dataType": "", "data": None}
                await socket.send_bytes(gzip.compress(json.dumps(answer).encode()))
        if socket in self.sockets:
            self.sockets.remove(socket)
        return socket

    async def _listen_key(self, request: web.Request) -> web.Response:
        if request.method == "POST":
            self.keys.append(f"key-{len(self.keys) + 1}")
            return web.json_response({"listenKey": self.keys[-1]})
        self.extended.append(request.query["listenKey"])
        return web.Response(status=200 if request.query["listenKey"] == self.keys[-1] else 404)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/swap-market", self._handle)
        app.router.add_route("*", "/openApi/user/auth/userDataStream", self._listen_key)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = "http://{}:{}".format(*self._runner.addresses[0][:2])
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.cut()
        if self._runner is not None:
            await self._runner.cleanup()

"""A server on loopback that answers as it is told, byte by byte, and remembers what it was sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self

from attrs import define, field

Play = Callable[["RawServer", asyncio.StreamWriter], Coroutine[Any, Any, None]]


def answer(body: bytes, *, status: int = 200, headers: str = "", length: int | None = None) -> Play:
    """Answer with a status and a body; ``length`` other than the body's tells a lie."""

    async def play(_: RawServer, writer: asyncio.StreamWriter) -> None:
        size = len(body) if length is None else length
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {size}\r\n{headers}\r\n"
        writer.write(head.encode() + body)
        if length is not None:
            writer.close()

    return play


async def drop(_: RawServer, writer: asyncio.StreamWriter) -> None:
    """Break the connection."""
    writer.transport.abort()


async def silence(server: RawServer, _: asyncio.StreamWriter) -> None:
    """Never answer."""
    await server.closing.wait()


@define
class RawServer:
    """
    Plays one act for each request; the last one is repeated.

    Attributes:
        acts: What to do.
        requests: Head and body of what came.
    """

    acts: list[Play]
    requests: list[tuple[str, bytes]] = field(factory=list)
    closing: asyncio.Event = field(factory=asyncio.Event)
    arrived: asyncio.Event = field(factory=asyncio.Event)
    _server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                size = 0
                for line in head.lower().splitlines():
                    if line.startswith("content-length:"):
                        size = int(line.partition(":")[2])
                self.requests.append((head, await reader.readexactly(size)))
                self.arrived.set()
                await self.acts[min(len(self.requests), len(self.acts)) - 1](self, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self.closing.set()
        self._server.close()
        await self._server.wait_closed()

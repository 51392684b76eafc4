"""
Websockets in a process of their own that tell of nothing, as fast as they are read.

Frames are made once and written many at a time, so that what is measured is the reader. The symbol
of the topic says when: ``FAST-USDT`` as fast as the connection takes them, with little on its way
at any time, and so many as the first part of the path says; ``STEADY-USDT`` two hundred times a
second, and then the last price of the ticker is the moment of sending, by the clock that all
processes of a computer share.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
import json
import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Final

from benchmarks import process
from benchmarks.stream_messages import TOPICS, frame, messages, packed

__all__ = ["FAST", "RATE", "STEADY", "running"]

FAST: Final = "FAST-USDT"
STEADY: Final = "STEADY-USDT"
RATE: Final = 200.0
"""Messages a second of ``STEADY-USDT``."""

_MAGIC: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_SENDING: Final = 64 * 1024  # bytes that the kernel keeps at most
_DIFFERENT: Final = 512  # messages, which are then repeated
_AT_ONCE: Final = 32


def _all_frames() -> dict[str, list[bytes]]:
    """Make the frames of all topics."""
    return {
        FAST + kind: [frame(packed(each)) for each in messages(FAST + kind, _DIFFERENT)]
        for kind in TOPICS.values()
    }


class _Connection(asyncio.Protocol):
    def __init__(self, frames: dict[str, list[bytes]]) -> None:
        self._all = frames
        self._frames: Iterator[bytes] = iter(())
        self._count = 0
        self._loop = asyncio.get_running_loop()
        self._got = b""
        self._is_open = False
        self._is_paused = False
        self._next: asyncio.Handle | None = None
        self._steady = itertools.cycle(messages(f"{STEADY}@ticker", _DIFFERENT))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SENDING)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._next is not None:
            self._next.cancel()
        self._next = None

    def data_received(self, data: bytes) -> None:
        self._got += data
        if not self._is_open:
            self._shake_hands()
        while self._is_open and (text := self._text()) is not None:
            self._hear(text)

    def pause_writing(self) -> None:
        self._is_paused = True

    def resume_writing(self) -> None:
        self._is_paused = False
        self._next = self._loop.call_soon(self._pump)

    def _shake_hands(self) -> None:
        head, found, rest = self._got.partition(b"\r\n\r\n")
        if not found:
            return
        self._count = int(head.split(b"/", 2)[1])
        lines = (line.partition(b":") for line in head.split(b"\r\n"))
        key = next(value.strip() for name, _, value in lines if name.lower() == _KEY)
        proof = base64.b64encode(hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest())
        self._transport.write(_WELCOME % proof)
        self._is_open, self._got = True, rest

    def _text(self) -> bytes | None:
        """Take the next frame of the client out of what has come."""
        got = self._got
        if len(got) < 2:
            return None
        size, start = got[1] & 0x7F, 2
        if size == 126:
            size, start = int.from_bytes(got[2:4]), 4
        end = start + 4 + size
        if len(got) < end:
            return None
        self._got, mask = got[end:], itertools.cycle(got[start : start + 4])
        text = bytes(a ^ b for a, b in zip(got[start + 4 : end], mask, strict=False))
        if got[0] & 0x0F == 8:
            self._transport.close()
        return text if got[0] & 0x0F == 1 else b""

    def _hear(self, text: bytes) -> None:
        if not text.startswith(b"{"):
            return
        asked = json.loads(text)
        ack = {"id": asked["id"], "code": 0, "msg": "", "dataType": "", "data": None}
        self._transport.write(frame(packed(ack)))
        topic: str = asked["dataType"]
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if asked["reqType"] != "sub":
            return
        if topic.startswith(STEADY):
            self._next = self._loop.call_later(0.1, self._beat, self._loop.time() + 0.1)
        else:
            self._frames = itertools.islice(itertools.cycle(self._all[topic]), self._count)
            self._next = self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        if self._is_paused or self._next is None:
            return
        if frames := b"".join(itertools.islice(self._frames, _AT_ONCE)):
            self._transport.write(frames)
            self._next = self._loop.call_soon(self._pump)

    def _beat(self, due: float) -> None:
        message = next(self._steady)
        message["data"]["c"] = f"{time.monotonic():.6f}"
        self._transport.write(frame(packed(message)))
        due += 1 / RATE
        self._next = self._loop.call_at(due, self._beat, due)


_KEY: Final = b"sec-websocket-key"
_WELCOME: Final = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: %s\r\n\r\n"
)


def running() -> AbstractContextManager[str]:
    """Start the server, give its address without a scheme, and end it."""
    return process.running("benchmarks.stream_server")


if __name__ == "__main__":
    all_frames = _all_frames()
    asyncio.run(process.serve(lambda: _Connection(all_frames)))

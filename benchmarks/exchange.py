"""
An exchange in a process of its own that gives every request the same answer, at once.

It looks at nothing but where a request ends, so that what is measured is the client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from benchmarks import process

__all__ = ["ANSWER", "running"]

ANSWER: Final = (
    b'{"code":0,"msg":"","data":{"leverage":10,"symbol":"BTC-USDT",'
    b'"availableLongVol":"1.0282","availableShortVol":"1.0282",'
    b'"availableLongVal":"100000.00","availableShortVal":"100000.00",'
    b'"maxPositionLongVal":"250000000.0","maxPositionShortVal":"250000000.0"}}'
)
_RESPONSE: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    b"Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    b"X-RateLimit-Requests-Remain: 1000000000\r\nX-RateLimit-Requests-Expire: 1767225600000\r\n"
    b"Content-Length: %d\r\n\r\n%s"
) % (len(ANSWER), ANSWER)
_LENGTH: Final = b"content-length:"


class _Connection(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._got = b""

    def data_received(self, data: bytes) -> None:
        self._got += data
        while (end := self._got.find(b"\r\n\r\n")) >= 0:
            head = self._got[:end].lower()
            found = head.find(_LENGTH)
            length = int(head[found + len(_LENGTH) :].split(b"\r\n", 1)[0]) if found >= 0 else 0
            if len(self._got) < end + 4 + length:
                return
            self._got = self._got[end + 4 + length :]
            self._transport.write(_RESPONSE)


@contextmanager
def running() -> Generator[str]:
    """Start the exchange, give its address, and end it."""
    with process.running("benchmarks.exchange") as address:
        yield f"http://{address}"


if __name__ == "__main__":
    asyncio.run(process.serve(_Connection))

"""
How one request reaches the exchange, through aiohttp, once and no more.

What is certain about the sending of a request decides whether it may be repeated, so this module
knows to the point when a request may have left.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import math
import time
from typing import Any, Final

import aiohttp
from aiohttp.connector import Connection
from yarl import URL

from bingx_async.errors import NotSent, OutcomeUnknown, TransportError

__all__ = ["NO_TIMEOUT", "Attempt", "Deadlines", "Hosts", "Http", "attempt_under_way", "failure_of"]

_log: Final = logging.getLogger("bingx_async")

NO_TIMEOUT: Final = aiohttp.ClientTimeout(total=None)
"""What aiohttp is told, since :class:`Deadlines` end what takes too long."""

# After that many seconds on the fallback host the first one is tried again.
_FALLBACK_HOLDS: Final = 60.0


class Attempt:
    """
    One sending of one request, which must not become two.

    aiohttp repeats a GET by itself when a kept-alive connection turns out to be closed. The
    exchange may have counted the first one, so the second would leave without a permit. The
    connector made here prevents that, and knows to the point when a request may have left. For a
    session handed in, the attempt is a client middleware, which knows it a little less well.

    Attributes:
        left: Whether the request may have left.
        late_at: The event loop's time at which the time is up.
    """

    __slots__ = ("_cancelling", "_is_late", "_task", "late_at", "left")

    def __init__(self) -> None:
        self.left = False
        self.late_at = math.inf
        self._is_late = False
        task = asyncio.current_task()
        if task is None:  # pragma: no cover - who awaits without a task?
            raise RuntimeError("calls are made from within a task")
        self._task = task
        self._cancelling = task.cancelling()

    def end(self) -> None:
        """Stop, because the time is up."""
        self._is_late = True
        self._task.cancel()

    def was_ended(self) -> bool:
        """Tell whether the cancellation just caught came from :meth:`end` and from nobody else."""
        return self._is_late and self._task.uncancel() <= self._cancelling

    def leave(self) -> None:
        """
        Let the request go now, or fail if that is too late.

        A process that was stopped, or whose event loop stood still, must not send what it has
        already given up: its token may be somebody else's by now.
        """
        if asyncio.get_running_loop().time() > self.late_at:
            raise TimeoutError
        self.left = True

    def refuse_a_second(self) -> None:
        """Fail, as the first sending did, instead of sending again."""
        if self.left:
            raise aiohttp.ServerDisconnectedError("the connection was closed by the exchange")

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Be the middleware of a session that was handed in."""
        self.refuse_a_second()
        self.leave()
        return await handler(request)


attempt_under_way: contextvars.ContextVar[Attempt] = contextvars.ContextVar("bingx_async_attempt")


class Deadlines:
    """
    The time limit of many attempts, with one timer for them all.

    aiohttp would set a timer for each request and take it back, which is a tenth of what a call
    costs. As all attempts have the same time, the first to begin is the first to be late.

    Args:
        seconds: How long an attempt may take.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._under_way: dict[Attempt, None] = {}  # in the order of their beginning
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, attempt: Attempt) -> None:
        """Watch over an attempt that begins now."""
        loop = asyncio.get_running_loop()
        attempt.late_at = loop.time() + self._seconds
        self._under_way[attempt] = None
        if self._timer is None:
            self._timer = loop.call_at(attempt.late_at, self._look)

    def done(self, attempt: Attempt) -> None:
        """Watch over an attempt no longer; the timer stays for those that come."""
        self._under_way.pop(attempt, None)

    def close(self) -> None:
        """Leave no timer behind."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        while self._under_way:
            attempt = next(iter(self._under_way))
            if attempt.late_at > loop.time():
                self._timer = loop.call_at(attempt.late_at, self._look)
                return
            del self._under_way[attempt]
            attempt.end()


class _Connector(aiohttp.TCPConnector):
    """Gives each attempt one connection; until it has it, the request certainly was not sent."""

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: Any,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109
    ) -> Connection:
        attempt = attempt_under_way.get(None)
        if attempt is None:  # a websocket, which is no request
            return await super().connect(req, traces, timeout)
        attempt.refuse_a_second()
        connection = await super().connect(req, traces, timeout)
        try:
            attempt.leave()
        except TimeoutError:
            connection.release()
            raise
        return connection


class Http:
    """The aiohttp session, handed in or made inside the running loop on first use."""

    def __init__(self, session: aiohttp.ClientSession | None) -> None:
        self.owned = session is None
        self._session = session
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._deadlines: dict[float, Deadlines] = {}

    def deadlines(self, seconds: float) -> Deadlines:
        """Return who watches over all attempts that may take so long."""
        if seconds not in self._deadlines:
            self._deadlines[seconds] = Deadlines(seconds)
        return self._deadlines[seconds]

    def session(self) -> aiohttp.ClientSession:
        """
        Return the aiohttp session of the running event loop.

        Raises:
            RuntimeError: It is closed, or belongs to another event loop.
        """
        loop = asyncio.get_running_loop()
        if self._session is not None and self._loop is loop and not self._session.closed:
            return self._session
        if self._closed or (self._session is not None and self._session.closed):
            raise RuntimeError("the client, or the session handed to it, is closed")
        if self._loop is not None and self._loop is not loop:
            raise RuntimeError("the client belongs to another event loop: make one in each")
        self._loop = loop
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # No limit of connections: who has a permit must not queue again, least of all
                # with a timestamp that grows old.
                connector=_Connector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    async def close(self) -> None:
        """Close the session, if it was made here."""
        self._closed = True
        for deadlines in self._deadlines.values():
            deadlines.close()
        if self.owned and self._session is not None:
            await self._session.close()


class Hosts:
    """Where the exchange is reached: one host, and perhaps another for when it cannot be."""

    def __init__(self, first: str, fallback: str | None) -> None:
        self._addresses: dict[str, dict[str, URL]] = {first: {}}
        if fallback is not None:
            self._addresses[fallback] = {}
        self.first = self.now = first
        self._back_at = 0.0

    def choose(self) -> str:
        """Return the host for the next attempt."""
        if self.now != self.first and time.monotonic() >= self._back_at:
            self.now = self.first
        return self.now

    def unreachable(self, host: str) -> None:
        """Take another host from now on, after a request to this one could not leave."""
        others = [other for other in self._addresses if other != host]
        if others and host == self.now:
            self.now = others[0]
            self._back_at = time.monotonic() + _FALLBACK_HOLDS
            _log.warning("%s cannot be reached: trying %s", host, self.now)

    def address(self, host: str, path: str) -> URL:
        """Return the address of an endpoint whose parameters travel in the body."""
        addresses = self._addresses[host]
        if (address := addresses.get(path)) is None:
            address = addresses[path] = URL(host + path, encoded=True)
        return address


# These come from making the connection, so that the request was still here.
_BEFORE_SENDING: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ConnectionTimeoutError,
)


def failure_of(
    exc: Exception, attempt: Attempt, *, endpoint: str, host: str, timeout: float
) -> TransportError:
    """
    Say what is certain about a request whose sending ended with an exception.

    Args:
        exc: What aiohttp raised. It is not to be chained: its text may hold the signature.
        attempt: The sending.
        endpoint: The endpoint's dotted name.
        host: Where the request went.
        timeout: Seconds after which it was given up, for the message.
    """
    reason = getattr(exc, "strerror", None) or type(exc).__name__
    if isinstance(exc, TimeoutError):
        reason = f"no answer within {timeout:g} s"
    if isinstance(exc, _BEFORE_SENDING) or not attempt.left:
        return NotSent(f"could not reach {host} ({reason}); nothing was sent", endpoint=endpoint)
    return OutcomeUnknown(
        f"the connection failed ({reason}) after the request may have left;"
        " look whether it was executed before you repeat it",
        endpoint=endpoint,
    )

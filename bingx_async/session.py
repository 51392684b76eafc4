"""
The road of one call: permit, stamp, sign, send, read.

The order matters. The arguments become text first, so that a bad one is refused before anything
waits. The permit comes next. Only then is the time taken and the request signed, since a call that
waited ten seconds in a lane must not carry a ten-second-old timestamp. The permit is returned when
the response has been read, and the answer is structured after that.
"""

from __future__ import annotations

import asyncio
import contextvars
import copy
import hmac
import logging
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal, Self, get_args

import aiohttp
from attrs import evolve, field, frozen
from yarl import URL

from bingx_async.answer import read
from bingx_async.endpoint import Endpoint
from bingx_async.errors import (
    AuthError,
    InvalidRequest,
    NotSent,
    OutcomeUnknown,
    QuotaTimeout,
    RateLimited,
    TransportError,
)
from bingx_async.governor import Governor, Permit
from bingx_async.signing import Pair, canonical, json_body, pair, pairs, query, sign

__all__ = ["Credentials", "Options", "Session"]

Placement = Literal["declared", "query"]

_log: Final = logging.getLogger("bingx_async")

# After that many refusals in a row waiting on would not help.
_MOST_REFUSALS: Final = 3
# "Recovers after 5 minutes", where the exchange names no time.
_PENALTY: Final = 300.0
_LONGEST_PENALTY: Final = 3600.0


def _check_options(options: Any) -> None:
    checks = {
        "recv_window": isinstance(options.recv_window, int) and options.recv_window > 0,
        "timeout": isinstance(options.timeout, (int, float)) and options.timeout > 0,
        "max_wait": options.max_wait is None
        or (isinstance(options.max_wait, (int, float)) and options.max_wait >= 0),
        "priority": isinstance(options.priority, int),
        "placement": options.placement in get_args(Placement),
    }
    for name, holds in checks.items():
        if not holds:
            raise ValueError(f"{name} must not be {getattr(options, name)!r}")


@frozen
class Options:
    """What can be chosen for a client, or for the calls made through one view of it."""

    recv_window: int = 5000
    timeout: float = 10.0
    max_wait: float | None = None
    priority: int = 0
    placement: Placement = "declared"

    def __attrs_post_init__(self) -> None:
        _check_options(self)


@frozen
class Credentials:
    """An API key with its secret; prints at most the last four characters of the key."""

    api_key: str = field(repr=lambda key: f"'...{key[-4:]}'")
    signing_key: hmac.HMAC = field(repr=False)


class _Attempt:
    """
    One sending of one request, which must not become two.

    aiohttp repeats a GET by itself when a kept-alive connection turns out to be closed. The
    exchange may have counted the first one, so the second would leave without a permit. The
    connector made here prevents that, and knows to the point when a request may have left. For a
    session handed in, the attempt is a client middleware, which knows it a little less well.
    """

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = False

    def refuse_a_second(self) -> None:
        if self.left:
            raise aiohttp.ServerDisconnectedError("the connection was closed by the exchange")

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        self.refuse_a_second()
        self.left = True
        return await handler(request)


_attempt: contextvars.ContextVar[_Attempt] = contextvars.ContextVar("bingx_async_attempt")


class _Connector(aiohttp.TCPConnector):
    """Gives each attempt one connection; until it has it, the request certainly was not sent."""

    async def connect(self, *args: Any, **kwargs: Any) -> Any:
        attempt = _attempt.get()
        attempt.refuse_a_second()
        connection = await super().connect(*args, **kwargs)
        attempt.left = True
        return connection


class _Http:
    """The aiohttp session, handed in or made inside the running loop on first use."""

    def __init__(self, session: aiohttp.ClientSession | None) -> None:
        self.owned = session is None
        self._session = session
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def session(self) -> aiohttp.ClientSession:
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
        self._closed = True
        if self.owned and self._session is not None:
            await self._session.close()


class Session:
    """
    Carries out calls for the sections of a client (a :class:`~bingx_async.endpoint.Caller`).

    Args:
        base_url: Scheme and host, without a slash at the end.
        credentials: The key; ``None`` serves public endpoints only.
        uid: Label of the account, under which its quotas are counted.
        ip: Label of the IP address from which requests leave.
        governor: Hands out the permits; ``None`` takes the event loop's own.
        session: An aiohttp session to use, and to leave open; ``None`` makes one.
        options: See :class:`Options`.
    """

    def __init__(
        self,
        base_url: str,
        *,
        credentials: Credentials | None = None,
        uid: str | None = None,
        ip: str = "default",
        governor: Governor | None = None,
        session: aiohttp.ClientSession | None = None,
        options: Options | None = None,
    ) -> None:
        self.base_url = base_url
        self.uid = uid
        self.ip = ip
        self._credentials = credentials
        self._governor = governor
        self._http = _Http(session)
        self._is_view = False
        key = {"X-BX-APIKEY": credentials.api_key} if credentials else {}
        self._headers = {
            "public": {},
            "query": key,
            "json": {**key, "Content-Type": "application/json"},
        }
        self._addresses: dict[str, URL] = {}
        self._set_options(options or Options())

    def _set_options(self, options: Options) -> None:
        self.options = options
        self._timeout = aiohttp.ClientTimeout(total=options.timeout)
        self._window = pair("recvWindow", options.recv_window)

    @property
    def governor(self) -> Governor:
        """The governor of all calls; without one of its own, that of the running event loop."""
        if self._governor is None:
            self._governor = Governor.current()
        return self._governor

    def with_options(self, **changes: Any) -> Self:
        """Return a view with other options and the same connections; closing it does nothing."""
        view = copy.copy(self)
        view._is_view = True  # noqa: SLF001 - it is one of us
        view._set_options(evolve(self.options, **changes))  # noqa: SLF001
        return view

    async def close(self) -> None:
        """Close the connections, if they were made here."""
        if not self._is_view:
            await self._http.close()

    async def call(self, endpoint: Endpoint, params: object) -> Any:
        """Carry out one call; see :meth:`bingx_async.endpoint.Caller.call`."""
        if endpoint.needs is not None and self._credentials is None:
            raise AuthError(
                f"this endpoint needs an API key with the permission {endpoint.needs!r}:"
                " pass api_key= and secret_key=",
                endpoint=endpoint.name,
            )
        try:
            if endpoint.check is not None:
                endpoint.check(params)
            parts = pairs(endpoint.unstructure(params))
        except InvalidRequest as exc:
            raise InvalidRequest(exc.message, endpoint=endpoint.name) from None
        http = self._http.session()
        max_wait = self.options.max_wait
        started = time.monotonic()
        refusal: RateLimited | None = None
        for _ in range(_MOST_REFUSALS):
            permit = self.governor.permit(
                endpoint,
                uid=self.uid if endpoint.needs else None,
                ip=self.ip,
                priority=self.options.priority,
                max_wait=max_wait,
            )
            try:
                async with permit:
                    response, body = await self._send(http, endpoint, parts, permit)
            except QuotaTimeout:
                if refusal is not None:  # it says more: who refused, and until when
                    raise refusal from None
                raise
            try:
                return read(endpoint, response.status, body)
            except RateLimited as exc:
                refusal = exc
            _close(permit, refusal, response.headers.get("Date"))
            if self.options.max_wait is not None:
                max_wait = max(0.0, self.options.max_wait - (time.monotonic() - started))
        raise refusal or AssertionError("a call ends with an answer or an error")

    async def _send(
        self,
        http: aiohttp.ClientSession,
        endpoint: Endpoint,
        parts: list[Pair],
        permit: Permit,
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        """Stamp, sign, send and read; on the way out say what is certain about the sending."""
        if http.closed:
            permit.not_sent()
            raise NotSent("the client was closed while the call waited", endpoint=endpoint.name)
        url, headers, data = self._request(endpoint, parts)
        attempt = _Attempt()
        context = _attempt.set(attempt)
        started = time.monotonic()
        try:
            async with http.request(
                endpoint.method,
                url,
                data=data,
                headers=headers,
                timeout=self._timeout,
                allow_redirects=False,
                middlewares=() if self._http.owned else (attempt,),
            ) as response:
                body = await response.read()
        except asyncio.CancelledError:
            if not attempt.left:
                permit.not_sent()
            raise
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            # Not chained: aiohttp's messages may hold the URL, and so the signature.
            failure = self._failure(exc, attempt, endpoint)
        else:
            if _log.isEnabledFor(logging.DEBUG):
                _log.debug(
                    "%s: HTTP %d, %d bytes in %.1f ms",
                    endpoint.name,
                    response.status,
                    len(body),
                    (time.monotonic() - started) * 1000,
                )
            return response, body
        finally:
            _attempt.reset(context)
        if isinstance(failure, NotSent):
            permit.not_sent()
        _log.debug("%s", failure)
        raise failure

    def _request(
        self, endpoint: Endpoint, parts: list[Pair]
    ) -> tuple[URL, dict[str, str], bytes | None]:
        now = str(time.time_ns() // 1_000_000)
        stamped = [*parts, ("timestamp", f"timestamp={now}", f'"timestamp":{now}')]
        credentials = self._credentials if endpoint.needs is not None else None
        if credentials is not None:
            stamped.append(self._window)
        stamped.sort()
        text = canonical(stamped)
        signature = sign(text, credentials.signing_key) if credentials is not None else None
        if endpoint.body == "json" and self.options.placement == "declared":
            if (address := self._addresses.get(endpoint.path)) is None:
                address = URL(self.base_url + endpoint.path, encoded=True)
                self._addresses[endpoint.path] = address
            return address, self._headers["json"], json_body(stamped, signature)
        address = URL(
            f"{self.base_url}{endpoint.path}?{query(stamped, text, signature)}", encoded=True
        )
        return address, self._headers["query" if credentials is not None else "public"], None

    def _failure(self, exc: Exception, attempt: _Attempt, endpoint: Endpoint) -> TransportError:
        reason = getattr(exc, "strerror", None) or type(exc).__name__
        if isinstance(exc, TimeoutError):
            reason = f"no answer within {self.options.timeout:g} s"
        if isinstance(exc, _BEFORE_SENDING) or not attempt.left:
            return NotSent(
                f"could not reach {self.base_url} ({reason}); nothing was sent",
                endpoint=endpoint.name,
            )
        return OutcomeUnknown(
            f"the connection failed ({reason}) after the request may have left;"
            " look whether it was executed before you repeat it",
            endpoint=endpoint.name,
        )


# These come from making the connection, so that the request was still here.
_BEFORE_SENDING: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ConnectionTimeoutError,
)


def _close(permit: Permit, refusal: RateLimited, date: str | None) -> None:
    """Let nothing through that the exchange would refuse as well."""
    seconds = _retry_in(refusal, date)
    permit.refused(seconds, whole_address=refusal.whole_address)
    _log.warning(
        "%s: refused because of a limit (%s); %s closed for %.1f s",
        refusal.endpoint,
        refusal.code or f"HTTP {refusal.status}",
        "this IP address is" if refusal.whole_address else "it is",
        seconds,
    )


def _retry_in(refusal: RateLimited, date: str | None) -> float:
    """Tell for how many seconds a refusal holds, by the exchange's clock where it shows it."""
    if refusal.retry_at is None:
        return _PENALTY
    now = datetime.now(UTC)
    if date is not None:
        try:
            now = parsedate_to_datetime(date)
            if now.tzinfo is None:  # "-0000": UTC, and nothing said about where the server is
                now = now.replace(tzinfo=UTC)
        except ValueError:
            _log.debug("the exchange's Date header cannot be read")
    seconds = (refusal.retry_at - now).total_seconds()
    return min(max(seconds, 0.0), _LONGEST_PENALTY)

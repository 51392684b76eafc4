"""
The road of one call: permit, stamp, sign, send, read.

The order matters. The arguments become text first, so that a bad one is refused before anything
waits. The permit comes next. Only then is the time taken and the request signed, since a call that
waited ten seconds in a lane must not carry a ten-second-old timestamp. The permit is returned when
the response has been read, and the answer is structured after that.

What is repeated, and when, is the business of :mod:`bingx_async.retry`; what is certain about the
sending, that of :mod:`bingx_async.transport`.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal, Self, get_args

import aiohttp
from attrs import evolve, field, frozen
from multidict import CIMultiDict, istr
from yarl import URL

from bingx_async.answer import read
from bingx_async.clock import Clock, Sighting
from bingx_async.endpoint import Endpoint
from bingx_async.errors import (
    AuthError,
    BingXError,
    InvalidRequest,
    NotSent,
    RateLimited,
)
from bingx_async.governor import Governor
from bingx_async.permit import AnyGovernor, Permit
from bingx_async.ratelimit import expires_in, retry_in
from bingx_async.retry import Patience
from bingx_async.signing import (
    Pair,
    SigningKey,
    canonical,
    json_body,
    pair,
    pairs,
    query,
    sign,
)
from bingx_async.transport import (
    NO_TIMEOUT,
    Attempt,
    Hosts,
    Http,
    attempt_under_way,
    failure_of,
)

if TYPE_CHECKING:  # most bots read no streams, and would import them all the same
    from bingx_async.channel import Channel
    from bingx_async.stream import Stream
    from bingx_async.streams import Streams

__all__ = ["AUTO", "Credentials", "Options", "Session"]

AUTO: Final = "auto"
"""The label of an account that the exchange is asked to name."""

Placement = Literal["declared", "query"]

_log: Final = logging.getLogger("bingx_async")

_SIGHTINGS: Final = 4
_REMAIN: Final = istr("X-RateLimit-Requests-Remain")  # a str would be folded for each call
_EXPIRE: Final = istr("X-RateLimit-Requests-Expire")


def _check_options(options: Any) -> None:
    checks = {
        "recv_window": isinstance(options.recv_window, int) and options.recv_window > 0,
        "timeout": isinstance(options.timeout, (int, float)) and options.timeout > 0,
        "max_wait": options.max_wait is None
        or (isinstance(options.max_wait, (int, float)) and options.max_wait >= 0),
        "priority": isinstance(options.priority, int),
        "retries": isinstance(options.retries, int) and options.retries >= 0,
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
    retries: int = 3
    placement: Placement = "declared"

    def __attrs_post_init__(self) -> None:
        _check_options(self)


@frozen
class Credentials:
    """An API key with its secret; prints at most the last four characters of the key."""

    api_key: str = field(repr=lambda key: f"'...{key[-4:]}'")
    signing_key: SigningKey = field(repr=False)


class _Identity:
    """Under which label an account's quotas are counted; a client's views share it."""

    def __init__(self, uid: str | None) -> None:
        self.uid = uid
        self.lock = asyncio.Lock()


class Session:
    """
    Carries out calls for the sections of a client (a :class:`~bingx_async.endpoint.Caller`).

    Args:
        base_url: Scheme and host, without a slash at the end.
        fallback_url: The same exchange by another name, for requests that could not leave.
        credentials: The key; ``None`` serves public endpoints only.
        uid: Label of the account, under which its quotas are counted; ``"auto"`` asks the exchange.
        ip: Label of the IP address from which requests leave.
        governor: Hands out the permits; ``None`` takes the event loop's own.
        session: An aiohttp session to use, and to leave open; ``None`` makes one.
        options: See :class:`Options`.
        whose_key: Returns the endpoint that tells the UID of a key.
        what_time: Returns the endpoint that tells the exchange's time.
        streams: Makes who carries the streams, when the first one is asked for.
    """

    def __init__(
        self,
        base_url: str,
        *,
        fallback_url: str | None = None,
        credentials: Credentials | None = None,
        uid: str | None = None,
        ip: str = "default",
        governor: AnyGovernor | None = None,
        session: aiohttp.ClientSession | None = None,
        options: Options | None = None,
        whose_key: Callable[[], Endpoint] | None = None,
        what_time: Callable[[], Endpoint] | None = None,
        streams: Callable[[Session], Streams] | None = None,
    ) -> None:
        self.base_url = base_url
        self.ip = ip
        self.clock = Clock.of(base_url)
        self._identity = _Identity(uid)
        self._credentials = credentials
        self._governor = governor
        self._http = Http(session)
        self._hosts = Hosts(base_url, fallback_url)
        self._measuring = asyncio.Lock()
        self._whose_key = whose_key
        self._what_time = what_time
        self._is_view = False
        self._make_streams = streams
        self._streams: list[Streams] = []  # one at the most, which all views share
        key = {istr("X-BX-APIKEY"): credentials.api_key} if credentials else {}
        self._headers = {
            "public": CIMultiDict[str](),
            "query": CIMultiDict[str](key),
            "json": CIMultiDict[str]({**key, istr("Content-Type"): "application/json"}),
        }
        self._set_options(options or Options())

    def _set_options(self, options: Options) -> None:
        self.options = options
        self._deadlines = self._http.deadlines(options.timeout)
        self._window = pair("recvWindow", options.recv_window)

    @property
    def governor(self) -> AnyGovernor:
        """The governor of all calls; without one of its own, that of the running event loop."""
        if self._governor is None:
            self._governor = Governor.current()
        return self._governor

    @property
    def uid(self) -> str | None:
        """The label of the account; ``"auto"`` until the exchange has told it."""
        return self._identity.uid

    def with_options(self, **changes: Any) -> Self:
        """Return a view with other options and the same connections; closing it does nothing."""
        view = copy.copy(self)
        view._is_view = True  # noqa: SLF001 - it is one of us
        view._set_options(evolve(self.options, **changes))  # noqa: SLF001
        return view

    async def close(self) -> None:
        """Close the connections, if they were made here."""
        if not self._is_view:
            for streams in self._streams:
                await streams.close()
            await self._http.close()

    def stream(self, channel: Channel, topic: str) -> Stream[Any]:
        """Make a stream; see :meth:`bingx_async.channel.Streamer.stream`."""
        if not self._streams:
            if self._make_streams is None:
                raise RuntimeError("this session carries no streams")
            self._streams.append(self._make_streams(self))
        return self._streams[0].stream(channel, topic)

    def http(self) -> aiohttp.ClientSession:
        """Return the aiohttp session of the running event loop; errors as for a call."""
        return self._http.session()

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
        uid = self._identity.uid if endpoint.needs is not None else None
        if uid == AUTO:
            uid = await self._find_uid(endpoint)
        options, governor = self.options, self.governor
        patience = Patience(retries=options.retries, max_wait=options.max_wait)
        while True:
            clock_set = self.clock.times_set
            permit = governor.permit(
                endpoint,
                uid=uid,
                ip=self.ip,
                priority=options.priority,
                max_wait=patience.left,
                timeout=options.timeout,
            )
            try:
                async with permit:
                    response, body = await self._send(http, endpoint, parts, permit)
                return self._read(endpoint, response, body, permit)
            except AuthError as exc:
                patience.refused_the_time(exc)
                await self._clock_refused(endpoint, exc, clock_set)
            except BingXError as exc:
                # What was never sent can be repeated, unless somebody closed the client meanwhile.
                await patience.after(exc, idempotent=endpoint.idempotent, closed=http.closed)

    def _read(
        self, endpoint: Endpoint, response: aiohttp.ClientResponse, body: bytes, permit: Permit
    ) -> Any:
        """Make a model of the answer; close what the exchange refuses because of a limit."""
        try:
            return read(endpoint, response.status, body)
        except RateLimited as exc:
            self._refused(exc, response, permit)
            raise

    def _refused(
        self, refusal: RateLimited, response: aiohttp.ClientResponse, permit: Permit
    ) -> None:
        """Let nothing through that the exchange would refuse as well."""
        seconds = retry_in(refusal, response.headers.get("Date"))
        closed_for = permit.refused(seconds, scope=refusal.scope)
        _log.warning(
            "%s: refused because of a limit (%s); the %s is closed for %.1f s%s",
            refusal.endpoint,
            refusal.code or f"HTTP {refusal.status}",
            refusal.scope,
            closed_for,
            f"; look why error {refusal.repeated_code} came so often"
            if refusal.repeated_code
            else "",
        )

    async def _clock_refused(self, endpoint: Endpoint, refusal: AuthError, clock_set: int) -> None:
        """Look at the exchange's clock after a timestamp was refused."""
        if self._what_time is None or endpoint is self._what_time():  # nobody else could be asked
            raise refusal
        try:
            await self.measure_clock(since=clock_set)
        except BingXError:
            raise refusal from None

    async def measure_clock(self, *, since: int | None = None) -> Clock:
        """
        Look at the exchange's clock several times, and go by the best look from now on.

        Args:
            since: Do so only if nobody has since the clock's :attr:`~Clock.times_set` was this.

        Returns:
            The clock of this host.
        """
        async with self._measuring:
            if self._what_time is None or since not in {None, self.clock.times_set}:
                return self.clock
            endpoint = self._what_time()
            sightings: list[Sighting] = []
            for _ in range(_SIGHTINGS):
                asked = time.time() * 1000
                shown = (await self.call(endpoint, endpoint.params())).server_time
                sightings.append(Sighting.of(asked, time.time() * 1000, shown))
            self.clock.set(sightings)
        _log.info("the exchange's clock is %+d ms off this one", self.clock.offset)
        return self.clock

    async def _find_uid(self, endpoint: Endpoint) -> str | None:
        """Return the UID of the key, for which the exchange is asked once."""
        question = self._whose_key() if self._whose_key is not None else None
        # All questions whose key it is share one label, as nobody knows yet whose key it is.
        if question is None or endpoint is question:
            return AUTO
        async with self._identity.lock:
            if self._identity.uid == AUTO:
                self._identity.uid = str((await self.call(question, question.params())).uid)
        return self._identity.uid

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
        host = self._hosts.choose()
        url, headers, data = self._request(host, endpoint, parts)
        attempt = Attempt()
        context = attempt_under_way.set(attempt)
        self._deadlines.begin(attempt)
        started = time.monotonic()
        try:
            response = await http.request(
                endpoint.method,
                url,
                data=data,
                headers=headers,
                timeout=NO_TIMEOUT,
                allow_redirects=False,
                middlewares=() if self._http.owned else (attempt,),
            )
            body = await response.read()  # which lets go of the connection, or closes it
        except asyncio.CancelledError:
            if not attempt.was_ended():
                if not attempt.left:
                    permit.not_sent()
                raise
            cause: Exception = TimeoutError()
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            cause = exc
        else:
            if _log.isEnabledFor(logging.DEBUG):
                _log.debug(
                    "%s: HTTP %d, %d bytes in %.1f ms",
                    endpoint.name,
                    response.status,
                    len(body),
                    (time.monotonic() - started) * 1000,
                )
            remaining = response.headers.get(_REMAIN)
            if remaining is not None and remaining.isdecimal():
                left = int(remaining)
                # Only the end of the last window matters, so others need not be read.
                expires = response.headers.get(_EXPIRE) if left == 0 else None
                permit.told(left, expires_in(expires, self.clock.now()) if expires else None)
            return response, body
        finally:
            self._deadlines.done(attempt)
            attempt_under_way.reset(context)
        # Not chained: aiohttp's messages may hold the URL, and so the signature.
        failure = failure_of(
            cause, attempt, endpoint=endpoint.name, host=host, timeout=self.options.timeout
        )
        if isinstance(failure, NotSent):
            permit.not_sent()
            self._hosts.unreachable(host)
        _log.debug("%s", failure)
        raise failure

    def _request(
        self, host: str, endpoint: Endpoint, parts: list[Pair]
    ) -> tuple[URL, CIMultiDict[str], bytes | None]:
        now = str(self.clock.now())
        stamped = [*parts, ("timestamp", f"timestamp={now}", f'"timestamp":{now}')]
        credentials = self._credentials if endpoint.needs is not None else None
        if credentials is not None:
            stamped.append(self._window)
        stamped.sort()
        text = canonical(stamped)
        signature = sign(text, credentials.signing_key) if credentials is not None else None
        if endpoint.body == "json" and self.options.placement == "declared":
            address = self._hosts.address(host, endpoint.path)
            return address, self._headers["json"], json_body(stamped, signature)
        address = URL(f"{host}{endpoint.path}?{query(stamped, text, signature)}", encoded=True)
        return address, self._headers["query" if credentials is not None else "public"], None

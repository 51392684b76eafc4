"""
The road of one call, seen from the exchange.

A request arrives (late, if the faults say so), is counted by the judge, proves who it is, becomes
the arguments of a declared endpoint, is carried out, and its answer travels back. What is refused
is refused with the exchange's own codes.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from types import TracebackType
from typing import Any, ClassVar, Final, NamedTuple, Self

from aiohttp import web

from bingx_async.client import BingX
from bingx_async.emulator import account, swap, user_stream
from bingx_async.emulator.accounts import Account, ApiKey
from bingx_async.emulator.call import Bodies, Call
from bingx_async.emulator.dressing import dress
from bingx_async.emulator.exchange import Exchange
from bingx_async.emulator.faults import Faults, StreamFaults
from bingx_async.emulator.gate import admit, arguments, parse
from bingx_async.emulator.limits import Arrival, Judge
from bingx_async.emulator.streams import PATH, Sent, StreamRules, StreamServer
from bingx_async.endpoint import Endpoint, endpoints_of
from bingx_async.errors import ApiError, InvalidRequest, RateLimited
from bingx_async.governor import Governor
from bingx_async.quota import IpGroup, Quota
from bingx_async.signing import milliseconds
from bingx_async.wire import encode

__all__ = ["Emulator"]

_PAGE: Final = "<html><body>Service temporarily busy</body></html>"


class _Route(NamedTuple):
    endpoint: Endpoint
    product: type[Bodies]
    method: str


class _Admitted(NamedTuple):
    route: _Route
    account: Account | None
    key: ApiKey | None


class _Answer(NamedTuple):
    body: bytes = b""
    status: int = 200


class Emulator(Exchange):
    """
    An exchange on loopback.

    Args:
        faults: What goes wrong, and how often; by default nothing does.
        stream_faults: What goes wrong with websockets; by default nothing does.
        stream_rules: What is demanded of websockets, and when they are told; by default as on the
            exchange.
        seed: Of the faults and of the prices, so that they repeat.
        time: What time it is on the exchange when it is made, timezone-aware; by default what this
            computer's clock says.
        state: What :meth:`save` returned: prices, accounts, orders and positions go on from there,
            and so does the exchange's clock, unless ``time`` says otherwise.
        penalty: Seconds for which a scope is shut after its quota was exceeded.
        limits: Quotas per UID that differ from the declared ones, by dotted name, as for
            :class:`~bingx_async.Governor`; ``None`` lifts that quota.
        groups: Quotas per IP address that differ from the published ones, by group.
        clock_offset: Seconds by which the exchange's clock is ahead of this computer's.
        host: Address to listen on.
        port: Port to listen on; 0 takes any that is free.

    Attributes:
        faults: What goes wrong; can be exchanged at any time.
        clock_offset: As given.
        market: Prices and liquidity.
        engine: Who trades; for looking only.
        listen_keys: The keys of the account streams.
    """

    products: ClassVar[Mapping[str, type[Bodies]]] = {
        "swap": swap.Swap,
        "user_stream": user_stream.UserStream,
        "account": account.Account,
    }

    def __init__(
        self,
        *,
        faults: Faults | None = None,
        stream_faults: StreamFaults | None = None,
        stream_rules: StreamRules | None = None,
        seed: int = 0,
        time: datetime | None = None,
        state: Mapping[str, Any] | None = None,
        penalty: float = 300.0,
        limits: Mapping[str, Quota | None] | None = None,
        groups: Mapping[int, IpGroup | None] | None = None,
        clock_offset: float = 0.0,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        super().__init__(seed=seed, time=time, state=state, clock_offset=clock_offset)
        self.faults = faults or Faults()
        self._draw = random.Random(seed)
        self._judge = Judge(penalty=penalty, limits=limits, groups=groups)
        self._governor = Governor(limits=limits, groups=groups)
        self._streams = StreamServer(
            self,
            rules=stream_rules or StreamRules(),
            faults=stream_faults or StreamFaults(),
            seed=seed,
        )
        self._clients: list[BingX] = []
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None
        self._routes = {
            (endpoint.method, endpoint.path): _Route(endpoint, product, method)
            for product in self.products.values()
            for method, endpoint in endpoints_of(product).items()
        }

    # --- what a test asks for ---------------------------------------------------------------

    @property
    def url(self) -> str:
        """
        Where the exchange listens, such as ``http://127.0.0.1:40123``.

        Raises:
            RuntimeError: The emulator is not running.
        """
        if self._runner is None or not self._runner.addresses:
            raise RuntimeError("the emulator is not running: use async with Emulator() as exchange")
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    @property
    def stream_url(self) -> str:
        """
        Where its websockets are, such as ``ws://127.0.0.1:40123/swap-market``.

        Raises:
            RuntimeError: The emulator is not running.
        """
        return f"ws{self.url.removeprefix('http')}{PATH}"

    @property
    def ledger(self) -> list[Arrival]:
        """Every arrival in its order, up to the last million."""
        return list(self._judge.ledger)

    @property
    def stream_faults(self) -> StreamFaults:
        """What goes wrong with websockets; can be exchanged at any time."""
        return self._streams.road.faults

    @stream_faults.setter
    def stream_faults(self, faults: StreamFaults) -> None:
        self._streams.road.faults = faults

    @property
    def stream_ledger(self) -> list[Sent]:
        """What was sent over websockets and what became of them, up to the last 100,000 lines."""
        return list(self._streams.ledger)

    @property
    def sockets(self) -> int:
        """How many websockets are open."""
        return len(self._streams.sockets)

    @property
    def governor(self) -> Governor:
        """The governor that the clients of :meth:`client` share."""
        return self._governor

    def client(self, name: str, **options: Any) -> BingX:
        """
        Make a client for an account; it is closed with the emulator.

        Args:
            name: Of the account.
            options: As for :class:`~bingx_async.BingX`; by default the clients of one emulator
                share its :attr:`governor`, as they share an IP address.
        """
        account = self.account(name)
        arguments: dict[str, Any] = {
            "api_key": account.api_key,
            "secret_key": account.secret_key,
            "uid": account.uid,
            "governor": self._governor,
        }
        client = BingX(base_url=self.url, **{**arguments, **options})
        self._clients.append(client)
        return client

    def worst(self, quota: Quota, by: tuple[str, ...] = ("uid", "endpoint")) -> int:
        """
        Count the most arrivals in any half-open window of a quota's period.

        Args:
            quota: Its period is the length of the window.
            by: What makes a scope: fields of :class:`Arrival`. A UID's quota counts by
                ``("uid", "endpoint")``, an address's by ``("ip", "endpoint")`` and
                ``("ip", "group")``.

        Returns:
            The number of arrivals, refused ones included; at most ``quota.tokens`` is the promise.
        """
        return self._judge.worst(quota, by)

    def push(self, topic: str, data: object, **beside: object) -> int:
        """
        Send a message of a topic to all who have subscribed to it, right now.

        Args:
            topic: The topic, such as ``BTC-USDT@trade``.
            data: What the message tells.
            beside: What stands beside it in the message, such as ``ts``.

        Returns:
            To how many websockets.
        """
        return self._streams.push(topic, data, beside)

    def cut_streams(self, uid: str | None = None) -> int:
        """
        Abort websockets, as a broken network does.

        Args:
            uid: Those that carry the events of this account; by default all.

        Returns:
            How many.
        """
        return self._streams.cut(uid)

    def silence_streams(self, seconds: float) -> int:
        """
        Let the websockets that are open now stay open, but send nothing on them for a while.

        What should have been sent meanwhile is lost, heartbeats and acknowledgements as well. Who
        connects anew is served.

        Args:
            seconds: For how long.

        Returns:
            How many websockets.
        """
        return self._streams.silence(seconds)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get(PATH, self._streams.handle, allow_head=False)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        self._runner = runner
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError:
            await runner.cleanup()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for client in self._clients:
            await client.close()
        self._clients.clear()
        await self._streams.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    # --- the road ---------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        draw = self._draw
        fate, executed = self.faults.fate(draw), draw.random() < 1 / 2
        way_in, way_out = self.faults.way_in(draw), self.faults.way_out(draw)
        body = await request.read()
        await asyncio.sleep(way_in)
        headers: dict[str, str] = {"Date": format_datetime(self.wall(), usegmt=True)}
        admitted = self._arrive(request, headers)
        answer = _Answer()
        if fate != "dropped before" and (fate != "failed" or executed):
            answer = await self._carry_out(request, body, admitted)
            self._streams.look()
        if fate in {"dropped before", "dropped after"}:
            return _drop(request)
        await asyncio.sleep(way_out)
        if fate == "failed":
            return web.Response(status=draw.choice((502, 503, 504)), headers=headers)
        if fate == "garbled":
            return web.Response(text=_PAGE, content_type="text/html", headers=headers)
        if fate == "truncated":
            return await _truncate(request, answer.body, headers)
        return web.Response(
            body=answer.body,
            status=answer.status,
            content_type="application/json",
            headers=headers,
        )

    def _arrive(self, request: web.Request, headers: dict[str, str]) -> _Admitted | ApiError:
        """Count a request, and say how much of its quota is left."""
        now = time.monotonic()
        ip = request.remote or "unknown"
        account, key = self._whose(request.headers.get("X-BX-APIKEY"))
        uid = account.uid if account is not None else None
        route = self._routes.get((request.method, request.path))
        if route is None:
            name = f"{request.method} {request.path}"
            self._judge.ledger.append(Arrival(now, uid, ip, name, None, "no such route"))
            return InvalidRequest(f"this api is not exist: {name}", code=100400)
        endpoint = route.endpoint
        lock = self._judge.arrive(endpoint, uid, ip, now)
        refusal = f"{' '.join(lock.scope)} is shut" if lock is not None else ""
        self._judge.ledger.append(Arrival(now, uid, ip, endpoint.name, endpoint.group, refusal))
        if (left := self._judge.left(endpoint, uid, ip, now)) is not None:
            headers["X-RateLimit-Requests-Remain"] = str(left[0])
            headers["X-RateLimit-Requests-Expire"] = str(self._in(left[1]))
        if lock is not None:
            return RateLimited(
                "The endpoint trigger frequency limit rule is currently in the disabled period"
                f" and will be unblocked after {self._in(lock.until - now)}",
                code=100410,
            )
        return _Admitted(route, account, key)

    async def _carry_out(
        self, request: web.Request, body: bytes, admitted: _Admitted | ApiError
    ) -> _Answer:
        """Check a request and execute it."""
        try:
            if isinstance(admitted, ApiError):
                raise admitted
            endpoint, product, method = admitted.route
            asked = parse(request.rel_url.raw_query_string, request.content_type, body)
            if endpoint.needs is not None:
                clocks = (milliseconds(self.wall()), milliseconds(self.now()))
                admit(endpoint, admitted.key, asked, clocks)
            given = arguments(endpoint, asked)
            body_of_stub = getattr(product(self._call(admitted.account)), method)
            if getattr(body_of_stub, "__endpoint__", None) is not None:
                raise InvalidRequest(f"{endpoint.name} is not emulated", code=100404)
            return _Answer(dress(endpoint, given, await body_of_stub(**given)))
        except ApiError as refusal:
            if refusal.status is not None:
                return _Answer(status=refusal.status)
            code = refusal.code or 109400
            return _Answer(encode({"code": code, "msg": refusal.message, "data": {}}))

    def _call(self, caller: Account | None) -> Call:
        """Let time pass up to a call."""
        now = self.engine.advance(self.now())
        uid = "" if caller is None else caller.uid
        return Call(now, uid, self.market, self.engine, self.listen_keys)

    def _whose(self, api_key: str | None) -> tuple[Account, ApiKey] | tuple[None, None]:
        for each in self._accounts.values():
            for key in each.keys:
                if key.api_key == api_key:
                    return each, key
        return None, None

    def _in(self, seconds: float) -> int:
        """Tell the exchange's time so many seconds from now, in milliseconds."""
        return math.ceil(self.wall().timestamp() * 1000 + seconds * 1000)


def _drop(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _truncate(
    request: web.Request, answer: bytes, headers: dict[str, str]
) -> web.StreamResponse:
    response = web.StreamResponse(headers=headers)
    response.content_type = "application/json"
    response.content_length = len(answer)
    await response.prepare(request)
    await response.write(answer[: len(answer) // 2])
    if request.transport is not None:
        request.transport.close()
    return response

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
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import TracebackType
from typing import Any, ClassVar, Final, NamedTuple, Self

from aiohttp import web

from bingx_async.client import BingX
from bingx_async.emulator.accounts import Account, ApiKey
from bingx_async.emulator.faults import Faults
from bingx_async.emulator.gate import admit, arguments, parse
from bingx_async.emulator.limits import Arrival, Judge
from bingx_async.emulator.swap import Swap
from bingx_async.endpoint import Endpoint, Section, endpoints_of
from bingx_async.errors import ApiError, InvalidRequest, RateLimited
from bingx_async.governor import Governor
from bingx_async.quota import IpGroup, Quota
from bingx_async.signing import milliseconds
from bingx_async.wire import converter, encode

__all__ = ["Emulator"]

_NOBODY: Final = Account.named("nobody")
_PAGE: Final = "<html><body>Service temporarily busy</body></html>"


class _Route(NamedTuple):
    endpoint: Endpoint
    product: Callable[[Account, datetime], Section]
    method: str


class _Admitted(NamedTuple):
    route: _Route
    account: Account | None
    key: ApiKey | None


class Emulator:
    """
    An exchange on loopback.

    Args:
        faults: What goes wrong, and how often; by default nothing does.
        seed: Of the faults, so that they repeat.
        penalty: Seconds for which a scope is shut after its quota was exceeded.
        limits: Quotas per UID that differ from the declared ones, by dotted name, as for
            :class:`~bingx_async.Governor`; ``None`` lifts that quota.
        groups: Quotas per IP address that differ from the published ones, by group.
        clock_offset: Seconds by which the exchange's clock is ahead of this computer's.
        host: Address to listen on.
        port: Port to listen on; 0 takes any that is free.
    """

    products: ClassVar[Mapping[str, type[Swap]]] = {"swap": Swap}

    def __init__(
        self,
        *,
        faults: Faults | None = None,
        seed: int = 0,
        penalty: float = 300.0,
        limits: Mapping[str, Quota | None] | None = None,
        groups: Mapping[int, IpGroup | None] | None = None,
        clock_offset: float = 0.0,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.faults = faults or Faults()
        self.clock_offset = clock_offset
        self._draw = random.Random(seed)
        self._judge = Judge(penalty=penalty, limits=limits, groups=groups)
        self._governor = Governor(limits=limits, groups=groups)
        self._accounts: dict[str, Account] = {}
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
    def ledger(self) -> list[Arrival]:
        """Every arrival in its order, up to the last million."""
        return list(self._judge.ledger)

    @property
    def governor(self) -> Governor:
        """The governor that the clients of :meth:`client` share."""
        return self._governor

    def now(self) -> datetime:
        """Read the exchange's clock."""
        return datetime.now(UTC) + timedelta(seconds=self.clock_offset)

    def account(self, name: str) -> Account:
        """
        Return the account of this name, and open it first if there is none.

        Its UID and key depend on the name alone, so that another process knows them too. Only
        accounts that were opened here are let in.
        """
        if name not in self._accounts:
            self._accounts[name] = Account.named(name)
        return self._accounts[name]

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

    async def __aenter__(self) -> Self:
        app = web.Application()
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
        headers: dict[str, str] = {"Date": format_datetime(self.now(), usegmt=True)}
        admitted = self._arrive(request, headers)
        answer = b""
        if fate != "dropped before" and (fate != "failed" or executed):
            answer = await self._carry_out(request, body, admitted)
        if fate in {"dropped before", "dropped after"}:
            return _drop(request)
        await asyncio.sleep(way_out)
        if fate == "failed":
            return web.Response(status=draw.choice((502, 503, 504)), headers=headers)
        if fate == "garbled":
            return web.Response(text=_PAGE, content_type="text/html", headers=headers)
        if fate == "truncated":
            return await _truncate(request, answer, headers)
        return web.Response(body=answer, content_type="application/json", headers=headers)

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
    ) -> bytes:
        """Check a request and execute it; the answer is what goes into the body."""
        try:
            if isinstance(admitted, ApiError):
                raise admitted
            endpoint, product, method = admitted.route
            asked = parse(request.rel_url.raw_query_string, request.content_type, body)
            if endpoint.needs is not None:
                admit(endpoint, admitted.key, asked, milliseconds(self.now()))
            given = arguments(endpoint, asked)
            account = admitted.account or _NOBODY
            body_of_stub = getattr(product(account, self.now()), method)
            if getattr(body_of_stub, "__endpoint__", None) is not None:
                raise InvalidRequest(f"{endpoint.name} is not emulated", code=100404)
            return _dress(endpoint, converter.unstructure(await body_of_stub(**given)))
        except ApiError as refusal:
            return encode({"code": refusal.code or 109400, "msg": refusal.message, "data": {}})

    def _whose(self, api_key: str | None) -> tuple[Account, ApiKey] | tuple[None, None]:
        for account in self._accounts.values():
            for key in account.keys:
                if key.api_key == api_key:
                    return account, key
        return None, None

    def _in(self, seconds: float) -> int:
        """Tell the exchange's time so many seconds from now, in milliseconds."""
        return math.ceil(self.now().timestamp() * 1000 + seconds * 1000)


def _dress(endpoint: Endpoint, answer: Any) -> bytes:
    """Put an answer where its declaration says that it sits."""
    if endpoint.answer == "file":
        return bytes(answer)
    if endpoint.answer == "bare":
        return b"" if answer is None else encode(answer)
    envelope = {"code": 0, "msg": ""}
    if answer is None:
        return encode(envelope)
    if endpoint.answer == "flat":
        return encode(envelope | answer)
    for step in reversed(endpoint.answer.split(".")):
        answer = {step: answer}
    return encode(envelope | answer)


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

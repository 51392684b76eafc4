"""The client: one session, every product of the exchange."""

from __future__ import annotations

import copy
import functools
import importlib
import os
from collections.abc import Mapping
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypedDict, Unpack, cast, get_args

import aiohttp
from yarl import URL

from bingx_async.clock import Clock
from bingx_async.endpoint import Endpoint, endpoints_of
from bingx_async.governor import uid_of_key
from bingx_async.permit import AnyGovernor
from bingx_async.session import Credentials, Options, Placement, Session
from bingx_async.signing import SigningKey

if TYPE_CHECKING:
    from bingx_async.account import Account
    from bingx_async.account_feed import Recovery
    from bingx_async.channel import Channel
    from bingx_async.streams import Streams
    from bingx_async.swap import Swap
    from bingx_async.user_stream import UserStream

__all__ = ["BingX", "Environment"]

Environment = Literal["live", "vst"]

# The host, and the one for requests that could not leave for it. (The documentation also names a
# host in .io, which takes 60 requests a minute only.)
_HOSTS: Final[Mapping[Environment, tuple[str, str]]] = MappingProxyType(
    {
        "live": ("https://open-api.bingx.com", "https://open-api.bingx.pro"),
        "vst": ("https://open-api-vst.bingx.com", "https://open-api-vst.bingx.pro"),
    }
)
# Where the websockets of each product are: by the environment, or below another exchange's address.
_SOCKETS: Final[Mapping[str, Mapping[Environment | None, str]]] = MappingProxyType(
    {
        "swap": {
            "live": "wss://open-api-swap.bingx.com/swap-market",
            "vst": "wss://vst-open-api-ws.bingx.com/swap-market",
            None: "/swap-market",
        },
    }
)
# The products, by the name of their module and attribute, with their classes. They are imported
# when they are first used: a bot uses one or two, and making all the classes would dominate its
# start.
_PRODUCTS: Final[Mapping[str, str]] = MappingProxyType(
    {"swap": "Swap", "user_stream": "UserStream", "account": "Account"}
)


def _product(name: str) -> Any:
    return getattr(importlib.import_module(f"bingx_async.{name}"), _PRODUCTS[name])


def _channels(product: str) -> list[Channel]:
    found = importlib.import_module("bingx_async.channel").channels_of(_product(product))
    return list(found.values())


def _streams(session: Session, sockets: Mapping[str, str], *, has_key: bool) -> Streams:
    def recovery(product: str) -> Recovery:
        module = importlib.import_module(f"bingx_async.{product}.recovery")
        return cast("Recovery", module.Recovery(_product(product)(session)))

    def events(product: str) -> list[Channel]:
        return [channel for channel in _channels(product) if channel.account]

    module = importlib.import_module("bingx_async.streams")
    made = module.Streams(
        sockets,
        http=session.http,
        governor=lambda: session.governor,
        ip=session.ip,
        listen_keys=(lambda: _product("user_stream")(session)) if has_key else None,
        recovery=recovery,
        events=events,
    )
    return cast("Streams", made)


class ClientOptions(TypedDict, total=False):
    """What :meth:`~bingx_async.BingX.with_options` changes; see :class:`~bingx_async.BingX`."""

    recv_window: int
    timeout: float
    max_wait: float | None
    priority: int
    retries: int
    placement: Placement


class BingX:
    """
    The exchange.

    .. code-block:: python

        async with BingX(api_key, secret_key) as bingx:
            await bingx.swap.set_leverage("BTC-USDT", PositionSide.LONG, 10)

    Many tasks may share one client, and hundreds of calls may be under way at once. It belongs to
    the event loop in which it is first used.

    Args:
        api_key: The API key; without one, public endpoints are served only.
        secret_key: The secret of the key.
        environment: ``"live"``, or ``"vst"`` for demo trading with play money.
        base_url: Another exchange, such as an emulator's ``url``; overrides ``environment``.
        uid: Label of the account, under which its quotas are counted. Two keys of one account
            must have the same, since they share its quotas: give both ``uid="auto"``, which asks
            the exchange whose key it is before the first private call, or the UID itself. By
            default a digest of the key, which is right for the only key of an account.
        ip: Label of the IP address from which requests leave; clients whose sessions leave from
            different addresses are given different ones.
        governor: Who hands out the permits; by default the event loop's own,
            :meth:`Governor.current() <bingx_async.Governor.current>`.
        session: An ``aiohttp.ClientSession`` to use, with its proxies, TLS settings and
            ``trace_configs``; it is never closed here, and its own middlewares are not applied.
            By default one is made on first use.
        recv_window: Milliseconds for which a request is valid after its timestamp.
        timeout: Seconds from sending until the answer is read; the wait for a permit is extra.
        max_wait: Seconds to wait for a permit; ``None`` waits as long as it takes.
        placement: ``"declared"`` sends a JSON body where the endpoint declares one, ``"query"``
            sends everything in the query string.
        retries: How often to repeat what failed and can be repeated without harm: a read, or a
            write that certainly never left. See :mod:`bingx_async.retry`.

    Raises:
        ValueError: An argument is out of its range, or names what does not exist.
        TypeError: An argument is of another type.

    Source: https://bingx-api.github.io/docs-v3/
    """

    def __init__(
        self,
        api_key: str | None = None,
        secret_key: str | None = None,
        *,
        environment: Environment = "live",
        base_url: str | None = None,
        uid: str | None = None,
        ip: str = "default",
        governor: AnyGovernor | None = None,
        session: aiohttp.ClientSession | None = None,
        recv_window: int = 5000,
        timeout: float = 10.0,
        max_wait: float | None = None,
        placement: Placement = "declared",
        retries: int = 3,
    ) -> None:
        if environment not in _HOSTS:
            raise ValueError(
                f"environment must be one of {', '.join(get_args(Environment))},"
                f" not {environment!r}"
            )
        credentials = _credentials(api_key, secret_key)
        if governor is not None:
            _check_limits(governor)
        if uid is None and credentials is not None:
            uid = uid_of_key(credentials.api_key)
        self.environment: Environment = environment
        self._credentials = credentials
        host, fallback = (base_url, None) if base_url else _HOSTS[environment]
        host = _base_url(host)
        sockets = {
            product: f"ws{host.removeprefix('http')}{addresses[None]}"
            if base_url
            else addresses[environment]
            for product, addresses in _SOCKETS.items()
        }
        self._use(
            Session(
                host,
                fallback_url=fallback,
                whose_key=lambda: endpoints_of(_product("account"))["uid"],
                what_time=lambda: endpoints_of(_product("swap"))["server_time"],
                streams=lambda session: _streams(session, sockets, has_key=bool(credentials)),
                credentials=credentials,
                uid=uid,
                ip=ip,
                governor=governor,
                session=session,
                options=Options(
                    recv_window=recv_window,
                    timeout=timeout,
                    max_wait=max_wait,
                    placement=placement,
                    retries=retries,
                ),
            )
        )

    def _use(self, session: Session) -> None:
        self._session = session
        for name in _PRODUCTS:  # a view makes its own
            self.__dict__.pop(name, None)

    @functools.cached_property
    def swap(self) -> Swap:
        """USDT-M perpetual futures."""
        return cast("Swap", _product("swap")(self._session))

    @functools.cached_property
    def user_stream(self) -> UserStream:
        """Listen keys of account streams."""
        return cast("UserStream", _product("user_stream")(self._session))

    @functools.cached_property
    def account(self) -> Account:
        """The account of the API key, whatever the product."""
        return cast("Account", _product("account")(self._session))

    @classmethod
    def from_env(cls, **arguments: Any) -> Self:
        """
        Make a client from ``BINGX_API_KEY``, ``BINGX_SECRET_KEY`` and ``BINGX_ENVIRONMENT``.

        Args:
            arguments: As for :class:`BingX`; they go before the environment's.

        Raises:
            ValueError: Only one of key and secret is set, or there is no such environment.
        """
        for argument, variable in _VARIABLES.items():
            if value := os.environ.get(variable):
                arguments.setdefault(argument, value)
        return cls(**arguments)

    def with_options(self, **options: Unpack[ClientOptions]) -> Self:
        """
        Return a view of this client whose calls have other options.

        The view shares the connections and the governor; closing it does nothing.

        Args:
            options: ``recv_window``, ``timeout``, ``max_wait``, ``placement`` and ``retries``, as
                for :class:`BingX`, and ``priority``: who goes first when several wait for a permit,
                the higher number (0 by default). What is not given stays as it is.

        Raises:
            TypeError: There is no such option.
            ValueError: An option is out of its range.
        """
        view = copy.copy(self)
        view._use(self._session.with_options(**options))  # noqa: SLF001 - it is one of us
        return view

    @staticmethod
    def endpoints() -> dict[str, Endpoint]:
        """Return every declared endpoint by its dotted name, such as ``"swap.set_leverage"``."""
        return {
            endpoint.name: endpoint
            for product in _PRODUCTS
            for endpoint in endpoints_of(_product(product)).values()
        }

    @staticmethod
    def channels() -> dict[str, Channel]:
        """Return every declared stream by its dotted name, such as ``"swap.trades_stream"``."""
        return {channel.name: channel for product in _PRODUCTS for channel in _channels(product)}

    @property
    def governor(self) -> AnyGovernor:
        """Who hands out the permits for this client's calls."""
        return self._session.governor

    @property
    def uid(self) -> str | None:
        """The label under which the account's quotas are counted; ``"auto"`` until it is known."""
        return self._session.uid

    @property
    def clock(self) -> Clock:
        """The exchange's clock as this client knows it."""
        return self._session.clock

    async def measure_clock(self) -> Clock:
        """
        Look at the exchange's clock, and go by it for timestamps from now on.

        This happens by itself when the exchange refuses a timestamp.

        Returns:
            The clock, with its offset and how far that may be wrong.

        Raises:
            BingXError: The exchange does not tell the time.
        """
        return await self._session.measure_clock()

    async def close(self) -> None:
        """
        Close the connections that were made here, and end all streams.

        Calls under way fail; calls that wait for a permit fail when their turn comes, with
        :exc:`~bingx_async.NotSent`.
        """
        await self._session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        key = f"key ...{self._credentials.api_key[-4:]}" if self._credentials else "no key"
        return f"<BingX {self._session.base_url}, {key}>"


_VARIABLES: Final = MappingProxyType(
    {
        "api_key": "BINGX_API_KEY",
        "secret_key": "BINGX_SECRET_KEY",
        "environment": "BINGX_ENVIRONMENT",
    }
)


def _credentials(api_key: str | None, secret_key: str | None) -> Credentials | None:
    if api_key is None and secret_key is None:
        return None
    for name, value in (("api_key", api_key), ("secret_key", secret_key)):
        if not value:
            raise ValueError(f"{name} is missing: pass both api_key and secret_key, or neither")
        if not (value.isascii() and value.isprintable()) or " " in value:
            raise ValueError(f"{name} holds a space or a character that no key has")
    assert api_key is not None
    assert secret_key is not None
    return Credentials(api_key, SigningKey(secret_key))


def _base_url(text: str) -> str:
    try:
        url = URL(text)
    except ValueError:
        url = URL()
    if url.scheme not in {"http", "https"} or not url.host or url.query_string or url.user:
        raise ValueError(f"base_url must look like https://host, not {text!r}")
    return str(url).rstrip("/")


def _check_limits(governor: AnyGovernor) -> None:
    """What is misspelt, or has no UID, would be left unlimited without a word."""
    endpoints = BingX.endpoints()
    if unknown := sorted(set(governor.limits) - set(endpoints)):
        raise ValueError(
            f"the governor's limits name endpoints that do not exist: {', '.join(unknown)};"
            " BingX.endpoints() lists those that do"
        )
    if public := [
        name for name, quota in governor.limits.items() if quota and not endpoints[name].needs
    ]:
        raise ValueError(
            f"the governor's limits are quotas per UID, and public endpoints have none:"
            f" {', '.join(public)}; use groups= for quotas of the IP address"
        )

"""Who carries the streams of a client: a hub for the market and a feed for the account."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import aiohttp

from bingx_async.account_feed import AccountFeed, ListenKeys, Recovery
from bingx_async.channel import Channel
from bingx_async.errors import AuthError
from bingx_async.hub import Hub
from bingx_async.permit import AnyGovernor
from bingx_async.stream import Stream
from bingx_async.websocket import Connection, Holder

__all__ = ["Streams"]


class Streams:
    """
    All streams of one client.

    Args:
        sockets: Where the websockets of each product are.
        http: Returns the aiohttp session.
        governor: Returns who hands out permits.
        ip: Label of the IP address.
        listen_keys: Returns who makes listen keys; ``None`` for a client without an API key.
        recovery: Makes what fetches the events of a product that were missed.
        events: Lists the kinds of events that accounts of a product have.
    """

    def __init__(
        self,
        sockets: Mapping[str, str],
        *,
        http: Callable[[], aiohttp.ClientSession],
        governor: Callable[[], AnyGovernor],
        ip: str,
        listen_keys: Callable[[], ListenKeys] | None,
        recovery: Callable[[str], Recovery],
        events: Callable[[str], Iterable[Channel]],
    ) -> None:
        self._sockets = sockets
        self._http = http
        self._governor = governor
        self._ip = ip
        self._listen_keys = listen_keys
        self._recovery = recovery
        self._events = events
        self._hubs: dict[str, Hub] = {}
        self._feeds: dict[str, AccountFeed] = {}

    def stream(self, channel: Channel, topic: str) -> Stream[Any]:
        """
        Make a stream, which begins when it is read.

        Raises:
            AuthError: It tells of the account, and the client has no key.
        """
        product = channel.name.partition(".")[0]
        if not channel.account:
            if product not in self._hubs:
                self._hubs[product] = Hub(
                    self._sockets[product], connect=self.connect, name=f"{product} streams"
                )
            return self._hubs[product].stream(channel, topic)
        if self._listen_keys is None:
            raise AuthError(
                "this stream needs an API key with the permission 'read':"
                " pass api_key= and secret_key=",
                endpoint=channel.name,
            )
        if product not in self._feeds:
            self._feeds[product] = AccountFeed(
                self._sockets[product],
                connect=self.connect,
                keys=self._listen_keys(),
                recovery=self._recovery(product),
                channels=self._events(product),
                name=f"{product} account",
            )
        return self._feeds[product].stream(channel, topic)

    def connect(self, holder: Holder, name: str) -> Connection:
        """Make a websocket whose requests are governed."""
        return Connection(
            holder, session=self._http, governor=self._governor, ip=self._ip, name=name
        )

    async def close(self) -> None:
        """End all streams."""
        await asyncio.gather(
            *(hub.close() for hub in self._hubs.values()),
            *(feed.close() for feed in self._feeds.values()),
        )

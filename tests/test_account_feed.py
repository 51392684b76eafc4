"""Facts about account streams: listen keys, gaps, and what is told after them."""

import asyncio
import contextlib
import logging

import pytest
from attrs import evolve

from bingx_async import AuthError, BingX, BingXError, DecodeError, NotSent, RateLimited
from bingx_async.account_feed import AccountFeed
from bingx_async.stream import Resumed
from bingx_async.swap import OrderEvent
from tests.socket_server import SocketServer, until

ORDERS = BingX.channels()["swap.orders_stream"]
ACCOUNT = BingX.channels()["swap.account_stream"]
LEVERAGE = BingX.channels()["swap.leverage_stream"]


def order(number, **fields):
    row = {"s": "BTC-USDT", "i": number, "S": "BUY", "o": "LIMIT", "x": "NEW", "X": "NEW"}
    return {"e": "ORDER_TRADE_UPDATE", "E": 1_790_000_000_000, "o": row | fields}


class History:
    """A recovery that a test writes, instead of an exchange that can be asked."""

    def __init__(self) -> None:
        self.seen: list[object] = []
        self.missed: list[object] = []
        self.failures: list[Exception] = []
        self.begun = self.caught_up = 0
        self.open = asyncio.Event()
        self.open.set()

    async def begin(self):
        self.begun += 1
        await self._ask()

    async def catch_up(self):
        self.caught_up += 1
        await self._ask()
        self.seen += self.missed
        return [evolve(event, recovered=True) for event in self.missed]

    async def _ask(self):
        await self.open.wait()
        if self.failures:
            raise self.failures.pop(0)

    def take(self, event):
        if event in self.seen:
            return None
        self.seen.append(event)
        return event


@pytest.fixture
async def server(monkeypatch):
    monkeypatch.setattr("bingx_async.websocket.pause_before", lambda _: 0.0)
    monkeypatch.setattr("bingx_async.account_feed.pause_before", lambda _: 0.0)
    async with SocketServer() as running:
        yield running


@pytest.fixture
def history():
    return History()


@pytest.fixture
async def feed(server, history):
    async with server.client() as bingx, contextlib.AsyncExitStack() as stack:
        bingx.swap.trades_stream("BTC-USDT")  # which makes who carries streams
        (streams,) = bingx._session._streams
        feed = AccountFeed(
            f"ws{server.url.removeprefix('http')}/swap-market",
            connect=streams.connect,
            keys=bingx.user_stream,
            recovery=history,
            channels=[ORDERS, ACCOUNT, LEVERAGE],
            name="swap account",
        )
        stack.push_async_callback(feed.close)
        yield feed


async def several(stream, count):
    async with asyncio.timeout(10):
        return [await anext(stream) for _ in range(count)]


async def test_events_come_without_a_subscription(server, feed, history):
    """On one connection, opened with a listen key, told apart by their names."""
    async with (
        feed.stream(ORDERS, "ORDER_TRADE_UPDATE") as orders,
        feed.stream(ACCOUNT, "ACCOUNT_UPDATE") as account,
        feed.stream(LEVERAGE, "ACCOUNT_CONFIG_UPDATE") as leverage,
    ):
        assert server.addresses == ["/swap-market?listenKey=key-1"]
        assert history.begun == 1
        await server.send(order(1))
        await server.send(order(2) | {"e": "TRADE_UPDATE"})
        assert [event.order_id for event in await several(orders, 2)] == [1, 2]
        balance = {"a": "USDT", "wb": "10.50", "cw": "10.50", "bc": "0"}
        position = {"s": "BTC-USDT", "ps": "LONG", "pa": "0.1", "mt": "cross"}
        update = {"m": "ORDER", "B": [balance], "P": [position]}
        await server.send({"e": "ACCOUNT_UPDATE", "E": 1_790_000_000_000, "a": update})
        (event,) = await several(account, 1)
        assert str(event.balances[0].wallet_balance) == "10.50"
        assert event.positions[0].margin_type == "CROSSED"
        assert event.event_time is not None
        setting = {"s": "BTC-USDT", "l": 12, "S": 9, "mt": "isolated"}
        await server.send({"e": "ACCOUNT_CONFIG_UPDATE", "E": 1_790_000_000_000, "ac": setting})
        (event,) = await several(leverage, 1)
        assert (event.long_leverage, event.short_leverage) == (12, 9)
        assert server.requests == []


async def test_what_was_missed_is_told_before_what_comes(server, feed, history, caplog):
    """And what is in both is told once."""
    caplog.set_level(logging.INFO, logger="bingx_async")
    async with feed.stream(ORDERS, "ORDER_TRADE_UPDATE") as orders:
        events = orders.with_gaps()
        await server.send(order(1))
        await several(events, 1)
        history.missed = [event_of(order(2)), event_of(order(3))]
        history.open.clear()
        server.cut()
        await server.opened(2)
        await server.send(order(3))
        await server.send(order(4))
        await asyncio.sleep(0.05)
        history.open.set()
        gap, *rest = await several(events, 4)
        assert isinstance(gap, Resumed)
        assert [(event.order_id, event.recovered) for event in rest] == [
            (2, True),
            (3, True),
            (4, False),
        ]
        assert server.addresses[1] == "/swap-market?listenKey=key-2"
    assert "swap account goes on after" in caplog.text
    assert "key-" not in caplog.text


def event_of(message):
    (event,) = ORDERS.read(message)
    return event


async def test_some_time_after_a_gap_it_is_asked_once_more(server, feed, history, monkeypatch):
    """The exchange's histories may lag behind."""
    monkeypatch.setattr("bingx_async.account_feed.LATER", 0.05)
    async with feed.stream(ORDERS, "ORDER_TRADE_UPDATE") as orders:
        server.cut()
        await until(lambda: history.caught_up)
        history.missed = [event_of(order(5))]
        assert [event.recovered for event in await several(orders, 1)] == [True]
        assert history.caught_up == 2


async def test_what_nobody_reads_is_known_all_the_same(server, feed, history):
    """Whoever comes later is not told of it as missed."""
    async with feed.stream(ACCOUNT, "ACCOUNT_UPDATE"):
        await server.send(order(1))
        await server.send({"e": "SOMETHING_NEW"})
        await until(lambda: history.seen)
        async with feed.stream(ORDERS, "ORDER_TRADE_UPDATE") as orders:
            await server.send(order(1))
            await server.send(order(2))
            assert [event.order_id for event in await several(orders, 1)] == [2]


async def test_whatever_goes_wrong_nobody_waits_for_ever(feed, history):
    """An error of this package ends the streams."""
    history.failures = [ZeroDivisionError()]
    with pytest.raises(BingXError, match="cannot go on"):
        await anext(feed.stream(ORDERS, "ORDER_TRADE_UPDATE"))


async def test_missed_events_are_asked_for_until_they_are_there(server, feed, history):
    """The exchange may be as hard to reach as its websockets."""
    async with feed.stream(ORDERS, "ORDER_TRADE_UPDATE") as orders:
        history.missed = [event_of(order(2))]
        history.failures = [NotSent("no way"), NotSent("no way")]
        server.cut()
        assert [event.order_id for event in await several(orders, 1)] == [2]
        assert history.caught_up == 3


async def test_a_connection_that_falls_while_missed_events_are_fetched_loses_none(
    server, feed, history
):
    """All is asked for again."""
    async with feed.stream(ORDERS, "ORDER_TRADE_UPDATE") as orders:
        history.missed = [event_of(order(2))]
        history.open.clear()
        server.cut()
        await server.opened(2)
        server.cut()
        await server.opened(3)
        history.open.set()
        assert [event.order_id for event in await several(orders, 1)] == [2]


async def test_an_expired_key_is_replaced(server, feed, history):
    """And the connection with it, as nothing would come on the old one."""
    async with feed.stream(ORDERS, "ORDER_TRADE_UPDATE") as orders:
        await server.send({"e": "listenKeyExpired", "E": 1, "listenKey": "key-1"})
        await server.opened(2)
        assert server.addresses[1] == "/swap-market?listenKey=key-2"
        await until(lambda: history.caught_up)
        await server.send(order(7))
        await several(orders, 1)


async def test_the_key_is_extended_as_long_as_the_stream_is_read(server, feed, monkeypatch):
    """A key that is gone is replaced."""
    monkeypatch.setattr("bingx_async.account_feed.EXTEND", 0.05)
    async with feed.stream(ORDERS, "ORDER_TRADE_UPDATE"):
        await until(lambda: len(server.extended) >= 2)
        assert set(server.extended) == {"key-1"}
        server.keys.append("somebody's")
        await server.opened(2)
        assert server.addresses[1] == "/swap-market?listenKey=key-3"
    count = len(server.extended)
    await asyncio.sleep(0.12)
    assert len(server.extended) == count


@pytest.mark.parametrize("failure", [AuthError("no such key"), RateLimited("later", code=100410)])
async def test_whoever_waits_for_the_first_connection_is_told_why_there_is_none(
    feed, history, failure
):
    """At once where waiting would not help."""
    history.failures = [failure] * 3
    with pytest.raises(type(failure)):
        await anext(feed.stream(ORDERS, "ORDER_TRADE_UPDATE"))


async def test_an_event_that_cannot_be_read_ends_the_streams_of_its_kind(server, feed):
    """Rather than hide that an order changed."""
    async with (
        feed.stream(ORDERS, "ORDER_TRADE_UPDATE") as orders,
        feed.stream(LEVERAGE, "ACCOUNT_CONFIG_UPDATE") as leverage,
    ):
        await server.send(order(1, i="none"))
        with pytest.raises(DecodeError):
            await anext(orders)
        await server.send({"e": "ACCOUNT_CONFIG_UPDATE", "E": 1, "ac": {"s": "X-USDT"}})
        await several(leverage, 1)


async def test_nothing_is_left_behind(server, feed):
    """Whoever comes back at once is served."""
    for _ in range(3):
        async with feed.stream(ORDERS, "ORDER_TRADE_UPDATE") as orders:
            await server.send(order(1, z=str(len(server.addresses))))
            await several(orders, 1)
        await asyncio.sleep(0.02)
    await until(lambda: not server.sockets and not feed._work)
    assert feed._connection is None
    assert feed._timer is None


async def test_a_client_without_a_key_has_no_account_streams(server):
    """Nothing is sent."""
    bingx = BingX(base_url=server.url)
    with pytest.raises(AuthError, match="needs an API key"):
        bingx.swap.orders_stream()
    assert OrderEvent is ORDERS.event
    await bingx.close()

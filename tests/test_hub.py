"""Facts about market streams: topics, websockets, and what happens when these fall."""

import asyncio
import gc
import gzip
import logging

import pytest

from bingx_async import (
    BingX,
    DecodeError,
    Governor,
    InvalidRequest,
    IpGroup,
    NotSent,
    Quota,
    Rejected,
    StreamOverflow,
)
from bingx_async.stream import Resumed
from bingx_async.swap import Interval
from tests.socket_server import SocketServer, until

TRADE = {"p": "100.10", "q": "0.5", "T": 1_790_000_000_000, "m": True, "s": "BTC-USDT"}


def price(symbol, value):
    return {"e": "lastPriceUpdate", "E": 1_790_000_000_000, "s": symbol, "c": str(value)}


@pytest.fixture
async def server():
    async with SocketServer() as running:
        yield running


@pytest.fixture
async def bingx(server, monkeypatch):
    monkeypatch.setattr("bingx_async.websocket.pause_before", lambda _: 0.0)
    async with server.client() as client:
        yield client


async def several(stream, count):
    """Read so many events."""
    async with asyncio.timeout(10):
        return [await anext(stream) for _ in range(count)]


async def test_a_stream_begins_when_it_is_read(server, bingx):
    """Calling the method alone connects to nothing."""
    trades = bingx.swap.trades_stream("BTC-USDT")
    await asyncio.sleep(0)
    assert server.addresses == []
    task = asyncio.create_task(several(trades, 3))
    await server.asked(1)
    await server.push("BTC-USDT@trade", [TRADE, TRADE])
    await server.push("BTC-USDT@trade", [TRADE])
    events = await task
    assert [str(event.price) for event in events] == ["100.10"] * 3
    assert events[0].is_buyer_maker
    assert events[0].symbol == "BTC-USDT"


async def test_those_who_read_one_topic_share_a_subscription(server, bingx):
    """The last one to leave ends it; then nothing is connected any more."""
    async with (
        bingx.swap.trades_stream("BTC-USDT") as one,
        bingx.swap.trades_stream("BTC-USDT") as other,
    ):
        await server.push("BTC-USDT@trade", [TRADE])
        assert await several(one, 1) == await several(other, 1)
        assert server.topics() == ["BTC-USDT@trade"]
        async with bingx.swap.mark_price_stream("BTC-USDT"):
            assert len(server.sockets) == 1
        await one.close()
        await server.asked(3)
        assert server.requests[2] == (0, "unsub", "BTC-USDT@markPrice")
        await server.push("BTC-USDT@trade", [TRADE])
        await several(other, 1)
    await server.left()


async def test_a_loop_that_is_left_ends_the_subscription(server, bingx):
    """Nobody holds the stream any more."""
    async with bingx.swap.ticker_stream("ETH-USDT"):

        async def one_trade():
            async for trade in bingx.swap.trades_stream("BTC-USDT"):
                return trade
            return None

        task = asyncio.create_task(one_trade())
        await server.asked(2)
        await server.push("BTC-USDT@trade", [TRADE])
        await task
        del task
        gc.collect()
        await server.asked(3)
        assert server.requests[2] == (0, "unsub", "BTC-USDT@trade")


async def test_a_refused_subscription_raises_in_its_subscriber_and_nowhere_else(server, bingx):
    """With the exchange's code."""
    server.codes["NO-USDT@trade"] = 80015
    async with bingx.swap.trades_stream("BTC-USDT") as trades:
        with pytest.raises(Rejected) as caught:
            await anext(bingx.swap.trades_stream("NO-USDT"))
        assert caught.value.code == 80015
        assert caught.value.endpoint == "swap.trades_stream"
        await server.push("BTC-USDT@trade", [TRADE])
        await several(trades, 1)


async def test_no_more_subscriptions_leave_than_the_exchange_takes(server):
    """The governor paces them, for all clients behind an address."""
    governor = Governor(groups={0: IpGroup(total=(Quota(3, 0.2),))})
    loop = asyncio.get_running_loop()
    async with server.client(governor=governor) as bingx:
        began = loop.time()
        streams = [bingx.swap.last_price_stream(f"C{n}-USDT") for n in range(7)]
        await asyncio.gather(*(stream.__aenter__() for stream in streams))
        assert loop.time() - began >= 0.4
        assert (await governor.snapshot())[0].key.subject == "group 0"


@pytest.mark.parametrize("ping", ["Ping", {"ping": "7", "time": "t"}])
async def test_heartbeats_are_answered_in_their_own_form(server, bingx, ping):
    """As text, or as JSON with the same id."""
    async with bingx.swap.trades_stream("BTC-USDT"):
        if ping == "Ping":
            await server.raw(gzip.compress(b"Ping"))
        else:
            await server.send(ping)
        await until(lambda: server.pongs)
    assert server.pongs == ["Pong" if ping == "Ping" else '{"pong":"7","time":"t"}']


@pytest.mark.parametrize(
    "nonsense", [b"no gzip", "no JSON", "[1]", None], ids=["gzip", "json", "array", "cut"]
)
async def test_a_connection_that_falls_is_made_again(server, bingx, nonsense, caplog):
    """All is subscribed to anew, and whoever asks is told of the gap."""
    caplog.set_level(logging.INFO, logger="bingx_async")
    seen = []

    async def read():
        async for event in bingx.swap.trades_stream("BTC-USDT").with_gaps():
            seen.append(event)
            if len(seen) == 3:
                return

    task = asyncio.create_task(read())
    async with bingx.swap.last_price_stream("ETH-USDT") as prices:
        await server.asked(2)
        await server.push("BTC-USDT@trade", [TRADE])
        server.cut() if nonsense is None else await server.raw(nonsense)
        await server.opened(2)
        await server.asked(4)
        await server.push("BTC-USDT@trade", [TRADE])
        await server.push("ETH-USDT@lastPrice", price("ETH-USDT", 1))
        async with asyncio.timeout(10):
            await task
        (event,) = await several(prices, 1)
    assert [type(each).__name__ for each in seen] == ["TradeEvent", "Resumed", "TradeEvent"]
    assert isinstance(seen[1], Resumed)
    assert 0 <= seen[1].lost_for < 5
    assert event.symbol == "ETH-USDT"
    assert "the connection is lost" in caplog.text
    assert "BTC-USDT@trade goes on after" in caplog.text


async def test_a_connection_that_says_nothing_is_replaced(server, bingx, monkeypatch):
    """Heartbeats come every few seconds, so one without them is half open."""
    monkeypatch.setattr("bingx_async.websocket.SILENCE", 0.1)
    monkeypatch.setattr("bingx_async.websocket.WATCH", 0.02)
    async with bingx.swap.trades_stream("BTC-USDT"):
        await server.asked(2)
        assert len(server.addresses) == 2


async def test_a_subscription_that_is_never_acknowledged_is_asked_for_on_a_new_connection(
    server, bingx, monkeypatch
):
    """The exchange does not leave requests unanswered."""
    monkeypatch.setattr("bingx_async.websocket.ACK", 0.05)
    server.answers = False
    task = asyncio.create_task(several(bingx.swap.trades_stream("BTC-USDT"), 1))
    await server.opened(2)
    server.answers = True
    async with asyncio.timeout(5):
        while not task.done():
            await server.push("BTC-USDT@trade", [TRADE])
            await asyncio.sleep(0.01)
    await task


async def test_a_topic_that_should_speak_and_does_not_is_subscribed_to_anew(
    server, bingx, monkeypatch
):
    """The others go on; if none speaks, it is the connection."""
    monkeypatch.setattr("bingx_async.websocket.WATCH", 0.02)
    channels = BingX.channels()
    monkeypatch.setitem(channels["swap.ticker_stream"].__dict__, "silence", 0.1)
    monkeypatch.setitem(channels["swap.mark_price_stream"].__dict__, "silence", 0.1)
    mark = {"e": "markPriceUpdate", "E": 1_790_000_000_000, "s": "BTC-USDT", "p": "1"}
    async with bingx.swap.ticker_stream("BTC-USDT"), bingx.swap.mark_price_stream("BTC-USDT"):
        async with asyncio.timeout(5):
            while len(server.requests) < 4:
                await server.push("BTC-USDT@markPrice", mark)
                await asyncio.sleep(0.02)
        assert len(server.addresses) == 1
        assert [kind for _, kind, _ in server.requests] == ["sub", "sub", "unsub", "sub"]
        await server.opened(2)  # nobody pushes any more


async def test_endpoints_without_a_known_group_do_not_count_as_requests_of_streams():
    """The group of streams has a number that no endpoint has."""
    endpoint = BingX.endpoints()["swap.server_time"]
    assert endpoint.group is None
    governor = Governor()
    async with governor.permit(endpoint):
        assert all("group" not in state.key.subject for state in governor.snapshot())


async def test_whoever_waits_for_a_first_connection_is_told_that_there_is_none(server, bingx):
    """After several attempts; nothing was sent."""
    server.admits = False
    with pytest.raises(NotSent, match="cannot connect"):
        await anext(bingx.swap.trades_stream("BTC-USDT"))


async def test_a_stream_outlives_any_number_of_failures(server, bingx):
    """Once it has begun it waits for the exchange as long as it takes."""
    async with bingx.swap.trades_stream("BTC-USDT") as trades:
        server.admits = False
        server.cut()
        await asyncio.sleep(0.1)
        server.admits = True
        await server.asked(2)
        await server.push("BTC-USDT@trade", [TRADE])
        await several(trades, 1)


async def test_a_book_shows_nothing_while_its_connection_is_lost(server, bingx):
    """From the loss on, and not only when the connection is back."""
    whole = {"action": "all", "lastUpdateId": 7, "bids": [["1.5", "2"]], "asks": [["1.6", "2"]]}
    book = bingx.swap.book("BTC-USDT")
    opening = asyncio.create_task(book.__aenter__())
    await server.asked(1)
    await server.push("BTC-USDT@incrDepth", whole)
    await opening
    assert book.is_live
    server.admits = False
    changed = asyncio.create_task(book.changed())
    await asyncio.sleep(0)
    server.cut()
    async with asyncio.timeout(5):
        await changed
    assert not book.is_live
    assert book.bids == []
    server.admits = True
    await server.asked(2)
    assert not book.is_live
    await server.push("BTC-USDT@incrDepth", whole | {"lastUpdateId": 9})
    async with asyncio.timeout(5):
        await book.live()
    assert book.last_update_id == 9
    await book.close()


async def test_a_slow_consumer_gets_the_newest_of_each_symbol(server, bingx):
    """Where an event makes those before it worthless."""
    async with bingx.swap.all_tickers_stream() as tickers:
        for n in range(3):
            for symbol in ("BTC-USDT", "ETH-USDT"):
                row = dict.fromkeys("ohlpPvq", "0") | {"s": symbol, "c": str(n)}
                await server.push("all@ticker", row)
        await asyncio.sleep(0.05)
        found = await several(tickers, 2)
        assert {(each.symbol, int(each.last_price)) for each in found} == {
            ("BTC-USDT", 2),
            ("ETH-USDT", 2),
        }


async def test_a_slow_consumer_drops_the_oldest_if_it_says_so(server, bingx):
    """And knows how many."""
    async with bingx.swap.trades_stream("BTC-USDT").buffered(2, overflow="drop") as trades:
        await server.push("BTC-USDT@trade", [TRADE | {"p": str(n)} for n in range(5)])
        await asyncio.sleep(0.05)
        assert [int(each.price) for each in await several(trades, 2)] == [3, 4]
        assert trades.dropped == 3


async def test_a_slow_consumer_of_trades_is_told(server, bingx):
    """What waits is read first, then the stream is over."""
    async with bingx.swap.trades_stream("BTC-USDT").buffered(2) as trades:
        await server.push("BTC-USDT@trade", [TRADE] * 5)
        await asyncio.sleep(0.05)
        await several(trades, 2)
        with pytest.raises(StreamOverflow, match="read faster"):
            await anext(trades)


async def test_a_burst_is_no_slow_consumer(server, bingx):
    """Whoever reads gets to run between the frames that have come already."""
    async with bingx.swap.trades_stream("BTC-USDT").buffered(50) as trades:
        task = asyncio.create_task(several(trades, 500))
        for _ in range(500):
            await server.push("BTC-USDT@trade", [TRADE])
        assert len(await task) == 500


async def test_an_event_that_cannot_be_read_ends_its_streams(server, bingx):
    """With the message as it came; those of other topics go on."""
    async with (
        bingx.swap.trades_stream("BTC-USDT") as trades,
        bingx.swap.last_price_stream("BTC-USDT") as prices,
    ):
        await server.push("BTC-USDT@trade", [TRADE | {"p": "much"}])
        with pytest.raises(DecodeError) as caught:
            await anext(trades)
        assert b"much" in caught.value.body
        await server.push("BTC-USDT@lastPrice", price("BTC-USDT", 5))
        assert (await several(prices, 1))[0].price == 5


async def test_events_of_all_symbols_may_name_the_topic_of_one(server, bingx):
    """Which of the two the exchange does is not documented."""
    async with bingx.swap.all_klines_stream(Interval.MINUTE_1) as klines:
        row = {"o": "1", "c": "2", "h": "3", "l": "1", "v": "9", "T": 1_790_000_000_000}
        await server.push("all@kline_1m", [row], s="BTC-USDT")
        await server.push("ETH-USDT@kline_1m", [row], s="ETH-USDT")
        assert [each.symbol for each in await several(klines, 2)] == ["BTC-USDT", "ETH-USDT"]


async def test_a_websocket_carries_only_so_many_topics(server, bingx, monkeypatch):
    """A further one is opened, up to what an address may hold."""
    monkeypatch.setattr("bingx_async.hub.TOPICS", 2)
    monkeypatch.setattr("bingx_async.websocket.SOCKETS", 2)
    streams = [bingx.swap.last_price_stream(f"C{n}-USDT") for n in range(5)]
    for stream in streams[:4]:
        await stream.__aenter__()
    assert len(server.sockets) == 2
    with pytest.raises(InvalidRequest, match="may hold 2 websockets"):
        await streams[4].__aenter__()
    async with server.client() as another:  # behind the same address
        with pytest.raises(InvalidRequest, match="may hold 2 websockets"):
            await another.swap.orders_stream().__aenter__()
    await streams[0].close()
    async with asyncio.timeout(5):
        while True:
            try:
                await streams[4].__aenter__()
                break
            except InvalidRequest:  # the place is free once the exchange knows
                await asyncio.sleep(0.01)


async def test_closing_the_client_ends_its_streams_and_leaves_nothing(server):
    """No task, no websocket."""
    before = asyncio.all_tasks()
    bingx = server.client()
    stream = bingx.swap.trades_stream("BTC-USDT")
    task = asyncio.create_task(several(stream, 1))
    await server.asked(1)
    await bingx.close()
    with pytest.raises(StopAsyncIteration):
        await task
    await until(lambda: not (asyncio.all_tasks() - before) and not server.sockets)


async def test_cancelling_at_any_moment_leaves_nothing(server, bingx):
    """Whether it waits to connect, for the acknowledgement, or for an event."""
    server.answers = False
    for moment in (0.0, 0.002, 0.01, 0.05):
        task = asyncio.create_task(several(bingx.swap.trades_stream("BTC-USDT"), 1))
        await asyncio.sleep(moment)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    del task
    gc.collect()
    await server.left()


async def test_who_comes_back_while_the_subscription_ends_is_subscribed(server, bingx):
    """What is subscribed to follows from who reads in the end."""
    async with bingx.swap.last_price_stream("ETH-USDT"):
        for _ in range(5):
            async with bingx.swap.trades_stream("BTC-USDT"):
                pass
        async with bingx.swap.trades_stream("BTC-USDT") as trades:
            await server.push("BTC-USDT@trade", [TRADE])
            await several(trades, 1)
        assert max(server.topics()) == "ETH-USDT@lastPrice"


async def test_two_tasks_cannot_read_one_stream(bingx):
    """Each would get half."""
    async with bingx.swap.trades_stream("BTC-USDT") as trades:
        task = asyncio.create_task(anext(trades))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="a stream of its own"):
            await anext(trades)
        task.cancel()

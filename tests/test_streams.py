"""Facts about streams from end to end, against the emulated exchange."""

import asyncio
from decimal import Decimal

import pytest

from bingx_async import BingX, InvalidRequest, OrderSide, OrderType, PositionSide
from bingx_async.emulator import StreamFaults
from bingx_async.stream import Resumed
from bingx_async.swap import Interval


async def several(stream, count):
    async with asyncio.timeout(15):
        return [await anext(stream) for _ in range(count)]


async def buy(bingx):
    """Open a position at the market."""
    return await bingx.swap.place_order(
        symbol="BTC-USDT",
        side=OrderSide.BUY,
        position_side=PositionSide.LONG,
        type=OrderType.MARKET,
        quantity=Decimal("0.01"),
    )


def streams_of(bingx):
    """Every public stream, with arguments."""
    swap = bingx.swap
    return {
        "swap.trades_stream": swap.trades_stream("BTC-USDT"),
        "swap.depth_stream": swap.depth_stream("BTC-USDT", 5, "200ms"),
        "swap.depth_updates_stream": swap.depth_updates_stream("BTC-USDT"),
        "swap.klines_stream": swap.klines_stream("BTC-USDT", Interval.MINUTE_1),
        "swap.ticker_stream": swap.ticker_stream("BTC-USDT"),
        "swap.last_price_stream": swap.last_price_stream("BTC-USDT"),
        "swap.mark_price_stream": swap.mark_price_stream("BTC-USDT"),
        "swap.book_ticker_stream": swap.book_ticker_stream("BTC-USDT"),
        "swap.all_tickers_stream": swap.all_tickers_stream(),
        "swap.all_klines_stream": swap.all_klines_stream(Interval.MINUTE_1),
        "swap.all_depths_stream": swap.all_depths_stream(),
    }


async def test_every_market_stream_tells_its_events(exchange):
    """Over one websocket, subscribed to as fast as the exchange takes it and no faster."""
    bingx = exchange.client("alice")
    streams = streams_of(bingx)
    declared = {name for name, channel in BingX.channels().items() if not channel.account}
    assert set(streams) == declared
    events = await asyncio.gather(*(several(stream, 1) for stream in streams.values()))
    for name, (event,) in zip(streams, events, strict=True):
        assert event.__class__ is BingX.channels()[name].event
        assert "-USDT" in event.symbol
    assert exchange.sockets == 1
    assert not [sent for sent in exchange.stream_ledger if sent.kind == "refused"]


async def test_an_order_is_told_of_by_the_stream(exchange):
    """Placed over REST, with its fill and what it did to balance and position."""
    exchange.account("alice").balance = Decimal(10_000)
    bingx = exchange.client("alice")
    async with bingx.swap.orders_stream() as orders, bingx.swap.account_stream() as account:
        placed = await buy(bingx)
        events = await several(orders, 1)
        while not events[-1].status.is_final:
            events += await several(orders, 1)
        assert {event.order_id for event in events} == {placed.order_id}
        fills = [event for event in events if event.is_fill]
        assert sum(event.last_qty for event in fills) == Decimal("0.01")
        assert [event.trade_id for event in fills] == [
            int(fill.trade_id) for fill in exchange.account("alice").fills
        ]
        async with asyncio.timeout(5):
            while True:
                event = await anext(account)
                if any(each.position_amt for each in event.positions):
                    break


async def test_a_fill_that_was_missed_is_told_once(exchange):
    """The connection was down while the order was filled."""
    exchange.account("alice").balance = Decimal(10_000)
    bingx = exchange.client("alice")
    async with bingx.swap.orders_stream() as orders:
        events = orders.with_gaps()
        exchange.cut_streams()
        await buy(bingx)
        told = []
        async with asyncio.timeout(15):
            while not any(not isinstance(e, Resumed) and e.status.is_final for e in told):
                told.append(await anext(events))
        assert any(isinstance(event, Resumed) for event in told)
        fills = [event for event in told if not isinstance(event, Resumed) and event.is_fill]
        assert [event.trade_id for event in fills] == [
            int(fill.trade_id) for fill in exchange.account("alice").fills
        ]


async def test_the_end_of_a_listen_key_is_noticed_whatever_becomes_of_messages(exchange):
    """The exchange says so; nothing would come any more."""
    exchange.account("alice").balance = Decimal(10_000)
    bingx = exchange.client("alice")
    async with bingx.swap.orders_stream() as orders:
        exchange.stream_faults = StreamFaults(lost=1.0)
        exchange.listen_keys.keys.clear()
        await buy(bingx)
        exchange.stream_faults = StreamFaults()
        events = await several(orders, 1)
        while not events[-1].is_fill:
            events += await several(orders, 1)
        assert events[-1].recovered


async def test_a_book_that_is_kept_is_the_exchanges_own(exchange):
    """Also after its connection was lost."""
    bingx = exchange.client("alice")
    async with bingx.swap.book("BTC-USDT") as book:
        for _ in range(2):
            async with asyncio.timeout(15):
                await book.live()
                while True:
                    await book.changed()
                    known = await bingx.swap.order_book("BTC-USDT", 100)
                    top = book.top(20)
                    if book.is_live and top.bids == known.bids_coin[:20]:
                        break
            assert top.asks == known.asks_coin[:20]
            exchange.cut_streams()


async def test_a_topic_that_does_not_exist_is_refused(exchange):
    """By the exchange, as it knows which there are."""
    bingx = exchange.client("alice")
    with pytest.raises(InvalidRequest):
        await anext(bingx.swap.trades_stream("NO-USDT"))


@pytest.mark.parametrize("symbol", ["", "BTC USDT", "BTC@USDT", "BTC-USDT\n"])
async def test_what_cannot_be_a_topic_is_refused_before_anything_is_sent(exchange, symbol):
    """It would be another topic, or none."""
    with pytest.raises(InvalidRequest):
        exchange.client("alice").swap.trades_stream(symbol)

"""Facts about the websockets of the emulator: as strict as those of the exchange."""

import asyncio
import gzip
import json
import random
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import aiohttp
import pytest

from bingx_async import OrderSide, OrderType, PositionSide, TimeInForce
from bingx_async.converter import converter
from bingx_async.emulator import Emulator, StreamFaults, StreamRules, constant
from bingx_async.emulator.engine.events import OrderChanged
from bingx_async.emulator.streams.frames import closing, frame, pack, unpack
from bingx_async.swap.models.common import OrderStatus
from bingx_async.swap.models.events import (
    AccountEvent,
    AccountReason,
    BookTickerEvent,
    DepthAction,
    DepthEvent,
    DepthUpdateEvent,
    ExecutionType,
    KlineEvent,
    LastPriceEvent,
    LeverageEvent,
    MarkPriceEvent,
    OrderEvent,
    TickerEvent,
    TradeEvent,
)
from bingx_async.swap.models.market import Interval
from bingx_async.swap.models.positions import MarginType

BTC = "BTC-USDT"
FAST = StreamRules(tick=0.01, subscriptions_per_second=1000)
QUIET = StreamRules(tick=3600.0, heartbeat=3600.0, subscriptions_per_second=1000)


class Client:
    """A websocket as a client holds it, which answers heartbeats."""

    def __init__(self, socket, *, answers=True) -> None:
        self.socket = socket
        self.answers = answers
        self.pings: list[str] = []
        self.waiting: list[dict[str, object]] = []

    async def receive(self):
        """Return the next message that is no heartbeat."""
        while True:
            frame = await self.socket.receive(timeout=2.0)
            if frame.type is not aiohttp.WSMsgType.BINARY:
                raise EOFError(self.socket.close_code)
            text = gzip.decompress(frame.data).decode()
            if text == "Ping" or "ping" in json.loads(text):
                self.pings.append(text)
                if self.answers:
                    await self.pong(text)
                continue
            return json.loads(text)

    async def pong(self, text):
        if text == "Ping":
            await self.socket.send_str("Pong")
        else:
            await self.socket.send_json({"pong": json.loads(text)["ping"]})

    async def next(self, wanted=lambda message: "data" in message or "e" in message):
        """Return the next message that is wanted; what came in between is thrown away."""
        while True:
            message = self.waiting.pop(0) if self.waiting else await self.receive()
            if wanted(message):
                return message

    async def ask(self, kind, topic, number="1"):
        """Send a request and return the acknowledgement; what came before it waits."""
        await self.socket.send_json({"id": number, "reqType": kind, "dataType": topic})
        return await self.ack()

    async def ack(self):
        while "id" not in (message := await self.receive()):
            self.waiting.append(message)
        return message

    async def sub(self, *topics):
        for topic in topics:
            assert (await self.ask("sub", topic))["code"] == 0

    async def event(self, name):
        return await self.next(lambda message: message.get("e") == name)

    async def order(self):
        """Return the next event of an order."""
        message = await self.event("ORDER_TRADE_UPDATE")
        return converter.structure(message["o"], OrderEvent)

    async def account(self, reason=None):
        """Return the next event of the account, of a reason."""
        while True:
            message = await self.event("ACCOUNT_UPDATE")
            event = converter.structure(message["a"] | {"E": message["E"]}, AccountEvent)
            if reason in {None, event.reason}:
                return event

    async def setting(self):
        message = await self.event("ACCOUNT_CONFIG_UPDATE")
        return converter.structure(message["ac"] | {"E": message["E"]}, LeverageEvent)

    async def end(self):
        """Wait for the end of the connection and return its code."""
        with pytest.raises(EOFError) as caught:
            while True:
                await self.receive()
        return caught.value.args[0]


@asynccontextmanager
async def listening(exchange, name=None, *, answers=True):
    """Hold a websocket, with the events of an account if one is named."""
    url = exchange.stream_url
    if name is not None:
        url += f"?listenKey={key_of(exchange, name)}"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        yield Client(socket, answers=answers)


def key_of(exchange, name):
    return exchange.listen_keys.create(exchange.account(name).uid, exchange.now())


async def refusal(exchange, query="", **options):
    """Return the HTTP status that an upgrade is refused with."""
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(exchange.stream_url + query, **options)
    return caught.value.status


async def until(true):
    """Wait a little for something to become true."""
    for _ in range(200):
        if true():
            return
        await asyncio.sleep(0.005)
    pytest.fail("it never did")


def kinds(exchange):
    return [line.kind for line in exchange.stream_ledger]


@pytest.fixture
async def exchange():
    """An exchange that looks at the market often."""
    async with Emulator(stream_rules=FAST) as running:
        yield running


@pytest.fixture
async def quiet():
    """An exchange that pushes nothing by itself but events of accounts."""
    async with Emulator(stream_rules=QUIET) as running:
        yield running


# --- topics ---------------------------------------------------------------------------------


async def test_trades_come_once_each(exchange):
    """However many there are since the last push, and in the order of their numbers."""
    async with listening(exchange) as client:
        await client.sub(f"{BTC}@trade")
        first = exchange.market.last_trade(exchange.now()) + 1
        exchange.pass_time(250)
        rows = []
        while len(rows) < 250:
            message = await client.next()
            assert (message["code"], message["dataType"]) == (0, f"{BTC}@trade")
            rows += message["data"]
        events = converter.structure(rows, list[TradeEvent])
        real = exchange.market.trades(BTC, first, len(rows), exchange.now())
    assert [(e.price, e.qty, e.time, e.is_buyer_maker) for e in events] == [
        (t.price, t.qty, t.time, t.is_buyer_maker) for t in real
    ]
    assert {event.symbol for event in events} == {BTC}
    last = [line.number for line in exchange.stream_ledger if line.kind == "push"]
    assert last[-1] == first + len(rows) - 1


async def test_more_trades_than_can_be_told_are_passed_over(exchange):
    """A test may let a year pass."""
    async with listening(exchange) as client:
        await client.sub(f"{BTC}@trade")
        exchange.pass_time(20_000)
        message = await client.next()
        line = next(line for line in exchange.stream_ledger if line.kind == "push")
    assert len(message["data"]) == 100
    first = exchange.market.last_trade(exchange.now()) - 10_000
    assert first + 98 <= line.number <= first + 100


async def test_the_best_levels_are_those_of_the_endpoint(exchange):
    """Asks highest first, in the digits of the contract."""
    exchange.set_price(BTC, 100_000)
    async with listening(exchange) as client:
        await client.sub(f"{BTC}@depth5@200ms")
        message = await client.next()
    assert message["dataType"] == f"{BTC}@depth5@200ms"
    asks = [price for price, _ in message["data"]["asks"]]
    assert asks == sorted(asks, reverse=True)
    assert asks[-1] == "100000.1"
    event = converter.structure(message | message["data"], DepthEvent)
    book = await exchange.client("alice").swap.order_book(BTC, 5)
    assert event.bids == book.bids_coin
    assert event.asks == book.asks_coin
    assert abs(event.time - exchange.now()).total_seconds() < 5


async def test_changes_of_the_book_add_up_to_the_book(exchange):
    """First all of it, then what changed, numbered without a gap; nothing if nothing changed."""
    async with listening(exchange) as client, listening(exchange) as other:
        await client.sub(f"{BTC}@incrDepth")
        await other.sub(f"{BTC}@incrDepth")
        exchange.set_price(BTC, 100_000)
        sides, number = ({}, {}), None
        while ("99999.9" not in sides[0]) or ("100000.1" not in sides[1]):
            message = await client.next()
            event = converter.structure(message["data"] | message, DepthUpdateEvent)
            is_first = number is None
            assert event.action == (DepthAction.ALL if is_first else DepthAction.UPDATE)
            assert is_first or event.last_update_id == number + 1
            number = event.last_update_id
            for side, name in zip(sides, ("bids", "asks"), strict=True):
                side |= dict(message["data"][name])
                for price in [price for price, quantity in side.items() if not Decimal(quantity)]:
                    del side[price]
            if is_first:
                assert len(event.bids) == len(event.asks) == 100
        bids, asks = exchange.market.levels(BTC, exchange.now(), 100)
        assert sides == (
            {f"{p:f}": f"{q:f}" for p, q in bids},
            {f"{p:f}": f"{q:f}" for p, q in asks},
        )
        assert (await other.next())["data"]["action"] == "all"
        lines = len(exchange.stream_ledger)
        exchange.pass_time(5)  # the price stands still
        await asyncio.sleep(0.05)
        assert len(exchange.stream_ledger) == lines


async def test_a_level_that_is_gone_holds_nothing(exchange):
    """In the digits of the contract as well."""
    exchange.set_price(BTC, 100_000)
    async with listening(exchange) as client:
        await client.sub(f"{BTC}@incrDepth")
        before = (await client.next())["data"]
        exchange.set_price(BTC, 50_000)
        after = (await client.next())["data"]
    changed = dict(after["bids"])
    assert all(changed[price] == "0.0000" for price, _ in before["bids"])
    prices = [Decimal(price) for price, _ in after["asks"]]
    assert prices == sorted(prices, reverse=True)
    assert after["lastUpdateId"] == before["lastUpdateId"] + 1


async def test_a_kline_is_told_of_until_it_is_over():
    """Then how it ended, and the next one; the same as those of the endpoint."""
    start = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)
    async with (
        Emulator(stream_rules=FAST, time=start + timedelta(seconds=10)) as exchange,
        listening(exchange) as client,
    ):
        await client.sub(f"{BTC}@kline_1m")
        await client.next()
        exchange.pass_time(60)
        events = []
        while not events or events[-1].time == start:
            message = await client.next()
            (row,) = message["data"]
            events.append(converter.structure(row | message, KlineEvent))
        klines = exchange.client("alice").swap.klines
        ended, _ = (await klines(BTC, Interval.MINUTE_1, limit=2, start_time=start))[::-1]
    assert (message["s"], message["dataType"]) == (BTC, f"{BTC}@kline_1m")
    last, following = events[-2:]
    assert (last.time, following.time) == (start, start + timedelta(minutes=1))
    for name in ("open", "high", "low", "close", "volume", "time"):
        assert getattr(last, name) == getattr(ended, name), name
    assert following.open == last.close
    assert following.symbol == BTC


async def test_the_ticker_is_that_of_the_endpoint(exchange):
    """As long as the price stands still, to the last digit."""
    exchange.set_price(BTC, 100_000)
    exchange.pass_time(90_000)
    async with listening(exchange) as client:
        await client.sub(f"{BTC}@ticker")
        message = await client.next()
    assert message["data"]["e"] == "24hTicker"
    event = converter.structure(message["data"], TickerEvent)
    (real,) = await exchange.client("alice").swap.tickers(BTC)
    for name in (
        *("symbol", "last_price", "open_price", "high_price", "low_price", "price_change"),
        *("price_change_percent", "bid_price", "bid_qty", "ask_price", "ask_qty"),
    ):
        assert getattr(event, name) == getattr(real, name), name
    assert event.volume > 0
    assert event.quote_volume / event.volume == 100_000


async def test_prices_come_as_they_change(exchange):
    """Last price, mark price, best bid and best ask."""
    exchange.set_price(BTC, 100_000)
    async with listening(exchange) as client:
        await client.sub(f"{BTC}@lastPrice", f"{BTC}@markPrice", f"{BTC}@bookTicker")
        exchange.set_price(BTC, 90_000)
        found = {}
        while len(found) < 3:
            message = await client.next()
            if set(message["data"].values()) & {"90000.0", "89999.9"}:
                found[message["dataType"]] = message["data"]
    last = converter.structure(found[f"{BTC}@lastPrice"], LastPriceEvent)
    mark = converter.structure(found[f"{BTC}@markPrice"], MarkPriceEvent)
    best = converter.structure(found[f"{BTC}@bookTicker"], BookTickerEvent)
    assert (last.price, mark.price) == (90_000, 90_000)
    assert (last.symbol, mark.symbol, best.symbol) == (BTC, BTC, BTC)
    assert (best.bid_price, best.ask_price) == (Decimal("89999.9"), Decimal("90000.1"))
    assert best.bid_qty > 0 < best.ask_qty
    assert best.last_update_id <= exchange.market.last_trade(exchange.now())
    assert [found[name]["e"] for name in sorted(found)] == [
        "bookTicker",
        "lastPriceUpdate",
        "markPriceUpdate",
    ]


async def test_what_is_told_at_a_pace_keeps_it(exchange):
    """The best levels come every 200 ms."""
    async with listening(exchange) as client:
        await client.sub(f"{BTC}@bookTicker")
        first, second = [(await client.next())["data"]["E"] for _ in range(2)]
    assert 190 <= second - first <= 290


@pytest.mark.parametrize(
    ("topic", "data_type"),
    [
        ("all@ticker", "all@ticker"),
        ("all@kline_1h", "all@kline_1h"),
        ("all@depth5@500ms", "{}@depth5@500ms"),
    ],
)
async def test_topics_of_all_contracts_send_a_message_for_each(exchange, topic, data_type):
    """Of a book only the topic says which."""
    async with listening(exchange) as client:
        await client.sub(topic)
        messages = [await client.next() for _ in range(15)]
    symbols = [contract.symbol for contract in exchange.market.contracts()]
    assert [message["dataType"] for message in messages] == [data_type.format(s) for s in symbols]
    if "kline" in topic:
        assert [message["s"] for message in messages] == symbols


async def test_what_nobody_wants_any_more_is_not_sent(exchange):
    """Whoever still wants it gets it."""
    async with listening(exchange) as client, listening(exchange) as other:
        await client.sub(f"{BTC}@lastPrice")
        await other.sub(f"{BTC}@lastPrice")
        assert (await client.ask("unsub", f"{BTC}@lastPrice"))["code"] == 0
        assert exchange.push(f"{BTC}@lastPrice", {"s": BTC, "c": "1"}, ts=5) == 1
        pushed = await other.next(lambda message: message.get("ts") == 5)
        assert pushed["data"] == {"s": BTC, "c": "1"}
        await other.ask("unsub", f"{BTC}@lastPrice")
        assert exchange.push(f"{BTC}@lastPrice", {}) == 0


# --- requests -------------------------------------------------------------------------------


async def test_an_acknowledgement_bears_the_id_of_the_request(quiet):
    """And looks as on the exchange."""
    async with listening(quiet) as client:
        ack = await client.ask("sub", f"{BTC}@trade", number="abc")
    assert ack == {"id": "abc", "code": 0, "msg": "", "dataType": "", "data": None}


@pytest.mark.parametrize(
    "topic",
    [
        *("NO-USDT@trade", "btc-usdt@trade", "BTC-USDT", "BTC-USDT@", "@trade", "BTC-USDT@nothing"),
        *("BTC-USDT@kline_7m", "BTC-USDT@kline_1D", "BTC-USDT@kline", "BTC-USDT@depth5@100ms"),
        *("BTC-USDT@depth7@500ms", "SOL-USDT@depth5@200ms", "all@depth5@200ms", "all@trade"),
        *("all@incrDepth", "all@lastPrice", "ORDER_TRADE_UPDATE"),
    ],
)
async def test_a_topic_that_does_not_exist_is_refused(quiet, topic):
    """With code 80014."""
    async with listening(quiet) as client:
        ack = await client.ask("sub", topic)
    assert ack["code"] == 80014
    assert ack["msg"]
    assert kinds(quiet)[:2] == ["opened", "refused"]


async def test_every_topic_of_the_exchange_exists(quiet):
    """In all its forms."""
    whats = [f"kline_{interval}" for interval in Interval]
    whats += [f"depth{n}@{pace}" for n in (5, 10, 20, 50, 100) for pace in ("200ms", "500ms")]
    whats += ["trade", "incrDepth", "ticker", "lastPrice", "markPrice", "bookTicker"]
    async with listening(quiet) as client:
        await client.sub(*(f"ETH-USDT@{what}" for what in whats), "NEAR-USDT@depth100@500ms")


@pytest.mark.parametrize(
    "text",
    [
        *("", "Ping", "{", "[]", "5", '{"id": "1"}', '{"id": 1, "reqType": "sub"}'),
        '{"id": "1", "reqType": "sub", "dataType": ["BTC-USDT@trade"]}',
        '{"id": "1", "reqType": "subscribe", "dataType": "BTC-USDT@trade"}',
        b"Pong",
    ],
)
async def test_what_is_no_request_is_refused(quiet, text):
    """With code 100400, and the id as far as there is one."""
    async with listening(quiet) as client:
        send = client.socket.send_bytes if isinstance(text, bytes) else client.socket.send_str
        await send(text)
        ack = await client.ack()
    assert ack["code"] == 100400
    assert ack["id"] == ("1" if '"id": "1"' in str(text) else "")


async def test_a_subscription_is_made_and_ended_once(quiet):
    """Codes 100205 and 100204 say so."""
    async with listening(quiet) as client:
        await client.sub(f"{BTC}@trade")
        assert (await client.ask("sub", f"{BTC}@trade"))["code"] == 100205
        assert (await client.ask("unsub", f"{BTC}@trade"))["code"] == 0
        assert (await client.ask("unsub", f"{BTC}@trade"))["code"] == 100204


async def test_a_socket_carries_so_many_topics_and_no_more():
    """Code 80403; another socket has room."""
    rules = StreamRules(topics_per_socket=2, tick=3600)
    async with (
        Emulator(stream_rules=rules) as exchange,
        listening(exchange) as client,
        listening(exchange) as other,
    ):
        await client.sub(f"{BTC}@trade", f"{BTC}@ticker")
        assert (await client.ask("sub", f"{BTC}@lastPrice"))["code"] == 80403
        await other.sub(f"{BTC}@lastPrice")
        await client.ask("unsub", f"{BTC}@ticker")
        await client.sub(f"{BTC}@lastPrice")


async def test_an_address_holds_so_many_sockets_and_no_more():
    """The next one is refused until one is closed."""
    async with Emulator(stream_rules=StreamRules(sockets_per_ip=2)) as exchange:
        async with listening(exchange):
            async with listening(exchange):
                assert exchange.sockets == 2
                assert await refusal(exchange) == 403
            await until(lambda: exchange.sockets == 1)
            async with listening(exchange):
                pass
        assert "refused" in kinds(exchange)


async def test_an_address_sends_ten_requests_a_second_and_no_more(monkeypatch):
    """Over all its sockets; what is too much is not executed, and counts."""
    clock = [1000.0]
    monkeypatch.setattr("bingx_async.emulator.streams.server.time.monotonic", lambda: clock[0])
    async with (
        Emulator(stream_rules=StreamRules(tick=3600)) as exchange,
        listening(exchange) as client,
        listening(exchange) as other,
    ):
        for _ in range(5):
            await client.sub(f"{BTC}@trade")
            await client.ask("unsub", f"{BTC}@trade")
        clock[0] += 0.999
        assert (await other.ask("sub", f"{BTC}@trade"))["code"] == 100410
        assert exchange.push(f"{BTC}@trade", []) == 0
        clock[0] += 0.001
        codes = [(await other.ask("sub", f"{BTC}@depth{n}@500ms"))["code"] for n in (5, 10, 20)]
        assert codes == [0, 0, 0]


async def test_a_path_without_an_upgrade_is_no_websocket(quiet):
    """Neither is another path."""
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{quiet.url}/swap-market") as response:
            assert response.status == 400
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"{quiet.url}/market")


# --- heartbeats -----------------------------------------------------------------------------


@pytest.mark.parametrize("json_pings", [False, True])
async def test_who_answers_heartbeats_stays(json_pings):
    """In the form in which they come."""
    rules = StreamRules(heartbeat=0.02, json_pings=json_pings)
    async with Emulator(stream_rules=rules) as exchange, listening(exchange) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await client.receive()
        assert len(client.pings) > 4
        assert exchange.sockets == 1
        assert ("ping" in client.pings[0]) == json_pings
        ping = next(line for line in exchange.stream_ledger if line.kind == "ping")
        assert ping.message == (json.loads(client.pings[0]) if json_pings else "Ping")


@pytest.mark.parametrize("json_pings", [False, True])
async def test_who_leaves_three_heartbeats_unanswered_is_closed(json_pings):
    """An answer to another heartbeat than the last is none."""
    rules = StreamRules(heartbeat=0.02, json_pings=json_pings)
    async with (
        Emulator(stream_rules=rules) as exchange,
        listening(exchange, answers=False) as client,
    ):
        await client.socket.send_str('{"pong": "1-99"}')
        assert await client.end() == 1008
        assert len(client.pings) == 3
        await until(lambda: not exchange.sockets)
        assert kinds(exchange)[-1] == "closed"


# --- accounts -------------------------------------------------------------------------------


async def test_an_unknown_key_opens_nothing(quiet):
    """Neither does one that has ended."""
    key = key_of(quiet, "alice")
    assert await refusal(quiet, "?listenKey=nothing") == 401
    assert await refusal(quiet, "?listenKey=") == 401
    quiet.pass_time(3600)
    assert await refusal(quiet, f"?listenKey={key}") == 401
    assert [line.number for line in quiet.stream_ledger] == [401, 401, 401]


async def test_a_stream_begins_with_how_things_stand():
    """And says so again from time to time."""
    rules = StreamRules(tick=0.01, account_snapshot_every=0.05)
    async with Emulator(stream_rules=rules) as exchange:
        bingx = exchange.client("alice")
        await bingx.swap.set_leverage(BTC, PositionSide.LONG, 7)
        await _buy(bingx)
        async with listening(exchange, "alice") as client:
            for _ in range(3):
                event = await client.account()
                assert event.reason == AccountReason.SNAPSHOT
                (balance,), (position,) = event.balances, event.positions
                assert balance.asset == "USDT"
                assert balance.wallet_balance == exchange.account("alice").balance
                assert balance.cross_wallet_balance == balance.wallet_balance
                assert (position.symbol, position.position_side) == (BTC, PositionSide.LONG)
                assert position.position_amt == Decimal("0.01")
                assert position.margin_type == MarginType.CROSSED
                setting = await client.setting()
                assert (setting.symbol, setting.long_leverage, setting.short_leverage) == (
                    BTC,
                    7,
                    10,
                )


async def _buy(bingx, quantity="0.01", **options):
    return await bingx.swap.place_order(
        BTC,
        OrderSide.BUY,
        options.pop("type", OrderType.MARKET),
        position_side=PositionSide.LONG,
        quantity=Decimal(quantity),
        **options,
    )


async def test_an_order_is_told_of_from_its_acceptance_to_its_end(quiet):
    """Once a step, at once, in the words of the stream."""
    quiet.set_price(BTC, 100_000)
    bingx = quiet.client("alice")
    async with listening(quiet, "alice") as client:
        limit = {"type": OrderType.LIMIT, "price": Decimal(90_000)}
        placed = await _buy(bingx, **limit, client_order_id="Mine1")
        first = await client.event("ORDER_TRADE_UPDATE")
        await bingx.swap.cancel_order(BTC, order_id=placed.order_id)
        second = await client.order()
    assert first["E"] == first["T"] == first["o"]["T"]
    assert first["o"] == {
        "s": BTC,
        "c": "mine1",
        "i": placed.order_id,
        "S": "BUY",
        "o": "LIMIT",
        "q": "0.01000000",
        "p": "90000.00000000",
        "sp": "0.00000000",
        "ap": "0.00000000",
        "x": "NEW",
        "X": "NEW",
        "N": "",
        "n": "0.00000000",
        "T": first["T"],
        "wt": "",
        "ps": "LONG",
        "rp": "0.00000000",
        "z": "0.00000000",
        "sg": "false",
        "ti": 0,
        "ro": False,
        "td": 0,
        "tv": "0",
    }
    assert (second.execution_type, second.status) == (
        ExecutionType.CANCELLED,
        OrderStatus.CANCELLED,
    )
    assert not second.is_fill
    numbers = [line.number for line in quiet.stream_ledger if line.topic == "ORDER_TRADE_UPDATE"]
    assert numbers == [placed.order_id] * 2


async def test_a_fill_is_told_of_with_fee_and_profit_and_then_the_account(quiet):
    """Fill by fill; the fills are those of the endpoint."""
    quiet.set_price(BTC, 100_000)
    bingx = quiet.client("alice")
    async with listening(quiet, "alice") as client:
        await client.account()
        await _buy(bingx, "0.9")
        assert (await client.order()).execution_type == ExecutionType.NEW
        executed = Decimal(0)
        while executed < Decimal("0.9"):
            event = await client.order()
            executed = event.executed_qty
            account = await client.next()
            assert account["e"] == "ACCOUNT_UPDATE"
            assert event.execution_type == ExecutionType.TRADE
        assert event.status == OrderStatus.FILLED
        fills = {int(fill.trade_id): fill for fill in quiet.account("alice").fills}
        fill = fills[event.trade_id]
        assert event.commission == fill.commission < 0
        assert (event.quote_qty, event.commission_asset) == (fill.quote_qty, "USDT")
        event = converter.structure(account["a"], AccountEvent)
        (balance,), (position,) = event.balances, event.positions
        assert event.reason == AccountReason.ORDER
        assert balance.wallet_balance == quiet.account("alice").balance
        assert balance.balance_change == 0
        assert position.position_amt == Decimal("0.9")

        quiet.set_price(BTC, 101_000)
        await bingx.swap.close_all_positions(BTC)
        assert (await client.order()).execution_type == ExecutionType.NEW
        profit = Decimal(0)
        while (event := await client.order()).status != OrderStatus.FILLED:
            profit += event.realised_profit
        profit += event.realised_profit
        closed = await client.account()
    assert profit == quiet.account("alice").closed_positions[0].realised_profit
    assert (closed.positions[0].position_amt, closed.positions[0].position_side) == (0, "LONG")
    assert (
        closed.positions[0].realised_profit == quiet.account("alice").closed_positions[0].net_profit
    )
    assert closed.balances[0].wallet_balance == quiet.account("alice").balance


async def test_a_resting_order_is_filled_as_time_passes(exchange):
    """The stream says so without anybody asking the exchange."""
    exchange.set_price(BTC, 100_000)
    bingx = exchange.client("alice")
    async with listening(exchange, "alice") as client, listening(exchange, "bob") as other:
        await _buy(bingx, type=OrderType.LIMIT, price=Decimal(99_000))
        exchange.market.set_price(BTC, 98_000, exchange.now())
        exchange._passed += timedelta(seconds=1)  # what a second of waiting does
        events = [await client.order() for _ in range(2)]
        await other.account()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await other.next()
    assert [event.status for event in events] == [OrderStatus.NEW, OrderStatus.FILLED]
    assert events[1].avg_price == 99_000


async def test_a_stop_is_told_of_when_it_is_placed_triggers_and_trades(quiet):
    """A stop limit that then rests is new once more; one that is amended, too."""
    quiet.set_price(BTC, 100_000)
    bingx = quiet.client("alice")
    async with listening(quiet, "alice") as client:
        await _buy(bingx)
        await client.account("ORDER")
        order = await bingx.swap.place_order(
            BTC,
            OrderSide.SELL,
            OrderType.STOP,
            position_side=PositionSide.LONG,
            quantity=Decimal("0.01"),
            stop_price=Decimal(95_000),
            price=Decimal(96_000),
        )
        waits = await client.order()
        quiet.set_price(BTC, 94_000)
        rests = await client.order()
        quiet.set_price(BTC, 97_000)
        fills = await client.order()
    assert waits.working_type == "MARK_PRICE"
    assert waits.stop_price == 95_000
    states = [(it.order_id, it.execution_type, it.status) for it in (waits, rests, fills)]
    assert states == [
        (order.order_id, "NEW", "NEW"),
        (order.order_id, "NEW", "NEW"),
        (order.order_id, "TRADE", "FILLED"),
    ]


async def test_what_cannot_be_filled_is_cancelled_and_what_fails_expires(quiet):
    """An order that has changed is new once more."""
    quiet.set_price(BTC, 100_000)
    bingx = quiet.client("alice")
    async with listening(quiet, "alice") as client:
        limit = {"type": OrderType.LIMIT, "price": Decimal(90_000)}
        await _buy(bingx, **limit, time_in_force=TimeInForce.IOC)
        assert [(await client.order()).status for _ in range(2)] == ["NEW", "CANCELLED"]

        placed = await _buy(bingx, **limit)
        await client.order()
        await bingx.swap.amend_order(BTC, quantity=Decimal("0.02"), order_id=placed.order_id)
        amended = await client.order()
        assert (amended.status, amended.orig_qty) == ("NEW", Decimal("0.02"))

        record = quiet.engine.find(quiet.account("alice").uid, order_id=placed.order_id)
        record.status = OrderStatus.FAILED
        quiet.engine.state.emit(OrderChanged(record.uid, record, quiet.now()))
        failed = await client.order()
        assert (failed.execution_type, failed.status) == ("EXPIRED", "EXPIRED")


async def test_money_that_comes_and_goes_is_told_of(quiet):
    """With what it changed, and why."""
    async with listening(quiet, "alice") as client:
        await client.account()
        quiet.account("alice").balance += 50
        paid = await client.account()
        quiet.account("alice").balance -= 30
        drawn = await client.account()
    assert (paid.reason, paid.balances[0].balance_change) == (AccountReason.DEPOSIT, 50)
    assert (drawn.reason, drawn.balances[0].balance_change) == (AccountReason.WITHDRAW, -30)
    assert drawn.balances[0].wallet_balance == 10_020
    assert paid.event_time <= drawn.event_time


@pytest.mark.parametrize("margin_type", [MarginType.CROSSED, MarginType.ISOLATED])
async def test_funding_is_told_of_with_the_position_if_it_is_isolated(quiet, margin_type):
    """A cross position does not change by it."""
    quiet.set_price(BTC, 100_000)
    bingx = quiet.client("alice")
    await bingx.swap.set_margin_type(BTC, margin_type)
    async with listening(quiet, "alice") as client:
        await _buy(bingx)
        quiet.listen_keys.keys = {
            key: (uid, quiet.now().replace(year=2099))
            for key, (uid, _) in quiet.listen_keys.keys.items()
        }
        quiet.pass_time(8 * 3600)
        event = await client.account(AccountReason.FUNDING_FEE)
    funding = next(it for it in quiet.account("alice").income if it.income_type == "FUNDING_FEE")
    assert event.balances[0].balance_change == funding.income
    if margin_type == MarginType.CROSSED:
        assert event.positions == []
        return
    (position,) = event.positions
    assert position.margin_type == MarginType.ISOLATED
    assert position.isolated_margin > 0
    balance = event.balances[0]
    assert balance.wallet_balance - balance.cross_wallet_balance == position.isolated_margin


async def test_settings_are_told_of_when_they_change(quiet):
    """Leverage and margin mode, and the mode of the whole account."""
    bingx = quiet.client("alice")
    async with listening(quiet, "alice") as client:
        await bingx.swap.set_leverage(BTC, PositionSide.SHORT, 20)
        await bingx.swap.set_leverage(BTC, PositionSide.SHORT, 20)
        await bingx.swap.set_margin_type(BTC, MarginType.ISOLATED)
        await bingx.swap.set_position_mode(dual_side_position=False)
        events = [await client.setting() for _ in range(3)]
    assert [(it.long_leverage, it.short_leverage, it.margin_type) for it in events] == [
        (10, 20, MarginType.CROSSED),
        (10, 20, MarginType.ISOLATED),
        (10, 10, MarginType.ISOLATED),
    ]
    assert {it.symbol for it in events} == {BTC}


async def test_a_short_position_of_one_way_mode_is_short_until_it_is_closed(quiet):
    """And an order that turns it around tells of both."""
    quiet.account("alice").dual_side_position = False
    quiet.set_price(BTC, 100_000)
    bingx = quiet.client("alice")
    async with listening(quiet, "alice") as client:
        for side, quantity in ((OrderSide.SELL, "0.01"), (OrderSide.BUY, "0.03")):
            await bingx.swap.place_order(
                BTC,
                side,
                OrderType.MARKET,
                position_side=PositionSide.BOTH,
                quantity=Decimal(quantity),
            )
        opened = await client.account("ORDER")
        turned = await client.account("ORDER")
    assert [(it.position_side, it.position_amt) for it in opened.positions] == [
        ("SHORT", Decimal("0.01"))
    ]
    assert [(it.position_side, it.position_amt) for it in turned.positions] == [
        ("SHORT", 0),
        ("LONG", Decimal("0.02")),
    ]


async def test_a_key_that_is_deleted_ends_the_events_but_not_the_socket(exchange):
    """The market goes on."""
    bingx = exchange.client("alice")
    async with listening(exchange, "alice") as client, listening(exchange, "alice") as other:
        key = key_of(exchange, "alice")
        await client.account()
        await bingx.user_stream.delete_listen_key(key)
        event = await client.event("listenKeyExpired")
        await other.event("listenKeyExpired")
        await _buy(bingx)
        exchange.account("alice").balance += 1
        await client.sub(f"{BTC}@lastPrice")
        assert (await client.next())["dataType"] == f"{BTC}@lastPrice"
        names = [line.topic for line in exchange.stream_ledger if line.kind == "push"]
        assert names[-1] == f"{BTC}@lastPrice"
    assert event["listenKey"] == key
    assert event["E"] > 0


async def test_a_key_lives_for_an_hour_after_it_was_extended(exchange):
    """What happens up to its end is told of before the end."""
    bingx = exchange.client("alice")
    async with listening(exchange, "alice") as client:
        exchange.pass_time(3000)
        await bingx.user_stream.extend_listen_key(key_of(exchange, "alice"))
        exchange.pass_time(3000)
        exchange.account("alice").balance += 1
        assert (await client.account("DEPOSIT")).balances[0].balance_change == 1
        exchange.pass_time(601)
        exchange.account("alice").balance += 1
        assert (await client.next())["e"] == "listenKeyExpired"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.receive()
        assert exchange.sockets == 1


# --- faults ---------------------------------------------------------------------------------

LAST = f"{BTC}@lastPrice"


@asynccontextmanager
async def pushing(**shares):
    """Hold a websocket that reads a topic, with faults."""
    faults = StreamFaults(**shares)
    async with (
        Emulator(stream_rules=QUIET, stream_faults=faults, seed=3) as exchange,
        listening(exchange) as client,
    ):
        await client.sub(LAST)
        yield exchange, client


def pushes(exchange, kind="push"):
    return [line.message["data"] for line in exchange.stream_ledger if line.kind == kind]


async def test_a_lost_message_is_noted_and_not_sent():
    """So a test knows what the client could not."""
    async with pushing(lost=0.5) as (exchange, client):
        for number in range(20):
            exchange.push(LAST, number)
        exchange.stream_faults = StreamFaults()
        exchange.push(LAST, 20)
        got = [(await client.next())["data"]]
        while got[-1] != 20:
            got.append((await client.next())["data"])
        lost = pushes(exchange, "lost")
    assert got == pushes(exchange)
    assert sorted(got + lost) == list(range(21))
    assert 4 < len(lost) < 16


async def test_faults_repeat_with_the_seed():
    """Message by message."""
    runs = []
    for _ in range(2):
        async with pushing(lost=0.3, duplicated=0.3) as (exchange, _):
            for number in range(30):
                exchange.push(LAST, number)
            runs.append(kinds(exchange))
    assert runs[0] == runs[1]


async def test_a_message_comes_twice_or_after_the_next():
    """Whatever its topic tells."""
    async with pushing(duplicated=1.0) as (exchange, client):
        exchange.push(LAST, 1)
        assert [(await client.next())["data"] for _ in range(2)] == [1, 1]
    async with pushing(reordered=1.0) as (exchange, client):
        await client.sub(f"{BTC}@markPrice")
        exchange.push(LAST, 1)
        exchange.push(f"{BTC}@markPrice", 9)
        exchange.push(LAST, 2)
        exchange.push(LAST, 3)
        exchange.push(LAST, 4)
        assert [(await client.next())["data"] for _ in range(4)] == [2, 1, 4, 3]
        assert pushes(exchange) == [2, 1, 4, 3]


async def test_garbage_is_no_gzip_or_no_json():
    """Both come."""
    async with pushing(garbage=1.0) as (exchange, client):
        found = set()
        for _ in range(20):
            exchange.push(LAST, 1)
            frame = await client.socket.receive(timeout=1.0)
            try:
                text = gzip.decompress(frame.data)
            except gzip.BadGzipFile:
                found.add("no gzip")
            else:
                with pytest.raises(json.JSONDecodeError):
                    json.loads(text)
                found.add("no json")
        assert found == {"no gzip", "no json"}
        assert exchange.stream_ledger[-1].message is None
        assert exchange.stream_ledger[-1].topic == LAST


async def test_a_dropped_message_takes_the_connection_with_it():
    """Without a farewell."""
    async with pushing(dropped=1.0) as (exchange, client):
        exchange.push(LAST, 1)
        assert await client.end() == 1006
        await until(lambda: not exchange.sockets)
        assert kinds(exchange)[-1] == "dropped"
        assert exchange.push(LAST, 2) == 0


async def test_a_slow_network_keeps_the_order():
    """Nothing overtakes what was sent before it."""
    async with pushing() as (exchange, client):
        delays = iter([0.1, 0.0, 0.05, 0.0])
        exchange.stream_faults = StreamFaults(delay=lambda _: next(delays))
        started = time.monotonic()
        for number in range(3):
            exchange.push(LAST, number)
        assert pushes(exchange) == []
        assert [(await client.next())["data"] for _ in range(3)] == [0, 1, 2]
        assert time.monotonic() - started >= 0.1
        exchange.push(LAST, 3)
        assert (await client.next())["data"] == 3
        exchange.stream_faults = StreamFaults(delay=constant(0.02))
        exchange.push(LAST, 4)
        exchange.silence_streams(0.05)
        await asyncio.sleep(0.06)
        assert pushes(exchange, "lost") == [4]


async def test_a_connection_may_be_refused():
    """With HTTP 503."""
    async with Emulator(stream_faults=StreamFaults(refused=1.0)) as exchange:
        assert await refusal(exchange) == 503
        exchange.stream_faults = StreamFaults()
        async with listening(exchange):
            pass


@pytest.mark.parametrize("shares", [{"lost": 1.5}, {"refused": -1}, {"lost": 0.6, "garbage": 0.6}])
def test_shares_are_shares(shares):
    """Of messages, all together are not more than 1."""
    with pytest.raises(ValueError, match="share"):
        StreamFaults(**shares)


@pytest.mark.parametrize("rules", [{"tick": 0}, {"heartbeat": -1.0}, {"topics_per_socket": 0}])
def test_rules_are_positive(rules):
    """None of them can be left out."""
    with pytest.raises(ValueError, match="must be above 0"):
        StreamRules(**rules)


async def test_sockets_can_be_cut(quiet):
    """Those of one account, or all."""
    async with listening(quiet, "alice") as alice, listening(quiet) as client:
        assert quiet.cut_streams(quiet.account("bob").uid) == 0
        assert quiet.cut_streams(quiet.account("alice").uid) == 1
        assert await alice.end() == 1006
        await client.sub(LAST)
        assert quiet.cut_streams() >= 1
        assert await client.end() == 1006
        await until(lambda: not quiet.sockets)
        assert kinds(quiet).count("cut") == 2
        assert "closed" not in kinds(quiet)


async def test_a_silent_socket_stays_open_and_says_nothing():
    """Not even to requests and at heartbeats; a new one is served."""
    rules = StreamRules(tick=3600, heartbeat=0.02)
    async with Emulator(stream_rules=rules) as exchange, listening(exchange) as client:
        await client.sub(LAST)
        assert exchange.silence_streams(60.0) == 1
        async with listening(exchange) as other:
            await other.sub(LAST)
            assert exchange.push(LAST, 1) == 2
            assert (await other.next())["data"] == 1
            await client.socket.send_json({"id": "1", "reqType": "unsub", "dataType": LAST})
            await until(lambda: exchange.push(LAST, 2) == 1)
        pings = [line for line in exchange.stream_ledger if line.kind == "ping"]
        await asyncio.sleep(0.1)  # five heartbeats that nobody could have answered
        assert exchange.sockets == 1
        assert [line for line in exchange.stream_ledger if line.kind == "ping"] == pings
        lost = [line for line in exchange.stream_ledger if line.kind == "lost"]
        assert {line.socket for line in lost} == {1}
        assert lost[-1].number == 0  # the acknowledgement


async def test_silence_ends():
    """What was not sent is gone."""
    async with pushing() as (exchange, client):
        exchange.silence_streams(0.05)
        exchange.push(LAST, 1)
        await asyncio.sleep(0.06)
        exchange.push(LAST, 2)
        assert (await client.next())["data"] == 2


async def test_a_client_that_does_not_read_is_cut():
    """Before it fills the memory."""
    rules = StreamRules(tick=3600, most_waiting=1000)
    async with Emulator(stream_rules=rules) as exchange, listening(exchange) as client:
        await client.sub(LAST)
        noise = random.Random(1)
        for _ in range(200):
            exchange.push(LAST, noise.randbytes(50_000).hex())
        await until(lambda: not exchange.sockets)
        assert kinds(exchange)[-1] == "cut"
        assert exchange.push(LAST, 1) == 0


# --- the ledger, and the end ------------------------------------------------------------------


async def test_the_ledger_says_who_was_sent_what(quiet):
    """In the order in which it was sent."""
    async with listening(quiet, "alice") as client:
        await client.sub(LAST)
        quiet.push(LAST, {"c": "1"})
        await client.next(lambda message: message.get("dataType") == LAST)
    await until(lambda: not quiet.sockets)
    lines = quiet.stream_ledger
    uid = quiet.account("alice").uid
    assert [(line.kind, line.topic) for line in lines] == [
        ("opened", ""),
        ("push", "ACCOUNT_UPDATE"),
        ("ack", LAST),
        ("push", LAST),
        ("closed", ""),
    ]
    assert {(line.socket, line.uid) for line in lines} == {(1, uid)}
    assert lines[3].message == {"code": 0, "dataType": LAST, "data": {"c": "1"}}
    assert lines[0].message is None
    assert [line.time for line in lines] == sorted(line.time for line in lines)
    assert "frame" not in repr(lines[3])


@pytest.mark.parametrize("size", [0, 100, 125, 126, 1000, 65_535, 65_536, 100_000])
def test_frames_hold_what_was_packed(size):
    """Whatever its length."""
    text = random.Random(size).randbytes(size)
    assert unpack(pack(text)) == text
    assert frame(text).endswith(text)
    assert closing(1001) == b"\x88\x02\x03\xe9"


async def test_large_messages_arrive(quiet):
    """In one frame each."""
    async with listening(quiet) as client:
        await client.sub(LAST)
        for size in (10, 1000, 100_000):
            text = random.Random(size).randbytes(size).hex()
            quiet.push(LAST, text)
            assert (await client.next())["data"] == text


async def test_nothing_is_left_behind_without_a_socket(exchange):
    """No task, no timer, nobody who listens to the engine."""
    before = asyncio.all_tasks()
    async with listening(exchange, "alice") as client, listening(exchange, "alice"):
        await client.sub(LAST, f"{BTC}@incrDepth")
        exchange.stream_faults = StreamFaults(delay=constant(5.0))
        exchange.push(LAST, 1)
    await until(lambda: not exchange.sockets)
    streams = exchange._streams
    assert streams._timer is None
    assert not streams._subjects
    assert not streams._listeners
    assert not +streams._from
    assert not exchange.engine.state.listeners
    await until(lambda: asyncio.all_tasks() <= before)
    scheduled = getattr(asyncio.get_running_loop(), "_scheduled", [])
    ours = [handle for handle in scheduled if "streams" in repr(handle) and not handle.cancelled()]
    assert ours == []


async def test_the_end_of_the_emulator_closes_its_sockets():
    """With a farewell, also where a client does not read."""
    async with aiohttp.ClientSession() as session:
        async with Emulator(stream_rules=QUIET) as exchange:
            reads, does_not = [await session.ws_connect(exchange.stream_url) for _ in range(2)]
            await Client(does_not).sub(LAST)
            for _ in range(100):
                exchange.push(LAST, random.Random(1).randbytes(100_000).hex())
            waiting = asyncio.create_task(reads.receive())
        message = await waiting
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert message.data == 1001
        assert exchange.sockets == 0
        assert sorted(kinds(exchange)[-2:]) == ["closed", "cut"]
        await does_not.close()


def test_without_running_there_is_no_address():
    """As for the REST API."""
    with pytest.raises(RuntimeError, match="not running"):
        _ = Emulator().stream_url

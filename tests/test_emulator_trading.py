"""Facts about trading on the emulator, through a client as a bot has it."""

import asyncio
import io
import json
import time
import zipfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from xml.etree import ElementTree as ET

import aiohttp
import pytest
from yarl import URL

from bingx_async import (
    AuthError,
    BingX,
    InvalidRequest,
    OutcomeUnknown,
    Rejected,
)
from bingx_async.emulator import Emulator, Faults
from bingx_async.signing import SigningKey, canonical, pairs, query, sign
from bingx_async.swap import (
    AssetMode,
    AttachedOrder,
    CancelReplaceMode,
    CountdownAction,
    CountdownStatus,
    Interval,
    MarginDirection,
    MarginType,
    NewOrder,
    NewReplacement,
    OrderSide,
    OrderStatus,
    OrderType,
    PositionSide,
    ReverseType,
    TradingUnit,
    TwapOrderStatus,
    TwapPriceType,
    VstDirection,
)

BTC, ETH = "BTC-USDT", "ETH-USDT"
BUY, SELL = OrderSide.BUY, OrderSide.SELL
LONG, SHORT, BOTH = PositionSide.LONG, PositionSide.SHORT, PositionSide.BOTH
LIMIT, MARKET = OrderType.LIMIT, OrderType.MARKET
ENDPOINTS = BingX.endpoints()
UNLIMITED = {
    "limits": {name: None for name, endpoint in ENDPOINTS.items() if endpoint.needs},
    "groups": {1: None, 2: None, 3: None},
}
START = datetime(2026, 3, 14, 12, tzinfo=UTC)


@pytest.fixture
async def exchange():
    """An exchange without limits, on which a bitcoin costs 100,000."""
    async with Emulator(**UNLIMITED, time=START) as running:
        running.set_price(BTC, 100_000)
        running.set_price(ETH, 4000)
        yield running


@pytest.fixture
def swap(exchange):
    return exchange.client("alice").swap


def limit(side, position_side, price, quantity="0.01", **more):
    return NewOrder(
        symbol=BTC,
        side=side,
        type=LIMIT,
        position_side=position_side,
        price=Decimal(price),
        quantity=Decimal(quantity),
        **more,
    )


async def market(swap, side, position_side, quantity="0.01", symbol=BTC, **more):
    return await swap.place_order(
        symbol, side, MARKET, position_side=position_side, quantity=Decimal(quantity), **more
    )


async def rest(swap, price="90000", **more):
    """Place an order that rests."""
    (placed,) = (await swap.place_orders([limit(BUY, LONG, price, **more)])).orders
    return placed.order_id


def replacement(price, **more):
    return {
        "cancel_replace_mode": CancelReplaceMode.STOP_ON_FAILURE,
        "symbol": BTC,
        "side": BUY,
        "type": LIMIT,
        "position_side": LONG,
        "price": Decimal(price),
        "quantity": Decimal("0.01"),
        **more,
    }


async def twap(swap, price_type, price_variance):
    """Buy 0.05 in parts of 0.02, one each ten seconds."""
    return await swap.place_twap_order(
        BTC,
        BUY,
        LONG,
        price_type=price_type,
        price_variance=price_variance,
        trigger_price=Decimal(101_000),
        interval=10,
        amount_per_order=Decimal("0.02"),
        total_amount=Decimal("0.05"),
    )


async def written(exchange, name, **parameters):
    """Return what an endpoint answers to alice before anybody has read it."""
    endpoint, account = ENDPOINTS[name], exchange.account("alice")
    parts = pairs({"timestamp": int(exchange.now().timestamp() * 1000), **parameters})
    text = query(parts, canonical(parts), sign(canonical(parts), SigningKey(account.secret_key)))
    url = URL(f"{exchange.url}{endpoint.path}?{text}", encoded=True)
    async with (
        aiohttp.ClientSession(headers={"X-BX-APIKEY": account.api_key}) as session,
        session.request(endpoint.method, url) as response,
    ):
        return json.loads(await response.read())


def test_every_declared_endpoint_has_a_body():
    """Whatever can be called can be tested."""
    for name in ENDPOINTS:
        product, _, method = name.partition(".")
        assert not hasattr(getattr(Emulator.products[product], method), "__endpoint__"), name


async def ask_about_the_market(swap):
    await swap.server_time()
    await swap.contracts()
    await swap.order_book(BTC)
    await swap.trades(BTC)
    await swap.historical_trades(BTC)
    await swap.premium_index()
    await swap.funding_rates()
    await swap.klines(BTC, Interval.MINUTE_5)
    await swap.mark_price_klines(BTC, Interval.HOUR_1)
    await swap.open_interest(BTC)
    await swap.tickers()
    await swap.book_ticker(BTC)
    await swap.prices()
    await swap.trading_rules(BTC)
    await swap.multi_assets_rules()


async def hold_a_position(swap, window):
    await swap.set_position_mode(dual_side_position=True)
    await swap.position_mode()
    await swap.set_asset_mode(AssetMode.SINGLE)
    await swap.asset_mode()
    await swap.set_margin_type(BTC, MarginType.ISOLATED)
    await swap.margin_type(BTC)
    await swap.set_leverage(BTC, LONG, 20)
    await swap.leverage(BTC)
    await swap.maintenance_margin_ratios(BTC)
    await market(swap, BUY, LONG)
    (held,) = await swap.positions()
    await swap.adjust_position_margin(BTC, Decimal(5), MarginDirection.INCREASE, position_side=LONG)
    await swap.set_auto_add_margin(BTC, held.position_id, function_switch=False)
    await swap.position_margin_history(BTC, held.position_id, **window, page_index=1, page_size=10)
    await swap.reverse_position(ReverseType.AT_ONCE, BTC)
    (held,) = await swap.positions()
    await swap.close_position(held.position_id)
    await swap.close_all_positions()
    await swap.position_history(BTC)


async def have_orders(swap, window):
    await swap.test_order(BTC, BUY, MARKET, position_side=LONG, quantity=Decimal("0.01"))
    number = await rest(swap)
    await swap.order(BTC, number)
    await swap.open_order(BTC, number)
    await swap.open_orders()
    await swap.amend_order(BTC, Decimal("0.02"), order_id=number)
    await swap.replace_order(**replacement(80_000, cancel_order_id=7))
    await swap.replace_orders([NewReplacement(**replacement(70_000, cancel_order_id=7))])
    await swap.cancel_order(BTC, number)
    await swap.cancel_orders(BTC, [number])
    await swap.cancel_all_after(CountdownAction.ACTIVATE, 60)
    await swap.cancel_all_orders()
    await swap.all_orders()
    await swap.full_orders()
    await swap.force_orders()
    await swap.fill_orders(TradingUnit.COIN, *window.values())
    await swap.fill_history(BTC, *window.values())
    placed = await twap(swap, TwapPriceType.CONSTANT, Decimal(10))
    await swap.twap_order(placed.main_order_id)
    await swap.open_twap_orders()
    await swap.cancel_twap_order(placed.main_order_id)
    await swap.twap_order_history(page_index=1, page_size=10, **window)


async def count_the_money(swap):
    await swap.balances()
    await swap.commission_rate()
    await swap.income()
    await swap.income_export()
    await swap.margin_assets()
    await swap.apply_vst()
    await swap.adjust_vst(VstDirection.DECREASE, 100)


async def test_every_declared_endpoint_answers(exchange, swap):
    """Each one through the client, which reads the answer."""
    now, hour = exchange.now(), timedelta(hours=1)
    window = {"start_time": now - hour, "end_time": now + hour}
    await ask_about_the_market(swap)
    await hold_a_position(swap, window)
    await have_orders(swap, window)
    await count_the_money(swap)
    bingx = exchange.client("alice")
    assert (await bingx.account.uid()).uid == int(exchange.account("alice").uid)
    key = (await bingx.user_stream.create_listen_key()).listen_key
    await bingx.user_stream.extend_listen_key(key)
    await bingx.user_stream.delete_listen_key(key)
    assert {arrival.endpoint for arrival in exchange.ledger} == set(ENDPOINTS)


# --- orders and positions -------------------------------------------------------------------


async def test_a_position_is_opened_and_closed_with_a_profit(exchange, swap):
    """To the last digit: the gain, less a fee for each way."""
    opened = await market(swap, BUY, LONG)
    assert (opened.status, opened.avg_price) == (OrderStatus.FILLED, Decimal("100000.1"))
    exchange.set_price(BTC, 110_000)
    (held,) = await swap.positions(BTC)
    assert await swap.positions(ETH) == []
    assert (held.position_side, held.position_amt) == (LONG, Decimal("0.01"))
    assert held.unrealized_profit == Decimal("99.999")
    assert (await swap.balances())[0].equity == exchange.account("alice").equity

    closing = await swap.close_position(held.position_id)
    assert (closing.side, closing.type, closing.orig_qty) == (SELL, MARKET, Decimal("0.01"))
    done = await swap.order(BTC, closing.order_id)
    assert (done.status, done.avg_price) == (OrderStatus.FILLED, Decimal("109999.9"))
    assert done.profit == Decimal("99.998")

    fees = Decimal("0.0005") * Decimal("0.01") * (Decimal("100000.1") + Decimal("109999.9"))
    (balance,) = await swap.balances()
    assert balance.balance == balance.equity == 10_000 + Decimal("99.998") - fees
    assert await swap.positions() == []
    (past,) = await swap.position_history(BTC)
    assert (past.position_id, past.realised_profit) == (held.position_id, Decimal("99.998"))
    assert past.net_profit == balance.realised_profit
    assert exchange.account("alice").closed_positions == [past]


async def test_hedge_mode_has_two_positions_and_one_way_mode_one(exchange, swap):
    """A short one beside a long one, or both in one."""
    await market(swap, BUY, LONG, "0.03")
    await market(swap, SELL, SHORT, "0.02")
    assert {it.position_side: it.position_amt for it in await swap.positions()} == {
        LONG: Decimal("0.03"),
        SHORT: Decimal("0.02"),
    }
    with pytest.raises(Rejected, match="positions") as caught:
        await swap.set_position_mode(dual_side_position=False)
    assert caught.value.code == 104103

    assert exchange.account("alice").dual_side_position
    exchange.account("bob").dual_side_position = False
    bob = exchange.client("bob").swap
    await market(bob, BUY, BOTH, "0.03")
    await market(bob, SELL, BOTH, "0.05")
    (held,) = await bob.positions()
    assert (held.position_side, held.position_amt) == (SHORT, Decimal("0.02"))
    with pytest.raises(InvalidRequest, match="One-way mode"):
        await market(bob, BUY, LONG)


@pytest.mark.parametrize(("price", "kind"), [(105_000, "take profit"), (95_000, "stop loss")])
async def test_an_attached_order_closes_the_position_when_its_price_comes(
    exchange, swap, price, kind
):
    """And the other one goes."""
    await market(
        swap,
        BUY,
        LONG,
        take_profit=AttachedOrder(OrderType.TAKE_PROFIT_MARKET, Decimal(104_000)),
        stop_loss=AttachedOrder(OrderType.STOP_MARKET, Decimal(96_000)),
    )
    waiting = await swap.open_orders()
    assert [order.stop_price for order in waiting] == [96_000, 104_000]
    exchange.set_price(BTC, price)

    assert await swap.positions() == []
    fired, gone = sorted(
        [await swap.order(BTC, order.order_id) for order in waiting],
        key=lambda order: order.status != OrderStatus.FILLED,
    )
    assert (fired.status, gone.status) == (OrderStatus.FILLED, OrderStatus.CANCELLED)
    assert (fired.profit > 0) == (kind == "take profit")
    assert fired.trigger_order_id == gone.trigger_order_id


async def test_a_batch_places_what_it_can(swap):
    """The rest is told with the error that it would have met alone."""
    batch = [
        limit(BUY, LONG, 90_000, client_order_id="Grid-1"),
        limit(BUY, LONG, 90_000, "0.00000001", client_order_id="Grid-2"),
        limit(SELL, SHORT, 110_000, client_order_id="grid-1"),
        limit(BUY, LONG, 90_000, "900"),
    ]
    answer = await swap.place_orders(batch)
    (placed,) = answer.orders
    assert (placed.client_order_id, placed.status) == ("grid-1", OrderStatus.PENDING)
    assert [failed.client_order_id for failed in answer.errors] == ["Grid-2", "grid-1", None]
    assert [failed.error_code for failed in answer.errors] == [110425, 101481, 101204]
    assert [type(failed.error) for failed in answer.errors] == [
        InvalidRequest,
        InvalidRequest,
        Rejected,
    ]
    assert [order.order_id for order in await swap.open_orders(BTC)] == [placed.order_id]


async def test_orders_are_cancelled_replaced_and_amended(exchange, swap):
    """And each answer says what became of them."""
    one, two = await rest(swap), await rest(swap, client_order_id="Two")
    answer = await swap.cancel_orders(BTC, [one, 7])
    assert [order.order_id for order in answer.success] == [one]
    assert [(row.order_id, row.error_code) for row in answer.failed] == [(7, 109421)]
    amended = await swap.amend_order(BTC, Decimal("0.05"), client_order_id="TWO")
    assert (amended.order_id, amended.quantity) == (two, Decimal("0.05"))

    replaced = await swap.replace_order(**replacement(80_000, cancel_client_order_id="two"))
    assert (replaced.cancel_result, replaced.replace_result) == (True, True)
    assert replaced.cancel_response.order_id == two
    assert replaced.new_order_response.price == 80_000
    (again,) = await swap.replace_orders(
        [NewReplacement(**replacement(70_000, cancel_order_id=two))]
    )
    assert (again.cancel_result, again.replace_result) == (False, False)
    assert again.new_order_response is None
    assert "already" in again.cancel_msg
    with pytest.raises(InvalidRequest, match="order not exist"):
        await swap.open_order(BTC, two)
    left = await swap.cancel_all_orders(type=LIMIT)
    assert [order.price for order in left.success] == [80_000]
    assert exchange.account("alice").open_orders == []
    assert len(exchange.account("alice").orders) == 3


async def test_the_kill_switch_cancels_when_nobody_starts_it_anew(exchange, swap):
    """Not before its time."""
    await rest(swap)
    started = await swap.cancel_all_after(CountdownAction.ACTIVATE, 60)
    assert started.status == CountdownStatus.ACTIVATED
    assert abs(started.trigger_time - exchange.now() - timedelta(seconds=60)) < timedelta(seconds=9)
    exchange.pass_time(40)
    await swap.cancel_all_after(CountdownAction.ACTIVATE, 60)
    exchange.pass_time(50)
    assert len(await swap.open_orders()) == 1
    exchange.pass_time(20)
    assert await swap.open_orders() == []
    await rest(swap)
    await swap.cancel_all_after(CountdownAction.ACTIVATE, 10)
    assert (await swap.cancel_all_after(CountdownAction.CLOSE, 10)).trigger_time is None
    exchange.pass_time(60)
    assert len(await swap.open_orders()) == 1


async def test_what_is_on_the_book_can_be_counted(exchange, swap):
    """As the exchange sees it, not the bot."""
    batches = [
        [limit(BUY, LONG, 90_000 - 5 * batch - number, "0.0001") for number in range(5)]
        for batch in range(40)
    ]
    await asyncio.gather(*(swap.place_orders(batch) for batch in batches))
    account = exchange.account("alice")
    assert len(account.open_orders) == 200
    assert len({order.price for order in account.open_orders}) == 200
    exchange.set_price(BTC, "89990.5")
    assert len(account.open_orders) == 190
    assert len(account.fills) == 10


async def test_an_isolated_position_has_a_margin_of_its_own(swap):
    """Whose changes are written down, newest first."""
    await swap.set_margin_type(BTC, MarginType.ISOLATED)
    await swap.set_leverage(BTC, LONG, 20)
    await market(swap, BUY, LONG, "0.1")
    (held,) = await swap.positions()
    assert (held.isolated, held.leverage) == (True, 20)
    now = (await swap.server_time()).server_time
    await swap.adjust_position_margin(
        BTC, Decimal(50), MarginDirection.INCREASE, position_id=held.position_id
    )
    await swap.adjust_position_margin(
        BTC, Decimal(20), MarginDirection.DECREASE, position_id=held.position_id
    )
    changes = await swap.position_margin_history(
        BTC,
        held.position_id,
        start_time=now - timedelta(days=1),
        end_time=now + timedelta(days=1),
        page_index=1,
        page_size=2,
    )
    assert [change.margin_change for change in changes] == [-20, 50]
    (held,) = await swap.positions()
    assert held.max_margin_reduction == 30
    assert held.margin == changes[0].margin_after_change + held.unrealized_profit
    assert Decimal("0.06") < held.risk_rate < Decimal("0.07")


async def test_a_position_is_reversed(swap):
    """Into one of the same size."""
    await market(swap, BUY, LONG)
    (before,) = await swap.positions()
    turned = await swap.reverse_position(ReverseType.AT_ONCE, BTC, position_id=before.position_id)
    (after,) = await swap.positions()
    assert (turned.position_id, turned.new_position_id) == (before.position_id, after.position_id)
    assert (after.position_side, after.position_amt) == (SHORT, before.position_amt)
    with pytest.raises(InvalidRequest, match="not emulated"):
        await swap.reverse_position(
            ReverseType.TRIGGER, BTC, trigger_price=Decimal(1), working_type="MARK_PRICE"
        )
    with pytest.raises(Rejected) as caught:
        await swap.reverse_position(ReverseType.AT_ONCE, BTC, position_id=5)
    assert caught.value.code == 109420


async def test_a_twap_order_buys_in_parts(exchange, swap):
    """While the price is right."""
    placed = await twap(swap, TwapPriceType.PERCENTAGE, Decimal("0.1"))
    exchange.pass_time(12)
    running = await swap.twap_order(placed.main_order_id)
    assert (running.order_status, running.executed_qty) == (
        TwapOrderStatus.RUNNING,
        Decimal("0.04"),
    )
    assert 12 <= running.duration < 20
    assert await swap.open_twap_orders(ETH) == []
    exchange.pass_time(10)
    assert await swap.open_twap_orders() == []
    now = exchange.now()
    (done,) = await swap.twap_order_history(
        page_index=1, page_size=5, start_time=now - timedelta(hours=1), end_time=now
    )
    assert (done.order_status, done.executed_qty) == (TwapOrderStatus.FILLED, Decimal("0.05"))
    parts = [order for order in await swap.all_orders() if order.is_twap]
    assert [part.executed_qty for part in parts] == [Decimal(it) for it in ("0.02", "0.02", "0.01")]
    with pytest.raises(Rejected):
        await swap.cancel_twap_order(placed.main_order_id)
    with pytest.raises(InvalidRequest, match="no TWAP order seven"):
        await swap.twap_order("seven")


# --- refusals -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "arguments", "code"),
    [
        ("order", (BTC, 7), 109421),
        ("open_order", (BTC, 7), 109421),
        ("cancel_order", (BTC, 7), 109421),
        ("order", ("NO-USDT", 7), 109400),
        ("open_orders", ("NO-USDT",), 109400),
        ("positions", ("NO-USDT",), 109400),
        ("close_position", (7,), 109420),
        ("klines", (BTC, Interval("7m")), 109400),
        ("order_book", (BTC, 7), 109400),
        ("trades", (BTC, 1001), 109400),
        ("historical_trades", (BTC, 10, "x"), 109400),
        ("set_margin_type", (BTC, MarginType.SEPARATE_ISOLATED), 109400),
        ("cancel_all_after", (CountdownAction("HALT"), 10), 109400),
        ("adjust_vst", (VstDirection.DECREASE, 20_000), 101206),
        ("adjust_vst", (None, None), 109400),
        ("adjust_position_margin", (BTC, Decimal(0), MarginDirection.INCREASE), 109400),
        ("fill_history", (BTC, 2_000_000_000_000, 1_900_000_000_000), 109400),
    ],
)
async def test_refusals_have_the_exchanges_codes(swap, method, arguments, code):
    """Whatever is asked for."""
    with pytest.raises((InvalidRequest, Rejected)) as caught:
        await getattr(swap, method)(*arguments)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("all_orders", {"limit": 1001}),
        ("full_orders", {"limit": 0}),
        ("force_orders", {"limit": 101}),
        ("income", {"limit": 1001}),
        ("income", {"income_type": "LUCK"}),
        ("position_history", {"symbol": BTC, "page_size": 101}),
        ("position_history", {"symbol": BTC, "page_index": 0}),
        ("funding_rates", {"limit": 1001}),
    ],
)
async def test_what_is_out_of_range_is_refused(swap, method, options):
    """Instead of cut off without a word."""
    with pytest.raises(InvalidRequest, match=r"between|or more|not one of") as caught:
        await getattr(swap, method)(**options)
    assert caught.value.code == 109400


async def test_an_order_that_the_gate_refuses_is_not_placed(exchange):
    """What the client would not send is checked on the other side as well."""
    exchange.account("alice")
    answer = await written(
        exchange, "swap.place_order", symbol=BTC, side="BUY", type="LIMIT", quantity="0.01"
    )
    assert answer["code"] == 109400
    assert "price" in answer["msg"]
    answer = await written(exchange, "swap.place_order", symbol=BTC, side="BUY", type="NONE")
    assert answer["code"] == 109400
    assert exchange.account("alice").orders == []


# --- histories ------------------------------------------------------------------------------


async def test_fills_are_read_by_pages_and_after_an_id(exchange, swap):
    """Oldest first, each of them once."""
    for _ in range(3):
        await market(swap, BUY, LONG)
        await market(swap, SELL, LONG)
    now = exchange.now()
    window = (now - timedelta(days=1), now)
    pages = [await swap.fill_history(BTC, *window, page_index=n, page_size=4) for n in (1, 2, 3)]
    assert [len(page.fills) for page in pages] == [4, 2, 0]
    assert {page.total for page in pages} == {6}
    fills = pages[0].fills + pages[1].fills
    assert [fill.side for fill in fills] == [BUY, SELL] * 3
    after = await swap.fill_history(BTC, *window, last_fill_id=fills[3].trade_id)
    assert after.fills == fills[4:]
    (one,) = (await swap.fill_history(BTC, *window, order_id=fills[2].order_id)).fills
    assert one == fills[2]
    assert exchange.account("alice").fills[2].trade_id == one.trade_id

    assert (await swap.fill_history(BTC, *window, currency="USDC")).total == 0
    coins = await swap.fill_orders(TradingUnit.COIN, *window)
    contracts = await swap.fill_orders(TradingUnit.CONT, *window, symbol=BTC)
    assert {fill.qty for fill in coins} == {Decimal("0.01")}
    assert {fill.qty for fill in contracts} == {100}
    assert [fill.filled_time for fill in coins] == [fill.filled_time for fill in fills]
    assert await swap.fill_orders(TradingUnit.COIN, *window, symbol=ETH) == []


async def test_orders_are_read_by_windows_and_after_an_id(exchange, swap):
    """Done ones, or all; from the start that is given, or else the latest."""
    numbers = [await rest(swap, price) for price in range(90_001, 90_007)]
    for number in numbers[:4]:
        await swap.cancel_order(BTC, number)

    async def found(method, **options):
        return [order.order_id for order in await method(**options)]

    assert await found(swap.full_orders) == numbers
    assert await found(swap.all_orders) == numbers[:4]
    assert await found(swap.all_orders, limit=2) == numbers[2:4]
    assert await found(swap.all_orders, limit=2, order_id=numbers[0]) == numbers[1:3]
    assert await found(swap.full_orders, limit=2, start_time=START) == numbers[:2]
    assert await found(swap.full_orders, symbol=ETH) == []
    assert await found(swap.force_orders, symbol=BTC) == []
    assert await found(swap.full_orders, end_time=START) == []
    await swap.cancel_all_orders()  # nothing rests, so that nobody has to look at each second
    exchange.pass_time(8 * 86_400)
    assert await found(swap.all_orders) == []
    assert await found(swap.all_orders, start_time=START) == numbers


async def test_positions_of_the_past_are_read_by_pages(exchange, swap):
    """Newest first."""
    for _ in range(3):
        await market(swap, BUY, LONG)
        await swap.close_all_positions()
    closed = exchange.account("alice").closed_positions[::-1]
    pages = [await swap.position_history(BTC, page_index=n, page_size=2) for n in (1, 2, 3)]
    assert pages == [closed[:2], closed[2:], []]
    assert await swap.position_history(BTC, position_id=closed[1].position_id) == [closed[1]]
    assert await swap.position_history(BTC, end_ts=START) == []
    assert await swap.position_history(ETH) == []


async def test_income_explains_the_balance(exchange, swap):
    """Entry by entry, funding included."""
    await market(swap, BUY, LONG, "0.1")
    exchange.pass_time(8 * 3600)
    rate = exchange.market.funding_rate(BTC, START + timedelta(hours=4))
    (paid,) = await swap.income(income_type="FUNDING_FEE")
    assert paid.income == -10_000 * rate
    assert paid.time == START + timedelta(hours=4)
    await market(swap, SELL, LONG, "0.1")

    entries = await swap.income(limit=1000)
    assert sum(entry.income for entry in entries) == exchange.account("alice").balance
    assert entries == exchange.account("alice").income
    assert await swap.income(limit=1) == entries[-1:]
    assert await swap.income(limit=1, start_time=START) == entries[:1]
    assert [entry.symbol for entry in await swap.income(symbol=BTC)] == [BTC] * 4
    exchange.pass_time(7 * 86_400)
    assert await swap.income() == []


async def test_income_is_exported_as_a_workbook(exchange, swap):
    """Which other programs can open."""
    await market(swap, BUY, LONG)
    with zipfile.ZipFile(io.BytesIO(await swap.income_export())) as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            ET.fromstring(archive.read(name))  # noqa: S314 - made here
        sheet = ET.fromstring(archive.read("xl/worksheets/sheet1.xml"))  # noqa: S314
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    rows = [["".join(cell.itertext()) for cell in row] for row in sheet.iter(f"{space}row")]
    fee = exchange.account("alice").income[-1]
    assert len(rows) == 3
    assert rows[2][1:5] == [BTC, "TRADING_FEE", str(fee.income), "USDT"]


# --- market data ----------------------------------------------------------------------------


async def test_klines_are_newest_first_and_connect(swap):
    """Five of a minute are one of five minutes."""
    start = START - timedelta(days=30)
    long = await swap.klines(BTC, Interval.MINUTE_5, start_time=start, limit=100)
    short = await swap.klines(BTC, Interval.MINUTE_1, start_time=start, limit=500)
    assert (len(long), len(short)) == (100, 500)
    assert long[-1].time == short[-1].time == start
    for number, kline in enumerate(long):
        parts = short[5 * number : 5 * number + 5]
        assert (kline.open, kline.close) == (parts[-1].open, parts[0].close)
        assert kline.high == max(part.high for part in parts)
        assert kline.low == min(part.low for part in parts)
        assert kline.volume == sum(part.volume for part in parts)
    for newer, older in pairwise(short):
        assert older.close == newer.open
        assert older.time < newer.time


@pytest.mark.parametrize("interval", list(Interval))
async def test_klines_come_in_every_interval(exchange, swap, interval):
    """The newest is under way, and the windows hold both of their ends."""
    klines = await swap.klines(BTC, interval)
    assert 70 < len(klines) <= 500
    assert klines[0].time <= exchange.now()
    assert klines[0].close == 100_000
    assert klines[0].high >= 100_000
    last, first = klines[2].time, klines[5].time
    assert await swap.klines(BTC, interval, start_time=first, end_time=last) == klines[2:6]
    assert await swap.klines(BTC, interval, end_time=last, limit=2) == klines[2:4]
    assert await swap.klines(BTC, interval, start_time=first, limit=2) == klines[4:6]
    assert len(await swap.klines(BTC, interval, limit=1440)) >= len(klines)
    marks = await swap.mark_price_klines(BTC, interval, limit=2)
    assert [mark.open_time for mark in marks] == [kline.time for kline in klines[:2]]
    assert marks[1].close_time + timedelta(milliseconds=1) == marks[0].open_time


async def test_market_data_agree_with_each_other(swap):
    """Price, book, ticker, trades and index, while nothing moves."""
    (ticker,) = await swap.tickers(BTC)
    (price,) = await swap.prices(BTC)
    (premium,) = await swap.premium_index(BTC)
    top, book = await swap.book_ticker(BTC), await swap.order_book(BTC, 5)
    assert price.price == ticker.last_price == premium.mark_price == premium.index_price == 100_000
    assert top.bid_price == ticker.bid_price == book.bids[0].price == Decimal("99999.9")
    assert top.ask_price == ticker.ask_price == book.asks[0].price == Decimal("100000.1")
    assert (len(book.bids), len(book.asks)) == (5, 5)
    assert book.asks[0].quantity == book.asks_coin[0].quantity * 10_000
    assert ticker.low_price <= ticker.open_price <= ticker.high_price
    assert premium.next_funding_time == START + timedelta(hours=4)
    assert len(await swap.prices()) == len(await swap.tickers()) == 15

    trades = await swap.trades(BTC, 100)
    history = await swap.historical_trades(BTC, 100)
    assert [trade.time for trade in trades] == sorted((it.time for it in trades), reverse=True)
    assert abs(history[-1].time - trades[0].time) < timedelta(seconds=20)
    again = await swap.historical_trades(BTC, 2, from_id=history[40].id)
    assert again == history[40:42]

    rates = await swap.funding_rates(BTC, limit=3)
    assert [rate.funding_time.hour for rate in rates] == [8, 0, 16]
    first = await swap.funding_rates(BTC, start_time=START - timedelta(days=9), limit=2)
    assert [rate.funding_time for rate in first] == [
        START - timedelta(days=9, hours=-12),
        START - timedelta(days=9, hours=-4),
    ]
    assert len(await swap.funding_rates(limit=20)) == 20
    assert await swap.funding_rates(BTC, end_time=datetime(2019, 1, 1, tzinfo=UTC)) == []


# --- shapes ---------------------------------------------------------------------------------


async def test_orders_are_written_as_the_exchange_writes_them(exchange, swap):
    """Numbers as text, a leverage with its X, and attached orders that say nothing."""
    number = await rest(
        swap, take_profit=AttachedOrder(OrderType.TAKE_PROFIT_MARKET, Decimal(104_000))
    )
    order = (await written(exchange, "swap.order", symbol=BTC, orderId=number))["data"]["order"]
    assert (order["orderId"], order["origQty"], order["leverage"]) == (number, "0.01", "10X")
    assert (order["clientOrderId"], order["stopPrice"]) == ("", "")
    assert order["stopLoss"] == {
        "type": "",
        "quantity": 0,
        "stopPrice": 0,
        "price": 0,
        "workingType": "",
    }
    assert order["takeProfit"]["stopPrice"] == "104000"
    read = await swap.order(BTC, number)
    assert read.stop_loss is None
    assert read.take_profit.stop_price == 104_000

    placed = await written(
        exchange,
        "swap.place_order",
        symbol=BTC,
        side="BUY",
        type="MARKET",
        quantity="0.01",
        positionSide="LONG",
    )
    assert placed["data"]["order"]["orderID"] == str(placed["data"]["order"]["orderId"])
    (held,) = (await written(exchange, "swap.positions"))["data"]
    assert isinstance(held["positionId"], str)
    closing = await written(exchange, "swap.close_position", positionId=held["positionId"])
    assert (closing["data"]["side"], closing["data"]["type"]) == ("Ask", "Market")


async def test_one_symbol_is_an_object_and_all_are_a_list(exchange):
    """As for the exchange, which the client hides."""
    exchange.account("alice")
    for name in ("swap.premium_index", "swap.tickers", "swap.prices"):
        assert isinstance((await written(exchange, name, symbol=BTC))["data"], dict)
        assert isinstance((await written(exchange, name))["data"], list)
    assert (await written(exchange, "swap.open_twap_orders"))["data"] == {"list": [], "total": 0}
    mode = await written(exchange, "swap.position_mode")
    assert mode["data"] == {"dualSidePosition": "true"}
    switch = await written(exchange, "swap.cancel_all_after", type="CLOSE", timeOut=10)
    assert switch["data"]["triggerTime"] == 0


# --- time, faults, and a later run ----------------------------------------------------------


async def test_time_passes_without_waiting(exchange, swap):
    """For orders and prices; a client whose clock stays behind is let in all the same."""
    exchange.release_price(BTC)
    await rest(swap, "98000")
    day = exchange.pass_time(3600)
    assert day - START >= timedelta(hours=1)
    assert (await swap.server_time()).server_time >= day
    assert (await swap.prices(BTC))[0].price != 100_000
    assert len(await swap.full_orders()) == 1
    with pytest.raises(ValueError, match="cannot pass by -1"):
        exchange.pass_time(-1)
    wrong = int((time.time() + 60) * 1000)
    assert (await written(exchange, "swap.balances", timestamp=wrong))["code"] == 100421


async def test_an_exchange_goes_on_from_where_it_was_saved(exchange, swap):
    """Clock, prices, keys, orders and positions, by way of JSON."""
    await market(swap, BUY, LONG)
    number = await rest(swap, "95000")
    reader = exchange.account("alice").add_key(["read"])
    key = (await exchange.client("alice").user_stream.create_listen_key()).listen_key
    saved = json.loads(json.dumps(exchange.save()))

    async with Emulator(**UNLIMITED, state=saved) as later:
        alice = later.client("alice")
        assert abs(later.now() - exchange.now()) < timedelta(seconds=30)
        assert await alice.swap.positions() == await swap.positions()
        assert later.account("alice").balance == exchange.account("alice").balance
        assert (await alice.user_stream.create_listen_key()).listen_key == key
        assert later.account("alice").keys[1] == reader
        (price,) = await alice.swap.prices(BTC)
        assert price.price == 100_000
        later.set_price(BTC, "94999.9")
        assert (await alice.swap.order(BTC, number)).status == OrderStatus.FILLED
        assert (await swap.order(BTC, number)).status == OrderStatus.PENDING


async def test_an_answer_that_is_lost_does_not_lose_the_order(exchange, swap):
    """It was executed, and can be found by its id."""
    await swap.server_time()
    exchange.faults = Faults(dropped_after=1.0)
    with pytest.raises(OutcomeUnknown):
        await market(swap, BUY, LONG, client_order_id="lost-1")
    exchange.faults = Faults(dropped_before=1.0)
    with pytest.raises(OutcomeUnknown):
        await market(swap, BUY, LONG, client_order_id="lost-2")
    exchange.faults = Faults()
    found = await swap.order(BTC, client_order_id="lost-1")
    assert (found.status, found.executed_qty) == (OrderStatus.FILLED, Decimal("0.01"))
    with pytest.raises(InvalidRequest, match="order not exist"):
        await swap.order(BTC, client_order_id="lost-2")


async def test_a_listen_key_lives_for_an_hour():
    """Unless it is extended; one that is unknown is refused."""
    async with Emulator(**UNLIMITED) as exchange:
        stream = exchange.client("alice").user_stream
        key = (await stream.create_listen_key()).listen_key
        exchange.pass_time(40 * 60)
        await stream.extend_listen_key(key)
        exchange.pass_time(40 * 60)
        assert (await stream.create_listen_key()).listen_key == key
        with pytest.raises(InvalidRequest) as caught:
            await exchange.client("bob").user_stream.extend_listen_key(key)
        assert caught.value.status == 404
        exchange.pass_time(61 * 60)
        with pytest.raises(InvalidRequest):
            await stream.extend_listen_key(key)
        other = (await stream.create_listen_key()).listen_key
        assert other != key
        assert exchange.listen_keys.uid_of(other, exchange.now()) == exchange.account("alice").uid
        await stream.delete_listen_key(other)
        with pytest.raises(InvalidRequest):
            await stream.delete_listen_key(other)


async def test_an_account_is_as_rich_as_a_test_wants(exchange):
    """From the start, and later on."""
    poor = exchange.account("poor", balance=5)
    swap = exchange.client("poor").swap
    with pytest.raises(Rejected, match="Insufficient margin"):
        await market(swap, BUY, LONG)
    poor.balance = Decimal(500)
    poor.balance = 500
    assert [entry.income for entry in poor.income] == [5, 495]
    await market(swap, BUY, LONG)
    assert (await swap.leverage(BTC)).available_long_val < 5000
    with pytest.raises(Rejected):
        poor.balance = 0
    assert exchange.account("broke", balance=0).balance == 0
    assert poor.positions == await swap.positions()
    reader = poor.add_key(["read"])
    reading = exchange.client("poor", api_key=reader.api_key, secret_key=reader.secret_key)
    with pytest.raises(AuthError):
        await market(reading.swap, BUY, LONG)

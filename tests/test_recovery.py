"""Facts about what is told after the stream of an account was away."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from attrs import asdict, evolve

from bingx_async import (
    BingX,
    InvalidRequest,
    NewOrder,
    OrderSide,
    OrderType,
    OutcomeUnknown,
    PositionSide,
    TimeInForce,
    Unavailable,
)
from bingx_async.account_feed import Recovery as Protocol
from bingx_async.answer import read
from bingx_async.emulator import swap as bodies
from bingx_async.emulator.call import Call
from bingx_async.emulator.dressing import dress
from bingx_async.emulator.exchange import Exchange
from bingx_async.emulator.streams.account import AccountTeller
from bingx_async.swap import (
    AccountEvent,
    AccountReason,
    BalanceUpdate,
    ExecutionType,
    LeverageEvent,
    OrderEvent,
    OrderStatus,
    PositionUpdate,
    Swap,
)
from bingx_async.swap.models.orders import Fill, Order
from bingx_async.swap.order_ledger import OrderLedger
from bingx_async.swap.recovery import OVERLAP, Recovery, _Account
from tests.virtual import run

D = Decimal
BTC, ETH = "BTC-USDT", "ETH-USDT"
START = datetime(2026, 1, 5, 12, tzinfo=UTC)
BUY, SELL, LONG, SHORT = OrderSide.BUY, OrderSide.SELL, PositionSide.LONG, PositionSide.SHORT
NEW, TRADE = ExecutionType.NEW, ExecutionType.TRADE
CANCELLED, EXPIRED = ExecutionType.CANCELLED, ExecutionType.EXPIRED
CHANNELS = [BingX.channels()[f"swap.{name}_stream"] for name in ("orders", "account", "leverage")]


class Still(Exchange):
    """An exchange whose clock goes on only when a test lets it."""

    def wall(self):
        return START


class Desk:
    """Carries calls out at once, on the emulator's own bodies, and in the exchange's JSON."""

    def __init__(self, exchange, uid) -> None:
        self.exchange, self.uid = exchange, uid
        self.asked: list[str] = []
        self.failures: dict[str, Exception] = {}
        self.lag = self.order_lag = timedelta()  # how far the histories are behind
        self.shift = 0  # how much larger a trade's number is in the history
        self.hidden: set[int] = set()  # orders that no list of orders shows
        self.meanwhile: dict[str, Any] = {}  # what happens just before a call, or just after it

    async def call(self, endpoint, params):
        method = endpoint.name.removeprefix("swap.")
        self.asked.append(method)
        await asyncio.sleep(0)
        self.meanwhile.pop(f"before {method}", int)()
        if method in self.failures:
            raise self.failures[method]
        given = asdict(params, recurse=False)
        now = self.exchange.engine.advance(self.exchange.now())
        engine, market = self.exchange.engine, self.exchange.market
        call = Call(now, self.uid, market, engine, self.exchange.listen_keys)
        answer = await getattr(bodies.Swap(call), method)(**given)
        if method == "fill_history":
            answer.fills = [
                evolve(fill, trade_id=str(int(fill.trade_id) + self.shift))
                for fill in answer.fills
                if not self.lag or fill.filled_time <= now - self.lag
            ]
        elif method == "full_orders":
            answer = [
                row
                for row in answer
                if row.order_id not in self.hidden
                and (not self.order_lag or row.time <= now - self.order_lag)
            ]
        elif method == "open_orders":
            answer = [row for row in answer if row.order_id not in self.hidden]
        elif method == "order" and answer.order_id in self.hidden:
            raise InvalidRequest("order not exist", code=109421)
        read_ = read(endpoint, 200, dress(endpoint, given, answer))
        self.meanwhile.pop(f"after {method}", int)()
        return read_


class World:
    """Alice, whose stream is listened to, and Bob, who trades with her."""

    def __init__(self) -> None:
        self.exchange = Still(seed=0, time=None, state=None, clock_offset=0.0)
        for symbol, price in ((BTC, 100_000), (ETH, 3_000)):
            self.exchange.set_price(symbol, price)
        self.uid = self.exchange.account("alice", balance=10_000_000).uid
        self.bob = self.exchange.account("bob", balance=10_000_000).uid
        self.engine = self.exchange.engine
        self.desk = Desk(self.exchange, self.uid)
        self.recovery = Recovery(Swap(self.desk))
        self.on_the_way = None  # None: nobody listens
        self.waiting = None  # what waits for a recovery
        self.told: list[Any] = []
        teller = AccountTeller(
            self.engine,
            is_heard=lambda uid: uid == self.uid,
            told=lambda _, event, __: self.send(event),
        )
        self.engine.subscribe(teller.hear)

    # --- the connection -----------------------------------------------------------------------

    def send(self, message):
        if self.on_the_way is not None:
            self.on_the_way.append(message)
            self.deliver()

    def deliver(self):
        messages, self.on_the_way = self.on_the_way, []
        for message in messages:
            self.hear(message)

    def hear(self, message):
        if self.waiting is not None:
            self.waiting.append(message)
            return
        for channel in CHANNELS:
            if message["e"] in channel.topics:
                taken = [self.recovery.take(event) for event in channel.read(message)]
                self.told += [event for event in taken if event is not None]

    def lose(self):
        """Lose the connection."""
        self.on_the_way = self.waiting = None

    async def open(self, what):
        """Open a connection; what comes on it waits."""
        self.on_the_way, self.waiting = [], []
        self.told += await what() or ()
        waiting, self.waiting = self.waiting, None
        for message in waiting:
            self.hear(message)

    async def begin(self):
        await self.open(self.recovery.begin)
        return self

    async def back(self):
        """Come back, and return what is told because of it."""
        self.lose()
        count = len(self.told)
        await self.open(self.recovery.catch_up)
        return self.told[count:]

    # --- what happens -------------------------------------------------------------------------

    def wait(self, seconds=0.001):
        self.exchange.pass_time(seconds)

    def place(self, uid, side, quantity, price=None, *, symbol=BTC, **more):
        self.wait()
        new = NewOrder(
            symbol=symbol,
            side=side,
            type=OrderType.MARKET if price is None else OrderType.LIMIT,
            position_side=more.pop("position_side", LONG if side == BUY else SHORT),
            quantity=D(quantity),
            price=None if price is None else D(price),
            **more,
        )
        return self.engine.place(uid, new, self.exchange.now()).order_id

    def rest(self, quantity, price=100_000, *, side=BUY, **more):
        return self.place(self.uid, side, quantity, price, **more)

    def hit(self, quantity):
        """Let Bob sell to Alice's order."""
        self.place(self.bob, SELL, quantity)

    def cancel(self, order_id):
        self.wait()
        self.engine.cancel(self.uid, self.exchange.now(), order_id=order_id)

    @property
    def fills(self):
        return self.engine.account(self.uid).fills

    def told_fills(self):
        return [event.trade_id for event in orders_of(self.told) if event.is_fill]


def orders_of(events):
    return [event for event in events if isinstance(event, OrderEvent)]


def accounts_of(events):
    return [event for event in events if isinstance(event, AccountEvent)]


def short(events):
    return [
        (event.execution_type, event.status, event.executed_qty, event.last_qty)
        for event in orders_of(events)
    ]


class Late(list[Any]):
    """Messages that are held back."""

    __call__ = list.append


def in_a_world(test):
    """Run a test in a world of its own, in which waiting takes no time."""

    def in_it(**fixtures):
        async def main():
            await test(await World().begin(), **fixtures)

        run(main())

    in_it.__name__, in_it.__doc__ = test.__name__, test.__doc__
    return in_it


P, F, N = OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED, OrderStatus.NEW


# --- what comes on the stream ---------------------------------------------------------------


@in_a_world
async def test_trades_of_the_stream_are_completed(world):
    """With their quantity and price, which the exchange does not send."""
    world.rest("0.3")
    world.hit("0.1")
    world.hit("0.2")
    assert short(world.told) == [
        (NEW, N, 0, None),
        (TRADE, P, D("0.1"), D("0.1")),
        (TRADE, F, D("0.3"), D("0.2")),
    ]
    world.told.clear()
    world.place(world.uid, BUY, "0.7")  # through several levels of the market
    fills = world.fills[-2:]
    assert fills[0].price != fills[1].price
    trades = [event for event in orders_of(world.told) if event.is_fill]
    assert [(it.last_qty, it.last_price) for it in trades] == [
        (it.quantity, it.price) for it in world.engine.account(world.uid).fills[2:]
    ]
    assert not any(event.recovered for event in trades)


def trade(number, executed, *, avg="100.00000000", value=None, status="PARTIALLY_FILLED", **fields):
    row = {"s": BTC, "i": 7, "S": "BUY", "o": "MARKET", "x": "TRADE", "X": status, "q": "10"}
    row |= {"td": number, "z": executed, "ap": avg, "T": 1_790_000_000_000 + int(number or 0)}
    row |= {} if value is None else {"tv": value}
    (event,) = CHANNELS[0].read({"e": "ORDER_TRADE_UPDATE", "o": row | fields})
    return event


def taken(*events):
    """Take trades of one order of which nothing was known."""
    recovery = Recovery(Swap(Desk(None, "")))
    told = [recovery.take(event) for event in events]
    return [event and (event.last_qty, event.last_price) for event in told]


def test_a_price_is_told_with_the_digits_that_are_certain():
    """The exchange rounds the value of a trade; a mean price says more, as long as it can."""
    assert taken(trade(1, "0.00100000", avg="112848.10000000", value="112.8")) == [
        (D("0.001"), D("112848.1"))
    ]
    first = trade(1, "1.00000000", avg="100.00000000", value="100.0")
    second = trade(2, "3.00000000", avg="100.33333333", value="201.0")
    assert taken(first, second)[1] == (2, D("100.5"))
    third = trade(3, "3.00100000", avg="100.33", value="0.1")
    assert taken(first, second, third)[2] == (D("0.001"), None)
    limit = {"o": "LIMIT", "p": "100.0"}
    rests = trade(2, "1.001", avg="100.0", value="0.1", **limit)
    assert taken(trade(1, "1.0", avg="100.0", value="100.0", **limit), rests)[1] == (
        D("0.001"),
        100,
    )
    assert taken(first, trade(2, "3.0", avg="0"))[1] == (2, None)


def test_a_quantity_that_cannot_be_worked_out_is_not_told():
    """The first event that is seen of an order need not be its first trade."""
    assert taken(trade(2, "3.0", avg="100.5", value="100.9")) == [(None, None)]
    assert taken(trade(2, "3.0", avg="100.5", value="301.5")) == [(3, D("100.5"))]
    late = [trade(2, "3.0", avg="101", value="203.0"), trade(1, "1.0", avg="100", value="100.0")]
    assert taken(*late) == [(None, None), (1, 100)]
    assert taken(trade(1, None)) == [(None, None)]


def test_a_trade_without_a_number_is_known_by_its_quantity():
    """Older events have none."""
    event = trade(0, "1.0", value="100.0")
    assert taken(event, event, trade(0, "3.0", value="200.0"), trade(5, "3.0")) == [
        (1, 100),
        None,
        (2, 100),
        None,
    ]
    assert taken(trade(0, None), trade(0, None)) == [(None, None), (None, None)]


def test_repeated_events_are_told_once():
    """Trades by their numbers, and changes by all that they say."""
    one = trade(1, "1.0", value="100.0")
    assert taken(one, one) == [(1, 100), None]
    new = trade(0, "0", avg="0", x="NEW", X="NEW")
    amended = trade(0, "0", avg="0", x="NEW", X="NEW", q="11")
    assert taken(new, new, amended) == [(None, None), None, (None, None)]


def test_late_events_do_not_bring_an_order_back():
    """What an order was before is no news."""
    end = trade(2, "10.0", status="FILLED", value="900.0")
    recovery = Recovery(Swap(Desk(None, "")))
    late = trade(1, "1.0", value="100.0")
    assert recovery.take(end) is not None
    assert recovery.take(late).status == OrderStatus.FILLED
    assert recovery.take(trade(0, "1.0", x="NEW", X="PARTIALLY_FILLED")) is None
    other = Recovery(Swap(Desk(None, "")))
    other.take(late)
    assert other.take(trade(0, "0", x="NEW", X="NEW")) is None
    assert other.take(trade(0, "1.0", x="CANCELED", X="CANCELED")) is not None


@in_a_world
async def test_account_and_leverage_events_pass(world):
    """Snapshots as well; they say how things stand."""
    recovery: Protocol = world.recovery
    for event in (
        AccountEvent(AccountReason.SNAPSHOT, [BalanceUpdate("USDT", D(5))], [], START),
        AccountEvent(AccountReason.ORDER),
        LeverageEvent(BTC, 5, 5, None, START + OVERLAP),
        LeverageEvent(BTC),
    ):
        assert recovery.take(event) is event
    assert recovery._seen == START + OVERLAP


# --- what is fetched ------------------------------------------------------------------------


@in_a_world
async def test_what_was_missed_is_told(world):
    """Orders placed, filled and cancelled, oldest first, and what became of the account."""
    first = world.rest("0.3")
    world.hit("0.1")
    old = world.rest("0.2", 99_000)
    world.told.clear()
    world.lose()
    world.wait(30)
    world.hit("0.05")
    second = world.rest("0.2", 99_500)
    world.cancel(old)
    world.hit("0.15")
    events = await world.back()
    assert all(event.recovered for event in events)
    assert [
        (event.order_id, *rest)
        for event, rest in zip(orders_of(events), short(events), strict=True)
    ] == [
        (first, TRADE, P, D("0.15"), D("0.05")),
        (second, NEW, N, 0, None),
        (old, CANCELLED, OrderStatus.CANCELLED, 0, None),
        (first, TRADE, F, D("0.3"), D("0.15")),
    ]
    event, fill = orders_of(events)[3], world.fills[-1]
    assert (event.trade_id, event.last_price, event.time) == (fill.trade_id, fill.price, fill.time)
    assert (event.commission, event.commission_asset, event.quote_qty) == (
        -fill.fee,
        "USDT",
        fill.quote,
    )
    assert (event.symbol, event.side, event.type, event.position_side) == (BTC, BUY, "LIMIT", LONG)
    assert (event.orig_qty, event.price, event.avg_price) == (D("0.3"), 100_000, 100_000)
    assert event.stop_guaranteed is None
    (account,) = accounts_of(events)
    assert events[-1] is account
    assert account.reason == AccountReason.SNAPSHOT
    assert [update.position_amt for update in account.positions] == [D("0.3")]
    assert account.positions[0].margin_type == "CROSSED"
    assert [it.wallet_balance for it in account.balances] == [
        world.exchange.account("alice").balance
    ]
    world.cancel(second)
    assert short(world.told[-1:])[0][0] == CANCELLED
    assert await world.back() == []


@in_a_world
async def test_a_quiet_gap_takes_few_requests(world):
    """The trades of a contract are asked for only where something is missing."""
    world.rest("0.3")
    world.rest("0.3", 2_900, symbol=ETH)
    world.hit("0.1")
    world.desk.asked.clear()
    assert await world.back() == []
    quiet = ["server_time", "open_orders", "full_orders", "positions", "balances"]
    assert sorted(world.desk.asked) == sorted(quiet)
    world.lose()
    world.hit("0.1")
    world.desk.asked.clear()
    await world.back()
    assert sorted(world.desk.asked) == sorted([*quiet, "server_time", "fill_history"])


@in_a_world
async def test_what_comes_on_both_roads_is_told_once(world):
    """While it is fetched, the new connection tells of the same trades, and of later ones."""
    order = world.rest("0.4")
    world.lose()
    world.hit("0.1")
    world.desk.meanwhile = {
        "before open_orders": lambda: world.hit("0.05"),
        "after full_orders": lambda: world.hit("0.05"),
        "after fill_history": lambda: (world.hit("0.05"), world.cancel(order)),
    }
    world.on_the_way, world.waiting = [], []
    await world.open(world.recovery.catch_up)
    assert world.told_fills() == [fill.trade_id for fill in world.fills]
    assert short(world.told)[1:] == [
        (TRADE, P, D("0.1"), D("0.1")),
        (TRADE, P, D("0.15"), D("0.05")),
        (TRADE, P, D("0.2"), D("0.05")),
        (TRADE, P, D("0.25"), D("0.05")),
        (CANCELLED, OrderStatus.CANCELLED, D("0.25"), None),
    ]
    assert await world.back() == []


@in_a_world
async def test_the_end_of_an_order_is_told_once(world):
    """Whether the order, or its last trade, said so first."""
    orders = [world.rest("0.2"), world.rest("0.1", 99_000), world.rest("0.1", 98_000)]
    world.wait(100)
    world.lose()
    world.hit("0.1")
    world.desk.meanwhile = {
        "before server_time": lambda: world.cancel(world.rest("0.1")),
        "before open_orders": lambda: world.cancel(orders[1]),
        "after full_orders": lambda: (world.hit("0.1"), world.cancel(orders[2])),
    }
    events = await world.back()
    ends = [(it.order_id, it.recovered) for it in orders_of(events) if it.status.is_final]
    assert ends[1:] == [(orders[1], True), (orders[0], True), (orders[2], False)]
    assert short(events[1:3]) == [(NEW, N, 0, None), (CANCELLED, OrderStatus.CANCELLED, 0, None)]
    world.desk.asked.clear()
    assert await world.back() == []
    assert "order" not in world.desk.asked


@in_a_world
async def test_the_later_of_two_answers_counts(world):
    """The open orders may be older than the list of all orders."""
    world.lose()
    order = world.rest("0.2")

    def hit():
        world.hit("0.1")
        world.cancel(order)
        world.waiting.clear()

    world.desk.meanwhile = {"after open_orders": hit}
    assert short(await world.back()) == [
        (NEW, N, 0, None),
        (TRADE, P, D("0.1"), D("0.1")),
        (CANCELLED, OrderStatus.CANCELLED, D("0.1"), None),
    ]


@in_a_world
async def test_it_may_be_asked_while_the_stream_goes_on(world):
    """Nothing is told twice, or lost, if messages come meanwhile."""
    world.rest("0.5")
    world.desk.meanwhile = {
        f"{when} {method}": lambda: (world.hit("0.05"), world.place(world.uid, BUY, "0.01"))
        for when in ("before", "after")
        for method in ("open_orders", "full_orders", "balances", "fill_history")
    }
    for _ in range(3):
        world.told += await world.recovery.catch_up()
    assert sorted(world.told_fills()) == [fill.trade_id for fill in world.fills]
    assert not any(event.recovered for event in orders_of(world.told) if event.is_fill)
    late = world.send = Late()
    world.place(world.uid, BUY, "0.01")
    world.desk.meanwhile["before fill_history"] = lambda: [world.hear(it) for it in late]
    world.told += await world.recovery.catch_up()
    assert sorted(world.told_fills()) == [fill.trade_id for fill in world.fills]


@in_a_world
async def test_a_change_that_was_fetched_is_not_told_by_the_stream_again(world):
    """It waits on the new connection; what changes later is told."""
    world.lose()
    made = []
    world.desk.meanwhile["before open_orders"] = lambda: made.append(world.rest("0.3"))
    events = await world.back()
    assert short(events) == [(NEW, N, 0, None)]
    world.wait()
    world.engine.amend(world.uid, D("0.4"), world.exchange.now(), order_id=made[0])
    world.engine.amend(world.uid, D("0.3"), world.exchange.now() + OVERLAP, order_id=made[0])
    assert [event.orig_qty for event in orders_of(world.told)] == [D("0.3"), D("0.4"), D("0.3")]


@pytest.mark.parametrize("moment", ["before open_orders", "after open_orders", "after balances"])
def test_a_trade_while_it_begins_is_told_once(moment):
    """Whether the exchange's answer knows of it or not; the stream has it."""

    async def main():
        world = World()
        world.rest("0.3")
        world.hit("0.1")
        world.desk.meanwhile[moment] = lambda: world.hit("0.1")
        await world.begin()
        world.hit("0.1")
        assert world.told_fills() == [fill.trade_id for fill in world.fills[1:]]
        assert await world.back() == []

    run(main())


def test_what_was_before_the_beginning_is_not_told():
    """Neither by the stream, where it comes late, nor by the histories."""

    async def main():
        world = World()
        order = world.rest("0.3")
        late = []
        world.send = late.append
        world.hit("0.1")
        del world.send
        world.wait(1)
        await world.begin()
        for message in late:
            world.hear(message)
        assert orders_of(world.told) == []
        world.hit("0.05")
        world.lose()
        world.hit("0.05")
        assert short(await world.back()) == [(TRADE, P, D("0.2"), D("0.05"))]
        world.cancel(order)

    run(main())


def test_an_order_that_ends_while_it_begins_is_told_of():
    """It was placed before, and is not open any more when that is asked."""

    async def main():
        world = World()
        world.rest("0.3")
        world.hit("0.1")
        cancelled = world.rest("0.1", 99_000)
        world.wait(1)

        def end():
            world.hit("0.2")
            world.cancel(cancelled)
            world.on_the_way.clear()
            world.waiting.clear()

        world.desk.meanwhile["before open_orders"] = end
        await world.begin()
        assert short(await world.back()) == [
            (TRADE, F, D("0.3"), D("0.2")),
            (CANCELLED, OrderStatus.CANCELLED, 0, None),
        ]
        assert await world.back() == []

    run(main())


def test_an_order_that_is_placed_while_it_begins_is_told_of():
    """All of it, though it is among the open orders already."""

    async def main():
        world = World()

        def place():
            world.rest("0.3")
            world.hit("0.1")
            world.on_the_way.clear()
            world.waiting.clear()

        world.desk.meanwhile["before open_orders"] = place
        await world.begin()
        assert short(await world.back()) == [(NEW, N, 0, None), (TRADE, P, D("0.1"), D("0.1"))]

    run(main())


@in_a_world
async def test_a_history_that_lags_behind_is_asked_again(world):
    """What an order has filled must be the sum of its trades."""
    order = world.rest("0.3")
    world.lose()
    world.hit("0.1")
    world.hit("0.1")
    world.cancel(order)
    world.desk.lag = timedelta(seconds=0.5)

    def pass_time():
        world.wait(0.3)
        world.desk.meanwhile["after fill_history"] = pass_time

    world.desk.meanwhile["after fill_history"] = pass_time
    assert short(await world.back()) == [
        (TRADE, P, D("0.1"), D("0.1")),
        (TRADE, P, D("0.2"), D("0.1")),
        (CANCELLED, OrderStatus.CANCELLED, D("0.2"), None),
    ]
    assert world.desk.asked.count("fill_history") == 3


@in_a_world
async def test_a_trade_that_the_history_lacks_is_told_after_the_next_gap(world):
    """However long that takes, and even if the order is long gone; but not twice."""
    order = world.rest("0.3")
    world.hit("0.05")
    world.lose()
    world.hit("0.1")
    world.hit("0.1")
    world.cancel(order)
    world.desk.lag = timedelta(seconds=30)
    assert short(await world.back()) == [(CANCELLED, OrderStatus.CANCELLED, D("0.25"), None)]
    assert world.desk.asked.count("fill_history") == 4
    world.wait(3600)
    for _ in range(3):
        world.rest("0.01")
        world.hit("0.01")
        world.wait(600)
    count = len(world.recovery._orders)
    assert count == 2
    events = await world.back()
    assert short(events) == [
        (TRADE, OrderStatus.CANCELLED, D("0.15"), D("0.1")),
        (TRADE, OrderStatus.CANCELLED, D("0.25"), D("0.1")),
    ]
    assert sorted(world.told_fills()) == [fill.trade_id for fill in world.fills]
    world.wait(600)
    assert await world.back() == []


@in_a_world
async def test_a_late_trade_is_told_by_whoever_knows_of_it_first(world):
    """Here the stream tells of the second trade before the history knows of the first one."""
    world.rest("0.3")
    world.lose()
    world.hit("0.1")
    world.desk.lag = timedelta(seconds=30)
    world.desk.meanwhile["after server_time"] = lambda: world.hit("0.2")
    assert short(await world.back()) == [(TRADE, F, D("0.3"), None)]
    world.wait(60)
    assert short(await world.back()) == [(TRADE, F, D("0.1"), D("0.1"))]
    assert await world.back() == []


@in_a_world
async def test_what_the_exchange_gives_up_on_is_given_up(world):
    """A trade that no history has is not looked for after a week."""
    order = world.rest("0.3")
    world.lose()
    world.hit("0.3")
    world.desk.lag = timedelta(days=30)
    assert short(await world.back()) == []
    assert order in world.recovery._orders
    world.wait(5 * 86_400)
    world.place(world.uid, BUY, "0.01")
    assert order in world.recovery._owed
    await world.back()
    assert order in world.recovery._owed
    world.wait(3 * 86_400)
    await world.back()
    assert order not in world.recovery._orders
    assert world.recovery._owed == {}


@in_a_world
async def test_an_order_of_which_nobody_knew_is_told_after_the_next_gap(world):
    """The list of orders may lag behind as well as that of trades."""
    world.place(world.uid, BUY, "0.01")
    world.lose()
    order = world.place(world.uid, BUY, "0.01")
    world.desk.order_lag = world.desk.lag = timedelta(seconds=5)
    assert orders_of(await world.back()) == []
    world.wait(200)
    for _ in range(3):
        world.place(world.uid, BUY, "0.02")
        world.wait(200)
    events = orders_of(await world.back())
    assert [(event.order_id, event.execution_type) for event in events] == [
        (order, NEW),
        (order, TRADE),
    ]
    assert await world.back() == []
    assert sorted(world.told_fills()) == [fill.trade_id for fill in world.fills]


@pytest.mark.parametrize("rests", [False, True])
def test_an_order_that_came_on_the_new_connection_is_not_told_after_the_next_gap(rests):
    """Though the list of orders did not have it yet, and it is long forgotten."""

    async def main():
        world = await World().begin()
        world.lose()
        if rests:
            world.desk.hidden = {world.rest("0.1")}
        else:
            world.desk.order_lag = world.desk.lag = timedelta(seconds=5)
            world.desk.meanwhile["before server_time"] = lambda: world.place(world.uid, BUY, "0.01")
        await world.back()
        if rests:
            world.wait(100)
            world.hit("0.1")
        assert world.told_fills() == [world.fills[0].trade_id]
        world.desk.hidden = set()
        for _ in range(3):
            world.wait(200)
            world.place(world.uid, BUY, "0.02")
        assert list(world.recovery._orders) == [world.fills[-1].order_id]
        assert orders_of(await world.back()) == []
        assert world.told_fills() == [fill.trade_id for fill in world.fills]

    run(main())


@in_a_world
async def test_trades_that_are_asked_for_again_are_told_once(world):
    """Of another order a trade is missing, from a time that is forgotten otherwise."""
    world.rest("0.5")
    world.hit("0.01")
    world.place(world.uid, BUY, "0.4")  # whose last message is lost
    on_the_way, world.on_the_way = world.on_the_way, None
    lost = world.place(world.uid, BUY, "0.01")
    world.on_the_way = on_the_way
    world.recovery.take(evolve(orders_of(world.told)[0], order_id=lost, time=world.exchange.now()))
    for _ in range(3):
        world.wait(200)
        world.hit("0.01")
    events = orders_of(await world.back())
    assert [(event.order_id, event.is_fill) for event in events] == [(lost, True)]


@in_a_world
async def test_nothing_is_noted_when_a_request_fails(world):
    """All is fetched again, and nothing is told twice."""
    world.rest("0.3")
    world.lose()
    world.hit("0.1")
    for method in (
        "server_time",
        "open_orders",
        "positions",
        "balances",
        "full_orders",
        "fill_history",
    ):
        world.desk.failures = {method: Unavailable("busy", code=100500)}
        with pytest.raises(Unavailable):
            await world.recovery.catch_up()
    world.desk.failures = {}
    events = await world.back()
    assert short(events) == [(TRADE, P, D("0.1"), D("0.1"))]
    assert len(accounts_of(events)) == 1


@in_a_world
async def test_an_order_that_the_exchange_does_not_know_any_more_is_passed_over(world):
    """Others are told of all the same; an unclear answer is no answer."""
    order = world.rest("0.3")
    other = world.rest("0.3", 99_000)
    world.lose()
    world.hit("0.1")
    world.cancel(order)
    world.cancel(other)
    world.desk.hidden = {order}
    world.desk.failures = {"order": OutcomeUnknown("lost")}
    world.wait(3600)
    with pytest.raises(OutcomeUnknown):
        await world.recovery.catch_up()
    world.desk.failures = {}
    assert short(await world.back()) == [
        (TRADE, P, D("0.1"), D("0.1")),
        (CANCELLED, OrderStatus.CANCELLED, 0, None),
    ]
    world.desk.asked.clear()
    assert await world.back() == []
    assert "order" not in world.desk.asked
    late = trade(5, "0.1", i=order, value="100.0")
    assert world.recovery.take(late).status == P  # how it ended, nobody has said


@in_a_world
async def test_trades_of_orders_that_nobody_lists_are_told(world):
    """Such as those of a liquidation; the position says that there was something."""
    world.place(world.uid, BUY, "0.2")
    world.lose()
    order = world.place(world.uid, SELL, "0.2", position_side=LONG)
    world.desk.hidden = {order}
    events = await world.back()
    trades = [fill for fill in world.fills if fill.order_id == order]
    assert [event.trade_id for event in orders_of(events)] == [fill.trade_id for fill in trades]
    assert sum(event.last_qty for event in orders_of(events)) == D("0.2")
    (account,) = accounts_of(events)
    assert account.positions == [PositionUpdate(BTC, LONG, D(0))]
    assert await world.back() == []
    world.lose()
    order = world.place(world.uid, BUY, "0.1")
    real, world.engine.account(world.uid).orders[:] = (
        list(world.engine.account(world.uid).orders),
        [],
    )
    events = await world.back()
    assert short(events)[0][0] == NEW
    assert sum(event.last_qty or 0 for event in orders_of(events)) == D("0.1")
    assert real


@pytest.mark.parametrize("shift", [0, 1_000_000])
def test_the_stream_and_the_history_may_number_trades_differently(shift):
    """Nothing says that they do not; a trade is told once all the same."""

    async def main():
        world = await World().begin()
        world.desk.shift = shift
        world.rest("0.5")
        world.hit("0.1")
        world.hit("0.1")
        world.lose()
        world.hit("0.1")
        world.desk.meanwhile["before open_orders"] = lambda: world.hit("0.1")
        events = await world.back()
        assert short(events) == [
            (TRADE, P, D("0.3"), D("0.1")),
            (TRADE, P, D("0.4"), D("0.1")),
        ]
        world.hit("0.1")
        assert short(world.told[-2:]) == [(TRADE, F, D("0.5"), D("0.1"))]
        world.place(world.uid, BUY, "0.01")
        assert await world.back() == []

    run(main())


def test_trades_without_numbers_are_told_once():
    """They are known by quantity and moment, to the second where the history says no more."""
    moment = START.replace(microsecond=123_000)
    rows = [
        Fill(BTC, 7, D(100), D(2), START),
        Fill(BTC, 7, D(100), D(1), START, trade_id="x9"),
        Fill(BTC, 7, D(100), D(3), START, trade_id="1790"),
    ]
    ledger = OrderLedger(base=trade(0, "0", x="NEW", X="NEW"), whole_at=START, placed=START)
    assert ledger.take_fill(trade(5, "3.0", value="300.0"), moment) is not None
    reckoning = ledger.reckon(rows, begun=START)
    assert [fill.qty for fill, _ in reckoning.untold] == [2, 1]
    events = ledger.recover(reckoning, None, START, is_new=False)
    assert [event.trade_id for event in events] == [None, None]
    assert ledger.reckon(rows, begun=START).untold == []


def test_trades_of_an_incomplete_history_are_counted_when_it_is_complete():
    """Until then nobody knows which of them are missing, and nothing is taken for another."""
    placed = trade(0, "0", x="NEW", X="NEW")
    ledger = OrderLedger(base=placed, whole_at=START, placed=START)
    first, second, third = (
        Fill(BTC, 7, D(100), D(1), START, trade_id=str(number)) for number in (11, 12, 13)
    )

    def row(executed):
        return Order(BTC, 7, BUY, LONG, OrderType.MARKET, orig_qty=D(10), executed_qty=D(executed))

    def recovered(fills, executed):
        reckoning = ledger.reckon(fills, begun=START)
        events = ledger.recover(reckoning, row(executed), START, is_new=False)
        return [(event.trade_id, event.executed_qty) for event in events]

    assert recovered([second], 2) == [(12, 1)]
    assert not ledger.is_whole
    assert ledger.take_fill(trade(11, "1.0", value="100.0"), START) is not None
    assert recovered([first, second], 2) == []
    assert ledger.is_whole
    assert recovered([first, second, third], 3) == [(13, 3)]


def test_a_trade_of_unknown_quantity_is_known_by_its_value():
    """If the stream and the history number it differently, and trades are missing before it."""
    ledger = OrderLedger(base=trade(0, "0", x="NEW", X="NEW"), whole_at=START, placed=START)
    told = ledger.take_fill(trade(5, "3.0", value="100.0"), START)
    assert told is not None
    assert told.last_qty is None
    rows = [
        Fill(BTC, 7, D(100), D(2), START, trade_id="1001"),
        Fill(BTC, 7, D(100), D(1), START, trade_id="1002"),
    ]
    reckoning = ledger.reckon(rows, begun=START)
    assert [fill.qty for fill, _ in reckoning.untold] == [2]
    assert reckoning.total.qty == 3
    ledger.recover(reckoning, None, START, is_new=False)
    twin = Fill(BTC, 7, D(100), D(2), START, trade_id="1003")  # but not one of the other
    assert [fill for fill, _ in ledger.reckon([rows[1], twin], begun=START).untold] == [twin]


@in_a_world
async def test_a_message_that_the_stream_lost_is_found(world):
    """The quantities do not add up, so the trades are asked for, however long ago it was."""
    world.rest("0.5")
    world.hit("0.1")
    on_the_way, world.on_the_way = world.on_the_way, None
    world.hit("0.1")
    world.on_the_way = on_the_way
    world.hit("0.1")
    assert short(world.told)[-1] == (TRADE, P, D("0.3"), None)
    world.wait(7200)
    world.hit("0.1")
    assert short(world.told)[-1] == (TRADE, P, D("0.4"), D("0.1"))
    world.wait(7200)
    assert short(await world.back()) == [(TRADE, P, D("0.2"), D("0.1"))]
    world.hit("0.1")
    assert short(world.told)[-1] == (TRADE, F, D("0.5"), D("0.1"))
    assert await world.back() == []


@in_a_world
async def test_orders_that_were_amended_or_failed_meanwhile_are_told_of(world):
    """An order that fails has expired; one whose quantity was changed is told as new."""
    order = world.rest("0.3")
    world.hit("0.1")
    world.lose()
    world.wait()
    world.engine.amend(world.uid, D("0.2"), world.exchange.now(), order_id=order)
    (event,) = orders_of(await world.back())
    assert (event.execution_type, event.status, event.orig_qty) == (NEW, P, D("0.2"))
    world.lose()
    world.wait()
    record = world.engine.orders[order]
    world.engine.state.finish(record, OrderStatus.FAILED, "")
    (event,) = orders_of(await world.back())
    assert (event.execution_type, event.status) == (EXPIRED, OrderStatus.FAILED)


@in_a_world
async def test_positions_and_balances_are_compared_as_far_as_they_are_known(world):
    """Rounding is no change, and a net position has a sign."""
    world.place(world.uid, SELL, "0.2")
    recovery = world.recovery
    held = recovery._positions[BTC, SHORT]
    (row,) = await Swap(world.desk).positions()
    assert _Account.of([evolve(row, position_amt=D(0))], []).positions == {}
    both = PositionUpdate(BTC, PositionSide.BOTH, D("-0.2"), held.avg_price)
    recovery.take(AccountEvent(AccountReason.ORDER, [], [both]))
    assert await world.back() == []
    recovery.take(AccountEvent(AccountReason.ORDER, [], [evolve(both, position_amt=D(0))]))
    assert [it.position_amt for it in accounts_of(await world.back())[0].positions] == [D("0.2")]
    recovery.take(AccountEvent(AccountReason.ORDER, [], [evolve(held, position_amt=D(0))]))
    recovery.take(AccountEvent(AccountReason.ORDER, [BalanceUpdate("USDT", D(1))]))
    (event,) = accounts_of(await world.back())
    assert (len(event.balances), len(event.positions)) == (1, 1)
    del recovery._balances["USDT"]
    assert len(accounts_of(await world.back())[0].balances) == 1
    recovery.take(
        AccountEvent(AccountReason.ORDER, [BalanceUpdate("USDT", D(1))], [], START + 10 * OVERLAP)
    )
    assert await world.back() == []  # the stream knows better


@in_a_world
async def test_memory_does_not_grow(world):
    """What nobody can ask for again is forgotten, as time goes on."""
    rests = world.rest("50", 100_000)
    for hour in range(40):
        for _ in range(3):
            world.hit("0.01")
        order = world.rest("0.01", 99_000)
        world.cancel(order)
        world.place(world.uid, BUY, "0.01", 2_999, symbol=ETH, time_in_force=TimeInForce.IOC)
        world.wait(150)
        if hour % 15 == 0:
            assert await world.back() == []
    recovery = world.recovery
    assert len(recovery._orders) <= 4
    assert len(recovery._orders[rests].fills) <= 4
    assert len(recovery._ended) <= 4
    assert len(recovery._looked) <= 8
    assert len(recovery._owed) == 0


def test_orders_with_missing_trades_are_forgotten_when_there_are_too_many(monkeypatch):
    """The oldest first."""
    monkeypatch.setattr("bingx_async.swap.recovery._MOST_OWED", 2)
    recovery = Recovery(Swap(Desk(None, "")))
    for number in range(1, 6):
        recovery.take(trade(number * 200_000, "3.0", status="FILLED", value="1.0", i=number))
    assert list(recovery._owed) == [3, 4]
    assert list(recovery._orders) == [3, 4, 5]


def test_it_is_logged_when_trades_stay_missing(caplog):
    """By the numbers of their orders."""
    caplog.set_level(logging.WARNING, logger="bingx_async")

    async def main():
        world = await World().begin()
        order = world.rest("0.3")
        world.lose()
        world.hit("0.1")
        world.desk.lag = timedelta(days=1)
        await world.back()
        assert f"the history lacks trades of the orders [{order}]" in caplog.text

    run(main())

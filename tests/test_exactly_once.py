"""Facts about placing orders exactly once."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections import defaultdict
from decimal import Decimal

import pytest
from attrs import define, evolve, field

from bingx_async import (
    BingX,
    InvalidRequest,
    IpGroup,
    NotSent,
    OutcomeUnknown,
    Quota,
    QuotaTimeout,
    Rejected,
)
from bingx_async.converter import converter
from bingx_async.emulator import Emulator, Faults, uniform
from bingx_async.errors import DecodeError, api_error
from bingx_async.swap import NewOrder, Order, OrderSide, OrderType, PositionSide
from bingx_async.swap.exactly_once import ExactlyOnce
from bingx_async.swap.models.orders import FailedOrder, PlacedOrders
from tests import virtual

ORDER = NewOrder(
    symbol="BTC-USDT",
    side=OrderSide.BUY,
    type=OrderType.LIMIT,
    position_side=PositionSide.LONG,
    quantity=Decimal("0.01"),
    price=Decimal(90_000),
)
LOST = OutcomeUnknown("the connection failed")
NO_ORDER = 109421
DUPLICATE = 101481


@define
class Exchange:
    """
    A caller that keeps orders by their ids, and does with each request what the script says.

    Attributes:
        script: For each placing: ``"ok"``, ``"lost"`` (before it was executed), ``"unheard"``
            (after), ``"late"`` (executed when the next request comes), or an error to raise.
        hidden: How many looks do not see the orders yet.
        asked: What was called.
    """

    script: list[object]
    hidden: int = 0
    book: dict[str, Order] = field(factory=dict)
    late: list[NewOrder] = field(factory=list)
    asked: list[str] = field(factory=list)
    failures: list[Exception] = field(factory=list)

    def execute(self, order) -> Order:
        name = order.client_order_id.lower()
        if name in self.book:
            raise api_error(DUPLICATE, "clientOrderID cannot be repeated")
        self.book[name] = Order(
            order.symbol,
            7_000_000_000_000_000_000 + len(self.book),
            order.side,
            order.position_side or PositionSide.BOTH,
            order.type,
            client_order_id=name,
            orig_qty=order.quantity,
            price=order.price,
        )
        return self.book[name]

    def place(self, orders):
        act = self.script.pop(0) if self.script else "ok"
        if isinstance(act, Exception):
            raise act
        if act == "late":
            self.late += orders
        rows = []
        for order in orders if act in {"ok", "unheard"} else ():
            try:
                rows.append(self.execute(order))
            except InvalidRequest as exc:
                rows.append(
                    FailedOrder(exc.code, exc.message, client_order_id=order.client_order_id)
                )
        if act != "ok":
            raise LOST
        return rows

    async def call(self, endpoint, params):
        name = endpoint.name.removeprefix("swap.")
        self.asked.append(name)
        if name == "order":
            if self.failures:
                raise self.failures.pop(0)
            if self.hidden or params.client_order_id not in self.book:
                self.hidden = max(0, self.hidden - 1)
                raise api_error(NO_ORDER, "order not exist")
            return self.book[params.client_order_id]
        late, self.late = self.late, []
        for order in late:
            self.execute(order)
        if name == "place_orders":
            rows = self.place(params.batch_orders)
            return PlacedOrders(
                [row for row in rows if isinstance(row, Order)],
                [row for row in rows if isinstance(row, FailedOrder)],
            )
        (row,) = self.place([params])
        if isinstance(row, FailedOrder):
            raise row.error
        return row


def once(exchange, order=ORDER, **options):
    return virtual.run(ExactlyOnce(exchange).place_order_once(order, **options))


def test_an_order_without_an_id_is_given_one():
    """One request, if all goes well."""
    exchange = Exchange(["ok"])
    placed = once(exchange)
    assert exchange.asked == ["place_order"]
    assert list(exchange.book) == [placed.client_order_id]
    assert len(placed.client_order_id) == 32


def test_an_order_with_an_id_is_looked_for_first():
    """An earlier life may have placed it; and it is not looked for if it is new."""
    order = evolve(ORDER, client_order_id="MINE-1")
    exchange = Exchange(["ok"])
    first = once(exchange, order)
    assert exchange.asked == ["order", "place_order"]
    assert once(exchange, order) is first
    assert exchange.asked == ["order", "place_order", "order"]
    once(exchange, evolve(order, client_order_id="mine-2"), is_new=True)
    assert exchange.asked[3:] == ["place_order"]
    assert len(exchange.book) == 2


@pytest.mark.parametrize("act", ["unheard", "lost", "late"])
@pytest.mark.parametrize("hidden", [0, 1, 2, 5])
def test_after_an_unknown_outcome_the_order_is_there_once(act, hidden):
    """Whether it had been executed, had not, is executed late, or shows late."""
    exchange = Exchange([act], hidden=hidden)
    placed = once(exchange)
    assert list(exchange.book.values()) == [placed]


def test_an_answer_that_cannot_be_read_is_an_unknown_outcome():
    """The order behind it was placed."""
    exchange = Exchange([DecodeError("not JSON"), "ok"])
    assert once(exchange) in exchange.book.values()


def test_a_refusal_is_raised_as_it_came():
    """The exchange said no; nothing was placed."""
    exchange = Exchange([Rejected("Insufficient margin", code=101204)])
    with pytest.raises(Rejected, match="Insufficient margin"):
        once(exchange)
    assert exchange.asked == ["place_order"]


@pytest.mark.parametrize(
    "error", [NotSent("x"), QuotaTimeout(endpoint="e", wait=2, max_wait=1, bucket="b")]
)
def test_what_was_never_sent_is_no_doubt(error):
    """The error says so."""
    exchange = Exchange([error])
    with pytest.raises(type(error)):
        once(exchange)
    assert not exchange.book


def test_a_refusal_after_a_doubt_is_not_the_last_word():
    """The first attempt may be why the second one was refused."""
    exchange = Exchange(["late", Rejected("Insufficient margin", code=101204)])
    assert once(exchange) in exchange.book.values()


def test_a_refusal_after_a_doubt_stands_when_nothing_can_arrive_any_more():
    """A request older than its window is not executed."""

    async def place():
        exchange = Exchange(["lost", Rejected("Insufficient margin", code=101204)])
        start = asyncio.get_running_loop().time()
        with pytest.raises(Rejected):
            await ExactlyOnce(exchange).place_order_once(ORDER)
        return exchange, asyncio.get_running_loop().time() - start

    exchange, seconds = virtual.run(place())
    assert 5 <= seconds < 20
    assert not exchange.book
    assert exchange.asked.count("place_order") == 2


def test_an_id_of_another_order_is_refused():
    """Its order is not ours."""
    order = evolve(ORDER, client_order_id="mine")
    exchange = Exchange([])
    exchange.execute(order)
    for other in (
        evolve(order, quantity=Decimal("0.02")),
        evolve(order, price=Decimal(90_001)),
        evolve(order, side=OrderSide.SELL),
        evolve(order, type=OrderType.MARKET),
    ):
        for is_new in (False, True):
            with pytest.raises(InvalidRequest, match="belongs to another order"):
                once(exchange, other, is_new=is_new)
    assert len(exchange.book) == 1


def test_only_types_that_take_an_id():
    """Without one nobody could tell."""
    exchange = Exchange([])
    stop = NewOrder(symbol="A-USDT", side=OrderSide.SELL, type=OrderType.STOP_MARKET)
    with pytest.raises(InvalidRequest, match="STOP_MARKET cannot be placed exactly once"):
        once(exchange, stop)
    assert not exchange.asked


def test_questions_end_with_patience():
    """The error names the id, and calling again with it finds out."""
    order = evolve(ORDER, client_order_id="mine")
    exchange = Exchange(["unheard"], failures=[LOST, NotSent("x")] * 10)
    with pytest.raises(OutcomeUnknown, match="'mine' may be on the book"):
        once(exchange, order, is_new=True, patience=0)
    exchange.failures.clear()
    assert once(exchange, order) in exchange.book.values()
    assert len(exchange.book) == 1


def test_a_look_that_is_refused_leaves_the_doubt():
    """A key without permission to read does not tell whether the order is there."""
    exchange = Exchange(["unheard"], failures=[api_error(100004, "no permission")])
    with pytest.raises(OutcomeUnknown, match="no permission"):
        once(exchange)


def batch_of(count):
    return [evolve(ORDER, client_order_id=f"n-{number}") for number in range(count)]


@pytest.mark.parametrize("seed", range(20))
def test_a_batch_is_settled_order_by_order(seed):
    """In the order in which they were given, through any storm."""
    draw = random.Random(seed)
    orders = batch_of(draw.randint(1, 17))
    script = draw.choices(["ok", "lost", "unheard", "late"], [4, 2, 2, 1], k=40)
    exchange = Exchange(script, hidden=draw.randint(0, 3))
    swap = ExactlyOnce(exchange)
    placed = virtual.run(swap.place_orders_once(orders, is_new=bool(draw.getrandbits(1))))
    assert [order.client_order_id for order in placed] == [o.client_order_id for o in orders]
    assert len(exchange.book) == len(orders)


def test_a_refused_row_does_not_touch_the_others():
    """It comes back as the error, in its place."""

    class Picky(Exchange):
        def execute(self, order):
            if order.client_order_id == "n-2":
                raise api_error(101400, "too small")
            return super().execute(order)

    exchange = Picky([])
    orders = batch_of(5)
    results = virtual.run(ExactlyOnce(exchange).place_orders_once(orders, is_new=True))
    assert [type(result) for result in results] == [Order, Order, InvalidRequest, Order, Order]
    assert exchange.asked == ["place_orders"]


def test_two_orders_of_one_id_are_refused():
    """Upper and lower case are the same id."""
    orders = [evolve(ORDER, client_order_id=name) for name in ("One", "oNE")]
    with pytest.raises(InvalidRequest, match="same client_order_id"):
        virtual.run(ExactlyOnce(Exchange([])).place_orders_once(orders))


# --- against the emulator -----------------------------------------------------------------------

# The address's quotas would make a thousand orders take half a minute; the accounts' stay.
WIDE = {group: IpGroup(total=(Quota(9000, 10.0),), each=(Quota(3000, 10.0),)) for group in (2, 3)}
STORM = Faults(
    way_in=uniform(0.0, 0.02),
    way_out=uniform(0.0, 0.02),
    dropped_before=0.10,
    dropped_after=0.10,
    failed=0.05,
)


def small(name, number):
    """An order far from the market, so that it rests, of a price of its own."""
    return evolve(
        ORDER,
        client_order_id=f"{name}-{number}",
        quantity=Decimal("0.0002"),
        price=Decimal(40_000 + number),
    )


def on_the_book(exchange, name):
    account = exchange.engine.account(exchange.account(name).uid)
    return [order.client_order_id for order in account.orders]


async def test_a_thousand_orders_in_a_storm_are_on_the_book_once_each():
    """A quarter of all requests goes wrong; none is lost, none doubled, no quota exceeded."""
    async with Emulator(faults=STORM, seed=11, groups=WIDE) as exchange:

        async def trade(name):
            singles = [small(f"{name}-s", number) for number in range(20)]
            batched = [small(f"{name}-b", number) for number in range(30)]
            async with exchange.client(name) as bingx:
                placed = await asyncio.gather(
                    *(bingx.swap.place_order_once(order, is_new=True) for order in singles)
                )
                placed += await bingx.swap.place_orders_once(batched, is_new=True)
            wanted = [order.client_order_id for order in singles + batched]
            assert [order.client_order_id for order in placed] == wanted
            assert sorted(on_the_book(exchange, name)) == sorted(wanted)
            return placed

        names = [f"trader-{number}" for number in range(20)]
        placed = await asyncio.gather(*map(trade, names))
        assert len({order.order_id for orders in placed for order in orders}) == 1000

        asked = [arrival.endpoint for arrival in exchange.ledger]
        assert not [arrival for arrival in exchange.ledger if arrival.refusal]
        # An eighth of the 400 and 120 sendings was not executed, a quarter was in doubt.
        assert asked.count("swap.place_order") > 410, "there was no storm"
        assert asked.count("swap.place_orders") > 120, "there was no storm"
        assert asked.count("swap.order") > 40, "nobody looked"
        for name in ("swap.place_order", "swap.place_orders", "swap.order"):
            quota = BingX.endpoints()[name].quota
            times = defaultdict(list)
            for arrival in exchange.ledger:
                if arrival.endpoint == name:
                    times[arrival.uid].append(arrival.time)
            worst = max(virtual.worst_window(sent, quota.period) for sent in times.values())
            assert worst <= quota.tokens


CHILD = """
import asyncio, json, sys
from bingx_async import BingX, Governor
from bingx_async.swap import NewOrder
from bingx_async.converter import converter

async def main():
    url, orders = json.load(sys.stdin)
    governor = Governor(limits={"swap.place_order": None, "swap.order": None})
    async with BingX.from_env(base_url=url, governor=governor) as bingx:
        for order in converter.structure(orders, list[NewOrder]):
            await bingx.swap.place_order_once(order)

asyncio.run(main())
"""


async def test_a_killed_process_goes_on_from_its_list():
    """SIGKILL in the middle, again and again: what was placed before is not placed twice."""
    orders = [small("k", number) for number in range(18)]
    limits = {"swap.place_order": None, "swap.order": None}
    async with Emulator(faults=STORM, seed=5, limits=limits) as exchange:
        alice = exchange.account("alice")
        environment = {
            **os.environ,
            "BINGX_API_KEY": alice.api_key,
            "BINGX_SECRET_KEY": alice.secret_key,
        }
        task = json.dumps([exchange.url, converter.unstructure(orders)], default=str)
        for life in range(3):
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-c", CHILD, stdin=subprocess.PIPE, env=environment
            )
            assert child.stdin is not None
            child.stdin.write(task.encode())
            child.stdin.close()
            if life < 2:
                while len(on_the_book(exchange, "alice")) < 6 * (life + 1):
                    assert child.returncode is None
                    await asyncio.sleep(0.002)
                child.send_signal(signal.SIGKILL)
            code = await child.wait()
            assert code == (0 if life == 2 else -signal.SIGKILL)
        assert sorted(on_the_book(exchange, "alice")) == sorted(
            order.client_order_id for order in orders
        )

"""Facts about the histories of USDT-M perpetual futures."""

import asyncio
import itertools
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from attrs import define, field, frozen

from bingx_async.endpoint import endpoints_of
from bingx_async.errors import InvalidRequest
from bingx_async.swap.histories import Histories
from bingx_async.swap.models.account import Income, IncomeType
from bingx_async.swap.models.common import OrderSide, OrderType, PositionSide
from bingx_async.swap.models.market import Interval, Kline, ServerTime
from bingx_async.swap.models.orders import Fill, FillPage, Order
from bingx_async.swap.models.positions import ClosedPosition
from tests import virtual

DAY = 86_400_000
START = 1_700_000_000_000
ONE = Decimal(1)
SYMBOL = "BTC-USDT"


def moment(ms):
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)


def order(number, at):
    return Order(
        symbol=SYMBOL,
        order_id=number,
        side=OrderSide.BUY,
        position_side=PositionSide.LONG,
        type=OrderType.LIMIT,
        time=moment(at),
        update_time=moment(at + 3 * DAY),
    )


def fill(number, at):
    # The two orders of a trade may both be one's own, so its number alone tells nothing apart.
    return Fill(
        symbol=SYMBOL,
        order_id=number,
        price=ONE,
        qty=ONE,
        filled_time=moment(at),
        trade_id=str(number // 2),
    )


def movement(number, at):
    # Nothing but the amount tells movements of one moment apart.
    return Income(
        income_type=IncomeType.TRADING_FEE, income=Decimal(number), asset="USDT", time=moment(at)
    )


def position(number, at):
    return ClosedPosition(
        symbol=SYMBOL,
        position_id=number,
        position_side=PositionSide.LONG,
        isolated=False,
        leverage=5,
        position_amt=ONE,
        close_position_amt=ONE,
        avg_price=ONE,
        avg_close_price=ONE,
        realised_profit=ONE,
        net_profit=ONE,
        open_time=moment(at - 40 * DAY),
        close_time=moment(at) if number % 2 else None,
        update_time=moment(at),
    )


def kline(number, at):
    return Kline(
        open=ONE, close=ONE, high=ONE, low=ONE, volume=Decimal(number % 10), time=moment(at)
    )


@frozen
class Kind:
    """
    One history.

    Attributes:
        read: The method under test, by a section, the first moment and the last.
        endpoint: What it calls.
        make: Makes a row of a number and a millisecond.
        most: What one answer holds, as documented.
        days: What one answer covers, as documented.
    """

    read: Callable[..., Any]
    endpoint: str
    make: Callable[[int, int], Any]
    most: int
    days: float


ORDERS = Kind(
    lambda s, start, end: s.orders_between(SYMBOL, start, end), "full_orders", order, 1000, 7
)
FILLS = Kind(
    lambda s, start, end: s.fills_between(SYMBOL, start, end), "fill_history", fill, 1000, 7
)
INCOME = Kind(lambda s, start, end: s.income_between(start, end), "income", movement, 1000, 7)
POSITIONS = Kind(
    lambda s, start, end: s.positions_between(SYMBOL, start, end),
    "position_history",
    position,
    100,
    89,
)
KLINES = Kind(
    lambda s, start, end: s.klines_between(SYMBOL, Interval.MINUTE_1, start, end),
    "klines",
    kline,
    1440,
    1,
)
MONTHS = Kind(
    lambda s, start, end: s.klines_between(SYMBOL, Interval.MONTH_1, start, end),
    "klines",
    kline,
    1440,
    1440 * 28,
)
KINDS = [ORDERS, FILLS, INCOME, POSITIONS, KLINES]
HABITS = list(itertools.product([True, False], repeat=4))
parametrize_kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.endpoint)


@define
class Exchange:
    """A caller that answers as an exchange may do, and notes what it is asked."""

    kind: Kind
    times: list[int]
    includes_start: bool = True
    includes_end: bool = True
    newest_first: bool = False
    keeps_newest: bool = False
    rows: list[Any] = field(init=False)
    clock: int = START
    asked: list[dict[str, Any]] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.rows = [self.kind.make(number, at) for number, at in enumerate(self.times)]

    async def call(self, endpoint, params):
        if endpoint.name == "swap.server_time":
            return ServerTime(moment(self.clock))
        assert endpoint is endpoints_of(Histories)[self.kind.endpoint]
        if endpoint.check is not None:
            endpoint.check(params)
        sent = endpoint.unstructure(params)
        self.asked.append(sent)
        (first,) = (sent[name] for name in ("startTime", "startTs") if name in sent)
        (last,) = (sent[name] for name in ("endTime", "endTs") if name in sent)
        (most,) = (sent[name] for name in ("limit", "pageSize") if name in sent)
        assert most == self.kind.most
        assert last - first <= self.kind.days * DAY
        found = [
            row
            for row, at in zip(self.rows, self.times, strict=True)
            if first < at < last
            or (self.includes_start and at == first)
            or (self.includes_end and at == last)
        ]
        kept = found[-most:] if self.keeps_newest else found[:most]
        rows = kept[::-1] if self.newest_first else kept
        return FillPage(rows, len(found)) if self.kind is FILLS else rows

    def between(self, start, end):
        return virtual.run(collect(self.kind.read(Histories(self), start, end)))


async def collect(rows):
    return [row async for row in rows]


def busy(kind):
    """List moments on, before and after every edge, and more of them than one answer holds."""
    window = int(kind.days * DAY)
    if kind is KLINES:
        return [START + minute * 60_000 for minute in range(-1, 3 * kind.most)]
    edges = [START, START + window - 1, START + 2 * (window - 1)]
    beside = [edge + offset for edge in edges for offset in (-2, -1, 0, 0, 0, 1, 2)]
    crowd = [START + DAY + 7 * number for number in range(kind.most + 20)]
    return sorted(beside + crowd)


@parametrize_kinds
@pytest.mark.parametrize("habits", HABITS)
def test_every_row_comes_once_and_in_order(kind, habits):
    """Whatever is included, first listed, and left out of what is full."""
    exchange = Exchange(kind, busy(kind), *habits)
    end = START + int(2.5 * kind.days * DAY)
    found = exchange.between(moment(START), end)
    number_of = {id(row): number for number, row in enumerate(exchange.rows)}
    numbers = [number_of[id(row)] for row in found]
    times = [exchange.times[number] for number in numbers]
    assert times == sorted(times)
    assert sorted(numbers) == [
        number for number, at in enumerate(exchange.times) if START <= at < end
    ]


@parametrize_kinds
def test_the_end_is_not_included_and_the_start_is(kind):
    """So that two spans can be joined."""
    exchange = Exchange(kind, [START - 60_000, START, START + 60_000, START + 120_000])
    assert exchange.between(START, START + 120_000) == exchange.rows[1:3]
    assert exchange.between(START + 120_000, START + 180_000) == exchange.rows[3:]


@parametrize_kinds
def test_what_fits_into_one_answer_is_one_request(kind):
    """There is no request to find out that there is nothing more."""
    exchange = Exchange(kind, [START + 5])
    assert exchange.between(START, START + 3_600_000) == exchange.rows
    assert len(exchange.asked) == 1


@parametrize_kinds
def test_without_an_end_it_ends_now_by_the_clock_of_the_exchange(kind):
    """It reaches to the latest row, whatever this computer's clock says."""
    exchange = Exchange(kind, [START, START + 1], clock=START)
    assert exchange.between(START - 1000, None) == exchange.rows[:1]


@parametrize_kinds
def test_a_span_that_is_none_is_refused_at_the_call(kind):
    """Nothing needs to be awaited for that, and nothing is sent."""
    section = Histories(Exchange(kind, []))
    with pytest.raises(InvalidRequest, match="is later than"):
        kind.read(section, START + 1, START)
    with pytest.raises(InvalidRequest, match="no timezone"):
        kind.read(section, datetime(2024, 1, 1), None)  # noqa: DTZ001 - that is the point


@parametrize_kinds
def test_breaking_out_stops_it(kind):
    """Nothing more is sent, and no task is left, with ``aclosing`` or without."""
    exchange = Exchange(kind, busy(kind))

    async def main():
        section = Histories(exchange)
        end = START + int(2.5 * kind.days * DAY)
        async for _ in kind.read(section, START, end):
            break
        sent = len(exchange.asked)
        async with aclosing(kind.read(section, START, end)) as rows:
            async for _ in rows:
                break
        assert len(exchange.asked) == 2 * sent
        assert len(asyncio.all_tasks()) == 1

    virtual.run(main())


def test_no_answer_of_klines_is_ever_full():
    """It is known how many there are, so no request is wasted."""
    exchange = Exchange(KLINES, [START + minute * 60_000 for minute in range(5 * 1438)])
    assert len(exchange.between(START, START + 5 * 1438 * 60_000)) == 5 * 1438
    assert len(exchange.asked) == 6


def test_months_have_klines_too():
    """They have no fixed length."""
    exchange = Exchange(MONTHS, [START, START + 31 * DAY, START + 59 * DAY])
    assert exchange.between(START, START + 60 * DAY) == exchange.rows
    assert exchange.asked[0]["interval"] == "1M"


def test_a_kline_that_goes_on_meanwhile_comes_once():
    """Its numbers change between two answers, its time does not."""
    shared = START + 1438 * 60_000 - 1  # where two answers meet
    exchange = Exchange(KLINES, [shared - 60_000, shared])

    async def main():
        found = []
        async for row in KLINES.read(Histories(exchange), START, START + DAY):
            found.append(row.time)
            exchange.rows = [kline(number + 5, at) for number, at in enumerate(exchange.times)]
        return found

    assert virtual.run(main()) == [row.time for row in exchange.rows]
    assert len(exchange.asked) == 2


def test_filters_are_passed_on():
    """The pair and the kind of movement."""
    exchange = Exchange(INCOME, [START])

    walk = Histories(exchange).income_between(
        START, START + 1, symbol=SYMBOL, income_type=IncomeType.FUNDING_FEE
    )
    assert virtual.run(collect(walk)) == exchange.rows
    assert exchange.asked[0]["symbol"] == SYMBOL
    assert exchange.asked[0]["incomeType"] == "FUNDING_FEE"


def test_orders_of_all_pairs_can_be_read():
    """By ``None`` in place of a pair."""
    exchange = Exchange(ORDERS, [START])

    walk = Histories(exchange).orders_between(None, START, START + 1)
    assert virtual.run(collect(walk)) == exchange.rows
    assert "symbol" not in exchange.asked[0]


def test_the_methods_are_no_endpoints():
    """They need no sample and no route."""
    assert not [name for name in endpoints_of(Histories) if name.endswith("_between")]


async def test_an_emulated_account_is_read_back(exchange):
    """All that three market orders and the closing of their position left behind."""
    swap = exchange.client("alice").swap
    histories = Histories(swap._caller)
    start = datetime.now(UTC)
    for _ in range(3):
        await swap.place_order(
            SYMBOL,
            OrderSide.BUY,
            OrderType.MARKET,
            position_side=PositionSide.LONG,
            quantity=Decimal("0.01"),
        )
    await swap.close_all_positions()

    orders = await collect(histories.orders_between(SYMBOL, start))
    assert [row.side for row in orders] == [OrderSide.BUY] * 3 + [OrderSide.SELL]
    assert orders == await swap.full_orders(symbol=SYMBOL)
    fills = await collect(histories.fills_between(SYMBOL, start))
    assert {row.order_id for row in fills} == {row.order_id for row in orders}
    fees = await collect(histories.income_between(start, income_type=IncomeType.TRADING_FEE))
    assert sum(row.income for row in fees) == sum(row.commission for row in fills)
    (closed,) = await collect(histories.positions_between(SYMBOL, start))
    assert closed.close_position_amt == Decimal("0.03")


async def test_emulated_klines_of_three_days_are_read_without_a_gap(exchange):
    """Three answers are needed for that."""
    histories = Histories(exchange.client("alice").swap._caller)
    start = moment(START)
    rows = await collect(
        histories.klines_between(SYMBOL, Interval.MINUTE_1, start, start + timedelta(days=3))
    )
    assert len(rows) == 3 * 1440
    assert {b.time - a.time for a, b in itertools.pairwise(rows)} == {timedelta(minutes=1)}

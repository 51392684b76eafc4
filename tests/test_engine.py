"""What the engine of the emulated exchange does, one fact after the other."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import attrs
import pytest

from bingx_async.emulator.engine import (
    BalanceChanged,
    Engine,
    Filled,
    IncomeType,
    OrderChanged,
    PositionChanged,
    Role,
    TwapStatus,
)
from bingx_async.errors import ApiError, InvalidRequest, Rejected
from bingx_async.swap.models.common import (
    OrderSide,
    OrderStatus,
    OrderType,
    PositionSide,
    TimeInForce,
    WorkingType,
)
from bingx_async.swap.models.market import Contract, ContractStatus, Level
from bingx_async.swap.models.orders import AttachedOrder, NewOrder, Order

START = datetime(2026, 1, 1, tzinfo=UTC)
BTC, ETH = "BTC-USDT", "ETH-USDT"
BUY, SELL = OrderSide.BUY, OrderSide.SELL
LONG, SHORT, BOTH = PositionSide.LONG, PositionSide.SHORT, PositionSide.BOTH
D = Decimal
ZERO, TEN, RATE = D(0), D(10), D("0.0001")


def contract_of(symbol: str) -> Contract:
    """Make a contract with round numbers."""
    return Contract(
        symbol=symbol,
        asset=symbol.partition("-")[0],
        currency="USDT",
        status=ContractStatus.ONLINE,
        quantity_precision=2,
        price_precision=1,
        trade_min_quantity=D("0.01"),
        trade_min_usdt=D(2),
        maker_fee_rate=D("0.0002"),
        taker_fee_rate=D("0.0005"),
        max_long_leverage=100,
        max_short_leverage=50,
    )


@attrs.define
class Script:
    """
    A market whose prices are written down, one for each second from ``START``.

    The best bid lies a tenth below the price and the best ask a tenth above it, and each further
    level another tenth; the last price stays.
    """

    prices: dict[str, Sequence[Decimal]]
    quantity: Decimal = TEN
    depth: int = 3
    rate: Decimal = RATE
    premium: Decimal = ZERO
    tick: timedelta = timedelta(seconds=1)
    between_fundings: timedelta = timedelta(hours=8)

    def contract(self, symbol: str) -> Contract:
        if symbol not in self.prices:
            raise InvalidRequest(f"{symbol} does not exist", code=109425)
        return contract_of(symbol)

    def price(self, symbol: str, at: datetime) -> Decimal:
        seconds = int((at - START).total_seconds())
        path = self.prices[symbol]
        return path[min(seconds, len(path) - 1)]

    def mark_price(self, symbol: str, at: datetime) -> Decimal:
        return self.price(symbol, at) + self.premium

    def index_price(self, symbol: str, at: datetime) -> Decimal:
        return self.price(symbol, at) + 2 * self.premium

    def levels(self, symbol: str, at: datetime, depth: int) -> tuple[list[Level], list[Level]]:
        middle = self.price(symbol, at)
        steps = [D(n) / 10 for n in range(1, min(depth, self.depth) + 1)]
        return (
            [Level(middle - step, self.quantity) for step in steps],
            [Level(middle + step, self.quantity) for step in steps],
        )

    def funding_rate(self, symbol: str, at: datetime) -> Decimal:
        return self.rate

    def funding_times(self, after: datetime, until: datetime) -> list[datetime]:
        pause = self.between_fundings
        first = START + ((after - START) // pause + 1) * pause
        return [first + n * pause for n in range(max(0, (until - first) // pause + 1))]


def script(*prices: str | float, **more) -> Script:
    """Write down the prices of BTC; ETH stands at 50."""
    return Script({BTC: [D(str(price)) for price in prices], ETH: [D(50)]}, **more)


def at(seconds: float) -> datetime:
    """Tell a moment after the start."""
    return START + timedelta(seconds=seconds)


def opened(market: Script, *uids: str, hedge: bool = True, money: int = 10_000) -> Engine:
    """Open an exchange with some accounts."""
    engine = Engine(market, START)
    for uid in uids or ("a",):
        engine.transfer(uid, D(money), START)
        engine.set_hedge(uid, hedge, START)
    return engine


def limit(side: OrderSide, quantity: str, price: str, where=LONG, **more) -> NewOrder:
    return NewOrder(
        symbol=BTC,
        side=side,
        type=OrderType.LIMIT,
        position_side=where,
        quantity=D(quantity),
        price=D(price),
        **more,
    )


def market(side: OrderSide, quantity: str, where=LONG, **more) -> NewOrder:
    return NewOrder(
        symbol=BTC,
        side=side,
        type=OrderType.MARKET,
        position_side=where,
        quantity=D(quantity),
        **more,
    )


def stop(type_: OrderType, side: OrderSide, stop_price: str, where=LONG, **more) -> NewOrder:
    return NewOrder(
        symbol=BTC,
        side=side,
        type=type_,
        position_side=where,
        stop_price=D(stop_price),
        **more,
    )


def refused(code: int, kind: type[ApiError] = ApiError):
    """Expect the exchange's refusal of this code."""
    return pytest.raises(kind, match=rf"^\[{code}\]")


# --- matching ---


def test_a_market_order_takes_the_levels_in_their_order():
    """And pays the taker's fee for each."""
    engine = opened(script(100, quantity=D(1)))
    order = engine.place("a", market(BUY, "2.5"), at(0))
    assert order.status == OrderStatus.FILLED
    assert [(it.price, it.quantity) for it in engine.account("a").fills] == [
        (D("100.1"), 1),
        (D("100.2"), 1),
        (D("100.3"), D("0.5")),
    ]
    assert order.fee == order.quote * D("0.0005")
    assert all(it.role is Role.TAKER for it in engine.account("a").fills)


def test_what_the_market_cannot_fill_at_once_is_cancelled():
    """For a market order and for IOC."""
    engine = opened(script(100, quantity=D(1)))
    order = engine.place("a", market(BUY, "5"), at(0))
    assert (order.status, order.executed) == (OrderStatus.CANCELLED, 3)
    order = engine.place("a", limit(BUY, "5", "100.2", time_in_force=TimeInForce.IOC), at(1))
    assert (order.status, order.executed) == (OrderStatus.CANCELLED, 2)


def test_a_level_is_eaten_once_a_tick():
    """The next tick brings it anew."""
    engine = opened(script(100, quantity=D(1), depth=1), "a", "b")
    assert engine.place("a", market(BUY, "1"), at(0)).executed == 1
    assert engine.place("b", market(BUY, "1"), at(0.9)).executed == 0
    assert engine.place("b", market(SELL, "1", SHORT), at(0.9)).executed == 1
    assert engine.place("b", market(BUY, "1"), at(1)).executed == 1


def test_fok_fills_all_or_nothing():
    """The levels and the orders of others count."""
    engine = opened(script(100, quantity=D(1)), "a", "b")
    fok = limit(BUY, "4", "100.3", time_in_force=TimeInForce.FOK)
    order = engine.place("a", fok, at(0))
    assert (order.status, order.executed) == (OrderStatus.CANCELLED, 0)
    engine.place("b", limit(SELL, "1", "100.2", SHORT), at(0.5))
    assert engine.place("a", fok, at(0.6)).status == OrderStatus.FILLED


def test_fok_does_not_count_what_may_not_be_sold():
    """Closing orders of one position cannot sell more than there is of it."""
    engine = opened(script(100, quantity=D(1), depth=1), "a", "b", hedge=False)
    engine.place("b", market(BUY, "1", BOTH), at(0))
    engine.place("b", limit(SELL, "1", "100.5", BOTH), at(1))
    engine.place(
        "b",
        stop(OrderType.STOP, SELL, "99", BOTH, quantity=D(1), price=D("100.5"), reduce_only=True),
        at(1),
    )
    fok = limit(BUY, "3", "100.5", BOTH, time_in_force=TimeInForce.FOK)
    assert engine.place("a", fok, at(2)).status == OrderStatus.CANCELLED


def test_post_only_is_refused_if_it_would_take():
    """And rests otherwise."""
    engine = opened(script(100))
    with refused(101215, Rejected):
        engine.place("a", limit(BUY, "1", "100.1", time_in_force=TimeInForce.POST_ONLY), at(0))
    order = engine.place("a", limit(BUY, "1", "100", time_in_force=TimeInForce.POST_ONLY), at(0))
    assert order.status == OrderStatus.PENDING
    assert order.model().post_only is True


def test_a_resting_order_is_filled_when_the_path_crosses_it():
    """At its own limit, as a maker, even if the price jumps through it."""
    engine = opened(script(100, 100, 90, quantity=D(1), depth=2))
    order = engine.place("a", limit(BUY, "3", "95"), at(0))
    engine.advance(at(1.9))
    assert order.status == OrderStatus.PENDING
    engine.advance(at(2))
    assert (order.status, order.executed, order.average) == (OrderStatus.PARTIALLY_FILLED, 2, 95)
    engine.advance(at(3))
    assert (order.status, order.update_time) == (OrderStatus.FILLED, at(3))
    assert order.fee == 3 * 95 * D("0.0002")
    assert {it.role for it in engine.account("a").fills} == {Role.MAKER}


def test_better_prices_go_first_and_then_older_orders():
    """Price-time priority, between accounts as well as against the market."""
    engine = opened(script(100, 90, 100, quantity=D(1), depth=1), "a", "b", "c")
    late = engine.place("a", limit(BUY, "1", "95"), at(0.1))
    early = engine.place("b", limit(BUY, "1", "95"), at(0.2))
    best = engine.place("b", limit(BUY, "1", "96"), at(0.3))
    engine.amend("a", D(2), at(0.4), order_id=late.order_id)  # a larger one queues anew
    engine.advance(at(1))
    assert [it.executed for it in (best, early, late)] == [1, 0, 0]
    engine.place("c", limit(SELL, "2.5", "95", SHORT), at(2))
    assert [it.executed for it in (best, early, late)] == [1, 1, D("0.5")]
    assert engine.account("c").fills[0].price == D("99.9")  # the market offers more


def test_accounts_trade_with_each_other_at_the_resting_price():
    """Before they trade with the market, within a price and inside the spread."""
    engine = opened(script(100, quantity=D(1)), "a", "b")
    inside = engine.place("a", limit(SELL, "1", "100", SHORT), at(0))
    level = engine.place("a", limit(SELL, "1", "100.1", SHORT), at(0))
    taker = engine.place("b", limit(BUY, "2.5", "100.1"), at(0.5))
    assert (inside.status, level.status) == (OrderStatus.FILLED, OrderStatus.FILLED)
    assert [it.level for it in engine.account("b").fills] == [None, None, D("100.1")]
    assert inside.average == 100
    assert taker.quote == D(100) + D("100.1") * D("1.5")
    (first, second) = engine.account("a").fills
    assert [it.trade_id for it in engine.account("b").fills[:2]] == [
        first.trade_id,
        second.trade_id,
    ]


def test_nobody_trades_with_themselves():
    """Own resting orders are passed over, and stay."""
    engine = opened(script(100), "a", "b")
    own = engine.place("a", limit(SELL, "1", "100", SHORT), at(0))
    crossing = engine.place("a", limit(BUY, "1", "100"), at(0))
    assert [it.status for it in (own, crossing)] == [OrderStatus.PENDING, OrderStatus.PENDING]
    engine.place("b", market(BUY, "1"), at(0))
    assert (own.status, crossing.status) == (OrderStatus.FILLED, OrderStatus.PENDING)


# --- positions and money ---


def test_profit_and_fees_of_a_round_trip():
    """The balance is what was paid in, and profit, and fees."""
    engine = opened(script(100, 110))
    engine.place("a", market(BUY, "2"), at(0))
    (position,) = engine.positions("a", at(0))
    assert (position.quantity, position.average, position.side) == (2, D("100.1"), LONG)
    engine.place("a", market(SELL, "1"), at(1))
    assert position.profit == D("9.8")
    engine.place("a", market(SELL, "1"), at(1))
    assert engine.positions("a", at(1)) == []
    account = engine.account("a")
    fees = (2 * D("100.1") + 2 * D("109.9")) * D("0.0005")
    assert account.balance() == 10_000 + D("19.6") - fees
    (closed,) = account.closed
    assert (closed.profit, closed.fee, closed.net) == (D("19.6"), fees, D("19.6") - fees)
    assert (closed.average, closed.close_average) == (D("100.1"), D("109.9"))
    assert [it.type for it in account.income] == [
        IncomeType.TRANSFER,
        IncomeType.TRADING_FEE,
        *[IncomeType.REALIZED_PNL, IncomeType.TRADING_FEE] * 2,
    ]


def test_a_thirds_remainder_is_not_lost():
    """Profits that do not divide evenly still add up to the last digit."""
    engine = opened(script(100, 101, 100, 100))
    for second in range(6):
        side = BUY if second < 3 else SELL
        engine.place("a", market(side, "0.1"), at(second))
    account = engine.account("a")
    taken = sum(it.quote if it.side == SELL else -it.quote for it in account.fills)
    assert sum(it.profit for it in account.fills) == taken
    assert not account.positions


def test_a_net_position_turns_over():
    """One-way mode: what is beyond the position opens the other direction, as a new position."""
    engine = opened(script(100, 110), hedge=False)
    engine.place("a", market(BUY, "1", None), at(0))
    first = engine.account("a").position(BTC, BOTH)
    engine.place("a", market(SELL, "3", BOTH), at(1))
    second = engine.account("a").position(BTC, BOTH)
    assert (second.quantity, second.average, second.is_long) == (-2, D("109.9"), False)
    assert second.position_id > first.position_id
    (closed,) = engine.account("a").closed
    assert (closed.is_long, closed.profit) == (True, D("9.8"))
    assert closed.fee + second.fee == sum(it.fee for it in engine.account("a").fills)


def test_a_short_position_gains_when_the_price_falls():
    """And its mark price counts."""
    engine = opened(script(100, 90))
    engine.place("a", market(SELL, "1", SHORT), at(0))
    (position,) = engine.positions("a", at(1))
    assert position.unrealised(engine.market.mark_price(BTC, at(1))) == D("9.9")
    found = engine.funds("a", at(1))
    assert found.equity == found.balance + D("9.9")
    assert found.used == D("9.99")
    assert found.available == found.equity - found.used


def test_margin_limits_what_can_be_opened():
    """Resting orders set theirs aside; waiting ones do not."""
    engine = opened(script(100), money=100)
    engine.set_leverage("a", BTC, LONG, 10, at(0))
    with refused(101204, Rejected):
        engine.place("a", limit(BUY, "11", "95"), at(0))
    engine.place("a", stop(OrderType.TRIGGER_MARKET, BUY, "90", quantity=D(10)), at(0))
    resting = engine.place("a", limit(BUY, "8", "95"), at(0))
    assert engine.funds("a", at(0)).available == 24
    with refused(101204):
        engine.place("a", limit(BUY, "3", "95"), at(0))
    with refused(101204):
        engine.amend("a", D(11), at(0), order_id=resting.order_id)
    engine.amend("a", D(10), at(0), order_id=resting.order_id)
    assert engine.funds("a", at(0)).frozen == 95
    engine.cancel("a", at(0), order_id=resting.order_id)
    assert engine.funds("a", at(0)).available == 100


def test_funding_is_charged_on_the_value_at_the_mark_price():
    """Long positions pay where the rate is positive, short ones receive."""
    engine = opened(script(100, premium=D(1)), "a", "b")
    engine.place("a", market(BUY, "1"), at(0))
    engine.place("b", market(SELL, "1", SHORT), at(0))
    engine.advance(at(8 * 3600 - 1))
    assert [it.type for it in engine.account("a").income].count(IncomeType.FUNDING_FEE) == 0
    engine.advance(at(17 * 3600))
    for uid, sign in (("a", -1), ("b", 1)):
        paid = [it for it in engine.account(uid).income if it.type is IncomeType.FUNDING_FEE]
        assert [it.amount for it in paid] == [sign * D("0.0101")] * 2
        assert paid[0].time == at(8 * 3600)
    assert engine.positions("b", at(17 * 3600))[0].funding == D("0.0202")


def test_isolated_margin_is_kept_and_adjusted():
    """It comes with the position, goes with it, and never falls below the initial margin."""
    engine = opened(script(100))
    engine.set_margin_type("a", BTC, "ISOLATED", at(0))
    engine.place("a", market(BUY, "10"), at(0))
    (position,) = engine.positions("a", at(0))
    assert position.margin == D("100.1")
    engine.adjust_margin("a", BTC, D(50), at(0), position_side=LONG)
    with refused(101253):
        engine.adjust_margin("a", BTC, D(-51), at(0), position_id=position.position_id)
    with refused(101206):
        engine.adjust_margin("a", BTC, D(50_000), at(0), position_side=LONG)
    engine.adjust_margin("a", BTC, D(-10), at(0), position_side=LONG)
    engine.set_leverage("a", BTC, LONG, 20, at(0))
    assert position.margin == D("140.1") - D("50.05")
    engine.place("a", market(SELL, "10"), at(1))
    assert [it.reason for it in engine.account("a").margin_changes] == [
        "OpenPosition",
        "ManualMarginAddition",
        "ManualMarginReduction",
        "IncreaseLeverage",
        "ClosePosition",
    ]
    assert engine.account("a").margin_changes[-1].after == 0
    with refused(109420):
        engine.adjust_margin("a", BTC, D(1), at(1), position_side=LONG)
    with refused(109400):
        engine.set_margin_type("a", BTC, "SEPARATE_ISOLATED", at(1))


def test_leverage_keeps_its_bounds():
    """The contract's, and those of the margin of an open position."""
    engine = opened(script(100), money=200)
    for side, leverage in ((LONG, 101), (SHORT, 51)):
        with refused(101414, InvalidRequest):
            engine.set_leverage("a", BTC, side, leverage, at(0))
    with refused(109400):
        engine.set_leverage("a", BTC, BOTH, 5, at(0))
    engine.place("a", market(BUY, "10"), at(0))
    with refused(101204):
        engine.set_leverage("a", BTC, LONG, 4, at(0))
    assert engine.leverage("a", BTC, LONG) == 10
    assert engine.positions("a", at(0))[0].leverage == 10
    engine.set_leverage("a", BTC, LONG, 6, at(0))
    assert engine.positions("a", at(0))[0].initial_margin == money_of(D("1001") / 6)


def money_of(amount: Decimal) -> Decimal:
    return amount.quantize(D("1e-8"))


def test_modes_do_not_change_under_positions_and_orders():
    """Each with its own code."""
    engine = opened(script(100))
    engine.place("a", limit(BUY, "1", "90"), at(0))
    with refused(104103, Rejected):
        engine.set_hedge("a", False, at(0))
    with refused(109401):
        engine.set_margin_type("a", BTC, "ISOLATED", at(0))
    with refused(109401):
        engine.set_asset_mode("a", "multiAssetsMode", at(0))
    engine.set_margin_type("a", ETH, "ISOLATED", at(0))
    engine.cancel_all("a", at(0))
    engine.set_hedge("a", False, at(0))
    engine.set_asset_mode("a", "multiAssetsMode", at(0))
    assert (engine.account("a").hedge, engine.account("a").asset_mode) == (False, "multiAssetsMode")


# --- closing ---


def test_closing_needs_a_position_that_is_not_spoken_for():
    """Resting orders that close count against it."""
    engine = opened(script(100))
    with refused(101205, Rejected):
        engine.place("a", market(SELL, "1"), at(0))
    engine.place("a", market(BUY, "2"), at(0))
    engine.place("a", limit(SELL, "1.5", "120"), at(0))
    assert engine.account("a").closable(BTC, LONG, SELL) == D("0.5")
    with refused(110424):
        engine.place("a", market(SELL, "1"), at(0))
    assert engine.place("a", market(SELL, "0.5"), at(0)).status == OrderStatus.FILLED


def test_closing_orders_end_with_their_position():
    """Whichever way it ends."""
    engine = opened(script(100))
    engine.place("a", market(BUY, "2"), at(0))
    (position,) = engine.positions("a", at(0))
    orders = [
        engine.place("a", limit(SELL, "1", "120"), at(0)),
        engine.place("a", stop(OrderType.STOP_MARKET, SELL, "90", close_position=True), at(0)),
        engine.place("a", stop(OrderType.TAKE_PROFIT_MARKET, SELL, "130", quantity=D(2)), at(0)),
    ]
    other = engine.place("a", limit(SELL, "1", "120", SHORT), at(0))
    closing = engine.close_position("a", position.position_id, at(0))
    assert closing.status == OrderStatus.FILLED
    assert {it.status for it in orders} == {OrderStatus.CANCELLED}
    assert list(engine.account("a").open_orders.values()) == [other]
    with refused(109420):
        engine.close_position("a", position.position_id, at(0))


def test_reduce_only_only_reduces():
    """One-way mode: it takes what the position has, and needs one."""
    engine = opened(script(100), hedge=False)
    with refused(101290, Rejected):
        engine.place("a", market(SELL, "1", BOTH, reduce_only=True), at(0))
    engine.place("a", market(BUY, "1", BOTH), at(0))
    with refused(101290):
        engine.place("a", market(BUY, "1", BOTH, reduce_only=True), at(0))
    order = engine.place("a", market(SELL, "3", BOTH, reduce_only=True), at(0))
    assert (order.executed, order.status) == (1, OrderStatus.CANCELLED)
    assert not engine.account("a").positions


def test_all_positions_are_closed_and_one_is_reversed():
    """At the market."""
    engine = opened(script(100), money=100_000)
    engine.place("a", market(BUY, "2"), at(0))
    turned = engine.reverse("a", BTC, at(0))
    assert (turned.position.side, turned.position.quantity) == (SHORT, -2)
    assert turned.position_id == engine.account("a").closed[-1].position_id
    engine.place("a", market(BUY, "2"), at(1))
    with refused(109420):
        engine.reverse("a", BTC, at(1))
    assert engine.reverse("a", BTC, at(1), position_side=LONG).position.quantity == -4
    engine.place("a", attrs.evolve(market(BUY, "1"), symbol=ETH), at(2))
    assert len(engine.close_all("a", at(2), symbol=ETH)) == 1
    assert len(engine.close_all("a", at(2))) == 1
    assert not engine.account("a").positions


# --- triggers ---


@pytest.mark.parametrize(
    ("type_", "stop_price", "second", "price"),
    [
        (OrderType.STOP_MARKET, "95", 2, "93.9"),
        (OrderType.TAKE_PROFIT_MARKET, "105", 4, "105.9"),
        (OrderType.TRIGGER_MARKET, "94", 2, "93.9"),
        (OrderType.TRIGGER_MARKET, "106", 4, "105.9"),
    ],
)
def test_a_trigger_sells_at_the_market(type_, stop_price, second, price):
    """Once the price has reached the stop price from its side."""
    engine = opened(script(100, 97, 94, 100, 106))
    engine.place("a", market(BUY, "1"), at(0))
    order = engine.place("a", stop(type_, SELL, stop_price, quantity=D(1)), at(0))
    engine.advance(at(9))
    assert (order.status, order.update_time) == (OrderStatus.FILLED, at(second))
    assert order.average == D(price)


def test_a_stop_limit_rests_once_it_has_triggered():
    """And is filled within its limit only."""
    engine = opened(script(100, 94, 97))
    engine.place("a", market(BUY, "1"), at(0))
    order = engine.place("a", stop(OrderType.STOP, SELL, "95", quantity=D(1), price=D("96")), at(0))
    engine.advance(at(1))
    assert (order.status, order.waiting) == (OrderStatus.PENDING, False)
    engine.advance(at(2))
    assert (order.status, order.average) == (OrderStatus.FILLED, 96)


@pytest.mark.parametrize(
    ("working_type", "second"),
    [
        (WorkingType.CONTRACT_PRICE, 3),
        (WorkingType.MARK_PRICE, 2),
        (WorkingType.INDEX_PRICE, 1),
        (None, 2),
    ],
)
def test_the_working_type_says_which_price_triggers(working_type, second):
    """The mark price if nothing is said."""
    engine = opened(script(100, 99, 98, 97, premium=D(-1)))
    engine.place("a", market(BUY, "1"), at(0))
    new = stop(OrderType.STOP_MARKET, SELL, "97", close_position=True, working_type=working_type)
    order = engine.place("a", new, at(0))
    engine.advance(at(9))
    assert order.update_time == at(second)
    assert order.quantity == 1


@pytest.mark.parametrize(
    ("more", "second"),
    [
        ({"price": D(5)}, 3),
        ({"price_rate": D("0.1")}, 4),
        ({"price": D(5), "activation_price": D(112)}, 6),
    ],
)
def test_a_trailing_stop_follows_the_price(more, second):
    """By a distance or a rate, from its activation price on."""
    engine = opened(script(100, 110, 106, 105, 98, 113, 107, 100))
    engine.place("a", market(BUY, "1"), at(0))
    new = NewOrder(
        symbol=BTC,
        side=SELL,
        type=OrderType.TRAILING_STOP_MARKET,
        position_side=LONG,
        quantity=D(1),
        **more,
    )
    order = engine.place("a", new, at(0))
    engine.advance(at(9))
    assert (order.status, order.update_time) == (OrderStatus.FILLED, at(second))


def test_a_trailing_order_to_buy_follows_the_price_down():
    """TRAILING_TP_SL works alike."""
    engine = opened(script(100, 90, 92, 96))
    engine.place("a", market(SELL, "1", SHORT), at(0))
    new = NewOrder(
        symbol=BTC,
        side=BUY,
        type=OrderType.TRAILING_TP_SL,
        position_side=SHORT,
        quantity=D(1),
        price=D(5),
    )
    order = engine.place("a", new, at(0))
    engine.advance(at(9))
    assert (order.update_time, order.average) == (at(3), D("96.1"))


def test_a_triggered_order_without_margin_fails():
    """It is told so, and stays in the history."""
    engine = opened(script(100, 105), money=50)
    order = engine.place("a", stop(OrderType.TRIGGER_MARKET, BUY, "104", quantity=D(9)), at(0))
    engine.advance(at(1))
    assert (order.status, order.reason) == (OrderStatus.FAILED, "Insufficient margin")


def test_a_triggered_limit_order_opens():
    """TRIGGER_LIMIT comes to the book like a limit order."""
    engine = opened(script(100, 105, 102))
    new = stop(OrderType.TRIGGER_LIMIT, BUY, "104", quantity=D(1), price=D("103"))
    order = engine.place("a", new, at(0))
    engine.advance(at(2))
    assert (order.average, order.type) == (103, OrderType.TRIGGER_LIMIT)


@pytest.mark.parametrize(
    ("new", "code"),
    [
        (stop(OrderType.STOP_MARKET, SELL, "101", quantity=D(1)), 110411),
        (stop(OrderType.STOP_MARKET, BUY, "99", SHORT, quantity=D(1)), 110412),
        (stop(OrderType.TAKE_PROFIT_MARKET, SELL, "99", quantity=D(1)), 110413),
        (stop(OrderType.TAKE_PROFIT_MARKET, BUY, "101", SHORT, quantity=D(1)), 110414),
    ],
)
def test_stops_lie_on_their_side_of_the_price(new, code):
    """Each side has its own code."""
    engine = opened(script(100))
    with refused(code):
        engine.place("a", new, at(0))


# --- attached orders ---


def attached(engine, **more):
    return engine.place(
        "a",
        limit(
            BUY,
            "2",
            "98",
            stop_loss=AttachedOrder(OrderType.STOP_MARKET, D(90)),
            take_profit=AttachedOrder(OrderType.TAKE_PROFIT_MARKET, D(110), **more),
        ),
        at(0),
    )


def test_attached_orders_come_to_life_with_the_first_fill():
    """And cover what is filled."""
    engine = opened(script(100, 97.9, 97.9, 97.9, quantity=D(1), depth=1))
    parent = attached(engine)
    assert len(engine.account("a").open_orders) == 1
    engine.advance(at(1))
    children = [engine.orders[number] for number in parent.children]
    assert [(it.type, it.quantity) for it in children] == [
        (OrderType.STOP_MARKET, 1),
        (OrderType.TAKE_PROFIT_MARKET, 1),
    ]
    engine.advance(at(2))
    assert [it.quantity for it in children] == [2, 2]
    assert children[0].model().trigger_order_id == parent.order_id


def test_attached_orders_wait_until_there_is_something_to_protect():
    """An order that first closes the other direction brings them once it has turned it over."""
    engine = opened(script(100, 97.9, 97.9, 97.9, quantity=D(1), depth=1), hedge=False)
    engine.place("a", market(SELL, "1", BOTH), at(0))
    loss = AttachedOrder(OrderType.STOP_MARKET, D(90))
    order = engine.place("a", limit(BUY, "2", "98", BOTH, stop_loss=loss), at(0))
    engine.advance(at(1))
    assert (order.executed, order.children) == (1, [])
    engine.advance(at(2))
    (child,) = (engine.orders[number] for number in order.children)
    assert (child.side, child.quantity, child.model().reduce_only) == (SELL, 2, True)


def test_one_attached_order_cancels_the_other():
    """Also if it closes only a part of the position."""
    engine = opened(script(100, 97, 112, 80))
    parent = attached(engine, quantity=D("0.5"))
    engine.advance(at(3))
    stop_loss, take_profit = (engine.orders[number] for number in parent.children)
    assert (take_profit.status, take_profit.executed) == (OrderStatus.FILLED, D("0.5"))
    assert stop_loss.status == OrderStatus.CANCELLED
    assert engine.positions("a", at(3))[0].quantity == D("1.5")


def test_attached_orders_go_with_the_position():
    """Closing by hand cancels both."""
    engine = opened(script(100, 97))
    parent = attached(engine)
    engine.close_all("a", at(1))
    assert {engine.orders[it].status for it in parent.children} == {OrderStatus.CANCELLED}


def test_attached_orders_lie_on_their_sides():
    """Of the limit price."""
    engine = opened(script(100))
    for kind, code, price in (
        ("stop_loss", 110411, 99),
        ("take_profit", 110413, 98),
    ):
        type_ = OrderType.STOP_MARKET if kind == "stop_loss" else OrderType.TAKE_PROFIT_MARKET
        new = limit(BUY, "1", "98", **{kind: AttachedOrder(type_, D(price))})
        with refused(code):
            engine.place("a", new, at(0))
    with refused(109400):
        wrong = AttachedOrder(OrderType.TAKE_PROFIT_MARKET, D(90))
        engine.place("a", limit(BUY, "1", "98", stop_loss=wrong), at(0))


# --- refusals ---


@pytest.mark.parametrize(
    ("new", "code"),
    [
        (market(BUY, "1.001"), 110425),
        (limit(BUY, "1", "90.05"), 110425),
        (limit(BUY, "0.01", "90"), 101400),
        (market(BUY, "0"), 109400),
        (market(BUY, "1", BOTH), 109400),
        (market(BUY, "1", reduce_only=True), 109400),
        (NewOrder(symbol=BTC, side=BUY, type=OrderType.LIMIT, quantity=D(1)), 109400),
        (NewOrder(symbol=BTC, side=BUY, type=OrderType.MARKET), 109400),
        (NewOrder(symbol="X-USDT", side=BUY, type=OrderType.MARKET, quantity=D(1)), 109425),
        (NewOrder(symbol=BTC, side=BUY, type=OrderType.STOP_MARKET, quantity=D(1)), 109400),
        (stop(OrderType.STOP_MARKET, BUY, "110", quantity=D(1), close_position=True), 109400),
        (stop(OrderType.TRIGGER_MARKET, BUY, "110", close_position=True), 109400),
        (market(BUY, "1", client_order_id="x" * 41), 109400),
        (market(OrderSide("HOLD"), "1"), 109400),
        (limit(BUY, "1", "-90"), 109400),
        (attrs.evolve(market(BUY, "1"), quantity=None, quote_order_qty=D(-1)), 109400),
        (
            limit(
                BUY,
                "1",
                "98",
                stop_loss=AttachedOrder(OrderType.STOP, D(90)),
            ),
            109400,
        ),
        (
            NewOrder(
                symbol=BTC,
                side=BUY,
                type=OrderType.MARKET,
                quote_order_qty=D("0.5"),
            ),
            110422,
        ),
        (
            NewOrder(
                symbol=BTC,
                side=BUY,
                type=OrderType.TRAILING_STOP_MARKET,
                quantity=D(1),
                price_rate=D(2),
            ),
            109400,
        ),
    ],
)
def test_what_can_never_be_accepted_is_refused(new, code):
    """And leaves nothing behind."""
    engine = opened(script(100))
    before = engine.dump()
    with refused(code, InvalidRequest):
        engine.place("a", new, at(0))
    assert engine.dump() == before


def test_checking_an_order_changes_nothing():
    """It raises what placing would raise."""
    engine = opened(script(100))
    before = engine.dump()
    assert engine.check("a", market(BUY, "1"), at(0)).order_id == 0
    with refused(101204):
        engine.check("a", market(BUY, "10000"), at(0))
    assert engine.dump() == before


def test_a_quantity_can_be_given_as_a_value():
    """It is rounded down to the contract's step."""
    engine = opened(script(99))
    new = NewOrder(symbol=BTC, side=BUY, type=OrderType.MARKET, quote_order_qty=D(100))
    assert engine.place("a", new, at(0)).quantity == D("1.01")


def test_client_ids_are_lower_case_and_used_once():
    """Finished orders count."""
    engine = opened(script(100), "a", "b")
    order = engine.place("a", market(BUY, "1", client_order_id="MyOrder-1"), at(0))
    assert order.client_order_id == "myorder-1"
    with refused(101481, InvalidRequest):
        engine.place("a", market(BUY, "1", client_order_id="MYORDER-1"), at(0))
    engine.place("b", market(BUY, "1", client_order_id="MyOrder-1"), at(0))
    assert engine.find("a", client_order_id="myORDER-1") is order


@pytest.mark.parametrize(
    ("side", "activation", "more", "code"),
    [
        (SELL, "99", {"price": D(1)}, 110419),
        (BUY, "101", {"price": D(1)}, 110420),
        (SELL, "101", {"price": D(1), "price_rate": D("0.1")}, 109400),
        (SELL, "101", {}, 109400),
    ],
)
def test_a_trailing_order_starts_beyond_the_price(side, activation, more, code):
    """With a distance or a rate, and not with both."""
    engine = opened(script(100), hedge=False)
    new = NewOrder(
        symbol=BTC,
        side=side,
        type=OrderType.TRAILING_STOP_MARKET,
        quantity=D(1),
        activation_price=D(activation),
        **more,
    )
    with refused(code):
        engine.place("a", new, at(0))


def test_one_way_mode_has_one_side():
    """And closing orders bring no attached ones, nor close less than the least quantity."""
    engine = opened(script(100), hedge=False)
    with refused(109400):
        engine.place("a", market(BUY, "1", LONG), at(0))
    with refused(109400):
        engine.set_leverage("a", BTC, LONG, 5, at(0))
    engine.set_leverage("a", BTC, BOTH, 5, at(0))
    engine.place("a", market(BUY, "1", BOTH), at(0))
    loss = AttachedOrder(OrderType.STOP_MARKET, D(110))
    with refused(109400):
        engine.place("a", market(SELL, "1", BOTH, reduce_only=True, stop_loss=loss), at(0))
    tiny = attrs.evolve(
        market(SELL, "1", BOTH, reduce_only=True), quantity=None, quote_order_qty=D("0.1")
    )
    with refused(101485):
        engine.place("a", tiny, at(0))
    engine.place("a", limit(SELL, "1", "120", BOTH, reduce_only=True), at(0))
    with refused(101290):
        engine.place("a", market(SELL, "1", BOTH, reduce_only=True), at(0))


def test_a_suspended_contract_takes_no_orders():
    """Its status says so."""

    class Suspended(Script):
        def contract(self, symbol: str) -> Contract:
            return attrs.evolve(contract_of(symbol), status=ContractStatus.PRE_ONLINE)

    engine = opened(Suspended({BTC: [D(100)]}))
    with refused(101415, Rejected):
        engine.place("a", market(BUY, "1"), at(0))


def test_settings_are_checked():
    """Before they are kept."""
    engine = opened(script(100))
    with refused(109400):
        engine.set_asset_mode("a", "bananas", at(0))
    with refused(109400):
        engine.set_leverage("a", BTC, LONG, 0, at(0))
    with refused(109425):
        engine.leverage("a", "X-USDT", LONG)
    engine.place("a", market(BUY, "1"), at(0))
    (position,) = engine.positions("a", at(0), symbol=BTC)
    with refused(101479):
        engine.adjust_margin("a", BTC, D(1), at(0), position_side=LONG)
    assert engine.set_auto_add_margin("a", position.position_id, True, at(0)).auto_add_margin


def test_a_running_twap_order_keeps_the_margin_type():
    """And the mode, even while nothing is open yet."""
    engine = opened(script(110))
    twap(engine)
    with refused(109430):
        engine.set_margin_type("a", BTC, "ISOLATED", at(0))
    engine.set_margin_type("a", ETH, "ISOLATED", at(0))


def test_a_position_that_cannot_be_closed_is_not_reversed():
    """What could be closed stays closed."""
    engine = opened(script(100, 100, quantity=D(1), depth=1))
    engine.place("a", market(BUY, "1"), at(0))
    engine.place("a", market(BUY, "1"), at(1))
    with refused(110203):
        engine.reverse("a", BTC, at(2))
    assert engine.positions("a", at(2))[0].quantity == 1


# --- cancelling and replacing ---


def test_orders_are_found_and_cancelled_once():
    """By their owner only."""
    engine = opened(script(100), "a", "b")
    order = engine.place("a", limit(BUY, "1", "90"), at(0))
    for uid, symbol in (("b", BTC), ("a", ETH)):
        with refused(109421, InvalidRequest):
            engine.cancel(uid, at(0), symbol=symbol, order_id=order.order_id)
    assert engine.cancel("a", at(0), order_id=order.order_id).status == OrderStatus.CANCELLED
    with refused(109422, Rejected):
        engine.cancel("a", at(0), order_id=order.order_id)
    with refused(109400):
        engine.find("a")


def test_all_orders_are_cancelled_by_symbol_and_type():
    """Those that wait as well."""
    engine = opened(script(100))
    resting = engine.place("a", limit(BUY, "1", "90"), at(0))
    waiting = engine.place("a", stop(OrderType.TRIGGER_MARKET, BUY, "90", quantity=D(1)), at(0))
    assert engine.cancel_all("a", at(0), symbol=ETH) == []
    assert engine.cancel_all("a", at(0), order_type=OrderType.LIMIT) == [resting]
    assert engine.cancel_all("a", at(0)) == [waiting]


def test_the_kill_switch_acts_at_its_moment():
    """Unless it is set anew or turned off."""
    engine = opened(script(100))
    order = engine.place("a", limit(BUY, "1", "90"), at(0))
    engine.cancel_all_after("a", 10, at(0.5))
    assert engine.cancel_all_after("a", 10, at(5.25)) == at(15.25)
    engine.advance(at(15))
    assert order.is_open
    engine.advance(at(60))
    assert (order.status, order.update_time) == (OrderStatus.CANCELLED, at(15.25))
    engine.cancel_all_after("a", 10, at(60))
    assert engine.cancel_all_after("a", None, at(61)) is None
    assert engine.place("a", limit(BUY, "1", "90"), at(90)).is_open


def test_amending_keeps_the_place_of_a_smaller_order():
    """And never goes below what is filled."""
    engine = opened(script(100, 94.9, quantity=D(1), depth=1), "a", "b")
    first = engine.place("a", limit(BUY, "3", "95"), at(0))
    second = engine.place("b", limit(BUY, "1", "95"), at(0))
    engine.amend("a", D(2), at(0), order_id=first.order_id)
    engine.advance(at(1))
    assert (first.executed, second.executed) == (1, 0)
    with refused(109400):
        engine.amend("a", D(1), at(1), order_id=first.order_id)
    with refused(110425):
        engine.amend("a", D("1.555"), at(1), order_id=first.order_id)
    engine.cancel("a", at(1), order_id=first.order_id)
    with refused(109422):
        engine.amend("a", D(5), at(1), order_id=first.order_id)


def test_amending_a_closing_order_needs_the_position():
    """No more than there is."""
    engine = opened(script(100))
    engine.place("a", market(BUY, "2"), at(0))
    order = engine.place("a", limit(SELL, "1", "110"), at(0))
    with refused(110424):
        engine.amend("a", D(3), at(0), order_id=order.order_id)
    assert engine.amend("a", D(2), at(0), order_id=order.order_id).quantity == 2


def test_an_order_is_replaced():
    """Or both halves say why not."""
    engine = opened(script(100))
    old = engine.place("a", limit(BUY, "1", "90"), at(0))
    new = limit(BUY, "1", "91")
    kept = engine.replace(
        "a", new, at(0), order_id=old.order_id, restriction="ONLY_PARTIALLY_FILLED"
    )
    assert (kept.cancelled, kept.cancel_error.code, kept.placed) == (None, 109422, None)
    done = engine.replace("a", new, at(0), order_id=old.order_id)
    assert (done.cancelled, done.placed.price) == (old, 91)
    failed = engine.replace("a", new, at(0), order_id=old.order_id)
    assert (failed.placed, failed.place_error) == (None, None)
    allowed = engine.replace("a", new, at(0), order_id=old.order_id, allow_failure=True)
    assert allowed.cancel_error.code == 109422
    assert allowed.placed is not None
    bad = engine.replace("a", limit(BUY, "0.001", "91"), at(0), order_id=allowed.placed.order_id)
    assert (bad.cancelled, bad.place_error.code) == (allowed.placed, 110425)


# --- TWAP ---


def twap(engine, **more):
    arguments = {
        "price_type": "constant",
        "price_variance": D("0.1"),
        "trigger_price": D(105),
        "interval": 5,
        "amount_per_order": D(1),
        "total_amount": D("2.5"),
        **more,
    }
    return engine.place_twap("a", BTC, BUY, LONG, at(0), **arguments)


def test_a_twap_order_buys_in_slices():
    """At most so much at a time, until it has it all."""
    engine = opened(script(100))
    main = twap(engine)
    assert (main.executed, main.status) == (1, TwapStatus.RUNNING)
    engine.advance(at(60))
    assert (main.status, main.update_time) == (TwapStatus.FILLED, at(10))
    slices = [engine.orders[number] for number in main.slices]
    assert [(it.time, it.quantity) for it in slices] == [
        (at(0), 1),
        (at(5), 1),
        (at(10), D("0.5")),
    ]
    assert slices[0].model().main_order_id == str(main.main_order_id)
    with refused(109422):
        engine.cancel_twap("a", main.main_order_id, at(60))


def test_a_twap_order_waits_for_its_price_and_its_market():
    """A slice goes no further than the variance."""
    path = [106] * 6 + [100] * 100
    engine = opened(script(*path, quantity=D("0.4"), depth=3))
    main = twap(engine, amount_per_order=D("2"), price_type="percentage", price_variance=D("0.1"))
    assert (main.executed, main.slices) == (0, [])
    engine.advance(at(10))
    assert main.executed == D("0.8")
    engine.cancel_twap("a", main.main_order_id, at(11))
    engine.advance(at(60))
    assert (main.status, main.executed) == (TwapStatus.CANCELLED, D("0.8"))
    assert engine.find_twap("a", main.main_order_id) is main


def test_a_twap_order_gives_up_after_a_day():
    """With what it has by then."""
    engine = opened(script(110))
    main = twap(engine, interval=120)
    engine.advance(at(90_000))
    assert (main.status, main.ran_until) == (TwapStatus.FAILED, at(86_400))


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"interval": 4}, 109400),
        ({"price_type": "bananas"}, 109400),
        ({"price_variance": D(-1)}, 109400),
        ({"amount_per_order": D("0.001")}, 110425),
        ({"amount_per_order": D(3)}, 109400),
        ({"amount_per_order": D("0.01")}, 101400),
    ],
)
def test_a_twap_order_is_checked(more, code):
    """Before anything is placed."""
    engine = opened(script(100))
    with refused(code):
        twap(engine, **more)
    with refused(109421):
        engine.find_twap("a", 1)


# --- records ---


def test_numbers_have_19_digits_and_increase():
    """So that no float could hold one."""
    engine = opened(script(100))
    for second in range(3):
        engine.place("a", market(BUY, "1"), at(second))
    account = engine.account("a")
    for numbers in (
        [it.order_id for it in account.orders],
        [it.trade_id for it in account.fills],
        [it.income_id for it in account.income],
    ):
        assert numbers == sorted(set(numbers))
        assert all(len(str(number)) == 19 for number in numbers)


def test_an_order_becomes_the_wires_model():
    """With its fees as the exchange signs them."""
    engine = opened(script(100))
    model = engine.place("a", market(BUY, "1"), at(0)).model()
    assert isinstance(model, Order)
    assert (model.avg_price, model.commission) == (D("100.1"), D("-0.05005"))
    assert (model.status, model.leverage, model.only_one_position) == ("FILLED", 10, False)


def test_listeners_hear_of_every_change():
    """In the order in which they happen."""
    engine = opened(script(100))
    heard = []
    engine.subscribe(heard.append)
    engine.place("a", market(BUY, "1"), at(0))
    assert [type(it) for it in heard] == [
        OrderChanged,
        PositionChanged,
        BalanceChanged,
        Filled,
        OrderChanged,
    ]
    assert heard[2].change == D("-0.05005")
    assert heard[3].order.status == OrderStatus.FILLED
    engine.unsubscribe(heard.append)
    engine.place("a", market(BUY, "1"), at(0))
    assert len(heard) == 5


def test_money_is_paid_in_and_out():
    """Out only what is available."""
    engine = opened(script(100), money=100)
    engine.place("a", market(BUY, "5"), at(0))
    with refused(101206):
        engine.transfer("a", D(-60), at(0))
    assert engine.transfer("a", D(-40), at(0)) == 60 - D("0.25025")
    assert engine.transfer("a", D(5), at(0), currency="USDC") == 5


def test_time_does_not_go_back():
    """A moment that has passed is now."""
    engine = opened(script(100))
    assert engine.advance(at(5)) == at(5)
    assert engine.place("a", market(BUY, "1"), at(1)).time == at(5)
    assert engine.advance(at(6) + timedelta(microseconds=1500)) == at(6.001)


def test_what_was_saved_goes_on_as_before():
    """Through JSON, with orders resting and waiting, and liquidity eaten."""
    pause = timedelta(seconds=30)
    path = script(*range(100, 90, -1), quantity=D(1), depth=2, between_fundings=pause)
    engine = opened(path, "a", "b")
    engine.place("a", market(BUY, "1"), at(0))
    engine.place("b", limit(BUY, "3", "97"), at(0))
    engine.place("a", stop(OrderType.STOP_MARKET, SELL, "95", close_position=True), at(0))
    attached(engine)
    twap(engine)
    engine.cancel_all_after("b", 100, at(0))
    again = Engine.load(json.loads(json.dumps(engine.dump())), path)
    assert again.dump() == engine.dump()
    for one in (engine, again):
        one.place("b", market(BUY, "2"), at(0.5))
        one.advance(at(300))
    assert again.dump() == engine.dump()


def test_idle_time_is_jumped_over():
    """A year with an open position is a thousand fundings, and not thirty million ticks."""
    engine = opened(script(100))
    engine.place("a", market(BUY, "1"), at(0))
    before = time.perf_counter()
    engine.advance(at(365 * 86_400))
    assert time.perf_counter() - before < 1
    paid = [it for it in engine.account("a").income if it.type is IncomeType.FUNDING_FEE]
    assert len(paid) == 3 * 365

"""What holds for the engine, whatever accounts do and prices are."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal

import attrs
from hypothesis import event, given, settings
from hypothesis import strategies as st

from bingx_async.emulator.engine import (
    Account,
    ClosedPosition,
    Engine,
    Fill,
    IncomeType,
    OrderRecord,
    Position,
    Role,
)
from bingx_async.errors import ApiError
from bingx_async.swap.models.common import (
    OrderSide,
    OrderStatus,
    OrderType,
    PositionSide,
    TimeInForce,
    WorkingType,
)
from bingx_async.swap.models.orders import AttachedOrder, NewOrder
from tests.test_engine import BTC, BUY, ETH, LONG, SELL, SHORT, START, D, Script, at

LIMITS = {OrderType.LIMIT, OrderType.STOP, OrderType.TAKE_PROFIT, OrderType.TRIGGER_LIMIT}
CLOSING = (OrderType.LIMIT, OrderType.MARKET, OrderType.STOP_MARKET, OrderType.TAKE_PROFIT)
UIDS = ("a", "b", "c")
SIDES = (LONG, SHORT, PositionSide.BOTH)
HEDGED = {"a": True, "b": False, "c": True}

Act = Callable[[Engine], object]
Step = tuple[float, Act]

steps_of_price = st.integers(-15, 15).map(lambda n: D(n) / 10)
quantities = st.integers(1, 60).map(lambda n: D(n) / 20)
prices = st.integers(970, 1030).map(lambda n: D(n) / 10)
maybe = st.booleans()


@st.composite
def markets(draw) -> Script:
    """Two contracts whose prices wander, with little liquidity."""
    paths: dict[str, Sequence[Decimal]] = {}
    for symbol in (BTC, ETH):
        price, path = D(100), []
        for step in draw(st.lists(steps_of_price, min_size=5, max_size=30)):
            price += step
            path.append(price)
        paths[symbol] = path
    return Script(
        paths,
        quantity=draw(st.sampled_from([D("0.5"), D(1), D(5)])),
        depth=draw(st.integers(1, 4)),
        rate=D("-0.00013"),
        premium=draw(st.sampled_from([D(0), D("0.3")])),
        between_fundings=timedelta(seconds=draw(st.sampled_from([4, 9]))),
    )


@st.composite
def orders(draw) -> NewOrder:
    """Orders of all types, many of which can be accepted."""
    side = draw(st.sampled_from([BUY, SELL]))
    type_ = draw(st.sampled_from([OrderType.LIMIT, OrderType.MARKET] * 3 + [*OrderType]))
    trailing = type_ in {OrderType.TRAILING_STOP_MARKET, OrderType.TRAILING_TP_SL}
    price = draw(prices) if type_ in LIMITS else D(1) if trailing else None
    closing_all = type_ in {OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET} and draw(maybe)
    up, down = AttachedOrder(OrderType.STOP_MARKET, D(101)), D(99)
    return NewOrder(
        symbol=draw(st.sampled_from([BTC, BTC, ETH])),
        side=side,
        type=type_,
        quantity=None if closing_all else draw(quantities),
        price=price,
        stop_price=None if trailing else draw(prices),
        working_type=draw(st.sampled_from([None, *WorkingType])),
        time_in_force=draw(st.sampled_from([TimeInForce.GTC] * 3 + [*TimeInForce])),
        close_position=closing_all or None,
        reduce_only=(not closing_all and draw(st.integers(0, 3)) == 0) or None,
        stop_loss=draw(
            st.sampled_from([None, None, up if side == SELL else attrs.evolve(up, stop_price=down)])
        ),
        take_profit=draw(
            st.sampled_from(
                [
                    None,
                    None,
                    AttachedOrder(OrderType.TAKE_PROFIT_MARKET, down if side == SELL else D(101)),
                ]
            )
        ),
    )


def placing(uid: str, new: NewOrder, place: int) -> Act:
    """Fit an order to the account's mode, and place it."""
    if HEDGED[uid]:
        new = attrs.evolve(new, position_side=(LONG, SHORT)[place % 2], reduce_only=None)
    return lambda engine: engine.place(uid, new, engine.now)


def near(uid: str, price: int, quantity: Decimal, side: OrderSide) -> Act:
    """Offer around one price, so that accounts meet."""
    new = NewOrder(symbol=BTC, side=side, type=OrderType.LIMIT, quantity=quantity, price=D(price))
    if HEDGED[uid]:
        new.position_side = LONG if side == BUY else SHORT
    return lambda engine: engine.place(uid, new, engine.now)


def ending(uid: str, type_: OrderType, price: int, quantity: Decimal) -> Act:
    """Close a position with an order that may be larger than it."""

    def act(engine: Engine) -> None:
        for position in engine.positions(uid, engine.now)[:1]:
            new = NewOrder(
                symbol=position.symbol,
                side=position.closing_side,
                type=type_,
                position_side=position.side,
                quantity=quantity,
                price=D(price),
                stop_price=D(price),
                reduce_only=position.side == PositionSide.BOTH,
            )
            engine.place(uid, new, engine.now)

    return act


def touching(uid: str, place: int, quantity: Decimal, what: int) -> Act:
    """Cancel, amend or replace one of the open orders."""

    def act(engine: Engine) -> None:
        if found := list(engine.account(uid).open_orders):
            order_id = found[place % len(found)]
            if what == 0:
                engine.cancel(uid, engine.now, order_id=order_id)
            elif what == 1:
                engine.amend(uid, quantity, engine.now, order_id=order_id)
            else:
                new = NewOrder(symbol=BTC, side=BUY, type=OrderType.LIMIT, quantity=quantity)
                new.price = D(98)
                engine.replace(uid, new, engine.now, order_id=order_id)

    return act


def settling(uid: str, place: int, what: int) -> Act:
    """Close, reverse, set something, or pay in and out."""
    side = (LONG, SHORT)[place % 2] if HEDGED[uid] else PositionSide.BOTH
    acts: list[Act] = [
        lambda engine: engine.close_all(uid, engine.now),
        lambda engine: engine.close_all(uid, engine.now, symbol=BTC),
        lambda engine: engine.reverse(uid, BTC, engine.now, position_side=side),
        lambda engine: engine.set_leverage(uid, BTC, side, 1 + place, engine.now),
        lambda engine: engine.set_margin_type(uid, BTC, "ISOLATED", engine.now),
        lambda engine: engine.adjust_margin(uid, BTC, D(place - 5), engine.now, position_side=side),
        lambda engine: engine.transfer(uid, D(place - 5), engine.now),
        lambda engine: engine.cancel_all_after(uid, 2 + place, engine.now),
        lambda engine: engine.cancel_all(uid, engine.now),
    ]
    return acts[what % len(acts)]


def slicing(uid: str, quantity: Decimal, side: OrderSide) -> Act:
    """Buy or sell in slices."""
    return lambda engine: engine.place_twap(
        uid,
        BTC,
        side,
        None,
        engine.now,
        price_type="constant",
        price_variance=D("0.2"),
        trigger_price=D(100),
        interval=5,
        amount_per_order=quantity,
        total_amount=3 * quantity,
    )


uids = st.sampled_from(UIDS)
places = st.integers(0, 9)
acts: st.SearchStrategy[Act] = st.one_of(
    st.builds(placing, uids, orders(), places),
    st.builds(placing, uids, orders(), places),
    st.builds(placing, uids, orders(), places),
    st.builds(ending, uids, st.sampled_from(CLOSING), st.integers(96, 104), quantities),
    st.builds(touching, uids, places, quantities, st.integers(0, 2)),
    st.builds(settling, uids, places, places),
    st.builds(slicing, uids, quantities, st.sampled_from([BUY, SELL])),
)
pauses = st.sampled_from([0, 0, 0.25, 0.4, 1, 1.5, 3, 7])
plans = st.lists(st.tuples(pauses, acts), min_size=5, max_size=25)
meeting = st.builds(near, uids, st.integers(98, 102), quantities, st.sampled_from([BUY, SELL]))
crowds = st.lists(st.tuples(pauses, meeting | meeting | acts), min_size=5, max_size=25)


def start(market: Script) -> Engine:
    """Open an exchange with three accounts that hold something, one of them in one-way mode."""
    engine = Engine(market, START)
    for uid, hedge in HEDGED.items():
        engine.transfer(uid, D(400), START)
        engine.set_hedge(uid, hedge, START)
        side = None if hedge else PositionSide.BOTH
        new = NewOrder(symbol=BTC, side=BUY, type=OrderType.MARKET, position_side=side)
        new.quantity = D("0.5")
        engine.place(uid, new, START)
    return engine


def play(engine: Engine, plan: list[Step], between: Callable[[Engine], Engine]) -> Engine:
    """Follow a plan, and do something before each step."""
    seconds = (engine.now - START).total_seconds()
    for pause, act in plan:
        seconds += pause
        engine = between(engine)
        engine.advance(at(seconds))
        with suppress(ApiError):
            act(engine)
    engine.advance(at(seconds + 20))
    return engine


def untouched(engine: Engine) -> Engine:
    return engine


# --- the invariants ---


def assert_money(account: Account) -> None:
    """The balance follows from the income records, and from the fills."""
    by_type: defaultdict[str, Decimal] = defaultdict(Decimal)
    for income in account.income:
        by_type[income.type] += income.amount
    assert account.balance() == sum(by_type.values())
    assert by_type[IncomeType.REALIZED_PNL] == sum(it.profit for it in account.fills)
    assert by_type[IncomeType.TRADING_FEE] == -sum(it.fee for it in account.fills)
    positions: list[ClosedPosition | Position] = [
        *account.closed,
        *account.positions.values(),
    ]
    assert by_type[IncomeType.FUNDING_FEE] == sum(it.funding for it in positions)
    assert by_type[IncomeType.TRADING_FEE] == -sum(it.fee for it in positions)
    assert by_type[IncomeType.REALIZED_PNL] == sum(it.profit for it in positions)


def assert_positions(account: Account) -> None:
    """A position is what was bought less what was sold; its cost is what that cost."""
    held: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    spent: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for fill in account.fills:
        sign = 1 if fill.side == BUY else -1
        held[fill.symbol, fill.position_side] += sign * fill.quantity
        spent[fill.symbol, fill.position_side] += sign * fill.quote + fill.profit
    for (symbol, side), quantity in held.items():
        position = account.position(symbol, PositionSide(side))
        assert (position.quantity if position else 0) == quantity
        assert (position.cost if position else 0) == spent[symbol, side]
        assert side != LONG or quantity >= 0
        assert side != SHORT or quantity <= 0
        if position is not None:
            assert position.isolated == (position.margin != 0)


def assert_orders(account: Account) -> None:
    """An order is what its fills say, none outside its limit and none beyond its quantity."""
    fills: defaultdict[int, list[Fill]] = defaultdict(list)
    for fill in account.fills:
        fills[fill.order_id].append(fill)
    for order in account.orders:
        own = fills[order.order_id]
        for fill in own:
            if order.type in LIMITS:
                assert order.price is not None
                better = order.price - fill.price
                assert (better if order.side == BUY else -better) >= 0
        assert order.executed == sum(it.quantity for it in own) <= order.quantity
        assert order.quote == sum(it.quote for it in own)
        assert order.fee == sum(it.fee for it in own)
        assert order.profit == sum(it.profit for it in own)
        assert (order.status == OrderStatus.FILLED) == (0 < order.quantity == order.executed)
        assert order.is_open == (order.order_id in account.open_orders)
        assert not (order.rank and order.waiting)
        assert order.is_open == bool(order.rank or order.waiting)
        if order.is_open and order.reducing:
            assert account.position(order.symbol, order.position_side), "it could only open"


def assert_reducing(account: Account) -> None:
    """What may only make a position smaller never makes one larger, nor turns it over."""
    held: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    by_id = {order.order_id: order for order in account.orders}
    for fill in account.fills:
        key = (fill.symbol, fill.position_side)
        after = held[key] + (fill.quantity if fill.side == BUY else -fill.quantity)
        if by_id[fill.order_id].reducing:
            assert abs(after) == abs(held[key]) - fill.quantity
        held[key] = after


def assert_liquidity(engine: Engine) -> None:
    """No level of the market is eaten beyond its quantity within a tick."""
    eaten: defaultdict[tuple[str, datetime, OrderSide, Decimal], Decimal] = defaultdict(Decimal)
    for account in engine.accounts.values():
        for fill in account.fills:
            if fill.level is not None:
                tick = fill.time - timedelta(microseconds=fill.time.microsecond)
                eaten[fill.symbol, tick, fill.side, fill.level] += fill.quantity
    for (symbol, tick, side, price), quantity in eaten.items():
        bids, asks = engine.market.levels(symbol, tick, 50)
        levels = dict(asks if side == BUY else bids)
        assert quantity <= levels[price]


def assert_trades(engine: Engine) -> None:
    """A trade between accounts has two sides, which differ in whose they are and in direction."""
    trades: defaultdict[int, list[tuple[str, Fill]]] = defaultdict(list)
    for account in engine.accounts.values():
        numbers = [it.trade_id for it in account.fills]
        assert numbers == sorted(set(numbers))
        for fill in account.fills:
            trades[fill.trade_id].append((account.uid, fill))
    for sides in trades.values():
        if len(sides) == 1:
            assert sides[0][1].level is not None
            continue
        (one, first), (other, second) = sides
        assert one != other
        assert {first.side, second.side} == {BUY, SELL}
        assert {first.role, second.role} == {Role.MAKER, Role.TAKER}
        assert (first.price, first.quantity, first.time) == (
            second.price,
            second.quantity,
            second.time,
        )
        assert first.level is second.level is None
        event("accounts traded with each other")


def assert_book(engine: Engine) -> None:
    """No orders of two accounts rest that could trade with each other."""
    resting = [(it, it.price) for it in engine.orders.values() if it.rank and it.price]
    for bid, bid_price in resting:
        for ask, ask_price in resting:
            if (bid.side, ask.side) == (BUY, SELL) and bid.symbol == ask.symbol:
                assert bid.uid == ask.uid or bid_price < ask_price


def assert_sound(engine: Engine) -> Engine:
    for account in engine.accounts.values():
        assert_money(account)
        assert_positions(account)
        assert_orders(account)
        assert_reducing(account)
    assert_liquidity(engine)
    assert_trades(engine)
    assert_book(engine)
    return engine


def note(order: OrderRecord) -> None:
    if order.executed:
        event(f"{order.type} filled")
    if order.parent_id is not None:
        event("an attached order came to life")


@settings(max_examples=120, deadline=None)
@given(markets(), plans)
def test_the_books_always_balance(market: Script, plan: list[Step]) -> None:
    """Money, positions, orders, liquidity and trades agree with each other, after every step."""
    engine = play(start(market), plan, assert_sound)
    assert_sound(engine)
    for order in engine.orders.values():
        note(order)


@settings(max_examples=60, deadline=None)
@given(markets(), crowds)
def test_accounts_among_themselves_conserve_quantity(market: Script, plan: list[Step]) -> None:
    """Where the market offers nothing, what one has bought another one has sold."""
    market.depth = 0
    engine = play(start(market), plan, assert_sound)
    assert_sound(engine)
    for symbol in (BTC, ETH):
        held = [it.position(symbol, side) for it in engine.accounts.values() for side in SIDES]
        assert sum(it.quantity for it in held if it is not None) == 0
    every = [fill for account in engine.accounts.values() for fill in account.fills]
    assert sum(it.quantity if it.side == BUY else -it.quantity for it in every) == 0
    assert sum(it.quote if it.side == BUY else -it.quote for it in every) == 0


@settings(max_examples=80, deadline=None)
@given(markets(), plans, st.lists(st.sampled_from([0.1, 0.5, 1, 2.3]), max_size=20))
def test_it_does_not_matter_how_often_time_is_let_pass(
    market: Script, plan: list[Step], pieces: list[float]
) -> None:
    """Advancing in many steps is advancing at once."""
    in_pieces = start(market)
    seconds = 0.0
    for pause, act in plan:
        seconds += pause
        for piece in pieces:
            moment = min(in_pieces.now + timedelta(seconds=piece), at(seconds))
            in_pieces.advance(moment)
        in_pieces.advance(at(seconds))
        with suppress(ApiError):
            act(in_pieces)
    while in_pieces.now < at(seconds + 20):
        in_pieces.advance(min(in_pieces.now + timedelta(seconds=0.3), at(seconds + 20)))
    assert in_pieces.dump() == play(start(market), plan, untouched).dump()


@settings(max_examples=60, deadline=None)
@given(markets(), plans)
def test_saving_and_loading_changes_nothing(market: Script, plan: list[Step]) -> None:
    """Before every step, through JSON."""

    def reload(engine: Engine) -> Engine:
        return Engine.load(json.loads(json.dumps(engine.dump())), market)

    saved = play(start(market), plan, reload)
    assert saved.dump() == play(start(market), plan, untouched).dump()

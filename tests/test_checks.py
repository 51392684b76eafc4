"""Facts about what is refused before it is sent."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import attrs
import pytest

from bingx_async import BingX
from bingx_async.converter import converter
from bingx_async.endpoint import endpoints_of
from bingx_async.errors import InvalidRequest, Rejected
from bingx_async.swap import checks
from bingx_async.swap.models.common import OrderType, StopGuaranteed, WorkingType
from bingx_async.swap.models.orders import (
    AttachedOrder,
    FailedOrder,
    NewOrder,
    NewReplacement,
    Order,
    PlacedOrders,
)
from bingx_async.swap.orders import Orders
from bingx_async.wire import wire_name

ENDPOINTS = BingX.endpoints()
SAMPLES = Path(__file__).parent / "samples" / "swap"
ONE = Decimal(1)
COMPLETE = {
    "LIMIT": {"price": ONE, "quantity": ONE},
    "MARKET": {"quantity": ONE},
    "STOP_MARKET": {"stop_price": ONE, "quantity": ONE},
    "TAKE_PROFIT_MARKET": {"stop_price": ONE, "quantity": ONE},
    "TRIGGER_MARKET": {"stop_price": ONE, "quantity": ONE},
    "STOP": {"price": ONE, "stop_price": ONE, "quantity": ONE},
    "TAKE_PROFIT": {"price": ONE, "stop_price": ONE, "quantity": ONE},
    "TRIGGER_LIMIT": {"price": ONE, "stop_price": ONE, "quantity": ONE},
    "TRAILING_STOP_MARKET": {"price_rate": ONE},
    "TRAILING_TP_SL": {"price": ONE},
}


def order(type_, **fields):
    return NewOrder(symbol="BTC-USDT", side="BUY", type=OrderType(type_), **fields)


def attached(type_, **fields):
    return AttachedOrder(type=OrderType(type_), stop_price=ONE, **fields)


def params(name, *args, **kwargs):
    return ENDPOINTS[f"swap.{name}"].params(*args, **kwargs)


def refusal(check, *args):
    """Return what a check has to say against parameters, or ``None``."""
    try:
        check(*args)
    except InvalidRequest as exc:
        assert exc.code is None
        return exc.message
    return None


def fields_of(cls):
    return {field.name: (field.type, field.default) for field in attrs.fields(cls)}


@pytest.mark.parametrize("name", ["place_order", "test_order"])
def test_a_single_order_and_one_of_a_batch_are_told_alike(name):
    """With the same names, types, defaults and wire names."""
    assert fields_of(ENDPOINTS[f"swap.{name}"].params) == fields_of(attrs.resolve_types(NewOrder))


def test_a_single_replacement_and_one_of_a_batch_are_told_alike():
    """But for the value in place of a quantity, which replacing one order does not take."""
    single = {n: t for n, (t, _) in fields_of(ENDPOINTS["swap.replace_order"].params).items()}
    batch = {n: t for n, (t, _) in fields_of(attrs.resolve_types(NewReplacement)).items()}
    assert batch.pop("quote_order_qty") == Decimal | None
    assert batch.pop("position_side") == single.pop("position_side") | None
    assert single == batch


@pytest.mark.parametrize("name", sorted(n for n, e in endpoints_of(Orders).items() if e.check))
def test_no_check_refuses_what_its_sample_sends(name):
    """Which is every parameter at once."""
    endpoint = ENDPOINTS[f"swap.{name}"]
    given = json.loads((SAMPLES / f"{name}.json").read_text())["request"]
    keys = {field.name: wire_name(field) for field in attrs.fields(endpoint.params)}
    sample = {keys[name]: value for name, value in given.items()}
    endpoint.check(converter.structure(sample, endpoint.params))


def test_every_known_type_has_its_demands():
    """None is forgotten when one is added."""
    assert {OrderType(type_) for type_ in COMPLETE} == set(OrderType)


@pytest.mark.parametrize("type_", COMPLETE)
def test_a_complete_order_passes(type_):
    """With what its type demands, and no more."""
    checks.new_order(order(type_, **COMPLETE[type_]))


@pytest.mark.parametrize(
    ("type_", "name"), [(t, n) for t, names in COMPLETE.items() for n in names]
)
def test_an_order_without_what_its_type_demands_is_refused(type_, name):
    """The message says what is missing."""
    fields = {key: value for key, value in COMPLETE[type_].items() if key != name}
    message = refusal(checks.new_order, order(type_, **fields))
    assert message.startswith(f"a {type_} order needs ")
    assert name in message
    assert message.endswith("missing")


def test_the_message_lists_what_is_missing():
    """In a sentence."""
    assert refusal(checks.new_order, order("LIMIT", quantity=ONE)) == (
        "a LIMIT order needs price and quantity: price is missing"
    )
    assert refusal(checks.new_order, order("STOP", price=ONE)) == (
        "a STOP order needs price, stop_price and quantity: stop_price and quantity are missing"
    )
    assert refusal(checks.new_order, order("MARKET")) == (
        "a MARKET order needs quantity: quantity is missing"
    )
    assert refusal(checks.new_order, order("TRAILING_TP_SL")) == (
        "a TRAILING_TP_SL order needs price or price_rate: both are missing"
    )


@pytest.mark.parametrize(
    ("type_", "instead"),
    [
        ("MARKET", {"quote_order_qty": ONE}),
        ("STOP_MARKET", {"stop_price": ONE, "close_position": True}),
        ("TAKE_PROFIT_MARKET", {"stop_price": ONE, "close_position": True}),
        ("STOP", {"price": ONE, "stop_price": ONE, "stop_guaranteed": StopGuaranteed.TRUE}),
        ("STOP_MARKET", {"stop_price": ONE, "stop_guaranteed": StopGuaranteed.CUT_FEE}),
    ],
)
def test_something_else_may_stand_for_the_quantity(type_, instead):
    """Its value, the whole position, or what is guaranteed of it."""
    checks.new_order(order(type_, **instead))


def test_a_zero_is_given():
    """Whether it makes sense is for the exchange to say."""
    checks.new_order(order("LIMIT", price=Decimal(0), quantity=Decimal(0)))


def test_a_new_word_is_left_to_the_exchange():
    """It may come with demands that nobody knows here."""
    checks.new_order(order("A_NEW_TYPE", close_position=True, quantity=ONE, reduce_only=True))
    checks.new_order(order("MARKET", quantity=ONE, stop_loss=attached("A_NEW_TYPE")))
    checks.new_order(
        order("STOP", **COMPLETE["STOP"], stop_guaranteed="true", working_type="A_NEW_PRICE")
    )


@pytest.mark.parametrize("type_", ["TRAILING_STOP_MARKET", "TRAILING_TP_SL"])
def test_a_callback_rate_is_at_most_one(type_):
    """One is all of the price."""
    assert refusal(checks.new_order, order(type_, price_rate=Decimal("1.01"))) == (
        "price_rate is a fraction of at most 1, not 1.01"
    )
    checks.new_order(order(type_, price=ONE, price_rate=ONE))


@pytest.mark.parametrize(
    ("type_", "fields", "message"),
    [
        ("STOP", COMPLETE["STOP"], "STOP_MARKET or TAKE_PROFIT_MARKET only, not with STOP"),
        ("LIMIT", COMPLETE["LIMIT"], "STOP_MARKET or TAKE_PROFIT_MARKET only, not with LIMIT"),
        ("STOP_MARKET", COMPLETE["STOP_MARKET"], "leave quantity out"),
        ("STOP_MARKET", {"stop_price": ONE, "reduce_only": True}, "leave reduce_only out"),
    ],
)
def test_an_order_that_closes_a_position_says_nothing_else_about_it(type_, fields, message):
    """It is a stop or a take profit at the market, without a quantity."""
    assert message in refusal(checks.new_order, order(type_, **fields, close_position=True))
    checks.new_order(order(type_, **{**COMPLETE[type_], **fields}, close_position=False))


@pytest.mark.parametrize("type_", ["STOP", "STOP_MARKET"])
def test_a_guaranteed_stop_is_triggered_by_the_price_of_the_last_trade(type_):
    """No other price can be guaranteed; without a word about it the exchange may choose."""

    def guaranteed(by, working_type):
        return order(
            type_, **COMPLETE[type_], stop_guaranteed=StopGuaranteed(by), working_type=working_type
        )

    for price in (WorkingType.MARK_PRICE, WorkingType.INDEX_PRICE):
        for by in ("true", "cutfee"):
            assert refusal(checks.new_order, guaranteed(by, price)) == (
                f"a {type_} order with stop_guaranteed needs working_type CONTRACT_PRICE,"
                f" not {price}"
            )
        checks.new_order(guaranteed("false", price))
    for price in (WorkingType.CONTRACT_PRICE, None):
        checks.new_order(guaranteed("true", price))


def test_a_stop_loss_is_a_stop_and_a_take_profit_takes_profit():
    """Mixed up, they would close at the wrong side of the price."""
    for stop in (attached("STOP_MARKET"), attached("STOP", price=ONE)):
        checks.new_order(order("MARKET", quantity=ONE, stop_loss=stop))
        assert refusal(checks.new_order, order("MARKET", quantity=ONE, take_profit=stop)) == (
            f"take_profit.type is TAKE_PROFIT_MARKET or TAKE_PROFIT, not {stop.type}"
        )
    for profit in (attached("TAKE_PROFIT_MARKET"), attached("TAKE_PROFIT", price=ONE)):
        checks.new_order(order("MARKET", quantity=ONE, take_profit=profit))
        assert refusal(checks.new_order, order("MARKET", quantity=ONE, stop_loss=profit)) == (
            f"stop_loss.type is STOP_MARKET or STOP, not {profit.type}"
        )


def test_an_attached_limit_order_needs_its_price():
    """As it does by itself."""
    assert refusal(
        checks.new_order, order("LIMIT", **COMPLETE["LIMIT"], stop_loss=attached("STOP"))
    ) == ("stop_loss.price is missing: STOP needs it")
    assert refusal(
        checks.new_order, order("LIMIT", **COMPLETE["LIMIT"], take_profit=attached("TAKE_PROFIT"))
    ) == ("take_profit.price is missing: TAKE_PROFIT needs it")


@pytest.mark.parametrize("length", [0, 1, 40, 41])
@pytest.mark.parametrize("name", ["place_order", "cancel_order", "order", "open_order"])
def test_an_own_id_has_one_to_forty_characters(name, length):
    """Where an order is placed, and where it is asked for."""
    more = {"side": "BUY", "type": "MARKET", "quantity": ONE} if name == "place_order" else {}
    asked = params(name, "BTC-USDT", client_order_id="x" * length, **more)
    message = refusal(ENDPOINTS[f"swap.{name}"].check, asked)
    assert message == (
        None if 1 <= length <= 40 else f"client_order_id has 1 to 40 characters, not {length}"
    )


@pytest.mark.parametrize(
    ("name", "args", "ids"),
    [
        ("cancel_order", ["BTC-USDT"], ("order_id", "client_order_id")),
        ("order", ["BTC-USDT"], ("order_id", "client_order_id")),
        ("open_order", ["BTC-USDT"], ("order_id", "client_order_id")),
        ("amend_order", ["BTC-USDT", ONE], ("order_id", "client_order_id")),
    ],
)
def test_an_order_is_named_by_one_of_its_ids(name, args, ids):
    """Either of them, or both."""
    check = ENDPOINTS[f"swap.{name}"].check
    number, own = ids
    assert refusal(check, params(name, *args)) == f"pass {number} or {own}"
    check(params(name, *args, **{number: 7}))
    check(params(name, *args, **{own: "grid-17"}))
    check(params(name, *args, **{number: 7, own: "grid-17"}))


def test_a_replacement_names_the_old_order_and_is_a_complete_new_one():
    """Alone and in a batch."""
    base = {"cancel_replace_mode": "ALLOW_FAILURE", "symbol": "BTC-USDT", "side": "BUY"}
    single, batch = ENDPOINTS["swap.replace_order"], ENDPOINTS["swap.replace_orders"]
    for fields, message in (
        ({"quantity": ONE}, "pass cancel_order_id or cancel_client_order_id"),
        ({"cancel_order_id": 7}, "a MARKET order needs quantity: quantity is missing"),
        ({"cancel_order_id": 7, "quantity": ONE}, None),
        ({"cancel_client_order_id": "grid-17", "quantity": ONE}, None),
    ):
        market = {**base, "type": OrderType.MARKET, "position_side": "LONG", **fields}
        assert refusal(single.check, single.params(**market)) == message
        rows = [NewReplacement(**market)]
        found = refusal(batch.check, batch.params(rows))
        assert found == (message and f"batch_orders[0]: {message}")


def test_a_batch_holds_one_to_five_orders_and_says_which_one_is_wrong():
    """By its place in the list."""
    check = ENDPOINTS["swap.place_orders"].check
    good, bad = order("MARKET", quantity=ONE), order("LIMIT", quantity=ONE)
    for size in (1, 5):
        check(params("place_orders", [good] * size))
    for size in (0, 6):
        assert refusal(check, params("place_orders", [good] * size)) == (
            f"batch_orders takes 1 to 5 entries, not {size}"
        )
    assert refusal(check, params("place_orders", [good, good, bad])) == (
        "batch_orders[2]: a LIMIT order needs price and quantity: price is missing"
    )


def test_up_to_ten_orders_are_cancelled_at_once():
    """By one list of ids, or by both."""
    check = ENDPOINTS["swap.cancel_orders"].check
    assert refusal(check, params("cancel_orders", "BTC-USDT")) == (
        "pass order_id_list or client_order_id_list"
    )
    for name, entry in (("order_id_list", 7), ("client_order_id_list", "grid-17")):
        for size in (1, 10):
            check(params("cancel_orders", "BTC-USDT", **{name: [entry] * size}))
        for size in (0, 11):
            assert refusal(
                check, params("cancel_orders", "BTC-USDT", **{name: [entry] * size})
            ) == (f"{name} takes 1 to 10 entries, not {size}")
    check(params("cancel_orders", "BTC-USDT", [7], ["grid-17"]))


def test_a_countdown_that_is_started_lasts_ten_to_a_hundred_and_twenty_seconds():
    """One that is stopped lasts no time at all."""
    check = ENDPOINTS["swap.cancel_all_after"].check
    for seconds in (10, 120):
        check(params("cancel_all_after", "ACTIVATE", seconds))
    for seconds in (0, 9, 121):
        assert refusal(check, params("cancel_all_after", "ACTIVATE", seconds)) == (
            f"time_out is 10 to 120 seconds, not {seconds}"
        )
        check(params("cancel_all_after", "CLOSE", seconds))


def test_orders_are_read_for_seven_days_at_most():
    """However the two times are written, and only if there are two."""
    check = ENDPOINTS["swap.all_orders"].check
    start, end = datetime(2025, 11, 1, tzinfo=UTC), datetime(2025, 11, 8, tzinfo=UTC)
    late = int(end.timestamp() * 1000) + 1
    check(params("all_orders", start_time=start, end_time=end))
    check(params("all_orders", start_time=start))
    check(params("all_orders", end_time=late))
    assert refusal(check, params("all_orders", start_time=start, end_time=late)) == (
        "start_time and end_time may be at most 7 days apart"
    )


PLACED = {"symbol": "A", "orderId": 7, "side": "BUY", "positionSide": "BOTH", "type": "MARKET"}
REFUSED = {"symbol": "A", "clientOrderId": "grid-17", "code": 101204, "msg": "too little"}


@pytest.mark.parametrize(
    "answer",
    [
        {"orders": [REFUSED, PLACED]},
        {"orders": [PLACED], "errors": [REFUSED]},
        {"orders": [PLACED, {**REFUSED, "orderId": 0, "side": "", "type": ""}], "errors": None},
        [PLACED, REFUSED],
    ],
)
def test_a_refused_row_of_a_batch_is_no_order_wherever_it_stands(answer):
    """So that the others, which were placed, can be read."""
    found = converter.structure(answer, PlacedOrders)
    assert found.orders == [converter.structure(PLACED, Order)]
    (refused,) = found.errors
    assert (refused.error_code, refused.error_message) == (101204, "too little")
    assert (refused.symbol, refused.client_order_id) == ("A", "grid-17")


def test_a_refused_row_may_have_a_number():
    """An order with an error is not taken for one that was placed."""
    found = converter.structure({"orders": [{**PLACED, "errorCode": "80012"}]}, PlacedOrders)
    assert found == PlacedOrders(
        errors=[FailedOrder(80012, None, 7, None, "A", "BUY", "BOTH", "MARKET")]
    )


def test_a_refused_row_is_the_error_that_a_single_order_would_have_raised():
    """Its class tells the reaction."""
    error = FailedOrder(error_code=109400, error_message="price is wrong").error
    assert isinstance(error, InvalidRequest)
    assert (error.code, error.message) == (109400, "price is wrong")
    unnamed = FailedOrder().error
    assert isinstance(unnamed, Rejected)
    assert unnamed.message == "no message"

"""Facts about answers as the exchange really sends them."""

from __future__ import annotations

import copy
import itertools
import json
import pickle
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, NamedTuple

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bingx_async.converter import converter
from bingx_async.wire import OpenEnum, WireError, decode, encode, wire, wire_name


class Side(OpenEnum):
    """A word."""

    LONG = "LONG"
    SHORT = "SHORT"
    ONLINE = "1"


@attrs.define
class Leg:
    """An object inside another."""

    price: Decimal
    kind: str | None = None


@attrs.define
class Row:
    """One of everything, all of it required."""

    symbol: str
    count: int
    amount: Decimal
    flag: bool
    time: datetime
    side: Side
    leg: Leg
    legs: list[Leg]


@attrs.define
class Loose:
    """One of everything, none of it required."""

    symbol: str | None = None
    count: int | None = None
    amount: Decimal | None = None
    flag: bool | None = None
    time: datetime | None = None
    side: Side | None = None
    leg: Leg | None = None
    legs: list[Leg] = attrs.Factory(list)
    window: int = 5000
    client_id: Annotated[str | None, wire("clientOrderID")] = None
    minimum: Annotated[Decimal | None, wire("tradeMinUSDT")] = attrs.field(
        default=None, kw_only=True
    )


_GOOD = {
    "symbol": "BTC-USDT",
    "count": 7,
    "amount": Decimal("1.50"),
    "flag": True,
    "time": 1727193814249,
    "side": "LONG",
    "leg": {"price": "3"},
    "legs": [{"price": 1}, {"price": "2", "kind": "x"}],
}
_TIME = datetime(2024, 9, 24, 16, 3, 34, 249000, tzinfo=UTC)


def loose(**fields):
    return converter.structure(fields, Loose)


def test_a_well_formed_answer_becomes_its_class():
    """Every field has the declared type."""
    assert converter.structure(_GOOD, Row) == Row(
        symbol="BTC-USDT",
        count=7,
        amount=Decimal("1.50"),
        flag=True,
        time=_TIME,
        side=Side.LONG,
        leg=Leg(Decimal(3)),
        legs=[Leg(Decimal(1)), Leg(Decimal(2), "x")],
    )


def test_an_answer_may_be_empty_where_nothing_is_required():
    """What is missing has its default."""
    assert loose() == Loose()


def test_unknown_fields_are_ignored():
    """New ones appear without notice."""
    assert loose(symbol="X", novelty={"a": 1}) == Loose(symbol="X")


@pytest.mark.parametrize("nothing", [None, ""])
@pytest.mark.parametrize(
    "key", ["symbol", "count", "amount", "flag", "time", "side", "leg", "clientOrderID"]
)
def test_null_and_empty_text_stand_for_nothing(key, nothing):
    """No number is not zero."""
    assert converter.structure({key: nothing}, Loose) == Loose()


@pytest.mark.parametrize("nothing", [0, -1, "0", "-1"])
def test_a_time_that_never_was_is_none(nothing):
    """The exchange writes 0 where nothing is planned."""
    assert loose(time=nothing).time is None


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (5, 5),
        ("5", 5),
        ("5X", 5),
        ("10x", 10),
        (" 7 ", 7),
        ("-7", -7),
        ("5.0", 5),
        (Decimal("5.00"), 5),
        (Decimal("1E+3"), 1000),
        (1234567890123456789, 1234567890123456789),
        ("1234567890123456789012", 1234567890123456789012),
        ("9" * 60, int("9" * 60)),
    ],
)
def test_whole_numbers_come_in_every_form(value, number):
    """As ints, as text, with a sign of multiplication, and of any length."""
    result = loose(count=value).count

    assert result == number
    assert type(result) is int


@pytest.mark.parametrize(
    "value",
    ["", "x", "5Y", "1.5", Decimal("1.5"), True, [1], {"a": 1}, "1E+999999", "NaN", "9" * 5000],
)
def test_what_is_no_whole_number_is_refused(value):
    """Nothing is rounded, and nothing fills the memory."""
    with pytest.raises(WireError) as caught:
        converter.structure({**_GOOD, "count": value}, Row)

    assert caught.value.field == "count"
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("0.1", "0.1"),
        ("1.50", "1.50"),
        (Decimal("1.50"), "1.50"),
        (3, "3"),
        ("2.91%", "2.91"),
        ("10X", "10"),
        ("1e-8", "1E-8"),
        (10**30, "1" + "0" * 30),
        ("0.12345678901234567890123456789", "0.12345678901234567890123456789"),
    ],
)
def test_decimals_keep_every_digit(value, number):
    """The digits are those of the text."""
    result = loose(amount=value).amount

    assert str(result) == str(Decimal(number))
    assert type(result) is Decimal


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-inf", "abc", "1.2.3", "%", True, [], {}])
def test_what_is_no_number_is_refused(value):
    """Infinity is no price."""
    with pytest.raises(WireError, match="expected a number"):
        loose(amount=value)


@pytest.mark.parametrize(
    ("value", "flag"),
    [(True, True), (False, False), ("true", True), ("false", False), ("TRUE", True), (1, True),
     (0, False), ("1", True), ("0", False)],
)  # fmt: skip
def test_booleans_come_in_every_form(value, flag):
    """As booleans, as words, as digits."""
    assert loose(flag=value).flag is flag


@pytest.mark.parametrize("value", ["yes", 2, "maybe", [], {}])
def test_what_is_no_boolean_is_refused(value):
    """A guess could open a position."""
    with pytest.raises(WireError, match="expected true or false"):
        loose(flag=value)


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (1727193814249, _TIME),
        ("1727193814249", _TIME),
        (Decimal(1727193814249), _TIME),
        (1727193814, _TIME.replace(microsecond=0)),
        ("2024-09-24T16:03:34.249Z", _TIME),
        ("2024-09-25T00:03:34.249+0800", _TIME),
        ("2024-09-24 16:03:34.249", _TIME),
    ],
)
def test_times_come_in_every_form(value, moment):
    """In milliseconds, in seconds, as dates with and without a zone; always in UTC."""
    result = loose(time=value).time

    assert result == moment
    assert result.tzinfo is UTC


@pytest.mark.parametrize("value", ["soon", "2024-13-01", 10**18, 1.5, "1727193814249.5", []])
def test_what_is_no_time_is_refused(value):
    """Nor is a year that no calendar has."""
    with pytest.raises(WireError):
        loose(time=value)


def test_a_required_time_must_be_one():
    """Zero is not 1970 here."""
    with pytest.raises(WireError, match="expected a time"):
        converter.structure({**_GOOD, "time": 0}, Row)


def test_known_words_are_found_in_any_case():
    """``Long`` on some answers is ``LONG`` on others."""
    assert loose(side="Long").side is Side.LONG
    assert loose(side=1).side is Side.ONLINE


def test_an_unknown_word_is_kept_and_says_so():
    """One new word must not make a whole answer unreadable."""
    side = loose(side="SIDEWAYS").side

    assert side == "SIDEWAYS"
    assert isinstance(side, Side)
    assert not side.is_known
    assert side.name == "UNKNOWN"
    assert repr(side) == "<Side.UNKNOWN: 'SIDEWAYS'>"
    assert pickle.loads(pickle.dumps(side)) == copy.deepcopy(side) == side  # noqa: S301
    assert {side: 1}["SIDEWAYS"] == 1
    assert Side.LONG.is_known
    assert len(Side) == 3


@pytest.mark.parametrize("value", [[], {}, ""])
def test_what_is_no_word_is_refused(value):
    """A list is no side, and neither is nothing where one is required."""
    with pytest.raises(WireError) as caught:
        converter.structure({**_GOOD, "side": value}, Row)
    assert caught.value.field == "side"


def test_an_enum_refuses_what_is_not_text():
    """As Python's enums do."""
    with pytest.raises(ValueError, match="5 is not a valid Side"):
        Side(5)


def test_json_inside_strings_is_read():
    """As an object, a list, or packed twice; an empty string is nothing."""
    legs = json.dumps([{"price": "1"}])

    assert loose(leg='{"price": 0.10}').leg == Leg(Decimal("0.10"))
    assert loose(legs=legs).legs == [Leg(Decimal(1))]
    assert loose(legs=json.dumps(legs)).legs == [Leg(Decimal(1))]
    assert loose(legs="").legs == loose(legs=None).legs == []


def test_one_object_stands_for_a_list_of_one():
    """One symbol gives an object, no symbol gives a list."""
    assert loose(legs={"price": 2}).legs == [Leg(Decimal(2))]


@pytest.mark.parametrize(
    ("path", "value", "field", "reason"),
    [
        (["symbol"], None, "symbol", "expected text, got None"),
        (["symbol"], {}, "symbol", "expected text, got {}"),
        (["leg", "price"], "x", "leg.price", "expected a number, got 'x'"),
        (["legs", 1, "price"], None, "legs[1].price", "expected a number, got None"),
        (["legs", 0], 5, "legs[0]", "expected an object, got 5"),
        (["legs"], 5, "legs", "expected a list, got 5"),
        (["leg"], "{", "leg", "not JSON"),
        (["leg"], "[]", "leg", "expected an object"),
        (["side"], [], "side", "expected text, got []"),
    ],
)
def test_an_error_says_where(path, value, field, reason):
    """From the outside in, with what was found there."""
    answer = copy.deepcopy(_GOOD)
    place = answer
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value

    with pytest.raises(WireError) as caught:
        converter.structure(answer, Row)

    assert caught.value.field == field
    assert reason in str(caught.value)


@pytest.mark.parametrize("key", sorted(_GOOD))
def test_a_missing_required_field_is_named(key):
    """Its absence makes the answer meaningless."""
    answer = {name: value for name, value in _GOOD.items() if name != key}

    with pytest.raises(WireError, match="missing") as caught:
        converter.structure(answer, Row)

    assert caught.value.path == (key,)


def test_a_validator_of_the_class_itself_is_an_error_of_the_answer():
    """Not a bare ValueError out of nowhere."""

    def even(_, __, value):
        if value % 2:
            raise ValueError("odd")

    cls = attrs.make_class("Even", {"number": attrs.field(type=int, validator=even)})

    with pytest.raises(WireError, match="Even: odd"):
        converter.structure({"number": 3}, cls)


def test_text_may_come_as_a_number():
    """An identifier keeps every digit."""
    assert loose(symbol=12345678901234567890).symbol == "12345678901234567890"
    assert loose(symbol=Decimal("1.10")).symbol == "1.10"
    assert loose(symbol=False).symbol == "false"


def test_odd_names_are_marked():
    """And all others are the camelCase of their own."""
    names = {field.name: wire_name(field) for field in attrs.fields(Loose)}

    assert names["minimum"] == "tradeMinUSDT"
    assert names["client_id"] == "clientOrderID"
    assert converter.structure({"tradeMinUSDT": 2, "clientOrderID": 5}, Loose) == Loose(
        minimum=Decimal(2), client_id="5"
    )


def test_what_equals_its_default_stays_out_of_a_request():
    """A default is the exchange's own."""
    assert converter.unstructure(Loose()) == {}
    assert converter.unstructure(Loose(window=1, time=_TIME, client_id="a")) == {
        "window": 1,
        "time": 1727193814249,
        "clientOrderID": "a",
    }


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"NaN", b"[1e9999999999999999999]", b'"\xff"', b"[" * 10**5, b"1" * 5000, b"<p>"],
)
def test_what_is_no_json_is_refused(text):
    """Whatever it is."""
    with pytest.raises(WireError, match="not JSON"):
        decode(text)


@given(st.integers(min_value=-(10**60), max_value=10**60))
def test_integers_of_any_length_survive(number):
    """To the last digit, and never by way of a float."""
    assert decode(str(number)) == number
    assert type(decode(str(number))) is int


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30))
def test_decimals_of_any_length_survive(number):
    """As a JSON number and as text."""
    text = format(number, "f")

    assert str(converter.structure(decode(text), Decimal)) == str(Decimal(text))
    assert str(converter.structure(text, Decimal)) == str(Decimal(text))


_millisecond = timedelta(milliseconds=1)
_decimals = st.decimals(allow_nan=False, allow_infinity=False, places=8, max_value=10**12)
_legs = st.builds(Leg, price=_decimals, kind=st.none() | st.text(min_size=1))
_rows = st.builds(
    Row,
    symbol=st.text(),
    count=st.integers(),
    amount=_decimals,
    flag=st.booleans(),
    time=st.datetimes(
        min_value=datetime(1973, 3, 4),  # noqa: DTZ001 - hypothesis wants it bare
        timezones=st.just(UTC),
    ).map(lambda moment: moment - timedelta(microseconds=moment.microsecond % 1000)),
    side=st.sampled_from(Side) | st.text(min_size=1).map(Side),
    leg=_legs,
    legs=st.lists(_legs, max_size=3),
)


@given(_rows)
def test_a_model_survives_the_way_to_the_wire_and_back(row):
    """Whatever its values."""
    assert converter.structure(decode(encode(converter.unstructure(row))), Row) == row


_anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["price", "kind", "a"]), inner)
    ),
)


@given(st.dictionaries(st.sampled_from([*_GOOD, "x"]), _anything), st.sampled_from([Row, Loose]))
def test_nothing_but_a_wire_error_comes_out(answer, cls):
    """Whatever came in."""
    try:
        assert isinstance(converter.structure(answer, cls), cls)
    except WireError as exc:
        assert exc.reason


def test_an_object_without_what_makes_it_one_is_none():
    """Such as the stop loss of an order without one, whose other fields may hold a default."""
    for empty in ({}, {"price": "", "kind": "x"}, {"price": 0, "kind": "x"}, '{"kind": "x"}'):
        assert converter.structure({"leg": empty}, Loose) == Loose()
    assert converter.structure({"leg": {"price": "0.1"}}, Loose).leg == Leg(Decimal("0.1"))


@attrs.define
class Replacing:
    """Two ids, of which one is called like the other elsewhere."""

    client_order_id: str | None = None
    cancel_client_order_id: str | None = None


def test_a_field_reads_no_key_that_belongs_to_another():
    """Even if it is another spelling of its own elsewhere."""
    given = {"cancelClientOrderId": "old"}
    assert converter.structure(given, Replacing) == Replacing(None, "old")
    odd = {**given, "clientOrderId": 7}
    assert converter.structure(odd, Replacing) == Replacing("7", "old")


class Guarantee(OpenEnum):
    """A word that is a boolean in some answers."""

    YES = "true"
    NO = "false"
    CHEAP = "cutfee"


class Numbered(OpenEnum):
    """A word that is a number or a boolean, which are not the same."""

    ONE = "1"
    TRUE = "true"


class Level(NamedTuple):
    """An array whose places have a meaning."""

    price: Decimal
    side: Side | None


def outcome(value, type_):
    """Show what is read, to the last digit, or why it is not."""
    try:
        return repr(converter.structure(value, type_))
    except WireError as exc:
        return exc.field, exc.reason


_ODD: list[object] = [
    *("", "0", "-1", "1", "true", "TRUE", "false", "cutfee", "LONG", "long", "x"),
    *("15X", "15x", "015X", "999X", "X", "\u0663", "\u0663X", "5%", " 7 ", "1_0", "-0.10", "."),
    *(
        "NaN",
        "-nan",
        "sNaN1",
        "Infinity",
        "-inf",
        "1E+999999999999999999",
        "1E-9999999999999999999",
    ),
    *(
        "1727193814249",
        "2024-09-24",
        "9" * 39,
        "9" * 40,
        "9" * 4200,
        "9" * 5000,
        "{}",
        "[]",
        '{"price": 2}',
    ),
    *(0, 1, -1, True, False, 5, 1727193814, 1727193814249, 10**13, 10**18, 10**40, None),
    *(Decimal(0), Decimal(1), Decimal("1.0"), Decimal("-0.0"), Decimal(1727193814249), Decimal(5)),
    *({}, {"price": 0}, {"price": "0"}, {"price": ""}, {"price": False}, {"price": Decimal("0.0")}),
    *({"kind": "x"}, {"price": 0, "kind": "x"}, {"price": "x"}, {"price": "2"}, {"price": []}),
    *([], [{"price": 1}], ["1"], ["1", "LONG"], ["2%", ""], [1, 1, "more"], ["1", "UP"], ["x", 1]),
]


@pytest.mark.parametrize(
    "type_",
    [
        str,
        int,
        Decimal,
        bool,
        datetime,
        Side,
        Guarantee,
        Numbered,
        Leg,
        Replacing,
        list[Leg],
        Level,
    ],
)
@given(text=st.text("0123456789.+-eExX%_ infa\u0663", max_size=6))
@settings(max_examples=20)
def test_the_code_made_for_a_class_reads_what_the_types_of_its_fields_read(type_, text):
    """It is faster at what comes every day, and neither more nor less strict with anything."""
    required = attrs.make_class("Required", {"x": attrs.field(type=type_)})
    optional = attrs.make_class("Optional", {"x": attrs.field(type=type_ | None, default=None)})
    for cls, hint in ((required, type_), (optional, type_ | None)):
        for value in (*_ODD, text):
            alone, inside = outcome(value, hint), outcome({"x": value}, cls)
            if isinstance(alone, str):
                assert inside == f"{cls.__name__}(x={alone})"
            else:
                assert inside[1] == alone[1]


def test_an_array_becomes_a_named_tuple():
    """What it has beyond the columns is ignored, and it may be text that holds JSON."""
    level = Level(Decimal("1.50"), Side.LONG)
    for array in (["1.50", "LONG"], [Decimal("1.50"), "Long", 7], '["1.50", "LONG"]'):
        assert converter.structure(array, Level) == level
    assert converter.structure(["2%", ""], Level) == Level(Decimal(2), None)

    for wrong in (["1"], [], {}, 5, "5"):
        with pytest.raises(WireError, match="expected an array of 2"):
            converter.structure(wrong, Level)
    with pytest.raises(WireError, match="expected a number"):
        converter.structure(["x", "LONG"], Level)


@attrs.define
class Told:
    """A field that must be told, one that may be, and two with a default."""

    qty: Decimal
    stop_price: Decimal | None = None
    position_id: int = 7
    success: list[int] = attrs.Factory(list)


_ABSENT = object()


@pytest.mark.parametrize(
    ("key", "other"),
    [
        ("qty", "volume"),
        ("stopPrice", "StopPrice"),
        ("positionId", "positionID"),
        ("success", "Success"),
    ],
)
def test_of_two_names_the_first_that_holds_something_counts(key, other):
    """Else the first that is there."""
    values = (_ABSENT, None, "", 0, "0", "5", "x", [], [5], {})
    rest = {} if key == "qty" else {"qty": "1"}
    for first, second in itertools.product(values, values):
        there = {key: first, other: second}
        there = {name: value for name, value in there.items() if value is not _ABSENT}
        full = [value for value in there.values() if value is not None and value != ""]
        counts = [*full, *there.values()][:1]

        told = outcome(rest | there, Told)
        expected = outcome(rest | dict(zip([key], counts, strict=False)), Told)
        assert told == expected if isinstance(expected, str) else told[1] == expected[1]


@attrs.define(on_setattr=attrs.setters.NO_OP)
class Doubled:
    """A field that is converted."""

    qty: int = attrs.field(converter=lambda value: value * 2)


@attrs.define
class DoubledAfterwards:
    """A field that is looked at once all are set."""

    qty: int

    def __attrs_post_init__(self) -> None:
        self.qty *= 2


@attrs.define
class DoubledByHand:
    """A class with an ``__init__`` of its own."""

    qty: int

    def __init__(self, qty) -> None:
        self.qty = qty * 2


@attrs.frozen
class Frozen:
    """A class whose fields cannot be set."""

    qty: int


@attrs.define
class Watched:
    """A field that something else happens to when it is set later."""

    qty: int = attrs.field(on_setattr=lambda _self, _field, value: value * 2)


@attrs.define
class Above:
    """A class whose ``__init__`` only sets the fields."""

    qty: int


class Below(Above):
    """What inherits from it, is not declared as a model, and does more."""

    def __init__(self, qty) -> None:
        super().__init__(qty * 2)


@pytest.mark.parametrize(
    ("cls", "qty"),
    [
        (Frozen, 5),
        (Watched, 5),
        (Below, 10),
        (Doubled, 10),
        (DoubledAfterwards, 10),
        (DoubledByHand, 10),
    ],
)
def test_an_instance_is_what_its_init_makes_it(cls, qty):
    """The code that is made for a class sets the fields itself only where that is the same."""
    made = converter.structure({"qty": "5"}, cls)

    assert type(made) is cls
    assert made.qty == qty

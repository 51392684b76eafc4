"""Facts about what contracts demand of orders."""

from decimal import Context, Decimal
from fractions import Fraction

import pytest
from attrs import asdict, define, evolve
from attrs.exceptions import FrozenInstanceError
from hypothesis import given
from hypothesis import strategies as st

from bingx_async.errors import ApiError, InvalidRequest
from bingx_async.swap.models.common import OrderSide, OrderType, PositionSide
from bingx_async.swap.models.market import Contract, ContractStatus
from bingx_async.swap.models.orders import AttachedOrder, NewOrder
from bingx_async.swap.rules import ContractRules, Rules

CONTRACT = Contract(
    symbol="BTC-USDT",
    asset="BTC",
    currency="USDT",
    status=ContractStatus.ONLINE,
    quantity_precision=4,
    price_precision=1,
    trade_min_quantity=Decimal("0.0001"),
    trade_min_usdt=Decimal(2),
    max_long_leverage=150,
    max_short_leverage=100,
)
RULES = Rules.of(CONTRACT)
ORDER = NewOrder(
    symbol="BTC-USDT",
    side=OrderSide.BUY,
    type=OrderType.LIMIT,
    position_side=PositionSide.LONG,
    quantity=Decimal("0.01"),
    price=Decimal("97000.5"),
)
MARKET = evolve(ORDER, type=OrderType.MARKET, price=None)

numbers = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent, Context(100)),
    st.integers(-(10**30), 10**30),
    st.integers(-20, 20),
)
positive = numbers.map(abs)
rules = st.builds(
    lambda price, quantity: Rules.of(
        evolve(CONTRACT, price_precision=price, quantity_precision=quantity)
    ),
    st.integers(-2, 12),
    st.integers(-2, 12),
)
sides = st.sampled_from([None, OrderSide.BUY, OrderSide.SELL])


def is_multiple(number, step):
    return (Fraction(number) / Fraction(step)).denominator == 1


@define
class Listing:
    """A caller that knows some contracts."""

    contracts: list[Contract]

    async def call(self, endpoint, params):
        assert endpoint.name == "swap.contracts"
        assert params.symbol == "BTC-USDT"
        return self.contracts


def test_rules_are_taken_from_a_contract():
    """Steps are made of the numbers of decimal places."""
    assert asdict(RULES) == {
        "symbol": "BTC-USDT",
        "price_step": Decimal("0.1"),
        "quantity_step": Decimal("0.0001"),
        "min_quantity": Decimal("0.0001"),
        "min_value": Decimal(2),
        "max_long_leverage": 150,
        "max_short_leverage": 100,
    }


def test_rules_do_not_change():
    """They can be shared and kept."""
    with pytest.raises(FrozenInstanceError):
        RULES.price_step = Decimal(1)
    assert {RULES: 1}[Rules.of(CONTRACT)] == 1


async def test_rules_are_read_by_symbol():
    """In one call, whatever else the exchange lists."""
    others = [evolve(CONTRACT, symbol="ETH-USDT"), CONTRACT]
    assert await ContractRules(Listing(others)).rules("BTC-USDT") == RULES


@pytest.mark.parametrize("listed", [[], [evolve(CONTRACT, symbol="ETH-USDT")]])
async def test_a_contract_that_is_not_listed_has_no_rules(listed):
    """Another one's rules would be worse than none."""
    with pytest.raises(InvalidRequest, match="no contract BTC-USDT"):
        await ContractRules(Listing(listed)).rules("BTC-USDT")


@pytest.mark.parametrize(
    ("price", "side", "rounded"),
    [
        ("97000.16", None, "97000.2"),
        ("97000.14", None, "97000.1"),
        ("97000.15", None, "97000.2"),
        ("97000.25", None, "97000.2"),
        ("97000.19", OrderSide.BUY, "97000.1"),
        ("97000.11", OrderSide.SELL, "97000.2"),
        ("97000.11", OrderSide("HOLD"), "97000.1"),
        ("97000.1", OrderSide.SELL, "97000.1"),
        ("0.09", OrderSide.BUY, "0.0"),
    ],
)
def test_prices_are_rounded(price, side, rounded):
    """To the nearest step, or to the side on which nothing is given away."""
    assert str(RULES.round_price(Decimal(price), side)) == rounded


def test_quantities_are_rounded_down():
    """A whole number is one as well."""
    assert str(RULES.round_quantity(Decimal("0.01239"))) == "0.0123"
    assert str(RULES.round_quantity(3)) == "3.0000"
    assert str(RULES.round_quantity(Decimal("-0.01239"))) == "-0.0123"


@given(rules, numbers, sides)
def test_a_rounded_price_is_a_multiple_near_by(rules, price, side):
    """On the right side of what it was, and the same if it is rounded again."""
    rounded = rules.round_price(price, side)
    assert is_multiple(rounded, rules.price_step)
    assert rules.round_price(rounded, side) == rounded
    assert side != OrderSide.BUY or rounded <= price
    assert side != OrderSide.SELL or rounded >= price
    assert abs(Fraction(rounded) - Fraction(price)) < rules.price_step


@given(rules, positive)
def test_a_rounded_quantity_is_a_multiple_and_never_more(rules, quantity):
    """Nor less by a step, and the same if it is rounded again."""
    rounded = rules.round_quantity(quantity)
    assert is_multiple(rounded, rules.quantity_step)
    assert 0 <= rounded <= quantity
    assert rules.round_quantity(rounded) == rounded
    assert Fraction(quantity) - Fraction(rounded) < rules.quantity_step


@given(
    price=st.decimals("0.1", "1E+9"),
    quantity=st.decimals("0.0001", "1E+9"),
    side=st.sampled_from([OrderSide.BUY, OrderSide.SELL]),
    position_side=st.sampled_from(list(PositionSide)),
)
def test_a_rounded_order_has_no_problems(price, quantity, side, position_side):
    """As long as there is enough of it."""
    price, quantity = RULES.round_price(price, side), RULES.round_quantity(quantity)
    order = evolve(ORDER, side=side, position_side=position_side, price=price, quantity=quantity)
    enough = price * quantity >= RULES.min_value
    closes = (side, position_side) in {
        (OrderSide.SELL, PositionSide.LONG),
        (OrderSide.BUY, PositionSide.SHORT),
    }
    assert (not RULES.problems(order, leverage=20)) == (enough or closes)


@pytest.mark.parametrize("number", [0.1, "0.1", None])
def test_what_is_no_exact_number_is_a_type_error(number):
    """A float has lost what was written already."""
    with pytest.raises(TypeError, match="pass a Decimal"):
        RULES.round_price(number)
    with pytest.raises(TypeError, match="pass a Decimal"):
        RULES.round_quantity(number)


def test_a_float_in_an_order_is_a_type_error():
    """Wherever it is."""
    for name in ("price", "quantity", "stop_price", "activation_price"):
        with pytest.raises(TypeError, match=f"{name} is a float"):
            RULES.problems(evolve(ORDER, **{name: 0.1}))
    with pytest.raises(TypeError, match="quote_order_qty is a float"):
        RULES.problems(evolve(MARKET, quantity=None, quote_order_qty=5.0))
    with pytest.raises(TypeError, match="price is a float"):
        RULES.problems(MARKET, price=97000.5)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1E+99"])
def test_what_is_no_price_is_an_invalid_request(number):
    """Nor is a number of a hundred digits."""
    with pytest.raises(InvalidRequest, match="price"):
        RULES.round_price(Decimal(number))
    with pytest.raises(InvalidRequest, match="quantity"):
        RULES.round_quantity(Decimal(number))


TINY = Decimal("0.00001")


@pytest.mark.parametrize(
    ("order", "reasons"),
    [
        (ORDER, []),
        (evolve(ORDER, symbol="ETH-USDT"), ["symbol is ETH-USDT, and these are the rules of"]),
        (
            evolve(ORDER, price=Decimal("97000.55")),
            ["price 97000.55 is not a multiple of 0.1; 97000.5 is"],
        ),
        (
            evolve(ORDER, quantity=Decimal("0.01005")),
            ["quantity 0.01005 is not a multiple of 0.0001; 0.0100 is"],
        ),
        (evolve(ORDER, price=Decimal(-5)), ["price -5 is not above 0", "is worth -0.05"]),
        (
            evolve(ORDER, quantity=TINY, price=None),
            [
                "quantity 0.00001 is not a multiple",
                "quantity 0.00001 is below the minimum of 0.0001",
            ],
        ),
        (
            evolve(ORDER, price=Decimal(150)),
            ["quantity 0.01 at 150 is worth 1.50, below the minimum of 2 USDT"],
        ),
        (
            evolve(MARKET, quantity=None, quote_order_qty=Decimal("1.5")),
            ["quote_order_qty 1.5 is below the minimum of 2 USDT"],
        ),
        (evolve(MARKET, quantity=None, quote_order_qty=Decimal(2)), []),
        (evolve(MARKET, quantity=None), []),
        (MARKET, []),
        (
            evolve(ORDER, type=OrderType.STOP, stop_price=Decimal("96000.05")),
            ["stop_price 96000.05 is not a multiple"],
        ),
        (
            evolve(
                ORDER,
                take_profit=AttachedOrder(
                    OrderType.TAKE_PROFIT, Decimal("99000.01"), price=Decimal("98999.99")
                ),
                stop_loss=AttachedOrder(OrderType.STOP_MARKET, Decimal(95000), quantity=TINY),
            ),
            [
                "take_profit.stop_price 99000.01 is not a multiple of 0.1; 99000.0 is",
                "take_profit.price 98999.99 is not a multiple of 0.1; 98999.9 is",
                "stop_loss.quantity 0.00001 is not a multiple of 0.0001; 0.0000 is",
            ],
        ),
    ],
)
def test_problems_are_said_in_words(order, reasons):
    """One sentence each, which names the parameter."""
    found = RULES.problems(order)
    assert len(found) == len(reasons)
    for sentence, reason in zip(found, reasons, strict=True):
        assert reason in sentence


def test_the_value_of_a_market_order_needs_a_price():
    """A limit order brings its own; the price of a trailing order is a distance."""
    small = evolve(MARKET, quantity=Decimal("0.0001"))
    trailing = evolve(small, type=OrderType.TRAILING_STOP_MARKET, price=Decimal("0.05"))
    for order in (small, trailing):
        assert RULES.problems(order) == []
        assert RULES.problems(order, price=97000) == []
        assert len(RULES.problems(order, price=Decimal(19_999))) == 1
    assert RULES.problems(ORDER, price=1) == []


@pytest.mark.parametrize(
    "closing",
    [
        {"reduce_only": True},
        {"close_position": True},
        {"side": OrderSide.SELL},
        {"position_side": PositionSide.SHORT},
    ],
)
def test_minimums_are_for_orders_that_open(closing):
    """Whether the rest of a position may be smaller is not documented; steps are for all."""
    order = evolve(ORDER, quantity=Decimal("0.0001"), price=Decimal("0.1"))
    assert len(RULES.problems(order)) == 1
    assert RULES.problems(evolve(order, **closing)) == []
    assert len(RULES.problems(evolve(order, **closing, quantity=TINY))) == 1


@pytest.mark.parametrize(
    ("side", "position_side", "most"),
    [
        (OrderSide.BUY, PositionSide.LONG, 150),
        (OrderSide.SELL, PositionSide.LONG, 150),
        (OrderSide.SELL, PositionSide.SHORT, 100),
        (OrderSide.BUY, PositionSide.BOTH, 150),
        (OrderSide.SELL, None, 100),
    ],
)
def test_leverage_is_looked_at_on_its_side(side, position_side, most):
    """From 1 to what the contract allows, if it tells."""
    order = evolve(ORDER, side=side, position_side=position_side)
    assert RULES.problems(order, leverage=most) == []
    assert RULES.problems(order, leverage=most + 1) == [
        f"leverage {most + 1} is not from 1 to {most}"
    ]
    assert len(RULES.problems(order, leverage=0)) == 1
    silent = evolve(RULES, max_long_leverage=None, max_short_leverage=None)
    assert silent.problems(order, leverage=1000) == []


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        ({}, True),
        ({"price": Decimal("90000.55")}, False),
        ({"quantity": Decimal("0.01005")}, False),
        ({"quantity": Decimal("0.00001")}, False),
        ({"quantity": Decimal("0.0001"), "price": Decimal(10_000)}, False),
    ],
)
async def test_the_emulated_exchange_agrees(exchange, change, fits):
    """It refuses what has problems, and takes what has none."""
    swap = exchange.client("alice").swap
    order = evolve(ORDER, **({"price": Decimal(20_000)} | change))
    rules = await ContractRules(swap._caller).rules("BTC-USDT")
    assert (rules.problems(order) == []) == fits
    if fits:
        await swap.place_order_once(order)
    else:
        with pytest.raises(ApiError):
            await swap.place_order_once(order)

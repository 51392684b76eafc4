from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bingx_async import PositionSide
from bingx_async.cli.output import money, number, percent, signed, time_of, to_json
from bingx_async.swap.models.common import OrderSide, OrderType
from bingx_async.swap.models.orders import AttachedOrder, Order


def test_json_has_the_names_and_the_digits_of_the_wire() -> None:
    """What is missing is null, and what is long is a string."""
    order = Order(
        symbol="BTC-USDT",
        order_id=1736011869418901234,
        side=OrderSide.BUY,
        position_side=PositionSide("SIDEWAYS"),
        type=OrderType.LIMIT,
        price=Decimal("1E-8"),
        leverage=10,
        time=datetime(2026, 6, 1, 12, 0, 0, 123000, UTC),
        take_profit=AttachedOrder(OrderType.TAKE_PROFIT_MARKET, Decimal("9E+4")),
    )
    found = to_json(order)

    assert found["orderId"] == "1736011869418901234"
    assert found["positionSide"] == "SIDEWAYS"
    assert found["price"] == "0.00000001"
    assert found["leverage"] == 10
    assert found["time"] == 1780315200123
    assert found["takeProfit"]["stopPrice"] == "90000"
    assert found["clientOrderId"] is None
    assert found["positionId"] is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (Decimal(0), "0.00"),
        (Decimal("1234567.891"), "1,234,567.89"),
        (Decimal("-0.00042"), "-0.0004"),
        (Decimal("1E+3"), "1,000.00"),
    ],
)
def test_money_is_written_to_the_cent(value: Decimal | None, text: str) -> None:
    """Less than 1 is written further, so that a small fee does not look like none."""
    assert money(value) == text


@pytest.mark.parametrize(
    ("value", "text", "style"),
    [
        (None, "-", ""),
        (Decimal(5), "+5.00", "green"),
        (Decimal(-5), "-5.00", "red"),
        (Decimal(0), "0.00", ""),
    ],
)
def test_gains_and_losses_differ_by_sign_and_colour(
    value: Decimal | None, text: str, style: str
) -> None:
    """The sign is there for those who see no colours."""
    assert (signed(value).plain, signed(value).style) == (text, style)


def test_a_percentage_has_two_places() -> None:
    """And a sign."""
    assert percent(Decimal("4.1")).plain == "+4.10 %"
    assert percent(Decimal("-4.126")).plain == "-4.13 %"
    assert percent(None).plain == "-"


def test_numbers_and_times_are_written_in_full() -> None:
    """Without exponents, and in UTC."""
    assert number(Decimal("1.500E-7")) == "0.0000001500"
    assert number(150) == "150"
    assert number(None) == "-"
    assert re.fullmatch(r"2026-06-01 12:00:00", time_of(datetime(2026, 6, 1, 12, tzinfo=UTC)))
    assert time_of(None) == "-"

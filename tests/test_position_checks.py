"""Facts about what is refused about positions and TWAP orders before anything is sent."""

import pytest

from bingx_async import BingX, InvalidRequest

ENDPOINTS = BingX.endpoints()
TWAP = {
    "symbol": "SOL-USDT",
    "side": "SELL",
    "position_side": "LONG",
    "price_type": "constant",
    "price_variance": 2,
    "trigger_price": 170,
    "amount_per_order": 5,
    "total_amount": 50,
}


def check(name, **arguments):
    endpoint = ENDPOINTS[f"swap.{name}"]
    endpoint.check(endpoint.params(**arguments))


def test_adding_margin_automatically_needs_an_amount():
    """Only when it is switched on."""
    position = {"symbol": "SOL-USDT", "position_id": 1}
    check("set_auto_add_margin", **position, function_switch=True, amount=3)
    check("set_auto_add_margin", **position, function_switch=False)
    with pytest.raises(InvalidRequest, match="amount"):
        check("set_auto_add_margin", **position, function_switch=True)


@pytest.mark.parametrize("given", [{}, {"trigger_price": 170}, {"working_type": "MARK_PRICE"}])
def test_a_reversal_by_trigger_needs_a_price_and_its_kind(given):
    """One of the two is not enough; a reversal at once needs neither."""
    check("reverse_position", type="Reverse", symbol="SOL-USDT", **given)
    with pytest.raises(InvalidRequest, match="trigger_price and working_type"):
        check("reverse_position", type="TriggerReverse", symbol="SOL-USDT", **given)


def test_a_reversal_by_trigger_with_both_passes():
    """Nothing else is asked of it."""
    check(
        "reverse_position",
        type="TriggerReverse",
        symbol="SOL-USDT",
        trigger_price=170,
        working_type="MARK_PRICE",
    )


@pytest.mark.parametrize("interval", [5, 120])
def test_the_parts_of_a_twap_order_are_5_to_120_seconds_apart(interval):
    """Both ends belong to it."""
    check("place_twap_order", **TWAP, interval=interval)


@pytest.mark.parametrize("interval", [4, 121, 0])
def test_another_interval_is_refused(interval):
    """And the message says which are not."""
    with pytest.raises(InvalidRequest, match="from 5 to 120"):
        check("place_twap_order", **TWAP, interval=interval)

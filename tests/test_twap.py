"""Facts about time-weighted orders."""

import pytest

from bingx_async.swap.models.twap import TwapOrderStatus


@pytest.mark.parametrize("word", ["New", "Pending", "Running", "Canceling", "PartiallyFilled"])
def test_an_order_under_way_can_change(word):
    """So can one in a state that nobody knows yet."""
    assert TwapOrderStatus(word).is_known
    assert not TwapOrderStatus(word).is_final
    assert not TwapOrderStatus("Paused").is_final


@pytest.mark.parametrize("word", ["Filled", "Cancelled", "Canceled", "Failed"])
def test_an_order_that_is_over_stays_as_it_is(word):
    """However the exchange spells it."""
    assert TwapOrderStatus(word).is_final


@pytest.mark.parametrize("rest", ["Cancelled", "Failed"])
def test_an_order_whose_rest_is_given_up_is_over(rest):
    """Though a part of it was filled."""
    assert TwapOrderStatus(f"PartiallyFilledAndResidue{rest}").is_final

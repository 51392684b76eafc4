"""Facts about what the exchange says of its limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bingx_async.errors import RateLimited
from bingx_async.quota import Scope
from bingx_async.ratelimit import expires_in, retry_in

NOW = 1_795_000_000_000  # a day in November 2026, in milliseconds


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),  # seconds
        ("0", 0.0),
        ("120", 120.0),
        ("850", 0.85),  # milliseconds
        ("60000", 60.0),
        (str(NOW // 1000 + 3), 3.0),  # seconds since 1970
        (str(NOW + 450), 0.45),  # milliseconds since 1970
        (str(NOW), 0.0),
    ],
)
def test_the_unit_of_an_expiry_is_told_by_its_size(header, seconds):
    """From now or since 1970, in seconds or milliseconds."""
    assert expires_in(header, NOW) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "header",
    [
        *(None, "", "soon", "-3", "1.5", " 7", "0x10", "٣x", "9" * 40),
        "130000",  # more than two minutes, whatever the unit
        str(NOW - 1),  # over
        str(NOW + 121_000),  # in more than two minutes
        str(NOW // 1000 - 5),
        str(10**15 - 1),
    ],
)
def test_an_expiry_that_makes_no_sense_is_ignored(header):
    """It says nothing then."""
    assert expires_in(header, NOW) is None


@given(st.one_of(st.text(max_size=20), st.integers(0, 10**16).map(str)))
def test_an_expiry_is_within_two_minutes_or_nothing(header):
    """Whatever the exchange may send."""
    found = expires_in(header, NOW)
    assert found is None or 0 <= found <= 120


def refusal(message="will be unblocked after 1795000030000", **options):
    """Make a refusal of the exchange."""
    return RateLimited(message, **{"code": 100410, **options})


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("Wed, 18 Nov 2026 11:06:40 GMT", 30.0),
        ("Wed, 18 Nov 2026 11:06:40 -0000", 30.0),
        ("Wed, 18 Nov 2026 11:07:40 GMT", -30.0),
    ],
)
def test_a_refusals_time_is_read_by_the_exchanges_clock(date, seconds):
    """Whatever our own clock shows."""
    assert retry_in(refusal(), date) == seconds


def test_a_refusal_may_name_no_time_or_one_long_past():
    """Then nobody knows how long it holds."""
    assert retry_in(refusal("rate limited"), None) is None
    assert retry_in(refusal(), "Wed, 18 Nov 2026 12:06:40 GMT") is None


@pytest.mark.parametrize("date", [None, "yesterday"])
def test_without_a_date_our_own_clock_has_to_do(date):
    """The moment named here is over, or is still to come."""
    found = retry_in(refusal(), date)
    assert found is None or found > -120


@pytest.mark.parametrize(
    ("error", "scope"),
    [
        (refusal(), Scope.ENDPOINT),
        (refusal("Request rate limit exceeded for this IP"), Scope.ADDRESS_ENDPOINT),
        (refusal("the recipe is not known"), Scope.ENDPOINT),
        (refusal("Too many requests", code=None, status=429), Scope.ADDRESS),
    ],
)
def test_a_refusal_tells_what_was_shut(error, scope):
    """As far as its words go."""
    assert error.scope is scope


def test_too_many_equal_errors_name_the_error():
    """So that it can be mended."""
    burst = "over 20 error code:100202 requests within 480000 ms for this api, please verify"
    assert refusal(burst).repeated_code == 100202
    assert refusal().repeated_code is None

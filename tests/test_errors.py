"""Facts about the error tree."""

from datetime import UTC, datetime

import pytest

from bingx_async import errors
from bingx_async.errors import (
    ApiError,
    AuthError,
    BingXError,
    DecodeError,
    InvalidRequest,
    OutcomeUnknown,
    QuotaTimeout,
    RateLimited,
    Rejected,
    TransportError,
    Unavailable,
    api_error,
    http_error,
)
from bingx_async.quota import Scope


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        (100001, "Signature verification failed", AuthError),
        (100004, "", AuthError),
        (100413, "Incorrect apiKey", AuthError),
        (100419, "IP does not match IP whitelist", AuthError),
        (100421, "Null timestamp or timestamp mismatch", AuthError),
        (100421, "traders prohibit openApi from placing orders", Rejected),
        (109400, "timestamp is invalid", AuthError),
        (109400, "margin is not enough", InvalidRequest),
        (80014, "timestamp is invalid", AuthError),
        (80014, "price is out of range", InvalidRequest),
        (100400, "check param fail", InvalidRequest),
        (109425, "pair unknown", InvalidRequest),
        (101414, "leverage too high", InvalidRequest),
        (100410, "rate limited", RateLimited),
        (109429, "", RateLimited),
        (100409, "", RateLimited),
        (101204, "Insufficient margin", Rejected),
        (80020, "risk forbidden", Rejected),
        (100500, "busy", Unavailable),
        (100503, "", Unavailable),
        (109500, "SetTradingStrategy network failed", Unavailable),
        (109500, "Account Service Unavailable, err:symbol not exist", InvalidRequest),
        (110500, "", Unavailable),
        (424242, "a code of tomorrow", Rejected),
    ],
)
def test_code_and_message_decide_the_reaction(code, message, kind):
    """A code with several meanings is told apart by its message."""
    error = api_error(code, message, status=200, endpoint="swap.x")

    assert type(error) is kind
    assert (error.code, error.status, error.endpoint) == (code, 200, "swap.x")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequest),
        (401, AuthError),
        (403, RateLimited),
        (404, InvalidRequest),
        (418, RateLimited),
        (429, RateLimited),
        (500, Unavailable),
        (502, Unavailable),
        (504, OutcomeUnknown),
    ],
)
def test_a_bare_status_decides_the_reaction(status, kind):
    """An HTTP status without an envelope still says what to do."""
    error = http_error(status, endpoint="swap.x")

    assert type(error) is kind
    assert error.endpoint == "swap.x"
    assert str(status) in str(error)


@pytest.mark.parametrize(
    "message",
    [
        "code:100410:The endpoint ... will be unblocked after 1727193814249",
        "over 20 error code:100202 requests ... can retry after time: 1727193814249",
    ],
)
def test_a_refusal_that_names_a_time_carries_it(message):
    """Both shapes of the message are understood."""
    error = api_error(100410, message)

    assert isinstance(error, RateLimited)
    assert error.retry_at == datetime(2024, 9, 24, 16, 3, 34, 249000, tzinfo=UTC)
    assert error.scope is Scope.ENDPOINT


@pytest.mark.parametrize("message", ["rate limited", "", "unblocked after 17271938142490"])
def test_a_refusal_that_names_no_time_has_none(message):
    """A number of another length is not a time."""
    error = api_error(100410, message)

    assert isinstance(error, RateLimited)
    assert error.retry_at is None


def test_a_ban_by_status_concerns_the_whole_address():
    """The firewall does not know endpoints."""
    error = http_error(418)

    assert isinstance(error, RateLimited)
    assert error.scope is Scope.ADDRESS


def test_messages_tell_endpoint_code_and_words():
    """What is logged is enough to act on."""
    assert str(api_error(101204, "Insufficient margin", endpoint="swap.place_order")) == (
        "swap.place_order: [101204] Insufficient margin"
    )
    assert str(http_error(500)) == "[HTTP 500] the exchange failed to answer"
    assert str(InvalidRequest("no")) == "no"
    assert str(api_error(1, "")) == "[1] no message"


def test_decode_error_keeps_the_body():
    """Nothing that came is lost."""
    error = DecodeError("missing", endpoint="swap.x", body=b"{", field="data.symbol")

    assert (error.body, error.field, error.endpoint) == (b"{", "data.symbol", "swap.x")
    assert str(error) == "swap.x: data.symbol: missing"


def test_quota_timeout_tells_the_wait():
    """The caller sees how far off it is."""
    error = QuotaTimeout(endpoint="swap.x", wait=2.5, max_wait=1.0, bucket="uid 1, swap.x")

    assert (error.wait, error.max_wait, error.bucket) == (2.5, 1.0, "uid 1, swap.x")
    assert "2.500 s" in str(error)
    assert "nothing was sent" in str(error)


def test_the_tree_is_as_drawn():
    """One class a reaction, all under one root."""
    for name in errors.__all__:
        kind = getattr(errors, name)
        if isinstance(kind, type):
            assert issubclass(kind, BingXError)
            assert kind.__doc__
    assert issubclass(OutcomeUnknown, TransportError)
    assert not issubclass(QuotaTimeout, ApiError)
    drawn = [
        line.strip("|`- ").split()[0]
        for line in (errors.__doc__ or "").splitlines()
        if "--" in line
    ]
    assert set(drawn) <= set(errors.__all__)
    assert set(errors.__all__) - {"api_error", "http_error", "BingXError"} == set(drawn)

"""Facts about reading answers."""

import pytest

from bingx_async import BingX
from bingx_async.answer import read
from bingx_async.errors import (
    AuthError,
    DecodeError,
    InvalidRequest,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unavailable,
)
from bingx_async.swap import Leverage

SET = BingX.endpoints()["swap.set_leverage"]
GOOD = b'{"code":0,"msg":"","data":{"leverage":8,"symbol":"ETH-USDT"}}'


@pytest.mark.parametrize(
    "body",
    [
        GOOD,
        b'{"code":"0","msg":"success","data":{"leverage":"8X","symbol":"ETH-USDT","new":1}}',
        b'{"code":0,"timestamp":1,"debugMsg":"","data":"{\\"leverage\\":8,\\"symbol\\":\\"ETH-USDT\\"}"}',
    ],
)
def test_a_yes_becomes_the_declared_class(body):
    """In every form in which it comes."""
    assert read(SET, 200, body) == Leverage(8, "ETH-USDT")


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (200, b'{"code":101204,"msg":"Insufficient margin"}', Rejected, "Insufficient margin"),
        (200, b'{"code":"109400","msg":"no","data":{}}', InvalidRequest, "no"),
        (200, b'{"code":100410,"msg":"rate limited","data":[]}', RateLimited, "rate limited"),
        (200, b'{"code":100500,"msg":"","debugMsg":"busy"}', Unavailable, "busy"),
        (200, b'{"code":80001,"success":false,"msg":{"a":1}}', Rejected, "{'a': 1}"),
        (401, b'{"code":100413,"msg":"Incorrect apiKey"}', AuthError, "Incorrect apiKey"),
        (500, b"oops", Unavailable, "the exchange failed to answer"),
        (503, GOOD, Unavailable, "the exchange failed to answer"),
        (429, b"", RateLimited, "the exchange shuts this IP address out for now"),
        (403, b"<html>", RateLimited, "the exchange shuts this IP address out for now"),
        (400, b'{"transferErrorMsg":"x"}', InvalidRequest, "the request was not understood"),
    ],
)
def test_a_no_becomes_the_error_of_its_reaction(status, body, kind, message):
    """By its code where it has one, by its status otherwise."""
    with pytest.raises(kind) as caught:
        read(SET, status, body)

    assert type(caught.value) is kind
    assert caught.value.message == message
    assert caught.value.status == status
    assert caught.value.endpoint == "swap.set_leverage"


def test_a_gateway_timeout_leaves_the_outcome_open():
    """The backend may have executed it."""
    with pytest.raises(OutcomeUnknown, match="504"):
        read(SET, 504, b"")


@pytest.mark.parametrize(
    ("status", "body", "field", "reason"),
    [
        (200, b"", "", "not JSON"),
        (200, b"<html>", "", "not JSON"),
        (200, b"[]", "", "expected an envelope"),
        (200, b"{}", "code", "missing"),
        (200, b'{"code":null}', "code", "expected a number, got None"),
        (200, b'{"code":"x"}', "code", "expected a number, got 'x'"),
        (200, b'{"code":0}', "data", "missing"),
        (200, b'{"code":0,"data":null}', "data", "expected an object, got None"),
        (200, b'{"code":0,"data":{"symbol":"X"}}', "data.leverage", "missing"),
        (200, b'{"code":0,"data":{"leverage":"","symbol":"X"}}', "data.leverage", "a number"),
        (302, GOOD, "", "a redirection is no answer"),
    ],
)
def test_what_cannot_be_read_says_where_and_keeps_the_body(status, body, field, reason):
    """Endpoint and field are named, and nothing that came is lost."""
    with pytest.raises(DecodeError, match=reason) as caught:
        read(SET, status, body)

    assert caught.value.body == body
    assert caught.value.field == field
    assert caught.value.endpoint == "swap.set_leverage"
    assert str(caught.value).startswith(f"swap.set_leverage: {field}")

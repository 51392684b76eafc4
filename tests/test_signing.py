"""Facts about canonical text and signatures."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bingx_async.errors import InvalidRequest
from bingx_async.signing import (
    SigningKey,
    canonical,
    json_body,
    milliseconds,
    pair,
    pairs,
    query,
    sign,
)
from bingx_async.swap import PositionSide

_DOCS = "mheO6dR8ovSsxZQCOYEFCtelpuxcWGTfHw7te326y6jOwq5WpvFQ9JNljoTwBXZGv5It07m9RXSPpDQEK2w"
_DAY = datetime(1970, 1, 2, tzinfo=UTC)
_OLDER = "UuGuyEGt6ZEkpUObCYCmIfh0elYsZVh80jlYwpJuRZEw70t6vomMH7Sjmf94ztSI"


@pytest.mark.parametrize(
    ("secret", "text", "signature"),
    [
        (
            _OLDER,
            "quoteOrderQty=20&side=BUY&symbol=ETHUSDT&timestamp=1649404670162&type=MARKET",
            "428a3c383bde514baff0d10d3c20e5adfaacaf799e324546dafe5ccc480dd827",
        ),
        (
            _OLDER,
            "quoteOrderQty=20&side=BUY&symbol=ETHUSDTtimestamp=1649404670162&type=MARKET",
            "94e0b4925060a615e1e372d4c929015d4b59d3c89067dc0beeafcfb33a6d8d10",
        ),
        (
            _DOCS,
            "symbol=BTC-USDT&timestamp=1667872120843&side=LONG&leverage=6",
            "4f581ecdb1fa09b9d6e57886b6f70cffed17f82b93399722939e49a38edec2bf",
        ),
        (
            _DOCS,
            "symbol=BTC-USDT&timestamp=1668159715051side=LONG&leverage=6",
            "8b756b01e7a30f02e19c58a91ab01b29528694316b08a51ecb8dd072942bd47d",
        ),
    ],
)
def test_published_vectors_verify(secret, text, signature):
    """Signatures that the exchange has printed for its own texts."""
    assert sign(text, SigningKey(secret)) == signature


_MISPRINT = "1e63e8cfd1c04919881e60cf369e404b9b7c87d3a09bc300f1abfdcce7da57e8"


@pytest.mark.parametrize(
    ("text", "signature"),
    [
        (
            "recvWindow=0&symbol=BTC-USDT&timestamp=1696751141337",
            "f8d883609dfd31c824feb4de865b071008dedb1d461451fa70847875c8e7a7a2",
        ),
        (
            "recvWindow=0&subAccountString=abc12345&timestamp=1696751141337",
            "8d0d3ea9b592be3678c33332ab13e9102e093e67255921e15a581146c87c272f",
        ),
    ],
)
def test_the_two_misprinted_vectors_have_these_values(text, signature):
    """The documentation prints one and the same value for both, and it fits neither."""
    assert sign(text, SigningKey(_DOCS)) == signature != _MISPRINT


@pytest.mark.parametrize(
    ("value", "text", "as_json"),
    [
        (10, "10", "10"),
        (-3, "-3", "-3"),
        (10**40, "1" + "0" * 40, "1" + "0" * 40),
        (True, "true", "true"),
        (False, "false", "false"),
        (Decimal("0.001"), "0.001", "0.001"),
        (Decimal("1E-3"), "0.001", "0.001"),
        (Decimal("1E+3"), "1000", "1000"),
        (Decimal("0.10"), "0.10", "0.10"),
        (Decimal("1E-20"), "0.00000000000000000001", "0.00000000000000000001"),
        (0.1, "0.1", "0.1"),
        (1e-7, "0.0000001", "0.0000001"),
        (1e22, "10000000000000000000000", "10000000000000000000000"),
        ("BTC-USDT", "BTC-USDT", '"BTC-USDT"'),
        (PositionSide.LONG, "LONG", '"LONG"'),
        (PositionSide("SIDEWAYS"), "SIDEWAYS", '"SIDEWAYS"'),
        ("", "", '""'),
        ('say "hi"', 'say "hi"', '"say \\"hi\\""'),
        ("köln", "köln", '"köln"'),
        (datetime(2024, 9, 24, 16, 3, 34, 249999, tzinfo=UTC), "1727193814249", "1727193814249"),
        (
            [{"price": Decimal("1E-8"), "on": True, "note": None}, _DAY],
            '[{"price":0.00000001,"on":true,"note":null},86400000]',
            '"[{\\"price\\":0.00000001,\\"on\\":true,\\"note\\":null},86400000]"',
        ),
    ],
)
def test_values_become_text(value, text, as_json):
    """The same digits in the signed text and in the JSON body, and never an exponent."""
    assert pair("x", value) == ("x", f"x={text}", f'"x":{as_json}')


@pytest.mark.parametrize("character", list("&=?#\r\n"))
def test_a_value_that_would_change_the_signed_text_is_refused(character):
    """It would end the value, or begin another."""
    with pytest.raises(InvalidRequest, match=r"note holds .* would change the meaning"):
        pairs({"note": f"a{character}b"})


def test_such_a_character_deep_inside_json_text_is_refused():
    """JSON text is a value like any other."""
    with pytest.raises(InvalidRequest, match="orders holds '&'"):
        pairs({"orders": [{"id": "a&b"}]})


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (None, "x must not be None"),
        (float("nan"), "NaN"),
        (float("inf"), "NaN"),
        (Decimal("Infinity"), "Infinity"),
        (object(), "object cannot be sent"),
        ({1, 2}, "set cannot be sent"),
        (datetime(2024, 1, 1), "has no timezone"),  # noqa: DTZ001 - that is the point
        ("\ud800", "half a character"),
    ],
)
def test_what_cannot_be_sent_is_refused(value, match):
    """The error names the parameter or the value, and says what is wrong."""
    with pytest.raises(InvalidRequest, match=match):
        pairs({"x": value})


def test_pairs_are_sorted_by_name():
    """As a JSON body must be."""
    assert (
        canonical(pairs({"symbol": "A", "leverage": 1, "Side": "B"}))
        == "Side=B&leverage=1&symbol=A"
    )


def test_a_plain_query_is_the_signed_text():
    """Nothing is encoded that needs no encoding."""
    parts = pairs({"symbol": "BTC-USDT", "leverage": 5})
    text = canonical(parts)

    assert query(parts, text, "ab") == "leverage=5&symbol=BTC-USDT&signature=ab"
    assert query(parts, text) == text
    assert query([], "", "ab") == "signature=ab"
    assert query([], "") == ""


def test_values_are_encoded_where_the_text_holds_a_bracket():
    """Keys are not, a space is %20, and the timestamp stays as it is."""
    parts = pairs({"orders": [{"a": "b c"}], "at": "12:30", "timestamp": 1})

    assert query(parts, canonical(parts)) == (
        "at=12%3A30&orders=%5B%7B%22a%22%3A%22b%20c%22%7D%5D&timestamp=1"
    )


def test_without_a_bracket_only_what_a_url_cannot_carry_is_encoded():
    """A plus would be read as a space, a colon is fine."""
    parts = pairs({"a": "12:30", "b": "x y", "c": "1+1", "d": "ü", "e": "50%"})

    assert query(parts, canonical(parts)) == "a=12:30&b=x%20y&c=1%2B1&d=%C3%BC&e=50%25"


def test_a_json_body_carries_the_signed_digits():
    """Numbers are numbers, and the signature goes last."""
    parts = pairs({"symbol": "BTC-USDT", "price": Decimal("0.10"), "on": True})

    assert json_body(parts, "ab") == (
        b'{"on":true,"price":0.10,"symbol":"BTC-USDT","signature":"ab"}'
    )
    assert json_body([]) == b"{}"


_texts = st.text(st.characters(exclude_characters="&=?#\r\n", exclude_categories=["Cs"]))
_values = st.one_of(
    _texts,
    st.integers(),
    st.booleans(),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30),
    st.datetimes(timezones=st.just(UTC)),
)
_names = st.from_regex(r"[a-zA-Z]{1,12}", fullmatch=True)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200), _texts)
def test_a_signature_is_the_hmac_of_the_standard_library(secret, text):
    """For secrets shorter and longer than a block of the hash."""
    assert (
        sign(text, SigningKey(secret))
        == hmac.digest(secret.encode(), text.encode(), "sha256").hex()
    )


def test_a_signing_key_shows_nothing_of_the_secret():
    """Nor do credentials that hold it."""
    assert "secret" not in repr(SigningKey("secret"))


@given(st.dictionaries(_names, _values, max_size=6))
def test_what_a_server_decodes_is_what_was_signed(parameters):
    """From a query and from a JSON body alike, whatever the values."""
    parts = pairs(parameters)
    text = canonical(parts)
    signature = sign(text, SigningKey("secret"))

    decoded = parse_qsl(query(parts, text, signature), keep_blank_values=True, strict_parsing=True)
    assert decoded.pop() == ("signature", signature)
    assert "&".join(f"{name}={value}" for name, value in decoded) == text

    body = json.loads(json_body(parts, signature), parse_float=str, parse_int=str)
    assert body.pop("signature") == signature
    shown = {True: "true", False: "false"}
    assert (
        "&".join(
            f"{name}={shown[value] if isinstance(value, bool) else value}"
            for name, value in sorted(body.items())
        )
        == text
    )
    assert signature == hmac.new(b"secret", text.encode(), hashlib.sha256).hexdigest()


@given(st.decimals(allow_nan=False, allow_infinity=False, places=20, max_value=10**9, min_value=0))
def test_decimals_keep_their_value_and_digits(value):
    """What is read back is what was written, to the last digit."""
    text = pair("x", value)[1].removeprefix("x=")

    assert Decimal(text) == value
    assert "e" not in text.lower()
    assert Decimal(text).as_tuple().exponent == min(value.as_tuple().exponent, 0)


def test_times_are_cut_to_the_millisecond_in_any_zone():
    """A moment is the same moment everywhere."""
    moment = datetime(2024, 1, 1, 12, 0, 0, 1999, tzinfo=UTC)
    shifted = moment.astimezone(timezone(timedelta(hours=8)))

    assert milliseconds(moment) == milliseconds(shifted) == 1704110400001
    assert milliseconds(datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)) == -1000

"""
Values become text, text becomes a signature; no clock, no network.

The exchange verifies an HMAC-SHA256 over ``key=value`` pairs, joined by ``&`` and not yet
URL-encoded. The pairs are sorted by key here, always: a JSON body must be, a query may be. This
is the one place where a value becomes text, so that a query, a JSON body and the canonical text
carry the same digits.

Source: https://bingx-api.github.io/docs-v3/ (signature). The two signatures printed there are wrong
for their texts; those of older editions are right, and the tests of this module verify them.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, cast
from urllib.parse import quote

from bingx_async.errors import InvalidRequest

__all__ = [
    "Pair",
    "SigningKey",
    "canonical",
    "json_body",
    "json_text",
    "milliseconds",
    "pairs",
    "query",
    "sign",
]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)

# Inside a raw value these would end it, or begin another, in the text that is signed.
_AMBIGUOUS: Final = re.compile(r"[&=?#\r\n]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.=&-]*")
# encodeURIComponent, which the exchange's own samples use, leaves these as they are.
_UNESCAPED: Final = "-_.!~*'()"
# Without a bracket in the text the exchange asks for no encoding; what a URL cannot carry, or a
# server would read as something else, is encoded all the same.
_LEGAL: Final = _UNESCAPED + ":,/@;$"


Pair = tuple[str, str, str]
"""One parameter: its name on the wire, then as ``name=text`` and as ``"name":json``."""


def milliseconds(moment: datetime) -> int:
    """
    Count the milliseconds from 1970-01-01 UTC to ``moment``.

    Args:
        moment: A timezone-aware datetime; below the millisecond it is cut off.

    Raises:
        InvalidRequest: ``moment`` has no timezone, so that it names no moment.
    """
    if moment.tzinfo is None:
        raise InvalidRequest(f"{moment!r} has no timezone: pass datetime(..., tzinfo=UTC)")
    return (moment - _EPOCH) // _MILLISECOND


def _number(value: object) -> str | None:
    """Print a number without an exponent; ``None`` if ``value`` is not one."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        value = Decimal(repr(value)) if math.isfinite(value) else Decimal("nan")
    if not isinstance(value, Decimal):
        return None
    if not value.is_finite():
        raise InvalidRequest(f"{value} is not a number that can be sent")
    return format(value, "f")


def json_text(value: object) -> str:
    """
    Print a value as compact JSON, its numbers without an exponent and to the last digit.

    Raises:
        InvalidRequest: It holds something that cannot be sent.
    """
    if value is None:
        return "null"
    if isinstance(value, datetime):
        value = milliseconds(value)
    if (number := _number(value)) is not None:
        return number
    if isinstance(value, str):
        return json.dumps(str(value), ensure_ascii=False)
    if isinstance(value, Mapping):
        value = cast("Mapping[object, object]", value)
        return "{" + ",".join(f"{json_text(str(k))}:{json_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ",".join(map(json_text, cast("Sequence[object]", value))) + "]"
    raise InvalidRequest(f"{type(value).__name__} cannot be sent to the exchange")


def pair(name: str, value: object) -> Pair:
    """
    Turn one parameter into text.

    Args:
        name: Its name on the wire.
        value: ``str``, ``int``, ``float``, ``Decimal``, ``bool``, ``datetime``, or a mapping or
            sequence of these, which travels as JSON text in one value.

    Raises:
        InvalidRequest: The value cannot be sent: it is ``None``, not finite, of another type,
            or its text holds ``&``, ``=``, ``?``, ``#`` or a line break.
    """
    if isinstance(value, str):
        return _text_pair(name, str(value))
    if value.__class__ is int:
        return name, f"{name}={value}", f'"{name}":{value}'
    if value is None:
        raise InvalidRequest(f"{name} must not be None")
    if isinstance(value, datetime):
        value = milliseconds(value)
    if (number := _number(value)) is not None:
        return name, f"{name}={number}", f'"{name}":{number}'
    return _text_pair.__wrapped__(name, json_text(value))  # long, and never the same again


@functools.lru_cache(maxsize=1024)  # symbols and sides are sent over and over
def _text_pair(name: str, text: str) -> Pair:
    if not text.isascii() and _SURROGATE.search(text):
        raise InvalidRequest(f"{name} holds half a character (a lone surrogate)")
    if found := _AMBIGUOUS.search(text):
        raise InvalidRequest(
            f"{name} holds {found[0]!r}, which would change the meaning of the signed text"
        )
    return name, f"{name}={text}", f'"{name}":{json.dumps(text, ensure_ascii=False)}'


def pairs(parameters: Mapping[str, object]) -> list[Pair]:
    """Turn parameters into text, sorted by name; errors as for :func:`pair`."""
    return sorted([pair(name, value) for name, value in parameters.items()])


def canonical(parts: Sequence[Pair]) -> str:
    """Join sorted pairs into the text that is signed."""
    return "&".join([text for _, text, _ in parts])


class SigningKey:
    """
    The secret of an API key, ready for :func:`sign`; prints nothing of it.

    HMAC (RFC 2104) hashes the secret before anything else, so that is done once here. Two copies
    of a hash take half the time of a copy of ``hmac.HMAC``.

    Args:
        secret_key: The secret as the exchange shows it.
    """

    __slots__ = ("inner", "outer")

    def __init__(self, secret_key: str) -> None:
        secret = secret_key.encode()
        if len(secret) > _BLOCK:
            secret = hashlib.sha256(secret).digest()
        secret = secret.ljust(_BLOCK, b"\0")
        self.inner = hashlib.sha256(secret.translate(_INNER_PAD))
        self.outer = hashlib.sha256(secret.translate(_OUTER_PAD))


_BLOCK: Final = 64
_INNER_PAD: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD: Final = bytes(byte ^ 0x5C for byte in range(256))


def sign(text: str, key: SigningKey) -> str:
    """
    Sign a canonical text.

    Args:
        text: What :func:`canonical` returned.
        key: The secret.

    Returns:
        HMAC-SHA256 as 64 lower-case hexadecimal digits.
    """
    inner, outer = key.inner.copy(), key.outer.copy()
    inner.update(text.encode())
    outer.update(inner.digest())
    return outer.hexdigest()


def query(parts: Sequence[Pair], text: str, signature: str | None = None) -> str:
    """
    Write pairs as a query string, encoded as the exchange wants it.

    Args:
        parts: Sorted pairs.
        text: Their canonical text.
        signature: What :func:`sign` returned; it goes last.
    """
    if not _PLAIN.fullmatch(text):
        safe = _UNESCAPED if "[" in text or "{" in text else _LEGAL
        split = [part.partition("=") for _, part, _ in parts]
        text = "&".join([f"{name}={quote(value, safe=safe)}" for name, _, value in split])
    if signature is None:
        return text
    return f"{text}&signature={signature}" if text else f"signature={signature}"


def json_body(parts: Sequence[Pair], signature: str | None = None) -> bytes:
    """
    Write pairs as a JSON object with the very digits of their canonical text.

    Args:
        parts: Sorted pairs.
        signature: What :func:`sign` returned; it goes last.
    """
    members = [member for _, _, member in parts]
    if signature is not None:
        members.append(f'"signature":"{signature}"')
    return ("{" + ",".join(members) + "}").encode()

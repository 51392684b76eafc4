"""
How things are called on the wire: names, words and JSON.

The same thing has several names in the exchange's answers, and the same word is spelt in several
ways; here, and nowhere else, stands which. What is made of the values is the business of
:mod:`bingx_async.converter`.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final, Self

import attrs
import msgspec

__all__ = [
    "SPELLINGS",
    "Moment",
    "OpenEnum",
    "WireError",
    "decode",
    "decoded",
    "encode",
    "mark",
    "spellings",
    "wire",
    "wire_name",
]

Moment = datetime | int
"""A parameter that names a time: a timezone-aware datetime, or milliseconds since 1970 UTC."""


class WireError(ValueError):
    """A value that does not fit; ``path`` leads to it from the outside in."""

    def __init__(self, reason: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path

    def under(self, *steps: str | int) -> Self:
        """The same error, seen from so many levels further out."""
        return type(self)(self.reason, (*steps, *self.path))

    @property
    def field(self) -> str:
        """The path as text, such as ``[3].symbol``."""
        steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return "".join(steps).removeprefix(".")


@attrs.frozen
class wire:  # noqa: N801 - reads as a word in Annotated[Decimal, wire("tradeMinUSDT")]
    """
    How a field travels, where it is not just under the camelCase of its own name.

    Args:
        name: The exact spelling; ``None`` for the camelCase.
        text: True if a request carries the value as text that holds JSON.
    """

    name: str | None = None
    text: bool = attrs.field(default=False, kw_only=True)


def mark(field: attrs.Attribute[Any]) -> wire:
    """Tell how an attrs field travels."""
    marks = getattr(field.type, "__metadata__", ())
    return next((mark for mark in marks if isinstance(mark, wire)), wire())


def wire_name(field: attrs.Attribute[Any]) -> str:
    """Tell the name on the wire of an attrs field whose types are resolved."""
    if (name := mark(field).name) is not None:
        return name
    head, *rest = field.name.split("_")
    return head + "".join(map(str.capitalize, rest))


# What the same thing is called in some answers. A field reads the first of its names that is there
# and holds something; requests are written with the name of the key.
SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "orderId": ("orderID", "cancelOrderId"),
    "clientOrderId": ("clientOrderID", "cancelClientOrderId"),
    "positionId": ("positionID",),
    "origQty": ("quantity",),
    "qty": ("volume",),
    "volume": ("qty",),
    "quoteQty": ("amount",),
    "commissionAsset": ("currency",),
    "errorCode": ("code",),
    "errorMessage": ("errorMsg", "msg", "error"),
    "stopPrice": ("StopPrice",),
    "stopGuaranteed": ("StopGuaranteed",),
    "realisedProfit": ("realizedProfit",),
    "activationPrice": ("actPrice",),
    "replaceMsg": ("ReplaceMsg",),
    "maxNumOrder": ("maxMumOrder",),
    "openTime": ("time",),
    "success": ("Success",),
}


def spellings(key: str, own: Container[str]) -> tuple[str, ...]:
    """Tell the other names of a key, but for those that are keys of the class themselves."""
    return tuple(name for name in SPELLINGS.get(key, ()) if name not in own)


# And what the same word is called, in lower case.
_SYNONYMS: Final[Mapping[str, str]] = {
    "ask": "sell",
    "bid": "buy",
    "canceled": "cancelled",
    "cross": "crossed",
}


class OpenEnum(StrEnum):
    """
    Words of the exchange, which may learn new ones at any time.

    A word that the class does not know becomes a member of its own: it equals its text, its name
    is ``UNKNOWN`` and :attr:`is_known` is false. Known words are found in upper and lower case,
    and where the exchange says them in another way (``CANCELED``).
    """

    @property
    def is_known(self) -> bool:
        """Whether this version of the package knows the word."""
        return self.name in type(self).__members__

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        known = {member.value.casefold(): member for member in cls}
        if len(known) == len(cls):  # "1m" is a minute and "1M" a month: there, the case says which
            word = value.casefold()
            if (member := known.get(word) or known.get(_SYNONYMS.get(word, ""))) is not None:
                return member
        unknown = str.__new__(cls, value)
        unknown._name_ = "UNKNOWN"
        unknown._value_ = value
        return unknown


# --- JSON -----------------------------------------------------------------------------------

_decoder: Final = msgspec.json.Decoder(float_hook=Decimal)


def decode(text: bytes | str) -> Any:
    """
    Parse JSON; a number with a point or an exponent becomes a ``Decimal`` of the same digits.

    Raises:
        WireError: The text is not JSON, or is nested too deeply.
    """
    try:
        return _decoder.decode(text)
    except (msgspec.MsgspecError, InvalidOperation, RecursionError, ValueError) as exc:
        reason = str(exc) if isinstance(exc, msgspec.MsgspecError) else type(exc).__name__
        raise WireError(f"not JSON: {reason}") from None


def encode(value: Any) -> bytes:
    """Print what ``converter.unstructure()`` returned as JSON, a ``Decimal`` as a string."""
    return msgspec.json.encode(value)


def decoded(value: Any) -> Any:
    """Unpack JSON inside a string, which may be packed more than once."""
    while value.__class__ is str:
        value = decode(value)
    return value

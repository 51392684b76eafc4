"""
How one value of each type is read, and what a type annotation says.

Every ``to_...`` takes what came and the type that is wanted, as cattrs calls its hooks, and returns
a value of that type or raises :class:`~bingx_async.wire.WireError`.
"""

from __future__ import annotations

import functools
import re
import types
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final, Union, get_args, get_origin

import attrs

from bingx_async.wire import OpenEnum, WireError, decoded, wire_name

__all__ = [
    "BOOLEANS",
    "EPOCH",
    "SECONDS_END",
    "Hook",
    "bare",
    "is_enum",
    "is_list",
    "is_moment",
    "is_no_time",
    "is_optional",
    "is_row",
    "members",
    "never",
    "no_object",
    "optional_of",
    "shown",
    "telling",
    "to_bool",
    "to_datetime",
    "to_decimal",
    "to_enum",
    "to_int",
    "to_str",
]

Hook = Callable[[Any, Any], Any]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# A time below this is in seconds, one above in milliseconds: as milliseconds it would lie in
# 1973, as seconds in the year 5138.
SECONDS_END: Final = 10**11
# Nothing that the exchange counts has more digits; 1E+1000000 would fill the memory as an int.
_MOST_DIGITS: Final = 4000
# "10X" is a leverage, "2.91%" a percentage: the number before the sign is the value.
_SIGNED_NUMBER: Final = re.compile(r"\s*([+-]?[0-9.]+)\s*[xX%]\s*")


def shown(value: object) -> str:
    """Show a value in an error, not too long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004


def to_decimal(value: Any, _: Any) -> Decimal:
    """Read a finite number, from its text to the last digit."""
    if value.__class__ is Decimal:
        return value
    try:
        if value.__class__ is str:
            number = Decimal(value)
            if number.is_finite():
                return number
        elif value.__class__ is int:
            return Decimal(value)
    except InvalidOperation:
        if odd := _SIGNED_NUMBER.fullmatch(value):
            return to_decimal(odd[1], _)
    raise WireError(f"expected a number, got {shown(value)}")


def to_int(value: Any, _: Any) -> int:
    """Read a whole number."""
    if value.__class__ is int:
        return value
    if value.__class__ is str and value.isdecimal() and len(value) < _MOST_DIGITS:
        return int(value)
    number = to_decimal(value, _)
    if number.adjusted() < _MOST_DIGITS and number == (whole := int(number)):
        return whole
    raise WireError(f"expected a whole number, got {shown(value)}")


def to_str(value: Any, _: Any) -> str:
    """Read a text, or what stands for one."""
    if value.__class__ is str:
        return value
    if value.__class__ is int or value.__class__ is Decimal:
        return str(value)
    if value.__class__ is bool:
        return "true" if value else "false"
    raise WireError(f"expected text, got {shown(value)}")


BOOLEANS: Final = {"true": True, "false": False, "1": True, "0": False}


def to_bool(value: Any, _: Any) -> bool:
    """Read true or false."""
    if value.__class__ is bool:
        return value
    answer = BOOLEANS.get(str(value).lower())
    if answer is None:
        raise WireError(f"expected true or false, got {shown(value)}")
    return answer


def to_datetime(value: Any, _: Any) -> datetime:
    """Read a time: seconds or milliseconds since 1970 UTC, or ISO 8601."""
    if value.__class__ is str and not value.strip().lstrip("+-").isdecimal():
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            raise WireError(f"expected a time, got {shown(value)}") from None
        # The exchange prints dates without a zone in UTC.
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    number = to_int(value, _)
    if number <= 0:
        raise WireError(f"expected a time, got {shown(value)}")
    try:
        return EPOCH + timedelta(milliseconds=number * 1000 if number < SECONDS_END else number)
    except OverflowError:
        raise WireError(f"expected a time, got {shown(value)}") from None


def bare(type_: Any) -> Any:
    """Take the marks off an annotated type."""
    while get_origin(type_) is Annotated:
        type_ = get_args(type_)[0]
    return type_


def optional_of(type_: Any) -> Any:
    """Return T for ``T | None``, else ``None``."""
    type_ = bare(type_)
    if get_origin(type_) not in (Union, types.UnionType):
        return None
    rest = tuple(bare(arg) for arg in get_args(type_) if arg is not type(None))
    return Union[rest] if len(rest) < len(get_args(type_)) else None  # noqa: UP007 - made here


def is_enum(type_: Any) -> bool:
    """Tell whether a type is an open enum."""
    return isinstance(type_, type) and issubclass(type_, OpenEnum)


def is_optional(type_: Any) -> bool:
    """Tell whether a type is ``T | None``."""
    return optional_of(type_) is not None


def is_list(type_: Any) -> bool:
    """Tell whether a type is a list."""
    return get_origin(type_) is list


def is_moment(type_: Any) -> bool:
    """Tell whether a type is the parameter type ``Moment``."""
    return get_origin(type_) in (Union, types.UnionType) and set(get_args(type_)) == {datetime, int}


def is_row(type_: Any) -> bool:
    """Tell whether a type is a named tuple."""
    return hasattr(type_, "_fields") and issubclass(type_, tuple)


_NOTHING: Final[tuple[object, ...]] = (None, "", 0, "0", [], {})


def never(_: Any) -> bool:
    """Tell that a value of this type always says something."""
    return False


def is_no_time(value: Any) -> bool:
    """Tell a number that stands for no time."""
    return value in (0, -1, "0", "-1")


def telling(cls: Any) -> list[str]:
    """List the keys that make an object one: those that it requires, less words, which may stay."""
    attrs.resolve_types(cls)
    return [
        wire_name(field)
        for field in attrs.fields(cls)
        if field.init and field.default is attrs.NOTHING and not is_enum(bare(field.type))
    ]


def no_object(cls: Any) -> Callable[[Any], bool]:
    """
    Make the test for an object that is there but says nothing.

    Such is the stop loss of an order without one: whatever makes it one is empty, though words
    (``{"type": "STOP", "stopPrice": 0}``) and other fields may hold a default.
    """
    needed = telling(cls)

    def absent(value: Any) -> bool:
        value = decoded(value)
        if value.__class__ is not dict:
            return False
        return not any(value.get(key) not in _NOTHING for key in needed or value)

    return absent


@functools.cache
def members(type_: type[OpenEnum]) -> dict[str | int, OpenEnum]:
    """List the words; one that is a number also as that number."""
    words: dict[str | int, OpenEnum] = {member.value: member for member in type_}
    return words | {int(word): member for word, member in words.items() if str(word).isdecimal()}


def to_enum(value: Any, type_: type[OpenEnum]) -> OpenEnum:
    """Read a word, known or not."""
    text = value if value.__class__ is str else to_str(value, str)
    if (member := members(type_).get(text)) is not None:
        return member
    if text:
        return type_(text)
    raise WireError("expected a word, got nothing")

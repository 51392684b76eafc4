"""
attrs classes from what the exchange really sends, and back.

Real answers are not what the documentation shows: the same field comes as ``5``, ``"5"`` or
``"5X"``; an empty string stands for "no number"; a boolean is the text ``"true"``; an object is
text that holds JSON; new words and fields appear without notice. Models stay narrow (``int``,
``Decimal``, ``bool``, ``datetime``, an enum) and this module bends what came until it fits, or
says where it does not. A number is built from its own text, never by way of a float, so that it
keeps every digit.

The work is done by one cattrs converter. What comes every day (a value that has the declared type
already, a number as text, a time in milliseconds, a known word) is taken over by code generated for
its class, without a call; all else goes through the hooks below. ``benchmarks/wire.py`` shows what
that is worth.
"""

from __future__ import annotations

import functools
import re
import types
from collections.abc import Callable, Container, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import (
    Annotated,
    Any,
    Final,
    Self,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import attrs
import cattrs
import msgspec
from cattrs.gen import make_dict_unstructure_fn, override

from bingx_async.signing import json_text, milliseconds

__all__ = [
    "SPELLINGS",
    "Moment",
    "OpenEnum",
    "WireError",
    "converter",
    "decode",
    "encode",
    "wire",
    "wire_name",
]

Moment = datetime | int
"""A parameter that names a time: a timezone-aware datetime, or milliseconds since 1970 UTC."""

T = TypeVar("T")
Hook = Callable[[Any, Any], Any]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# A time below this is in seconds, one above in milliseconds: as milliseconds it would lie in
# 1973, as seconds in the year 5138.
_SECONDS_END: Final = 10**11
# Nothing that the exchange counts has more digits; 1E+1000000 would fill the memory as an int.
_MOST_DIGITS: Final = 4000
# "10X" is a leverage, "2.91%" a percentage: the number before the sign is the value.
_SIGNED_NUMBER: Final = re.compile(r"\s*([+-]?[0-9.]+)\s*[xX%]\s*")


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


def _mark(field: attrs.Attribute[Any]) -> wire:
    marks = getattr(field.type, "__metadata__", ())
    return next((mark for mark in marks if isinstance(mark, wire)), wire())


def wire_name(field: attrs.Attribute[Any]) -> str:
    """Tell the name on the wire of an attrs field whose types are resolved."""
    if (name := _mark(field).name) is not None:
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


def _spellings(key: str, own: Container[str]) -> tuple[str, ...]:
    """Tell the other names of a key, but for those that are keys of the class themselves."""
    return tuple(name for name in SPELLINGS.get(key, ()) if name not in own)


# And what the same word is called, in lower case.
_SYNONYMS: Final[Mapping[str, str]] = {"ask": "sell", "bid": "buy", "canceled": "cancelled"}


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


def _decoded(value: Any) -> Any:
    """Unpack JSON inside a string, which may be packed more than once."""
    while value.__class__ is str:
        value = decode(value)
    return value


# --- structure: one hook a type --------------------------------------------------------------


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004


def _to_decimal(value: Any, _: Any) -> Decimal:
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
            return _to_decimal(odd[1], _)
    raise WireError(f"expected a number, got {_shown(value)}")


def _to_int(value: Any, _: Any) -> int:
    if value.__class__ is int:
        return value
    if value.__class__ is str and value.isdecimal() and len(value) < _MOST_DIGITS:
        return int(value)
    number = _to_decimal(value, _)
    if number.adjusted() < _MOST_DIGITS and number == (whole := int(number)):
        return whole
    raise WireError(f"expected a whole number, got {_shown(value)}")


def _to_str(value: Any, _: Any) -> str:
    if value.__class__ is str:
        return value
    if value.__class__ is int or value.__class__ is Decimal:
        return str(value)
    if value.__class__ is bool:
        return "true" if value else "false"
    raise WireError(f"expected text, got {_shown(value)}")


_BOOLEANS: Final = {"true": True, "false": False, "1": True, "0": False}


def _to_bool(value: Any, _: Any) -> bool:
    if value.__class__ is bool:
        return value
    answer = _BOOLEANS.get(str(value).lower())
    if answer is None:
        raise WireError(f"expected true or false, got {_shown(value)}")
    return answer


def _to_datetime(value: Any, _: Any) -> datetime:
    if value.__class__ is str and not value.strip().lstrip("+-").isdecimal():
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            raise WireError(f"expected a time, got {_shown(value)}") from None
        # The exchange prints dates without a zone in UTC.
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    number = _to_int(value, _)
    if number <= 0:
        raise WireError(f"expected a time, got {_shown(value)}")
    try:
        return _EPOCH + timedelta(milliseconds=number * 1000 if number < _SECONDS_END else number)
    except OverflowError:
        raise WireError(f"expected a time, got {_shown(value)}") from None


def _bare(type_: Any) -> Any:
    """Take the marks off an annotated type."""
    while get_origin(type_) is Annotated:
        type_ = get_args(type_)[0]
    return type_


def _optional(type_: Any) -> Any:
    """Return T for ``T | None``, else ``None``."""
    type_ = _bare(type_)
    if get_origin(type_) not in (Union, types.UnionType):
        return None
    rest = tuple(_bare(arg) for arg in get_args(type_) if arg is not type(None))
    return Union[rest] if len(rest) < len(get_args(type_)) else None  # noqa: UP007 - made here


def _is_enum(type_: Any) -> bool:
    return isinstance(type_, type) and issubclass(type_, OpenEnum)


def _is_optional(type_: Any) -> bool:
    return _optional(type_) is not None


def _is_list(type_: Any) -> bool:
    return get_origin(type_) is list


def _is_moment(type_: Any) -> bool:
    return get_origin(type_) in (Union, types.UnionType) and set(get_args(type_)) == {datetime, int}


def _is_row(type_: Any) -> bool:
    return isinstance(type_, type) and issubclass(type_, tuple) and hasattr(type_, "_fields")


_NOTHING: Final[tuple[object, ...]] = (None, "", 0, "0", [], {})


def _never(_: Any) -> bool:
    return False


def _is_no_time(value: Any) -> bool:
    return value in (0, -1, "0", "-1")


def _no_object(cls: Any) -> Callable[[Any], bool]:
    """
    Make the test for an object that is there but says nothing.

    Such is the stop loss of an order without one: whatever makes it one is empty, though other
    fields may hold a default.
    """
    attrs.resolve_types(cls)
    fields = [field for field in attrs.fields(cls) if field.init]
    needed = [wire_name(field) for field in fields if field.default is attrs.NOTHING]

    def absent(value: Any) -> bool:
        value = _decoded(value)
        if value.__class__ is not dict:
            return False
        return not any(value.get(key) not in _NOTHING for key in needed or value)

    return absent


def _optional_hook(type_: Any, into: cattrs.Converter) -> Hook:
    inner = _optional(type_)
    hook = into.get_structure_hook(inner)
    absent: Callable[[Any], bool] = _never
    if inner is datetime or _is_moment(inner):
        absent = _is_no_time
    elif attrs.has(inner):
        absent = _no_object(inner)

    def structure(value: Any, _: Any) -> Any:
        if value is None or value == "" or absent(value):
            return None
        return hook(value, inner)

    return structure


def _list_hook(type_: Any, into: cattrs.Converter) -> Hook:
    (inner,) = get_args(type_)
    hook = into.get_structure_hook(inner)

    def structure(value: Any, _: Any) -> list[Any]:
        if value is None or value == "":
            return []
        value = _decoded(value)
        if value.__class__ is dict:  # one row, where the exchange leaves the list out, or none
            value = [value] if any(value.values()) else []
        if value.__class__ is not list:
            raise WireError(f"expected a list, got {_shown(value)}")
        rows: list[Any] = []
        try:
            for row in value:
                rows.append(hook(row, inner))  # noqa: PERF401 - the length tells where it failed
        except WireError as exc:
            raise exc.under(len(rows)) from None
        return rows

    return structure


def _row_hook(type_: Any, into: cattrs.Converter) -> Hook:
    """Read a named tuple from an array, such as a level of an order book."""
    hints = get_type_hints(type_)
    columns = [(hint, into.get_structure_hook(hint)) for hint in hints.values()]

    def structure(value: Any, _: Any) -> Any:
        value = _decoded(value)
        if value.__class__ is not list or len(value) < len(columns):
            raise WireError(f"expected an array of {len(columns)}, got {_shown(value)}")
        return type_(*[hook(v, hint) for v, (hint, hook) in zip(value, columns, strict=False)])

    return structure


@functools.cache
def _members(type_: type[OpenEnum]) -> dict[str | int, OpenEnum]:
    """List the words; one that is a number also as that number."""
    words: dict[str | int, OpenEnum] = {member.value: member for member in type_}
    return words | {int(word): member for word, member in words.items() if str(word).isdecimal()}


def _to_enum(value: Any, type_: type[OpenEnum]) -> OpenEnum:
    text = value if value.__class__ is str else _to_str(value, str)
    if (member := _members(type_).get(text)) is not None:
        return member
    if text:
        return type_(text)
    raise WireError("expected a word, got nothing")


_SCALARS: Final[dict[type, Hook]] = {
    Decimal: _to_decimal,
    int: _to_int,
    str: _to_str,
    bool: _to_bool,
    datetime: _to_datetime,
    OpenEnum: _to_enum,
}

# How the generated code takes over what comes every day; all else is left to the hook. A shortcut
# never reads anything that the hook would refuse, or would read differently.
_SHORTCUTS: Final[dict[type, str]] = {
    Decimal: "v if (v := {value}).__class__ is Decimal"
    " else n if v.__class__ is str and v and (n := Decimal(v)).is_finite()",
    int: "v if (v := {value}).__class__ is int",
    str: "v if (v := {value}).__class__ is str",
    bool: "v if (v := {value}) is True or v is False"
    " else True if v == 'true' else False if v == 'false'",
    datetime: "epoch + delta(0, 0, 0, v) if (v := {value}).__class__ is int and v >= seconds_end",
    OpenEnum: "words_{name}[v] if ((v := {value}).__class__ is str or v.__class__ is int)"
    " and v in words_{name}",
}


def _expression(field: attrs.Attribute[Any], key: str, others: tuple[str, ...]) -> str:
    """Write the expression that makes one argument of a class's ``__init__`` from ``o``."""
    name, optional = field.name, _optional(field.type)
    inner = optional or _bare(field.type)
    if _is_enum(inner):
        inner = OpenEnum
    if field.default is attrs.NOTHING:
        value = f"o[{key!r}]"
    elif field.default is None:
        value = f"get({key!r})"
        for other in others:
            value = f"(a if (a := {value}) is not None and a != '' else get({other!r}, a))"
    else:
        default = f"default_{name}"
        default += "()" if isinstance(field.default, attrs.Factory) else ""  # type: ignore[arg-type]
        there = "MISSING"
        for spelling in (key, *others)[::-1]:
            there = f"get({spelling!r}, {there})"
        there = f"(v := {there}) is MISSING"
        return f"{default} if {there} else hook_{name}(v, type_{name})"
    shortcut = _SHORTCUTS.get(inner, "None if (v := {value}) is None" if optional else "")
    if inner is str and optional:  # an empty text is no text
        shortcut += " and v"
    if not shortcut:
        return f"hook_{name}({value}, type_{name})"
    nothing = " else None if v is None or v == ''" if optional else ""
    return f"{shortcut.format(value=value, name=name)}{nothing} else hook_{name}(v, type_{name})"


def _class_hook(cls: Any, into: cattrs.Converter) -> Hook:
    """
    Generate the function that makes one instance of an attrs class from a JSON object.

    It is generated for the answers that come every day. What makes it stumble goes field by field
    through the hooks, which read it after all or say where it does not fit.
    """
    attrs.resolve_types(cls)
    fields = [field for field in attrs.fields(cls) if field.init]
    keys = {field.name: wire_name(field) for field in fields}
    own = set(keys.values())
    others = {name: _spellings(key, own) for name, key in keys.items()}
    hooks = {field.name: into.get_structure_hook(field.type) for field in fields}

    def unpack(o: Any) -> dict[str, Any]:
        """Make a JSON object of what is not one yet."""
        if (unpacked := _decoded(o)).__class__ is dict:
            return cast("dict[str, Any]", unpacked)
        raise WireError(f"expected an object, got {_shown(o)}")

    scope: dict[str, Any] = {
        "cls": cls,
        "careful": _careful(cls, fields, keys, others, hooks),
        "unpack": unpack,
        "MISSING": object(),
        "Decimal": Decimal,
        "epoch": _EPOCH,
        "delta": timedelta,
        "seconds_end": _SECONDS_END,
    }
    for field in fields:
        scope[f"hook_{field.name}"] = hooks[field.name]
        scope[f"type_{field.name}"] = field.type
        scope[f"default_{field.name}"] = getattr(field.default, "factory", field.default)
        if _is_enum(word := _optional(field.type) or _bare(field.type)):
            scope[f"words_{field.name}"] = _members(word)
    arguments = "".join(
        f"            {f'{field.alias}=' if field.kw_only else ''}"
        f"{_expression(field, keys[field.name], others[field.name])},\n"
        for field in fields
    )
    source = f"""
def structure(o, _):
    if o.__class__ is not dict:
        o = unpack(o)
    get = o.get
    try:
        return cls(
{arguments}        )
    except Exception:
        pass
    return careful(o)
"""
    exec(source, scope)  # noqa: S102 - made of our own field names, as attrs makes __init__
    return cast("Hook", scope["structure"])


def _careful(
    cls: Any,
    fields: list[attrs.Attribute[Any]],
    keys: dict[str, str],
    others: dict[str, tuple[str, ...]],
    hooks: dict[str, Hook],
) -> Callable[[dict[str, Any]], Any]:
    """Make the function that reads a JSON object field by field, or says where it cannot."""

    def structure(o: dict[str, Any]) -> Any:
        found: dict[str, Any] = {}
        for field in fields:
            key = keys[field.name]
            if other := others[field.name]:
                there = [k for k in (key, *other) if k in o]
                full = (k for k in there if o[k] is not None and o[k] != "")
                key = next(full, there[0] if there else key)
            if key in o:
                try:
                    found[field.alias or field.name] = hooks[field.name](o[key], field.type)
                except WireError as exc:
                    raise exc.under(key) from None
            elif field.default is attrs.NOTHING:
                raise WireError("missing", (key,))
        try:
            return cls(**found)
        except (TypeError, ValueError) as exc:  # a validator of the class itself
            raise WireError(f"{cls.__name__}: {exc}") from None

    return structure


def _class_unhook(cls: Any, into: cattrs.Converter) -> Callable[[Any], dict[str, Any]]:
    """Generate the function that makes a JSON object; what equals its default stays out."""
    attrs.resolve_types(cls)
    names = {
        field.name: override(
            rename=wire_name(field),
            unstruct_hook=(lambda value: json_text(into.unstructure(value)))
            if _mark(field).text
            else None,
        )
        for field in attrs.fields(cls)
    }
    return make_dict_unstructure_fn(cls, into, _cattrs_omit_if_default=True, **names)  # type: ignore[arg-type]


def _make_converter() -> cattrs.Converter:
    # Detailed validation would cost the fast way dearly; the slow way above says as much.
    made = cattrs.Converter(detailed_validation=False)
    for type_, hook in _SCALARS.items():
        made.register_structure_hook(type_, hook)
    kinds: list[tuple[Callable[[Any], bool], Callable[[Any, cattrs.Converter], Hook]]] = [
        (attrs.has, _class_hook),
        (_is_list, _list_hook),
        (_is_row, _row_hook),
        (_is_moment, lambda _type, into: into.get_structure_hook(datetime)),
        (_is_optional, _optional_hook),
    ]
    for is_kind, make_hook in kinds:
        made.register_structure_hook_factory(is_kind, make_hook)
    made.register_unstructure_hook_factory(attrs.has, _class_unhook)
    made.register_unstructure_hook(datetime, milliseconds)
    return made


converter: Final = _make_converter()
"""
Structures answers and unstructures requests; in the emulator it does the reverse.

``converter.structure(value, type)`` raises :class:`WireError` for what does not fit.
"""

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
from collections.abc import Callable, Container, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, InvalidOperation
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
    return hasattr(type_, "_fields") and issubclass(type_, tuple)


_NOTHING: Final[tuple[object, ...]] = (None, "", 0, "0", [], {})


def _never(_: Any) -> bool:
    return False


def _is_no_time(value: Any) -> bool:
    return value in (0, -1, "0", "-1")


def _telling(cls: Any) -> list[str]:
    """List the keys that make an object one: those that it requires, less words, which may stay."""
    attrs.resolve_types(cls)
    return [
        wire_name(field)
        for field in attrs.fields(cls)
        if field.init and field.default is attrs.NOTHING and not _is_enum(_bare(field.type))
    ]


def _no_object(cls: Any) -> Callable[[Any], bool]:
    """
    Make the test for an object that is there but says nothing.

    Such is the stop loss of an order without one: whatever makes it one is empty, though words
    (``{"type": "STOP", "stopPrice": 0}``) and other fields may hold a default.
    """
    needed = _telling(cls)

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
    """Generate the function that reads a named tuple from an array, such as a level of a book."""
    hints = get_type_hints(type_)
    hooks = {name: into.get_structure_hook(hint) for name, hint in hints.items()}

    def careful(value: Any) -> Any:
        if value.__class__ is not list or len(value) < len(hints):
            raise WireError(f"expected an array of {len(hints)}, got {_shown(value)}")
        return type_(*[hooks[name](v, hints[name]) for name, v in zip(hints, value, strict=False)])

    values = [_reading(hints[name], name, f"o[{index}]") for index, name in enumerate(hints)]
    scope = {**_scope(hints, hooks), "kind": list, "cls": type_, "careful": careful}
    return _generated([f"return cls({', '.join(values)})"], scope)


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

# How the generated code takes over what comes every day, where ``{v}`` is the value and ``v`` the
# same from there on; all else is left to the hook. A shortcut never reads anything that the hook
# would refuse, or would read differently.
_SHORTCUTS: Final[dict[type, str]] = {
    Decimal: "n if {v}.__class__ is str and v and (n := exact(v)).is_finite()"
    " else v if v.__class__ is Decimal else exact(v) if v.__class__ is int",
    int: "v if {v}.__class__ is int"
    " else int(v) if v.__class__ is str and v.isdecimal() and len(v) < 40"
    " else n if (n := multiple(v)) is not None",
    str: "v if {v}.__class__ is str",
    bool: "v if {v} is True or v is False else True if v == 'true' else False if v == 'false'",
    datetime: "epoch + millisecond * v if {v}.__class__ is int and v >= seconds_end",
    OpenEnum: "n if {v}.__class__ in kinds_{name} and (n := word_{name}(v)) is not None",
}

# Makes a Decimal faster than Decimal() does, and raises where it would have to round.
_EXACT: Final = Context(prec=MAX_PREC, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[*Context().traps])
_TOOLS: Final[dict[str, Any]] = {
    "MISSING": object(),
    "decoded": _decoded,
    "Decimal": Decimal,
    "exact": _EXACT.create_decimal,
    "multiple": {f"{number}X": number for number in range(1, 201)}.get,
    "epoch": _EPOCH,
    "millisecond": timedelta(milliseconds=1),
    "seconds_end": _SECONDS_END,
}


def _scope(types_: Mapping[str, Any], hooks: Mapping[str, Hook]) -> dict[str, Any]:
    """Gather what the expressions for fields of these names and types refer to."""
    scope = dict(_TOOLS)
    for name, type_ in types_.items():
        scope |= {f"hook_{name}": hooks[name], f"type_{name}": type_}
        if _is_enum(inner := _optional(type_) or _bare(type_)):
            words = _members(inner)
            if 0 not in words and 1 not in words:  # a dict takes them for False and True
                words = words | {_BOOLEANS[w]: words[w] for w in ("true", "false") if w in words}
            scope |= {f"word_{name}": words.get, f"kinds_{name}": frozenset(map(type, words))}
    return scope


def _reading(type_: Any, name: str, value: str) -> str:
    """Write the expression that reads what the expression ``value`` finds."""
    optional = _optional(type_)
    inner = optional or _bare(type_)
    shortcut = _SHORTCUTS.get(OpenEnum if _is_enum(inner) else inner, "")
    hook = f"hook_{name}(v, type_{name})"
    if not optional and not shortcut:
        return f"hook_{name}({value}, type_{name})"
    if not optional:
        return f"{shortcut.format(v=f'(v := {value})', name=name)} else {hook}"
    nothing = "v == ''"
    if inner is str:  # an empty text is none
        shortcut += " and v"
    elif inner is datetime:
        nothing += " or v == 0"
    elif attrs.has(inner):
        empty = [f"not v.get({key!r})" for key in _telling(inner)]
        nothing = " and ".join(["v.__class__ is dict", *(empty or ["not v"])])
    cases = [f"None if (v := {value}) is None", shortcut.format(v="v", name=name)]
    return " else ".join([*filter(None, cases), f"None if {nothing}", hook])


def _expression(field: attrs.Attribute[Any], key: str, others: tuple[str, ...]) -> str:
    """Write the expression that reads one field of a class from ``o``."""
    names = [key, *others]
    required = field.default is attrs.NOTHING
    optional = field.default is None and _is_optional(field.type)
    if required:
        value = f"o[{key!r}]"
    elif optional:  # the last of its names settles it, as nothing and an empty text are one
        value = f"get({names.pop()!r})"
    else:
        value = functools.reduce(lambda rest, k: f"get({k!r}, {rest})", names[::-1], "MISSING")
    if others:
        full = "".join(f"a if (a := get({k!r})) is not None and a != '' else " for k in names)
        value = f"({full}{value})"
    if required or optional:
        return _reading(field.type, field.name, value)
    default = f"default_{field.name}"
    default += "()" if isinstance(field.default, attrs.Factory) else ""  # type: ignore[arg-type]
    return f"{default} if (v := {value}) is MISSING else hook_{field.name}(v, type_{field.name})"


def _only_sets_fields(cls: Any) -> bool:
    """Tell whether ``__init__`` does nothing but set the fields, so that it need not be called."""
    return (
        "__attrs_attrs__" in vars(cls)
        and cls.__setattr__ is object.__setattr__
        and all(f.init and not f.converter and not f.validator for f in attrs.fields(cls))
        and not any(hasattr(cls, f"__attrs_{which}init__") for which in ("pre_", "post_", ""))
    )


def _class_hook(cls: Any, into: cattrs.Converter) -> Hook:
    """Generate the function that makes one instance of an attrs class from a JSON object."""
    attrs.resolve_types(cls)
    fields = [field for field in attrs.fields(cls) if field.init]
    keys = {field.name: wire_name(field) for field in fields}
    own = set(keys.values())
    others = {name: _spellings(key, own) for name, key in keys.items()}
    hooks = {field.name: into.get_structure_hook(field.type) for field in fields}
    values = {
        field.name: _expression(field, keys[field.name], others[field.name]) for field in fields
    }
    if _only_sets_fields(cls):
        sets = (f"made.{name} = {value}" for name, value in values.items())
        steps = ["get = o.get", "made = new(cls)", *sets, "return made"]
    else:
        arguments = (
            f"{field.alias}={values[field.name]}" if field.kw_only else values[field.name]
            for field in sorted(fields, key=lambda field: field.kw_only)
        )
        steps = ["get = o.get", f"return cls({', '.join(arguments)})"]
    scope = _scope({field.name: field.type for field in fields}, hooks)
    for field in fields:
        scope[f"default_{field.name}"] = getattr(field.default, "factory", field.default)
    scope |= {"kind": dict, "cls": cls, "new": cls.__new__}
    scope["careful"] = _careful(cls, fields, keys, others, hooks)
    return _generated(steps, scope)


def _generated(steps: Iterable[str], scope: dict[str, Any]) -> Hook:
    """
    Compile the function that reads an ``o`` of the class ``kind`` in these steps.

    It is for the answers that come every day. What makes it stumble is left to ``careful``, which
    reads it after all or says where it does not fit.
    """
    body = "\n        ".join(steps)
    source = f"""
def structure(o, _):
    if o.__class__ is not kind:
        o = decoded(o)
    try:
        {body}
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
) -> Callable[[Any], Any]:
    """Make the function that reads a JSON object field by field, or says where it cannot."""

    def structure(o: Any) -> Any:
        if o.__class__ is not dict:
            raise WireError(f"expected an object, got {_shown(o)}")
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

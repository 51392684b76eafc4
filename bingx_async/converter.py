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
its class, without a call; all else goes through the hooks of ``hooks.py``.
``benchmarks/wire.py`` shows what that is worth.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from itertools import chain
from typing import Any, Final, cast, get_args, get_type_hints

import attrs
import cattrs
import msgspec
from cattrs.gen import make_dict_unstructure_fn, override

from bingx_async.hooks import (
    BOOLEANS,
    EPOCH,
    SECONDS_END,
    Hook,
    bare,
    is_enum,
    is_list,
    is_moment,
    is_no_time,
    is_optional,
    is_row,
    members,
    never,
    no_object,
    optional_of,
    shown,
    telling,
    to_bool,
    to_datetime,
    to_decimal,
    to_enum,
    to_int,
    to_str,
)
from bingx_async.signing import json_text, milliseconds
from bingx_async.wire import OpenEnum, WireError, decoded, mark, spellings, wire_name

__all__ = ["converter"]


def _optional_hook(type_: Any, into: cattrs.Converter) -> Hook:
    inner = optional_of(type_)
    hook = into.get_structure_hook(inner)
    absent: Callable[[Any], bool] = never
    if inner is datetime or is_moment(inner):
        absent = is_no_time
    elif attrs.has(inner):
        absent = no_object(inner)

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
        value = decoded(value)
        if value.__class__ is dict:  # one row, where the exchange leaves the list out, or none
            value = [value] if any(value.values()) else []
        if value.__class__ is not list:
            raise WireError(f"expected a list, got {shown(value)}")
        rows: list[Any] = []
        try:
            for row in value:
                rows.append(hook(row, inner))  # noqa: PERF401 - the length tells where it failed
        except WireError as exc:
            raise exc.under(len(rows)) from None
        return rows

    if is_row(inner) and set(get_type_hints(inner).values()) == {Decimal}:
        return _at_once(type_, structure)
    return structure


def _at_once(type_: Any, careful: Hook) -> Hook:
    """Make the function that reads rows of numbers, such as the levels of a book, all at once."""

    def structure(value: Any, _: Any) -> Any:
        try:
            rows = msgspec.convert(value, type_)
        except msgspec.ValidationError:
            return careful(value, _)
        if all(map(Decimal.is_finite, chain.from_iterable(rows))):
            return rows
        return careful(value, _)

    return structure


def _row_hook(type_: Any, into: cattrs.Converter) -> Hook:
    """Generate the function that reads a named tuple from an array, such as a level of a book."""
    hints = get_type_hints(type_)
    hooks = {name: into.get_structure_hook(hint) for name, hint in hints.items()}

    def careful(value: Any) -> Any:
        if value.__class__ is not list or len(value) < len(hints):
            raise WireError(f"expected an array of {len(hints)}, got {shown(value)}")
        return type_(*[hooks[name](v, hints[name]) for name, v in zip(hints, value, strict=False)])

    values = [_reading(hints[name], name, f"o[{index}]") for index, name in enumerate(hints)]
    scope = {**_scope(hints, hooks), "kind": list, "cls": type_, "careful": careful}
    return _generated([f"return cls({', '.join(values)})"], scope)


_SCALARS: Final[dict[type, Hook]] = {
    Decimal: to_decimal,
    int: to_int,
    str: to_str,
    bool: to_bool,
    datetime: to_datetime,
    OpenEnum: to_enum,
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
    "decoded": decoded,
    "Decimal": Decimal,
    "exact": _EXACT.create_decimal,
    "multiple": {f"{number}X": number for number in range(1, 201)}.get,
    "epoch": EPOCH,
    "millisecond": timedelta(milliseconds=1),
    "seconds_end": SECONDS_END,
}


def _scope(types_: Mapping[str, Any], hooks: Mapping[str, Hook]) -> dict[str, Any]:
    """Gather what the expressions for fields of these names and types refer to."""
    scope = dict(_TOOLS)
    for name, type_ in types_.items():
        scope |= {f"hook_{name}": hooks[name], f"type_{name}": type_}
        if is_enum(inner := optional_of(type_) or bare(type_)):
            words = members(inner)
            if 0 not in words and 1 not in words:  # a dict takes them for False and True
                words = words | {BOOLEANS[w]: words[w] for w in ("true", "false") if w in words}
            scope |= {f"word_{name}": words.get, f"kinds_{name}": frozenset(map(type, words))}
    return scope


def _reading(type_: Any, name: str, value: str) -> str:
    """Write the expression that reads what the expression ``value`` finds."""
    optional = optional_of(type_)
    inner = optional or bare(type_)
    shortcut = _SHORTCUTS.get(OpenEnum if is_enum(inner) else inner, "")
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
        empty = [f"not v.get({key!r})" for key in telling(inner)]
        nothing = " and ".join(["v.__class__ is dict", *(empty or ["not v"])])
    cases = [f"None if (v := {value}) is None", shortcut.format(v="v", name=name)]
    return " else ".join([*filter(None, cases), f"None if {nothing}", hook])


def _expression(field: attrs.Attribute[Any], key: str, others: tuple[str, ...]) -> str:
    """Write the expression that reads one field of a class from ``o``."""
    names = [key, *others]
    required = field.default is attrs.NOTHING
    optional = field.default is None and is_optional(field.type)
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
    others = {name: spellings(key, own) for name, key in keys.items()}
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
            raise WireError(f"expected an object, got {shown(o)}")
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
            if mark(field).text
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
        (is_list, _list_hook),
        (is_row, _row_hook),
        (is_moment, lambda _type, into: into.get_structure_hook(datetime)),
        (is_optional, _optional_hook),
    ]
    for is_kind, make_hook in kinds:
        made.register_structure_hook_factory(is_kind, make_hook)
    made.register_unstructure_hook_factory(attrs.has, _class_unhook)
    made.register_unstructure_hook(datetime, milliseconds)
    return made


converter: Final = _make_converter()
"""
Structures answers and unstructures requests; in the emulator it does the reverse.

``converter.structure(value, type)`` raises :class:`~bingx_async.wire.WireError` for what does not
fit.
"""

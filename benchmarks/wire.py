"""
What does it cost to make models of answers, and what are the wire's choices worth?

The answer to ``set_leverage`` and lists of a thousand contracts, klines and orders become objects:
here, as msgspec Structs with ``Decimal`` fields, and as pydantic models. From bytes, msgspec and
pydantic decode straight into their classes, without a Python object in between, which nothing
written in Python can match. From decoded data, all begin with the same dicts. And like for like,
Structs come to the very same values: msgspec knows no ``"true"`` and no ``"15X"``, no milliseconds
and no empty text for nothing, so that ``__post_init__`` makes them. The pydantic models come to the
same values as well.

Then the choices that the package made, each beside the other way: attrs classes mutable or frozen,
slotted or not; fields required or with defaults; cattrs's own generated functions or ours.
"""

from __future__ import annotations

import gc
import time
import timeit
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, Final, get_args

import attrs
import cattrs
import msgspec
from cattrs.gen import make_dict_structure_fn, override
from pydantic import TypeAdapter

from benchmarks.exchange import ANSWER
from benchmarks.measure import Times, in_turns
from benchmarks.payloads import CONTRACTS, KLINES, ORDERS, contract
from benchmarks.peers import pydantic_models, structs
from benchmarks.report import Report, options
from bingx_async import BingX, Contract, Leverage, answer, wire
from bingx_async.converter import converter

OURS: Final = "bingx_async"
DECODED: Final = "from decoded data"
PLAIN: Final = "Struct"
SAME: Final = "Struct, same values"
PYDANTIC: Final = "pydantic"

Work = Callable[[], object]


@attrs.frozen
class Payload:
    """
    An answer, and what it becomes.

    Attributes:
        endpoint: The endpoint's dotted name.
        body: The answer.
        plain: The msgspec type that leaves values as they came.
        same: The msgspec type with the values of the package's own class.
        model: The pydantic type with these values.
        share: How much of all repetitions it gets.
    """

    endpoint: str
    body: bytes
    plain: Any
    same: Any
    model: Any
    share: float = 1 / 50


PAYLOADS: Final = {
    "a leverage answer": Payload(
        "swap.set_leverage",
        ANSWER,
        structs.PlainLeverage,
        structs.SameLeverage,
        pydantic_models.Leverage,
        share=20,
    ),
    "1000 contracts": Payload(
        "swap.contracts",
        CONTRACTS,
        list[structs.PlainContract],
        list[structs.SameContract],
        list[pydantic_models.Contract],
    ),
    "1000 klines": Payload(
        "swap.klines",
        KLINES,
        list[structs.PlainKline],
        list[structs.SameKline],
        list[pydantic_models.Kline],
    ),
    "1000 orders": Payload(
        "swap.all_orders",
        ORDERS,
        list[structs.PlainOrder],
        list[structs.SameOrder],
        list[pydantic_models.Order],
    ),
}


def repeated(work: Work, times: int) -> Callable[[], float]:
    """Time so many repetitions of a call, in processor time, garbage collection included."""

    def run() -> float:
        return timeit.Timer(work, gc.enable, time.process_time).timeit(times)

    return run


def readings(payload: Payload) -> dict[str, dict[str, Work]]:
    """List what is compared, by reading and contestant."""
    endpoint = BingX.endpoints()[payload.endpoint]
    body, data = payload.body, wire.decode(payload.body)["data"]
    if wrapped := endpoint.answer == "data.orders":
        data = data["orders"]

    def answered(library: Any, kind: Any) -> Any:
        return library.Envelope[library.Orders[kind] if wrapped else kind]

    plain = msgspec.json.Decoder(answered(structs, payload.plain))
    same = msgspec.json.Decoder(answered(structs, payload.same))
    model = answered(pydantic_models, payload.model)
    return {
        "from bytes": {
            OURS: partial(answer.read, endpoint, 200, body),
            PLAIN: partial(plain.decode, body),
            SAME: partial(same.decode, body),
            PYDANTIC: partial(model.model_validate_json, body),
        },
        DECODED: {
            OURS: partial(endpoint.structure, data, endpoint.returns),
            PLAIN: partial(msgspec.convert, data, payload.plain),
            SAME: partial(msgspec.convert, data, payload.same),
            PYDANTIC: partial(TypeAdapter(payload.model).validate_python, data),
        },
    }


def against_others(report: Report, *, rounds: int, repeats: int) -> None:
    """Compare with msgspec and pydantic, payload by payload and reading by reading."""
    rows: list[list[str]] = []
    targets: list[tuple[str, float, float]] = []
    for name, payload in PAYLOADS.items():
        times = max(1, int(repeats * payload.share))
        for reading, contestants in readings(payload).items():
            took = in_turns(
                {who: repeated(work, times) for who, work in contestants.items()}, rounds
            )
            ratios = {who: took.ratio(OURS, who) for who in (PLAIN, SAME, PYDANTIC)}
            rows.append(
                [
                    name,
                    reading,
                    *(f"{took.median(who) / times * 1e6:,.2f}" for who in contestants),
                    *(f"{ratio:.2f}" for ratio in ratios.values()),
                ]
            )
            # What is compared is the structuring, like for like. (Structs that are decoded from
            # bytes never were dicts, and plain ones leave times, flags and status as they came.)
            limits = {SAME: 2.0, PYDANTIC: 1.0} if reading == DECODED else {PYDANTIC: 1.0}
            targets += [
                (f"{name}, {reading}, of {who}", ratios[who], limit)
                for who, limit in limits.items()
            ]
    report.table(
        f"Answers become objects: us each, {rounds} rounds; and how much of the others' time",
        ["", "", OURS, PLAIN, SAME, PYDANTIC, f"of a {PLAIN}", "of same values", f"of {PYDANTIC}"],
        rows,
        words=2,
    )
    for what, ratio, limit in targets:
        report.at_most(what, ratio, limit)


# The choices.


def variant(cls: type, *, frozen: bool = False, slots: bool = True, defaults: bool = True) -> type:
    """Make a class with the same fields, decided otherwise."""
    attrs.resolve_types(cls)
    fields = {
        field.name: attrs.field(type=field.type, default=field.default)
        if defaults
        else attrs.field(type=field.type)
        for field in attrs.fields(cls)
    }
    return attrs.make_class(cls.__name__, fields, frozen=frozen, slots=slots)


def of_cattrs(cls: type) -> Callable[[object], object]:
    """Make the function that cattrs generates, with this package's hooks for the fields."""
    made = cattrs.Converter(detailed_validation=False)

    def hook_of(type_: Any) -> Any:
        return converter.get_structure_hook(type_)

    for type_ in (Decimal, int, str, bool, datetime, wire.OpenEnum):
        made.register_structure_hook(type_, hook_of(type_))
    made.register_structure_hook_factory(lambda type_: type(None) in get_args(type_), hook_of)
    attrs.resolve_types(cls)
    names = {field.name: override(rename=wire.wire_name(field)) for field in attrs.fields(cls)}
    structure: Any = make_dict_structure_fn(cls, made, _cattrs_detailed_validation=False, **names)  # type: ignore[arg-type]
    return lambda data: structure(data, cls)


def of_ours(cls: type) -> Callable[[object], object]:
    """Make the function that this package generates."""
    structure = converter.get_structure_hook(cls)
    return lambda data: structure(data, cls)


def choices(report: Report, *, rounds: int, repeats: int) -> None:
    """Compare every choice with what the package does."""
    payloads: dict[str, tuple[type, Any]] = {
        "leverage": (Leverage, wire.decode(ANSWER)["data"]),
        "contract": (Contract, wire.decode(msgspec.json.encode(contract(1)))),
    }
    makers = {"ours": of_ours, "cattrs's": of_cattrs}
    took: dict[str, Times] = {}
    for payload, (cls, data) in payloads.items():
        classes = {
            CHOSEN: variant(cls),
            "frozen": variant(cls, frozen=True),
            "not slotted": variant(cls, slots=False),
            "all fields required": variant(cls, defaults=False),
        }
        took[payload] = in_turns(
            {
                f"{kind}/{code}": repeated(partial(make(made), data), repeats * 10)
                for kind, made in classes.items()
                for code, make in makers.items()
            },
            rounds,
        )
    kinds = (CHOSEN, "frozen", "not slotted", "all fields required")
    report.table(
        f"The choices: us a {' and a '.join(payloads)}, and of the package's own way",
        ["class", "code", *(head for payload in payloads for head in (payload, "ratio"))],
        [
            [
                kind,
                code,
                *(
                    cell
                    for times in took.values()
                    for cell in (
                        f"{times.median(f'{kind}/{code}') / repeats / 10 * 1e6:.2f}",
                        f"{times.ratio(f'{kind}/{code}', f'{CHOSEN}/ours'):.2f}",
                    )
                ),
            ]
            for kind in kinds
            for code in makers
        ],
        words=2,
    )


CHOSEN: Final = "mutable, slotted, with defaults"


def alike(ours: Any, theirs: Any) -> bool:
    """Tell whether two objects of any kind have the same values, of the same types."""
    kind: Any = ours.__class__
    if kind is list:
        return len(ours) == len(theirs) and all(map(alike, ours, theirs))
    if attrs.has(kind):
        names = [field.name for field in attrs.fields(kind)]
        return all(alike(getattr(ours, name), getattr(theirs, name, None)) for name in names)
    return kind is type(theirs) and bool(ours == theirs)


def check(report: Report) -> None:
    """See that what is compared is the same."""
    for name, payload in PAYLOADS.items():
        by_reading = readings(payload)
        ours = by_reading["from bytes"][OURS]()
        for who in (SAME, PYDANTIC):
            parsed: Any = by_reading["from bytes"][who]()
            found = parsed.data
            if name == "1000 orders":
                found = found.orders
            structured = by_reading["from decoded data"][who]()
            report.fact(
                f"{name}: the values of {who} are these",
                alike(ours, found) and alike(ours, structured),
            )


def main() -> None:
    arguments = options(__doc__).parse_args()
    quick: bool = arguments.quick
    report = Report("wire: from answers to objects", quick=quick)
    rounds, repeats = (2, 25) if quick else (15, 1000)
    check(report)
    against_others(report, rounds=rounds, repeats=repeats)
    choices(report, rounds=rounds, repeats=repeats)
    report.close()


if __name__ == "__main__":
    main()

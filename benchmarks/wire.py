"""
What does it cost to make models of answers, and what are the wire's choices worth?

The answer to ``set_leverage`` and a list of a thousand contracts become objects: here, and as
msgspec Structs with ``Decimal`` fields, in three readings. From bytes, msgspec decodes straight
into its classes, without a Python object in between, which nothing written in Python can match.
From decoded data, both begin with the same dicts. And like for like, the Structs come to the very
same values: msgspec knows no ``"true"``, no milliseconds and no open enums, so that
``__post_init__`` makes them.

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

from benchmarks.exchange import ANSWER
from benchmarks.measure import Times, in_turns
from benchmarks.peers import structs
from benchmarks.report import Report, options
from bingx_async import BingX, Contract, Endpoint, Leverage, answer, wire

OURS: Final = "bingx_async"
PLAIN: Final = "Struct"
SAME: Final = "Struct, same values"

Work = Callable[[], object]


def contract(number: int) -> dict[str, Any]:
    """Make one contract in the types that the exchange documents."""
    return {
        "contractId": str(number),
        "symbol": f"COIN{number}-USDT",
        "size": "0.0001",
        "quantityPrecision": 4,
        "pricePrecision": 1,
        "feeRate": 0.0005,
        "makerFeeRate": 0.0002,
        "takerFeeRate": 0.0005,
        "tradeMinLimit": 0,
        "tradeMinQuantity": 0.0001,
        "tradeMinUSDT": 2,
        "maxLongLeverage": 150,
        "maxShortLeverage": 150,
        "currency": "USDT",
        "asset": f"COIN{number}",
        "status": 1,
        "apiStateOpen": "true",
        "apiStateClose": "true",
        "ensureTrigger": True,
        "triggerFeeRate": "0.00050000",
        "brokerState": False,
        "launchTime": 1586275200000 + number * 1000,
        "maintainTime": 0,
        "offTime": 0,
        "displayName": f"COIN{number}-USDT",
    }


CONTRACTS: Final = msgspec.json.encode(
    {"code": 0, "msg": "", "data": [contract(number) for number in range(1000)]}
)


def repeated(work: Work, times: int) -> Callable[[], float]:
    """Time so many repetitions of a call, in processor time, garbage collection included."""

    def run() -> float:
        return timeit.Timer(work, gc.enable, time.process_time).timeit(times)

    return run


def readings(endpoint: Endpoint, body: bytes, plain: Any, same: Any) -> dict[str, dict[str, Work]]:
    """List what is compared, by reading and contestant."""
    data = wire.decode(body)["data"]
    plain_decoder = msgspec.json.Decoder(structs.Envelope[plain])
    same_decoder = msgspec.json.Decoder(structs.Envelope[same])
    return {
        "from bytes": {
            OURS: partial(answer.read, endpoint, 200, body),
            PLAIN: partial(plain_decoder.decode, body),
            SAME: partial(same_decoder.decode, body),
        },
        "from decoded data": {
            OURS: partial(endpoint.structure, data),
            PLAIN: partial(msgspec.convert, data, plain),
            SAME: partial(msgspec.convert, data, same),
        },
    }


def against_structs(report: Report, *, rounds: int, repeats: int) -> None:
    """Compare with msgspec, payload by payload and reading by reading."""
    endpoints = BingX.endpoints()
    payloads = {
        "a leverage answer": (
            repeats * 20,
            readings(
                endpoints["swap.set_leverage"], ANSWER, structs.PlainLeverage, structs.SameLeverage
            ),
        ),
        "1000 contracts": (
            max(1, repeats // 25),
            readings(
                endpoints["swap.contracts"],
                CONTRACTS,
                list[structs.PlainContract],
                list[structs.SameContract],
            ),
        ),
    }
    rows: list[list[str]] = []
    targets: list[tuple[str, float]] = []
    for payload, (times, by_reading) in payloads.items():
        for reading, contestants in by_reading.items():
            took = in_turns(
                {name: repeated(work, times) for name, work in contestants.items()}, rounds
            )
            rows.append(
                [
                    payload,
                    reading,
                    *(f"{took.median(name) / times * 1e6:,.2f}" for name in contestants),
                    f"{took.ratio(OURS, PLAIN):.2f}",
                    f"{took.ratio(OURS, SAME):.2f}",
                ]
            )
            targets += [
                (f"{payload}, {reading}, of a {name}", took.ratio(OURS, name))
                for name in ((PLAIN,) if payload == "a leverage answer" else (PLAIN, SAME))
            ]
    report.table(
        f"Answers become objects: us each, {rounds} rounds",
        ["", "", OURS, PLAIN, SAME, f"of a {PLAIN}", "of same values"],
        rows,
        words=2,
    )
    for what, ratio in targets:
        report.at_most(what, ratio, 2.0)


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
        return wire.converter.get_structure_hook(type_)

    for type_ in (Decimal, int, str, bool, datetime, wire.OpenEnum):
        made.register_structure_hook(type_, hook_of(type_))
    made.register_structure_hook_factory(lambda type_: type(None) in get_args(type_), hook_of)
    attrs.resolve_types(cls)
    names = {field.name: override(rename=wire.wire_name(field)) for field in attrs.fields(cls)}
    structure: Any = make_dict_structure_fn(cls, made, _cattrs_detailed_validation=False, **names)  # type: ignore[arg-type]
    return lambda data: structure(data, cls)


def of_ours(cls: type) -> Callable[[object], object]:
    """Make the function that this package generates."""
    structure = wire.converter.get_structure_hook(cls)
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


def check(report: Report) -> None:
    """See that what is compared is the same."""
    endpoints = BingX.endpoints()
    kinds: tuple[tuple[str, bytes, Any], ...] = (
        ("swap.set_leverage", ANSWER, structs.SameLeverage),
        ("swap.contracts", CONTRACTS, list[structs.SameContract]),
    )
    for name, body, cls in kinds:
        ours: Any = answer.read(endpoints[name], 200, body)
        theirs: Any = msgspec.convert(wire.decode(body)["data"], cls)
        if name == "swap.set_leverage":
            ours, theirs = [ours], [theirs]
        same = list(map(attrs.asdict, ours)) == list(map(msgspec.structs.asdict, theirs))
        report.fact(f"{name}: a {SAME}, has them", same)


def main() -> None:
    arguments = options(__doc__).parse_args()
    quick: bool = arguments.quick
    report = Report("wire: from answers to objects", quick=quick)
    rounds, repeats = (2, 25) if quick else (15, 1000)
    check(report)
    against_structs(report, rounds=rounds, repeats=repeats)
    choices(report, rounds=rounds, repeats=repeats)
    report.close()


if __name__ == "__main__":
    main()

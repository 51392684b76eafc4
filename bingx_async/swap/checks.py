"""
What the exchange is documented to refuse, so that it need not be asked.

A check looks at the parameters of one request and raises ``InvalidRequest`` if they cannot be
right, whatever the account and the market look like. What depends on these is left to the exchange;
so is a word that this package does not know yet. :func:`every` makes one check of several.

Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from bingx_async.converter import converter
from bingx_async.endpoint import Check
from bingx_async.errors import InvalidRequest
from bingx_async.swap.models.common import (
    CountdownAction,
    OrderType,
    StopGuaranteed,
    WorkingType,
)
from bingx_async.swap.models.orders import AttachedOrder, NewOrder

__all__ = [
    "at_most",
    "client_order_id",
    "countdown",
    "each",
    "every",
    "new_order",
    "one_of",
    "span",
]

_LONGEST_ID: Final = 40
_SHORTEST_COUNTDOWN: Final = 10
_LONGEST_COUNTDOWN: Final = 120


def every(*checks: Check) -> Check:
    """Make one check of several, made in their order."""

    def check(params: Any) -> None:
        for one in checks:
            one(params)

    return check


def one_of(*names: str) -> Check:
    """Make a check that one of these parameters, or more, is given."""

    def check(params: Any) -> None:
        if not any(_given(params, name) for name in names):
            raise InvalidRequest(f"pass {' or '.join(names)}")

    return check


def at_most(most: int, *names: str) -> Check:
    """Make a check that these lists, where they are given, hold from 1 to ``most`` entries."""

    def check(params: Any) -> None:
        for name in names:
            rows: Sequence[object] | None = getattr(params, name)
            if rows is not None and not 1 <= len(rows) <= most:
                raise InvalidRequest(f"{name} takes 1 to {most} entries, not {len(rows)}")

    return check


def each(name: str, check: Check) -> Check:
    """Make a check of every entry of a list, whose message says which one it is about."""

    def check_all(params: Any) -> None:
        for number, row in enumerate(getattr(params, name)):
            try:
                check(row)
            except InvalidRequest as exc:
                raise InvalidRequest(f"{name}[{number}]: {exc.message}") from None

    return check_all


def span(start: str, end: str, *, days: int) -> Check:
    """Make a check that two times, where both are given, are at most so many days apart."""
    longest = timedelta(days=days) // timedelta(milliseconds=1)

    def check(params: Any) -> None:
        if not (_given(params, start) and _given(params, end)):
            return
        first: int = converter.unstructure(getattr(params, start))
        last: int = converter.unstructure(getattr(params, end))
        if last - first > longest:
            raise InvalidRequest(f"{start} and {end} may be at most {days} days apart")

    return check


def client_order_id(params: Any) -> None:
    """Check that the caller's own id of an order, if it is given, has 1 to 40 characters."""
    own: str | None = params.client_order_id
    if own is not None and not 1 <= len(own) <= _LONGEST_ID:
        raise InvalidRequest(f"client_order_id has 1 to {_LONGEST_ID} characters, not {len(own)}")


def countdown(params: Any) -> None:
    """Check that a countdown that is started lasts from 10 to 120 seconds."""
    if params.type == CountdownAction.ACTIVATE and not (
        _SHORTEST_COUNTDOWN <= params.time_out <= _LONGEST_COUNTDOWN
    ):
        raise InvalidRequest(
            f"time_out is {_SHORTEST_COUNTDOWN} to {_LONGEST_COUNTDOWN} seconds,"
            f" not {params.time_out}"
        )


_KNOWN: Final = frozenset(OrderType)
_TRAILING: Final = frozenset({OrderType.TRAILING_STOP_MARKET, OrderType.TRAILING_TP_SL})
_CLOSING: Final = (OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET)
_STOPS: Final = (OrderType.STOP_MARKET, OrderType.STOP)
_PROFITS: Final = (OrderType.TAKE_PROFIT_MARKET, OrderType.TAKE_PROFIT)
_GUARANTEED: Final = frozenset({StopGuaranteed.TRUE, StopGuaranteed.CUT_FEE})

_MARKET_ON_TRIGGER: Final = ("stop_price", "quantity")
_LIMIT_ON_TRIGGER: Final = ("price", "stop_price", "quantity")
_NEEDED: Final[Mapping[OrderType, tuple[str, ...]]] = {
    OrderType.LIMIT: ("price", "quantity"),
    OrderType.MARKET: ("quantity",),
    OrderType.STOP_MARKET: _MARKET_ON_TRIGGER,
    OrderType.TAKE_PROFIT_MARKET: _MARKET_ON_TRIGGER,
    OrderType.TRIGGER_MARKET: _MARKET_ON_TRIGGER,
    OrderType.STOP: _LIMIT_ON_TRIGGER,
    OrderType.TAKE_PROFIT: _LIMIT_ON_TRIGGER,
    OrderType.TRIGGER_LIMIT: _LIMIT_ON_TRIGGER,
}


def _given(params: object, name: str) -> bool:
    return getattr(params, name, None) is not None


def _listed(words: Sequence[str], last: str) -> str:
    """Write a list in words, such as ``price, stop_price and quantity``."""
    head = ", ".join(words[:-1])
    return f"{head} {last} {words[-1]}" if head else words[-1]


def _complete(order: NewOrder) -> None:
    """Check that an order has what its type demands."""
    # In place of a quantity come its value, the whole position, or what is guaranteed of it.
    sized = (
        _given(order, "quote_order_qty")
        or order.close_position
        or order.stop_guaranteed in _GUARANTEED
    )
    needed = _NEEDED.get(order.type, ())
    missing = [
        name for name in needed if not _given(order, name) and not (sized and name == "quantity")
    ]
    if missing:
        raise InvalidRequest(
            f"a {order.type} order needs {_listed(needed, 'and')}:"
            f" {_listed(missing, 'and')} {'is' if len(missing) == 1 else 'are'} missing"
        )


def _trailing(order: NewOrder) -> None:
    """Check that a trailing order has a distance or a rate that there can be."""
    if order.type not in _TRAILING:
        return
    if order.price is None and order.price_rate is None:
        raise InvalidRequest(f"a {order.type} order needs price or price_rate: both are missing")
    if order.price_rate is not None and order.price_rate > 1:
        raise InvalidRequest(f"price_rate is a fraction of at most 1, not {order.price_rate}")


def _closing(order: NewOrder) -> None:
    """Check that an order that closes a position says nothing about how much of it."""
    if not order.close_position or order.type not in _KNOWN:
        return
    if order.type not in _CLOSING:
        raise InvalidRequest(
            f"close_position goes with {_listed(_CLOSING, 'or')} only, not with {order.type}"
        )
    if order.quantity is not None:
        raise InvalidRequest("close_position closes all of it: leave quantity out")
    if order.reduce_only:
        raise InvalidRequest("close_position can only close: leave reduce_only out")


def _guaranteed(order: NewOrder) -> None:
    """Check that a guaranteed stop is triggered by the price that can be guaranteed."""
    if (
        order.stop_guaranteed in _GUARANTEED
        and order.type in _STOPS
        and order.working_type in {WorkingType.MARK_PRICE, WorkingType.INDEX_PRICE}
    ):
        raise InvalidRequest(
            f"a {order.type} order with stop_guaranteed needs working_type CONTRACT_PRICE,"
            f" not {order.working_type}"
        )


def _attached(name: str, attached: AttachedOrder | None, types: Sequence[OrderType]) -> None:
    """Check that an attached order is of a type that can be attached there, and complete."""
    if attached is None or attached.type not in _KNOWN:
        return
    if attached.type not in types:
        raise InvalidRequest(f"{name}.type is {_listed(types, 'or')}, not {attached.type}")
    if "price" in _NEEDED[attached.type] and attached.price is None:
        raise InvalidRequest(f"{name}.price is missing: {attached.type} needs it")


def _attachments(order: NewOrder) -> None:
    _attached("stop_loss", order.stop_loss, _STOPS)
    _attached("take_profit", order.take_profit, _PROFITS)


new_order: Final = every(_complete, _trailing, _closing, _guaranteed, _attachments, client_order_id)
"""Check what belongs together in a new order, by its type."""

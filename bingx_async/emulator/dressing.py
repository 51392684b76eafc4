"""
Answers in the shapes in which the exchange sends them.

What a body returns is an instance of the declared class. Here it becomes JSON in the place where
its declaration says that it sits, and gets the oddities of its endpoint: ids and switches as text,
``10X`` for a leverage, an object in place of a list of one, ``Ask`` for ``SELL``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

from bingx_async.converter import converter
from bingx_async.emulator.paging import Page
from bingx_async.endpoint import Endpoint
from bingx_async.swap.models.market import Contract
from bingx_async.swap.models.orders import AttachedOrder, Countdown, Fill, Order
from bingx_async.swap.models.positions import (
    ClosedPosition,
    MarginAdjustment,
    MarginChange,
    Position,
    PositionMode,
    ReversedPosition,
)
from bingx_async.wire import encode

__all__ = ["dress"]

Row = dict[str, Any]

_BEIJING: Final = timezone(timedelta(hours=8))


def dress(endpoint: Endpoint, given: Mapping[str, Any], answer: Any) -> bytes:
    """
    Write an answer as the exchange does.

    Args:
        endpoint: What was called.
        given: The arguments.
        answer: What its body returned.
    """
    if endpoint.answer == "file":
        return bytes(answer)
    page = answer if isinstance(answer, Page) else None
    written = _shaped.unstructure(answer if page is None else list(page))
    if (odd := _ODDITIES.get(endpoint.name)) is not None:
        written = odd(written, given)
    if endpoint.answer == "bare":
        return b"" if answer is None else encode(written)
    envelope = {"code": 0, "msg": ""}
    if answer is None:
        return encode(envelope)
    if endpoint.answer == "flat":
        return encode(envelope | written)
    *steps, last = endpoint.answer.split(".")
    written = {last: written}
    if page is not None:
        written["total"] = page.total
    for step in reversed(steps):
        written = {step: written}
    return encode(envelope | written)


# --- by model -------------------------------------------------------------------------------


def _attached(attached: AttachedOrder | None) -> Row:
    """An order without one has one all the same, which says nothing."""
    if attached is None:
        return {"type": "", "quantity": 0, "stopPrice": 0, "price": 0, "workingType": ""}
    return {
        "type": attached.type,
        "quantity": attached.quantity or 0,
        "stopPrice": attached.stop_price,
        "price": attached.price or 0,
        "workingType": attached.working_type or "",
        "stopGuaranteed": attached.stop_guaranteed or "",
    }


def _order(order: Order, row: Row) -> Row:
    row = {"clientOrderId": "", **row}
    if order.orig_qty is None:  # it is only acknowledged
        return {**row, "orderID": str(order.order_id)}
    if order.status is not None:
        row |= {
            "price": order.price or Decimal(0),
            "stopPrice": order.stop_price or "",
            "leverage": "" if order.leverage is None else f"{order.leverage}X",
            "takeProfit": _attached(order.take_profit),
            "stopLoss": _attached(order.stop_loss),
            "positionID": row.pop("positionId", 0),
        }
    return row


def _fill(fill: Fill, row: Row) -> Row:
    local = fill.filled_time.astimezone(_BEIJING)
    return {
        **_ids(fill, row),
        "clientOrderId": fill.client_order_id or "",
        "filledTm": f"{local:%FT%T}Z",  # which it is not
        "filledTime": f"{local:%FT%T}.{local.microsecond // 1000:03}+0800",
    }


def _ids(_: object, row: Row) -> Row:
    """Some endpoints write ids as text."""
    names = {"orderId", "positionId", "newPositionId"} & row.keys()
    return {**row, **{name: str(row[name]) for name in names}}


def _countdown(countdown: Countdown, row: Row) -> Row:
    ends: datetime | None = countdown.trigger_time
    return {**row, "triggerTime": 0 if ends is None else int(ends.timestamp())}


def _contract(contract: Contract, row: Row) -> Row:
    words = {name: str(row[name]).lower() for name in ("apiStateOpen", "apiStateClose")}
    return {**row, **words, "status": int(contract.status)}


_BY_MODEL: Final[Mapping[type, Callable[[Any, Row], Row]]] = {
    Order: _order,
    Fill: _fill,
    Position: _ids,
    ReversedPosition: _ids,
    ClosedPosition: _ids,
    MarginChange: _ids,
    Countdown: _countdown,
    Contract: _contract,
    MarginAdjustment: lambda it, row: {**row, "type": int(it.type)},
    PositionMode: lambda it, row: {**row, "dualSidePosition": str(it.dual_side_position).lower()},
}


def _hook(model: type) -> Callable[[Any], Row]:
    plain, change = converter.get_unstructure_hook(model), _BY_MODEL[model]
    return lambda answer: change(answer, plain(answer))


_shaped: Final = converter.copy()
_shaped.register_unstructure_hook_factory(lambda type_: type_ in _BY_MODEL, _hook)


# --- by endpoint ----------------------------------------------------------------------------


def _alone(rows: list[Row], given: Mapping[str, Any]) -> list[Row] | Row:
    """Who names a symbol gets an object, who does not gets a list."""
    return rows if given.get("symbol") is None else rows[0]


def _closing(row: Row, _: object) -> Row:
    side = {"SELL": "Ask", "BUY": "Bid"}[row["side"]]
    return {**_ids(None, row), "orderId": row["orderId"], "side": side, "type": "Market"}


_OF_FILL_ORDERS: Final = {"quoteQty": "amount", "commissionAsset": "currency"}


def _fill_orders(rows: list[Row], _: object) -> list[Row]:
    return [{_OF_FILL_ORDERS.get(name, name): row[name] for name in row} for row in rows]


def _fill_history(written: Row, _: object) -> Row:
    rows = [
        {
            **row,
            "qty": row["quoteQty"],  # as in the documented example
            "side": row["side"].lower(),
            "positionSide": row["positionSide"].lower(),
        }
        for row in written.get("fill_history_orders", [])
    ]
    return {"fill_history_orders": rows, "total": written.get("total", 0)}


_ODDITIES: Final[Mapping[str, Callable[[Any, Mapping[str, Any]], Any]]] = {
    "swap.premium_index": _alone,
    "swap.tickers": _alone,
    "swap.prices": _alone,
    "swap.close_position": _closing,
    "swap.fill_orders": _fill_orders,
    "swap.fill_history": _fill_history,
}

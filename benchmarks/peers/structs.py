"""
The same answers as msgspec Structs, in two honest readings.

``Plain`` classes take what JSON gives, with ``Decimal`` where a number is meant and an enum where a
word is. What msgspec cannot bend stays as it came: ``"true"``, ``"15X"`` and a price that may be an
empty text stay texts, a time stays a number of milliseconds, a status stays a number. ``Same``
classes come to the very values of this package's models, by a ``__post_init__``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar

import msgspec

from bingx_async import ContractStatus
from bingx_async.swap.models.common import (
    OrderSide,
    OrderStatus,
    OrderType,
    PositionSide,
    StopGuaranteed,
    TimeInForce,
    WorkingType,
)

__all__ = [
    "Envelope",
    "Orders",
    "PlainContract",
    "PlainKline",
    "PlainLeverage",
    "PlainOrder",
    "SameContract",
    "SameKline",
    "SameLeverage",
    "SameOrder",
]

T = TypeVar("T")


class Envelope(msgspec.Struct, Generic[T]):
    """What is around every answer."""

    code: int
    msg: str
    data: T


class Orders(msgspec.Struct, Generic[T]):
    """What is around the orders."""

    orders: T


class PlainLeverage(msgspec.Struct, rename="camel"):
    """The leverage that was set; nothing of it needs bending."""

    leverage: int
    symbol: str
    available_long_vol: Decimal | None = None
    available_short_vol: Decimal | None = None
    available_long_val: Decimal | None = None
    available_short_val: Decimal | None = None
    max_position_long_val: Decimal | None = None
    max_position_short_val: Decimal | None = None


SameLeverage = PlainLeverage


class PlainContract(msgspec.Struct, rename="camel"):
    """One contract, as JSON has it."""

    symbol: str
    asset: str
    currency: str
    status: int
    quantity_precision: int
    price_precision: int
    trade_min_quantity: Decimal
    trade_min_usdt: Decimal = msgspec.field(name="tradeMinUSDT")
    contract_id: str | None = None
    maker_fee_rate: Decimal | None = None
    taker_fee_rate: Decimal | None = None
    max_long_leverage: int | None = None
    max_short_leverage: int | None = None
    api_state_open: str | None = None
    api_state_close: str | None = None
    broker_state: bool | None = None
    ensure_trigger: bool | None = None
    trigger_fee_rate: Decimal | None = None
    launch_time: int | None = None
    maintain_time: int | None = None
    off_time: int | None = None
    display_name: str | None = None
    size: Decimal | None = None
    fee_rate: Decimal | None = None
    trade_min_limit: Decimal | None = None


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_TRUTH: Final = {"true": True, "false": False, True: True, False: False, None: None}
_STATUS: Final = {int(member): member for member in ContractStatus}


def _time(value: int | datetime | None) -> datetime | None:
    """Turn milliseconds into a datetime; the exchange writes 0 where there is no time."""
    return _EPOCH + _MILLISECOND * value if value and isinstance(value, int) else None


class SameContract(msgspec.Struct, rename="camel"):
    """One contract, with the values that the package's own class has."""

    symbol: str
    asset: str
    currency: str
    status: int | ContractStatus
    quantity_precision: int
    price_precision: int
    trade_min_quantity: Decimal
    trade_min_usdt: Decimal = msgspec.field(name="tradeMinUSDT")
    contract_id: str | None = None
    maker_fee_rate: Decimal | None = None
    taker_fee_rate: Decimal | None = None
    max_long_leverage: int | None = None
    max_short_leverage: int | None = None
    api_state_open: str | bool | None = None
    api_state_close: str | bool | None = None
    broker_state: str | bool | None = None
    ensure_trigger: str | bool | None = None
    trigger_fee_rate: Decimal | None = None
    launch_time: int | datetime | None = None
    maintain_time: int | datetime | None = None
    off_time: int | datetime | None = None
    display_name: str | None = None
    size: Decimal | None = None
    fee_rate: Decimal | None = None
    trade_min_limit: Decimal | None = None

    def __post_init__(self) -> None:
        self.status = _STATUS[self.status]  # type: ignore[index]
        self.api_state_open = _TRUTH[self.api_state_open]
        self.api_state_close = _TRUTH[self.api_state_close]
        self.broker_state = _TRUTH[self.broker_state]
        self.ensure_trigger = _TRUTH[self.ensure_trigger]
        self.launch_time = _time(self.launch_time)
        self.maintain_time = _time(self.maintain_time)
        self.off_time = _time(self.off_time)


class PlainKline(msgspec.Struct):
    """One kline; its time is a number of milliseconds."""

    open: Decimal
    close: Decimal
    high: Decimal
    low: Decimal
    volume: Decimal
    time: int


class SameKline(msgspec.Struct):
    """One kline, with the values that the package's own class has."""

    open: Decimal
    close: Decimal
    high: Decimal
    low: Decimal
    volume: Decimal
    time: int | datetime

    def __post_init__(self) -> None:
        self.time = _EPOCH + _MILLISECOND * self.time  # type: ignore[operator]


class PlainAttached(msgspec.Struct, rename="camel"):
    """The take profit or the stop loss of an order, also where it says nothing."""

    type: str
    stop_price: Decimal
    price: Decimal | None = None
    quantity: Decimal | None = None
    working_type: str | None = None
    stop_guaranteed: str | None = None


class PlainOrder(msgspec.Struct, rename="camel"):
    """One order, as JSON has it."""

    symbol: str
    order_id: int
    side: OrderSide
    position_side: PositionSide
    type: OrderType
    client_order_id: str | None = None
    status: OrderStatus | None = None
    price: Decimal | None = None
    orig_qty: Decimal | None = None
    executed_qty: Decimal | None = None
    avg_price: Decimal | None = None
    cum_quote: Decimal | None = None
    stop_price: str | None = None
    profit: Decimal | None = None
    commission: Decimal | None = None
    leverage: str | None = None
    working_type: WorkingType | None = None
    time: int | None = None
    update_time: int | None = None
    reduce_only: bool | None = None
    close_position: bool | None = None
    time_in_force: TimeInForce | None = None
    post_only: bool | None = None
    take_profit: PlainAttached | None = None
    stop_loss: PlainAttached | None = None
    price_rate: Decimal | None = None
    activation_price: Decimal | None = None
    trailing_stop_rate: Decimal | None = None
    trailing_stop_distance: Decimal | None = None
    stop_guaranteed: bool | None = None
    position_id: int | None = msgspec.field(name="positionID", default=None)
    trigger_order_id: int | None = None
    main_order_id: str | None = None
    is_twap: bool | None = None
    only_one_position: bool | None = None
    order_type: str | None = None
    advance_attr: int | None = None
    take_profit_entrust_price: Decimal | None = None
    stop_loss_entrust_price: Decimal | None = None


class SameAttached(msgspec.Struct, rename="camel"):
    """The take profit or the stop loss of an order that has one."""

    type: OrderType
    stop_price: Decimal
    price: Decimal | None = None
    quantity: Decimal | None = None
    working_type: WorkingType | None = None
    stop_guaranteed: StopGuaranteed | None = None


_GUARANTEED: Final = {True: StopGuaranteed.TRUE, False: StopGuaranteed.FALSE, None: None}


def _attached(value: dict[str, Any]) -> SameAttached | None:
    return msgspec.convert(value, SameAttached) if value["stopPrice"] else None


class SameOrder(msgspec.Struct, rename="camel"):
    """One order, with the values that the package's own class has."""

    symbol: str
    order_id: int
    side: OrderSide
    position_side: PositionSide
    type: OrderType
    client_order_id: str | None = None
    status: OrderStatus | None = None
    price: Decimal | None = None
    orig_qty: Decimal | None = None
    executed_qty: Decimal | None = None
    avg_price: Decimal | None = None
    cum_quote: Decimal | None = None
    stop_price: Any = None
    profit: Decimal | None = None
    commission: Decimal | None = None
    leverage: Any = None
    working_type: WorkingType | None = None
    time: int | datetime | None = None
    update_time: int | datetime | None = None
    reduce_only: bool | None = None
    close_position: bool | None = None
    time_in_force: TimeInForce | None = None
    post_only: bool | None = None
    take_profit: Any = None
    stop_loss: Any = None
    price_rate: Decimal | None = None
    activation_price: Decimal | None = None
    trailing_stop_rate: Decimal | None = None
    trailing_stop_distance: Decimal | None = None
    stop_guaranteed: Any = None
    position_id: int | None = msgspec.field(name="positionID", default=None)
    trigger_order_id: int | None = None
    main_order_id: str | None = None
    is_twap: bool | None = None
    only_one_position: bool | None = None
    order_type: str | None = None
    advance_attr: int | None = None
    take_profit_entrust_price: Decimal | None = None
    stop_loss_entrust_price: Decimal | None = None

    def __post_init__(self) -> None:
        self.client_order_id = self.client_order_id or None
        self.order_type = self.order_type or None
        self.stop_price = Decimal(self.stop_price) if self.stop_price else None
        self.leverage = int(self.leverage.rstrip("X"))
        self.time = _time(self.time)
        self.update_time = _time(self.update_time)
        self.take_profit = _attached(self.take_profit)
        self.stop_loss = _attached(self.stop_loss)
        self.stop_guaranteed = _GUARANTEED[self.stop_guaranteed]

"""
The same answers as pydantic models, which come to the very values of this package's classes.

pydantic reads milliseconds, ``"true"`` and words by itself; a validator before its own one does
what it does not know: an empty text, a time of 0, ``"15X"``, an order inside that says nothing.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

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

__all__ = ["Contract", "Envelope", "Kline", "Leverage", "Order", "Orders"]

T = TypeVar("T")


def _or_none(value: Any) -> Any:
    return value or None


def _if_it_says_something(value: Any) -> Any:
    return value if value["stopPrice"] else None


def _multiple(value: Any) -> Any:
    return value.rstrip("X") if isinstance(value, str) else value


def _word(value: Any) -> Any:
    return str(value).lower()


MaybeStr = Annotated[str | None, BeforeValidator(_or_none)]
MaybeDecimal = Annotated[Decimal | None, BeforeValidator(_or_none)]
MaybeTime = Annotated[datetime | None, BeforeValidator(_or_none)]


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class Envelope(BaseModel, Generic[T]):
    """What is around every answer."""

    code: int
    msg: str
    data: T


class Orders(BaseModel, Generic[T]):
    """What is around the orders."""

    orders: T


class Leverage(_Model):
    """The leverage that was set."""

    leverage: int
    symbol: str
    available_long_vol: Decimal | None = None
    available_short_vol: Decimal | None = None
    available_long_val: Decimal | None = None
    available_short_val: Decimal | None = None
    max_position_long_val: Decimal | None = None
    max_position_short_val: Decimal | None = None


class Contract(_Model):
    """One contract."""

    symbol: str
    asset: str
    currency: str
    status: Annotated[ContractStatus, BeforeValidator(str)]
    quantity_precision: int
    price_precision: int
    trade_min_quantity: Decimal
    trade_min_usdt: Decimal = Field(alias="tradeMinUSDT")
    contract_id: str | None = None
    maker_fee_rate: Decimal | None = None
    taker_fee_rate: Decimal | None = None
    max_long_leverage: int | None = None
    max_short_leverage: int | None = None
    api_state_open: bool | None = None
    api_state_close: bool | None = None
    broker_state: bool | None = None
    ensure_trigger: bool | None = None
    trigger_fee_rate: Decimal | None = None
    launch_time: MaybeTime = None
    maintain_time: MaybeTime = None
    off_time: MaybeTime = None
    display_name: str | None = None
    size: Decimal | None = None
    fee_rate: Decimal | None = None
    trade_min_limit: Decimal | None = None


class Kline(_Model):
    """One kline, which pydantic reads by itself."""

    open: Decimal
    close: Decimal
    high: Decimal
    low: Decimal
    volume: Decimal
    time: datetime


class AttachedOrder(_Model):
    """The take profit or the stop loss of an order."""

    type: OrderType
    stop_price: Decimal
    price: Decimal | None = None
    quantity: Decimal | None = None
    working_type: WorkingType | None = None
    stop_guaranteed: StopGuaranteed | None = None


Attached = Annotated[AttachedOrder | None, BeforeValidator(_if_it_says_something)]


class Order(_Model):
    """One order."""

    symbol: str
    order_id: int
    side: OrderSide
    position_side: PositionSide
    type: OrderType
    client_order_id: MaybeStr = None
    status: OrderStatus | None = None
    price: Decimal | None = None
    orig_qty: Decimal | None = None
    executed_qty: Decimal | None = None
    avg_price: Decimal | None = None
    cum_quote: Decimal | None = None
    stop_price: MaybeDecimal = None
    profit: Decimal | None = None
    commission: Decimal | None = None
    leverage: Annotated[int | None, BeforeValidator(_multiple)] = None
    working_type: WorkingType | None = None
    time: datetime | None = None
    update_time: datetime | None = None
    reduce_only: bool | None = None
    close_position: bool | None = None
    time_in_force: TimeInForce | None = None
    post_only: bool | None = None
    take_profit: Attached = None
    stop_loss: Attached = None
    price_rate: Decimal | None = None
    activation_price: Decimal | None = None
    trailing_stop_rate: Decimal | None = None
    trailing_stop_distance: Decimal | None = None
    stop_guaranteed: Annotated[StopGuaranteed | None, BeforeValidator(_word)] = None
    position_id: int | None = Field(default=None, alias="positionID")
    trigger_order_id: int | None = None
    main_order_id: str | None = None
    is_twap: bool | None = None
    only_one_position: bool | None = None
    order_type: MaybeStr = None
    advance_attr: int | None = None
    take_profit_entrust_price: Decimal | None = None
    stop_loss_entrust_price: Decimal | None = None

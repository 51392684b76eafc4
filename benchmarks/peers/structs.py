"""
The same answers as msgspec Structs, in two honest readings.

``Plain`` classes take what JSON gives, with ``Decimal`` where a number is meant: ``"true"`` stays a
text, a time stays a number of milliseconds, a status stays a number. ``Same`` classes come to the
very values of this package's models, by a ``__post_init__``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, Generic, TypeVar

import msgspec

from bingx_async import ContractStatus

__all__ = ["Envelope", "PlainContract", "PlainLeverage", "SameContract", "SameLeverage"]

T = TypeVar("T")


class Envelope(msgspec.Struct, Generic[T]):
    """What is around every answer."""

    code: int
    msg: str
    data: T


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
_TRUTH: Final = {"true": True, "false": False, True: True, False: False, None: None}
_STATUS: Final = {int(member): member for member in ContractStatus}


def _time(value: int | datetime | None) -> datetime | None:
    """Turn milliseconds into a datetime; the exchange writes 0 where there is no time."""
    return _EPOCH + timedelta(milliseconds=value) if value and isinstance(value, int) else None


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

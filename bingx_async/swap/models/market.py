"""Market data of USDT-M perpetual futures."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from attrs import define

from bingx_async.wire import OpenEnum, wire

__all__ = ["Contract", "ContractStatus", "ServerTime"]


class ContractStatus(OpenEnum):
    """Whether a contract trades."""

    OFFLINE = "0"
    ONLINE = "1"
    PRE_ONLINE = "5"
    CLOSE_ONLY = "25"
    """Positions can be closed, but not opened."""


@define
class ServerTime:
    """
    The exchange's clock.

    Attributes:
        server_time: When the exchange answered, to the millisecond, in UTC.
    """

    server_time: datetime


@define
class Contract:
    """
    One contract and its rules.

    Attributes:
        symbol: Trading pair with a hyphen.
        asset: What is traded.
        currency: What it is settled and margined in.
        status: Whether it trades.
        quantity_precision: Decimal places of a quantity.
        price_precision: Decimal places of a price.
        trade_min_quantity: Smallest quantity of an order, in ``asset``.
        trade_min_usdt: Smallest value of an order, in USDT.
        contract_id: The exchange's number of the contract.
        maker_fee_rate: Fee of an order that rests, as a fraction of its value.
        taker_fee_rate: Fee of an order that trades at once, as a fraction of its value.
        max_long_leverage: Greatest leverage of a long position.
        max_short_leverage: Greatest leverage of a short position.
        api_state_open: Whether positions can be opened through the API.
        api_state_close: Whether positions can be closed through the API.
        broker_state: Whether users of brokers are barred from it.
        ensure_trigger: Whether guaranteed stop losses are offered.
        trigger_fee_rate: Fee of a guaranteed stop loss, as a fraction.
        launch_time: When trading starts or started.
        maintain_time: From when on positions can only be closed.
        off_time: When it is taken offline.
        display_name: Name for people; ``symbol`` is the one for requests.
        size: Value of one contract.
        fee_rate: Superseded by the maker's and the taker's rate.
        trade_min_limit: Superseded by ``trade_min_quantity``.
    """

    symbol: str
    asset: str
    currency: str
    status: ContractStatus
    quantity_precision: int
    price_precision: int
    trade_min_quantity: Decimal
    trade_min_usdt: Annotated[Decimal, wire("tradeMinUSDT")]
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
    launch_time: datetime | None = None
    maintain_time: datetime | None = None
    off_time: datetime | None = None
    display_name: str | None = None
    size: Decimal | None = None
    fee_rate: Decimal | None = None
    trade_min_limit: Decimal | None = None

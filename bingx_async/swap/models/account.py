"""Balances and fund flows of USDT-M perpetual futures."""

from datetime import datetime
from decimal import Decimal

from attrs import define

from bingx_async.wire import OpenEnum

__all__ = [
    "Balance",
    "CommissionRate",
    "Income",
    "IncomeType",
    "MarginAsset",
    "VstBalance",
    "VstDirection",
    "VstGrant",
]


class IncomeType(OpenEnum):
    """What moved funds."""

    TRANSFER = "TRANSFER"
    REALIZED_PNL = "REALIZED_PNL"
    FUNDING_FEE = "FUNDING_FEE"
    TRADING_FEE = "TRADING_FEE"
    INSURANCE_CLEAR = "INSURANCE_CLEAR"
    """Liquidation."""
    TRIAL_FUND = "TRIAL_FUND"
    ADL = "ADL"
    """Automatic deleveraging."""
    SYSTEM_DEDUCTION = "SYSTEM_DEDUCTION"
    GTD_PRICE = "GTD_PRICE"
    """Guaranteed price of a stop."""


class VstDirection(OpenEnum):
    """Which way the balance of play money is adjusted."""

    INCREASE = "0"
    DECREASE = "1"


@define
class Balance:
    """
    What the account holds of one margin currency.

    The amounts are ``None`` where the exchange leaves them empty, as for a currency that was never
    used.

    Attributes:
        asset: The currency, such as ``USDT``.
        balance: What is there without open positions, in ``asset`` like all that follows.
        equity: The balance and the unrealised profit.
        unrealized_profit: Profit of the open positions at their mark prices.
        realised_profit: Profit that was realised.
        available_margin: What new positions can be opened with.
        used_margin: What open positions take.
        freezed_margin: What open orders take.
        user_id: The number of the account, partly hidden in some answers.
        short_uid: The short number of the account.
    """

    asset: str
    balance: Decimal | None = None
    equity: Decimal | None = None
    unrealized_profit: Decimal | None = None
    realised_profit: Decimal | None = None
    available_margin: Decimal | None = None
    used_margin: Decimal | None = None
    freezed_margin: Decimal | None = None
    user_id: str | None = None
    short_uid: str | None = None


@define
class CommissionRate:
    """
    The fees of the account.

    Attributes:
        taker_commission_rate: Fee of an order that trades at once, as a fraction of its value.
        maker_commission_rate: Fee of an order that rests, as a fraction of its value.
    """

    taker_commission_rate: Decimal
    maker_commission_rate: Decimal


@define
class Income:
    """
    One movement of funds.

    Attributes:
        income_type: What moved them.
        income: How much, in ``asset``; negative for what was paid.
        asset: The currency, such as ``USDT``.
        time: When.
        symbol: Trading pair with a hyphen, where the movement belongs to one.
        info: The exchange's remark.
        tran_id: The exchange's number of the movement.
        trade_id: The trade that caused it.
    """

    income_type: IncomeType
    income: Decimal
    asset: str
    time: datetime
    symbol: str | None = None
    info: str | None = None
    tran_id: str | None = None
    trade_id: str | None = None


@define
class MarginAsset:
    """
    One asset that serves as margin in the mode of several assets.

    Attributes:
        currency: The asset, such as ``BTC``; all amounts are in it.
        total_amount: What is there.
        available_transfer: What can be transferred out now.
        latest_mortgage_amount: What serves as collateral now.
    """

    currency: str
    total_amount: Decimal
    available_transfer: Decimal
    latest_mortgage_amount: Decimal


@define
class VstGrant:
    """
    Play money that was granted.

    Attributes:
        amount: How much, in VST.
    """

    amount: Decimal


@define
class VstBalance:
    """
    The balance of play money.

    Attributes:
        balance: What is there now, in VST.
    """

    balance: Decimal

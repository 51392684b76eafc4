"""Positions of USDT-M perpetual futures: leverage, margin and modes."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from attrs import Factory, define

from bingx_async.swap.models.common import PositionSide
from bingx_async.wire import OpenEnum

__all__ = [
    "AssetMode",
    "AssetModeSetting",
    "AutoAddMargin",
    "ClosedPosition",
    "ClosingOrders",
    "Leverage",
    "LeverageBySide",
    "MaintenanceMarginTier",
    "MarginAdjustment",
    "MarginChange",
    "MarginChangeReason",
    "MarginDirection",
    "MarginType",
    "MarginTypeSetting",
    "Position",
    "PositionMode",
    "ReverseType",
    "ReversedPosition",
]


class MarginType(OpenEnum):
    """How the positions of a contract are margined."""

    CROSSED = "CROSSED"
    """All of the account's margin stands behind every position."""
    ISOLATED = "ISOLATED"
    """Each side of a contract has its own margin."""
    SEPARATE_ISOLATED = "SEPARATE_ISOLATED"
    """Each position has its own margin, and a side can hold several."""


class AssetMode(OpenEnum):
    """Which assets are taken as margin."""

    SINGLE = "singleAssetMode"
    """The settlement currency of the contract only."""
    MULTI = "multiAssetsMode"
    """Several assets together."""


class MarginDirection(OpenEnum):
    """Which way an isolated margin is adjusted."""

    INCREASE = "1"
    DECREASE = "2"


class MarginChangeReason(OpenEnum):
    """What changed an isolated margin."""

    MANUAL_ADDITION = "ManualMarginAddition"
    MANUAL_REDUCTION = "ManualMarginReduction"
    INCREASED_LEVERAGE = "IncreaseLeverage"
    REDUCED_LEVERAGE = "ReduceLeverage"
    OPENED = "OpenPosition"
    CLOSED = "ClosePosition"
    LIQUIDATION = "Liquidation"
    ADL = "ADL"
    """Automatic deleveraging."""
    CLOSED_AND_OPENED = "CloseOpenPosition"
    """An order closed one position and opened the next."""
    FUNDING_FEE = "FundingFeeSettlement"
    AUTOMATIC_ADDITION = "AutoMarginAddition"


class ReverseType(OpenEnum):
    """When a position is reversed."""

    AT_ONCE = "Reverse"
    TRIGGER = "TriggerReverse"
    """Once a price reaches the trigger price."""


@define
class Position:
    """
    A position.

    Attributes:
        symbol: Trading pair with a hyphen.
        position_id: The exchange's number of the position.
        position_side: Long or short; ``BOTH`` in some answers of one-way mode.
        isolated: True if it has a margin of its own, false if it is cross margined.
        position_amt: Size, in the traded asset.
        available_amt: How much of it can be closed, in the traded asset.
        avg_price: Mean price at which it was opened.
        leverage: Leverage, a multiple.
        initial_margin: Margin that it took to open it, in the margin currency.
        unrealized_profit: Profit at the mark price, in the margin currency.
        realised_profit: Profit and fees so far, in the margin currency.
        margin: Margin that stands behind it, in the margin currency.
        liquidation_price: The price at which it is liquidated; 0 if there is none.
        mark_price: The price at which it is valued.
        position_value: Value at the mark price, in the margin currency.
        risk_rate: How near liquidation is, which comes at 100 %.
        pnl_ratio: Unrealised profit as a fraction of the initial margin.
        max_margin_reduction: How much margin can be taken off it, in the margin currency.
        currency: The margin currency, such as ``USDT``.
        update_time: When it last changed.
    """

    symbol: str
    position_id: int
    position_side: PositionSide
    isolated: bool
    position_amt: Decimal
    available_amt: Decimal
    avg_price: Decimal
    leverage: int
    initial_margin: Decimal
    unrealized_profit: Decimal
    realised_profit: Decimal
    margin: Decimal | None = None
    liquidation_price: Decimal | None = None
    mark_price: Decimal | None = None
    position_value: Decimal | None = None
    risk_rate: Decimal | None = None
    pnl_ratio: Decimal | None = None
    max_margin_reduction: Decimal | None = None
    currency: str | None = None
    update_time: datetime | None = None


@define
class ReversedPosition(Position):
    """
    A position that was, or will be, reversed: a :class:`Position` and what became of it.

    Attributes:
        type: Whether it is reversed at once or by a trigger.
        new_position_id: The position in the other direction; ``None`` as long as there is none.
    """

    type: ReverseType | None = None
    new_position_id: int | None = None


@define
class ClosingOrders:
    """
    The orders that close positions.

    Attributes:
        success: Numbers of the orders that were placed.
        failed: Those that failed: their numbers, or whatever the exchange says of them.
    """

    success: list[int]
    failed: list[Any] = Factory(list[Any])


@define
class ClosedPosition:
    """
    A position of the past; ``close_all_positions`` tells whether all of it was closed.

    Attributes:
        symbol: Trading pair with a hyphen.
        position_id: The exchange's number of the position.
        position_side: Long or short.
        isolated: True if it had a margin of its own, false if it was cross margined.
        leverage: Leverage, a multiple.
        position_amt: Size, in the traded asset.
        close_position_amt: How much of it was closed, in the traded asset.
        avg_price: Mean price at which it was opened.
        avg_close_price: Mean price at which it was closed.
        realised_profit: Profit without fees and funding, in the margin currency.
        net_profit: Profit after fees and funding, in the margin currency.
        open_time: When it was opened.
        position_commission: Fees, in the margin currency; negative where they were paid.
        total_funding: Funding, in the margin currency; negative where it was paid.
        close_all_positions: Whether all of it was closed.
        close_time: When it was closed.
        update_time: When it last changed.
    """

    symbol: str
    position_id: int
    position_side: PositionSide
    isolated: bool
    leverage: int
    position_amt: Decimal
    close_position_amt: Decimal
    avg_price: Decimal
    avg_close_price: Decimal
    realised_profit: Decimal
    net_profit: Decimal
    open_time: datetime
    position_commission: Decimal | None = None
    total_funding: Decimal | None = None
    close_all_positions: bool | None = None
    close_time: datetime | None = None
    update_time: datetime | None = None


@define
class MarginAdjustment:
    """
    An adjustment of the margin of an isolated position.

    Attributes:
        amount: How much, in the margin currency.
        type: Which way.
        position_id: The position, where the exchange tells.
    """

    amount: Decimal
    type: MarginDirection
    position_id: int | None = None


@define
class AutoAddMargin:
    """
    The automatic addition of margin as it was set, as far as the exchange tells.

    Attributes:
        symbol: Trading pair with a hyphen.
        position_id: The position.
        function_switch: Whether margin is added automatically.
        amount: How much is to be added, in USDT.
        type: A direction that the documentation shows, but does not explain.
    """

    symbol: str | None = None
    position_id: int | None = None
    function_switch: bool | None = None
    amount: Decimal | None = None
    type: MarginDirection | None = None


@define
class MarginChange:
    """
    One change of the margin of an isolated position.

    Attributes:
        symbol: Trading pair with a hyphen.
        position_id: The position.
        change_reason: What changed it.
        margin_change: By how much, in the margin currency.
        margin_after_change: The margin after it, in the margin currency.
        time: When.
    """

    symbol: str
    position_id: int
    change_reason: MarginChangeReason
    margin_change: Decimal
    margin_after_change: Decimal
    time: datetime


@define
class MaintenanceMarginTier:
    """
    The margin that positions of some size must keep.

    The maintenance margin of a position in the tier is ``value * maint_margin_ratio -
    maint_amount``.

    Attributes:
        min_position_val: Value above which the tier holds, in the margin currency.
        max_position_val: Value up to which the tier holds, in the margin currency.
        maint_margin_ratio: Maintenance margin, as a fraction of the position's value.
        maint_amount: What is taken off, so that the tiers join without a step.
        symbol: Trading pair with a hyphen.
        tier: The tier in words, such as ``Tier 1``.
    """

    min_position_val: Decimal
    max_position_val: Decimal
    maint_margin_ratio: Decimal
    maint_amount: Decimal
    symbol: str | None = None
    tier: str | None = None


@define
class MarginTypeSetting:
    """
    How the positions of a contract are margined.

    Attributes:
        margin_type: Cross, isolated or separately isolated.
    """

    margin_type: MarginType


@define
class AssetModeSetting:
    """
    Which assets the account takes as margin.

    Attributes:
        asset_mode: One or several.
    """

    asset_mode: AssetMode


@define
class LeverageBySide:
    """
    The leverage of both sides of a position.

    Attributes:
        long_leverage: Leverage of the long side, a multiple.
        short_leverage: Leverage of the short side, a multiple.
        max_long_leverage: Greatest leverage of the long side.
        max_short_leverage: Greatest leverage of the short side.
        available_long_vol: Quantity that can still be opened long, in the traded asset.
        available_short_vol: Quantity that can still be opened short, in the traded asset.
        available_long_val: Value that can still be opened long, in the margin currency.
        available_short_val: Value that can still be opened short, in the margin currency.
        max_position_long_val: Greatest value of a long position, in the margin currency.
        max_position_short_val: Greatest value of a short position, in the margin currency.
    """

    long_leverage: int
    short_leverage: int
    max_long_leverage: int | None = None
    max_short_leverage: int | None = None
    available_long_vol: Decimal | None = None
    available_short_vol: Decimal | None = None
    available_long_val: Decimal | None = None
    available_short_val: Decimal | None = None
    max_position_long_val: Decimal | None = None
    max_position_short_val: Decimal | None = None


@define
class Leverage:
    """
    The leverage that was set.

    Attributes:
        leverage: The leverage as it is now, a multiple.
        symbol: Trading pair with a hyphen.
        available_long_vol: Quantity that can still be opened long, in the traded asset.
        available_short_vol: Quantity that can still be opened short, in the traded asset.
        available_long_val: Value that can still be opened long, in the margin currency.
        available_short_val: Value that can still be opened short, in the margin currency.
        max_position_long_val: Greatest value of a long position, in the margin currency.
        max_position_short_val: Greatest value of a short position, in the margin currency.
    """

    leverage: int
    symbol: str
    available_long_vol: Decimal | None = None
    available_short_vol: Decimal | None = None
    available_long_val: Decimal | None = None
    available_short_val: Decimal | None = None
    max_position_long_val: Decimal | None = None
    max_position_short_val: Decimal | None = None


@define
class PositionMode:
    """
    Hedge or one-way mode, which holds for all contracts of an account.

    Attributes:
        dual_side_position: True in hedge mode, false in one-way mode.
    """

    dual_side_position: bool

"""Positions of USDT-M perpetual futures: leverage, margin and modes."""

from decimal import Decimal

from attrs import define

__all__ = ["Leverage", "LeverageBySide", "PositionMode"]


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

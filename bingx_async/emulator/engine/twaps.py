"""TWAP orders, as the engine keeps them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from attrs import define, field

from bingx_async.swap.models.common import OrderSide, PositionSide

__all__ = ["TwapRecord", "TwapStatus"]

ZERO: Final = Decimal(0)
_LONGEST: Final = 86_400


class TwapStatus(StrEnum):
    """Where a TWAP order stands."""

    RUNNING = "Running"
    FILLED = "Filled"
    CANCELLED = "Cancelled"
    RESIDUE_FAILED = "PartiallyFilledAndResidueFailed"
    """Its time is up, and a part was filled."""
    FAILED = "Failed"
    """Its time is up, and nothing was filled."""


@define(eq=False)
class TwapRecord:
    """
    A TWAP order; the engine changes it in place.

    Attributes:
        main_order_id: Its number; slices carry it.
        uid: Whose it is.
        symbol: Trading pair with a hyphen.
        side: Direction.
        position_side: The side of the position that it changes.
        price_type: ``constant`` or ``percentage``.
        price_variance: How far a slice may go beyond the best price of the other side: a price
            distance, or per cent.
        trigger_price: A slice is left out while the price is above it (buying) or below it.
        interval: Seconds from one slice to the next.
        amount_per_order: Greatest quantity of a slice.
        total_amount: The quantity of all slices.
        time: When it was placed.
        update_time: When it last changed.
        next_slice: When the next slice is due; ``None`` once it has ended.
        status: Where it stands.
        slices: The order ids of its slices.
        executed: Quantity filled so far.
        quote: Value of what is filled.
        max_duration: Seconds from ``time`` after which its time is up.
    """

    main_order_id: int
    uid: str
    symbol: str
    side: OrderSide
    position_side: PositionSide
    price_type: str
    price_variance: Decimal
    trigger_price: Decimal
    interval: int
    amount_per_order: Decimal
    total_amount: Decimal
    time: datetime
    update_time: datetime
    next_slice: datetime | None
    status: TwapStatus = TwapStatus.RUNNING
    slices: list[int] = field(factory=list[int])
    executed: Decimal = ZERO
    quote: Decimal = ZERO
    max_duration: int = _LONGEST

    @property
    def remaining(self) -> Decimal:
        """What is not filled yet."""
        return self.total_amount - self.executed

    @property
    def is_open(self) -> bool:
        """Whether slices are still to come."""
        return self.next_slice is not None

    @property
    def ran_until(self) -> datetime | None:
        """When it ended; ``None`` while it runs."""
        return None if self.is_open else self.update_time

    def end(self, status: TwapStatus, at: datetime) -> None:
        """Let no more slices come."""
        self.status = status
        self.next_slice = None
        self.update_time = at

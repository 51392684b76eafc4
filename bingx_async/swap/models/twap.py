"""Time-weighted orders of USDT-M perpetual futures."""

from datetime import datetime
from decimal import Decimal

from attrs import define

from bingx_async.swap.models.common import OrderSide, PositionSide
from bingx_async.wire import OpenEnum

__all__ = ["TwapOrder", "TwapOrderId", "TwapOrderStatus", "TwapPriceType"]


class TwapPriceType(OpenEnum):
    """How the distance of a TWAP order's parts from the market is measured."""

    CONSTANT = "constant"
    """A price difference, in USDT."""
    PERCENTAGE = "percentage"
    """A slippage, in percent."""


class TwapOrderStatus(OpenEnum):
    """Where a TWAP order stands."""

    NEW = "New"
    PENDING = "Pending"
    """Waits for its trigger price."""
    RUNNING = "Running"
    CANCELING = "Canceling"
    PARTIALLY_FILLED = "PartiallyFilled"
    FILLED = "Filled"
    CANCELLED = "Cancelled"
    """Without a fill."""
    PARTIALLY_FILLED_AND_CANCELLED = "PartiallyFilledAndResidueCancelled"
    FAILED = "Failed"
    """Without a fill."""
    PARTIALLY_FILLED_AND_FAILED = "PartiallyFilledAndResidueFailed"

    @property
    def is_final(self) -> bool:
        """Whether the order cannot change any more."""
        return self in _FINAL


_FINAL = frozenset(
    {
        TwapOrderStatus.FILLED,
        TwapOrderStatus.CANCELLED,
        TwapOrderStatus.PARTIALLY_FILLED_AND_CANCELLED,
        TwapOrderStatus.FAILED,
        TwapOrderStatus.PARTIALLY_FILLED_AND_FAILED,
    }
)


@define
class TwapOrderId:
    """
    The TWAP order that was placed.

    Attributes:
        main_order_id: The exchange's number of the order.
    """

    main_order_id: str


@define
class TwapOrder:
    """
    A time-weighted order, which is split into parts that are placed one after the other.

    Attributes:
        symbol: Trading pair with a hyphen.
        side: Direction.
        position_side: The side of the position that it changes.
        price_type: How ``price_variance`` is measured.
        price_variance: Distance of a part's price from the market: in USDT if ``price_type`` is
            ``constant``, in percent if it is ``percentage``.
        trigger_price: Parts of a buy are placed below it, parts of a sell above it.
        interval: Seconds between two parts.
        amount_per_order: Greatest quantity of a part, in the traded asset.
        total_amount: Quantity of all parts together, in the traded asset.
        order_status: Where it stands.
        main_order_id: The exchange's number of the order; the documentation's examples lack it.
        executed_qty: Quantity filled so far, in the traded asset.
        duration: Running time in seconds, at the end of which it is cancelled.
        max_duration: Longest running time, in seconds.
        created_time: When it was placed.
        update_time: When it last changed.
    """

    symbol: str
    side: OrderSide
    position_side: PositionSide
    price_type: TwapPriceType
    price_variance: Decimal
    trigger_price: Decimal
    interval: int
    amount_per_order: Decimal
    total_amount: Decimal
    order_status: TwapOrderStatus
    main_order_id: str | None = None
    executed_qty: Decimal | None = None
    duration: int | None = None
    max_duration: int | None = None
    created_time: datetime | None = None
    update_time: datetime | None = None

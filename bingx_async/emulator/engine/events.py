"""What the engine tells those who listen, for account streams."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from attrs import frozen

from bingx_async.emulator.engine.orders import Fill, OrderRecord
from bingx_async.emulator.engine.positions import Position

__all__ = ["BalanceChanged", "Event", "Filled", "Listener", "OrderChanged", "PositionChanged"]


@frozen
class OrderChanged:
    """An order was accepted, rests, triggered, was amended, or ended."""

    uid: str
    order: OrderRecord
    time: datetime


@frozen
class Filled:
    """An order traded; its record is up to date already."""

    uid: str
    order: OrderRecord
    fill: Fill
    time: datetime


@frozen
class PositionChanged:
    """A position was opened, grew, shrank or ended; nothing is left of it if its quantity is 0."""

    uid: str
    position: Position
    time: datetime


@frozen
class BalanceChanged:
    """
    Money came or went.

    Attributes:
        uid: Whose.
        currency: Which.
        balance: What there is now.
        change: By how much it changed.
        reason: The type of the income record.
        time: When.
    """

    uid: str
    currency: str
    balance: Decimal
    change: Decimal
    reason: str
    time: datetime


Event = OrderChanged | Filled | PositionChanged | BalanceChanged
Listener = Callable[[Event], None]
"""Is called while the engine works; it may read the engine, and change nothing."""

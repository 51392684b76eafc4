"""
Positions: what was bought and sold, what it cost, and what it earned.

A position keeps its cost (the sum of quantity times price of what is open), not its average price:
a division leaves a remainder, and over the life of a position the realised profit is then exactly
what was taken in less what was paid. Quantities and costs are signed, short ones are negative.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final

from attrs import define, frozen

from bingx_async.swap.models.common import OrderSide, PositionSide

__all__ = ["CENT", "ClosedPosition", "MarginChange", "Position", "money", "position_key"]

ZERO: Final = Decimal(0)
CENT: Final = Decimal("1e-8")
"""The smallest amount of money that is divided."""


def money(amount: Decimal) -> Decimal:
    """Round an amount of money that comes from a division or a rate."""
    return amount.quantize(CENT)


def position_key(symbol: str, side: PositionSide) -> str:
    """Name the place of a position within an account."""
    return f"{symbol}/{side}"


@frozen
class ClosedPosition:
    """
    A position that has ended.

    Attributes:
        position_id: Its number.
        symbol: Trading pair with a hyphen.
        side: ``LONG``, ``SHORT`` or ``BOTH``.
        is_long: Whether it was a long one, which ``BOTH`` does not tell.
        isolated: Whether it had a margin of its own.
        leverage: A multiple.
        quantity: All that was opened, and closed again; positive.
        average: Mean price of opening.
        close_average: Mean price of closing.
        profit: What it realised, before fees and funding.
        fee: Fees paid; positive.
        funding: Funding received; negative if paid.
        open_time: When it was opened.
        close_time: When it was closed.
        currency: The margin currency.
    """

    position_id: int
    symbol: str
    side: PositionSide
    is_long: bool
    isolated: bool
    leverage: int
    quantity: Decimal
    average: Decimal
    close_average: Decimal
    profit: Decimal
    fee: Decimal
    funding: Decimal
    open_time: datetime
    close_time: datetime
    currency: str

    @property
    def net(self) -> Decimal:
        """The profit after fees and funding."""
        return self.profit - self.fee + self.funding


@frozen
class MarginChange:
    """
    A change of the margin of an isolated position.

    Attributes:
        symbol: Trading pair with a hyphen.
        position_id: The position.
        reason: ``OpenPosition``, ``ClosePosition``, ``ManualMarginAddition``,
            ``ManualMarginReduction``, ``IncreaseLeverage`` or ``ReduceLeverage``.
        change: By how much, in the margin currency.
        after: The margin afterwards.
        time: When.
    """

    symbol: str
    position_id: int
    reason: str
    change: Decimal
    after: Decimal
    time: datetime


@define(eq=False)
class Position:
    """
    An open position; the engine changes it in place.

    Attributes:
        position_id: Its number; a position that is opened anew gets a new one.
        symbol: Trading pair with a hyphen.
        side: ``LONG``, ``SHORT``, or ``BOTH`` in one-way mode.
        currency: The margin currency.
        leverage: A multiple.
        isolated: Whether it has a margin of its own.
        open_time: When it was opened.
        update_time: When it last changed.
        quantity: What is open; negative if it is short.
        cost: Quantity times price of what is open; negative if it is short.
        margin: The margin set aside for it, if it is isolated; 0 otherwise.
        profit: What it has realised, before fees and funding.
        fee: Fees paid; positive.
        funding: Funding received; negative if paid.
        opened: All that was ever opened; positive.
        opened_value: What that cost; positive.
        closed: All that was closed; positive.
        closed_value: What that brought; positive.
        auto_add_margin: As asked for; without effect, as nothing is liquidated.
    """

    position_id: int
    symbol: str
    side: PositionSide
    currency: str
    leverage: int
    isolated: bool
    open_time: datetime
    update_time: datetime
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    margin: Decimal = ZERO
    profit: Decimal = ZERO
    fee: Decimal = ZERO
    funding: Decimal = ZERO
    opened: Decimal = ZERO
    opened_value: Decimal = ZERO
    closed: Decimal = ZERO
    closed_value: Decimal = ZERO
    auto_add_margin: bool = False

    @property
    def is_long(self) -> bool:
        """Whether it gains when the price rises."""
        return self.quantity > 0

    @property
    def average(self) -> Decimal:
        """The mean price of what is open."""
        return self.cost / self.quantity if self.quantity else ZERO

    @property
    def initial_margin(self) -> Decimal:
        """What had to be put up for what is open: its cost, divided by the leverage."""
        return money(abs(self.cost) / self.leverage)

    @property
    def closing_side(self) -> OrderSide:
        """The direction of an order that makes it smaller."""
        return OrderSide.SELL if self.is_long else OrderSide.BUY

    def reducible(self, side: OrderSide) -> Decimal:
        """Tell how much an order in a direction can take away from it."""
        return max(ZERO, self.quantity if side == OrderSide.SELL else -self.quantity)

    def unrealised(self, mark_price: Decimal) -> Decimal:
        """Tell what closing it all at a price would realise."""
        return self.quantity * mark_price - self.cost

    def grow(self, change: Decimal, price: Decimal) -> None:
        """Add to it; ``change`` has its sign."""
        self.quantity += change
        self.cost += change * price
        self.opened += abs(change)
        self.opened_value += abs(change) * price

    def shrink(self, change: Decimal, price: Decimal) -> Decimal:
        """Take away from it, at most all; ``change`` has the opposite sign. Tell the profit."""
        share = (
            self.cost if change == -self.quantity else money(self.cost * -change / self.quantity)
        )
        profit = -change * price - share
        self.quantity += change
        self.cost -= share
        self.profit += profit
        self.closed += abs(change)
        self.closed_value += abs(change) * price
        return profit

    def ended(self, *, was_long: bool, at: datetime) -> ClosedPosition:
        """Make the record of a position that nothing is left of."""
        return ClosedPosition(
            position_id=self.position_id,
            symbol=self.symbol,
            side=self.side,
            is_long=was_long,
            isolated=self.isolated,
            leverage=self.leverage,
            quantity=self.opened,
            average=self.opened_value / self.opened,
            close_average=self.closed_value / self.closed,
            profit=self.profit,
            fee=self.fee,
            funding=self.funding,
            open_time=self.open_time,
            close_time=at,
            currency=self.currency,
        )

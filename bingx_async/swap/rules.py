"""
What a contract demands of an order, as arithmetic.

Prices and quantities have steps, quantities and values have minimums. The exchange refuses what
does not keep to them; here that is known before, without a request.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    InvalidOperation,
)
from typing import Final

from attrs import frozen

from bingx_async.errors import InvalidRequest
from bingx_async.swap.market import Market
from bingx_async.swap.models.common import OrderSide, OrderType, PositionSide
from bingx_async.swap.models.market import Contract
from bingx_async.swap.models.orders import NewOrder

__all__ = ["ContractRules", "Rules"]

# Of trailing orders, ``price`` is a distance.
_TRAILING: Final = frozenset({OrderType.TRAILING_STOP_MARKET, OrderType.TRAILING_TP_SL})
_CLOSING: Final = frozenset(
    {(OrderSide.SELL, PositionSide.LONG), (OrderSide.BUY, PositionSide.SHORT)}
)
# The usual 28 digits are few for a price of 1E+20 with 10 places.
_MOST_DIGITS: Final = 100


@frozen(kw_only=True)
class Rules:
    """
    What a contract demands of an order.

    The rules of a contract hardly ever change, so they can be kept. All numbers are ``Decimal`` or
    ``int``; a ``float`` is refused, since it is not the number that was written.

    Attributes:
        symbol: Trading pair with a hyphen.
        price_step: A price is a multiple of it.
        quantity_step: A quantity is a multiple of it, in the traded asset.
        min_quantity: Smallest quantity, in the traded asset.
        min_value: Smallest value, quantity times price, in USDT.
        max_long_leverage: Greatest leverage of a long position; ``None`` where it is not told.
        max_short_leverage: Greatest leverage of a short position; ``None`` where it is not told.
    """

    symbol: str
    price_step: Decimal
    quantity_step: Decimal
    min_quantity: Decimal
    min_value: Decimal
    max_long_leverage: int | None = None
    max_short_leverage: int | None = None

    @classmethod
    def of(cls, contract: Contract) -> Rules:
        """Take the rules from a contract that was read already."""
        return cls(
            symbol=contract.symbol,
            price_step=Decimal(1).scaleb(-contract.price_precision),
            quantity_step=Decimal(1).scaleb(-contract.quantity_precision),
            min_quantity=contract.trade_min_quantity,
            min_value=contract.trade_min_usdt,
            max_long_leverage=contract.max_long_leverage,
            max_short_leverage=contract.max_short_leverage,
        )

    def round_price(self, price: Decimal | int, side: OrderSide | None = None) -> Decimal:
        """
        Round a price to a multiple of the step.

        Args:
            price: Any price.
            side: ``BUY`` rounds down and ``SELL`` up, so that a limit order never pays more, or
                gets less, than ``price``. Without it the nearest multiple is taken, as suits the
                price of a trigger.

        Returns:
            The rounded price. A price below one step may become 0.

        Raises:
            TypeError: ``price`` is a ``float``, or no number.
            InvalidRequest: ``price`` is not finite, or has more than 100 digits.
        """
        modes = {OrderSide.BUY: ROUND_FLOOR, OrderSide.SELL: ROUND_CEILING}
        mode = ROUND_HALF_EVEN if side is None else modes.get(side, ROUND_HALF_EVEN)
        return _rounded("price", price, self.price_step, mode)

    def round_quantity(self, quantity: Decimal | int) -> Decimal:
        """
        Round a quantity down to a multiple of the step, so that it never costs more.

        Args:
            quantity: Any quantity, in the traded asset; a negative one is rounded towards 0.

        Returns:
            The rounded quantity. It may be below ``min_quantity``, and 0.

        Raises:
            TypeError: ``quantity`` is a ``float``, or no number.
            InvalidRequest: ``quantity`` is not finite, or has more than 100 digits.
        """
        return _rounded("quantity", quantity, self.quantity_step, ROUND_DOWN)

    def problems(
        self, order: NewOrder, *, price: Decimal | int | None = None, leverage: int | None = None
    ) -> list[str]:
        """
        Tell why the exchange would refuse an order.

        It looks at steps, minimums and leverage. What an order needs besides is checked when it is
        placed; what depends on the account or the market, only the exchange can tell. The minimums
        are for orders that may open a position: whether one that only closes may be smaller is not
        documented.

        Args:
            order: The order.
            price: The price that a market order is expected to get, for its value; without it, the
                value of an order that has no limit price is not looked at.
            leverage: The leverage of the position, if it is to be looked at.

        Returns:
            One sentence a reason, which names the parameter; none if nothing is known against it.

        Raises:
            TypeError: A price or a quantity is a ``float``, or no number.
            InvalidRequest: A price or a quantity is not finite, or has more than 100 digits.
        """
        if order.symbol != self.symbol:
            return [f"symbol is {order.symbol}, and these are the rules of {self.symbol}"]
        return [
            *self._off_step(order),
            *(() if _only_closes(order) else self._too_small(order, price)),
            *self._too_high(order, leverage),
        ]

    def _off_step(self, order: NewOrder) -> Iterator[str]:
        """Look at every price and every quantity."""
        prices = {"stop_price": order.stop_price, "activation_price": order.activation_price}
        if order.type not in _TRAILING:
            prices["price"] = order.price
        quantities = {"quantity": order.quantity}
        for name, other in (("take_profit", order.take_profit), ("stop_loss", order.stop_loss)):
            if other is not None:
                prices[f"{name}.stop_price"] = other.stop_price
                prices[f"{name}.price"] = other.price
                quantities[f"{name}.quantity"] = other.quantity
        for numbers, step in ((prices, self.price_step), (quantities, self.quantity_step)):
            for name, number in numbers.items():
                if number is not None and (reason := _misfit(name, number, step)):
                    yield reason

    def _too_small(self, order: NewOrder, price: Decimal | int | None) -> Iterator[str]:
        """Look at quantity and value."""
        if order.quantity is None:
            if order.quote_order_qty is not None:
                value = _exact("quote_order_qty", order.quote_order_qty)
                if value < self.min_value:
                    yield f"quote_order_qty {value:f} is below the minimum of {self._min_value}"
            return
        quantity = _exact("quantity", order.quantity)
        if quantity < self.min_quantity:
            yield f"quantity {quantity:f} is below the minimum of {self.min_quantity:f}"
        if order.price is not None and order.type not in _TRAILING:
            price = order.price
        if price is not None:
            price = _exact("price", price)
            if (value := quantity * price) < self.min_value:
                yield (
                    f"quantity {quantity:f} at {price:f} is worth {value:f}, below the minimum of"
                    f" {self._min_value}"
                )

    @property
    def _min_value(self) -> str:
        return f"{self.min_value:f} USDT"

    def _too_high(self, order: NewOrder, leverage: int | None) -> Iterator[str]:
        """Look at the leverage of the side that the order is for."""
        long = order.position_side == PositionSide.LONG or (
            order.position_side != PositionSide.SHORT and order.side == OrderSide.BUY
        )
        most = self.max_long_leverage if long else self.max_short_leverage
        if leverage is not None and most is not None and not 1 <= leverage <= most:
            yield f"leverage {leverage} is not from 1 to {most}"


class ContractRules(Market):
    """What contracts demand of orders; no key is needed."""

    async def rules(self, symbol: str) -> Rules:
        """
        Read what a contract demands of an order.

        Calls ``contracts``. ``trading_rules`` repeats its minimums, and adds bounds that move with
        the price, which only the exchange can apply.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.

        Returns:
            Its steps, minimums and greatest leverage, which can be kept.

        Raises:
            InvalidRequest: There is no such pair.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Market Data)
        """
        for contract in await self.contracts(symbol):
            if contract.symbol == symbol:
                return Rules.of(contract)
        raise InvalidRequest(f"there is no contract {symbol}")


def _misfit(name: str, number: Decimal | int, step: Decimal) -> str | None:
    """Tell why a number is not a positive multiple of a step."""
    number = _exact(name, number)
    if number <= 0:
        return f"{name} {number:f} is not above 0"
    below = _rounded(name, number, step, ROUND_DOWN)
    if number == below:
        return None
    return f"{name} {number:f} is not a multiple of {step:f}; {below:f} is"


def _rounded(name: str, number: Decimal | int, step: Decimal, mode: str) -> Decimal:
    try:
        return _exact(name, number).quantize(step, mode, Context(_MOST_DIGITS))
    except InvalidOperation:
        raise InvalidRequest(f"{name} has more than {_MOST_DIGITS} digits") from None


def _exact(name: str, number: Decimal | int) -> Decimal:
    """Refuse what is no exact number."""
    if isinstance(number, int):
        return Decimal(number)
    if not isinstance(number, Decimal):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f'{name} is a {type(number).__name__}: pass a Decimal, as Decimal("0.1")')
    if not number.is_finite():
        raise InvalidRequest(f"{name} is {number}, which is no number")
    return number


def _only_closes(order: NewOrder) -> bool:
    return bool(
        order.reduce_only or order.close_position or (order.side, order.position_side) in _CLOSING
    )

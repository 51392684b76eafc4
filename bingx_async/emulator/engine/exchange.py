"""The engine as a whole, with TWAP orders on top."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final

from bingx_async.emulator.engine.passing import slice_now
from bingx_async.emulator.engine.rules import check_amount, check_price, check_side, check_size
from bingx_async.emulator.engine.settings import Settings
from bingx_async.emulator.engine.state import refuse
from bingx_async.emulator.engine.trading import Trading
from bingx_async.emulator.engine.twaps import TwapRecord, TwapStatus
from bingx_async.swap.models.common import OrderSide, PositionSide

__all__ = ["Engine"]

_INTERVALS: Final = range(5, 121)
_PRICE_TYPES: Final = ("constant", "percentage")


class Engine(Trading, Settings):
    """
    A small perpetual futures exchange without clock, network or chance.

    Args:
        market: What is traded against.
        now: When the exchange opens.
    """

    def place_twap(
        self,
        uid: str,
        symbol: str,
        side: OrderSide,
        position_side: PositionSide | None,
        now: datetime,
        *,
        price_type: str,
        price_variance: Decimal,
        trigger_price: Decimal,
        interval: int,
        amount_per_order: Decimal,
        total_amount: Decimal,
    ) -> TwapRecord:
        """
        Have a quantity bought or sold in slices; the first one is placed at once.

        A slice takes what there is between the best price of the other side and the variance
        beyond it. One that cannot be placed, such as for want of margin, is left out.

        Args:
            uid: Whose.
            symbol: Trading pair with a hyphen.
            side: Direction.
            position_side: The side of the position that it changes.
            now: What time it is.
            price_type: ``constant`` or ``percentage``.
            price_variance: A price distance, or per cent.
            trigger_price: Slices are left out while the price is above it (buying) or below it.
            interval: Seconds from one slice to the next, 5 to 120.
            amount_per_order: Greatest quantity of a slice.
            total_amount: The quantity of all slices.

        Raises:
            InvalidRequest: An argument is none that could be accepted.
        """
        at = self.advance(now)
        account = self.account(uid)
        contract = self.state.book(symbol).contract
        if price_type not in _PRICE_TYPES:
            raise refuse(109400, f"priceType must be one of {_PRICE_TYPES}")
        if interval not in _INTERVALS:
            raise refuse(109400, f"interval must lie between 5 and 120 s, not {interval}")
        if price_variance < 0:
            raise refuse(109400, "priceVariance must not be negative")
        check_price("triggerPrice", trigger_price, contract)
        check_amount(amount_per_order, contract)
        check_amount(total_amount, contract)
        if amount_per_order > total_amount:
            raise refuse(109400, "amountPerOrder must not be above totalAmount")
        check_size(amount_per_order, trigger_price, contract, closing=False)
        main = TwapRecord(
            main_order_id=self.state.next_id(),
            uid=uid,
            symbol=symbol,
            side=side,
            position_side=check_side(account, position_side),
            price_type=str(price_type),
            price_variance=price_variance,
            trigger_price=trigger_price,
            interval=interval,
            amount_per_order=amount_per_order,
            total_amount=total_amount,
            time=at,
            update_time=at,
            next_slice=at,
        )
        account.twaps.append(main)
        account.open_twaps[main.main_order_id] = main
        slice_now(self.state, account, main)
        return main

    def find_twap(self, uid: str, main_order_id: int) -> TwapRecord:
        """
        Find a TWAP order of any state.

        Raises:
            InvalidRequest: There is none.
        """
        for main in reversed(self.account(uid).twaps):
            if main.main_order_id == main_order_id:
                return main
        raise refuse(109421, f"there is no TWAP order {main_order_id}")

    def cancel_twap(self, uid: str, main_order_id: int, now: datetime) -> TwapRecord:
        """
        Place no more slices of a TWAP order.

        Raises:
            InvalidRequest: There is no such order.
            Rejected: It has ended already.
        """
        at = self.advance(now)
        main = self.find_twap(uid, main_order_id)
        if not main.is_open:
            raise refuse(109422, f"the TWAP order is {main.status} already")
        main.end(TwapStatus.CANCELLED, at)
        del self.account(uid).open_twaps[main_order_id]
        return main

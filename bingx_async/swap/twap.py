"""Time-weighted orders of USDT-M perpetual futures."""

from decimal import Decimal

from bingx_async.endpoint import Section, get, post
from bingx_async.swap.models.common import OrderSide, PositionSide
from bingx_async.swap.models.twap import TwapOrder, TwapOrderId, TwapPriceType
from bingx_async.swap.position_checks import check_twap_interval
from bingx_async.wire import Moment

__all__ = ["Twap"]


class Twap(Section):
    """Time-weighted orders, which trade in parts over up to 24 hours; a key is needed."""

    @post("/openApi/swap/v1/twap/order", uid=2, group=2, needs="trade", check=check_twap_interval)
    async def place_twap_order(
        self,
        symbol: str,
        side: OrderSide,
        position_side: PositionSide,
        *,
        price_type: TwapPriceType,
        price_variance: Decimal,
        trigger_price: Decimal,
        interval: int,
        amount_per_order: Decimal,
        total_amount: Decimal,
    ) -> TwapOrderId:
        """
        Trade a large quantity in parts, one after the other.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.
            side: Direction.
            position_side: ``LONG`` or ``SHORT``.
            price_type: How ``price_variance`` is measured.
            price_variance: Distance of a part's price from the market: in USDT for ``constant``,
                in percent for ``percentage``.
            trigger_price: Parts of a buy are placed while the market is below it, parts of a sell
                while it is above.
            interval: Seconds between two parts, from 5 to 120.
            amount_per_order: Greatest quantity of a part, in the traded asset.
            total_amount: Quantity of all parts together, in the traded asset.

        Returns:
            The number of the order.

        Raises:
            InvalidRequest: There is no such pair, or a parameter is out of range.
            Rejected: The account or the market does not allow it now.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @post("/openApi/swap/v1/twap/cancelOrder", uid=2, group=2, needs="trade")
    async def cancel_twap_order(self, main_order_id: str) -> TwapOrder:
        """
        Cancel a TWAP order; what was filled stays.

        Args:
            main_order_id: The order, as :meth:`place_twap_order` numbered it.

        Returns:
            The order as it stood.

        Raises:
            Rejected: There is no such order, or it is over.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @get("/openApi/swap/v1/twap/orderDetail", uid=2, group=2, needs="read")
    async def twap_order(self, main_order_id: str) -> TwapOrder:
        """
        Read one TWAP order.

        Args:
            main_order_id: The order, as :meth:`place_twap_order` numbered it.

        Returns:
            The order as it stands.

        Raises:
            Rejected: There is no such order.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @get("/openApi/swap/v1/twap/openOrders", uid=2, group=2, needs="read", answer="data.list")
    async def open_twap_orders(self, symbol: str | None = None) -> list[TwapOrder]:
        """
        Read the TWAP orders that wait or run.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``; all pairs without it.

        Returns:
            One entry an order; an empty list if there is none.

        Raises:
            InvalidRequest: There is no such pair.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @get("/openApi/swap/v1/twap/historyOrders", uid=2, group=2, needs="read", answer="data.list")
    async def twap_order_history(
        self,
        *,
        page_index: int,
        page_size: int,
        start_time: Moment,
        end_time: Moment,
        symbol: str | None = None,
    ) -> list[TwapOrder]:
        """
        Read the TWAP orders that are over, a page at a time.

        Args:
            page_index: Which page, from 1.
            page_size: Entries a page, at most 1000.
            start_time: The first moment.
            end_time: The last moment.
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``; all pairs without it.

        Returns:
            One entry an order; the last page is shorter than ``page_size``, or empty.

        Raises:
            InvalidRequest: There is no such pair, or a parameter is out of range.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

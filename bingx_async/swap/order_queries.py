"""Orders of USDT-M perpetual futures, and their fills: reading them."""

from bingx_async.endpoint import Section, get
from bingx_async.swap import checks
from bingx_async.swap.models.common import (
    AutoCloseType,
    OrderType,
    TradingUnit,
)
from bingx_async.swap.models.orders import (
    Fill,
    FillPage,
    Order,
)
from bingx_async.wire import Moment

__all__ = ["OrderQueries"]

_either_id = checks.every(checks.one_of("order_id", "client_order_id"), checks.client_order_id)


class OrderQueries(Section):
    """Orders and their fills, as they are and were; a key is needed."""

    @get(
        "/openApi/swap/v2/trade/order",
        uid=30,
        group=2,
        needs="read",
        answer="data.order",
        check=_either_id,
    )
    async def order(
        self, symbol: str, order_id: int | None = None, client_order_id: str | None = None
    ) -> Order:
        """
        Read an order, wherever it stands.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.
            order_id: The exchange's number of the order.
            client_order_id: The caller's own id of it, 1 to 40 characters; one of both is needed.

        Returns:
            The order.

        Raises:
            InvalidRequest: There is no such order.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @get(
        "/openApi/swap/v2/trade/openOrder",
        uid=5,
        group=2,
        needs="read",
        answer="data.order",
        check=_either_id,
    )
    async def open_order(
        self, symbol: str, order_id: int | None = None, client_order_id: str | None = None
    ) -> Order:
        """
        Read an order that is open.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.
            order_id: The exchange's number of the order.
            client_order_id: The caller's own id of it, 1 to 40 characters; one of both is needed.

        Returns:
            The order.

        Raises:
            InvalidRequest: There is no such order, or it is not open.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @get("/openApi/swap/v2/trade/openOrders", uid=5, group=3, needs="trade", answer="data.orders")
    async def open_orders(
        self,
        symbol: str | None = None,
        type: OrderType | None = None,  # noqa: A002
    ) -> list[Order]:
        """
        Read the orders that are open.

        Args:
            symbol: Only those of this pair; those of all pairs without it.
            type: Only those of this kind.

        Returns:
            The orders.

        Raises:
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @get(
        "/openApi/swap/v2/trade/allOrders",
        uid=5,
        group=3,
        needs="trade",
        answer="data.orders",
        check=checks.span("start_time", "end_time", days=7),
    )
    async def all_orders(
        self,
        *,
        symbol: str | None = None,
        currency: str | None = None,
        order_id: int | None = None,
        start_time: Moment | None = None,
        end_time: Moment | None = None,
        limit: int = 500,
    ) -> list[Order]:
        """
        Read the orders that are done: filled, cancelled or failed.

        Args:
            symbol: Only those of this pair; those of all pairs without it.
            currency: Only those margined in this currency, ``USDT`` or ``USDC``.
            order_id: Only those after this one; the latest without it.
            start_time: Only those from then on.
            end_time: Only those until then, at most seven days later.
            limit: How many at most, up to 1000.

        Returns:
            The orders.

        Raises:
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @get("/openApi/swap/v1/trade/fullOrder", uid=5, group=2, needs="read", answer="data.orders")
    async def full_orders(
        self,
        *,
        symbol: str | None = None,
        order_id: int | None = None,
        start_time: Moment | None = None,
        end_time: Moment | None = None,
        limit: int = 500,
    ) -> list[Order]:
        """
        Read orders wherever they stand, open and done.

        Args:
            symbol: Only those of this pair; those of all pairs without it.
            order_id: Only those after this one; the latest without it.
            start_time: Only those from then on.
            end_time: Only those until then.
            limit: How many at most, up to 1000.

        Returns:
            The orders.

        Raises:
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @get("/openApi/swap/v2/trade/forceOrders", uid=10, group=2, needs="trade", answer="data.orders")
    async def force_orders(
        self,
        *,
        symbol: str | None = None,
        currency: str | None = None,
        auto_close_type: AutoCloseType | None = None,
        start_time: Moment | None = None,
        end_time: Moment | None = None,
        limit: int = 50,
    ) -> list[Order]:
        """
        Read the orders with which the exchange closed positions of this account.

        Args:
            symbol: Only those of this pair; those of all pairs without it.
            currency: Only those margined in this currency, ``USDT`` or ``USDC``.
            auto_close_type: Only those with this cause.
            start_time: Only those from then on.
            end_time: Only those until then.
            limit: How many at most, up to 100.

        Returns:
            The orders.

        Raises:
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @get(
        "/openApi/swap/v2/trade/allFillOrders",
        uid=5,
        group=2,
        needs="trade",
        answer="data.fill_orders",
    )
    async def fill_orders(
        self,
        trading_unit: TradingUnit,
        start_ts: Moment,
        end_ts: Moment,
        *,
        symbol: str | None = None,
        currency: str | None = None,
        order_id: int | None = None,
    ) -> list[Fill]:
        """
        Read the trades of orders, of all pairs if need be.

        Args:
            trading_unit: What quantities are counted in.
            start_ts: From when on.
            end_ts: Until when.
            symbol: Only those of this pair; those of all pairs without it.
            currency: Only those margined in this currency, ``USDT`` or ``USDC``.
            order_id: Only those of this order.

        Returns:
            The trades.

        Raises:
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @get("/openApi/swap/v2/trade/fillHistory", uid=5, group=2, needs="read")
    async def fill_history(
        self,
        symbol: str,
        start_ts: Moment,
        end_ts: Moment,
        *,
        currency: str | None = None,
        order_id: int | None = None,
        last_fill_id: str | None = None,
        page_index: int = 1,
        page_size: int = 50,
    ) -> FillPage:
        """
        Read the trades of orders of one pair, page by page, oldest first.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.
            start_ts: From when on; the exchange looks back seven days at most.
            end_ts: Until when.
            currency: Only those margined in this currency, ``USDT`` or ``USDC``.
            order_id: Only those of this order.
            last_fill_id: Only those after this trade, such as the last ``trade_id`` of a page.
            page_index: Which page, from 1 on.
            page_size: How many a page, up to 1000.

        Returns:
            The trades, each with its role and number, which ``fill_orders`` does not tell.

        Raises:
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

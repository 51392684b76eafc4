"""Orders of USDT-M perpetual futures: placing, amending, replacing and cancelling them."""

from decimal import Decimal
from typing import Annotated

from bingx_async.endpoint import delete, post
from bingx_async.swap import checks
from bingx_async.swap.models.common import (
    CancelReplaceMode,
    CancelRestrictions,
    CountdownAction,
    OrderSide,
    OrderType,
    PositionSide,
    StopGuaranteed,
    TimeInForce,
    WorkingType,
)
from bingx_async.swap.models.orders import (
    AmendedOrder,
    AttachedOrder,
    CancelledOrders,
    Countdown,
    NewOrder,
    NewReplacement,
    Order,
    PlacedOrders,
    Replacement,
)
from bingx_async.swap.order_queries import OrderQueries
from bingx_async.wire import wire

__all__ = ["Orders"]

_either_id = checks.every(checks.one_of("order_id", "client_order_id"), checks.client_order_id)
_old_order = checks.one_of("cancel_order_id", "cancel_client_order_id")


class Orders(OrderQueries):
    """Orders; a key is needed."""

    @post(
        "/openApi/swap/v2/trade/order",
        uid=10,
        group=3,
        needs="trade",
        answer="data.order",
        check=checks.new_order,
    )
    async def place_order(
        self,
        symbol: str,
        side: OrderSide,
        type: OrderType,  # noqa: A002 - the exchange's name for it
        *,
        position_side: PositionSide | None = None,
        quantity: Decimal | None = None,
        quote_order_qty: Decimal | None = None,
        price: Decimal | None = None,
        stop_price: Decimal | None = None,
        price_rate: Decimal | None = None,
        activation_price: Decimal | None = None,
        working_type: WorkingType | None = None,
        time_in_force: TimeInForce | None = None,
        reduce_only: bool | None = None,
        close_position: bool | None = None,
        stop_loss: Annotated[AttachedOrder | None, wire(text=True)] = None,
        take_profit: Annotated[AttachedOrder | None, wire(text=True)] = None,
        client_order_id: str | None = None,
        stop_guaranteed: StopGuaranteed | None = None,
        position_id: int | None = None,
    ) -> Order:
        """
        Place an order, which opens, changes or closes a position.

        What an order must hold depends on its type:

        - ``LIMIT``: ``price`` and ``quantity``.
        - ``MARKET``: ``quantity``.
        - ``STOP_MARKET``, ``TAKE_PROFIT_MARKET``: ``stop_price`` and ``quantity``, or
          ``stop_price`` and ``close_position``.
        - ``TRIGGER_MARKET``: ``stop_price`` and ``quantity``.
        - ``STOP``, ``TAKE_PROFIT``, ``TRIGGER_LIMIT``: ``price``, ``stop_price`` and ``quantity``.
        - ``TRAILING_STOP_MARKET``, ``TRAILING_TP_SL``: ``price`` (a distance) or ``price_rate``,
          and perhaps ``activation_price``.

        ``quote_order_qty`` may stand for ``quantity``, which ``stop_guaranteed`` makes superfluous.
        In hedge mode ``BUY`` with ``LONG`` and ``SELL`` with ``SHORT`` open, and the other two
        close. Digits beyond the precision of the contract are cut off,
        or the order is refused: round with ``rules`` first.

        After an ``OutcomeUnknown``, look for the order by its ``client_order_id``. The exchange
        takes the same one only once, and no second time within a second.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.
            side: Direction.
            type: Kind of order.
            position_side: ``LONG`` or ``SHORT`` in hedge mode, where it is ``LONG`` by default;
                ``BOTH`` in one-way mode, where it must be given.
            quantity: How much, in the traded asset.
            quote_order_qty: How much, in the margin currency; ``quantity`` goes before it.
            price: Limit price; for trailing orders the distance.
            stop_price: The price that triggers it.
            price_rate: Callback rate of a trailing order, a fraction of at most 1.
            activation_price: The price from which on a trailing order trails; the latest price
                without it.
            working_type: Which price triggers it; the mark price without it. A guaranteed
                ``STOP_MARKET`` or ``STOP`` takes ``CONTRACT_PRICE`` only.
            time_in_force: How long it stands.
            reduce_only: True if it may only make a position smaller; one-way mode only.
            close_position: True if it closes the whole position when triggered; without a quantity
                and without ``reduce_only``.
            stop_loss: A stop loss to attach, of type ``STOP_MARKET`` or ``STOP``; to ``MARKET``
                and ``LIMIT`` orders.
            take_profit: A take profit to attach, of type ``TAKE_PROFIT_MARKET`` or
                ``TAKE_PROFIT``; to ``MARKET`` and ``LIMIT`` orders.
            client_order_id: The caller's own id, 1 to 40 characters, for ``MARKET`` and ``LIMIT``
                orders; the exchange turns it into lower case.
            stop_guaranteed: Whether a stop is guaranteed to trade at its price.
            position_id: The position to close, in the mode of separate isolated margin.

        Returns:
            The order with its number, and little else than was sent.

        Raises:
            InvalidRequest: The parameters do not belong together, or the pair does not exist.
            Rejected: The account or the market does not allow it now, such as for want of margin.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @post(
        "/openApi/swap/v2/trade/order/test",
        uid=5,
        group=2,
        needs="trade",
        answer="data.order",
        check=checks.new_order,
    )
    async def test_order(
        self,
        symbol: str,
        side: OrderSide,
        type: OrderType,  # noqa: A002
        *,
        position_side: PositionSide | None = None,
        quantity: Decimal | None = None,
        quote_order_qty: Decimal | None = None,
        price: Decimal | None = None,
        stop_price: Decimal | None = None,
        price_rate: Decimal | None = None,
        activation_price: Decimal | None = None,
        working_type: WorkingType | None = None,
        time_in_force: TimeInForce | None = None,
        reduce_only: bool | None = None,
        close_position: bool | None = None,
        stop_loss: Annotated[AttachedOrder | None, wire(text=True)] = None,
        take_profit: Annotated[AttachedOrder | None, wire(text=True)] = None,
        client_order_id: str | None = None,
        stop_guaranteed: StopGuaranteed | None = None,
        position_id: int | None = None,
    ) -> Order:
        """
        Let the exchange check an order without placing it.

        The parameters are those of :meth:`place_order`. The exchange checks them less strictly
        here, so an order that passes may still be refused.

        Returns:
            The order as it would be acknowledged, with a number that stands for nothing.

        Raises:
            InvalidRequest: The parameters do not belong together, or the pair does not exist.
            Rejected: The account or the market does not allow it now.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @post(
        "/openApi/swap/v2/trade/batchOrders",
        uid=5,
        group=3,
        needs="trade",
        check=checks.every(
            checks.at_most(5, "batch_orders"), checks.each("batch_orders", checks.new_order)
        ),
    )
    async def place_orders(self, batch_orders: list[NewOrder]) -> PlacedOrders:
        """
        Place up to five orders at once.

        The exchange handles them side by side, in no certain order, and may refuse some of them.

        Args:
            batch_orders: 1 to 5 orders, of any pairs; see :meth:`place_order`.

        Returns:
            The orders that were placed, and those that were not.

        Raises:
            InvalidRequest: The parameters of an order do not belong together; none was sent.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @delete(
        "/openApi/swap/v2/trade/order",
        uid=10,
        group=3,
        needs="trade",
        answer="data.order",
        check=_either_id,
    )
    async def cancel_order(
        self, symbol: str, order_id: int | None = None, client_order_id: str | None = None
    ) -> Order:
        """
        Cancel an order.

        The exchange refuses to cancel the same order twice within a second.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.
            order_id: The exchange's number of the order.
            client_order_id: The caller's own id of it, 1 to 40 characters; one of both is needed.

        Returns:
            The order as it was when it was cancelled.

        Raises:
            InvalidRequest: There is no such order.
            Rejected: It is filled or cancelled already.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @delete(
        "/openApi/swap/v2/trade/batchOrders",
        uid=5,
        group=3,
        needs="trade",
        check=checks.every(
            checks.one_of("order_id_list", "client_order_id_list"),
            checks.at_most(10, "order_id_list", "client_order_id_list"),
        ),
    )
    async def cancel_orders(
        self,
        symbol: str,
        order_id_list: list[int] | None = None,
        client_order_id_list: list[str] | None = None,
    ) -> CancelledOrders:
        """
        Cancel up to ten orders of a pair at once.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.
            order_id_list: 1 to 10 of the exchange's numbers.
            client_order_id_list: 1 to 10 of the caller's own ids; one of both lists is needed.

        Returns:
            The orders that are cancelled, and those that are not.

        Raises:
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @delete("/openApi/swap/v2/trade/allOpenOrders", uid=5, group=2, needs="trade")
    async def cancel_all_orders(
        self,
        symbol: str | None = None,
        type: OrderType | None = None,  # noqa: A002
    ) -> CancelledOrders:
        """
        Cancel all open orders.

        Args:
            symbol: Only those of this pair; those of all pairs without it.
            type: Only those of this kind.

        Returns:
            The orders that are cancelled, and those that are not.

        Raises:
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @post(
        "/openApi/swap/v2/trade/cancelAllAfter",
        uid=1,
        group=2,
        needs="trade",
        check=checks.countdown,
    )
    async def cancel_all_after(
        self,
        type: CountdownAction,  # noqa: A002
        time_out: int,
    ) -> Countdown:
        """
        Cancel all open orders after a countdown, unless it is started anew before it ends.

        A bot that starts it anew again and again leaves no orders behind when it dies. While the
        orders are being cancelled, which may take seconds, the exchange refuses to start it.

        Args:
            type: ``ACTIVATE`` starts it, or starts it anew; ``CLOSE`` stops it.
            time_out: Seconds, 10 to 120; wanted by the exchange for ``CLOSE`` as well.

        Returns:
            The countdown as it is now.

        Raises:
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @post(
        "/openApi/swap/v1/trade/cancelReplace",
        uid=5,
        group=2,
        needs="trade",
        check=checks.every(_old_order, checks.new_order),
    )
    async def replace_order(
        self,
        cancel_replace_mode: CancelReplaceMode,
        symbol: str,
        side: OrderSide,
        type: OrderType,  # noqa: A002
        position_side: PositionSide,
        *,
        cancel_order_id: int | None = None,
        cancel_client_order_id: str | None = None,
        cancel_restrictions: CancelRestrictions | None = None,
        quantity: Decimal | None = None,
        price: Decimal | None = None,
        stop_price: Decimal | None = None,
        price_rate: Decimal | None = None,
        activation_price: Decimal | None = None,
        working_type: WorkingType | None = None,
        time_in_force: TimeInForce | None = None,
        reduce_only: bool | None = None,
        close_position: bool | None = None,
        stop_loss: Annotated[AttachedOrder | None, wire(text=True)] = None,
        take_profit: Annotated[AttachedOrder | None, wire(text=True)] = None,
        client_order_id: str | None = None,
        stop_guaranteed: StopGuaranteed | None = None,
        position_id: int | None = None,
    ) -> Replacement:
        """
        Cancel an order and place another one of the same pair.

        - ``cancel_replace_mode``: what becomes of the new order if the old one cannot be cancelled.
        - ``cancel_order_id`` or ``cancel_client_order_id``: the old order; the first goes before
          the second.
        - ``cancel_restrictions``: where the old order must stand to be cancelled; anywhere without
          it.

        All other parameters are those of :meth:`place_order`, and belong to the new order.

        Returns:
            What became of both; a refusal of either is no error.

        Raises:
            InvalidRequest: The parameters do not belong together, or the pair does not exist.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @post(
        "/openApi/swap/v1/trade/batchCancelReplace",
        uid=2,
        group=2,
        needs="trade",
        check=checks.each("batch_orders", checks.every(_old_order, checks.new_order)),
    )
    async def replace_orders(self, batch_orders: list[NewReplacement]) -> list[Replacement]:
        """
        Cancel several orders and place another one for each.

        Args:
            batch_orders: The new orders, each with the old one that it replaces.

        Returns:
            What became of each pair; one that fails leaves the others alone.

        Raises:
            InvalidRequest: The parameters of an order do not belong together; none was sent.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @post("/openApi/swap/v1/trade/amend", uid=5, group=3, needs="trade", check=_either_id)
    async def amend_order(
        self,
        symbol: str,
        quantity: Decimal,
        *,
        order_id: int | None = None,
        client_order_id: str | None = None,
    ) -> AmendedOrder:
        """
        Change the quantity of an open order.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.
            quantity: The new quantity, in the traded asset.
            order_id: The exchange's number of the order.
            client_order_id: The caller's own id of it, 1 to 40 characters; one of both is needed.

        Returns:
            The order with its quantity as it is now.

        Raises:
            InvalidRequest: There is no such order.
            Rejected: It is not open any more, or the quantity is not one that it can have.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

"""Positions of USDT-M perpetual futures: leverage, margin, modes and closing."""

from decimal import Decimal

from bingx_async.endpoint import Section, get, post
from bingx_async.swap.models.common import PositionSide, WorkingType
from bingx_async.swap.models.orders import Order
from bingx_async.swap.models.positions import (
    AssetMode,
    AssetModeSetting,
    AutoAddMargin,
    ClosedPosition,
    ClosingOrders,
    Leverage,
    LeverageBySide,
    MaintenanceMarginTier,
    MarginAdjustment,
    MarginChange,
    MarginDirection,
    MarginType,
    MarginTypeSetting,
    Position,
    PositionMode,
    ReversedPosition,
    ReverseType,
)
from bingx_async.swap.position_checks import check_auto_add_margin, check_reversal
from bingx_async.wire import Moment

__all__ = ["Positions"]


class Positions(Section):
    """Positions, their leverage and margin; a key is needed."""

    @get("/openApi/swap/v2/user/positions", uid=10, group=3, needs="read")
    async def positions(self, symbol: str | None = None) -> list[Position]:
        """
        Read the open positions.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``; all pairs without it.

        Returns:
            One entry a position; an empty list if there is none.

        Raises:
            InvalidRequest: There is no such pair.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Account)
        """
        ...

    @post("/openApi/swap/v1/trade/closePosition", uid=5, group=2, needs="trade")
    async def close_position(self, position_id: int) -> Order:
        """
        Close one position at the market.

        Args:
            position_id: The position, as :meth:`positions` numbers it.

        Returns:
            The order that closes it.

        Raises:
            Rejected: There is no such position, or the account does not allow it now.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @post("/openApi/swap/v2/trade/closeAllPositions", uid=5, group=2, needs="trade")
    async def close_all_positions(self, symbol: str | None = None) -> ClosingOrders:
        """
        Close all positions at the market.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``; all pairs without it.

        Returns:
            The numbers of the orders that close them, and of those that failed.

        Raises:
            InvalidRequest: There is no such pair.
            Rejected: The account does not allow it now.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    # The documentation asks for the permission to read only, although this trades.
    @post("/openApi/swap/v1/trade/reverse", uid=2, group=2, needs="read", check=check_reversal)
    async def reverse_position(
        self,
        type: ReverseType,  # noqa: A002 - its name on the wire
        symbol: str,
        *,
        trigger_price: Decimal | None = None,
        working_type: WorkingType | None = None,
        position_id: int | None = None,
    ) -> ReversedPosition:
        """
        Close a position and open one of the same size in the other direction.

        Args:
            type: At once, or by a trigger.
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.
            trigger_price: The price that triggers it; needed by a trigger.
            working_type: Which price triggers it; needed by a trigger. The mark price and the
                price of the last trade can be chosen.
            position_id: Which position of the pair. The documentation has it in the example of a
                request only, not in its table.

        Returns:
            The position, and the number of the new one.

        Raises:
            InvalidRequest: There is no such pair, or a trigger lacks its price or its kind.
            Rejected: There is no such position, or the account does not allow it now.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @get(
        "/openApi/swap/v1/trade/positionHistory",
        uid=5,
        group=2,
        needs="read",
        answer="data.positionHistory",
    )
    async def position_history(
        self,
        symbol: str,
        *,
        currency: str | None = None,
        position_id: int | None = None,
        start_ts: Moment | None = None,
        end_ts: Moment | None = None,
        page_index: int = 1,
        page_size: int | None = None,
    ) -> list[ClosedPosition]:
        """
        Read the positions of the past, a page at a time.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.
            currency: ``USDT`` or ``USDC``.
            position_id: One position; all of the pair without it.
            start_ts: The first moment; 90 days ago without it.
            end_ts: The last moment, at most three months after ``start_ts``; now without it.
            page_index: Which page, from 1.
            page_size: Entries a page, at most 100.

        Returns:
            One entry a position; the last page is shorter than ``page_size``, or empty.

        Raises:
            InvalidRequest: There is no such pair, or a parameter is out of range.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @post("/openApi/swap/v2/trade/positionMargin", uid=2, group=2, needs="trade", answer="flat")
    async def adjust_position_margin(
        self,
        symbol: str,
        amount: Decimal,
        type: MarginDirection,  # noqa: A002 - its name on the wire
        *,
        position_side: PositionSide | None = None,
        position_id: int | None = None,
    ) -> MarginAdjustment:
        """
        Put margin into an isolated position, or take some out.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.
            amount: How much, in the margin currency.
            type: In (increase) or out (decrease).
            position_side: ``LONG`` or ``SHORT``.
            position_id: The position; it goes before ``position_side``.

        Returns:
            What was adjusted.

        Raises:
            InvalidRequest: There is no such pair.
            Rejected: The position is not there or not isolated, or the margin does not suffice.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @get(
        "/openApi/swap/v1/positionMargin/history",
        uid=5,
        group=2,
        needs="read",
        answer="data.records",
    )
    async def position_margin_history(
        self,
        symbol: str,
        position_id: int,
        *,
        start_time: Moment,
        end_time: Moment,
        page_index: int,
        page_size: int,
    ) -> list[MarginChange]:
        """
        Read what changed the margin of an isolated position in the last 30 days.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.
            position_id: The position.
            start_time: The first moment.
            end_time: The last moment.
            page_index: Which page, from 1.
            page_size: Entries a page, from 1 to 100.

        Returns:
            One entry a change; the last page is shorter than ``page_size``, or empty.

        Raises:
            InvalidRequest: There is no such pair, or a parameter is out of range.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @post(
        "/openApi/swap/v1/trade/autoAddMargin",
        uid=2,
        group=2,
        needs="trade",
        answer="flat",
        check=check_auto_add_margin,
    )
    async def set_auto_add_margin(
        self,
        symbol: str,
        position_id: int,
        function_switch: bool,
        *,
        amount: Decimal | None = None,
    ) -> AutoAddMargin:
        """
        Let the exchange add margin to a position by itself, in hedge mode.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.
            position_id: The position.
            function_switch: True to switch it on, false to switch it off.
            amount: How much is to be added, in USDT; needed to switch it on.

        Returns:
            What was set, as far as the exchange tells.

        Raises:
            InvalidRequest: There is no such pair, or ``amount`` is missing.
            Rejected: There is no such position, or the account does not allow it now.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @get("/openApi/swap/v2/trade/marginType", uid=2, group=2, needs="read")
    async def margin_type(self, symbol: str) -> MarginTypeSetting:
        """
        Read how the positions of a contract are margined.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.

        Returns:
            The margin mode of the contract.

        Raises:
            InvalidRequest: There is no such pair.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @post("/openApi/swap/v2/trade/marginType", uid=2, group=2, needs="trade")
    async def set_margin_type(self, symbol: str, margin_type: MarginType) -> None:
        """
        Set how the positions of a contract are margined.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.
            margin_type: Cross, isolated or separately isolated.

        Raises:
            InvalidRequest: There is no such pair; the exchange gives the same code where the
                contract has positions or open orders.
            Rejected: The account does not allow it now.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @get("/openApi/swap/v2/trade/leverage", uid=5, group=2, needs="read")
    async def leverage(self, symbol: str) -> LeverageBySide:
        """
        Read the leverage of both sides of a position.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.

        Returns:
            The leverage of each side, its maximum, and what can still be opened with it.

        Raises:
            InvalidRequest: There is no such pair.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @post("/openApi/swap/v2/trade/leverage", uid=5, group=2, needs="trade", body="json")
    async def set_leverage(self, symbol: str, side: PositionSide, leverage: int) -> Leverage:
        """
        Set the leverage of one side of a position.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.
            side: ``LONG`` or ``SHORT`` in hedge mode, ``BOTH`` in one-way mode.
            leverage: Multiple, a whole number from 1 up to the contract's maximum.

        Returns:
            The leverage as it is now; what can be opened with it, where the exchange tells.

        Raises:
            InvalidRequest: The pair, the side or the leverage is not one that exists here.
            Rejected: The account does not allow it now: its margin, an order, or risk control.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @get("/openApi/swap/v1/positionSide/dual", uid=2, group=2, needs="trade")
    async def position_mode(self) -> PositionMode:
        """
        Read whether the account is in hedge or in one-way mode.

        Returns:
            The mode, which holds for all contracts.

        Raises:
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @post("/openApi/swap/v1/positionSide/dual", uid=4, group=2, needs="trade")
    async def set_position_mode(self, dual_side_position: bool) -> PositionMode:
        """
        Set hedge or one-way mode for all contracts.

        Args:
            dual_side_position: True for hedge mode (a long and a short position side by side),
                false for one-way mode (one net position).

        Returns:
            The mode as it is now.

        Raises:
            Rejected: There are positions or open orders.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @get("/openApi/swap/v1/trade/assetMode", uid=2, group=2, needs="trade")
    async def asset_mode(self) -> AssetModeSetting:
        """
        Read whether one or several assets are taken as margin.

        Returns:
            The mode, which holds for the account.

        Raises:
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @post("/openApi/swap/v1/trade/assetMode", uid=2, group=2, needs="trade")
    async def set_asset_mode(self, asset_mode: AssetMode) -> AssetModeSetting:
        """
        Set whether one or several assets are taken as margin.

        Args:
            asset_mode: One or several.

        Returns:
            The mode as it is now.

        Raises:
            Rejected: There are positions or open orders.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @get("/openApi/swap/v1/maintMarginRatio", uid=5, group=2, needs="read")
    async def maintenance_margin_ratios(self, symbol: str) -> list[MaintenanceMarginTier]:
        """
        Read the margin that positions in a contract must keep, by their size.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.

        Returns:
            One entry a tier, the smallest positions first.

        Raises:
            InvalidRequest: There is no such pair.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

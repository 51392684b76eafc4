"""Positions of USDT-M perpetual futures: leverage, margin, modes and closing."""

from bingx_async.endpoint import Section, get, post
from bingx_async.swap.models.common import PositionSide
from bingx_async.swap.models.positions import Leverage, LeverageBySide, PositionMode

__all__ = ["Positions"]


class Positions(Section):
    """Positions, their leverage and margin; a key is needed."""

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

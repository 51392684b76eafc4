"""Market data of USDT-M perpetual futures."""

from bingx_async.endpoint import Section, get
from bingx_async.swap.models.market import Contract, ServerTime

__all__ = ["Market"]


class Market(Section):
    """Contracts and market data; no key is needed."""

    @get("/openApi/swap/v2/server/time")
    async def server_time(self) -> ServerTime:
        """
        Read the exchange's clock.

        Returns:
            The time at which the exchange answered.

        Raises:
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Market Data)
        """
        ...

    @get("/openApi/swap/v2/quote/contracts", group=1)
    async def contracts(self, symbol: str | None = None) -> list[Contract]:
        """
        Read what can be traded, with its steps, minimums and leverage limits.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``; all pairs without it.

        Returns:
            One entry a contract.

        Raises:
            InvalidRequest: There is no such pair.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Market Data)
        """
        ...

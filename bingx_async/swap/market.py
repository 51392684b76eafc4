"""Market data of USDT-M perpetual futures."""

from bingx_async.endpoint import Section, get
from bingx_async.swap.models.market import (
    BookTicker,
    Contract,
    FundingRate,
    Interval,
    Kline,
    MarkPriceKline,
    MultiAssetsRule,
    OpenInterest,
    OrderBook,
    PremiumIndex,
    Price,
    ServerTime,
    Ticker,
    Trade,
    TradingRules,
)
from bingx_async.wire import Moment

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

    @get("/openApi/swap/v2/quote/depth", group=1)
    async def order_book(self, symbol: str, limit: int | None = None) -> OrderBook:
        """
        Read the order book of a contract.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.
            limit: Levels a side: 5, 10, 20, 50, 100, 500 or 1000; 20 without it.

        Returns:
            Both sides of the book, each with its best level first.

        Raises:
            InvalidRequest: There is no such pair, or a parameter is out of range.
            Rejected: The pair is suspended.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Market Data)
        """
        ...

    @get("/openApi/swap/v2/quote/trades", group=1)
    async def trades(self, symbol: str, limit: int | None = None) -> list[Trade]:
        """
        Read the latest trades of a contract.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.
            limit: How many, 1000 at most; 500 without it.

        Returns:
            One entry a trade, without ids.

        Raises:
            InvalidRequest: There is no such pair, or a parameter is out of range.
            Rejected: The pair is suspended.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Market Data)
        """
        ...

    @get("/openApi/swap/v1/market/historicalTrades", group=1)
    async def historical_trades(
        self, symbol: str, limit: int | None = None, from_id: str | None = None
    ) -> list[Trade]:
        """
        Read older trades of a contract.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.
            limit: How many, 100 at most; 50 without it.
            from_id: The id of the trade to begin with; the latest trades without it.

        Returns:
            One entry a trade, with its id.

        Raises:
            InvalidRequest: There is no such pair, or a parameter is out of range.
            Rejected: The pair is suspended.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Market Data)
        """
        ...

    @get("/openApi/swap/v2/quote/premiumIndex", group=1)
    async def premium_index(self, symbol: str | None = None) -> list[PremiumIndex]:
        """
        Read mark price, index price and funding rate.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``; all pairs without it.

        Returns:
            One entry a contract, also where a pair was named.

        Raises:
            InvalidRequest: There is no such pair.
            Rejected: The pair is suspended.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Market Data)
        """
        ...

    @get("/openApi/swap/v2/quote/fundingRate", group=1)
    async def funding_rates(
        self,
        symbol: str | None = None,
        *,
        start_time: Moment | None = None,
        end_time: Moment | None = None,
        limit: int | None = None,
    ) -> list[FundingRate]:
        """
        Read the funding rates of past settlements.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``. It may be left out; the
                documentation does not say what comes then.
            start_time: Only what is not older.
            end_time: Only what is not newer.
            limit: How many, 1000 at most; 100 without it.

        Returns:
            One entry a settlement.

        Raises:
            InvalidRequest: There is no such pair, or a parameter is out of range.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Market Data)
        """
        ...

    @get("/openApi/swap/v3/quote/klines", group=1)
    async def klines(
        self,
        symbol: str,
        interval: Interval,
        *,
        start_time: Moment | None = None,
        end_time: Moment | None = None,
        limit: int | None = None,
    ) -> list[Kline]:
        """
        Read the klines of a contract.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.
            interval: The time that one kline spans.
            start_time: Only what is not older.
            end_time: Only what is not newer.
            limit: How many, 1440 at most; 500 without it.

        Returns:
            One entry an interval, newest first; the newest may not be over yet.

        Raises:
            InvalidRequest: There is no such pair, or a parameter is out of range.
            Rejected: The pair is suspended.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Market Data)
        """
        ...

    @get("/openApi/swap/v1/market/markPriceKlines", group=1)
    async def mark_price_klines(
        self,
        symbol: str,
        interval: Interval,
        *,
        start_time: Moment | None = None,
        end_time: Moment | None = None,
        limit: int | None = None,
    ) -> list[MarkPriceKline]:
        """
        Read the klines of the mark price of a contract.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.
            interval: The time that one kline spans.
            start_time: Only what is not older.
            end_time: Only what is not newer.
            limit: How many, 1440 at most; 500 without it.

        Returns:
            One entry an interval; the newest may not be over yet.

        Raises:
            InvalidRequest: There is no such pair, or a parameter is out of range.
            Rejected: The pair is suspended.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Market Data)
        """
        ...

    @get("/openApi/swap/v2/quote/openInterest", group=1)
    async def open_interest(self, symbol: str) -> OpenInterest:
        """
        Read how much of a contract is open.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.

        Returns:
            All open positions together.

        Raises:
            InvalidRequest: There is no such pair.
            Rejected: The pair is suspended.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Market Data)
        """
        ...

    @get("/openApi/swap/v2/quote/ticker", group=1)
    async def tickers(self, symbol: str | None = None) -> list[Ticker]:
        """
        Read how prices moved in the last 24 hours.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``; all pairs without it.

        Returns:
            One entry a contract, also where a pair was named.

        Raises:
            InvalidRequest: There is no such pair.
            Rejected: The pair is suspended.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Market Data)
        """
        ...

    @get("/openApi/swap/v2/quote/bookTicker", group=1, answer="data.book_ticker")
    async def book_ticker(self, symbol: str) -> BookTicker:
        """
        Read the best bid and the best ask of a contract.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.

        Returns:
            The best level of both sides.

        Raises:
            InvalidRequest: There is no such pair.
            Rejected: The pair is suspended.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Market Data)
        """
        ...

    @get("/openApi/swap/v1/ticker/price", group=1)
    async def prices(self, symbol: str | None = None) -> list[Price]:
        """
        Read last prices.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``; all pairs without it.

        Returns:
            One entry a contract, also where a pair was named.

        Raises:
            InvalidRequest: There is no such pair.
            Rejected: The pair is suspended.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Market Data)
        """
        ...

    @get("/openApi/swap/v1/tradingRules", group=1)
    async def trading_rules(self, symbol: str) -> TradingRules:
        """
        Read what orders on a contract must keep to.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.

        Returns:
            Its minimums, its price bounds and how many orders may be open.

        Raises:
            InvalidRequest: There is no such pair.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Market Data)
        """
        ...

    @get("/openApi/swap/v1/trade/multiAssetsRules", group=2)
    async def multi_assets_rules(self) -> list[MultiAssetsRule]:
        """
        Read how assets count as margin in multi-assets mode.

        Returns:
            One entry an asset.

        Raises:
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

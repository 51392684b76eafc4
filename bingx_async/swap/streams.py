"""Streams of USDT-M perpetual futures: market data, and events of the account."""

from typing import Literal

from bingx_async.channel import stream
from bingx_async.endpoint import Section
from bingx_async.stream import Stream
from bingx_async.swap.book import LocalOrderBook
from bingx_async.swap.models.events import (
    AccountEvent,
    BookTickerEvent,
    DepthEvent,
    DepthUpdateEvent,
    KlineEvent,
    LastPriceEvent,
    LeverageEvent,
    MarkPriceEvent,
    OrderEvent,
    TickerEvent,
    TradeEvent,
)
from bingx_async.swap.models.market import Interval

__all__ = ["Streams"]

Depth = Literal[5, 10, 20, 50, 100]
Pace = Literal["200ms", "500ms"]


class Streams(Section):
    """Market data and events of the account, as they happen."""

    @stream("{symbol}@trade", overflow="raise")
    def trades_stream(self, symbol: str) -> Stream[TradeEvent]:
        """
        Follow the trades of a contract.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.

        Raises:
            BingXError: From the stream; see :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Websocket Market Data)
        """
        ...

    @stream("{symbol}@depth{level}@{interval}", beside=("dataType", "ts"))
    def depth_stream(
        self, symbol: str, level: Depth = 20, interval: Pace = "500ms"
    ) -> Stream[DepthEvent]:
        """
        Follow the best levels of an order book.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.
            level: How many levels a side: 5, 10, 20, 50 or 100.
            interval: How often: ``500ms``, or ``200ms`` for ``BTC-USDT`` and ``ETH-USDT``.

        Raises:
            BingXError: From the stream; see :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Websocket Market Data)
        """
        ...

    @stream("{symbol}@incrDepth", overflow="raise", beside=("dataType",), snapshot=True)
    def depth_updates_stream(self, symbol: str) -> Stream[DepthUpdateEvent]:
        """
        Follow the changes of an order book, after the whole of it.

        ``bingx.swap.book(symbol)`` keeps the book from them.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.

        Raises:
            BingXError: From the stream; see :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Websocket Market Data)
        """
        ...

    def book(self, symbol: str) -> LocalOrderBook:
        """
        Keep the order book of a contract on this side.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.

        Returns:
            A book to enter with ``async with``; see
            :class:`~bingx_async.swap.LocalOrderBook`.
        """
        return LocalOrderBook(self.depth_updates_stream(symbol))

    @stream("{symbol}@kline_{interval}", beside=("dataType", "s"))
    def klines_stream(self, symbol: str, interval: Interval) -> Stream[KlineEvent]:
        """
        Follow the kline of the interval that runs.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.
            interval: The time that one kline spans.

        Raises:
            BingXError: From the stream; see :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Websocket Market Data)
        """
        ...

    @stream("{symbol}@ticker", silence=15.0)
    def ticker_stream(self, symbol: str) -> Stream[TickerEvent]:
        """
        Follow how the price of a contract moved in the last 24 hours, every second.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.

        Raises:
            BingXError: From the stream; see :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Websocket Market Data)
        """
        ...

    @stream("{symbol}@lastPrice")
    def last_price_stream(self, symbol: str) -> Stream[LastPriceEvent]:
        """
        Follow the last price of a contract.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.

        Raises:
            BingXError: From the stream; see :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Websocket Market Data)
        """
        ...

    @stream("{symbol}@markPrice", silence=30.0)
    def mark_price_stream(self, symbol: str) -> Stream[MarkPriceEvent]:
        """
        Follow the mark price of a contract, which profit and liquidation are reckoned with.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.

        Raises:
            BingXError: From the stream; see :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Websocket Market Data)
        """
        ...

    @stream("{symbol}@bookTicker")
    def book_ticker_stream(self, symbol: str) -> Stream[BookTickerEvent]:
        """
        Follow the best bid and the best ask of a contract, every 200 ms.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``.

        Raises:
            BingXError: From the stream; see :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Websocket Market Data)
        """
        ...

    @stream("all@ticker", silence=15.0)
    def all_tickers_stream(self) -> Stream[TickerEvent]:
        """
        Follow the tickers of all contracts.

        Raises:
            BingXError: From the stream; see :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (change log, 2024-05-27)
        """
        ...

    @stream("all@kline_{interval}", beside=("dataType", "s"))
    def all_klines_stream(self, interval: Interval) -> Stream[KlineEvent]:
        """
        Follow the klines of all contracts.

        Args:
            interval: The time that one kline spans.

        Raises:
            BingXError: From the stream; see :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (change log, 2024-05-27)
        """
        ...

    @stream("all@depth{level}@{interval}", beside=("dataType", "ts"))
    def all_depths_stream(self, level: Depth = 5, interval: Pace = "500ms") -> Stream[DepthEvent]:
        """
        Follow the best levels of all order books.

        Args:
            level: How many levels a side: 5, 10, 20, 50 or 100.
            interval: How often.

        Raises:
            BingXError: From the stream; see :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (change log, 2024-05-27)
        """
        ...

    @stream("ORDER_TRADE_UPDATE", "TRADE_UPDATE", account=True, overflow="raise", at="o")
    def orders_stream(self) -> Stream[OrderEvent]:
        """
        Follow the orders of the account: accepted, filled, cancelled.

        No fill is missed and none comes twice, whatever becomes of the connection: what was missed
        is fetched, and marked as ``recovered``.

        Raises:
            BingXError: From the stream; see :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Websocket Account Data)
        """
        ...

    @stream("ACCOUNT_UPDATE", account=True, overflow="raise", at="a", beside=("E",))
    def account_stream(self) -> Stream[AccountEvent]:
        """
        Follow the balances and positions of the account.

        The exchange also tells how everything stands when the stream begins, and from time to time.

        Raises:
            BingXError: From the stream; see :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Websocket Account Data)
        """
        ...

    @stream("ACCOUNT_CONFIG_UPDATE", account=True, overflow="latest", at="ac", beside=("E",))
    def leverage_stream(self) -> Stream[LeverageEvent]:
        """
        Follow the leverages and margin modes of the account's contracts.

        The exchange also tells how everything stands when the stream begins, and from time to time.

        Raises:
            BingXError: From the stream; see :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Websocket Account Data)
        """
        ...

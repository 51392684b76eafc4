"""Market data, as the emulator plays it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bingx_async.emulator.call import Bodies, invalid
from bingx_async.emulator.intervals import number_of, start_of
from bingx_async.emulator.market import FUNDING, LAUNCH, TICK, Candle
from bingx_async.emulator.paging import choose, moment, sized, window
from bingx_async.swap import market as declared
from bingx_async.swap.models.market import (
    BookTicker,
    Contract,
    FundingRate,
    Interval,
    Kline,
    Level,
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

_DEPTHS: Final = (5, 10, 20, 50, 100, 500, 1000)
_DAY: Final = timedelta(days=1)
_MOST_ORDERS: Final = 100_000

# Asset, share of its value that counts as margin and for the risk, and most that can come in.
_COLLATERAL: Final = (
    ("USDT", "99.90", "99.90", None),
    ("USDC", "99.80", "99.80", None),
    ("BTC", "94.00", "96.00", "20"),
    ("ETH", "93.00", "95.00", "250"),
)


class Market(Bodies, declared.Market):
    """Contracts and market data."""

    async def server_time(self) -> ServerTime:
        return ServerTime(self._now)

    async def contracts(self, symbol: str | None = None) -> list[Contract]:
        return [self._market.contract(each) for each in self._symbols(symbol)]

    async def order_book(self, symbol: str, limit: int | None = None) -> OrderBook:
        depth = 20 if limit is None else limit
        if depth not in _DEPTHS:
            raise invalid(f"limit must be one of {_DEPTHS}, not {limit}")
        bids, asks = self._market.levels(symbol, self._now, depth)
        return OrderBook(
            self._now,
            self._in_contracts(symbol, bids),
            self._in_contracts(symbol, asks),
            bids,
            asks,
        )

    async def trades(self, symbol: str, limit: int | None = None) -> list[Trade]:
        count = sized("limit", limit, usual=500, most=1000)
        first = self._market.last_trade(self._now) - count + 1
        found = self._market.trades(symbol, first, count, self._now)
        for trade in found:
            trade.id = None
        return found[::-1]

    async def historical_trades(
        self, symbol: str, limit: int | None = None, from_id: str | None = None
    ) -> list[Trade]:
        count = sized("limit", limit, usual=50, most=100)
        if from_id is None:
            first = self._market.last_trade(self._now) - count + 1
        elif from_id.isdecimal():
            first = int(from_id)
        else:
            raise invalid(f"fromId is a number, not {from_id}")
        return self._market.trades(symbol, first, count, self._now)

    async def premium_index(self, symbol: str | None = None) -> list[PremiumIndex]:
        (coming,) = self._market.funding_times(self._now, self._now + FUNDING)
        return [
            PremiumIndex(
                symbol=each,
                mark_price=self._market.mark_price(each, self._now),
                index_price=self._market.index_price(each, self._now),
                last_funding_rate=self._market.funding_rate(each, coming),
                next_funding_time=coming,
            )
            for each in self._symbols(symbol)
        ]

    async def funding_rates(
        self,
        symbol: str | None = None,
        *,
        start_time: Moment | None = None,
        end_time: Moment | None = None,
        limit: int | None = None,
    ) -> list[FundingRate]:
        count = sized("limit", limit, usual=100, most=1000)
        start, end = window(start_time, end_time, self._now)
        symbols = self._symbols(symbol)
        # All that could be answered with lies this near to the end that is asked for.
        reach = FUNDING * (count // len(symbols) + 1)
        start, end = max(start, LAUNCH), min(end, self._now)
        if start_time is not None:
            end = min(end, start + reach)
        else:
            start = max(start, end - reach)
        found = [
            FundingRate(each, self._market.funding_rate(each, time), time)
            for time in self._market.funding_times(start - TICK, end)
            if time >= start
            for each in symbols
        ]
        return list(choose(found, count, from_start=start_time is not None))[::-1]

    async def klines(
        self,
        symbol: str,
        interval: Interval,
        *,
        start_time: Moment | None = None,
        end_time: Moment | None = None,
        limit: int | None = None,
    ) -> list[Kline]:
        return [
            Kline(it.open, it.close, it.high, it.low, it.volume, start)
            for start, _, it in self._candles(symbol, interval, start_time, end_time, limit)
        ]

    async def mark_price_klines(
        self,
        symbol: str,
        interval: Interval,
        *,
        start_time: Moment | None = None,
        end_time: Moment | None = None,
        limit: int | None = None,
    ) -> list[MarkPriceKline]:
        return [
            MarkPriceKline(
                it.open, it.close, it.high, it.low, start, end - timedelta(milliseconds=1)
            )
            for start, end, it in self._candles(
                symbol, interval, start_time, end_time, limit, is_mark=True
            )
        ]

    async def open_interest(self, symbol: str) -> OpenInterest:
        return OpenInterest(symbol, self._market.open_interest(symbol, self._now), self._now)

    async def tickers(self, symbol: str | None = None) -> list[Ticker]:
        return [self._ticker(each) for each in self._symbols(symbol)]

    async def book_ticker(self, symbol: str) -> BookTicker:
        bids, asks = self._market.levels(symbol, self._now, 1)
        (bid,) = self._in_contracts(symbol, bids) or [Level(Decimal(0), Decimal(0))]
        (ask,) = self._in_contracts(symbol, asks)
        return BookTicker(
            symbol=symbol,
            bid_price=bid.price,
            bid_qty=bid.quantity,
            ask_price=ask.price,
            ask_qty=ask.quantity,
            last_update_id=self._market.last_trade(self._now),
            time=self._now,
        )

    async def prices(self, symbol: str | None = None) -> list[Price]:
        return [
            Price(each, self._market.price(each, self._now), self._now)
            for each in self._symbols(symbol)
        ]

    async def trading_rules(self, symbol: str) -> TradingRules:
        contract = self._market.contract(symbol)
        return TradingRules(
            min_size_coin=contract.trade_min_quantity,
            min_size_usd=contract.trade_min_usdt,
            max_num_order=_MOST_ORDERS,
            protection_threshold=Decimal("0.05"),
            buy_max_price=Decimal(10),
            buy_min_price=Decimal("0.01"),
            sell_max_price=Decimal(100),
            sell_min_price=Decimal("0.1"),
            market_ratio=Decimal("0.5"),
        )

    async def multi_assets_rules(self) -> list[MultiAssetsRule]:
        found: list[MultiAssetsRule] = []
        for asset, ltv, ratio, most in _COLLATERAL:
            price = Decimal(1)
            if most is not None:
                price = self._market.index_price(f"{asset}-USDT", self._now)
            most_of_it = None if most is None else Decimal(most)
            found.append(MultiAssetsRule(asset, Decimal(ltv), Decimal(ratio), price, most_of_it))
        return found

    # --- what several of them need ----------------------------------------------------------

    def _symbols(self, symbol: str | None) -> list[str]:
        if symbol is not None:
            return [self._market.contract(symbol).symbol]
        return [contract.symbol for contract in self._market.contracts()]

    def _in_contracts(self, symbol: str, levels: list[Level]) -> list[Level]:
        """Count quantities in contracts, one of which is the smallest quantity."""
        size = self._market.contract(symbol).trade_min_quantity
        return [Level(price, (quantity / size).quantize(1)) for price, quantity in levels]

    def _candles(
        self,
        symbol: str,
        interval: Interval,
        start_time: Moment | None,
        end_time: Moment | None,
        limit: int | None,
        *,
        is_mark: bool = False,
    ) -> Iterator[tuple[datetime, datetime, Candle]]:
        """Tell the start, the end and the candle of each interval, newest first."""
        self._market.contract(symbol)
        if not interval.is_known:
            raise invalid(f"interval {interval} is not one of {[str(each) for each in Interval]}")
        count = sized("limit", limit, usual=500, most=1440)
        start, end = window(start_time, end_time, self._now)
        last = number_of(interval, min(end, self._now))
        first = number_of(interval, max(start, LAUNCH) - TICK / 1000) + 1
        if moment(start_time) is not None:
            last = min(last, first + count - 1)
        else:
            first = max(first, last - count + 1)
        for number in range(last, first - 1, -1):
            begins, ends = start_of(interval, number), start_of(interval, number + 1)
            until = min(ends, self._now)
            yield begins, ends, self._market.candle(symbol, begins, until, is_mark=is_mark)

    def _ticker(self, symbol: str) -> Ticker:
        day = self._market.candle(symbol, self._now - _DAY, self._now)
        bids, asks = self._market.levels(symbol, self._now, 1)
        bid = bids[0] if bids else None
        (last,) = self._market.trades(symbol, self._market.last_trade(self._now), 1, self._now)
        mean = (day.open + day.high + day.low + day.close) / 4
        change = day.close - day.open
        return Ticker(
            symbol=symbol,
            last_price=day.close,
            open_price=day.open,
            high_price=day.high,
            low_price=day.low,
            price_change=change,
            price_change_percent=(change / day.open * 100).quantize(Decimal("0.01")),
            volume=day.volume,
            quote_volume=(day.volume * mean).quantize(Decimal("0.01")),
            last_qty=last.qty,
            open_time=self._now - _DAY,
            close_time=last.time,
            bid_price=bid.price if bid else None,
            bid_qty=bid.quantity if bid else None,
            ask_price=asks[0].price,
            ask_qty=asks[0].quantity,
        )

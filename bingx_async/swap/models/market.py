"""Market data of USDT-M perpetual futures."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Final, NamedTuple

from attrs import Factory, define, field

from bingx_async.wire import OpenEnum, wire

__all__ = [
    "BookTicker",
    "Contract",
    "ContractStatus",
    "FundingRate",
    "Interval",
    "Kline",
    "Level",
    "MarkPriceKline",
    "MultiAssetsRule",
    "OpenInterest",
    "OrderBook",
    "PremiumIndex",
    "Price",
    "ServerTime",
    "Ticker",
    "Trade",
    "TradingRules",
]


class ContractStatus(OpenEnum):
    """Whether a contract trades."""

    OFFLINE = "0"
    ONLINE = "1"
    PRE_ONLINE = "5"
    CLOSE_ONLY = "25"
    """Positions can be closed, but not opened."""


_UNITS: Final = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


class Interval(OpenEnum):
    """Time that one kline spans; ``1m`` is a minute, ``1M`` a month."""

    MINUTE_1 = "1m"
    MINUTE_3 = "3m"
    MINUTE_5 = "5m"
    MINUTE_15 = "15m"
    MINUTE_30 = "30m"
    HOUR_1 = "1h"
    HOUR_2 = "2h"
    HOUR_4 = "4h"
    HOUR_6 = "6h"
    HOUR_8 = "8h"
    HOUR_12 = "12h"
    DAY_1 = "1d"
    DAY_3 = "3d"
    WEEK_1 = "1w"
    MONTH_1 = "1M"

    @property
    def duration(self) -> timedelta | None:
        """The span as a length of time; ``None`` for a month, which has no fixed one."""
        number, unit = self.value[:-1], _UNITS.get(self.value[-1:])
        return int(number) * unit if unit and number.isdecimal() else None


@define
class ServerTime:
    """
    The exchange's clock.

    Attributes:
        server_time: When the exchange answered, to the millisecond, in UTC.
    """

    server_time: datetime


@define
class Contract:
    """
    One contract and its rules.

    Attributes:
        symbol: Trading pair with a hyphen.
        asset: What is traded.
        currency: What it is settled and margined in.
        status: Whether it trades.
        quantity_precision: Decimal places of a quantity.
        price_precision: Decimal places of a price.
        trade_min_quantity: Smallest quantity of an order, in ``asset``.
        trade_min_usdt: Smallest value of an order, in USDT.
        contract_id: The exchange's number of the contract.
        maker_fee_rate: Fee of an order that rests, as a fraction of its value.
        taker_fee_rate: Fee of an order that trades at once, as a fraction of its value.
        max_long_leverage: Greatest leverage of a long position.
        max_short_leverage: Greatest leverage of a short position.
        api_state_open: Whether positions can be opened through the API.
        api_state_close: Whether positions can be closed through the API.
        broker_state: Whether users of brokers are barred from it.
        ensure_trigger: Whether guaranteed stop losses are offered.
        trigger_fee_rate: Fee of a guaranteed stop loss, as a fraction.
        launch_time: When trading starts or started.
        maintain_time: From when on positions can only be closed.
        off_time: When it is taken offline.
        display_name: Name for people; ``symbol`` is the one for requests.
        size: Value of one contract.
        fee_rate: Superseded by the maker's and the taker's rate.
        trade_min_limit: Superseded by ``trade_min_quantity``.
    """

    symbol: str
    asset: str
    currency: str
    status: ContractStatus
    quantity_precision: int
    price_precision: int
    trade_min_quantity: Decimal
    trade_min_usdt: Annotated[Decimal, wire("tradeMinUSDT")]
    contract_id: str | None = None
    maker_fee_rate: Decimal | None = None
    taker_fee_rate: Decimal | None = None
    max_long_leverage: int | None = None
    max_short_leverage: int | None = None
    api_state_open: bool | None = None
    api_state_close: bool | None = None
    broker_state: bool | None = None
    ensure_trigger: bool | None = None
    trigger_fee_rate: Decimal | None = None
    launch_time: datetime | None = None
    maintain_time: datetime | None = None
    off_time: datetime | None = None
    display_name: str | None = None
    size: Decimal | None = None
    fee_rate: Decimal | None = None
    trade_min_limit: Decimal | None = None


class Level(NamedTuple):
    """
    One level of an order book.

    Attributes:
        price: Price of the level.
        quantity: How much rests there.
    """

    price: Decimal
    quantity: Decimal


# The exchange has sent asks highest first and lowest first. Whoever takes the first level for the
# best one must not depend on that.
def _highest_first(levels: list[Level]) -> list[Level]:
    return sorted(levels, reverse=True)


def _lowest_first(levels: list[Level]) -> list[Level]:
    return sorted(levels)


@define
class OrderBook:
    """
    What rests in the order book of a contract.

    The best level is the first one, in whichever order the exchange has sent them.

    Attributes:
        time: When the exchange answered.
        bids: What is bid, highest price first; quantities in contracts.
        asks: What is asked, lowest price first; quantities in contracts.
        bids_coin: The same bids; quantities in the traded asset.
        asks_coin: The same asks; quantities in the traded asset.
    """

    time: Annotated[datetime, wire("T")]
    bids: list[Level] = field(converter=_highest_first)
    asks: list[Level] = field(converter=_lowest_first)
    bids_coin: list[Level] = field(default=Factory(list[Level]), converter=_highest_first)
    asks_coin: list[Level] = field(default=Factory(list[Level]), converter=_lowest_first)


@define
class Trade:
    """
    One trade of the market.

    Attributes:
        time: When it took place.
        is_buyer_maker: Whether the buyer's order rested, so that the seller was the taker.
        price: Price of the trade.
        qty: Quantity, in the traded asset.
        quote_qty: Value, in the margin currency.
        id: The exchange's id of the trade; only ``historical_trades`` tells it.
    """

    time: datetime
    is_buyer_maker: bool
    price: Decimal
    qty: Decimal
    quote_qty: Decimal
    id: str | None = None


@define
class PremiumIndex:
    """
    Mark price, index price and funding rate of a contract.

    Attributes:
        symbol: Trading pair with a hyphen.
        mark_price: The price that profit, loss and liquidation are reckoned with.
        index_price: Mean price on the spot markets.
        last_funding_rate: The funding rate as last updated, as a fraction of a position's value.
        next_funding_time: When funding is settled next.
    """

    symbol: str
    mark_price: Decimal
    index_price: Decimal
    last_funding_rate: Decimal
    # The documentation calls it the remaining time, and shows a moment.
    next_funding_time: datetime | None = None


@define
class FundingRate:
    """
    The funding rate of one settlement.

    Attributes:
        symbol: Trading pair with a hyphen.
        funding_rate: Rate, as a fraction of a position's value; above 0 longs pay shorts.
        funding_time: When it was settled.
    """

    symbol: str
    funding_rate: Decimal
    funding_time: datetime


@define
class Kline:
    """
    The trades of one interval.

    Attributes:
        open: First price.
        close: Last price, so far if the interval is not over.
        high: Highest price.
        low: Lowest price.
        volume: Quantity traded, in the traded asset.
        time: When the interval starts.
    """

    open: Decimal
    close: Decimal
    high: Decimal
    low: Decimal
    volume: Decimal
    time: datetime


@define
class MarkPriceKline:
    """
    The mark prices of one interval.

    It is no :class:`Kline`: no trade makes it, so it has no volume to speak of, and it names its
    times differently.

    Attributes:
        open: First mark price.
        close: Last mark price, so far if the interval is not over.
        high: Highest mark price.
        low: Lowest mark price.
        open_time: When the interval starts.
        close_time: When it ends, by its name; the documentation shows the same as ``open_time``.
        volume: A number without meaning here.
    """

    open: Decimal
    close: Decimal
    high: Decimal
    low: Decimal
    open_time: datetime
    close_time: datetime | None = None
    volume: Decimal | None = None


@define
class OpenInterest:
    """
    All open positions of a contract together.

    Attributes:
        symbol: Trading pair with a hyphen.
        open_interest: How much is open; the documentation names no unit.
        time: The time of the matching engine.
    """

    symbol: str
    open_interest: Decimal
    time: datetime


@define
class Ticker:
    """
    How the price of a contract moved in the last 24 hours.

    Attributes:
        symbol: Trading pair with a hyphen.
        last_price: Price of the last trade.
        open_price: Price of the first trade.
        high_price: Highest price.
        low_price: Lowest price.
        price_change: Last price less first price.
        price_change_percent: The change in percent of the first price: 4.15 is 4.15 %.
        volume: Quantity traded, in the traded asset.
        quote_volume: Value traded, in USDT.
        last_qty: Quantity of the last trade, in the traded asset.
        open_time: When the first trade took place.
        close_time: When the last trade took place.
        bid_price: Best bid; ``None`` where nobody bids.
        bid_qty: Quantity at the best bid.
        ask_price: Best ask; ``None`` where nobody asks.
        ask_qty: Quantity at the best ask.
    """

    symbol: str
    last_price: Decimal
    open_price: Decimal
    high_price: Decimal
    low_price: Decimal
    price_change: Decimal
    price_change_percent: Decimal
    volume: Decimal
    quote_volume: Decimal
    last_qty: Decimal | None = None
    open_time: datetime | None = None
    close_time: datetime | None = None
    bid_price: Decimal | None = None
    bid_qty: Decimal | None = None
    ask_price: Decimal | None = None
    ask_qty: Decimal | None = None


@define
class BookTicker:
    """
    Best bid and best ask of a contract.

    Attributes:
        symbol: Trading pair with a hyphen.
        bid_price: Best bid.
        bid_qty: Quantity at the best bid; the documentation names no unit.
        ask_price: Best ask.
        ask_qty: Quantity at the best ask; the documentation names no unit.
        last_update_id: The exchange's number of the last change.
        time: When that was.
    """

    # Unlike every other answer, this one is written in snake_case.
    symbol: str
    bid_price: Annotated[Decimal, wire("bid_price")]
    bid_qty: Annotated[Decimal, wire("bid_qty")]
    ask_price: Annotated[Decimal, wire("ask_price")]
    ask_qty: Annotated[Decimal, wire("ask_qty")]
    last_update_id: int | None = None
    time: datetime | None = None


@define
class Price:
    """
    Last price of a contract.

    Attributes:
        symbol: Trading pair with a hyphen.
        price: Price of the last trade.
        time: The time of the matching engine.
    """

    symbol: str
    price: Decimal
    time: datetime | None = None


@define
class TradingRules:
    """
    What orders on a contract must keep to.

    The price of a limit order must lie between the current price times the lower ratio and the
    current price times the upper ratio of its side.

    Attributes:
        min_size_coin: Smallest quantity of an order, in the traded asset.
        min_size_usd: Smallest value of an order, in USDT.
        max_num_order: Most orders of all kinds that may be open on the contract.
        protection_threshold: Where spread protection is on, a triggered order fails if last price
            and mark price are further apart than this, as a fraction.
        buy_max_price: Upper ratio for buy orders.
        buy_min_price: Lower ratio for buy orders.
        sell_max_price: Upper ratio for sell orders.
        sell_min_price: Lower ratio for sell orders.
        market_ratio: A market order may fail, or fill in part, where its price is further from
            the mark price than this, as a fraction.
    """

    min_size_coin: Decimal
    min_size_usd: Decimal
    max_num_order: int | None = None
    protection_threshold: Decimal | None = None
    buy_max_price: Decimal | None = None
    buy_min_price: Decimal | None = None
    sell_max_price: Decimal | None = None
    sell_min_price: Decimal | None = None
    market_ratio: Decimal | None = None


@define
class MultiAssetsRule:
    """
    How an asset counts as margin in multi-assets mode.

    Attributes:
        margin_assets: The asset, such as ``BTC``.
        ltv: Share of its value that counts as available margin, in percent.
        collateral_value_ratio: Share of its value that counts for the risk rate, in percent.
        index_price: Its index price, in USD.
        max_transfer: The most that can be transferred in; ``None`` where there is no limit.
    """

    margin_assets: str
    ltv: Decimal
    collateral_value_ratio: Decimal
    index_price: Decimal
    max_transfer: Decimal | None = None

"""
What the streams of USDT-M perpetual futures tell.

The exchange names the fields of its events with single letters. Here they are called as in the
answers of the endpoints, so that code that reads one reads the other.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from attrs import Factory, define, field

from bingx_async.swap.models.common import (
    OrderSide,
    OrderStatus,
    OrderType,
    PositionSide,
    WorkingType,
)
from bingx_async.swap.models.market import Level
from bingx_async.swap.models.positions import MarginType
from bingx_async.wire import OpenEnum, wire

__all__ = [
    "AccountEvent",
    "AccountReason",
    "BalanceUpdate",
    "BookTickerEvent",
    "DepthAction",
    "DepthEvent",
    "DepthUpdateEvent",
    "ExecutionType",
    "KlineEvent",
    "LastPriceEvent",
    "LeverageEvent",
    "MarkPriceEvent",
    "OrderEvent",
    "PositionUpdate",
    "TickerEvent",
    "TradeEvent",
]


@define
class TradeEvent:
    """
    One trade of the market.

    Attributes:
        symbol: Trading pair with a hyphen.
        price: Price of the trade.
        qty: Quantity, in the traded asset.
        time: When it took place.
        is_buyer_maker: Whether the buyer's order rested, so that the seller was the taker.
    """

    symbol: Annotated[str, wire("s")]
    price: Annotated[Decimal, wire("p")]
    qty: Annotated[Decimal, wire("q")]
    time: Annotated[datetime, wire("T")]
    is_buyer_maker: Annotated[bool, wire("m")]


# The exchange has sent asks highest first and lowest first.
def _highest_first(levels: list[Level]) -> list[Level]:
    return sorted(levels, reverse=True)


def _lowest_first(levels: list[Level]) -> list[Level]:
    return sorted(levels)


@define
class DepthEvent:
    """
    The best levels of an order book.

    Attributes:
        data_type: The topic, such as ``BTC-USDT@depth5@500ms``.
        bids: What is bid, highest price first; quantities in the traded asset.
        asks: What is asked, lowest price first; quantities in the traded asset.
        time: When the exchange sent it.
    """

    data_type: str
    bids: list[Level] = field(converter=_highest_first)
    asks: list[Level] = field(converter=_lowest_first)
    time: Annotated[datetime | None, wire("ts")] = None

    @property
    def symbol(self) -> str:
        """The trading pair, which only the topic names."""
        return self.data_type.partition("@")[0]


class DepthAction(OpenEnum):
    """What the levels of an increment are."""

    ALL = "all"
    """The whole book."""
    UPDATE = "update"
    """What changed since the increment before."""


@define
class DepthUpdateEvent:
    """
    What changed in an order book, or all of it.

    Attributes:
        data_type: The topic, such as ``BTC-USDT@incrDepth``.
        action: Whether the levels are the whole book, or what changed.
        last_update_id: The number of the change, one more than that of the change before.
        bids: Levels that are bid, in the order in which they came; a quantity of 0 removes one.
        asks: Levels that are asked, likewise.
        time: When the exchange sent it.
    """

    data_type: str
    action: DepthAction
    last_update_id: int
    bids: list[Level] = field(factory=list[Level])
    asks: list[Level] = field(factory=list[Level])
    time: datetime | None = None

    @property
    def symbol(self) -> str:
        """The trading pair, which only the topic names."""
        return self.data_type.partition("@")[0]


@define
class KlineEvent:
    """
    The trades of one interval, which is not over as long as its klines come.

    Attributes:
        data_type: The topic, such as ``BTC-USDT@kline_1m``.
        open: First price.
        close: Last price so far.
        high: Highest price so far.
        low: Lowest price so far.
        volume: Quantity traded, in the traded asset.
        time: When the interval starts.
        symbol: Trading pair with a hyphen.
    """

    data_type: str
    open: Annotated[Decimal, wire("o")]
    close: Annotated[Decimal, wire("c")]
    high: Annotated[Decimal, wire("h")]
    low: Annotated[Decimal, wire("l")]
    volume: Annotated[Decimal, wire("v")]
    time: Annotated[datetime, wire("T")]
    symbol: Annotated[str, wire("s")] = ""


@define
class TickerEvent:
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
        event_time: When the exchange sent it.
    """

    symbol: Annotated[str, wire("s")]
    last_price: Annotated[Decimal, wire("c")]
    open_price: Annotated[Decimal, wire("o")]
    high_price: Annotated[Decimal, wire("h")]
    low_price: Annotated[Decimal, wire("l")]
    price_change: Annotated[Decimal, wire("p")]
    price_change_percent: Annotated[Decimal, wire("P")]
    volume: Annotated[Decimal, wire("v")]
    quote_volume: Annotated[Decimal, wire("q")]
    last_qty: Annotated[Decimal | None, wire("L")] = None
    open_time: Annotated[datetime | None, wire("O")] = None
    close_time: Annotated[datetime | None, wire("C")] = None
    bid_price: Annotated[Decimal | None, wire("B")] = None
    bid_qty: Annotated[Decimal | None, wire("b")] = None
    ask_price: Annotated[Decimal | None, wire("A")] = None
    ask_qty: Annotated[Decimal | None, wire("a")] = None
    event_time: Annotated[datetime | None, wire("E")] = None


@define
class LastPriceEvent:
    """
    Last price of a contract.

    Attributes:
        symbol: Trading pair with a hyphen.
        price: Price of the last trade.
        event_time: When the exchange sent it.
    """

    symbol: Annotated[str, wire("s")]
    price: Annotated[Decimal, wire("c")]
    event_time: Annotated[datetime | None, wire("E")] = None


@define
class MarkPriceEvent:
    """
    Mark price of a contract.

    Attributes:
        symbol: Trading pair with a hyphen.
        price: The price that profit, loss and liquidation are reckoned with.
        event_time: When the exchange sent it.
    """

    symbol: Annotated[str, wire("s")]
    price: Annotated[Decimal, wire("p")]
    event_time: Annotated[datetime | None, wire("E")] = None


@define
class BookTickerEvent:
    """
    Best bid and best ask of a contract.

    Attributes:
        symbol: Trading pair with a hyphen.
        bid_price: Best bid.
        bid_qty: Quantity at the best bid.
        ask_price: Best ask.
        ask_qty: Quantity at the best ask.
        last_update_id: The exchange's number of the change.
        time: When the matching engine made it.
        event_time: When the exchange sent it.
    """

    # Unlike in the ticker, the small letters are the prices here.
    symbol: Annotated[str, wire("s")]
    bid_price: Annotated[Decimal | None, wire("b")]
    bid_qty: Annotated[Decimal | None, wire("B")]
    ask_price: Annotated[Decimal | None, wire("a")]
    ask_qty: Annotated[Decimal | None, wire("A")]
    last_update_id: Annotated[int | None, wire("u")] = None
    time: Annotated[datetime | None, wire("T")] = None
    event_time: Annotated[datetime | None, wire("E")] = None


class ExecutionType(OpenEnum):
    """What happened to an order."""

    NEW = "NEW"
    TRADE = "TRADE"
    """It was filled, in whole or in part."""
    CANCELLED = "CANCELED"
    EXPIRED = "EXPIRED"
    CALCULATED = "CALCULATED"
    """It closes a position that is liquidated or deleveraged."""


@define
class OrderEvent:
    """
    Something happened to an order of the account.

    Attributes:
        symbol: Trading pair with a hyphen.
        order_id: The exchange's number of the order.
        side: Direction.
        type: Kind of order.
        execution_type: What happened.
        status: Where the order stands now.
        position_side: The side of the position that it changes.
        client_order_id: The caller's own id, in lower case.
        orig_qty: Quantity asked for, in the traded asset.
        price: Limit price.
        stop_price: The price that triggers it.
        avg_price: Mean price of what is filled.
        executed_qty: Quantity filled so far, in the traded asset.
        commission: Fee of the trade; negative where it was paid.
        commission_asset: The currency of the fee.
        realised_profit: Realised profit of the trade, in the margin currency.
        working_type: Which price triggers it.
        stop_guaranteed: Whether a stop is guaranteed to trade at its price.
        trigger_order_id: The order that triggered this one.
        reduce_only: Whether it can only make a position smaller.
        trade_id: The exchange's number of the trade; ``None`` where nothing was traded.
        quote_qty: Value of the trade, in the margin currency.
        time: When it happened.
        last_qty: Quantity of the trade, in the traded asset. The exchange does not send it: it is
            worked out, and ``None`` where it cannot be.
        last_price: Price of the trade, likewise.
        recovered: Whether the stream missed it, so that it was fetched afterwards.
    """

    symbol: Annotated[str, wire("s")]
    order_id: Annotated[int, wire("i")]
    side: Annotated[OrderSide, wire("S")]
    type: Annotated[OrderType, wire("o")]
    execution_type: Annotated[ExecutionType, wire("x")]
    status: Annotated[OrderStatus, wire("X")]
    position_side: Annotated[PositionSide | None, wire("ps")] = None
    client_order_id: Annotated[str | None, wire("c")] = None
    orig_qty: Annotated[Decimal | None, wire("q")] = None
    price: Annotated[Decimal | None, wire("p")] = None
    stop_price: Annotated[Decimal | None, wire("sp")] = None
    avg_price: Annotated[Decimal | None, wire("ap")] = None
    executed_qty: Annotated[Decimal | None, wire("z")] = None
    commission: Annotated[Decimal | None, wire("n")] = None
    commission_asset: Annotated[str | None, wire("N")] = None
    realised_profit: Annotated[Decimal | None, wire("rp")] = None
    working_type: Annotated[WorkingType | None, wire("wt")] = None
    stop_guaranteed: Annotated[bool | None, wire("sg")] = None
    trigger_order_id: Annotated[int | None, wire("ti")] = None
    reduce_only: Annotated[bool | None, wire("ro")] = None
    trade_id: Annotated[int | None, wire("td")] = None
    quote_qty: Annotated[Decimal | None, wire("tv")] = None
    time: Annotated[datetime | None, wire("T")] = None
    last_qty: Decimal | None = None
    last_price: Decimal | None = None
    recovered: bool = False

    @property
    def is_fill(self) -> bool:
        """Whether something was traded."""
        return bool(self.trade_id)


class AccountReason(OpenEnum):
    """Why a balance or a position changed."""

    DEPOSIT = "DEPOSIT"
    WITHDRAW = "WITHDRAW"
    ORDER = "ORDER"
    FUNDING_FEE = "FUNDING_FEE"
    SNAPSHOT = "SNAPSHOT"
    """Nothing did: the exchange tells how things stand."""


@define
class BalanceUpdate:
    """
    What there is of one asset.

    Attributes:
        asset: Such as ``USDT``.
        wallet_balance: The balance, without unrealised profit.
        cross_wallet_balance: The balance less the margins of isolated positions.
        balance_change: By how much it changed, but for trades and fees.
    """

    asset: Annotated[str, wire("a")]
    wallet_balance: Annotated[Decimal, wire("wb")]
    cross_wallet_balance: Annotated[Decimal | None, wire("cw")] = None
    balance_change: Annotated[Decimal | None, wire("bc")] = None


@define
class PositionUpdate:
    """
    How a position stands.

    Attributes:
        symbol: Trading pair with a hyphen.
        position_side: Its side.
        position_amt: Size, in the traded asset; 0 if it was closed.
        avg_price: Mean price at which it was opened.
        unrealized_profit: Profit at the mark price, in the margin currency.
        margin_type: Whether it has a margin of its own.
        isolated_margin: That margin, in the margin currency.
        realised_profit: Profit and fees so far, in the margin currency.
    """

    symbol: Annotated[str, wire("s")]
    position_side: Annotated[PositionSide, wire("ps")]
    position_amt: Annotated[Decimal, wire("pa")]
    avg_price: Annotated[Decimal | None, wire("ep")] = None
    unrealized_profit: Annotated[Decimal | None, wire("up")] = None
    margin_type: Annotated[MarginType | None, wire("mt")] = None
    isolated_margin: Annotated[Decimal | None, wire("iw")] = None
    realised_profit: Annotated[Decimal | None, wire("cr")] = None


@define
class AccountEvent:
    """
    Balances and positions changed.

    Attributes:
        reason: Why.
        balances: The assets concerned.
        positions: The positions concerned.
        event_time: When the exchange sent it.
        recovered: Whether the stream may have missed it, so that it was fetched afterwards.
    """

    reason: Annotated[AccountReason, wire("m")]
    balances: Annotated[list[BalanceUpdate], wire("B")] = Factory(list[BalanceUpdate])
    positions: Annotated[list[PositionUpdate], wire("P")] = Factory(list[PositionUpdate])
    event_time: Annotated[datetime | None, wire("E")] = None
    recovered: bool = False


@define
class LeverageEvent:
    """
    Leverage and margin mode of a contract, as they are set for the account.

    Attributes:
        symbol: Trading pair with a hyphen.
        long_leverage: Leverage of long positions, a multiple.
        short_leverage: Leverage of short positions, a multiple.
        margin_type: The margin mode.
        event_time: When the exchange sent it.
    """

    symbol: Annotated[str, wire("s")]
    long_leverage: Annotated[int | None, wire("l")] = None
    short_leverage: Annotated[int | None, wire("S")] = None
    margin_type: Annotated[MarginType | None, wire("mt")] = None
    event_time: Annotated[datetime | None, wire("E")] = None

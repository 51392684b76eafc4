"""Words that requests and answers of USDT-M perpetual futures are made of."""

from bingx_async.wire import OpenEnum

__all__ = [
    "AutoCloseType",
    "CancelReplaceMode",
    "CancelRestrictions",
    "CountdownAction",
    "CountdownStatus",
    "FillRole",
    "OrderSide",
    "OrderStatus",
    "OrderType",
    "PositionSide",
    "StopGuaranteed",
    "TimeInForce",
    "TradingUnit",
    "WorkingType",
]


class PositionSide(OpenEnum):
    """Side of a position."""

    LONG = "LONG"
    SHORT = "SHORT"
    BOTH = "BOTH"
    """The one net position of one-way mode."""


class OrderSide(OpenEnum):
    """Direction of an order."""

    BUY = "BUY"
    SELL = "SELL"


class OrderType(OpenEnum):
    """Kind of an order."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"
    STOP_MARKET = "STOP_MARKET"
    """Stop loss at the market, once the stop price is reached."""
    TAKE_PROFIT_MARKET = "TAKE_PROFIT_MARKET"
    """Take profit at the market, once the stop price is reached."""
    STOP = "STOP"
    """Stop loss with a limit price, once the stop price is reached."""
    TAKE_PROFIT = "TAKE_PROFIT"
    """Take profit with a limit price, once the stop price is reached."""
    TRIGGER_LIMIT = "TRIGGER_LIMIT"
    """Limit order that is placed once the stop price is reached."""
    TRIGGER_MARKET = "TRIGGER_MARKET"
    """Market order that is placed once the stop price is reached."""
    TRAILING_STOP_MARKET = "TRAILING_STOP_MARKET"
    """Market order once the price has turned by a distance or a rate."""
    TRAILING_TP_SL = "TRAILING_TP_SL"
    """Trailing take profit or stop loss."""


class OrderStatus(OpenEnum):
    """Where an order stands."""

    NEW = "NEW"
    PENDING = "PENDING"
    """Rests in the book, or waits for its trigger."""
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"

    @property
    def is_final(self) -> bool:
        """Whether the order cannot change any more."""
        return self in _FINAL


_FINAL = frozenset(
    {OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.FAILED, OrderStatus.EXPIRED}
)


class TimeInForce(OpenEnum):
    """How long an order stands."""

    GTC = "GTC"
    """Good till cancelled."""
    IOC = "IOC"
    """What does not trade at once is cancelled."""
    FOK = "FOK"
    """All of it trades at once, or none."""
    POST_ONLY = "PostOnly"
    """Cancelled if any of it would trade at once."""


class WorkingType(OpenEnum):
    """Which price triggers an order."""

    MARK_PRICE = "MARK_PRICE"
    CONTRACT_PRICE = "CONTRACT_PRICE"
    """The price of the last trade."""
    INDEX_PRICE = "INDEX_PRICE"


class StopGuaranteed(OpenEnum):
    """Whether a stop is guaranteed to trade at its price."""

    TRUE = "true"
    FALSE = "false"
    CUT_FEE = "cutfee"
    """Guaranteed, with the fee reduction of VIP accounts."""


class CancelReplaceMode(OpenEnum):
    """What becomes of the new order if the old one cannot be cancelled."""

    STOP_ON_FAILURE = "STOP_ON_FAILURE"
    """It is not placed."""
    ALLOW_FAILURE = "ALLOW_FAILURE"
    """It is placed all the same."""


class CancelRestrictions(OpenEnum):
    """Where an order must stand to be cancelled and replaced."""

    ONLY_NEW = "ONLY_NEW"
    ONLY_PENDING = "ONLY_PENDING"
    ONLY_PARTIALLY_FILLED = "ONLY_PARTIALLY_FILLED"


class CountdownAction(OpenEnum):
    """What to do with the countdown that ends in the cancelling of all orders."""

    ACTIVATE = "ACTIVATE"
    """Start it, or start it anew."""
    CLOSE = "CLOSE"
    """Stop it."""


class CountdownStatus(OpenEnum):
    """Where the countdown stands that ends in the cancelling of all orders."""

    ACTIVATED = "ACTIVATED"
    CLOSED = "CLOSED"
    FAILED = "FAILED"


class TradingUnit(OpenEnum):
    """What quantities are counted in."""

    COIN = "COIN"
    """The traded asset."""
    CONT = "CONT"
    """Contracts."""


class AutoCloseType(OpenEnum):
    """Why the exchange closed a position."""

    LIQUIDATION = "LIQUIDATION"
    ADL = "ADL"
    """Auto-deleveraging: it was the counterparty of a liquidation."""


class FillRole(OpenEnum):
    """Which side of a trade an order was."""

    MAKER = "maker"
    """It rested in the book."""
    TAKER = "taker"
    """It met an order that rested."""

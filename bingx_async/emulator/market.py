"""
The market of the emulated exchange: prices and liquidity, as functions of time.

All of it follows from the seed, and is known at every moment of past and future, so that klines of
last year need no recording. A test pins a price, and lets it go again; what was before stays what
it was. Within a tick, which is a second, everything stands still.

- The best bid lies one step below the price, the best ask one step above. While the price is
  pinned, every tick has the same book, so that a test knows what its orders will get.
- There is one trade a second. Trades and volumes are the market's own: orders of accounts trade
  against its liquidity, but neither show among them nor move a price.
- Index and mark price lie off the price by a premium that changes at the funding times, and that
  the funding rate follows. All three are the same while the price is pinned.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple, Self

from attrs import define, field, frozen

from bingx_async.emulator.listings import LAUNCH, LISTED, Listing, listing
from bingx_async.emulator.path import Path, Span, draw
from bingx_async.swap.models.market import Contract, Level, Trade

__all__ = ["FUNDING", "LAUNCH", "LISTED", "TICK", "Candle", "Listing", "Market", "listing"]

TICK: Final = timedelta(seconds=1)
"""How long everything stands still."""

FUNDING: Final = timedelta(hours=8)
"""From one funding time to the next; the first one of a day is at midnight UTC."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PERIOD: Final = FUNDING // TICK
_LAUNCH: Final = (LAUNCH - _EPOCH) // TICK
_MILLION: Final = 1_000_000

_TURNOVER: Final = 1_000_000_000
"""What a contract trades in a day on average, in USDT."""
_OFFERED: Final = 40_000
"""What a level of the book holds on average, in USDT."""
_PREMIUM: Final = 300
"""How far the index may lie off the price, in millionths."""
_RATE: Final = 100
"""The funding rate without a premium, in millionths."""

# How much of the premium a price is off the last trade's, in halves.
_LAST, _MARK, _INDEX = range(3)


@frozen
class Candle:
    """
    What happened from one moment to another.

    The close is the price at the end, which is the open of what follows; high and low reach it.
    """

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


class _Stretch(NamedTuple):
    """
    A stretch of time, up to the next one, in which the price is pinned or follows its path.

    Attributes:
        since: Its first second.
        pin: The price in steps; ``None`` where the path is followed.
        times: The path is multiplied by this, so that it goes on from where the price was,
        over: and divided by this.
    """

    since: int
    pin: int | None = None
    times: int = 1
    over: int = 1

    def price(self, on_path: int) -> int:
        """Turn a price of the path into one of this stretch; greater ones stay greater."""
        return self.pin or max(1, on_path * self.times // self.over)


@define
class _Quoted:
    """The prices of one contract and the usual size of a level, in steps; seconds since 1970."""

    key: str
    path: Path
    size: int
    stretches: list[_Stretch] = field(factory=lambda: [_Stretch(0)])

    def premium(self, period: int) -> int:
        """Tell how far the index lies below the price, in millionths of it."""
        (drawn,) = draw(f"{self.key}/premium/{period}", 1)
        return drawn % (2 * _PREMIUM + 1) - _PREMIUM

    def price(self, kind: int, second: int) -> int:
        found = self.stretches[self._number(second)]
        return self._of(kind, found, second, self.path.price(second))

    def book(self, second: int) -> str:
        """Tell what the book of a second is drawn from; while the price is pinned it stays."""
        pin = self.stretches[self._number(second)].pin
        return f"{self.key}/book/{second}" if pin is None else f"{self.key}/pinned/{pin}"

    def span(self, kind: int, first: int, last: int) -> Span:
        """Tell what happens from one second to another."""
        high, low, volume = 0, 0, 0
        while first <= last:
            number, end = self._number(first), last
            found = self.stretches[number]
            if number + 1 < len(self.stretches):
                end = min(end, self.stretches[number + 1].since - 1)
            if kind:  # the premium stays as it is up to the next funding time
                end = min(end, (first // _PERIOD + 1) * _PERIOD - 1)
            on_path = self.path.span(first, end)
            high = max(high, self._of(kind, found, first, on_path.high))
            lowest = self._of(kind, found, first, on_path.low)
            low = min(low, lowest) if low else lowest
            volume += on_path.volume
            if end < last:
                volume += self.path.volume(end)
            first = end + 1
        return Span(high, low, volume)

    def _number(self, second: int) -> int:
        return max(1, bisect_right(self.stretches, second, key=lambda it: it.since)) - 1

    def _of(self, kind: int, stretch: _Stretch, second: int, on_path: int) -> int:
        price = stretch.price(on_path)
        if not kind or stretch.pin is not None:
            return price
        off = kind * self.premium(second // _PERIOD)
        return max(1, price * (2 * _MILLION - off) // (2 * _MILLION))


class Market:
    """
    The market.

    Args:
        seed: What all prices follow from.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._quoted = {symbol: _quoted(seed, found) for symbol, found in LISTED.items()}

    @property
    def tick(self) -> timedelta:
        """How long everything stands still."""
        return TICK

    def contract(self, symbol: str) -> Contract:
        """
        Find a contract.

        Raises:
            InvalidRequest: There is none of this symbol.
        """
        return listing(symbol).contract

    def contracts(self) -> list[Contract]:
        """List all contracts."""
        return [found.contract for found in LISTED.values()]

    # --- what a test changes ----------------------------------------------------------------

    def set_price(self, symbol: str, price: Decimal | int | str, at: datetime) -> None:
        """
        Pin a price: it stands still from then on, and mark and index price with it.

        Args:
            symbol: Trading pair with a hyphen.
            price: The price; it must fit the contract's step.
            at: From when on; from the first tick that is not before it.

        Raises:
            InvalidRequest: There is no such pair.
            ValueError: The price is not positive, does not fit, or was set for later already.
        """
        contract, price = self.contract(symbol), Decimal(price)
        steps = price.scaleb(contract.price_precision)
        if steps <= 0 or steps != int(steps):
            raise ValueError(
                f"a price of {symbol} is positive and has at most {contract.price_precision}"
                f" decimal places, not {price}"
            )
        self._begin(symbol, _Stretch(_first_tick(at), int(steps)))

    def release_price(self, symbol: str, at: datetime) -> None:
        """
        Let a pinned price follow its path again, from where it is.

        Args:
            symbol: Trading pair with a hyphen; nothing happens if its price is not pinned.
            at: From when on; from the first tick that is not before it.

        Raises:
            InvalidRequest: There is no such pair.
            ValueError: The price was set for later already.
        """
        self.contract(symbol)
        quoted, second = self._quoted[symbol], _first_tick(at)
        if (pin := quoted.stretches[-1].pin) is not None:
            released = _Stretch(second, None, pin, quoted.path.price(second))
            self._begin(symbol, released)

    def _begin(self, symbol: str, stretch: _Stretch) -> None:
        stretches = self._quoted[symbol].stretches
        if stretch.since < stretches[-1].since:
            raise ValueError(f"the price of {symbol} was set for later already")
        if stretch.since == stretches[-1].since:
            stretches.pop()
        stretches.append(stretch)

    # --- prices -----------------------------------------------------------------------------

    def price(self, symbol: str, at: datetime) -> Decimal:
        """Tell the price of the last trade."""
        return self._price(_LAST, symbol, at)

    def mark_price(self, symbol: str, at: datetime) -> Decimal:
        """Tell the mark price."""
        return self._price(_MARK, symbol, at)

    def index_price(self, symbol: str, at: datetime) -> Decimal:
        """Tell the index price."""
        return self._price(_INDEX, symbol, at)

    def candle(
        self, symbol: str, start: datetime, end: datetime, *, is_mark: bool = False
    ) -> Candle:
        """
        Tell what happened from one moment to a later one.

        Args:
            symbol: Trading pair with a hyphen.
            start: From when, in whole ticks.
            end: Until when, in whole ticks.
            is_mark: Whether the mark price is asked for; it has no volume of its own.
        """
        contract = self.contract(symbol)
        quoted, kind = self._quoted[symbol], _MARK if is_mark else _LAST
        first, last = _tick(start), _tick(end)
        span = quoted.span(kind, first, last)
        return Candle(
            open=_price(contract, quoted.price(kind, first)),
            high=_price(contract, span.high),
            low=_price(contract, span.low),
            close=_price(contract, quoted.price(kind, last)),
            volume=_quantity(contract, span.volume),
        )

    def funding_rate(self, symbol: str, at: datetime) -> Decimal:
        """Tell the rate that is charged at the first funding time that is not before a moment."""
        self.contract(symbol)
        period = -(-_tick(at) // _PERIOD) - 1
        return Decimal(_RATE + self._quoted[symbol].premium(period)).scaleb(-6)

    def funding_times(self, after: datetime, until: datetime) -> list[datetime]:
        """List the funding times in ``(after, until]``."""
        first = (after - _EPOCH) // FUNDING + 1
        return [_EPOCH + n * FUNDING for n in range(first, (until - _EPOCH) // FUNDING + 1)]

    # --- liquidity and trades ---------------------------------------------------------------

    def levels(self, symbol: str, at: datetime, depth: int) -> tuple[list[Level], list[Level]]:
        """List the bids and the asks of a tick, best first."""
        contract, quoted, second = self.contract(symbol), self._quoted[symbol], _tick(at)
        bid = ask = quoted.price(_LAST, second)
        widest = max(3, bid // 20_000)
        draws = draw(quoted.book(second), 4 * depth)
        bids, asks = list[Level](), list[Level]()
        for n in range(0, 4 * depth, 4):
            down, bid_size, up, ask_size = draws[n : n + 4]
            bid -= 1 + down % widest if n else 1
            ask += 1 + up % widest if n else 1
            if bid > 0:
                bids.append(_level(contract, bid, quoted.size * (1 + bid_size % 1000) // 500))
            asks.append(_level(contract, ask, quoted.size * (1 + ask_size % 1000) // 500))
        return bids, asks

    def trades(self, symbol: str, first: int, limit: int, at: datetime) -> list[Trade]:
        """
        List trades by their numbers, oldest first.

        Args:
            symbol: Trading pair with a hyphen.
            first: The number of the first one.
            limit: How many, at most.
            at: What is later has not happened yet.
        """
        contract, quoted = self.contract(symbol), self._quoted[symbol]
        found: list[Trade] = []
        for number in range(max(0, first), min(first + limit, self.last_trade(at) + 1)):
            second = _LAUNCH + number
            price = _price(contract, quoted.price(_LAST, second))
            qty = _quantity(contract, quoted.path.volume(second))
            (drawn,) = draw(f"{self._seed}/{symbol}/trade/{number}", 1)
            time = _EPOCH + second * TICK
            found.append(Trade(time, drawn % 2 == 0, price, qty, price * qty, str(number)))
        return found

    def last_trade(self, at: datetime) -> int:
        """Tell the number of the last trade: the seconds since the contracts were listed."""
        return _tick(at) - _LAUNCH

    def open_interest(self, symbol: str, at: datetime) -> Decimal:
        """Tell how much is open, in the traded asset."""
        contract = self.contract(symbol)
        (drawn,) = draw(f"{self._seed}/{symbol}/open/{_tick(at) // 3600}", 1)
        return _quantity(contract, _steps(contract, _TURNOVER * (900 + drawn % 201) // 3000))

    # --- a later run ------------------------------------------------------------------------

    def save(self) -> dict[str, Any]:
        """Write down the seed and what was changed, in types of JSON."""
        changed = {
            symbol: [list(stretch) for stretch in quoted.stretches]
            for symbol, quoted in self._quoted.items()
            if len(quoted.stretches) > 1
        }
        return {"seed": self._seed, "changed": changed}

    @classmethod
    def load(cls, saved: Mapping[str, Any]) -> Self:
        """Make the market that :meth:`save` wrote down."""
        market = cls(saved["seed"])
        for symbol, stretches in saved["changed"].items():
            market._quoted[symbol].stretches = [_Stretch(*stretch) for stretch in stretches]
        return market

    def _price(self, kind: int, symbol: str, at: datetime) -> Decimal:
        contract = self.contract(symbol)
        return _price(contract, self._quoted[symbol].price(kind, _tick(at)))


def _quoted(seed: int, found: Listing) -> _Quoted:
    key = f"{seed}/{found.contract.symbol}"
    level = int(found.price.scaleb(found.contract.price_precision))
    path = Path(key, level, _steps(found.contract, _TURNOVER))
    return _Quoted(key, path, _steps(found.contract, _OFFERED))


def _tick(at: datetime) -> int:
    return (at - _EPOCH) // TICK


def _first_tick(at: datetime) -> int:
    return -((_EPOCH - at) // TICK)


def _price(contract: Contract, steps: int) -> Decimal:
    return Decimal(steps).scaleb(-contract.price_precision)


def _quantity(contract: Contract, steps: int) -> Decimal:
    return Decimal(steps).scaleb(-contract.quantity_precision)


def _level(contract: Contract, price: int, quantity: int) -> Level:
    return Level(_price(contract, price), _quantity(contract, max(1, quantity)))


def _steps(contract: Contract, value: int) -> int:
    """Tell how many steps of quantity are worth an amount of USDT, at the price when listed."""
    price = LISTED[contract.symbol].price
    return max(1, int((value / price).scaleb(contract.quantity_precision)))

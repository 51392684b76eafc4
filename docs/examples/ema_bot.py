"""
A bot that trades the crossing of two moving averages.

.. code-block:: console

    $ python docs/examples/ema_bot.py --environment emulator --symbol BTC-USDT --interval 1m

It opens a position when the fast average of the closing prices crosses the slow one, with a stop
loss and a take profit that the exchange looks after, and closes it when the averages stand the
other way round. It keeps no state: whatever it has to know it reads from the exchange, every time,
so it may be stopped, killed and started again at any moment.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import math
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from attrs import frozen

from bingx_async import (
    BingX,
    BingXError,
    DecodeError,
    InvalidRequest,
    PositionSide,
    QuotaTimeout,
    RateLimited,
    Rejected,
    TransportError,
    Unavailable,
)
from bingx_async.emulator import Emulator
from bingx_async.swap import (
    AttachedOrder,
    Interval,
    Kline,
    NewOrder,
    OrderSide,
    OrderType,
    Position,
)

log = logging.getLogger("ema_bot")

LONG, SHORT, BOTH = PositionSide.LONG, PositionSide.SHORT, PositionSide.BOTH
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
DAY: Final = timedelta(days=1)
DURATIONS: Final = {it: it.duration for it in Interval if it.duration and it.duration <= DAY}
SETTLED: Final = timedelta(seconds=1)  # so long after its end a candle is taken for final
MARGIN: Final = timedelta(seconds=0.25)  # so much later it is looked at, should a clock be off
MOST_CANDLES: Final = 1440
AGAIN: Final = 5.0  # seconds until the next look after an error
MAX_WAIT: Final = 10.0  # seconds that a call may wait for its quota, or for the network
SHOWN: Final = 0.2  # seconds that a candle takes on an emulator of our own

Pause = Callable[[float], Awaitable[None]]
"""Waits for so many seconds, or until the bot is told to stop."""


@frozen
class Settings:
    """What the bot trades, and how."""

    symbol: str = "BTC-USDT"  # nobody else trades it on the same account
    interval: Interval = Interval.MINUTE_1
    fast: int = 9  # candles
    slow: int = 21
    stake: Decimal = Decimal(100)  # value of a position, in USDT
    stop_loss: Decimal = Decimal("0.01")  # fraction of the price
    take_profit: Decimal = Decimal("0.02")
    name: str = "ema"  # what the ids of the orders begin with
    dry_run: bool = False

    def __attrs_post_init__(self) -> None:
        if self.interval not in DURATIONS:
            raise ValueError(f"interval must be one of {', '.join(DURATIONS)}")
        if not 0 < self.fast < self.slow < MOST_CANDLES:
            raise ValueError(f"the averages must have 0 < fast < slow < {MOST_CANDLES} candles")
        if self.stake <= 0 or not 0 < self.stop_loss < 1 or not 0 < self.take_profit < 1:
            raise ValueError("stake must be above 0, stop loss and take profit from 0 to 1")

    @property
    def duration(self) -> timedelta:
        """The time that one candle spans."""
        return DURATIONS[self.interval]


class Signal(NamedTuple):
    """On which side the averages stand, if they differ, and whether they have just crossed."""

    trend: PositionSide | None
    is_new: bool


def ema(prices: Sequence[Decimal], period: int) -> list[Decimal]:
    """Average prices exponentially, from the mean of the first ``period`` of them on."""
    weight = Decimal(2) / (period + 1)
    averages = [sum(prices[:period], Decimal()) / period]
    for price in prices[period:]:
        averages.append(averages[-1] + weight * (price - averages[-1]))
    return averages


def read_signal(closes: Sequence[Decimal], fast: int, slow: int) -> Signal:
    """Compare the averages at the last candle and at the one before; it takes ``slow + 1``."""
    pairs = zip(ema(closes, fast)[-2:], ema(closes, slow)[-2:], strict=True)
    before, now = (quick - calm for quick, calm in pairs)
    if now > 0:
        return Signal(LONG, is_new=before <= 0)
    if now < 0:
        return Signal(SHORT, is_new=before >= 0)
    return Signal(None, is_new=False)


def again_in(error: BingXError, now: datetime) -> float:
    """
    Tell in how many seconds to look again after an error; never before the next candle if infinite.

    Raises:
        BingXError: The error itself, if nothing gets better without somebody's help: the key or
            the settings are wrong.
    """
    match error:
        case QuotaTimeout():
            return max(error.wait, AGAIN)
        case RateLimited() if error.retry_at is not None:
            return max((error.retry_at - now).total_seconds(), AGAIN)
        case RateLimited() | TransportError() | Unavailable() | DecodeError():
            # An order may have been placed all the same. The next look makes the same one with the
            # same id, as long as the candle is the last one; after that nobody wants it any more.
            return AGAIN
        case Rejected():
            return math.inf
        case _:
            raise error


class Bot:
    """Looks at each candle once it is final, and acts on it."""

    def __init__(self, bingx: BingX, settings: Settings, pause: Pause) -> None:
        self._bingx = bingx
        self._swap = bingx.swap
        self._settings = settings
        self._pause = pause

    async def run(self, stop: asyncio.Event) -> None:
        """Go on until told to stop; a look that has begun is finished."""
        while not stop.is_set():
            await self._pause(await self.turn())
        log.info("stopped: what is open stays open, with its stop loss and its take profit")

    async def turn(self) -> float:
        """Look once, and return in how many seconds to look again."""
        seconds = math.inf
        try:
            await self._bingx.measure_clock()
            await self.look()
        except BingXError as exc:
            seconds = again_in(exc, self._now())
            log.warning("%s", exc)
        return min(seconds, self._until_next_candle())

    async def look(self) -> None:
        """Read the candles and the positions, and do what they ask for."""
        of, candles = self._settings, await self._final_candles()
        if len(candles) <= of.slow:
            log.info("%d candles are too few for an average of %d", len(candles), of.slow)
            return
        candle = candles[-1]
        trend, is_new = read_signal([it.close for it in candles], of.fast, of.slow)
        is_late = self._now() - SETTLED - candle.time >= 2 * of.duration  # the next one is missing
        held = await self._swap.positions(of.symbol)
        log.info(
            "%s closed at %s: trend %s%s, holding %s",
            of.symbol,
            candle.close,
            trend or "none",
            " (late)" if is_late else " (new)" if is_new else "",
            " and ".join(map(describe, held)) or "nothing",
        )
        for position in held:
            if trend is not None and trend != side_of(position):
                await self._close(position)
        if trend is not None and is_new and not is_late and trend not in map(side_of, held):
            await self._open(trend, candle)

    async def _final_candles(self) -> list[Kline]:
        """List the candles that are final, oldest first; the exchange sends the running one too."""
        of = self._settings
        count = min(10 * of.slow, MOST_CANDLES)  # what is older would hardly count any more
        latest = self._now() - SETTLED - of.duration
        candles = await self._swap.klines(of.symbol, of.interval, limit=count)
        return sorted((it for it in candles if it.time <= latest), key=lambda it: it.time)

    async def _close(self, position: Position) -> None:
        """Close a position at the market."""
        log.info("closing %s", describe(position))
        if not self._settings.dry_run:
            # No other position will have its number, so a second request would close nothing else.
            await self._swap.close_position(position.position_id)

    async def _open(self, side: PositionSide, candle: Kline) -> None:
        """Open a position at the market, once for a candle."""
        order = await self._order(side, candle)
        log.info("%s %s %s, id %s", order.side, order.quantity, order.symbol, order.client_order_id)
        if not self._settings.dry_run:
            await self._swap.place_order_once(order, patience=MAX_WAIT)

    async def _order(self, side: PositionSide, candle: Kline) -> NewOrder:
        """Make an order of the candle and the settings alone, so that it can be made again."""
        of, price = self._settings, candle.close
        rules = await self._swap.rules(of.symbol)
        is_hedge_mode = (await self._swap.position_mode()).dual_side_position
        sign = 1 if side == LONG else -1
        stop_loss = rules.round_price(price * (1 - sign * of.stop_loss))
        take_profit = rules.round_price(price * (1 + sign * of.take_profit))
        order = NewOrder(
            symbol=of.symbol,
            side=OrderSide.BUY if side == LONG else OrderSide.SELL,
            type=OrderType.MARKET,
            position_side=side if is_hedge_mode else BOTH,
            quantity=rules.round_quantity(of.stake / price),
            stop_loss=AttachedOrder(OrderType.STOP_MARKET, stop_loss),
            take_profit=AttachedOrder(OrderType.TAKE_PROFIT_MARKET, take_profit),
            client_order_id=f"{of.name}-{of.symbol}-{candle.time + of.duration:%y%m%d%H%M}".lower(),
        )
        if problems := rules.problems(order, price=price):
            raise InvalidRequest("; ".join(problems))
        return order

    def _now(self) -> datetime:
        """Read the exchange's clock."""
        return EPOCH + timedelta(milliseconds=self._bingx.clock.now())

    def _until_next_candle(self) -> float:
        """Tell for how many seconds the last final candle stays the last one."""
        duration = self._settings.duration
        left = duration - (self._now() - SETTLED - EPOCH) % duration
        return (left + MARGIN).total_seconds()


def side_of(position: Position) -> PositionSide:
    """Tell whether a position is long or short, in hedge mode and in one-way mode."""
    return SHORT if position.position_side == SHORT or position.position_amt < 0 else LONG


def describe(position: Position) -> str:
    """Write a position in words."""
    return f"{side_of(position)} {abs(position.position_amt)} from {position.avg_price}"


async def trade(environment: str, url: str | None, settings: Settings) -> None:
    """Run the bot until Ctrl-C or SIGTERM."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def end(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_DFL)  # a second one ends the process at once
        loop.call_soon_threadsafe(stop.set)

    async def pause(seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    if environment == "emulator" and url is None:
        async with Emulator() as exchange:

            async def let_pass(seconds: float) -> None:
                await pause(SHOWN)
                exchange.pass_time(seconds)

            await Bot(exchange.client("alice"), settings, let_pass).run(stop)
    else:
        where = {"base_url": url} if url else {"environment": environment}
        async with BingX.from_env(**where, max_wait=MAX_WAIT) as bingx:
            await Bot(bingx, settings, pause).run(stop)


def number(text: str) -> Decimal:
    """Read a number from the command line, with every digit."""
    try:
        return Decimal(text)
    except ArithmeticError:
        raise ValueError(text) from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0 after Ctrl-C and SIGTERM, and 1 if it needs your help."""
    usual = Settings()
    parser = argparse.ArgumentParser(
        description="Trade the crossing of two moving averages.",
        epilog="The key is read from BINGX_API_KEY and BINGX_SECRET_KEY.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--environment", choices=["emulator", "vst", "live"], default="emulator", help="where")
    add("--url", help="another exchange, such as an emulator that runs already")
    add("--symbol", default=usual.symbol, help="trading pair")
    add("--interval", type=Interval, default=usual.interval, help="time that a candle spans")
    add("--fast", type=int, default=usual.fast, help="candles of the fast average")
    add("--slow", type=int, default=usual.slow, help="candles of the slow average")
    add("--stake", type=number, default=usual.stake, help="value of a position, in USDT")
    add("--stop-loss", type=number, default=usual.stop_loss, help="fraction of the price")
    add("--take-profit", type=number, default=usual.take_profit, help="fraction of the price")
    add("--name", default=usual.name, help="what the ids of the orders begin with")
    add("--dry-run", action="store_true", help="log what would be done, and do nothing")
    given = vars(parser.parse_args(arguments))
    environment, url = given.pop("environment"), given.pop("url")
    try:
        settings = Settings(**given)
    except ValueError as exc:
        parser.error(str(exc))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("bingx_async").setLevel(logging.WARNING)
    try:
        asyncio.run(trade(environment, url, settings))
    except (BingXError, ValueError) as exc:
        log.critical("%s", exc)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Facts about the bot of the documentation, which trades against the emulator here."""

import asyncio
import importlib.util
import os
import signal
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import inf
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bingx_async import (
    AuthError,
    DecodeError,
    InvalidRequest,
    NotSent,
    OutcomeUnknown,
    PositionSide,
    QuotaTimeout,
    RateLimited,
    Rejected,
    Unavailable,
)
from bingx_async.emulator import Emulator, Faults
from bingx_async.swap import OrderType

PROGRAM = Path(__file__).parents[1] / "docs" / "examples" / "ema_bot.py"

spec: Any = importlib.util.spec_from_file_location("ema_bot", PROGRAM)
ema_bot: Any = importlib.util.module_from_spec(spec)
spec.loader.exec_module(ema_bot)

BTC = "BTC-USDT"
LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FLAT, UP, DOWN = 50_000, 50_100, 49_900


@pytest.fixture
async def exchange():
    """An exchange where the price has stood still for weeks."""
    async with Emulator(time=NOON + timedelta(seconds=2)) as running:
        running.market.set_price(BTC, FLAT, NOON - timedelta(days=30))
        yield running


async def play(exchange, *closes, client=None, bot=ema_bot.Bot, **settings):
    """Run a new bot through candles that close like this; one given as a tuple moves within."""
    stop, coming = asyncio.Event(), iter(closes)

    async def pause(seconds):
        if (prices := next(coming, None)) is None:
            stop.set()
            return
        for price in prices if isinstance(prices, tuple) else (prices,):
            exchange.set_price(BTC, price)
        exchange.pass_time(seconds)

    client = client or exchange.client("alice")
    await bot(client, ema_bot.Settings(**settings), pause).run(stop)
    return exchange.account("alice")


def sides(account):
    return [position.position_side for position in account.positions]


def market_orders(account):
    return [order for order in account.orders if order.type == OrderType.MARKET]


# The strategy


def test_an_average_starts_as_a_mean_and_follows_the_price():
    """Of three prices, the weight of a new one is a half."""
    prices = [Decimal(price) for price in (1, 2, 3, 6, 4)]
    assert ema_bot.ema(prices, 3) == [2, 4, 4]
    assert ema_bot.ema([Decimal("0.1")] * 50, 9) == [Decimal("0.1")] * 42


@pytest.mark.parametrize(
    ("last", "trend", "is_new"),
    [
        ([FLAT], None, False),
        ([UP], LONG, True),
        ([UP, UP], LONG, False),
        ([DOWN], SHORT, True),
        ([DOWN, DOWN], SHORT, False),
        ([UP, DOWN], SHORT, True),
        ([DOWN, UP], LONG, True),
    ],
)
def test_a_crossing_is_new_for_one_candle(last, trend, is_new):
    """The trend stays, and what crossed before is no news."""
    closes = [Decimal(close) for close in [FLAT] * 30 + last]
    assert ema_bot.read_signal(closes, 9, 21) == (trend, is_new)


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (QuotaTimeout(endpoint=None, wait=42.0, max_wait=10.0, bucket="it"), 42),
        (QuotaTimeout(endpoint=None, wait=0.1, max_wait=0.0, bucket="it"), 5),
        (RateLimited(f"unblocked after {round(NOON.timestamp() * 1000) + 90_000}"), 90),
        (RateLimited("no time named"), 5),
        (OutcomeUnknown("lost"), 5),
        (NotSent("no network"), 5),
        (DecodeError("not JSON"), 5),
        (Unavailable("busy"), 5),
        (Rejected("no margin"), inf),
    ],
)
def test_there_is_a_reaction_to_each_class_of_errors(error, seconds):
    """What passes by itself is waited for."""
    assert ema_bot.again_in(error, NOON) == seconds


@pytest.mark.parametrize("error", [AuthError("wrong key"), InvalidRequest("no such pair")])
def test_what_does_not_pass_by_itself_ends_the_bot(error):
    """Nobody gains by repeating it."""
    with pytest.raises(type(error)):
        ema_bot.again_in(error, NOON)


@pytest.mark.parametrize(
    "wrong", [{"fast": 21}, {"fast": 0}, {"slow": 1440}, {"stake": 0}, {"stop_loss": 1}]
)
def test_settings_that_make_no_sense_are_refused(wrong):
    """Before anything is traded by them."""
    with pytest.raises(ValueError, match="must"):
        ema_bot.Settings(**wrong)


# Trading


async def test_goes_long_when_the_averages_cross_upwards(exchange):
    """With a stop loss below and a take profit above, which wait on the exchange."""
    alice = await play(exchange, UP, UP)
    (order,), (position,) = market_orders(alice), alice.positions
    assert position.position_side == LONG
    assert position.position_amt == Decimal("0.0019")
    assert order.client_order_id == "ema-btc-usdt-2601011201"
    stops = {order.type: order.stop_price for order in alice.open_orders}
    assert stops == {OrderType.STOP_MARKET: 49_599, OrderType.TAKE_PROFIT_MARKET: 51_102}


@pytest.mark.parametrize("is_hedge", [True, False])
async def test_turns_round_when_they_cross_downwards(exchange, is_hedge):
    """In hedge mode and in one-way mode."""
    exchange.account("alice").dual_side_position = is_hedge
    alice = await play(exchange, UP, DOWN)
    assert [position.position_side for position in alice.closed_positions] == [LONG]
    assert sides(alice) == [SHORT]
    stops = {order.type: order.stop_price for order in alice.open_orders}
    assert stops == {OrderType.STOP_MARKET: 50_399, OrderType.TAKE_PROFIT_MARKET: 48_902}


async def test_looks_at_closed_candles_only(exchange):
    """A price that is taken back before the end of its candle is no signal."""
    alice = await play(exchange, FLAT, (UP, FLAT), FLAT)
    assert not alice.orders


async def test_a_crossing_that_the_exchange_shows_late_opens_nothing(exchange):
    """It is a candle behind, and the price may be anywhere by now."""

    class Behind(ema_bot.Bot):
        async def _final_candles(self):
            return (await super()._final_candles())[:-1]

    alice = await play(exchange, UP, UP, bot=Behind)
    assert not alice.orders


async def test_stays_out_after_its_stop_was_hit(exchange):
    """Until the averages cross again."""
    alice = await play(exchange, UP, (49_000, 50_200), 50_200)
    assert len(alice.closed_positions) == 1
    assert not alice.positions
    assert not alice.open_orders
    await play(exchange, DOWN - 300)
    assert sides(alice) == [SHORT]


async def test_a_crossing_that_was_missed_closes_and_opens_nothing(exchange):
    """The bot was off; it comes back to a position on the wrong side."""
    alice = await play(exchange, UP)
    exchange.set_price(BTC, DOWN)
    exchange.pass_time(180)
    assert sides(alice) == [LONG]
    await play(exchange, DOWN)
    assert not alice.positions
    assert len(market_orders(alice)) == 2


async def test_a_dry_run_changes_nothing(exchange):
    """It says what it would do."""
    alice = await play(exchange, UP, DOWN, dry_run=True)
    assert not alice.orders


async def test_a_key_that_must_not_trade_ends_it(exchange):
    """It cannot help itself."""
    key = exchange.account("alice").add_key(["read"])
    client = exchange.client("alice", api_key=key.api_key, secret_key=key.secret_key)
    with pytest.raises(AuthError):
        await play(exchange, UP, client=client)


async def test_a_stake_that_is_too_small_ends_it(exchange):
    """The contract's rules are known, so the exchange need not be asked."""
    with pytest.raises(InvalidRequest, match="below the minimum"):
        await play(exchange, UP, stake=Decimal(1))
    assert not any(arrival.endpoint == "swap.place_order" for arrival in exchange.ledger)


# Once


async def test_a_new_start_within_a_candle_repeats_nothing(exchange):
    """Neither while the position is there, nor after somebody has closed it."""
    alice = await play(exchange, UP)
    (order,) = market_orders(alice)
    await play(exchange)
    assert market_orders(alice) == [order]
    await exchange.client("alice").swap.close_all_positions(BTC)
    await play(exchange)
    assert len(market_orders(alice)) == 2
    assert not alice.positions


class Weather:
    """Lets the first request of a kind meet a fault, and all others none."""

    def __init__(self, exchange, path, *, is_deadly=False, **faults) -> None:
        self.exchange, self.path, self.faults = exchange, path, Faults(**faults)
        self.is_deadly = is_deadly
        self.struck = 0

    async def sent(self, _session, _context, request):
        strikes = not self.struck and request.method == "POST" and request.url.path == self.path
        self.struck += strikes
        self.exchange.faults = self.faults if strikes else Faults()

    async def failed(self, *_):
        if self.is_deadly:
            asyncio.current_task().cancel()

    def session(self):
        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(self.sent)
        trace.on_request_exception.append(self.failed)
        return aiohttp.ClientSession(trace_configs=[trace])


ORDER = "/openApi/swap/v2/trade/order"
CLOSE = "/openApi/swap/v1/trade/closePosition"


@pytest.mark.parametrize("path", [ORDER, CLOSE])
@pytest.mark.parametrize("fault", ["dropped_before", "dropped_after", "failed", "truncated"])
async def test_a_fault_doubles_nothing_and_loses_nothing(exchange, path, fault):
    """Whether the order, or the closing, was carried out before the answer was lost, or not."""
    weather = Weather(exchange, path, **{fault: 1.0})
    async with weather.session() as session:
        client = exchange.client("alice", session=session)
        # The look that failed is made up for within the candle, so there is a pause more.
        alice = await play(exchange, UP, DOWN, DOWN, client=client)
    assert weather.struck == 1
    assert sides(alice) == [SHORT]
    assert len(market_orders(alice)) == 3
    assert [position.position_side for position in alice.closed_positions] == [LONG]


@pytest.mark.parametrize("fault", ["dropped_before", "dropped_after"])
async def test_a_crash_in_the_middle_of_an_order_doubles_nothing_either(exchange, fault):
    """The first life never heard of the order again; the next one makes the same order."""
    weather = Weather(exchange, ORDER, is_deadly=True, **{fault: 1.0})
    async with weather.session() as session:
        client = exchange.client("alice", session=session)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(play(exchange, UP, client=client))
    exchange.faults = Faults()
    alice = await play(exchange)
    assert sides(alice) == [LONG]
    assert len(market_orders(alice)) == 1


# The program


@asynccontextmanager
async def program(*arguments, **variables):
    """Run the program, and make sure that it ends."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, PROGRAM, *arguments),
        env={**os.environ, **variables},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(60):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def read_until(process, words):
    """Read the log up to a line."""
    lines = []
    async for line in process.stderr:
        lines.append(line.decode())
        if words in lines[-1]:
            return lines
    raise AssertionError(f"the program ended without {words!r}: {lines}")


async def test_ctrl_c_ends_it_and_leaves_the_position_with_its_stops(exchange):
    """The exit code is 0, and no secret was logged."""
    alice = exchange.account("alice")
    exchange.set_price(BTC, UP)
    exchange.pass_time(3600)  # now the averages have crossed, and the next candle is far away
    keys = {"BINGX_API_KEY": alice.api_key, "BINGX_SECRET_KEY": alice.secret_key}
    async with program("--url", exchange.url, "--interval", "1h", **keys) as process:
        lines = await read_until(process, "BUY")
        process.send_signal(signal.SIGINT)
        lines += await read_until(process, "stopped")
        assert await process.wait() == 0
    assert sides(alice) == [LONG]
    assert len(alice.open_orders) == 2
    assert not any(alice.secret_key in line or alice.api_key in line for line in lines)
    assert not any("signature" in line or "Traceback" in line for line in lines)


async def test_without_arguments_it_runs_on_an_emulator_of_its_own():
    """Time flies there; SIGTERM ends it as well."""
    async with program() as process:
        for _ in range(2):
            await read_until(process, "BTC-USDT closed at")
        process.terminate()
        await read_until(process, "stopped")
        assert await process.wait() == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--interval", "1w"], "interval must be one of 1m"),
        (["--interval", "7m"], "interval must be one of 1m"),
        (["--stake", "much"], "invalid number"),
        (["--fast", "30"], "fast < slow"),
    ],
)
def test_says_what_is_wrong_with_its_arguments(arguments, complaint, capsys):
    """The exit code is 2, as usual."""
    with pytest.raises(SystemExit) as caught:
        ema_bot.main(arguments)
    assert caught.value.code == 2
    assert complaint in capsys.readouterr().err

"""Facts about the command that follows an account."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from bingx_async import BingX, OrderSide, OrderType, PositionSide
from bingx_async.cli.events import _Teller
from bingx_async.cli.options import Target
from bingx_async.emulator import Emulator
from bingx_async.swap import (
    AccountEvent,
    AccountReason,
    BalanceUpdate,
    ExecutionType,
    LeverageEvent,
    MarginType,
    OrderEvent,
    OrderStatus,
    PositionUpdate,
)
from tests.commands import at, bingx_async, started

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Reader:
    """What a command prints, line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.seen = ""

    async def until(self, pattern: str) -> str:
        """Read on until a line fits, and return it."""
        assert self.process.stdout is not None
        async with asyncio.timeout(20):
            async for line in self.process.stdout:
                self.seen += line.decode()
                if re.search(pattern, line.decode()):
                    return line.decode()
        raise AssertionError(f"{pattern} is not in {self.seen}")


@asynccontextmanager
async def following(exchange: Emulator, *args: str) -> AsyncGenerator[Reader]:
    """Follow alice until Ctrl-C, which leaves no traceback."""
    exchange.account("alice")
    async with started("events", "--url", exchange.url, *args) as process:
        yield Reader(process)
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
        assert (process.returncode, err.strip()) == (130, b"")


@pytest.fixture
async def alice(exchange: Emulator) -> AsyncIterator[BingX]:
    exchange.set_price("BTC-USDT", "90000")
    return exchange.client("alice")  # type: ignore[return-value]


async def buy(alice: BingX, **order: Any) -> None:
    await alice.swap.place_order(
        "BTC-USDT",
        OrderSide.BUY,
        OrderType.MARKET,
        position_side=PositionSide.LONG,
        quantity=Decimal("0.01"),
        **order,
    )


async def test_what_happens_is_a_line(exchange: Emulator, alice: BingX) -> None:
    """First how things stand, then each order, each fill, and what they do to the account."""
    async with following(exchange) as reader:
        await reader.until(r"^\d\d:\d\d:\d\d  account +USDT 10,000\.00$")
        await alice.swap.set_leverage("BTC-USDT", PositionSide.LONG, 7)
        await reader.until(r"leverage +BTC-USDT LONG 7x, SHORT 10x, ")
        await buy(alice, client_order_id="Morning-1")
        fill = await reader.until("fill +BTC-USDT BUY LONG 0.01 at 90000.1: 0.01 of 0.01 filled, ")
        await reader.until(r"account +USDT 9,999\.\d\d, BTC-USDT LONG 0\.01 from 90000\.1 ")

    assert reader.seen.startswith(f"Events (alice, emulator at {exchange.url})\n\n")
    assert re.search(r"fee -0\.45\d* USDT, order \d{19} \(morning-1\)\n$", fill)
    assert "\x1b" not in reader.seen


async def test_what_was_missed_is_told_as_recovered(exchange: Emulator, alice: BingX) -> None:
    """Behind a line that says for how long nothing came."""
    async with following(exchange) as reader:
        await reader.until("USDT 10,000.00")
        exchange.cut_streams()
        await buy(alice)
        await reader.until(r"fill .*  recovered$")

    assert re.search(r"gap +the connection was lost for \d+\.\d s\n", reader.seen)
    assert reader.seen.count("gap ") == 1
    assert reader.seen.index("gap ") < reader.seen.index("fill ")


async def test_json_has_every_event(exchange: Emulator, alice: BingX) -> None:
    """Under the names of the endpoints; numbers that JavaScript would round are strings."""
    async with following(exchange, "--json") as reader:
        first = json.loads(await reader.until('"account"'))
        exchange.cut_streams()
        await buy(alice)
        fill = json.loads(await reader.until('"TRADE"'))

    assert (first["environment"], first["reason"]) == ("emulator", "SNAPSHOT")
    assert first["balances"][0]["walletBalance"].startswith("10000")
    assert first["eventTime"] > 1_700_000_000_000
    assert re.fullmatch(r"\d{19}", fill["orderId"])
    assert (fill["event"], fill["lastPrice"], fill["recovered"]) == ("order", "90000.1", True)
    gap = next(each for each in map(json.loads, reader.seen.splitlines()) if each["event"] == "gap")
    assert gap["topic"] == "ORDER_TRADE_UPDATE"
    assert gap["lostFor"] >= 0


async def test_it_ends_after_so_long(exchange: Emulator) -> None:
    """With an exit code that says that all went well."""
    shown = await at(exchange, "events", "--seconds", "1")

    assert (shown.code, shown.err) == (0, "")
    assert "account" in shown.out


# --- what is told ---------------------------------------------------------------------------------


@pytest.fixture
def teller() -> _Teller:
    return _Teller(Target(BingX(), "live", "live"))


def order(**changes: Any) -> OrderEvent:
    return OrderEvent(
        **{
            "symbol": "BTC-USDT",
            "order_id": 1900000000000000001,
            "side": OrderSide.BUY,
            "type": OrderType.STOP,
            "execution_type": ExecutionType.NEW,
            "status": OrderStatus.NEW,
            "time": NOON,
            **changes,
        }
    )


def snapshot(*positions: PositionUpdate, balance: str = "10") -> AccountEvent:
    balances = [BalanceUpdate("USDT", Decimal(balance))]
    return AccountEvent(AccountReason.SNAPSHOT, balances, list(positions), NOON)


def test_an_order_says_what_it_waits_for(
    teller: _Teller, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the exchange leaves out is left out."""
    teller.order(
        order(orig_qty=Decimal("0.10"), price=Decimal(90_000), stop_price=Decimal("91000.00"))
    )
    teller.order(order())

    number = "order 1900000000000000001"
    assert capsys.readouterr().out.splitlines() == [
        f"12:00:00  order     BTC-USDT BUY STOP 0.1 at 90000 when at 91000: NEW, {number}",
        f"12:00:00  order     BTC-USDT BUY STOP -: NEW, {number}",
    ]


def test_a_fill_that_closes_says_what_was_gained(
    teller: _Teller, capsys: pytest.CaptureFixture[str]
) -> None:
    """A size that cannot be worked out is a dash."""
    teller.order(order(trade_id=7, realised_profit=Decimal("1.50"), commission=Decimal("-0.100")))

    assert "BUY - at -: - of - filled, fee -0.1, profit 1.5, order" in capsys.readouterr().out


def test_what_says_nothing_new_is_left_out(
    teller: _Teller, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exchange repeats how things stand, with profits that have changed."""
    long = PositionUpdate("BTC-USDT", PositionSide.LONG, Decimal("0.1"), Decimal(90_000))
    for profit in "1", "2":
        long.unrealized_profit = Decimal(profit)
        teller.account(snapshot(long))
    leverage = LeverageEvent("BTC-USDT", 5, None, MarginType.CROSSED, NOON)
    teller.leverage(leverage)
    teller.leverage(leverage)
    teller.account(snapshot(PositionUpdate("BTC-USDT", PositionSide.LONG, Decimal(0)), balance="9"))

    assert capsys.readouterr().out.splitlines() == [
        "12:00:00  account   USDT 10.00, BTC-USDT LONG 0.1 from 90000 unrealised +1.00",
        "12:00:00  leverage  BTC-USDT LONG 5x, SHORT -x, CROSSED",
        "12:00:00  account   USDT 9.00, BTC-USDT LONG closed",
    ]


# --- what goes wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize("environment", ["live", "vst"])
def test_missing_keys_are_named(environment: str) -> None:
    """As by every other command that needs them."""
    failed = bingx_async("events", "--environment", environment)

    assert failed.code == 1
    assert "BINGX_API_KEY and BINGX_SECRET_KEY" in failed.err
    assert failed.is_one_line()


def test_no_exchange_at_the_address_is_one_line() -> None:
    """After a few attempts; also to machines."""
    failed = bingx_async("events", "--url", "http://127.0.0.1:1", "--json")

    assert failed.code == 1
    assert json.loads(failed.err)["error"] == "NotSent"
    assert failed.is_one_line()


async def test_the_listen_key_is_said_nowhere(exchange: Emulator) -> None:
    """Neither when all goes well nor when the websocket refuses it."""
    key = (await exchange.client("alice").user_stream.create_listen_key()).listen_key
    shown = await at(exchange, "events", "--seconds", "0.5", "--json")
    exchange.stream_faults = type(exchange.stream_faults)(refused=1.0)
    failed = await at(exchange, "events")

    assert shown.code == 0
    assert failed.code == 1
    assert failed.is_one_line()
    assert key not in shown.out + shown.err + failed.err

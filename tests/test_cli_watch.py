"""Facts about the command that watches a market."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text

from bingx_async import Resumed
from bingx_async.cli.watch import _Picture, _sparkline
from bingx_async.emulator import Emulator
from bingx_async.swap import Best, LastPriceEvent, Level, TradeEvent
from bingx_async.swap.book_keeper import Top
from tests.commands import ENVIRONMENT, at, bingx_async, started

TERMINAL = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "32"}


async def lines(process: asyncio.subprocess.Process) -> AsyncIterator[dict[str, Any]]:
    """Read the lines of JSON that a command prints."""
    assert process.stdout is not None
    async for line in process.stdout:
        yield json.loads(line)


def frames(out: str) -> list[str]:
    """Take apart what a live display has drawn, frame by frame."""
    plain = Text.from_ansi(re.sub(r"\x1b\[[\d;?]*[A-HJKhl]|\r", "", out)).plain
    return ["BTC-USDT (" + frame for frame in plain.split("BTC-USDT (")[1:]]


def test_a_pipe_gets_a_line_of_json_for_each_event() -> None:
    """The first book is the whole of what was asked for, and its best prices are what is traded."""
    shown = bingx_async("watch", "BTC-USDT", "--levels", "3", "--seconds", "2.5")

    told = [json.loads(line) for line in shown.out.splitlines()]
    by_kind = {kind: [each for each in told if each["event"] == kind] for kind in ("book", "trade")}
    assert (shown.code, shown.err) == (0, "")
    assert {each["event"] for each in told} == {"book", "trade", "ticker"}
    assert {each["environment"] for each in told} == {"emulator"}
    assert 2 <= len(by_kind["trade"]) <= 3
    assert by_kind["book"][0]["isLive"]
    assert all(len(each["bids"]) == len(each["asks"]) == 3 for each in by_kind["book"])
    last = by_kind["trade"][-1]
    assert set(last) == {
        *("environment", "event", "symbol", "price", "qty", "time", "isBuyerMaker"),
    }
    assert isinstance(last["price"], str)


async def test_the_book_is_printed_when_it_changes(exchange: Emulator) -> None:
    """And not before: prices that stand still print nothing."""
    exchange.set_price("BTC-USDT", "90000")
    async with started(
        *("watch", "BTC-USDT", "--url", exchange.url, "--levels", "1", "--interval", "0.1"),
        *("--seconds", "10", "--json"),
    ) as process:
        async with asyncio.timeout(20):
            books = (each async for each in lines(process) if each["event"] == "book")
            first = await anext(books)
            exchange.set_price("BTC-USDT", "91000")
            second = await anext(books)
    assert [first["bids"][0][0], first["asks"][0][0]] == ["89999.9", "90000.1"]
    assert [second["bids"][0][0], second["asks"][0][0]] == ["90999.9", "91000.1"]


async def test_a_gap_is_a_line_and_the_book_says_that_it_is_not_known(exchange: Emulator) -> None:
    """Trades may be missing there, and the book is empty until it has come anew."""
    async with started(
        *("watch", "BTC-USDT", "--url", exchange.url, "--interval", "0.1", "--json")
    ) as process:
        async with asyncio.timeout(20):
            told = lines(process)
            async for each in told:
                if each["event"] == "book":
                    break
            exchange.cut_streams()
            seen: list[dict[str, Any]] = []
            async for each in told:
                seen.append(each)
                if each["event"] == "book" and each["isLive"] and each["resyncs"]:
                    break
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()

    gaps = [each for each in seen if each["event"] == "gap"]
    assert "BTC-USDT@trade" in {each["topic"] for each in gaps}
    assert all(0 < each["lostFor"] < 10 for each in gaps)
    assert all(
        each["bids"] == [] for each in seen if each["event"] == "book" and not each["isLive"]
    )
    assert (process.returncode, err.strip()) == (130, b"")


@pytest.mark.parametrize("width", [60, 80, 100, 140])
async def test_a_terminal_shows_book_trades_and_prices(exchange: Emulator, width: int) -> None:
    """Nothing is folded; where there is no room for the trades the book stands alone."""
    exchange.set_price("BTC-USDT", "90000")
    args = ("watch", "BTC-USDT", "--levels", "4", "--seconds", "2.2")
    shown = await at(exchange, *args, **TERMINAL | {"COLUMNS": str(width)})

    assert (shown.code, shown.err) == (0, "")
    last = frames(shown.out)[-1]
    assert max(map(len, last.splitlines())) <= width
    assert f"BTC-USDT (emulator at {exchange.url})" in last
    assert re.search(r"^90000\.0  mark \d+\.\d  [+-]\d\.\d\d %", last, re.MULTILINE)
    assert re.search(r"0\.2 +spread", last)
    assert re.search(r"^ *89999\.9 +\d\.\d{4} +[▏▎▍▌▋▊▉█]", last, re.MULTILINE)
    assert ("90000.0    0." in last and ("sells" in last or "buys" in last)) == (width >= 80)
    assert re.search(r"in step at \d+, no resyncs, no gaps", last)
    assert shown.out.endswith("\x1b[?25h")  # the cursor is back


async def test_a_terminal_is_told_of_a_gap(exchange: Emulator) -> None:
    """With how long it was, until Ctrl-C, which leaves no traceback."""
    args = ("watch", "BTC-USDT", "--url", exchange.url, "--interval", "0.1")
    async with started(*args, **TERMINAL) as process:
        assert process.stdout is not None
        seen = b""
        async with asyncio.timeout(20):
            while b"in step at" not in seen:
                seen += await process.stdout.read(65536)
            exchange.cut_streams()
            while not re.search(r"1 resync, 1 gap, the last of \d", frames(seen.decode())[-1]):
                seen += await process.stdout.read(65536)
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()

    assert (process.returncode, err.strip()) == (130, b"")
    assert b"\x1b[?25h" in out


# --- the picture ----------------------------------------------------------------------------------


class Book:
    """A book as a picture sees it."""

    def __init__(self, *levels: int) -> None:
        self.bids = [Level(Decimal(100 - n), Decimal(size)) for n, size in enumerate(levels)]
        self.asks = [Level(Decimal(101 + n), Decimal(size)) for n, size in enumerate(levels)]
        self.is_live = bool(levels)
        self.resyncs = 0
        self.last_update_id = 7

    @property
    def best(self) -> Best:
        return Best(self.bids[0], self.asks[0]) if self.is_live else Best(None, None)

    def top(self, count: int) -> Top:
        return Top(self.bids[:count], self.asks[:count])


def picture(book: Book, *, width: int = 100, height: int = 40, encoding: str = "utf-8") -> _Picture:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    out = Console(width=width, height=height, file=file, no_color=True, highlight=False)
    return _Picture(out, "BTC-USDT", book, 5, 10)  # type: ignore[arg-type]


def drawn(made: _Picture) -> list[str]:
    with made.out.capture() as captured:
        made.out.print(made.draw())
    return [line.rstrip() for line in captured.get().splitlines()]


def trade(price: int = 100) -> TradeEvent:
    return TradeEvent(
        "BTC-USDT", Decimal(price), Decimal("0.5"), datetime(2026, 1, 1, tzinfo=UTC), True
    )


def test_bars_are_as_long_as_quantities() -> None:
    """The largest level fills its column, and the smallest is still seen."""
    (*_, full, half, least) = (
        line.split()[-1]
        for line in drawn(picture(Book(400, 200, 1)))
        if line[:5].strip() in {"100", "99", "98"}
    )

    assert full == 24 * "█"
    assert half == 12 * "█"
    assert least == "▏"


def test_a_book_that_is_not_known_leaves_its_rows_empty() -> None:
    """So that nothing jumps, and nobody reads prices that may be wrong."""
    known, unknown = drawn(picture(Book(1, 2, 3, 4, 5))), drawn(picture(Book()))

    assert len(known) == len(unknown)
    assert unknown[-1].startswith("not in step: waiting for the whole book")
    assert not re.search(r"\d", "".join(unknown[:-1]))


@pytest.mark.parametrize("height", [5, 10, 14, 24, 60])
@pytest.mark.parametrize("width", [40, 80, 140])
def test_a_picture_fits_the_terminal(height: int, width: int) -> None:
    """Of both sides at least one level is left."""
    made = picture(Book(*range(1, 30)), height=height, width=width)
    for price in range(100, 200):
        made.take(LastPriceEvent("BTC-USDT", Decimal(price)))
        made.take(trade())
    lines = drawn(made)

    assert len(lines) <= max(height, 10)
    assert max(map(len, lines)) <= width
    assert sum("█" in line for line in lines[4:]) >= 2


def test_a_terminal_without_such_characters_gets_others() -> None:
    """Nothing that it cannot show is printed."""
    made = picture(Book(400, 200, 1), encoding="ascii")
    for price in (1, 2, 3):
        made.take(LastPriceEvent("BTC-USDT", Decimal(price)))
    made.take(trade())
    text = "\n".join(drawn(made))

    assert text.isascii()
    assert 24 * "#" in text


def test_a_book_in_which_nothing_changes_says_so() -> None:
    """A connection may have died without a sign."""
    made = picture(Book(1))
    made.changed_at = time.monotonic()
    assert drawn(made)[-1] == "in step at 7, no resyncs, no gaps"
    made.changed_at -= 5
    assert drawn(made)[-1] == "in step at 7, no change for 5 s, no resyncs, no gaps"


def test_gaps_are_counted() -> None:
    """The last one is told with its length."""
    made = picture(Book(1))
    made.resumed(Resumed(3.0))
    made.resumed(Resumed(1.25))

    assert re.search(r"2 gaps, the last of 1\.2 s until \d\d:\d\d:\d\d$", drawn(made)[-1])


@pytest.mark.parametrize(
    ("prices", "line"),
    [([], ""), ([5], "▄"), ([5, 5], "▄▄"), ([1, 8, 2], "▁█▂"), (range(8), "▁▂▃▄▅▆▇█")],
)
def test_a_row_of_blocks_shows_how_prices_moved(prices: list[int], line: str) -> None:
    """From the lowest to the highest of them."""
    assert _sparkline([Decimal(price) for price in prices]) == line


# --- what goes wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize("as_json", [[], ["--json"]])
async def test_a_symbol_that_there_is_not_is_one_line(
    exchange: Emulator, as_json: list[str]
) -> None:
    """In the exchange's words."""
    failed = await at(exchange, "watch", "NO-USDT", *as_json)

    assert failed.code == 1
    assert "NO-USDT" in failed.err
    assert failed.is_one_line()
    assert not as_json or json.loads(failed.err)["error"] == "InvalidRequest"


async def test_an_error_leaves_the_terminal_as_it_was(exchange: Emulator) -> None:
    """The line stands below the picture, and the cursor is back."""
    failed = await at(exchange, "watch", "NO-USDT", **TERMINAL)

    assert failed.code == 1
    assert failed.err.count("\n") == 1
    assert failed.out.endswith("\x1b[?25h")


def test_no_exchange_at_the_address_is_one_line() -> None:
    """After a few attempts."""
    failed = bingx_async("watch", "BTC-USDT", "--url", "http://127.0.0.1:1", "--json")

    assert failed.code == 1
    assert json.loads(failed.err)["error"] == "NotSent"
    assert failed.is_one_line()


@pytest.mark.parametrize(
    "wrong", [["--levels", "0"], ["--seconds", "0"], ["--interval", "0"], ["--trades", "-1"]]
)
def test_a_number_out_of_its_range_is_one_line(wrong: list[str]) -> None:
    """Before anything is connected."""
    failed = bingx_async("watch", "BTC-USDT", *wrong)

    assert failed.code == 2
    assert failed.is_one_line()


def test_who_reads_may_stop_reading() -> None:
    """A closed pipe, as behind ``head``, ends it without a traceback."""
    nobody, pipe = os.pipe()
    os.close(nobody)
    done = subprocess.run(
        [sys.executable, "-m", "bingx_async", "watch", "BTC-USDT"],
        env=ENVIRONMENT,
        stdout=pipe,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(pipe)

    assert (done.returncode, done.stderr) == (1, b"")

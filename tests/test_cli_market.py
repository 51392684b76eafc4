from __future__ import annotations

import re

import pytest

from bingx_async.emulator import Emulator
from tests.commands import at, bingx_async


def test_ticker_lists_all_contracts_most_traded_first() -> None:
    """Piped, a contract is a line."""
    shown = bingx_async("ticker")

    rows = [line.split() for line in shown.out.splitlines()[3:]]
    turnovers = [int(row[-1].replace(",", "")) for row in rows]
    assert len(rows) == 15
    assert turnovers == sorted(turnovers, reverse=True)
    assert all(re.fullmatch(r"[+-]\d+\.\d\d", row[2]) for row in rows)


async def test_ticker_shows_one_contract(exchange: Emulator) -> None:
    """With prices to the last digit."""
    exchange.set_price("SOL-USDT", "190.500")
    shown = await at(exchange, "ticker", "SOL-USDT")
    found = (await at(exchange, "ticker", "SOL-USDT", "--json")).json

    assert shown.out.splitlines()[3].split()[:2] == ["SOL-USDT", "190.500"]
    assert [row["lastPrice"] for row in found["tickers"]] == ["190.500"]


async def test_klines_are_drawn(exchange: Emulator) -> None:
    """Above the chart stand its start and the latest price, at its edges prices and times."""
    exchange.set_price("BTC-USDT", "91000.5")
    shown = await at(exchange, "klines", "BTC-USDT", "--interval", "15m", COLUMNS="80", LINES="30")

    title, prices, _, *chart = shown.out.splitlines()
    assert title.startswith(f"BTC-USDT 15m (emulator at {exchange.url})  since ")
    assert prices.startswith("91000.5  ")
    assert len(chart) == 25
    assert max(map(len, chart)) <= 80
    assert any(line.endswith("├◂91000.5") for line in chart)
    assert re.search(r"\d\d:00|\d\d [A-Z][a-z][a-z]", chart[-1])


@pytest.mark.parametrize("width", [12, 40, 80, 200])
def test_a_chart_fits_the_terminal(width: int) -> None:
    """However narrow; the latest candles are shown."""
    size = {"COLUMNS": str(width), "LINES": "16"}
    shown = bingx_async("klines", "BTC-USDT", "--limit", "300", environment=size)

    assert shown.code == 0
    assert max(map(len, shown.out.splitlines())) <= width


def test_a_chart_is_coloured_on_a_terminal_and_only_there() -> None:
    """``NO_COLOR`` and a pipe get bodies that differ instead."""
    terminal = {"FORCE_COLOR": "1", "TERM": "xterm"}
    coloured = bingx_async("klines", "BTC-USDT", environment=terminal).out
    colourless = bingx_async("klines", "BTC-USDT", environment=terminal | {"NO_COLOR": "1"}).out
    piped = bingx_async("klines", "BTC-USDT").out

    assert "\x1b[32m" in coloured
    assert "\x1b[31m" in coloured
    assert "┃" not in coloured
    assert not re.search(r"\x1b\[3[12]m", colourless)
    assert "\x1b" not in piped
    assert "┃" in colourless
    assert "┃" in piped


def test_klines_print_json() -> None:
    """Newest first, as the exchange has them."""
    found = bingx_async("klines", "BTC-USDT", "--interval", "1d", "--limit", "3", "--json").json

    assert (found["environment"], found["symbol"], found["interval"]) == (
        "emulator",
        "BTC-USDT",
        "1d",
    )
    assert [set(row) for row in found["klines"]] == 3 * [
        {"open", "high", "low", "close", "volume", "time"}
    ]
    assert found["klines"][0]["time"] > found["klines"][1]["time"]
    assert isinstance(found["klines"][0]["open"], str)


@pytest.mark.parametrize("width", [80, 100, 140])
def test_ticker_is_not_folded_on_a_terminal(width: int) -> None:
    """Where there is little room, columns are left out, and no number is torn."""
    terminal = {"FORCE_COLOR": "1", "NO_COLOR": "1", "COLUMNS": str(width)}
    lines = bingx_async("ticker", environment=terminal).out.splitlines()

    assert len(lines) == 2 + 1 + 15
    assert max(len(re.sub(r"\x1b\[\d*m", "", line)) for line in lines) <= width

from __future__ import annotations

import re

import pytest

from bingx_async.emulator import Emulator
from tests.commands import at, bingx_async


@pytest.fixture
async def trading(exchange: Emulator) -> Emulator:
    """Let alice own ten thousand and hold a position that has won, on prices that stand still."""
    exchange.set_price("BTC-USDT", "90000")
    alice = exchange.client("alice")
    order = {"quantity": "0.1", "position_side": "LONG"}
    await alice.swap.place_order("BTC-USDT", "BUY", "MARKET", **order)  # type: ignore[arg-type]
    exchange.set_price("BTC-USDT", "90900")
    return exchange


def test_leverage_shows_both_sides() -> None:
    """A symbol alone is a question."""
    shown = bingx_async("leverage", "BTC-USDT")

    assert shown.code == 0
    assert "BTC-USDT (emulator for this command only)" in shown.out
    assert re.search(r"LONG +10 +150", shown.out)
    assert re.search(r"SHORT +10 +150", shown.out)


def test_leverage_sets_one_side() -> None:
    """With a side and a number it is a command."""
    shown = bingx_async("leverage", "BTC-USDT", "LONG", "12")

    assert shown.code == 0
    assert shown.out == "BTC-USDT LONG has leverage 12 now (emulator for this command only)\n"


@pytest.mark.parametrize("change", [[], ["SHORT", "10"]])
async def test_leverage_prints_json_with_decimals_as_strings(
    exchange: Emulator, change: list[str]
) -> None:
    """A quantity keeps its digits on the way through JSON."""
    exchange.set_price("ETH-USDT", "3412.57")
    found = (await at(exchange, "leverage", "ETH-USDT", *change, "--json")).json

    assert found["symbol"] == "ETH-USDT"
    assert found["environment"] == "emulator"
    assert found["availableShortVol"] == "29.30"


async def test_balance_shows_each_margin_currency(trading: Emulator) -> None:
    """What is there, what it would be worth, and what can be used."""
    shown = await at(trading, "balance")

    (row,) = (line.split() for line in shown.out.splitlines() if line.startswith("USDT"))
    assert row[3] == "+89.99"
    assert "9,995.50" in row
    assert "10,085.49" in row


async def test_balance_prints_json(trading: Emulator) -> None:
    """Under the names of the wire, with every digit."""
    found = (await at(trading, "balance", "--json")).json

    (usdt,) = found["balances"]
    assert found["environment"] == "emulator"
    assert usdt["asset"] == "USDT"
    assert usdt["unrealizedProfit"] == "89.99"


async def test_positions_show_what_is_open(trading: Emulator) -> None:
    """One line each, with gain and loss."""
    shown = await at(trading, "positions")

    (row,) = (line.split() for line in shown.out.splitlines() if line.startswith("BTC-USDT"))
    assert row[:5] == ["BTC-USDT", "LONG", "0.1", "90000.1", "90900.0"]
    assert row[6:8] == ["10x", "cross"]
    assert "+89.99" in row


async def test_positions_print_json(trading: Emulator) -> None:
    """The number of a position is a string, since JavaScript and jq would round it."""
    found = (await at(trading, "positions", "--symbol", "BTC-USDT", "--json")).json

    (position,) = found["positions"]
    assert re.fullmatch(r"\d{19}", position["positionId"])
    assert position["avgPrice"] == "90000.1"
    assert position["isolated"] is False


def test_no_positions_are_said_to_be_none() -> None:
    """An empty table would look like a mistake; JSON has an empty list."""
    assert bingx_async("positions").out.startswith("No open positions")
    assert bingx_async("positions", "--json").json == {"environment": "emulator", "positions": []}

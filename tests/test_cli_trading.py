from __future__ import annotations

import asyncio
import random
import re
import signal

import pytest

from bingx_async.emulator import Emulator, Faults
from tests.commands import at, started

LIMIT = ("order", "place", "BTC-USDT", "BUY", "0.01", "--price", "80000")


@pytest.fixture
async def still(exchange: Emulator) -> Emulator:
    """An exchange on which bitcoin costs 90000."""
    exchange.set_price("BTC-USDT", "90000")
    return exchange


async def test_a_price_makes_a_limit_order(still: Emulator) -> None:
    """What was placed is said, with its number and an id of its own."""
    shown = await at(still, *LIMIT, "--position-side", "long")

    (order,) = still.account("alice").open_orders
    assert shown.code == 0
    assert "Placed BUY LONG 0.01 BTC-USDT, LIMIT at 80000 (alice, emulator at" in shown.out
    assert f"Order id         {order.order_id}\n" in shown.out
    assert f"Client order id  {order.client_order_id}\n" in shown.out


async def test_no_price_makes_a_market_order(still: Emulator) -> None:
    """Words are taken in lower case too."""
    shown = await at(
        still, "order", "place", "BTC-USDT", "sell", "0.01", "--position-side", "short"
    )

    (position,) = still.account("alice").positions
    assert "Placed SELL SHORT 0.01 BTC-USDT, MARKET" in shown.out
    assert re.search(r"Mean price +89999.9\n", shown.out)
    assert position.position_side == "SHORT"


async def test_take_profit_and_stop_loss_are_attached(still: Emulator) -> None:
    """They trigger at the market."""
    await at(still, *LIMIT, "--take-profit", "85000.5", "--stop-loss", "7E+4")

    (order,) = still.account("alice").open_orders
    assert order.take_profit is not None
    assert order.stop_loss is not None
    assert order.take_profit.type == "TAKE_PROFIT_MARKET"
    assert str(order.take_profit.stop_price) == "85000.5"
    assert order.stop_loss.type == "STOP_MARKET"
    assert order.stop_loss.stop_price == 70000


async def test_time_in_force_is_passed_on(still: Emulator) -> None:
    """What cannot trade at once is gone."""
    shown = await at(still, *LIMIT, "--time-in-force", "ioc", "--json")

    assert shown.code == 0
    assert still.account("alice").orders[0].time_in_force == "IOC"
    assert still.account("alice").open_orders == []


async def test_an_order_can_be_for_closing_only(still: Emulator) -> None:
    """In one-way mode an order that would open a position is refused."""
    still.account("alice").dual_side_position = False
    refused = await at(still, *LIMIT, "--position-side", "BOTH", "--reduce-only")

    assert "[101290]" in refused.err
    assert refused.is_one_line()


async def test_an_order_can_wait_for_its_trigger(still: Emulator) -> None:
    """The kinds that take no id of one's own are placed as well."""
    command = ("order", "place", "BTC-USDT", "BUY", "0.01", "--type", "trigger_market")
    shown = await at(still, *command, "--stop-price", "95000")
    refused = await at(still, *command, "--stop-price", "95000", "--client-order-id", "x")

    (order,) = still.account("alice").open_orders
    assert f"Order id  {order.order_id}\n" in shown.out
    assert order.stop_price == 95000
    assert "--client-order-id" in refused.err
    assert refused.is_one_line()


async def test_the_same_command_again_places_nothing_more(still: Emulator) -> None:
    """With an id of one's own, a command can be repeated after whatever happened."""
    own = ("--client-order-id", "Mine-1", "--json")
    first = await at(still, *LIMIT, *own)
    again = await at(still, *LIMIT, *own)
    other = await at(still, *LIMIT[:-1], "79000", "--client-order-id", "Mine-1")

    assert len(still.account("alice").orders) == 1
    assert first.json["orderId"] == again.json["orderId"]
    assert again.json["clientOrderId"] == "mine-1"
    assert "belongs to another order" in other.err
    assert other.is_one_line()


async def test_an_interrupted_command_says_how_to_repeat_it() -> None:
    """The id that was made up is told, and the same command with it places one order."""
    arrived = asyncio.Event()

    def forever(_: random.Random) -> float:
        arrived.set()
        return 3600.0

    async with Emulator(faults=Faults(way_out=forever)) as exchange:
        exchange.account("alice")
        exchange.set_price("BTC-USDT", "90000")
        async with started(*LIMIT, BINGX_EMULATOR_URL=exchange.url) as process:
            await arrived.wait()
            process.send_signal(signal.SIGINT)
            out, err = await process.communicate()
        exchange.faults = Faults()
        told = re.search(rb"--client-order-id ([0-9a-f]{20})\n", err)
        assert told is not None
        shown = await at(exchange, *LIMIT, "--client-order-id", told[1].decode())

        assert (process.returncode, out) == (130, b"")
        assert b"Traceback" not in err
        assert shown.code == 0
        assert len(exchange.account("alice").orders) == 1


async def test_placing_prints_json(still: Emulator) -> None:
    """Every key of the wire is there; the numbers of orders are strings, times milliseconds."""
    found = (await at(still, *LIMIT, "--client-order-id", "a", "--json")).json
    again = (await at(still, *LIMIT, "--client-order-id", "a", "--json")).json

    (order,) = still.account("alice").open_orders
    assert order.time is not None
    assert found["environment"] == "emulator"
    assert found["orderId"] == str(order.order_id)
    assert set(found) == set(again) > {"symbol", "side", "positionSide", "type", "stopPrice"}
    assert (again["price"], again["origQty"], again["stopPrice"]) == ("80000", "0.01", None)
    assert again["time"] == round(order.time.timestamp() * 1000)


async def test_orders_are_listed(still: Emulator) -> None:
    """Piped, an order is a line, with both of its ids."""
    await at(still, *LIMIT, "--client-order-id", "one")
    await at(still, *LIMIT[:2], "ETH-USDT", "buy", "1", "--type", "trigger_market",
             "--stop-price", "9000")  # fmt: skip
    every = (await at(still, "orders")).out.splitlines()
    some = (await at(still, "orders", "--symbol", "ETH-USDT", "--json")).json

    limit, trigger = still.account("alice").open_orders
    assert every[3].split()[:8] == [
        *("BTC-USDT", "BUY", "LONG", "LIMIT", "0.01", "0", "80000", "-")
    ]
    assert every[3].split()[8:10] == [str(limit.order_id), "one"]
    assert every[4].split()[6:9] == ["-", "9000", str(trigger.order_id)]
    assert [row["orderId"] for row in some["orders"]] == [str(trigger.order_id)]


@pytest.mark.parametrize("width", [80, 100, 200])
async def test_a_number_is_never_torn_on_a_terminal(still: Emulator, width: int) -> None:
    """Where there is little room the ids share a column, and can still be copied."""
    await at(still, *LIMIT, "--client-order-id", "my-own-id-of-this-order")
    shown = await at(still, "orders", FORCE_COLOR="1", NO_COLOR="1", COLUMNS=str(width))

    (order,) = still.account("alice").open_orders
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown.out)
    assert str(order.order_id) in plain
    assert "my-own-id-of-this-order" in plain
    assert max(map(len, plain.splitlines())) <= width


async def test_no_orders_are_said_to_be_none(still: Emulator) -> None:
    """An empty table would look like a mistake; JSON has an empty list."""
    assert (await at(still, "orders")).out.startswith("No open orders")
    assert (await at(still, "orders", "--json")).json["orders"] == []


@pytest.mark.parametrize("own", ["mine", "1700000000123"])
async def test_an_order_is_cancelled_by_either_id(still: Emulator, own: str) -> None:
    """An id of one's own is found even if it looks like a number of the exchange."""
    await at(still, *LIMIT, "--client-order-id", own)
    number = (await at(still, *LIMIT, "--json")).json["orderId"]
    by_own_id = await at(still, "order", "cancel", "BTC-USDT", own)
    by_number = await at(still, "order", "cancel", "BTC-USDT", number, "--json")

    assert by_own_id.out.startswith("Cancelled BUY LONG 0.01 BTC-USDT, LIMIT at 80000")
    assert by_number.json["orderId"] == number
    assert by_number.json["status"] == "CANCELLED"
    assert still.account("alice").open_orders == []

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket

import pytest

from bingx_async import BingX, Governor, PositionSide
from tests.commands import bingx_async, started


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_emulator_serves_another_process_until_a_signal(number: signal.Signals) -> None:
    """What it prints is enough to trade, and a signal ends it cleanly under an open connection."""
    async with started("emulator", "--jitter", "5", "--json") as process:
        assert process.stdout is not None
        served = json.loads(await process.stdout.readline())
        accounts = {account.pop("name"): account for account in served["accounts"]}
        async with BingX(**accounts["bob"], base_url=served["url"], governor=Governor()) as bingx:
            await bingx.swap.set_leverage("BTC-USDT", PositionSide.SHORT, 7)
            found = await bingx.swap.leverage("BTC-USDT")
            process.send_signal(number)
            rest, err = await process.communicate()

    assert set(accounts) == {"alice", "bob", "carol"}
    assert (found.long_leverage, found.short_leverage) == (10, 7)
    assert (process.returncode, rest, err) == (0, b"", b"")


async def test_what_the_emulator_prints_can_be_pasted() -> None:
    """With the line it prints, an order placed by one command is listed by the next."""
    async with started("emulator") as process:
        assert process.stdout is not None
        told = (await process.stdout.readuntil(b"carol")).decode()
        found = re.search(r"export (BINGX_EMULATOR_URL)=(\S+)", told)
        assert found is not None
        variables = {found[1]: found[2]}
        order = ("order", "place", "BTC-USDT", "BUY", "0.01", "--price", "50000")
        placed = await asyncio.to_thread(bingx_async, *order, "--json", environment=variables)
        listed = await asyncio.to_thread(bingx_async, "orders", environment=variables)

    assert placed.json["orderId"] in listed.out


async def test_the_emulator_tells_people_what_it_did() -> None:
    """It says where it listens and how to get in, and how much came when it ends."""
    async with started("emulator") as process:
        assert process.stdout is not None
        first = await process.stdout.readuntil(b"carol")
        process.send_signal(signal.SIGTERM)
        rest, _ = await process.communicate()

    assert re.match(rb"An exchange listens on http://127\.0\.0\.1:\d+\.", first)
    assert re.search(rb"\n  export BINGX_EMULATOR_URL=http://127\.0\.0\.1:\d+\n", first)
    assert re.search(
        rb"\n  export BINGX_API_KEY=[0-9a-f]{64}\n  export BINGX_SECRET_KEY=[0-9a-f]{64}\n", first
    )
    assert rest.endswith(b"0 requests came, 0 were refused.\n")
    assert process.returncode == 0


def test_a_port_in_use_is_one_line() -> None:
    """The line names the port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        failed = bingx_async("emulator", "--port", port)

    assert (failed.code, failed.out) == (1, "")
    assert port in failed.err
    assert failed.is_one_line()

from __future__ import annotations

import re
import socket
from typing import NoReturn

import pytest

from bingx_async.emulator import Emulator
from tests.commands import at, bingx_async

API_KEY = "an-api-key-of-nobody"
SECRET_KEY = "a-secret-key-of-nobody"
KEYS = {"BINGX_API_KEY": API_KEY, "BINGX_SECRET_KEY": SECRET_KEY}


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """No name leads anywhere."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize(
    "command",
    [
        ("balance",),
        ("positions",),
        ("orders",),
        ("leverage", "BTC-USDT", "LONG", "10"),
        ("order", "place", "BTC-USDT", "BUY", "1"),
        ("order", "cancel", "BTC-USDT", "1"),
    ],
)
@pytest.mark.parametrize("environment", ["live", "vst"])
def test_missing_keys_are_named(environment: str, command: tuple[str, ...]) -> None:
    """The variables that are not set are named, and no others."""
    asked = (*command, "--environment", environment)
    nothing = bingx_async(*asked)
    half = bingx_async(*asked, environment={"BINGX_API_KEY": API_KEY})

    assert nothing.code == half.code == 1
    assert "BINGX_API_KEY and BINGX_SECRET_KEY" in nothing.err
    assert "BINGX_SECRET_KEY" in half.err
    assert "BINGX_API_KEY" not in half.err
    assert nothing.is_one_line()
    assert half.is_one_line()


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("command", [("ticker",), ("klines", "BTC-USDT")])
def test_market_data_needs_no_key(command: tuple[str, ...]) -> None:
    """It goes as far as the network without one."""
    failed = bingx_async(*command, "--environment", "live")

    assert failed.code == 1
    assert "nothing was sent" in failed.err


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("change", [[], ["LONG", "10"]])
def test_an_exchange_out_of_reach_is_one_line_without_secrets(change: list[str]) -> None:
    """Without a network the line says that nothing was sent, and shows no key and no signature."""
    failed = bingx_async("leverage", "BTC-USDT", *change, "--environment", "live", environment=KEYS)

    assert failed.code == 1
    assert "nothing was sent" in failed.err
    assert failed.is_one_line()
    assert not re.search(rf"{API_KEY}|{SECRET_KEY}|signature|[0-9a-f]{{64}}", failed.err)


def test_a_key_that_cannot_be_one_is_not_repeated() -> None:
    """A key pasted with a space is refused before anything is sent, and not printed."""
    pasted = KEYS | {"BINGX_SECRET_KEY": f"{SECRET_KEY} "}
    failed = bingx_async("leverage", "BTC-USDT", "--environment", "live", environment=pasted)

    assert failed.code == 1
    assert "secret_key holds a space" in failed.err
    assert SECRET_KEY not in failed.err


def test_an_environment_that_there_is_not_is_one_line() -> None:
    """Nothing is guessed where money may be at stake."""
    failed = bingx_async("leverage", "BTC-USDT", "--environment", "moon")

    assert failed.code == 2
    assert failed.is_one_line()


def test_without_a_word_the_exchange_is_thrown_away() -> None:
    """A command that changes something changes nothing that the next one sees."""
    changed = bingx_async("leverage", "BTC-USDT", "LONG", "12", environment=KEYS)
    seen = bingx_async("leverage", "BTC-USDT", "--json", environment=KEYS)

    assert changed.code == 0
    assert seen.json["longLeverage"] == 10


async def test_an_emulator_that_runs_is_seen_by_the_next_command(exchange: Emulator) -> None:
    """``BINGX_EMULATOR_URL`` leads every command to the same exchange."""
    changed = await at(exchange, "leverage", "BTC-USDT", "LONG", "12")
    seen = await at(exchange, "leverage", "BTC-USDT", "--json")

    assert changed.out == (
        f"BTC-USDT LONG has leverage 12 now (alice, emulator at {exchange.url})\n"
    )
    assert seen.json["longLeverage"] == 12
    assert exchange.account("alice").leverage == {("BTC-USDT", "LONG"): 12}


async def test_a_url_on_the_command_line_goes_before_the_variable(exchange: Emulator) -> None:
    """As everywhere, what is said last holds."""
    shown = await at(
        exchange, "orders", "--url", exchange.url, BINGX_EMULATOR_URL="http://127.0.0.1:1"
    )

    assert shown.code == 0


async def test_an_emulator_never_sees_the_keys_of_the_environment(exchange: Emulator) -> None:
    """Whatever listens there, a real key does not go to it."""
    shown = await at(exchange, "balance", **KEYS)

    (arrival,) = exchange.ledger
    assert shown.code == 0
    assert arrival.uid == exchange.account("alice").uid


async def test_another_account_can_be_used(exchange: Emulator) -> None:
    """An account that was opened there is reached by its name; another is refused."""
    exchange.account("bob", balance=77)
    bob = await at(exchange, "balance", "--account", "bob", "--json")
    nobody = await at(exchange, "balance", "--account", "nobody")

    assert bob.json["balances"][0]["balance"] == "77"
    assert "[100413]" in nobody.err
    assert nobody.is_one_line()


@pytest.mark.parametrize("option", ["--url=http://127.0.0.1:1", "--account=bob"])
def test_an_option_of_emulators_is_refused_elsewhere(option: str) -> None:
    """Who names an emulator does not mean the exchange."""
    failed = bingx_async("orders", option, "--environment", "live", environment=KEYS)

    assert failed.code == 2
    assert option.partition("=")[0] in failed.err
    assert failed.is_one_line()


@pytest.mark.usefixtures("no_network")
def test_the_variable_of_the_emulator_does_not_matter_elsewhere() -> None:
    """It may stay exported while the exchange is looked at."""
    variables = KEYS | {"BINGX_EMULATOR_URL": "http://127.0.0.1:1"}
    failed = bingx_async("orders", "--environment", "live", environment=variables)

    assert "https://open-api.bingx." in failed.err


@pytest.mark.parametrize("url", ["nowhere", "http://127.0.0.1:1"])
def test_a_url_without_an_exchange_is_one_line(url: str) -> None:
    """It is named."""
    failed = bingx_async("orders", "--url", url)

    assert failed.code == 1
    assert url in failed.err
    assert failed.is_one_line()

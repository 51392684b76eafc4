from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import NoReturn

import pytest
from attrs import frozen

from bingx_async import BingX, Governor, PositionSide, __version__
from bingx_async.cli import run

# What a developer has set must neither reach an exchange nor change what is printed.
_ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith("BINGX_") and name not in {"COLUMNS", "FORCE_COLOR"}
}
_API_KEY = "an-api-key-of-nobody"
_SECRET_KEY = "a-secret-key-of-nobody"


@frozen
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str
    seconds: float = 0.0


Command = Callable[..., Outcome]


def _python(*args: str) -> Outcome:
    """Run Python to its end in another process."""
    start = time.monotonic()
    done = subprocess.run(  # noqa: S603 - our own arguments
        [sys.executable, *args],
        env=_ENVIRONMENT,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr, time.monotonic() - start)


@asynccontextmanager
async def _started(*args: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run the command in another process; it does not outlive the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bingx_async", *args),
        env=_ENVIRONMENT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@pytest.fixture
def bingx_async(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run the command inside this process."""
    for name in set(os.environ) - set(_ENVIRONMENT):
        monkeypatch.delenv(name)

    def call(*args: str) -> Outcome:
        code = run(args)
        return Outcome(code, *capsys.readouterr())

    return call


def _is_one_line(text: str) -> bool:
    return text.count("\n") == 1 and "Traceback" not in text


@pytest.fixture(scope="module")
def shown() -> Outcome:
    """Run the whole demonstration once, its output piped."""
    return _python("-m", "bingx_async", "demo")


def test_the_demo_keeps_every_quota_and_sets_everything(shown: Outcome) -> None:
    """Ninety of ninety are set as asked, nothing is refused, and the worst window is full."""
    assert shown.code == 0, shown.err
    governed, bare = shown.out.split("Through an aiolimiter")
    assert "90 of 90 are as asked, 0 were refused." in governed
    assert re.search(r"UID and endpoint, 5/s +5 of 5 *\n", governed)
    assert "exceeded" not in governed
    assert "exceeded" in bare


def test_the_demo_shows_a_bare_limiter_locked_out(shown: Outcome) -> None:
    """The same work through aiolimiter alone ends with refusals and five minutes of penalty."""
    figures = re.search(r"(\d+) of 90 were accepted, (\d+) were refused", shown.out)

    assert figures is not None
    assert int(figures[2]) > 0
    assert int(figures[1]) + int(figures[2]) == 90
    assert re.search(r"alice is shut out for 300 s, until \d\d:\d\d:\d\d UTC", shown.out)


def test_the_demo_takes_less_than_half_a_minute(shown: Outcome) -> None:
    """It can be shown to somebody who waits for it."""
    assert shown.seconds < 30


def test_the_demo_can_be_piped(shown: Outcome) -> None:
    """Without a terminal there are no escapes, eighty columns are enough, and stderr is silent."""
    assert "\x1b" not in shown.out
    assert "\r" not in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80
    assert shown.err == ""


def test_the_demo_prints_json(bingx_async: Command) -> None:
    """For machines there is one object, and nothing beside it."""
    shown = bingx_async("demo", "--contracts", "3", "--seed", "2", "--json")

    found = json.loads(shown.out)
    assert shown.code == 0
    assert (found["asked"], found["governed"]["as_asked"]) == (18, 18)
    assert found["governed"]["refused"] == 0
    assert found["governed"]["worst"][0]["arrivals"] == 5
    assert found["bare"]["refused"] > 0
    assert set(found["bare"]["locked_until"]) == {"alice", "bob", "carol"}


async def test_ctrl_c_ends_the_demo_without_a_traceback() -> None:
    """The exit code after SIGINT is that of every interrupted program."""
    async with _started("demo") as process:
        assert process.stdout is not None
        await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()

    assert process.returncode == 130
    assert b"Traceback" not in err


def test_leverage_shows_both_sides(bingx_async: Command) -> None:
    """A symbol alone is a question."""
    shown = bingx_async("leverage", "BTC-USDT")

    assert shown.code == 0
    assert "BTC-USDT (emulator)" in shown.out
    assert re.search(r"LONG +10 +150", shown.out)
    assert re.search(r"SHORT +10 +150", shown.out)


def test_leverage_sets_one_side(bingx_async: Command) -> None:
    """With a side and a number it is a command."""
    shown = bingx_async("leverage", "BTC-USDT", "LONG", "12")

    assert shown == Outcome(0, "BTC-USDT LONG has leverage 12 now (emulator)\n", "")


@pytest.mark.parametrize("change", [[], ["SHORT", "10"]])
def test_leverage_prints_json_with_decimals_as_strings(
    bingx_async: Command, change: list[str]
) -> None:
    """A quantity keeps its digits on the way through JSON."""
    found = json.loads(bingx_async("leverage", "ETH-USDT", *change, "--json").out)

    assert found["symbol"] == "ETH-USDT"
    assert found["environment"] == "emulator"
    assert found["available_short_vol"] == "29.30"


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["leverage", "FOO-USDT"], 1),
        (["leverage", "BTC-USDT", "UP", "10"], 2),
        (["leverage", "BTC-USDT", "BOTH", "10"], 1),
        (["leverage", "BTC-USDT", "LONG", "ten"], 2),
        (["leverage", "BTC-USDT", "LONG", "0"], 2),
        (["leverage", "BTC-USDT", "LONG", "1000"], 1),
        (["leverage", "BTC-USDT", "LONG"], 2),
        (["leverage", "B&C=1", "LONG", "10"], 1),
        (["leverage", "BTC-USDT", "--environment", "moon"], 2),
        (["leverage"], 2),
        (["demo", "--contracts", "16"], 2),
        (["nonsense"], 2),
        (["--nonsense"], 2),
    ],
)
def test_a_wrong_call_is_one_line(bingx_async: Command, args: list[str], code: int) -> None:
    """Whoever mistypes reads what is wrong, on stderr, and nothing else."""
    failed = bingx_async(*args)

    assert (failed.code, failed.out) == (code, "")
    assert failed.err.startswith("Error: ")
    assert _is_one_line(failed.err)


def test_an_error_is_json_where_json_was_asked_for(bingx_async: Command) -> None:
    """A machine reads the class of the error, and the exchange's own words."""
    failed = bingx_async("leverage", "BTC-USDT", "LONG", "1000", "--json")

    error = json.loads(failed.err)
    assert (failed.code, failed.out) == (1, "")
    assert error["error"] == "InvalidRequest"
    assert "[101414]" in error["message"]


@pytest.mark.parametrize("environment", ["live", "vst"])
def test_missing_keys_are_named(
    bingx_async: Command, monkeypatch: pytest.MonkeyPatch, environment: str
) -> None:
    """The variables that are not set are named, and no others."""
    nothing = bingx_async("leverage", "BTC-USDT", "--environment", environment)
    monkeypatch.setenv("BINGX_API_KEY", _API_KEY)
    half = bingx_async("leverage", "BTC-USDT", "--environment", environment)

    assert nothing.code == half.code == 1
    assert "BINGX_API_KEY and BINGX_SECRET_KEY" in nothing.err
    assert "BINGX_SECRET_KEY" in half.err
    assert "BINGX_API_KEY" not in half.err
    assert _is_one_line(nothing.err)
    assert _is_one_line(half.err)


@pytest.mark.parametrize("change", [[], ["LONG", "10"]])
def test_an_exchange_out_of_reach_is_one_line_without_secrets(
    bingx_async: Command, monkeypatch: pytest.MonkeyPatch, change: list[str]
) -> None:
    """Without a network the line says that nothing was sent, and shows no key and no signature."""

    def no_network(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    monkeypatch.setenv("BINGX_API_KEY", _API_KEY)
    monkeypatch.setenv("BINGX_SECRET_KEY", _SECRET_KEY)
    failed = bingx_async("leverage", "BTC-USDT", *change, "--environment", "live")

    assert (failed.code, failed.out) == (1, "")
    assert "nothing was sent" in failed.err
    assert _is_one_line(failed.err)
    assert not re.search(rf"{_API_KEY}|{_SECRET_KEY}|signature|[0-9a-f]{{64}}", failed.err)


def test_a_key_that_cannot_be_one_is_not_repeated(
    bingx_async: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key pasted with a space is refused before anything is sent, and not printed."""
    monkeypatch.setenv("BINGX_API_KEY", _API_KEY)
    monkeypatch.setenv("BINGX_SECRET_KEY", f"{_SECRET_KEY} ")
    failed = bingx_async("leverage", "BTC-USDT", "--environment", "live")

    assert failed.code == 1
    assert "secret_key holds a space" in failed.err
    assert _SECRET_KEY not in failed.err


def test_endpoints_lists_every_declaration(bingx_async: Command) -> None:
    """Piped, an endpoint is a line with its address and its quota."""
    lines = bingx_async("endpoints").out.splitlines()

    for name, endpoint in BingX.endpoints().items():
        (line,) = (line for line in lines if line.startswith(f"{name} "))
        assert line.split()[1:3] == [endpoint.method, endpoint.path]
        assert str(endpoint.quota or "-") in line
    assert "  group 2  2000/10 s; each endpoint 300/10 s" in lines


def test_endpoints_prints_json(bingx_async: Command) -> None:
    """The same declarations as data."""
    shown = json.loads(bingx_async("endpoints", "--json").out)

    found = {row["name"]: row for row in shown["endpoints"]}
    assert shown["ip_groups"]["2"]["each"] == [{"tokens": 300, "period": 10}]
    assert set(found) == set(BingX.endpoints())
    assert found["swap.set_leverage"] == {
        "name": "swap.set_leverage",
        "method": "POST",
        "path": "/openApi/swap/v2/trade/leverage",
        "uid_quota": {"tokens": 5, "period": 1.0},
        "ip_group": 2,
        "needs": "trade",
        "body": "json",
    }


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_emulator_serves_another_process_until_a_signal(number: signal.Signals) -> None:
    """What it prints is enough to trade, and a signal ends it cleanly under an open connection."""
    async with _started("emulator", "--jitter", "5", "--json") as process:
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


async def test_the_emulator_tells_people_what_it_did() -> None:
    """It says where it listens and how to get in, and how much came when it ends."""
    async with _started("emulator") as process:
        assert process.stdout is not None
        first = await process.stdout.readuntil(b"carol")
        process.send_signal(signal.SIGTERM)
        rest, _ = await process.communicate()

    assert re.match(rb"An exchange listens on http://127\.0\.0\.1:\d+\.", first)
    assert re.search(rb"api_key +[0-9a-f]{64}\n +secret_key +[0-9a-f]{64}\n", first)
    assert rest.endswith(b"0 requests came, 0 were refused.\n")
    assert process.returncode == 0


def test_a_port_in_use_is_one_line(bingx_async: Command) -> None:
    """The line names the port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        failed = bingx_async("emulator", "--port", port)

    assert (failed.code, failed.out) == (1, "")
    assert port in failed.err
    assert _is_one_line(failed.err)


def test_without_a_command_the_commands_are_listed(bingx_async: Command) -> None:
    """The bare name is a question for help."""
    shown = bingx_async()

    assert shown.code == 0
    assert all(name in shown.out for name in ("demo", "emulator", "endpoints", "leverage"))


def test_the_module_is_the_program() -> None:
    """``python -m bingx_async`` runs the command line."""
    shown = _python("-m", "bingx_async", "--version")

    assert (shown.code, shown.out) == (0, f"bingx-async, version {__version__}\n")


@pytest.mark.parametrize("package", ["click", "rich"])
def test_without_the_extra_one_line_says_what_to_install(package: str) -> None:
    """The library works without the extra; the command line says what it lacks."""
    failed = _python(
        "-c",
        f"import sys; sys.modules[{package!r}] = None;"
        " from bingx_async.__main__ import main; sys.exit(main())",
    )

    assert (failed.code, failed.out) == (1, "")
    assert 'pip install "bingx-async[cli]"' in failed.err
    assert _is_one_line(failed.err)


def test_an_import_that_fails_inside_is_not_hidden() -> None:
    """Only the extra's own packages are taken for missing; a broken installation shows itself."""
    failed = _python(
        "-c",
        "import sys; sys.modules['bingx_async.demo'] = None;"
        " from bingx_async.__main__ import main; sys.exit(main())",
    )

    assert failed.code == 1
    assert "bingx_async.demo" in failed.err

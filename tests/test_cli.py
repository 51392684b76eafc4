from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from bingx_async import BingX, __version__
from tests.commands import ENVIRONMENT, bingx_async, python


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
        (["leverage"], 2),
        (["orders", "--symbol", "FOO-USDT"], 1),
        (["order", "place", "BTC-USDT", "HOLD", "1"], 2),
        (["order", "place", "BTC-USDT", "BUY", "much"], 2),
        (["order", "place", "BTC-USDT", "BUY", "0"], 2),
        (["order", "place", "BTC-USDT", "BUY", "NaN"], 2),
        (["order", "place", "BTC-USDT", "BUY", "1", "--price", "-5"], 2),
        (["order", "place", "BTC-USDT", "BUY", "1", "--type", "STOP"], 1),
        (["order", "place", "BTC-USDT", "BUY", "1", "--type", "TRAILING_STOP_MARKET"], 2),
        (["order", "place", "BTC-USDT", "BUY", "1000000"], 1),
        (["order", "cancel", "BTC-USDT"], 2),
        (["order", "cancel", "BTC-USDT", "1"], 1),
        (["ticker", "FOO-USDT"], 1),
        (["klines", "FOO-USDT"], 1),
        (["klines", "BTC-USDT", "--interval", "1y"], 2),
        (["klines", "BTC-USDT", "--limit", "1441"], 2),
        (["demo", "--contracts", "16"], 2),
        (["nonsense"], 2),
        (["--nonsense"], 2),
    ],
)
def test_a_wrong_call_is_one_line(args: list[str], code: int) -> None:
    """Whoever mistypes reads what is wrong, on stderr, and nothing else."""
    failed = bingx_async(*args)

    assert failed.code == code
    assert failed.err.startswith("Error: ")
    assert failed.is_one_line()


def test_an_error_is_json_where_json_was_asked_for() -> None:
    """A machine reads the class of the error, and the exchange's own words."""
    failed = bingx_async("leverage", "BTC-USDT", "LONG", "1000", "--json")

    error = json.loads(failed.err)
    assert (failed.code, failed.out) == (1, "")
    assert error["error"] == "InvalidRequest"
    assert "[101414]" in error["message"]


def test_endpoints_lists_every_declaration() -> None:
    """Piped, an endpoint is a line with its address and its quota."""
    lines = bingx_async("endpoints").out.splitlines()

    for name, endpoint in BingX.endpoints().items():
        (line,) = (line for line in lines if line.startswith(f"{name} "))
        assert line.split()[1:3] == [endpoint.method, endpoint.path]
        assert str(endpoint.quota or "-") in line
    assert "  group 2  2000/10 s; each endpoint 300/10 s" in lines


def test_endpoints_prints_json() -> None:
    """The same declarations as data."""
    shown = bingx_async("endpoints", "--json").json

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


def test_without_a_command_the_commands_are_listed() -> None:
    """The bare name is a question for help."""
    shown = bingx_async()

    commands = {
        *("balance", "demo", "emulator", "endpoints", "events", "klines", "leverage", "limits"),
        *("order", "orders", "plan", "positions", "ticker", "watch"),
    }
    assert shown.code == 0
    assert {line.split()[0] for line in shown.out.partition("Commands:")[2].splitlines()[1:]} == (
        commands
    )


def test_the_module_is_the_program() -> None:
    """``python -m bingx_async`` runs the command line."""
    shown = python("-m", "bingx_async", "--version")

    assert (shown.code, shown.out) == (0, f"bingx-async, version {__version__}\n")


def test_who_reads_may_stop_reading() -> None:
    """A closed pipe, as behind ``head``, ends a command without a traceback."""
    nobody, pipe = os.pipe()
    os.close(nobody)
    done = subprocess.run(
        [sys.executable, "-m", "bingx_async", "endpoints"],
        env=ENVIRONMENT,
        stdout=pipe,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(pipe)

    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("package", ["click", "rich"])
def test_without_the_extra_one_line_says_what_to_install(package: str) -> None:
    """The library works without the extra; the command line says what it lacks."""
    failed = python(
        "-c",
        f"import sys; sys.modules[{package!r}] = None;"
        " from bingx_async.__main__ import main; sys.exit(main())",
    )

    assert failed.code == 1
    assert 'pip install "bingx-async[cli]"' in failed.err
    assert failed.is_one_line()


def test_an_import_that_fails_inside_is_not_hidden() -> None:
    """Only the extra's own packages are taken for missing; a broken installation shows itself."""
    failed = python(
        "-c",
        "import sys; sys.modules['bingx_async.demo'] = None;"
        " from bingx_async.__main__ import main; sys.exit(main())",
    )

    assert failed.code == 1
    assert "bingx_async.demo" in failed.err

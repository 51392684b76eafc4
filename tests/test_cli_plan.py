"""Facts about the command that tells how long calls will take."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bingx_async import BingX
from bingx_async.cli.planning import find_endpoint
from tests.commands import bingx_async

DOCUMENT = Path(__file__).parents[1] / "docs" / "cli.md"
EXAMPLE = re.compile(
    r"^\$ bingx-async (plan [^\n]+)\n```\n+```text\n(.+?)^```", re.MULTILINE | re.DOTALL
)


def test_plan_shows_each_endpoint_and_the_whole() -> None:
    """A line an endpoint, with what the last of its calls waits for, and a line for all."""
    shown = bingx_async("plan", "set_leverage=400", "contracts=20", "--uid", "1001")

    heads, first, second, _, whole = shown.out.splitlines()
    assert (shown.code, shown.err) == (0, "")
    assert re.split(r"  +", heads) == ["Endpoint", "Calls", "First", "Last", "Bound by"]
    assert re.split(r"  +", first) == [
        *("swap.set_leverage", "400", "0.0 s", "79.0 s"),
        "uid 1001, swap.set_leverage (5/s)",
    ]
    assert re.split(r"  +", second) == ["swap.contracts", "20", "0.0 s", "0.0 s", "-"]
    assert whole == "420 calls take 79.0 s; bound by uid 1001, swap.set_leverage (5/s)"


def test_plan_counts_the_round_trips() -> None:
    """Every token is away for a round trip longer."""
    shown = bingx_async("plan", "swap.set_leverage=400", "--round-trip", "0.1")

    assert shown.out.splitlines()[-1] == (
        "400 calls take 86.9 s, the last answer comes after 87.0 s;"
        " bound by uid default, swap.set_leverage (5/s)"
    )


def test_plan_prints_json() -> None:
    """One object, with the seconds as numbers and what binds in its parts."""
    found = bingx_async(
        *("plan", "contracts=1000", "set_leverage=1", "--ip", "home", "--round-trip", "0.1"),
        "--json",
    ).json

    quota = {"tokens": 1000, "period": 60}
    group = {"scope": "ip", "owner": "home", "subject": "group 1", "quota": quota}
    contracts, leverage = found.pop("endpoints")
    assert found == {"calls": 1001, "seconds": 54.06, "answered": 54.16, "bound_by": group}
    assert contracts.pop("endpoint") == "swap.contracts"
    assert contracts == {"calls": 1000, "first": 0.0, "last": 54.06, "bound_by": group}
    assert leverage.pop("endpoint") == "swap.set_leverage"
    assert leverage == {"calls": 1, "first": 0.0, "last": 0.0, "bound_by": None}


def test_no_calls_take_no_time() -> None:
    """They can be asked for, and are shown."""
    shown = bingx_async("plan", "contracts=0")

    assert shown.out.splitlines()[-1] == "0 calls take 0.0 s; nothing waits"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["set_levrage=4"], "no endpoint is called 'set_levrage'; near it are swap.set_leverage"),
        (["swap.contract=4"], "no endpoint is called 'swap.contract'; near it are swap.contracts"),
        (["frobnicate=4"], "'frobnicate'; bingx-async endpoints lists them all"),
        (["contracts"], "'contracts' must be NAME=CALLS, with at most 1000000 calls"),
        (["contracts=some"], "'contracts=some' must be NAME=CALLS"),
        (["contracts=-1"], "'contracts=-1' must be NAME=CALLS"),
        (["contracts=1000001"], "'contracts=1000001' must be NAME=CALLS"),
        (["contracts=1", "--round-trip", "-1"], "--round-trip"),
        ([], "Missing argument 'NAME=CALLS...'"),
    ],
)
def test_what_cannot_be_planned_is_one_line(args: list[str], words: str) -> None:
    """It says what is wrong, and which names are near."""
    failed = bingx_async("plan", *args)

    assert failed.code == 2
    assert failed.is_one_line()
    assert words in failed.err


def test_a_name_is_found_with_its_product_and_without() -> None:
    """As long as it is the only one of that name."""
    endpoint = BingX.endpoints()["swap.contracts"]
    endpoints = {"swap.contracts": endpoint}

    assert find_endpoint("contracts", endpoints) is endpoint
    assert find_endpoint("swap.contracts", endpoints) is endpoint
    with pytest.raises(ValueError, match=r"'contracts' may be swap\.contracts or spot\.contracts"):
        find_endpoint("contracts", {**endpoints, "spot.contracts": endpoint})


def test_the_documented_example_is_what_is_printed() -> None:
    """The page shows the command and its output, to the letter."""
    found = EXAMPLE.search(DOCUMENT.read_text(encoding="utf-8"))

    assert found is not None
    assert bingx_async(*found[1].split()).out == found[2]

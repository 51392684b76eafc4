from __future__ import annotations

import json
import re
import signal

import pytest

from tests.commands import Outcome, bingx_async, python, started


@pytest.fixture(scope="module")
def shown() -> Outcome:
    """Run the whole demonstration once, its output piped."""
    return python("-m", "bingx_async", "demo")


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


def test_the_demo_prints_json() -> None:
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
    async with started("demo") as process:
        assert process.stdout is not None
        await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()

    assert process.returncode == 130
    assert b"Traceback" not in err

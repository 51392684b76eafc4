"""Facts about the command that shows the quotas of a fleet, with a real Redis."""

from __future__ import annotations

import asyncio
import io
import json
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import web
from rich.console import Console
from rich.text import Text

from bingx_async import BingX, BucketKey, BucketState, IpGroup, Quota, Scope
from bingx_async.cli.limits import _screen
from bingx_async.shared import SharedGovernor
from tests.commands import Outcome, bingx_async, python, started
from tests.redis_server import RedisServer

SET = BingX.endpoints()["swap.set_leverage"]
PLACE = BingX.endpoints()["swap.place_order"]
CONTRACTS = BingX.endpoints()["swap.contracts"]
LONGEST = max(BingX.endpoints().values(), key=lambda endpoint: len(endpoint.name))
SECRET = "a-secret-of-redis"


async def shown(*args: str, **environment: str) -> Outcome:
    """Run the command inside this process, while the loop goes on."""
    return await asyncio.to_thread(bingx_async, "limits", *args, environment=environment)


def bucket(found: Outcome, subject: str, owner: str = "1001") -> dict[str, Any]:
    """Find the one bucket of this subject and owner."""
    rows: list[dict[str, Any]] = found.json["buckets"]
    (one,) = (row for row in rows if (row["subject"], row["owner"]) == (subject, owner))
    return one


@pytest.fixture
async def fleet(redis_url: str, namespace: str) -> AsyncIterator[SharedGovernor]:
    """A process of a fleet that has begun."""
    async with SharedGovernor(redis_url, namespace=namespace) as governor:
        await governor.declare_idle()
        yield governor


@pytest.fixture
async def busy(fleet: SharedGovernor) -> AsyncIterator[SharedGovernor]:
    """A fleet in which five requests are under way, seven callers wait, and something is shut."""
    async with AsyncExitStack() as held:
        for _ in range(5):
            await held.enter_async_context(fleet.permit(SET, uid="1001"))
        await held.enter_async_context(fleet.permit(LONGEST, uid="c0ffee123456", ip="proxy-2"))
        async with fleet.permit(PLACE, uid="1001") as permit:
            permit.told(7)  # of 10; one of the three was sent from here
        async with fleet.permit(CONTRACTS, ip="proxy-2") as permit:
            permit.refused(90.0, scope=Scope.ADDRESS)
        tasks = [asyncio.create_task(wait(fleet)) for _ in range(7)]
        async with asyncio.timeout(5):
            while not any(state.waiting == 7 for state in await fleet.snapshot()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        yield fleet
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def wait(governor: SharedGovernor) -> None:
    async with governor.permit(SET, uid="1001"):
        pass


@pytest.mark.usefixtures("busy")
async def test_a_bucket_is_a_line(redis_url: str, namespace: str) -> None:
    """Whose it is, its quota, what is free, and who waits; piped, without escapes."""
    found = await shown("--redis", redis_url, "--namespace", namespace)

    assert (found.code, found.err) == (0, "")
    title, _, heads, *rows = found.out.splitlines()
    assert title == f"Quotas of {namespace} (Redis at {redis_url.removeprefix('redis://')})"
    assert re.sub(" +", " ", heads) == (
        "Scope Owner Subject Quota Free Waiting Next Closed Refused Elsewhere"
    )
    words = {tuple(row.split()[:3]): row.split()[3:] for row in rows}
    assert words["uid", "1001", "swap.set_leverage"] == ["5/s", "0", "7", "-", "-", "-", "-"]
    assert words["uid", "1001", "swap.place_order"][-1] == "2"
    (shut,) = (row for row in rows if "everything" in row)
    assert re.fullmatch(r"ip +proxy-2 +everything +- +0 +- +(\d\d\.\d s) +\1 +1 +-", shut)
    assert "\x1b" not in found.out


@pytest.mark.usefixtures("busy")
async def test_json_has_everything_of_a_bucket(redis_url: str, namespace: str) -> None:
    """As data, in seconds; a scope that was shut without a quota has none."""
    found = await shown("--json", "--namespace", namespace, BINGX_REDIS_URL=redis_url)

    assert found.json["namespace"] == namespace
    assert bucket(found, "swap.set_leverage") == {
        "scope": "uid",
        "owner": "1001",
        "subject": "swap.set_leverage",
        "quota": {"tokens": 5, "period": 1.0},
        "free": 0,
        "waiting": 7,
        "next_return": None,
        "closed_for": 0.0,
        "refused": 0,
        "elsewhere": 0,
    }
    shut = bucket(found, "everything", "proxy-2")
    assert shut["quota"] is None
    assert shut["refused"] == 1
    assert 80 < shut["closed_for"] <= 90
    assert bucket(found, "swap.place_order")["elsewhere"] == 2


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("width", [80, 81, 100, 140])
async def test_a_terminal_is_never_too_narrow(redis_url: str, namespace: str, width: int) -> None:
    """No row is folded by the terminal, and a number is never torn."""
    terminal = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": str(width)}
    found = await shown("--redis", redis_url, "--namespace", namespace, **terminal)

    plain = Text.from_ansi(found.out).plain
    assert max(map(len, plain.splitlines())) <= width
    assert re.search(r"swap\.set_leverage +5/s +0 +━* +7 ", plain)
    assert re.search(r"everything +- +0 +- +\d\d\.\d s +\d\d\.\d s +1 ", plain)
    assert "\x1b[31m" in found.out  # what is used up, or shut, is red


async def test_a_quiet_fleet_leaves_room_for_long_names(
    fleet: SharedGovernor, redis_url: str, namespace: str
) -> None:
    """In eighty columns the columns of refusals go before a name is torn."""
    terminal = {"FORCE_COLOR": "1", "NO_COLOR": "1", "COLUMNS": "80"}
    async with fleet.permit(LONGEST, uid="c0ffee123456", ip="frankfurt-2"):
        found = await shown("--redis", redis_url, "--namespace", namespace, **terminal)

    lines = Text.from_ansi(found.out).plain.splitlines()
    (limit,) = (line for line in lines if line.startswith(f"  {LONGEST.name} 5/s"))
    assert max(map(len, lines)) <= 80
    assert limit.split()[1:3] == ["5/s", "4"]
    assert "uid c0ffee123456" in {line.rstrip() for line in lines}
    assert "Closed" not in found.out


async def test_nothing_known_is_said_in_a_line(redis_url: str, namespace: str) -> None:
    """An empty table would look like a mistake; JSON has an empty list."""
    found = await shown("--redis", redis_url, "--namespace", namespace)
    data = await shown("--redis", redis_url, "--namespace", namespace, "--json")

    assert found.code == 0
    assert f"Quotas of {namespace} " in found.out
    assert "nothing is known" in found.out
    assert found.out.count("\n") == 1
    assert data.json["buckets"] == []


async def test_looking_takes_no_token(
    fleet: SharedGovernor, redis_url: str, namespace: str
) -> None:
    """However often."""
    async with fleet.permit(SET, uid="1001"):
        for _ in range(5):
            found = await shown("--redis", redis_url, "--namespace", namespace, "--json")
        assert bucket(found, SET.name)["free"] == 4


@pytest.mark.usefixtures("busy")
async def test_watching_prints_a_line_of_json_each_interval(redis_url: str, namespace: str) -> None:
    """Until Ctrl-C, which leaves no traceback."""
    args = ("limits", "--namespace", namespace, "--watch", "--interval", "0.2", "--json")
    async with started(*args, BINGX_REDIS_URL=redis_url) as process:
        assert process.stdout is not None
        looks = [json.loads(await process.stdout.readline()) for _ in range(3)]
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()

    assert process.returncode == 130
    assert err.strip() == b""
    times = [look["time"] for look in looks]
    assert times[1] - times[0] >= 200
    assert times[2] - times[1] >= 200
    assert all(look["buckets"] for look in looks)


async def test_watching_without_a_terminal_prints_one_table_after_another(
    fleet: SharedGovernor, redis_url: str, namespace: str
) -> None:
    """Each with its time, so that it can go into a log."""
    args = ("limits", "--namespace", namespace, "--watch", "--interval", "0.1")
    async with started(*args, BINGX_REDIS_URL=redis_url) as process:
        assert process.stdout is not None
        first = await process.stdout.readline()
        async with fleet.permit(SET, uid="1001"):
            while b"swap.set_leverage" not in await process.stdout.readline():
                pass
        process.send_signal(signal.SIGINT)
        await process.communicate()

    assert b"nothing is known" in first
    assert re.search(rb"\d\d:\d\d:\d\d UTC", first)


@pytest.mark.usefixtures("busy")
async def test_a_display_that_is_watched_fits_the_terminal(redis_url: str, namespace: str) -> None:
    """If it is too small, what is waited for and what is shut are shown, and the rest counted."""
    terminal = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "13"}
    args = ("limits", "--namespace", namespace, "--watch", "--interval", "0.2")
    async with started(*args, BINGX_REDIS_URL=redis_url, **terminal) as process:
        assert process.stdout is not None
        seen = b""
        while seen.count(b"Quotas of") < 3:
            seen += await process.stdout.read(65536)
        process.send_signal(signal.SIGINT)
        await process.communicate()

    frame = re.sub(r"\x1b\[[\d;?]*\w|\r", "", seen.decode().split("Quotas of")[2])
    assert process.returncode == 130
    assert len(frame.rstrip().splitlines()) <= 13
    assert max(map(len, frame.splitlines())) <= 80
    assert "everything" in frame
    assert "swap.set_leverage" in frame
    assert LONGEST.name not in frame
    assert "have no room here" in frame
    assert b"\x1b[?25h" not in seen  # the cursor comes back at the end only


@pytest.mark.parametrize("height", [5, 12, 14, 24, 60])
@pytest.mark.parametrize("width", [80, 140])
def test_the_display_has_room_for_what_matters(height: int, width: int) -> None:
    """Whatever the height, it fits; what is shut comes first, then who waits, then the rest."""
    states = [
        *(state("uid", str(1000 + n), SET.name, waiting=n, free=n % 5) for n in range(40)),
        state("ip", "default", SET.name, quota=Quota(300, 10.0), free=290),
        state("ip", "proxy-2", "everything", quota=None, free=0, closed_for=12.0),
    ]
    states.sort(key=lambda each: each.key)
    out = Console(width=width, height=height, file=io.StringIO(), no_color=True)
    with out.capture() as captured:
        out.print(_screen(out, "Quotas", states))

    lines = captured.get().splitlines()
    assert len(lines) <= max(height, 8)
    assert "everything" in captured.get()
    waiting = [int(line.split()[-5]) for line in lines if f" {SET.name} " in line and "5/s" in line]
    assert waiting == list(range(40 - len(waiting), 40))
    shown = sum("/s" in line or "everything" in line for line in lines) + len(
        re.findall(r"300/10 s", captured.get())
    )
    left_out = re.findall(r"(\d+) less busy", captured.get())
    assert shown + int(left_out[0] if left_out else 0) == len(states)


def state(
    scope: str,
    owner: str,
    subject: str,
    *,
    free: int,
    quota: Quota | None = Quota(5, 1.0),  # noqa: B008 - it is frozen
    waiting: int = 0,
    closed_for: float = 0.0,
) -> BucketState:
    """Describe a bucket."""
    return BucketState(
        BucketKey(scope, owner, subject), quota, free, waiting, None, closed_for=closed_for
    )


def test_a_display_may_begin_empty() -> None:
    """It waits for somebody to use the namespace, and says so."""
    out = Console(width=80, file=io.StringIO())
    with out.capture() as captured:
        out.print(_screen(out, "Quotas", []))

    assert captured.get().startswith("Quotas: nothing is known")


@pytest.mark.usefixtures("busy")
async def test_a_wide_terminal_that_is_watched_shows_whole_lines(
    redis_url: str, namespace: str
) -> None:
    """There is room for scope and owner in each."""
    terminal = {"FORCE_COLOR": "1", "NO_COLOR": "1", "COLUMNS": "140", "LINES": "40"}
    args = ("limits", "--namespace", namespace, "--watch")
    async with started(*args, BINGX_REDIS_URL=redis_url, **terminal) as process:
        assert process.stdout is not None
        seen = b""
        while b"swap.set_leverage" not in seen or b"uid" not in seen:
            seen += await process.stdout.read(65536)
        process.send_signal(signal.SIGINT)
        await process.communicate()

    assert re.search(r"uid +1001 +swap\.set_leverage +5/s", Text.from_ansi(seen.decode()).plain)


async def test_a_quota_that_differs_is_shown_as_it_is(redis_url: str, namespace: str) -> None:
    """The command needs not be told of it."""
    groups = {2: IpGroup(total=[Quota(40, 2.5)])}
    lower = {SET.name: Quota(1, 1.5)}
    async with SharedGovernor(
        redis_url, namespace=namespace, limits=lower, groups=groups
    ) as governor:
        await governor.declare_idle()
        async with governor.permit(SET, uid="1001"):
            found = await shown("--redis", redis_url, "--namespace", namespace, "--json")

    assert bucket(found, SET.name)["quota"] == {"tokens": 1, "period": 1.5}
    assert bucket(found, "group 2", "default")["quota"] == {"tokens": 40, "period": 2.5}


# --- what goes wrong ------------------------------------------------------------------------------


def test_without_a_url_the_option_and_the_variable_are_named() -> None:
    """Whoever has neither learns of both."""
    failed = bingx_async("limits")

    assert failed.code == 2
    assert "--redis" in failed.err
    assert "BINGX_REDIS_URL" in failed.err
    assert failed.is_one_line()


@pytest.mark.parametrize(
    "url",
    [
        f"http://:{SECRET}@localhost",
        f"localhost:{SECRET}",
        SECRET,
        f"redis://:{SECRET}/{SECRET}@localhost",
        f"redis://:{SECRET}?{SECRET}@localhost",
        f"redis://:1#{SECRET}@localhost",
        f"redis://{SECRET}?{SECRET}@localhost",
        f"redis://localhost:{SECRET}",
        f"redis://:{SECRET}@localhost:70000",
        f"unix://:{SECRET}/{SECRET}@/tmp/redis.sock",
        f"redis://:{SECRET}@localhost?db={SECRET}",
        f"redis://:{SECRET}@localhost?{SECRET}=1",
        f"redis://:{SECRET}@[localhost",
    ],
)
@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_url_that_cannot_be_one_is_not_repeated(url: str, as_json: list[str]) -> None:
    """A password that was pasted as it is breaks a URL, and must not be read on the screen."""
    for failed in (
        bingx_async("limits", "--redis", url, *as_json),
        bingx_async("limits", *as_json, environment={"BINGX_REDIS_URL": url}),
    ):
        assert failed.code in {1, 2}
        assert failed.is_one_line()
        assert SECRET not in failed.err


@pytest.fixture
def nobody() -> Iterator[int]:
    """A port at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.mark.parametrize("watch", [[], ["--watch"]])
def test_redis_away_is_one_line_without_the_password(nobody: int, watch: list[str]) -> None:
    """It says where it was looked for, also to machines."""
    url = f"redis://user:{SECRET}@127.0.0.1:{nobody}"
    failed = bingx_async("limits", "--redis", url, *watch)
    told = bingx_async("limits", "--redis", url, *watch, "--json")

    assert failed.code == told.code == 1
    assert f"Redis at 127.0.0.1:{nobody} is away" in failed.err
    assert json.loads(told.err)["error"] == "GovernorUnavailable"
    assert failed.is_one_line()
    assert told.is_one_line()
    assert SECRET not in failed.err + told.err


def test_a_password_that_is_refused_is_one_line_without_it(redis_server: RedisServer) -> None:
    """Redis' own words say what is wrong."""
    url = redis_server.url.replace("redis://", f"redis://somebody:{SECRET}@")
    failed = bingx_async("limits", "--redis", url)

    assert failed.code == 1
    assert "cannot be used" in failed.err
    assert failed.is_one_line()
    assert SECRET not in failed.err


async def test_something_else_at_the_address_is_one_line() -> None:
    """A web server is no Redis."""
    runner = web.AppRunner(web.Application())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    failed = await shown("--redis", f"redis://{host}:{port}")
    await runner.cleanup()

    assert failed.code == 1
    assert f"{host}:{port}" in failed.err
    assert failed.is_one_line()


@pytest.mark.parametrize("as_json", [[], ["--json"]])
@pytest.mark.parametrize("terminal", [{}, {"FORCE_COLOR": "1", "COLUMNS": "80"}])
async def test_a_watcher_ends_when_redis_goes(
    redis_server: RedisServer, as_json: list[str], terminal: dict[str, str]
) -> None:
    """With a line, and an exit code that says so; whoever started it may start it again."""
    args = ("--redis", redis_server.url, "--watch", "--interval", "0.1", *as_json)
    watching = asyncio.create_task(shown(*args, **terminal))
    async with SharedGovernor(redis_server.url) as governor:
        await governor.declare_idle()
        async with governor.permit(SET, uid="1001"):
            await asyncio.sleep(0.5)
        redis_server.stop(keeps_data=True)
        failed = await watching

    assert failed.code == 1
    assert "is away" in failed.err
    assert "\n" not in failed.err.rstrip()
    assert SET.name in failed.out


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (["--namespace", "a b"], "namespace"),
        (["--interval", "1"], "--interval"),
        (["--watch", "--interval", "0"], "--interval"),
    ],
)
def test_arguments_that_make_no_sense_are_one_line(args: list[str], word: str) -> None:
    """Before anybody is asked."""
    failed = bingx_async("limits", "--redis", "redis://127.0.0.1:1", *args)

    assert failed.code in {1, 2}
    assert word in failed.err
    assert failed.is_one_line()


def test_without_redis_py_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other commands work without it."""
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    for module in [name for name in sys.modules if name.startswith("bingx_async.shared")]:
        monkeypatch.delitem(sys.modules, module)
    failed = bingx_async("limits", "--redis", "redis://localhost")
    others = python("-c", "import sys, bingx_async.cli; print('redis' in sys.modules)")

    assert failed.code == 1
    assert 'pip install "bingx-async[redis]"' in failed.err
    assert failed.is_one_line()
    assert others.out == "False\n"

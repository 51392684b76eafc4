"""Facts about the governor of a fleet, with a real Redis, beside those of every governor."""

import asyncio
import contextlib
import logging
import signal
import sys
import time
from uuid import uuid4

import pytest
import redis.asyncio
from hypothesis import given
from hypothesis import strategies as st

from bingx_async import BingX, GovernorUnavailable, Quota, QuotaTimeout
from bingx_async.limits import BucketKey, LaneKey, Limits
from bingx_async.shared import SharedGovernor
from bingx_async.shared.courier import Operation
from bingx_async.shared.lanes import Lane, gate_text, key_of
from tests.commands import ENVIRONMENT
from tests.redis_server import RedisServer
from tests.server import RawServer, answer
from tests.test_any_governor import FREE, SET, limited, request, settled, state, waiting

HELD_UP = 1.0  # seconds between permit and sending that a lease allows for


@pytest.fixture
async def make(redis_url, namespace):
    """Make governors that share their quotas; each is a process of its own to the others."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(url=redis_url, *, idle=True, longest_timeout=0.1, **options):
            options["longest_timeout"] = longest_timeout
            governor = SharedGovernor(url, namespace=namespace, **options)
            await stack.enter_async_context(governor)
            if idle:
                await governor.declare_idle()
            return governor

        yield make


@contextlib.asynccontextmanager
async def asking(url):
    """Look into Redis by other means."""
    async with redis.asyncio.Redis.from_url(url) as client:
        yield client


_PROCESS = """
import asyncio, sys
from bingx_async import BingX, Quota
from bingx_async.limits import BucketKey, LaneKey, Limits
from bingx_async.shared import SharedGovernor
from bingx_async.shared.lanes import Lane, gate_text, key_of

SET = BingX.endpoints()["swap.set_leverage"]

async def hold(governor, seconds, timeout):
    async with governor.permit(SET, uid="1", timeout=timeout):
        print("held", flush=True)
        await asyncio.sleep(seconds)

async def main(url, namespace, period, callers, seconds, timeout):
    options = {"limits": {SET.name: Quota(1, period)}, "groups": {1: None, 2: None, 3: None}}
    async with SharedGovernor(url, namespace=namespace, **options) as governor:
        await asyncio.gather(*(hold(governor, seconds, timeout) for _ in range(callers)))

asyncio.run(main(*sys.argv[1:3], *map(eval, sys.argv[3:])))
"""


@contextlib.asynccontextmanager
async def process(url, namespace, *, period, callers=1, seconds=0.0, given_up_after=10.0):
    """Let callers in another process hold a permit each, of one token a period; then kill it."""
    numbers = map(str, (period, callers, seconds, given_up_after))
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _PROCESS, url, namespace, *numbers),
        env=ENVIRONMENT,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield running
    finally:
        if running.returncode is None:
            running.kill()
        await running.communicate()


async def test_governors_share_a_quota(make):
    """Together they get what one would get, and who asked first is served first."""
    governors = [await make(**limited(2, 0.05)) for _ in range(3)]
    log, tasks = [], []
    await asyncio.gather(*(request(governors[0]) for _ in range(2)))
    for number in range(12):
        tasks += await waiting(governors[number % 3], 1, log=log, name=number)
        await settled(governors[0], number + 1) if number < 2 else await asyncio.sleep(0.004)
    await asyncio.gather(*tasks)
    log.sort(key=lambda entry: entry[1])
    for (_, _, answered), (_, sent, _) in zip(log, log[2:], strict=False):
        assert sent >= answered + 0.05
    names = [name for name, _, _ in log]
    assert all(abs(name - place) <= 1 for place, name in enumerate(names))


async def test_a_higher_priority_goes_first_whatever_the_process(make):
    """Those of the same priority keep their order."""
    one, other = await make(**limited(1, 0.05)), await make(**limited(1, 0.05))
    log = []
    async with one.permit(SET, uid="1"):
        tasks = []
        for number, (governor, priority) in enumerate([(one, 0), (other, 0), (one, 1), (other, 2)]):
            tasks += await waiting(governor, 1, log=log, name=number, priority=priority)
            await settled(one, number + 1)
    await asyncio.gather(*tasks)
    assert [name for name, _, _ in log] == [3, 2, 0, 1]


async def test_a_permit_costs_a_few_commands(make):
    """Two if it is free; some three if it waits, with others of other processes."""
    governors = [await make(**limited(2, 0.02)) for _ in range(3)]
    before = sum(governor._courier.link.commands for governor in governors)
    await request(governors[0])
    await asyncio.sleep(0.05)
    assert sum(governor._courier.link.commands for governor in governors) - before == 2

    async def call(governor):
        for _ in range(20):
            await request(governor, takes=0.002)

    await asyncio.gather(*(call(governor) for governor in governors for _ in range(2)))
    await asyncio.sleep(0.05)
    assert sum(governor._courier.link.commands for governor in governors) - before <= 2 + 4 * 120


async def test_what_one_process_wants_at_once_travels_together(make):
    """Hundreds of callers in one turn of the loop are one command."""
    governor = await make(**limited(300, 5.0))
    before = governor._courier.link.commands
    await asyncio.gather(*(request(governor) for _ in range(200)))
    await governor.snapshot()
    assert governor._courier.link.commands - before <= 3


async def test_the_token_of_a_killed_process_comes_back_after_its_lease(make, redis_url, namespace):
    """When the request can be under way no longer, and a period after that; no sooner."""
    governor = await make(**limited(1, 0.2))
    async with process(redis_url, namespace, period=0.2, seconds=60, given_up_after=0.3) as other:
        assert await other.stdout.readline() == b"held\n"
        held = time.monotonic()
        other.kill()
        await other.wait()
        with pytest.raises(QuotaTimeout):
            await request(governor, max_wait=0.1)
        async with asyncio.timeout(20):
            await request(governor, log := [])
    # It said so a little after it had its permit.
    assert log[0][1] >= held + HELD_UP + 0.3 + 0.2 - 0.1


async def test_callers_of_a_killed_process_cost_nothing(make, redis_url, namespace):
    """Those who come after them do not wait for tokens that nobody uses."""
    governor = await make(**limited(1, 0.05))
    async with (
        governor.permit(SET, uid="1"),
        process(redis_url, namespace, period=0.05, callers=30) as other,
    ):
        await settled(governor, 30)
        (task,) = await waiting(governor, 1)
        await settled(governor, 31)
        other.kill()
        await other.wait()
    async with asyncio.timeout(9):  # a single one of their leases would take eleven seconds
        await task
    assert (await state(governor)).waiting == 0


async def test_a_process_that_is_stopped_holds_up_nobody_and_goes_on_afterwards(
    make, redis_url, namespace
):
    """It is thought dead meanwhile, and stands in the queue again when it wakes."""
    governor = await make(**limited(1, 0.05))
    async with process(redis_url, namespace, period=0.05, callers=5) as other:
        async with governor.permit(SET, uid="1"):
            await settled(governor, 5)
            other.send_signal(signal.SIGSTOP)
            await asyncio.sleep(3.1)
            (task,) = await waiting(governor, 1)
            await settled(governor, 1)
        async with asyncio.timeout(20):
            await task
        other.send_signal(signal.SIGCONT)
        async with asyncio.timeout(10):
            assert await other.stdout.read() == b"held\n" * 5


async def test_a_process_that_was_held_up_after_its_permit_asks_again(make, caplog):
    """Its lease would no longer cover the request."""
    governor = await make(**limited(1, 0.05))
    with caplog.at_level(logging.INFO, logger="bingx_async"):
        (task,) = await waiting(governor, 1)
        for _ in range(3):  # until the command has left
            await asyncio.sleep(0)
        time.sleep(HELD_UP + 0.1)  # noqa: ASYNC251 - the whole process stands still
        async with asyncio.timeout(20):
            await task
    assert "asking again" in caplog.text


async def test_a_new_namespace_begins_with_a_wait(make):
    """Nobody knows what was sent before; it ends by itself, or when somebody says that it may."""
    governor = await make(**limited(1, 0.1), idle=False)
    with pytest.raises(QuotaTimeout) as caught:
        await request(governor, timeout=0.5, max_wait=1)
    assert caught.value.wait == pytest.approx(HELD_UP + 0.5 + 0.1, abs=0.2)
    (task,) = await waiting(governor, 1, timeout=0.5)
    await asyncio.sleep(0.1)
    assert not task.done()
    await governor.declare_idle()
    async with asyncio.timeout(20):
        await task


@pytest.mark.parametrize("keeps_data", [True, False])
async def test_after_a_restart_nothing_goes_before_all_has_left_its_window(
    redis_server, make, keeps_data, caplog
):
    """Whatever it remembers; those who waited go on waiting, in their order."""
    governor = await make(redis_server.url, **limited(1, 0.2))
    log = []
    async with governor.permit(SET, uid="1", timeout=0.2):
        tasks = await waiting(governor, 3, log=log, timeout=0.2)
        await settled(governor, 3)
        await asyncio.to_thread(redis_server.stop, keeps_data=keeps_data)
        await asyncio.sleep(0.1)
    restarted = time.monotonic()
    await asyncio.to_thread(redis_server.start)
    async with asyncio.timeout(20):
        await asyncio.gather(*tasks)
    assert [name for name, _, _ in log] == [0, 1, 2]
    assert log[0][1] >= restarted + HELD_UP + 0.2 + 0.2
    assert "is away" in caplog.text
    assert "is back" in caplog.text


async def test_what_was_sent_before_a_restart_is_not_taken_for_others_doing(
    redis_server, make, caplog
):
    """The exchange counts it still, and the new book does not."""
    governor = await make(redis_server.url, **limited(5, 0.3))
    async with governor.permit(SET, uid="1") as first, governor.permit(SET, uid="1") as second:
        await asyncio.to_thread(redis_server.stop, keeps_data=True)
        await asyncio.to_thread(redis_server.start)
        first.told(3)  # on its way when the book is begun
        second.told(3)
    await governor.declare_idle()
    assert "something else" not in caplog.text
    assert all(bucket.elsewhere == 0 for bucket in await governor.snapshot())


async def test_while_redis_is_away_a_governor_that_waits_grants_nothing(redis_server, make):
    """But keeps max_wait, and goes on when Redis is there."""
    redis_server.stop(keeps_data=False)
    governor = await make(redis_server.url, **limited(1, 0.1), idle=False)
    with pytest.raises(QuotaTimeout, match="Redis, which is away"):
        await request(governor, max_wait=0.3, timeout=0.1)
    (task,) = await waiting(governor, 1, timeout=0.1)
    await asyncio.sleep(0.3)
    assert not task.done()
    await asyncio.to_thread(redis_server.start)
    async with asyncio.timeout(20):
        await task


async def test_while_redis_is_away_a_governor_that_raises_says_so_at_once(redis_server, make):
    """To those who wait already as well; it works again when Redis is there."""
    governor = await make(redis_server.url, **limited(1, 30.0), on_outage="raise")
    await request(governor, timeout=0.1)
    (task,) = await waiting(governor, 1)
    await settled(governor, 1)
    await asyncio.to_thread(redis_server.stop, keeps_data=False)
    for call in (task, request(governor), governor.snapshot(), governor.declare_idle()):
        with pytest.raises(GovernorUnavailable, match="is away"):
            async with asyncio.timeout(20):
                await call
    await asyncio.to_thread(redis_server.start)
    await governor.declare_idle()
    await request(governor)


async def test_a_redis_that_stalls_grants_nothing_and_hangs_nobody(redis_server, make):
    """It keeps its connections and does not answer."""
    governor = await make(redis_server.url, **limited(5, 0.1))
    await request(governor)
    redis_server.stall()
    with pytest.raises(QuotaTimeout):
        await request(governor, max_wait=0.3)
    (task,) = await waiting(governor, 1)
    await asyncio.sleep(0.2)
    assert not task.done()
    redis_server.go_on()
    async with asyncio.timeout(20):
        await task


async def test_a_broken_channel_is_mended(make, redis_url):
    """What others caused meanwhile is found out."""
    governor, other = await make(**limited(1, 0.05)), await make(**limited(1, 0.05))
    async with other.permit(SET, uid="1"):
        tasks = await waiting(governor, 3)
        await settled(other, 3)
        async with asking(redis_url) as client:
            await client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    async with asyncio.timeout(10):
        await asyncio.gather(*tasks)


async def test_a_connection_that_was_cut_while_it_was_idle_is_no_outage(make, redis_url, caplog):
    """Redis is there, so that nobody is told that it is not."""
    governor = await make(**limited(9, 5.0), on_outage="raise")
    await request(governor)
    async with asking(redis_url) as client:
        await client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    await request(governor)
    async with asking(redis_url) as client:
        await client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    assert (await state(governor)).free == 7
    assert "away" not in caplog.text


async def test_a_governor_made_before_a_fork_is_one_for_each_process(redis_url, namespace):
    """Their callers are not mistaken for each other's."""
    source = f"""
import asyncio, os
from bingx_async import BingX, Quota
from bingx_async.shared import SharedGovernor
SET = BingX.endpoints()["swap.set_leverage"]
options = {{"limits": {{SET.name: Quota(2, 30.0)}}, "groups": {{1: None, 2: None, 3: None}}}}
governor = SharedGovernor({redis_url!r}, namespace={namespace!r}, **options)
children = [os.fork() for _ in range(2)]
async def call():
    async with governor.permit(SET, uid="1"):
        os.write(1, b"sent ")
async def main():
    await governor.declare_idle()
    await asyncio.wait([asyncio.create_task(call()) for _ in range(2)], timeout=1.5)
    await governor.close()
asyncio.run(main())
for child in children:
    if child:
        os.waitpid(child, 0)
"""
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", source),
        env=ENVIRONMENT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    sent, _ = await running.communicate()
    assert sent == b"sent sent "


async def test_a_permit_that_is_asked_for_again_is_as_old_as_its_grant(make):
    """Who could not be told of it must not take it for a new one: its lease runs already."""
    governor = await make(**limited(1, 0.2))
    async with governor.permit(SET, uid="1", timeout=0.5) as permit:
        held = permit._held
        await asyncio.sleep(0.6)
        governor._courier.post(Operation("again", held.lane, waiter=held))
        await governor.snapshot()
        assert governor._age(held) > 0.55


async def test_however_many_ask_while_redis_is_away_none_is_forgotten(redis_server, make):
    """Reports may be dropped, as leases run out; callers may not."""
    redis_server.stop(keeps_data=False)
    governor = await make(redis_server.url, **limited(20_000, 0.1), idle=False)
    tasks = await waiting(governor, 10_500, timeout=0.1)
    await asyncio.sleep(0.2)
    await asyncio.to_thread(redis_server.start)
    async with asyncio.timeout(60):
        await asyncio.gather(*tasks)


async def test_after_lost_data_a_request_of_any_length_is_waited_for(redis_server, make):
    """Whoever has a permit says for how long, even if nobody of its process waits."""
    one, other = [await make(redis_server.url, **limited(1, 0.1)) for _ in range(2)]
    async with one.permit(SET, uid="1", timeout=1.0):
        await asyncio.to_thread(redis_server.stop, keeps_data=False)
        await asyncio.to_thread(redis_server.start)
        back = time.monotonic()
        async with asyncio.timeout(20):
            await request(other, log := [], timeout=0.1)
    assert log[0][1] >= back + HELD_UP + 1.0 + 0.1 - 0.5  # it may have been back a little earlier


async def test_a_channel_that_dies_without_a_sign_is_noticed(redis_server, make, monkeypatch):
    """What others granted would never be heard of."""
    monkeypatch.setattr("bingx_async.shared.link._SILENCE", 0.1)
    monkeypatch.setattr("bingx_async.shared.link._TIMEOUT", 0.5)
    connections = []

    async def forward(reader, writer):
        connections.append(asyncio.current_task())
        number = len(connections)
        port = redis_server.url.rpartition(":")[2]
        other_reader, other_writer = await asyncio.open_connection("127.0.0.1", port)

        async def pump(source, sink):
            with contextlib.suppress(ConnectionError):
                while data := await source.read(65536):
                    if number not in dead:
                        sink.write(data)
            sink.close()

        await asyncio.gather(pump(reader, other_writer), pump(other_reader, writer))
        await asyncio.gather(other_writer.wait_closed(), writer.wait_closed())

    dead = set()
    other = await make(redis_server.url, **limited(1, 0.05))
    async with await asyncio.start_server(forward, "127.0.0.1", 0) as proxy:
        port = proxy.sockets[0].getsockname()[1]
        governor = await make(f"redis://127.0.0.1:{port}", **limited(1, 0.05))
        dead.add(2)  # the second is the one on which it hears

        async with other.permit(SET, uid="1", timeout=0.1):
            (first,) = await waiting(other, 1, timeout=0.1)
            await settled(other, 1)
            (task,) = await waiting(governor, 1, timeout=0.1)
            await settled(other, 2)
        async with asyncio.timeout(20):
            while not task.done():  # so that it is always the other who looks, and grants
                await other.snapshot()
                await asyncio.sleep(0.01)
            await asyncio.gather(first, task)
        assert len(connections) == 4
        await governor.close()
        await asyncio.gather(*connections)


async def test_callers_of_a_killed_process_do_not_count_for_max_wait(make, redis_url, namespace):
    """Whoever would have to wait for them too long is told only of those who live."""
    governor = await make(**limited(1, 0.05))
    async with (
        governor.permit(SET, uid="1"),
        process(redis_url, namespace, period=0.05, callers=100) as other,
    ):
        await settled(governor, 100)
        other.kill()
        await other.wait()
        (task,) = await waiting(governor, 1, max_wait=3.0)  # of 5 s for a hundred
        await settled(governor, 1)
    await task


async def test_processes_that_end_are_forgotten(make, redis_url, namespace):
    """However often a bot is started again, Redis remembers those who are there."""
    for _ in range(5):
        governor = await make(**limited(5, 0.05))
        await request(governor)
        await governor.close()
    governor = await make(**limited(5, 0.05))
    async with asking(redis_url) as client:
        (alive,) = [key async for key in client.scan_iter(f"{{{namespace}}}*:alive")]
        assert await client.zcard(alive) <= 2


async def test_a_permit_that_is_left_after_the_governor_was_closed_connects_to_nobody(make):
    """Its lease runs out; nobody would close the connection."""
    governor = await make(**limited(1, 0.05))
    async with governor.permit(SET, uid="1"):
        await governor.close()
    await asyncio.sleep(0.05)
    assert not governor._courier.link.is_open
    assert not governor._courier.is_busy
    with pytest.raises(GovernorUnavailable, match="closed"):
        await governor.snapshot()


async def test_scripts_that_somebody_flushed_are_sent_again(make, redis_url):
    """Nobody notices."""
    governor = await make(**limited(1, 0.05))
    async with asking(redis_url) as client:
        await client.script_flush()
    async with asyncio.timeout(20):
        await request(governor)


async def test_every_key_expires_and_none_holds_a_secret(make, redis_url, namespace, exchange):
    """What is left of those who waited is gone at once."""
    governor = await make(limits={SET.name: Quota(1, 0.05)})
    account = exchange.account("alice")
    bingx = exchange.client("alice", governor=governor)

    async def kinds_of_keys():
        async with asking(redis_url) as client:
            keys = [key async for key in client.scan_iter(match=f"{{{namespace}}}*")]
            for key in keys:
                assert await client.pttl(key) > 0, key
                for secret in (account.api_key, account.secret_key):
                    assert secret.encode() not in key + (await client.dump(key))
            return {kind for key in keys for kind in key.decode().split(":")}

    await asyncio.gather(*(bingx.swap.position_mode() for _ in range(3)))
    async with governor.permit(SET, uid="1") as permit:
        tasks = await waiting(governor, 5)
        await settled(governor, 5)
        permit.told(0, 0.1)
        assert {"queue", "lane", "parked", "out", "due", "watcher"} <= await kinds_of_keys()
    permit.refused(0.1)
    permit.refused()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await governor.snapshot()
    found = await kinds_of_keys()
    assert {"book", "closed", "counts", "strikes", "below", "out"} <= found
    assert not found & {"queue", "lane", "parked", "due", "watcher"}


async def test_what_is_in_use_does_not_expire(make, redis_url, namespace):
    """A queue that is never empty is kept for as long as it is."""
    governor = await make(**limited(1, 0.05))
    await request(governor)
    tasks = await waiting(governor, 12)
    await settled(governor, 8)
    async with asking(redis_url) as client:
        parked, others = f"{{{namespace}}}*:parked:*", f"{{{namespace}}}*"
        (key,) = [key async for key in client.scan_iter(match=parked)]
        assert await client.pttl(key) > 7 * 86_400_000 - 150  # since the last grant
        ages = [await client.pttl(key) async for key in client.scan_iter(match=others)]
        assert min(ages) > 10_000
    await asyncio.gather(*tasks)


async def test_a_permit_that_comes_with_the_cancellation_is_given_back(make):
    """The caller is gone when its token is taken."""
    governor = await make(**limited(1, 60.0))
    async with governor.permit(SET, uid="1") as permit:
        (task,) = await waiting(governor, 1)
        await settled(governor, 1)
        permit.not_sent()
    task.cancel()  # in the turn in which the token comes back
    async with asyncio.timeout(20):
        await request(governor)
    assert task.cancelled()


async def test_a_governor_that_is_closed_leaves_nothing(make):
    """No task, no timer; and who waits is told."""
    governor = await make(**limited(1, 30.0))
    await request(governor)
    (task,) = await waiting(governor, 1)
    await settled(governor, 1)
    await governor.close()
    with pytest.raises(GovernorUnavailable, match="closed"):
        await task
    with pytest.raises(GovernorUnavailable, match="closed"):
        await request(governor)
    assert governor._timer is None
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_what_is_not_a_redis_is_told(make):
    """Without a password that the address may hold."""
    async with RawServer([answer(b"{}")]) as server:
        url = server.url.replace("http://", "redis://:hunter2@")
        governor = await make(url, on_outage="raise", idle=False)
        with pytest.raises(GovernorUnavailable, match=r"127\.0\.0\.1") as caught:
            await request(governor)
        assert "hunter2" not in f"{caught.value!r} {governor!r}"


async def test_a_password_that_is_refused_is_told_even_to_those_who_wait_for_redis(make, redis_url):
    """Waiting would not help."""
    governor = await make(redis_url.replace("redis://", "redis://:hunter2@"), idle=False)
    with pytest.raises(GovernorUnavailable, match="cannot be used") as caught:
        async with asyncio.timeout(20):
            await request(governor)
    assert "hunter2" not in f"{caught.value!r} {governor!r}"


@pytest.mark.parametrize(
    ("url", "options", "told"),
    [
        ("localhost:6379", {}, "url must look like redis://"),
        ("redis://localhost?hunter2=1", {}, "url must look like redis://"),
        ("redis://:hun/ter2@localhost", {}, "url must look like redis://"),
        ("redis://localhost", {"namespace": "a b"}, "namespace must consist of"),
        ("redis://localhost", {"namespace": ""}, "namespace must consist of"),
        ("redis://localhost", {"on_outage": "hope"}, "on_outage must be 'wait' or 'raise'"),
    ],
)
def test_arguments_are_checked(url, options, told):
    """Before anything is asked."""
    with pytest.raises(ValueError, match=told) as caught:
        SharedGovernor(url, **options)
    assert "hun" not in str(caught.value)


async def test_a_refusal_is_known_to_the_whole_fleet_at_once(make):
    """By a process that did not ask Redis meanwhile."""
    one, other = await make(groups=FREE), await make(groups=FREE)
    await request(other)
    async with one.permit(SET, uid="1") as permit:
        pass
    permit.refused(100)
    asked = other._courier.link.commands
    async with asyncio.timeout(20):
        while not other._closed_until:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        with pytest.raises(QuotaTimeout, match=r"uid 1, swap\.set_leverage"):
            await request(other, max_wait=1)
    assert other._courier.link.commands <= asked + 1  # the report of its own request


async def test_a_redis_that_takes_nothing_for_now_is_waited_for(redis_server, make):
    """Another one has become the primary."""
    governor = await make(redis_server.url, **limited(5, 0.1))
    async with asking(redis_server.url) as client:
        await client.execute_command("REPLICAOF", "127.0.0.1", "1")
        (task,) = await waiting(governor, 1)
        await asyncio.sleep(0.2)
        assert not task.done()
        await client.execute_command("REPLICAOF", "NO", "ONE")
    async with asyncio.timeout(10):
        await task


async def test_a_redis_that_forgets_when_it_is_full_is_warned_of(redis_server, make, caplog):
    """A forgotten token would be given out twice."""
    async with asking(redis_server.url) as client:
        await client.config_set("maxmemory", "1gb")
        await client.config_set("maxmemory-policy", "allkeys-lru")
    await make(redis_server.url)
    assert "use noeviction" in caplog.text


@pytest.mark.usefixtures("redis_url")
async def test_a_node_of_a_cluster_is_refused(make):
    """The keys of a namespace belong together."""
    with RedisServer("--cluster-enabled", "yes") as server:
        governor = await make(server.url, idle=False)
        with pytest.raises(GovernorUnavailable, match="node of a cluster"):
            async with asyncio.timeout(20):
                await request(governor)


async def test_two_namespaces_do_not_meet(make, redis_url):
    """Two fleets may use one server."""
    one = await make(**limited(1, 30.0))
    await request(one)
    async with SharedGovernor(
        redis_url, namespace=f"other-{uuid4().hex[:6]}", **limited(1, 30.0)
    ) as two:
        await two.declare_idle()
        async with asyncio.timeout(20):
            await request(two)
    assert BingX.endpoints()[SET.name] is SET


@given(st.builds(BucketKey, *[st.text(st.characters(exclude_categories=["Cs"]))] * 3))
def test_a_bucket_has_one_name_whatever_the_labels(key):
    """Two labels never make one name."""
    assert key_of(gate_text(key)) == key


def test_a_lane_has_one_name_whatever_the_labels():
    """An account's label may look like an address's."""
    names = {
        Lane(LaneKey(SET, uid, ip), Limits()).wire[0]
        for uid, ip in [("1|a", "b"), ("1", "a|b"), ("1%7Ca", "b"), ("1", "a")]
    }
    assert len(names) == 4
